"""Eight writers, killed at random, beside readers and strangers: what was said to be saved is there, once."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import full_profile
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
ROOT = Path(__file__).parents[2]
STUCK_S = 60  # without a word for so long, a writer is stuck: it says where, and the test fails
BEFORE = 3  # records that are there when the storm begins

# Every other writer hands its records to the background, five at a time, and flushes.
WRITE = f"""
import faulthandler, sys
from kosmos_nb.history import History
from tests.samples import full_profile
names = sys.stdin.read().split()
in_background = sys.argv[2] == "later"
history = History(sys.argv[1])
while names:
    faulthandler.dump_traceback_later({STUCK_S}, exit=True)
    some = [names.pop(0) for _ in range(min(len(names), 5 if in_background else 1))]
    for name in some:
        (history.save_later if in_background else history.save)(full_profile(id=name))
    if in_background:
        history.flush()
    for name in some:
        print(name, flush=True)
"""

# Readers go on until their input ends, and fail if what they see is less than before, or not whole.
READ_LAST = """
import select, sys
from kosmos_nb.history import History
from tests.samples import full_profile
history, seen, times = History(sys.argv[1]), 0, 0
while not select.select([sys.stdin], [], [], 0)[0]:
    newest = history.last(10_000)
    assert len(newest) >= seen
    seen, times = len(newest), times + 1
    assert newest.id.is_unique
    assert history.profile(newest.id[times % seen]) == full_profile(id=newest.id[times % seen])
print("saw", times, seen)
"""
READ_SQL = """
import select, sys
from kosmos_nb.history import History
from tests.samples import full_profile
history, seen, times = History(sys.argv[1]), 0, 0
parts = "SELECT count(*) AS n, count(DISTINCT execution_id) AS of_profiles FROM function_stats"
while not select.select([sys.stdin], [], [], 0)[0]:
    n = history.sql("SELECT count(*) AS n FROM execution_profiles").n[0]
    found = history.sql(parts).loc[0]
    assert found.of_profiles >= n >= seen
    assert found.n == found.of_profiles * len(full_profile().function_stats)
    seen, times = n, times + 1
