"""Upgrading a history: a backup first, whole or not at all, whatever happens in between."""

import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import kosmos_nb
from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History, ProfileResult, database_state, upgrade_database, upgrading
from kosmos_nb.history.opening import HEAD
from tests.samples import profile
from tests.waiting import until

ROOT = Path(__file__).parents[2]
OLD = Path(__file__).parents[1] / "data" / "history_0002.sqlite.gz"


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


@pytest.fixture
def home(tmp_path) -> Path:
    """A history as version 0002 left it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "history.sqlite").write_bytes(gzip.decompress(OLD.read_bytes()))
    connection = sqlite3.connect(folder / "history.sqlite")
    assert connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    connection.close()
    return folder


def ids(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    return [row[0] for row in connection.execute("SELECT id FROM executions ORDER BY seq")]


def version(file: Path) -> str:
    return sqlite3.connect(file).execute("SELECT version_num FROM alembic_version").fetchone()[0]


def backups(home: Path) -> list[Path]:
    return sorted(home.glob("history.backup-*.sqlite"))


def leftovers(home: Path) -> list[str]:
    """Names that are neither the database, nor a whole backup, nor the spool."""
    known = re.compile(r"history\.sqlite(-wal|-shm)?|history\.backup-\w+-\w+\.sqlite|spool")
    return [file.name for file in home.iterdir() if not known.fullmatch(file.name)]


def python(code: str, home: Path, *arguments: str, path: str = str(ROOT)) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, str(home), *arguments],
        cwd=home.parent,  # it comes before the search path
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def kosmos(home: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "kosmos_nb.cli", "db", *words],
        env={**os.environ, "KOSMOS_HOME": str(home), "COLUMNS": "80", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_opening_an_old_history_leaves_a_backup_that_is_what_it_was(home):
    (old,) = ids(home / "history.sqlite")
    with History(home) as history:
        found = history.profile(old)
    (backup,) = backups(home)
    assert backup.name.startswith("history.backup-0002-")
    assert backup.stat().st_mode & 0o777 == 0o600 or sys.platform == "win32"
    assert (version(backup), version(home / "history.sqlite")) == ("0002", HEAD)
    assert leftovers(home) == []
    # It is one file, which works in the place of the database.
    again = home.parent / "again"
    again.mkdir()
    shutil.copy(backup, again / "history.sqlite")
    with History(again) as history:
        assert history.profile(old) == found
    assert len(backups(home)) == 1  # of opening what is up to date there is none


def test_nothing_is_saved_between_backup_and_migration(home, monkeypatch):
    is_writing, has_stopped, counted = threading.Event(), threading.Event(), []
    migrate = upgrading.migrate

    def write() -> None:
        connection = sqlite3.connect(home / "history.sqlite", timeout=60, isolation_level=None)
        columns = [row[1] for row in connection.execute("PRAGMA table_info(executions)") if row[1] != "seq"]
        names = ", ".join(columns)
        values = ", ".join("?" if name == "id" else name for name in columns)
        copied = f"INSERT INTO executions ({names}) SELECT {values} FROM executions LIMIT 1"
        while not has_stopped.is_set():
            try:
                connection.execute(copied, (uuid7(),))
            except sqlite3.OperationalError:  # these are the tables of the newer revision
                break
            is_writing.set()
            has_stopped.wait(0.002)  # SQLite's lock is not fair: who never pauses starves the others
        connection.close()

    def migrate_and_count(connection: sqlite3.Connection, head: str) -> None:
        counted.append(connection.execute("SELECT count(*) FROM executions").fetchone()[0])
        migrate(connection, head)

    monkeypatch.setattr(upgrading, "migrate", migrate_and_count)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert is_writing.wait(30)
        done = upgrade_database(home)
    finally:
        has_stopped.set()
        writer.join()
    assert done is not None and done.backup is not None
    saved, kept = ids(home / "history.sqlite"), ids(done.backup)
    assert [len(kept)] == counted
    assert kept == saved[: len(kept)]


DIE = """
import os, sys
from pathlib import Path
from kosmos_nb.history import History, backup, upgrading

def die(*_):
    os._exit(9)

def copy_half(path, half):
    half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    os._exit(9)

home, when = sys.argv[1:]
if when == "copying":
    backup._copy = copy_half
elif when == "migrating":
    upgrading.migrate = die
else:
    setattr(backup, when, die)
