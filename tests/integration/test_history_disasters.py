"""Disks that fill up or turn read-only, and damaged files: nothing readable is lost, and it is said."""

import contextlib
import gzip
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History, ProfileResult, database_state
from kosmos_nb.history.opening import HEAD
from tests.samples import done_run, full_profile, profile
from tests.waiting import until

OLD = Path(__file__).parents[1] / "data" / "history_0002.sqlite.gz"
TABLES = (
    "executions function_stats line_stats bottlenecks child_processes allocation_sites inputs runs "
    "hypotheses experiments verdicts execution_profiles profiling_bottlenecks"
).split()


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


class Disk:
    """A file system of 3 MB in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path / "home"

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True, timeout=60)

    def fill(self) -> None:
        """Leave no room for a single page."""
        with contextlib.suppress(OSError), (self.path / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def empty(self) -> None:
        (self.path / "filling").unlink()


@pytest.fixture
def disk(tmp_path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", path]
    is_linux = sys.platform == "linux" and shutil.which("mount") is not None
    if not is_linux or subprocess.run(command, capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("no right to mount")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True, timeout=60)


@pytest.fixture
def temp(tmp_path, monkeypatch) -> Path:
    """A temp folder of our own, on another disk than the history."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def said() -> list[str]:
    return []


def opened(folder: Path, said: list[str]) -> History:
    history = History(folder, warn=said.append)
    history._writer._retry_s = 0.05
    return history


def waiting(folder: Path) -> list[Path]:
    """Spool files with something in them; a full disk takes empty ones."""
    return [file for file in folder.rglob("*.jsonl") if file.stat().st_size]


def ids(home: Path) -> set[str]:
    connection = sqlite3.connect(home / "history.sqlite")
    return {row[0] for row in connection.execute("SELECT id FROM executions")}


def is_sound(home: Path) -> bool:
    connection = sqlite3.connect(home / "history.sqlite")
    return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_fills_up_while_saving_loses_nothing(disk, temp, said):
    history = opened(disk.home, said)
    first = new_profile()
    history.save(first)
    records = [new_profile(label="x" * 5000) for _ in range(400)]
    for record in records:
        history.save_later(record)
    assert history.flush(60)
    assert len(said) == 1 and "\n" not in said[0]
    (file,) = waiting(temp)
    assert "is full. Free some space on its disk; records wait in" in said[0] and str(file.parent) in said[0]
    with pytest.raises(HistoryError, match=r"is full\. Free some space"):
        history.save(new_profile(label="x" * 1_000_000))
    # What was saved can be read all the while, by this kernel and by others.
    stored = set(history.last(1000).id)
    assert first.id in stored and 1 < len(stored) < len(records)
    assert history.profile(first.id) == first
    with History(disk.home) as other:
        assert set(other.sql("SELECT id FROM executions").id) == stored
    disk.remount("size=60m")
    until(lambda: not waiting(disk.path) and not waiting(temp), within_s=90)
    assert ids(disk.home) == {first.id, *(record.id for record in records)}
    history.close()
    assert is_sound(disk.home)
    assert len(said) == 1


def test_a_disk_that_is_full_from_the_start_gets_its_history_later(disk, temp, said):
    disk.fill()
    history = opened(disk.home, said)
    record = new_profile()
    history.save_later(record)
    assert history.flush(30)
    assert len(said) == 1 and "Free some space on its disk" in said[0]
    with pytest.raises(HistoryError, match="Free some space on its disk"):
        history.last()
    disk.empty()
    until(lambda: not waiting(temp))
    assert list(history.last().id) == [record.id]
    history.close()


def test_where_no_disk_takes_anything_records_wait_in_memory(disk, said, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(disk.path / "temp"))
    (disk.path / "temp").mkdir()
    history = opened(disk.home, said)
    history.save(new_profile())
    disk.fill()
    records = [new_profile(label="x" * 5000) for _ in range(50)]
    for record in records:
        history.save_later(record)
    assert not history.flush(0.5)
    assert len(said) == 1 and "\n" not in said[0]
    assert "is full. Free some space on its disk; records wait in memory, and are lost when this" in said[0]
    disk.remount("size=60m")
    assert history.flush(30)
    history.close()
    with History(disk.home) as again:
        assert {record.id for record in records} <= set(again.last(1000).id)


