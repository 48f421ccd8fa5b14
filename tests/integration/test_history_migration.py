"""Histories that older versions wrote: migrated with their rows, read, queried, added to."""

import gzip
import json
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

import kosmos_nb.history.migrations
from kosmos_nb.core import uuid7
from kosmos_nb.history import History, MemorySnapshot
from kosmos_nb.history.opening import HEAD
from kosmos_nb.history.rows import Bundle
from kosmos_nb.history.spool import encode
from kosmos_nb.history.upgrading import Borrowed
from tests.samples import done_run, full_profile, old_profile, profile

DATA = Path(__file__).parents[1] / "data"
HOST_CLASS = full_profile().environment.host_class
OWNER = "0193a41c-7b2e-7c3d-8a41-5be2c9d09f2e"

# As version 1 wrote them. Frozen: they do not follow the records.
EXECUTION = {
    "id": OWNER, "record_version": 1, "kind": "cell", "mode": "standard", "status": "ok",
    "started_at_us": 1_760_000_000_000_000, "wall_s": 5.92, "cpu_s": 5.71, "user_s": 5.31, "system_s": 0.4,
    "main_thread_cpu_s": 5.58, "rss_start_bytes": 822_000_000, "rss_end_bytes": 1_040_000_000,
    "peak_bytes": 1_240_000_000, "peak_method": "VmHWM", "minor_faults": 84_210, "major_faults": 0,
    "voluntary_switches": 312, "involuntary_switches": 41, "read_bytes": 212_000_000, "written_bytes": 4096,
    "gc_runs": 14, "gc_s": 0.021, "overhead_s": 0.0355, "samples": 593, "interval_s": 0.01,
    "exception_type": None, "code": "clean(df)", "code_hash": "c0de" * 16, "label": "clean the texts",
    "experiment_id": None, "notebook": None, "cell_id": "b7", "execution_count": 12, "kernel_id": "",
    "host": "host", "python": "3.11.9", "threshold_pct": 5.0, "notes": json.dumps(["polled", "thread"]),
}  # fmt: skip
FUNCTION = {
    "execution_id": OWNER, "position": 0, "name": "clean", "file": "In[12]", "line": 3, "self_s": 3.79,
    "total_s": 4.61, "self_cpu_s": 3.77, "total_cpu_s": 3.77, "samples": 379, "calls": None,
}  # fmt: skip
LINE = {
    "execution_id": OWNER, "position": 0, "line": 4, "source": "clean(df)", "wall_s": 4.86, "cpu_s": 4.83,
    "samples": 486, "memory_growth_mb": None,
}  # fmt: skip
BOTTLENECK = {
    "execution_id": OWNER, "position": 0, "kind": "line", "name": "clean(df)", "file": "In[12]", "line": 4,
    "share": 0.82, "wall_s": 4.86, "cpu_s": 4.83, "severity": "critical", "reading": "82 % is in line 4.",
}  # fmt: skip
SNAPSHOTS = {
    "timestamp": [0.0, 0.5],
    "current_mb": [822.0, 900.0],
    "peak_mb": [822.0, 910.0],
    "allocated_mb": [None, None],
}
TREE = {
    "name": ["<module>", "clean"], "file": ["In[12]", "In[12]"], "line": [1, 3], "self_s": [2.13, 3.79],
    "total_s": [5.92, 3.79], "self_cpu_s": [1.9, 3.77], "samples": [214, 379], "n_children": [1, 0],
}  # fmt: skip


def old_rows() -> dict[str, list[dict[str, object]]]:
    blob = [
        {"execution_id": OWNER, "part": part, "data": zlib.compress(json.dumps(plain).encode())}
        for part, plain in (("call_tree", TREE), ("memory_snapshots", SNAPSHOTS))
    ]
    return {
        "executions": [EXECUTION],
        "function_stats": [FUNCTION],
        "line_stats": [LINE],
        "bottlenecks": [BOTTLENECK],
        "blobs": blob,
    }


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


