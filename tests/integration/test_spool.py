"""A store that cannot be opened or written: one clear line, nothing lost, nothing twice."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History, HistoryWarning, ProfileResult
from kosmos_nb.history.rows import to_bundle
from kosmos_nb.history.spool import Spool, encode
from tests.samples import done_run, profile
from tests.waiting import until

ROOT = Path(__file__).parents[2]


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def temp(tmp_path, monkeypatch) -> Path:
    """A temp folder of our own, so that no test meets the spool of another."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def opened(folder: Path, said: list[str]) -> History:
    history = History(folder, warn=said.append)
    history._writer._retry_s = 0.05
    return history


def ids(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "history.sqlite")
    return [row[0] for row in connection.execute("SELECT id FROM executions ORDER BY seq")]


def test_a_home_that_is_a_file_sends_records_to_the_temp_folder_and_back(tmp_path, temp, said):
    home = tmp_path / "home"
    home.write_text("not a folder")
    records = [new_profile() for _ in range(3)] + [done_run()]
    history = opened(home, said)
    for record in records:
        history.save_later(record)
    assert history.flush(30)
    assert len(said) == 1 and str(home) in said[0] and "\n" not in said[0]
    (waiting,) = temp.rglob("*.jsonl")
    assert f"; records wait in {waiting.parent} and are kept when it works again." in said[0]
    assert waiting.read_bytes().count(b"\n") == 4
    if hasattr(os, "getuid"):
        assert (temp / f"kosmos_nb-{os.getuid()}").stat().st_mode & 0o777 == 0o700
        assert waiting.stat().st_mode & 0o777 == 0o600
    with pytest.raises(HistoryError):
        history.save(new_profile())
    home.unlink()
    until(lambda: not waiting.exists())  # the kernel notices by itself
    assert ids(home) == [record.id for record in records[:3]]
    assert history.run(records[3].run.id) == records[3]
    assert len(said) == 1
    history.close()


def test_a_store_that_another_process_locks_out_gets_its_records_later(tmp_path, said, monkeypatch):
    monkeypatch.setattr("kosmos_nb.history.opening.BUSY_S", 0.1)
    with opened(tmp_path, said) as history:
        first = history.save(new_profile())
        history._store.close()
        blocker = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        blocker.execute("PRAGMA locking_mode = EXCLUSIVE")
        blocker.execute("BEGIN EXCLUSIVE")
        records = [new_profile() for _ in range(5)]
        for record in records:
            history.save_later(record)
        assert history.flush(30)
        assert len(said) == 1 and "locked" in said[0]
        assert list((tmp_path / "spool").glob("*.jsonl"))
        blocker.execute("COMMIT")
        blocker.close()
        until(lambda: not list((tmp_path / "spool").glob("*.jsonl")))
        assert ids(tmp_path) == [first, *(record.id for record in records)]
    assert len(said) == 1


