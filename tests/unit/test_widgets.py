"""The live widgets: they hold what the HTML holds, keep within their bytes, and never go back."""

import dataclasses
import os
import subprocess
import sys
import threading

import pytest

from kosmos_nb.history import RunSnapshot
from kosmos_nb.reporters import (
    PROFILE_WIDGET_BYTES,
    RUN_WIDGET_BYTES,
    profile_html,
    profile_text,
    run_html,
    run_model,
    run_text,
    saved_bytes,
)
from kosmos_nb.widgets import (
    Board,
    ProfileView,
    Publisher,
    board_of,
    profile_widget_mime,
    run_widget_mime,
    view_mime,
)
from kosmos_nb.widgets.board_state import BoardState
from tests import samples
from tests.waiting import until


def numbered(seq: int, status: str = "running") -> RunSnapshot:
    return dataclasses.replace(samples.live_run(seq), run=samples.run(status=status))


class Screen:
    """Takes pictures as a board would, and can be held."""

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.threads: set[str] = set()
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def draw(self, snapshot: RunSnapshot) -> None:
        self.begun.set()
        assert self.free.wait(20)
        self.shown.append(snapshot.seq)
        self.threads.add(threading.current_thread().name)


def publisher_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "kosmos-publisher"]


def test_the_first_picture_is_shown_at_once_and_the_last_always() -> None:
    screen = Screen()
    screen.free.clear()
    publisher = Publisher(screen.draw)
    publisher.publish(numbered(1))
    assert screen.begun.wait(10)
    for seq in range(2, 500):
        publisher.publish(numbered(seq))
    screen.free.set()
    publisher.close()
    assert screen.shown == [1, 499]
    assert screen.threads == {"kosmos-publisher"}


def test_an_older_picture_is_dropped_whoever_sends_it() -> None:
    screen = Screen()
    publisher = Publisher(screen.draw, least_s=0.0)
    publisher.publish(numbered(5))
    until(lambda: screen.shown == [5])
    publisher.publish(numbered(4))
    publisher.publish(numbered(5))
    publisher.publish(numbered(6))
    publisher.close()
    assert screen.shown == [5, 6]


def test_at_most_ten_pictures_a_second_are_shown() -> None:
    screen = Screen()
    moments: list[float] = []
    clock = threading.Event()

    def draw(snapshot: RunSnapshot) -> None:
        import time

        moments.append(time.monotonic())
        screen.draw(snapshot)
        if len(moments) == 4:
            clock.set()

    publisher = Publisher(draw)
    seq = 0
    while not clock.is_set():
        seq += 1
        publisher.publish(numbered(seq))
    publisher.close()
    assert moments[3] - moments[0] >= 0.29


def test_the_thread_ends_with_the_run_and_nothing_is_left() -> None:
    screen = Screen()
    publisher = Publisher(screen.draw)
    publisher.publish(numbered(1))
    publisher.publish(numbered(2, "done"))
    until(lambda: not publisher_threads())
    assert screen.shown[-1] == 2
    publisher.close()


def test_a_closed_publisher_starts_no_thread() -> None:
    screen = Screen()
    publisher = Publisher(screen.draw)
    publisher.close()
    publisher.publish(numbered(1))
    assert publisher_threads() == []
    assert screen.shown == []


