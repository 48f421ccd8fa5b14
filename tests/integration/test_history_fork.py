"""After a fork the child has no thread, connection or queue of ours, and can make its own."""

import os
import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def in_child(work) -> str:
    """Run `work` in a fork; return what it returned as text, or the error it died of."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = str(work())
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


def open_files() -> list[str]:
    links = Path("/proc/self/fd")
    if not links.exists():
        return []
    return [str(link.readlink()) for link in links.iterdir() if link.is_symlink()]


def ids(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "history.sqlite")
    return [row[0] for row in connection.execute("SELECT id FROM executions ORDER BY seq")]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_in_the_midst_of_saving_loses_nothing_and_saves_nothing_twice(tmp_path):
    with History(tmp_path) as history:
        history.save(profile(id=uuid7()))
        records = [profile(id=uuid7()) for _ in range(60)]
        answers = []
        for n, record in enumerate(tuple(records)):
            history.save_later(record)
            if n % 10 == 5:
                mine = profile(id=uuid7())

                def work(mine=mine):
                    names = [thread.name for thread in threading.enumerate()]
                    files = [file for file in open_files() if str(tmp_path) in file]
                    waiting = len(history._writer._queue)
                    history.save_later(mine)
                    return names, files, waiting, history.flush(20), history.profile(mine.id) == mine

                answers.append(in_child(work))
                records.append(mine)
        assert history.flush(30)
    assert answers == [str((["MainThread"], [], 0, True, True))] * 6
    assert sorted(ids(tmp_path)[1:]) == sorted(record.id for record in records)
    assert len(ids(tmp_path)) == 67


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_queries_work_in_the_child_and_in_the_parent_after_a_fork(tmp_path):
    with History(tmp_path) as history:
        history.save(profile(id=uuid7()))
        ask = lambda: int(history.sql("SELECT count(*) AS n FROM executions").n[0])  # noqa: E731
        assert ask() == 1
        assert in_child(ask) == "1"
        history.save(profile(id=uuid7()))
        assert ask() == 2


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_that_was_forked_while_the_store_was_stuck_uses_the_spool(tmp_path, monkeypatch):
    monkeypatch.setattr("kosmos_nb.history.store.BUSY_S", 0.05)
    said = []
    with History(tmp_path, warn=said.append) as history:
        history.save(profile(id=uuid7()))
        held, release = threading.Event(), threading.Event()

        def hold():
            with history._store._lock:
                held.set()
                release.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(30)
        mine = profile(id=uuid7())

        def work():
            history.save_later(mine)
            return history.flush(20), len(history._spool.files())

        answer = in_child(work)
        release.set()
        thread.join()
        assert answer == str((True, 1))
        history.save_later(profile(id=uuid7()))
        assert history.flush(20)
    with History(tmp_path) as history:
        history.save_later(profile(id=uuid7()))
        assert history.flush(20)
    assert mine.id in ids(tmp_path)
    assert len(ids(tmp_path)) == 4


@pytest.mark.skipif(sys.platform == "darwin", reason="fork without exec is unsafe there")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_multiprocessing_child_can_keep_a_history_of_its_own(tmp_path):
    import multiprocessing

    context = multiprocessing.get_context("fork")
    with History(tmp_path) as history:
        history.save_later(profile(id=uuid7()))
        processes = [context.Process(target=save_ten, args=(tmp_path,)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert history.flush(30)
    assert len(ids(tmp_path)) == 31


def save_ten(folder: Path) -> None:
    with History(folder) as history:
        for _ in range(10):
            history.save_later(profile(id=uuid7()))