def test_an_old_history_on_a_full_disk_is_read_and_upgraded_when_there_is_room(disk, temp, said):
    disk.home.mkdir()
    (disk.home / "history.sqlite").write_bytes(gzip.decompress(OLD.read_bytes()))
    before = ids(disk.home)
    disk.fill()
    history = opened(disk.home, said)
    record = new_profile()
    history.save_later(record)
    assert history.flush(30)
    assert len(said) == 1 and "Free some space on its disk" in said[0]
    assert set(history.last().id) == before
    assert database_state(disk.home).revision == "0002"
    assert not list(disk.home.glob("history.backup*"))
    disk.empty()
    until(lambda: not waiting(temp))
    assert ids(disk.home) == {*before, record.id}
    history.close()
    state = database_state(disk.home)
    assert state.revision == HEAD and len(state.backups) == 1


@pytest.mark.parametrize("has_log", [False, True])
def test_a_disk_that_turns_read_only_is_read_and_saved_to_when_it_can_be_written_again(
    disk, temp, said, has_log
):
    old = [new_profile() for _ in range(3)]
    with History(disk.home) as history:
        for record in old:
            history.save(record)
        if has_log:  # as a kernel that was killed leaves it
            shutil.copytree(disk.home, disk.path / "killed")
    if has_log:
        shutil.rmtree(disk.home)
        (disk.path / "killed").rename(disk.home)
    disk.remount("ro")
    history = opened(disk.home, said)
    record = new_profile()
    history.save_later(record)
    assert history.flush(30)
    assert len(said) == 1
    assert "is read-only. Make it and its folder writable, or set KOSMOS_HOME to" in said[0]
    assert f"records wait in {waiting(temp)[0].parent}" in said[0]
    with pytest.raises(HistoryError, match="is read-only"):
        history.save(new_profile())
    assert set(history.last().id) == {one.id for one in old}
    assert history.profile(old[0].id) == old[0]
    assert set(history.sql("SELECT id FROM executions").id) == {one.id for one in old}
    disk.remount("rw")
    until(lambda: not waiting(temp))
    assert set(history.last().id) == {record.id, *(one.id for one in old)}
    history.close()
    assert len(said) == 1


def test_a_log_that_cannot_be_opened_on_a_read_only_disk_is_said_not_passed_over(disk, temp, said):
    with History(disk.home) as history:
        saved = history.save(new_profile())
        shutil.copytree(disk.home, disk.path / "killed")
    shutil.rmtree(disk.home)
    (disk.path / "killed").rename(disk.home)
    (disk.home / "history.sqlite-shm").unlink()
    disk.remount("ro")
    with History(disk.home) as history:
        with pytest.raises(HistoryError, match=r"are in history\.sqlite-wal.*or set KOSMOS_HOME"):
            history.last()
        disk.remount("rw")
        assert list(history.last().id) == [saved]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    """A database with six profiles and a run."""
    home = tmp_path_factory.mktemp("sound")
    with History(home) as history:
        for n in range(6):
            history.save(full_profile(id=uuid7(), label=f"p{n}"))
        history.save(done_run())
    return (home / "history.sqlite").read_bytes()


def attempts(history: History, known: set[str]) -> dict[str, Callable[[], object]]:
    """Everything that a user does with a history."""
    found: dict[str, Callable[[], object]] = {
        f"profile {one}": lambda one=one: history.profile(one) for one in known
    }
    found |= {table: lambda table=table: history.sql(f"SELECT * FROM {table}") for table in TABLES}
    return found | {
        "last": lambda: history.last(100),
        "runs": history.runs,
        "run": lambda: history.run(done_run().run.id),
        "find": lambda: history.find("p1"),
        "standing": lambda: history.standing(full_profile(id=uuid7())),
        "standing at once": lambda: history.standing(full_profile(id=uuid7()), at_once=True),
        "save": lambda: history.save(new_profile()),
        "state": lambda: database_state(history.location),
    }


def live_with(home: Path, content: bytes, known: set[str], seed: int) -> bool:
    """Use a damaged database in some order; return whether it was set aside.

    Whatever is asked is answered, or refused with a `HistoryError`; what is saved then is there afterwards.
    """
    home.mkdir()
    (home / "history.sqlite").write_bytes(content)
    said: list[str] = []
    refused: dict[str, str] = {}
    with History(home, warn=said.append) as history:
        asked = list(attempts(history, known).items())
        random.Random(seed).shuffle(asked)
        for name, ask in asked:
            try:
                ask()
            except HistoryError as error:
                refused[name] = str(error)
        later = new_profile()
        history.save_later(later)
        assert history.flush(30)
        aside = list(home.glob("history.damaged-*.sqlite"))
        if aside:
            assert history.profile(later.id) == later
    assert later.id in ids(home)
    assert not any("\n" in line for line in (*said, *refused.values()))
    assert len(aside) == len(said) <= 1, said
    if aside:
        assert str(aside[0]) in said[0] and "new one has begun" in said[0]
        assert aside[0].stat().st_size >= len(content)
    else:
        assert known <= ids(home)
    return bool(aside)