@pytest.fixture
def old_home(tmp_path) -> Path:
    """A folder with the database of the first version, made by its own migration."""
    home = tmp_path / "home"
    home.mkdir()
    connection = sqlite3.connect(home / "history.sqlite", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    config = Config()
    config.set_main_option("script_location", str(Path(kosmos_nb.history.migrations.__file__).parent))
    engine = create_engine("sqlite://", creator=lambda: Borrowed(connection), poolclass=StaticPool)
    with engine.connect() as borrowed:
        config.attributes["connection"] = borrowed
        command.upgrade(config, "0001")
    (origin,) = connection.execute("SELECT content FROM meta WHERE key = 'origin'").fetchone()
    for table, rows in old_rows().items():
        for row in rows:
            insert(connection, table, {**row, "origin": origin} if table == "executions" else row)
    connection.execute("COMMIT")
    connection.close()
    return home


def version(home: Path) -> str:
    return sqlite3.connect(home / "history.sqlite").execute("SELECT * FROM alembic_version").fetchone()[0]


def test_an_old_history_is_brought_up_to_date_with_everything_in_it(old_home):
    assert version(old_home) == "0001"
    new = full_profile(id=uuid7())
    with History(old_home) as history:
        assert history.profile(OWNER) == old_profile()
        assert version(old_home) == HEAD
        history.save(new)
        assert history.profile(new.id) == new
        assert history.profile(OWNER) == old_profile()
        assert set(history.last().id) == {OWNER, new.id}
        asked = history.sql(
            "SELECT f.threads, f.calls_capped, f.self_error_s, e.traces, e.children_cpu_s, e.heap_peak_bytes "
            f"FROM function_stats f JOIN executions e ON e.id = f.execution_id WHERE e.id = '{OWNER}'"
        )
        assert asked.iloc[0, :5].tolist() == [1, False, 0.0, "", 0.0]
        assert history.sql("SELECT count(*) AS n FROM execution_profiles").n[0] == 2


def test_a_history_of_each_version_is_brought_up_to_date(tmp_path):
    """Files as that version left them; one is added with each change of the tables."""
    files = sorted(DATA.glob("history_*.sqlite.gz"))
    assert len(files) == int(HEAD) - 2  # the first one is made anew above
    for file in files:
        home = tmp_path / file.name
        home.mkdir()
        (home / "history.sqlite").write_bytes(gzip.decompress(file.read_bytes()))
        had = {"environment": None} | ({"inputs": (), "is_warm": None} if "0002" in file.name else {})
        before = full_profile(**had)
        with History(home) as history:
            assert history.profile(before.id) == before
            assert history.run(done_run().run.id) == done_run()
            assert version(home) == HEAD
            later = full_profile(id=uuid7())
            history.save(later)
            assert history.profile(later.id) == later
            asked = history.sql("SELECT is_warm, input_cells FROM executions ORDER BY seq")
            assert asked.input_cells.tolist() == [before.input_cells, 342 * 8]
            assert asked.is_warm.isna().tolist() == ["is_warm" in had, False]
            assert len(history.sql("SELECT * FROM codes")) == 1  # both have the same source
            assert history.sql("SELECT cell_key FROM executions").cell_key.tolist() == [before.code_hash] * 2
            assert history.sql("SELECT host_class FROM environments").host_class.tolist() == [HOST_CLASS]


def test_an_old_profile_has_neither_errors_nor_children_nor_cpu_over_time(old_home):
    with History(old_home) as history:
        found = history.profile(OWNER)
    assert found.children == found.allocation_sites == found.traces == ()
    assert found.notes == ("polled", "thread")
    assert found.function_stats[0].self_error_s == 0
    assert found.memory_snapshots[1] == MemorySnapshot(timestamp=0.5, current_mb=900.0, peak_mb=910.0)


def test_processes_that_open_an_old_history_at_once_migrate_it_once(old_home):
    code = "import sys, kosmos_nb.history as h; print(h.History(sys.argv[1]).profile(sys.argv[2]).id)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, old_home, OWNER],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [out.strip() for out, _ in answers] == [OWNER] * 3, answers
    assert version(old_home) == HEAD


def test_secrets_that_older_versions_kept_are_masked_on_the_way(tmp_path):
    """The second version masked nothing; its file is given secrets where users had their say."""
    secret = "sk-ant-api03-" + "Ab1_" * 12
    (tmp_path / "history.sqlite").write_bytes(gzip.decompress((DATA / "history_0002.sqlite.gz").read_bytes()))
    writer = sqlite3.connect(tmp_path / "history.sqlite")
    writer.execute("UPDATE executions SET code = ?, label = ?", (f'key = "{secret}"\n', secret))
    writer.execute("UPDATE line_stats SET source = ?", (f'key = "{secret}"',))
    writer.execute("UPDATE bottlenecks SET name = ?, reading = ?", (f'key = "{secret}"', f"in {secret}"))
    writer.commit()
    writer.close()
    with History(tmp_path) as history:
        found = history.profile(full_profile().id)
        assert found.code == 'key = "***"\n'
        assert secret not in found.to_json()
        assert secret not in history.sql("SELECT * FROM execution_profiles").to_csv()


def test_a_line_that_the_first_version_left_in_the_spool_is_kept(tmp_path):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "old.jsonl").write_bytes(encode(Bundle("profile", OWNER, old_rows())))
    with History(tmp_path) as history:
        assert history.profile(OWNER) == old_profile()
    assert not list((tmp_path / "spool").iterdir())


def test_an_old_history_that_cannot_be_written_is_read_as_it_is(old_home, monkeypatch):
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    with History(old_home) as history, monkeypatch.context() as patch:
        patch.setattr("kosmos_nb.history.opening.bring_up_to_date", refuse)
        assert history.profile(OWNER) == old_profile()
        assert history.last().label.tolist() == ["clean the texts"]
        assert history.sql("SELECT wall_s FROM executions").wall_s.tolist() == [5.92]
        assert set(history.sql("SHOW TABLES").name) >= {"executions", "execution_profiles"}
        assert version(old_home) == "0001"
        patch.undo()
        history.save(profile(id=uuid7()))  # now it can, and what queries had in memory is renewed
        assert len(history.sql("SELECT traces FROM executions")) == 2
        assert history.sql("SELECT * FROM child_processes").empty