print("saw", times, seen)
"""

# Strangers hold their place, in the midst of reading, until they are told to go on.
SQLITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1] + "/history.sqlite", isolation_level=None)
connection.execute("BEGIN")
cursor = connection.execute("SELECT * FROM executions e JOIN function_stats f ON f.execution_id = e.id")
cursor.fetchone()
print("holds", flush=True)
sys.stdin.readline()
cursor.fetchall()
print("saw", *connection.execute("SELECT count(*) FROM executions").fetchone())
"""
DUCKDB = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1] + "/export.duckdb", read_only=True)
cursor = connection.execute("SELECT * FROM executions")
cursor.fetchone()
print("holds", flush=True)
sys.stdin.readline()
print("saw", 1 + len(cursor.fetchall()))
"""


def started(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


class Writer:
    """One writer that is started again until all its records are acknowledged.

    Args:
        folder: Of the history.
        way: `now` or `later`.
        names: Ids of its records. One that was saved, but not said to be, is saved again.
    """

    def __init__(self, folder: Path, way: str, names: list[str]) -> None:
        self._folder, self._way, self._names = folder, way, names
        self.said: list[str] = []
        self.killed = 0
        self.failure = ""
        self._process: subprocess.Popen | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def kill(self) -> bool:
        """Kill it, wherever it is; it is started again. Returns False where it came to its end first."""
        before = self.killed
        while self.killed == before and self.thread.is_alive():
            process = self._process
            if process is not None and process.poll() is None:
                process.kill()
            time.sleep(0.001)
        return self.killed > before

    def _work(self) -> None:
        while left := self._names[len(self.said) :]:
            self._process = process = started(WRITE, self._folder, self._way)
            complaints: list[str] = []
            reader = threading.Thread(target=lambda p=process, c=complaints: c.append(p.stderr.read()))
            reader.start()
            try:
                process.stdin.write("\n".join(left))
                process.stdin.close()
            except BrokenPipeError:  # it was killed before it could read
                pass
            # The last line may be torn by the kill: an id that was not wholly said was not said.
            for line in process.stdout:
                if line.endswith("\n"):
                    self.said.append(line[:-1])
            reader.join()
            self.killed += process.wait() == -signal.SIGKILL
            if process.returncode not in (0, -signal.SIGKILL):
                self.failure = f"exit code {process.returncode}: {complaints}"
                return


@contextmanager
def running(folder: Path, *codes: str) -> Iterator[list[subprocess.Popen]]:
    """Run processes beside the block; they end with it."""
    processes = [started(code, folder) for code in codes]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def answers(processes: list[subprocess.Popen]) -> list[list[int]]:
    """Tell the processes to come to an end; return the numbers that they saw."""
    found = []
    for process in processes:
        out, complaint = process.communicate("go on\n", timeout=60)
        assert process.returncode == 0, complaint
        _, _, saw = out.rpartition("saw ")  # DuckDB may have shown its progress
        found.append([int(word) for word in saw.split()])
    return found


def storm(writers: list[Writer], kills: int, seed: int) -> None:
    """Kill writers, drawn by the seed, at moments spread over the work; wait until all of it is done."""
    draw = random.Random(seed)
    total = sum(len(writer._names) for writer in writers)

    def said() -> int:
        assert not [writer.failure for writer in writers if writer.failure]
        return sum(len(writer.said) for writer in writers)

    for moment in sorted(draw.randrange(total * 9 // 10) for _ in range(kills)):
        until(lambda moment=moment: said() >= moment, within_s=2 * STUCK_S)
        time.sleep(draw.uniform(0, 0.005))  # somewhere within a save
        while not draw.choice([writer for writer in writers if writer.thread.is_alive()]).kill():
            pass
    until(lambda: said() == total, within_s=2 * STUCK_S)
    for writer in writers:
        writer.thread.join(STUCK_S)


@pytest.mark.parametrize(("count", "each", "kills"), [(8, 200, 30)])
def test_nothing_acknowledged_is_lost_doubled_or_torn(tmp_path, count, each, kills):
    before = [uuid7() for _ in range(BEFORE)]
    with History(tmp_path) as history:
        for name in before:
            history.save(full_profile(id=name))
        export(history, tmp_path / "export.duckdb")
    with running(tmp_path, SQLITE, DUCKDB) as strangers, running(tmp_path, READ_LAST, READ_SQL) as readers:
        assert [stranger.stdout.readline() for stranger in strangers] == ["holds\n"] * 2
        work = [[uuid7() for _ in range(each)] for _ in range(count)]
        writers = [Writer(tmp_path, ("now", "later")[n % 2], names) for n, names in enumerate(work)]
        storm(writers, kills, seed=1)
        looks = answers(readers)
        assert answers(strangers) == [[BEFORE], [BEFORE]]  # they held the store as it was, all the time
    assert sum(writer.killed for writer in writers) == kills
    assert [writer.said for writer in writers] == work
    assert all(times > 2 for times, _ in looks)
    assert_whole(tmp_path, [*before, *(name for names in work for name in names)])


def export(history: History, path: Path) -> None:
    """Write what a user may have exported: a file of DuckDB's."""
    import duckdb

    frame = history.sql("SELECT * FROM executions")
    with duckdb.connect(str(path)) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE executions AS FROM frame")


def assert_whole(folder: Path, names: list[str]) -> None:
    """Every one of these records is there once, as it was saved, and nothing else."""
    with History(folder) as history:
        assert sorted(history.last(10_000).id) == sorted(names)
        for name in names:
            assert history.profile(name) == full_profile(id=name)
    connection = sqlite3.connect(folder / "history.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for table in ("function_stats", "line_stats", "bottlenecks", "inputs", "blobs"):
        parts = connection.execute(f"SELECT count(*) FROM {table} GROUP BY execution_id").fetchall()
        assert len(parts) == len(names) and len(set(parts)) == 1, table
    assert not [*folder.glob("history.damaged*"), *(folder / "spool").glob("*.jsonl")]