def known_ids(tmp_path: Path, content: bytes) -> set[str]:
    folder = tmp_path / "known"
    folder.mkdir()
    (folder / "history.sqlite").write_bytes(content)
    return ids(folder)


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def test_a_single_flipped_byte_anywhere_never_breaks_more_than_the_history(tmp_path, sound):
    """In the head, in the statements that made the tables, and anywhere."""
    known = known_ids(tmp_path, sound)
    draw = random.Random(7)
    statements = [at for at in range(0, len(sound), 4096) if b"CREATE TABLE" in sound[at : at + 4096]]
    places = [0, 16, 20, 24, 36, 39, 44, 47, 56, 100, 105]
    places += [draw.choice(statements) + draw.randrange(4096) for _ in range(15)]
    places += [draw.randrange(len(sound)) for _ in range(25)]
    aside = 0
    for n, place in enumerate(places):
        aside += live_with(tmp_path / f"flip {n} at {place}", flipped(sound, place), known, n)
    assert aside > 10


@pytest.mark.parametrize("damage", ["zeroed tail", "cut off", "a page of nothing"])
def test_a_zeroed_or_missing_part_is_set_aside_or_does_no_harm(tmp_path, sound, damage):
    known = known_ids(tmp_path, sound)
    draw = random.Random(damage)
    for n in range(8):
        place = draw.randrange(4096, len(sound) - 4096)
        if damage == "zeroed tail":
            content = sound[:place] + bytes(len(sound) - place)
        elif damage == "cut off":
            content = sound[:place]
        else:
            place -= place % 4096
            content = sound[:place] + bytes(4096) + sound[place + 4096 :]
        is_aside = live_with(tmp_path / f"{n} at {place}", content, known, n)
        assert is_aside or damage == "a page of nothing"


@pytest.mark.parametrize(
    ("change", "question", "said"),
    [
        ("UPDATE blobs SET data = substr(data, 1, 20)", lambda h, one: h.profile(one), "is damaged"),
        ("UPDATE executions SET notes = '[\"a'", lambda h, one: h.profile(one), "is damaged"),
        ("UPDATE executions SET notes = '[\"a'", lambda h, _: h.sql("FROM executions"), "executions cannot"),
        ("UPDATE executions SET wall_s = x'00'", lambda h, _: h.sql("FROM executions"), "executions cannot"),
        ("UPDATE executions SET label = CAST(x'ff' AS TEXT)", lambda h, one: h.profile(one), "is damaged"),
        ("UPDATE executions SET started_at_us = 'x'", lambda h, _: h.last(), "in it is damaged"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_said_in_one_line_and_saving_goes_on(tmp_path, change, question, said):
    with History(tmp_path) as history:
        one = history.save(full_profile(id=uuid7()))
        history._store.close()
        connection = sqlite3.connect(tmp_path / "history.sqlite")
        connection.execute(change)
        connection.commit()
        connection.close()
        with pytest.raises(HistoryError, match=said) as error:
            question(history, one)
        assert "\n" not in str(error.value)
        later = new_profile()
        history.save(later)
        assert history.profile(later.id) == later


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE function_stats DROP COLUMN samples",
        "ALTER TABLE executions RENAME COLUMN minor_faults TO mimor_faults",
        "DROP TABLE line_stats",
        "DELETE FROM alembic_version",
    ],
)
def test_tables_that_are_not_those_of_their_revision_are_set_aside(tmp_path, said, change):
    with History(tmp_path) as history:
        history.save(new_profile())
    connection = sqlite3.connect(tmp_path / "history.sqlite")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
        connection.execute(f"DROP VIEW {name}")
    connection.execute(change)
    connection.commit()
    connection.close()
    with opened(tmp_path, said) as history:
        record = new_profile()
        history.save_later(record)
        assert history.flush(30)
        assert list(history.last().id) == [record.id]
    assert len(list(tmp_path.glob("history.damaged-*.sqlite"))) == len(said) == 1


def test_a_store_in_good_order_is_never_set_aside(tmp_path, said):
    """Errors that look odd, while all is well: the database stays."""
    with opened(tmp_path, said) as history:
        saved = history.save(new_profile())
        history._store._begin_anew()  # as after a word of damage that was not true
        assert list(history.last().id) == [saved]
    assert said == [] and not list(tmp_path.glob("history.damaged*"))