def test_a_picture_that_cannot_be_drawn_does_not_end_the_publisher() -> None:
    screen = Screen()

    def draw(snapshot: RunSnapshot) -> None:
        if snapshot.seq == 1:
            screen.begun.set()
            raise RuntimeError("the connection is closed")
        screen.draw(snapshot)

    publisher = Publisher(draw, least_s=0.0)
    publisher.publish(numbered(1))
    assert screen.begun.wait(10)
    publisher.publish(numbered(2))
    publisher.close()
    assert screen.shown == [2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_publishes_nothing_and_does_not_hang() -> None:
    program = """
import os, sys
from kosmos_nb.widgets import Publisher
from tests.unit.test_widgets import numbered
shown = []
publisher = Publisher(lambda snapshot: shown.append(snapshot.seq), least_s=0.0)
publisher.publish(numbered(1))
publisher._news.acquire()          # the worst moment: another thread holds the lock
child = os.fork()
if child == 0:
    publisher.publish(numbered(2)); publisher.close()
    os._exit(0 if 2 not in shown else 1)
publisher._news.release()
status = os.waitpid(child, 0)[1]
publisher.publish(numbered(3, "done")); publisher.close()
sys.exit(status or (0 if shown[-1] == 3 else 2))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.returncode == 0


def rebuilt(state: dict[str, dict[str, object]]) -> dict[str, object]:
    return {**state["rows"], **state["news"]}


def test_base_and_news_together_are_always_the_whole_board() -> None:
    state, seen = BoardState(), {"rows": {}, "news": {}}
    for done in range(11):
        snapshot = samples.live_run(seq=done, done=done)
        changes = state.changes(snapshot)
        seen.update({key: changes[key] for key in ("rows", "news") if key in changes})
        assert rebuilt(seen) == BoardState().changes(snapshot)["rows"]
    ended = state.changes(samples.done_run())
    assert ended["news"] == {}
    assert (
        list(ended["rows"])
        == ended["head"]["order"]
        == [row.id for row in run_model(samples.done_run()).rows]
    )


def test_a_tick_of_a_long_run_sends_only_the_rows_that_changed() -> None:
    state, snapshot = BoardState(), samples.big_run(100)
    snapshot = dataclasses.replace(snapshot, run=samples.run(status="running"))
    state.changes(snapshot)
    one = dataclasses.replace(snapshot.progress[7], verdict=None, state="running", wall_s=0.2)
    changes = state.changes(
        dataclasses.replace(snapshot, progress=(*snapshot.progress[:7], one, *snapshot.progress[8:]))
    )
    assert list(changes["news"]) == ["H8"]
    assert "rows" not in changes


def test_running_rows_are_kept_when_a_long_run_is_cut() -> None:
    snapshot = samples.big_run(700)
    late = dataclasses.replace(snapshot.progress[699], verdict=None, state="running", wall_s=0.1)
    head = BoardState().changes(dataclasses.replace(snapshot, progress=(*snapshot.progress[:699], late)))[
        "head"
    ]
    assert "H700" in head["order"]
    assert len(head["order"]) < 700
    assert f"showing {len(head['order'])} of 700" in head["shown"]


@pytest.mark.parametrize("snapshot", [samples.done_run(), samples.live_run(), samples.big_run()])
def test_a_run_with_its_board_is_at_most_a_hundred_and_fifty_kilobytes(snapshot: RunSnapshot) -> None:
    board = Board(snapshot)
    state = board.get_state()
    bundle = {"text/plain": run_text(snapshot), "text/html": run_html(snapshot), "view": view_mime(board)}
    assert saved_bytes(state) <= RUN_WIDGET_BYTES
    assert saved_bytes(bundle) + saved_bytes(state) <= 150_000
    board.close()


def test_a_live_board_stays_within_its_bytes_with_base_and_news() -> None:
    snapshot = samples.big_run()
    running = dataclasses.replace(snapshot, run=samples.run(status="running"))
    board = Board(running)
    for start in range(0, 200, 7):
        rows = list(running.progress)
        for i in range(start, start + 20):
            rows[i] = dataclasses.replace(rows[i], reason="changed " * 30, verdict=None, state="failed")
        running = dataclasses.replace(running, progress=tuple(rows), seq=running.seq + 1)
        board._draw(running)
        assert saved_bytes(board.get_state()) <= RUN_WIDGET_BYTES
    board.close()


@pytest.mark.parametrize("result", [samples.profile(), samples.failed_profile(), samples.big_profile()])
def test_a_profile_with_its_view_is_at_most_forty_kilobytes(result: samples.ProfileResult) -> None:
    view = ProfileView(result)
    state = view.get_state()
    bundle = {"text/plain": profile_text(result), "text/html": profile_html(result), "view": view_mime(view)}
    assert saved_bytes(state) <= PROFILE_WIDGET_BYTES
    assert saved_bytes(bundle) + saved_bytes(state) <= 40_000
    view.close()


def test_scripts_are_small_and_ask_nothing_of_the_network() -> None:
    for kind in (Board, ProfileView):
        assert len(kind._esm) < 12_000
        for part in (str(kind._esm), str(kind._css)):
            assert "import(" not in part
            assert "import " not in part
            assert "http" not in part.replace("http://www.w3.org/2000/svg", "")
            assert "innerHTML" not in part


def test_the_board_follows_from_any_thread_and_ends_with_the_verdicts() -> None:
    board = Board(samples.live_run(seq=1, done=0))
    threads = [
        threading.Thread(target=board.show, args=(samples.live_run(seq=2 + done, done=done),))
        for done in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    board.finish(samples.done_run())
    assert board.head["done"] == 10
    assert not board.head["running"]
    assert board.head["counts"][0] == ["supported", "supported", 5]
    assert publisher_threads() == []
    board.close()


def test_pressing_cancel_calls_back_and_the_board_says_that_it_was_heard() -> None:
    board, pressed = Board(samples.live_run()), []
    board.on_cancel(lambda: pressed.append(True))
    board._handle_custom_msg({"type": "cancel"}, [])
    board._handle_custom_msg({"type": "something else"}, [])
    assert pressed == [True]
    assert board.head["heard"]
    board.show(samples.live_run(seq=8, done=5))
    board.finish()
    assert board.head["seq"] == 8
    assert board.head["heard"]
    board.close()


def test_outside_a_kernel_a_result_has_no_widget() -> None:
    assert profile_widget_mime(samples.profile()) is None
    assert run_widget_mime(samples.done_run()) is None


def test_a_run_has_one_board_however_often_it_is_shown() -> None:
    board = board_of(samples.live_run())
    assert board_of(samples.done_run()) is board
    other = dataclasses.replace(samples.done_run(), run=samples.run(id="another"))
    second = board_of(other)
    assert second is not board
    assert view_mime(board) == {"version_major": 2, "version_minor": 0, "model_id": board.model_id}
    board.close()
    second.close()