History(home).last()
"""


@pytest.mark.parametrize("when", ["copying", "_write_through", "make_lasting", "migrating"])
def test_a_crash_leaves_no_half_of_a_backup_that_looks_whole(home, when):
    before = ids(home / "history.sqlite")
    assert python(DIE, home, when).returncode == 9
    assert version(home / "history.sqlite") == "0002"
    for backup in backups(home):
        assert (version(backup), ids(backup)) == ("0002", before)
    with History(home) as history:
        assert list(history.last().id) == before
    assert version(home / "history.sqlite") == HEAD
    assert all(ids(backup) == before for backup in backups(home))
    assert leftovers(home) == []


@pytest.fixture
def said() -> list[str]:
    return []


def opened(home: Path, said: list[str]) -> History:
    history = History(home, warn=said.append)
    history._writer._retry_s = 0.02
    return history


def test_without_room_for_a_backup_nothing_is_migrated_and_records_wait(home, said, monkeypatch):
    before = ids(home / "history.sqlite")
    full = shutil.disk_usage(home)._replace(free=1000)
    with opened(home, said) as history, monkeypatch.context() as patch:
        patch.setattr("kosmos_nb.history.backup.shutil.disk_usage", lambda _: full)
        record = new_profile()
        history.save_later(record)
        assert history.flush(30)
        with pytest.raises(HistoryError, match="needs 111 kB, and 1 kB are free"):
            history.save(new_profile())
        assert list(history.last().id) == before  # it is read as it is
        assert version(home / "history.sqlite") == "0002"
        assert backups(home) == leftovers(home) == []
        assert len(said) == 1 and "\n" not in said[0]
        assert f"is not upgraded from revision 0002 to {HEAD}, because the backup before it failed" in said[0]
        assert "Free some space on its disk; records wait in" in said[0]
        patch.undo()
        until(lambda: ids(home / "history.sqlite") == [*before, record.id])
    assert len(backups(home)) == 1
    assert len(said) == 1


BIG_FILES_REFUSED = """
import resource, signal, sys
from kosmos_nb.core import HistoryError
from kosmos_nb.history import History
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
history = History(sys.argv[1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
print(len(history.last()))
try:
    history._store.open()
except HistoryError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_backup_that_fails_halfway_leaves_nothing_behind(home):
    done = python(BIG_FILES_REFUSED, home)
    assert done.returncode == 0, done.stderr
    count, line = done.stdout.splitlines()
    assert count == "1"
    assert "because the backup before it failed: disk I/O error. Its disk may be full or failing." in line
    assert version(home / "history.sqlite") == "0002"
    assert backups(home) == leftovers(home) == []


def test_a_migration_that_fails_changes_nothing_and_piles_up_no_backups(home, said):
    """Here: somebody made the table that the migration wants to make."""
    before = ids(home / "history.sqlite")
    intruder = sqlite3.connect(home / "history.sqlite")
    intruder.execute("CREATE TABLE inputs (n INTEGER)")
    intruder.commit()
    record = new_profile()
    with History(home, warn=said.append) as history:
        for _ in range(3):
            with pytest.raises(HistoryError, match="migration failed: table inputs already exists"):
                history.save(record)
        history.save_later(record)
        assert history.flush(30)
    assert len(said) == 1 and "records wait in" in said[0]
    assert (ids(home / "history.sqlite"), version(home / "history.sqlite")) == (before, "0002")
    assert backups(home) == leftovers(home) == []
    intruder.execute("DROP TABLE inputs")
    intruder.commit()
    intruder.close()
    with History(home, warn=said.append) as history:
        assert set(history.last().id) == {*before, record.id}
    assert len(backups(home)) == len(said) == 1


def test_an_old_history_that_is_damaged_is_set_aside_as_it_is(home, said):
    file = home / "history.sqlite"
    content = bytearray(file.read_bytes())
    for start in range(8 * 4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    file.write_bytes(content)
    with opened(home, said) as history:
        history.save(new_profile())
    (aside,) = home.glob("history.damaged-*.sqlite")
    assert aside.read_bytes() == bytes(content)
    assert backups(home) == []
    assert len(said) == 1 and str(aside) in said[0]


# A newer kosmos_nb: this one, with one more migration.
MIGRATION = f'''
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{HEAD}", None, None


def upgrade():
    op.add_column("executions", sa.Column("mood", sa.Text, nullable=False, server_default=""))
    op.create_table("moods", sa.Column("mood", sa.Text, primary_key=True))
'''
SAVE_AND_LIST = """
import json, sys
from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile
with History(sys.argv[1]) as history:
    saved = history.save(profile(id=uuid7(), label="by the newer one"))
    print(json.dumps([saved, history.last().id.tolist()]))
"""


@pytest.fixture
def newer(tmp_path) -> str:
    """The search path of a newer kosmos_nb."""
    folder = tmp_path / "newer"
    package = folder / "kosmos_nb"
    shutil.copytree(Path(kosmos_nb.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = package / "history" / "opening.py"
    text, n = re.subn(r'^HEAD = "\d+"', 'HEAD = "9999"', code.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text, m = re.subn(r"^KNOWN = frozenset\(\{", f'\\g<0>"{HEAD}", ', text, flags=re.MULTILINE)
    assert (n, m) == (1, 1)
    code.write_text(text, encoding="utf-8")
    (package / "history" / "migrations" / "versions" / "rev_9999_mood.py").write_text(MIGRATION)
    return os.pathsep.join([str(folder), str(ROOT)])


def test_an_older_kosmos_nb_reads_what_a_newer_one_made_and_its_records_wait(tmp_path, newer, said):
    home = tmp_path / "home"
    first = new_profile(label="first")
    with History(home) as history:
        history.save(first)
    done = python(SAVE_AND_LIST, home, path=newer)
    assert done.returncode == 0, done.stderr
    second, listed = json.loads(done.stdout)
    assert set(listed) == {first.id, second}
    (backup,) = backups(home)
    assert (version(backup), ids(backup)) == (HEAD, [first.id])

    waiting = new_profile(label="waits")
    with opened(home, said) as history:
        assert history.profile(first.id) == first
        assert history.profile(second).label == "by the newer one"
        assert set(history.sql("SELECT id FROM executions").id) == {first.id, second}
        history.save_later(waiting)
        assert history.flush(30)
        with pytest.raises(HistoryError, match="newer kosmos_nb"):
            history.save(waiting)
    assert len(said) == 1 and "\n" not in said[0]
    assert f"newer kosmos_nb (revision 9999, this one knows {HEAD}). Upgrade kosmos_nb" in said[0]
    assert f"records wait in {home / 'spool'}" in said[0]

    code, out, error = kosmos(home, "upgrade")
    assert (code, out, error.count("\n")) == (1, "", 1)
    assert "was written by a newer kosmos_nb (revision 9999" in error
    code, out, error = kosmos(home, "current")
    assert (code, error) == (0, "")
    assert "Revision 9999, written by a newer kosmos_nb" in out and "wait in the spool" in out
    assert version(home / "history.sqlite") == "9999" and len(backups(home)) == 1

    done = python(SAVE_AND_LIST, home, path=newer)
    assert done.returncode == 0, done.stderr
    saved, listed = json.loads(done.stdout)
    assert set(listed) == {first.id, second, waiting.id, saved} and len(listed) == 4
    assert not list((home / "spool").iterdir())


def test_the_shell_upgrades_and_says_from_what_to_what_and_where_the_backup_is(home):
    file = home / "history.sqlite"
    code, out, error = kosmos(home, "current")
    assert (code, error) == (0, "")
    assert f"Revision 0002; this kosmos_nb writes {HEAD}. Upgrade it with: kosmos db upgrade" in out
    assert version(file) == "0002"  # looking changes nothing
    code, out, error = kosmos(home, "upgrade")
    assert (code, error) == (0, "")
    (backup,) = backups(home)
    assert f"{file} is upgraded from revision 0002 to {HEAD}." in out
    assert f"What it was before is kept: {backup} (111 kB)." in out
    assert kosmos(home, "upgrade") == (0, f"{file} is already up to date (revision {HEAD}).\n", "")
    assert backups(home) == [backup]


def test_the_shell_shows_the_database_and_what_lies_beside_it(home):
    upgrade_database(home)
    (home / "history.damaged-20260101T000000_000000.sqlite").write_bytes(b"x" * 5000)
    code, out, error = kosmos(home, "current", "--json")
    assert (code, error) == (0, "")
    found = json.loads(out)
    (backup,) = backups(home)
    assert found["path"] == str(home / "history.sqlite")
    assert (found["revision"], found["head"], found["is_up_to_date"]) == (HEAD, HEAD, True)
    assert found["backups"] == [{"path": str(backup), "disk_bytes": backup.stat().st_size}]
    assert [file["disk_bytes"] for file in found["damaged"]] == [5000]
    assert found["disk_bytes"] == database_state(home).disk_bytes > 0
    _, out, _ = kosmos(home, "current")
    assert f"Revision {HEAD}, up to date" in out
    assert f"backup    111 kB  {backup}" in out
    assert "damaged     5 kB  " in out


def test_a_history_that_is_not_there_or_not_readable_is_said_in_one_line(tmp_path):
    home = tmp_path / "new"
    code, out, error = kosmos(home, "current")
    assert (code, error) == (0, "")
    assert "is not there yet" in out and not home.exists()
    assert kosmos(home, "upgrade") == (0, f"{home / 'history.sqlite'} is new (revision {HEAD}).\n", "")
    (home / "history.sqlite").write_bytes(b"no database" * 1000)
    for words in (("current",), ("current", "--json"), ("upgrade",)):
        code, out, error = kosmos(home, *words)
        assert (code, error.count("\n")) == (1, 1)
        assert "is damaged: file is not a database. What is damaged is set aside" in error
    assert json.loads(kosmos(home, "current", "--json")[1])["revision"] is None
    assert (home / "history.sqlite").stat().st_size == 11_000


@pytest.mark.parametrize("command", ["upgrade", "current"])
def test_help_shows_examples(tmp_path, command):
    code, out, _ = kosmos(tmp_path, command, "--help")
    assert code == 0 and f"kosmos db {command}" in out
