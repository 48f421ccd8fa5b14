"""The store on real files, with real processes; who is killed is in test_history_load.py."""

import dataclasses
import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import kosmos_nb.history.migrations
from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import Experiment, History, LlmCall, ProfileResult, upgrading
from kosmos_nb.history.opening import HEAD
from kosmos_nb.history.rows import to_bundle
from kosmos_nb.history.tables import Base
from kosmos_nb.history.views import VIEWS
from tests.samples import done_run, full_profile, profile
from tests.waiting import until

ROOT = Path(__file__).parents[2]


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


def database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "history.sqlite")


def count(folder: Path, table: str = "executions") -> int:
    return database(folder).execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def python(code: str, *arguments: object, **options: object) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def test_saving_the_same_id_twice_changes_nothing(tmp_path):
    first = new_profile(label="first")
    with History(tmp_path) as history:
        assert history.save(first) == first.id
        history.save(profile(id=first.id, label="second"))
        assert history.profile(first.id).label == "first"
        run = done_run()
        assert history.save(run) == history.save(run) == run.run.id
    assert count(tmp_path) == count(tmp_path, "runs") == 1
    assert count(tmp_path, "function_stats") == len(first.function_stats)


def test_the_store_is_sqlite_in_wal_mode_that_this_user_alone_can_enter(tmp_path):
    home = tmp_path / "deep" / "home"
    with History(home) as history:
        history.save(new_profile())
        assert database(home).execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert home.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in home.iterdir()} == {0o600}
        assert history._store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert history._store._connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)