def run(code: str, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(arguments[-1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Modes do not bind root: as root, the process becomes another user once it has its imports.
DROP_ROOT = """
import os, sqlite3, sys, zstandard  # while packages can still be read
from kosmos_nb.history import History
import tests.samples
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""
SAVE_AND_TELL = """
import sys
from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile
lines = []
history = History(sys.argv[1], warn=lambda message: lines.append("SAID " + message))
for _ in range(3):
    record = profile(id=uuid7())
    lines.append(record.id)
    history.save_later(record)
assert history.flush(30)
print("\\n".join(lines))
for record_id in sys.argv[2:-1]:
    assert history.profile(record_id).id == record_id
"""


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders")
def test_a_read_only_folder_is_read_and_its_records_wait_in_the_temp_folder(said):
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        home, temp = Path(above) / "home", Path(above) / "temp"
        temp.mkdir(mode=0o777)
        temp.chmod(0o777)
        with History(home) as history:
            old = history.save(new_profile())
        for file in home.iterdir():
            file.chmod(0o444)
        home.chmod(0o555)
        done = run(DROP_ROOT + SAVE_AND_TELL, home, old, temp)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        told = [line for line in lines if line.startswith("SAID")]
        assert len(told) == 1 and "readonly" in told[0].replace("-", "")
        waiting = list(temp.rglob("*.jsonl"))
        assert len(waiting) == 1
        home.chmod(0o755)  # so that it can be removed
        saved = [line for line in lines if not line.startswith("SAID")]
        assert waiting[0].read_bytes().count(b"\n") == len(saved) == 3


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile
home = Path(sys.argv[1])
said = []
history = History(home, warn=said.append)
history._writer._retry_s = 0.05
history.save(profile(id=uuid7()))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = (home / "history.sqlite-wal").stat().st_size
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # no file of this process can grow beyond
records = [profile(id=uuid7(), label="x" * 1000) for _ in range(100)]
for record in records:
    history.save_later(record)
history.flush(3)
assert len(said) == 1, said
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert history.flush(30)
history.close()
again = History(home)
again.save_later(profile(id=uuid7()))
assert again.flush(30)
assert set(r.id for r in records) <= set(again.last(1000).id)
assert len(again.last(1000)) == 102, len(again.last(1000))
assert len(said) == 1, said
print("whole")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_disk_that_is_full_and_then_is_not_loses_nothing(tmp_path):
    (tmp_path / "temp").mkdir()
    done = run(FULL_DISK, tmp_path / "home", tmp_path / "temp")
    assert done.stdout.strip() == "whole", done.stderr
    assert not list(tmp_path.rglob("*.jsonl")) and not list(tmp_path.rglob("*.kept"))


@pytest.mark.parametrize("damage", ["not a database", "torn pages"])
def test_a_damaged_database_is_set_aside_and_a_new_one_begins(tmp_path, said, damage):
    file = tmp_path / "history.sqlite"
    if damage == "not a database":
        content = b"this is no database, but somebody's text" * 200
        file.write_bytes(content)
    else:
        with History(tmp_path) as history:
            for _ in range(20):
                history.save(new_profile())
        content = bytearray(file.read_bytes())
        for start in range(8192, len(content), 4096):
            content[start : start + 64] = b"\xff" * 64
        file.write_bytes(content)
        content = bytes(content)
    with opened(tmp_path, said) as history:
        records = [new_profile() for _ in range(3)]
        for record in records:
            history.save_later(record)
        assert history.flush(30)
        assert list(history.last().id) == [record.id for record in reversed(records)]
    (aside,) = tmp_path.glob("history.damaged-*.sqlite")
    assert aside.read_bytes() == content
    assert len(said) == 1 and str(aside) in said[0] and "new one has begun" in said[0]


def test_damage_met_in_reading_is_told_and_the_next_query_works(tmp_path, said):
    with History(tmp_path) as history:
        for _ in range(20):
            history.save(new_profile())
    with opened(tmp_path, said) as history:
        history.save(new_profile())
        history._store.close()
        file = tmp_path / "history.sqlite"
        content = bytearray(file.read_bytes())
        for start in range(len(content) - 8 * 4096, len(content), 4096):
            content[start : start + 100] = b"\xff" * 100
        file.write_bytes(content)
        with pytest.raises(HistoryError, match="damaged"):
            history.sql("SHOW TABLES")  # loads them all
        assert len(said) == 1
        assert history.sql("SELECT count(*) AS n FROM executions").n[0] == 0


def test_two_processes_that_meet_the_same_damage_set_it_aside_once(tmp_path):
    (tmp_path / "history.sqlite").write_bytes(b"no database" * 1000)
    code = "import sys; sys.stdin.readline()\n" + SAVE_AND_TELL
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), "temp"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    lines = [line for p in processes for line in p.communicate("go\n", timeout=60)[0].splitlines()]
    told = [line for line in lines if line.startswith("SAID")]
    assert len(told) == 1, told
    assert len(list(tmp_path.glob("history.damaged-*.sqlite"))) == 1
    assert set(ids(tmp_path)) == set(lines) - set(told)
    assert len(ids(tmp_path)) == 9


def test_a_torn_tail_is_skipped_and_kept_and_the_lines_around_it_are_saved(tmp_path, said):
    folder = tmp_path / "spool"
    folder.mkdir()
    before, torn, after = new_profile(), new_profile(), new_profile()
    spool = Spool(tmp_path)
    path = spool.add(to_bundle(before))
    half = encode(to_bundle(torn))[:500]
    with path.open("ab") as file:
        file.write(half)
    assert spool.add(to_bundle(after)) == path
    with opened(tmp_path, said) as history:
        history.save_later(new_profile())
        assert history.flush(30)
        assert {before.id, after.id} <= set(ids(tmp_path))
    assert not path.exists()
    assert path.with_name(path.name + ".kept").read_bytes().strip() == half
    assert said == []


def test_what_another_kernel_left_in_the_spool_is_there_for_the_first_query(tmp_path):
    Spool(tmp_path).add(to_bundle(left := new_profile()))
    with History(tmp_path) as history:
        assert list(history.sql("SELECT id FROM executions").id) == [left.id]
        assert not history._spool.files()


def test_a_record_that_was_saved_and_spooled_is_there_once(tmp_path, said):
    record = new_profile()
    with opened(tmp_path, said) as history:
        history.save(record)
        history._spool.add(to_bundle(record))
        history._spool.add(to_bundle(record))
        history.save_later(new_profile())
        assert history.flush(30)
        assert ids(tmp_path).count(record.id) == 1
        assert not history._spool.files()


def test_a_record_that_the_store_refuses_is_kept_and_the_next_ones_are_saved(tmp_path, said):
    impossible, fine = new_profile(minor_faults=2**70), new_profile()
    with opened(tmp_path, said) as history:
        history.save_later(impossible)
        history.save_later(fine)
        assert history.flush(30)
        assert ids(tmp_path) == [fine.id]
        assert len(said) == 1 and "kept in the spool" in said[0]
    with opened(tmp_path, said) as history:
        history.save_later(new_profile())
        assert history.flush(30)
    (kept,) = (tmp_path / "spool").iterdir()
    assert kept.suffix == ".kept" and impossible.id.encode() in kept.read_bytes()


def test_a_temp_folder_that_somebody_else_prepared_is_not_used(tmp_path, temp, said):
    home = tmp_path / "home"
    home.write_text("not a folder")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o777)
    (temp / f"kosmos_nb-{os.getuid()}").symlink_to(elsewhere)
    history = opened(home, said)
    record = new_profile()
    history.save_later(record)
    assert not history.flush(0.3)  # it waits in memory
    assert list(elsewhere.iterdir()) == []
    home.unlink()
    assert history.flush(30)
    assert ids(home) == [record.id]
    history.close()


def test_the_warning_is_one_line_that_names_us(tmp_path, temp):
    home = tmp_path / "home"
    home.write_text("not a folder")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = History(home)
        history.save_later(new_profile())
        history.save_later(new_profile())
        history.close()
    (warning,) = caught
    assert issubclass(warning.category, HistoryWarning)
    line = warnings.formatwarning(warning.message, warning.category, warning.filename, warning.lineno)
    assert line.count("\n") == 1 and line.startswith("kosmos_nb:")