def test_models_migrations_and_rows_say_the_same(tmp_path):
    with History(tmp_path) as history:
        history.save(new_profile())
    with create_engine(f"sqlite:///{tmp_path / 'history.sqlite'}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    ours = {"seq", "origin", "cell_key"}
    experiment = Experiment(
        id=uuid7(),
        hypothesis_id="H1",
        status="ok",
        started_at_us=0,
        wall_s=1,
        cpu_s=1,
        peak_bytes=1,
        worker_pid=1,
    )
    run = dataclasses.replace(done_run(), experiments=(experiment,))
    call = LlmCall(id=uuid7(), role="proposer", model="m", status="ok", started_at_us=0, wall_s=1)
    for record in (full_profile(), run, call):
        for table, rows in to_bundle(record).rows.items():
            names = {column.name for column in Base.metadata.tables[table].columns} - ours
            assert rows and all(set(row) == names for row in rows), table


def shape(connection: sqlite3.Connection) -> dict[str, object]:
    """What a database is made of, however its statements are laid out."""
    found: dict[str, object] = {}
    listing = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    for kind, name, sql in connection.execute(listing).fetchall():
        asked = {"index": ["index_info"], "table": ["table_info", "foreign_key_list", "index_list"]}
        about = [connection.execute(f"PRAGMA {one}({name})").fetchall() for one in asked.get(kind, ())]
        found[f"{kind} {name}"] = about or " ".join(sql.split())
    found["keys"] = [row[0] for row in connection.execute("SELECT key FROM meta")]
    found["autoincrement"] = connection.execute(
        "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name"
    ).fetchall()
    found["version"] = connection.execute("SELECT * FROM alembic_version").fetchall()
    return found


def test_a_new_history_is_the_one_that_the_migrations_make(tmp_path):
    with History(tmp_path) as history:
        history.save(new_profile())
    migrated = sqlite3.connect(":memory:", isolation_level=None)
    migrated.execute("BEGIN IMMEDIATE")
    upgrading.migrate(migrated, HEAD)
    assert shape(database(tmp_path)) == shape(migrated)


def test_the_views_of_the_store_have_the_columns_that_queries_see(tmp_path):
    with History(tmp_path) as history:
        history.save(new_profile())
        for name, view in VIEWS.items():
            columns = [column.name for column in view.columns]
            cursor = database(tmp_path).execute(f"SELECT * FROM {name}")
            assert [column[0] for column in cursor.description] == columns
            asked = history.sql(f"SELECT * FROM {name}")
            assert list(asked.columns) == columns
            assert len(cursor.fetchall()) == len(asked) > 0


def test_the_version_that_opening_looks_for_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(Path(kosmos_nb.history.migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_an_empty_database_file_becomes_a_history(tmp_path):
    (tmp_path / "history.sqlite").touch()
    with History(tmp_path) as history:
        history.save(new_profile())
    assert count(tmp_path) == 1


def test_a_history_of_a_newer_version_is_read_but_not_written(tmp_path):
    old = new_profile()
    with History(tmp_path) as history:
        history.save(old)
    with database(tmp_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with History(tmp_path) as history:
        with pytest.raises(HistoryError, match=r"newer kosmos_nb \(revision 9999"):
            history.save(new_profile())
        assert history.profile(old.id) == old
        assert len(history.last()) == 1
        assert history.sql("SELECT count(*) AS n FROM executions").n[0] == 1


@pytest.mark.parametrize("is_new", [True, False])
def test_neither_the_import_nor_opening_a_history_loads_heavy_libraries(tmp_path, is_new):
    if not is_new:
        with History(tmp_path) as history:
            history.save(new_profile())
    code = """
import sys
import kosmos_nb.history
heavy = "sqlalchemy alembic duckdb pyarrow pandas numpy pydantic".split()
assert not [name for name in heavy if name in sys.modules]
history = kosmos_nb.history.History(sys.argv[1])
history.save(kosmos_nb.history.ProfileResult.from_json(sys.stdin.read()))
history.close()
assert not [name for name in heavy if name in sys.modules]
"""
    process = python(code, tmp_path, stdin=subprocess.PIPE)
    _, complaint = process.communicate(new_profile().to_json(), timeout=60)
    assert process.returncode == 0, complaint
    assert count(tmp_path) == (1 if is_new else 2)


SAVE_MANY = """
import sys
from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile
sys.stdin.readline()
history = History(sys.argv[1])
for _ in range(int(sys.argv[2])):
    print(history.save(profile(id=uuid7())), flush=True)
"""


def test_processes_that_open_a_new_history_at_the_same_moment_share_it(tmp_path):
    processes = [python(SAVE_MANY, tmp_path / "new", 5, stdin=subprocess.PIPE) for _ in range(4)]
    answers = [process.communicate("go\n", timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, answers
    saved = [line for out, _ in answers for line in out.split()]
    assert len(saved) == 20
    assert set(ids(tmp_path / "new")) == set(saved)


def ids(folder: Path) -> list[str]:
    return [row[0] for row in database(folder).execute("SELECT id FROM executions ORDER BY seq")]


def test_a_background_save_is_durable_after_flush_and_at_the_end_of_the_process(tmp_path):
    code = """
import sys
from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile
history = History(sys.argv[1])
for _ in range(200):
    history.save_later(profile(id=uuid7()))
"""
    process = python(code, tmp_path)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert count(tmp_path) == 200
    with History(tmp_path) as history:
        history.save_later(new_profile())
        assert history.flush(30)
        assert count(tmp_path) == 201


def test_a_process_that_can_start_no_thread_spools_and_the_record_is_there_later(tmp_path, monkeypatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with History(tmp_path) as history:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            history.save_later(new_profile(label="waits"))
            assert history.flush(0)
        assert list(history.last().label) == ["waits"]


def test_flush_says_so_when_the_time_was_up_first(tmp_path):
    with History(tmp_path) as history:
        history.save(new_profile())
        blocker = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        history.save_later(new_profile())
        assert history.flush(0.1) is False
        blocker.execute("ROLLBACK")
        assert history.flush(30) is True
    assert count(tmp_path) == 2


def test_a_save_that_waits_for_another_draws_none_of_the_users_random_numbers(tmp_path):
    with History(tmp_path) as history:
        history.save(new_profile())
        blocker = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        before = random.getstate()
        history.save_later(new_profile())
        assert history.flush(0.1) is False
        assert random.getstate() == before
        blocker.execute("ROLLBACK")
        assert history.flush(30) is True
        assert history._store._connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)


def test_a_history_that_is_removed_under_a_kernel_begins_again(tmp_path):
    with History(tmp_path) as history:
        history.save(new_profile())
        for file in tmp_path.glob("history.sqlite*"):
            file.unlink()
        kept = history.save(new_profile())
        assert ids(tmp_path) == [kept]
        assert list(history.sql("SELECT id FROM executions").id) == [kept]


def test_the_newest_profiles_come_first_and_can_be_chosen(tmp_path):
    with History(tmp_path) as history:
        assert list(history.last()) == list(history.last(0))
        for n in range(5):
            history.save(
                new_profile(
                    started_at_us=1_700_000_000_000_000 + n,
                    label="odd" if n % 2 else None,
                    cell_id=f"cell{n}",
                    code_hash=f"{n}abc",
                )
            )
        assert list(history.last(2).cell_id) == ["cell4", "cell3"]
        assert list(history.last(label="odd").cell_id) == ["cell3", "cell1"]
        assert list(history.last(cell="cell2").cell_id) == ["cell2"]
        assert list(history.last(cell="3ab").cell_id) == ["cell3"]
        assert str(history.last(1).started_at[0]) == "2023-11-14 22:13:20.000004"


def test_runs_are_listed_with_their_verdicts_counted(tmp_path):
    picture = done_run()
    with History(tmp_path) as history:
        assert history.runs().empty
        history.save(picture)
        (row,) = history.runs().to_dict("records")
    assert row["question"] == picture.run.question
    assert row["hypotheses"] == len(picture.progress)
    verdicts = [verdict.verdict for verdict in picture.verdicts]
    for name in ("supported", "refuted", "inconclusive", "not_testable"):
        assert row[name] == verdicts.count(name)


def test_an_unknown_id_or_a_foreign_value_is_one_clear_line(tmp_path):
    with History(tmp_path) as history:
        with pytest.raises(HistoryError, match="has no profile with the id 'nope'"):
            history.profile("nope")
        with pytest.raises(HistoryError, match="has no run with the id"):
            history.run("nope")
        with pytest.raises(HistoryError, match="A dict cannot be saved"):
            history.save({})
        with pytest.raises(HistoryError, match="cannot be -1"):
            history.last(-1)


def test_every_table_and_view_that_queries_can_name_is_described(tmp_path):
    with History(tmp_path) as history:
        described = history.tables()
        history.save(new_profile())
        shown = set(history.sql("SHOW TABLES").name)
        assert set(described.name) == shown
        for name, columns in described.groupby("name").column:
            assert set(columns) == set(history.sql(f"DESCRIBE {name}").column_name), name
    assert (described.meaning != "").all()
    assert set(described[described.column == "wall_s"].unit) == {"s"}
    assert history.disk_bytes() > 0
    assert history.location == tmp_path
    assert repr(history) == f"History({str(tmp_path)!r})"


def test_a_closed_history_opens_again_when_it_is_used(tmp_path):
    history = History(tmp_path)
    history.save_later(new_profile())
    history.close()
    history.save_later(new_profile())
    assert history.flush(30)
    assert len(history.last()) == 2
    history.close()
    assert until(lambda: history._writer._thread is None)
