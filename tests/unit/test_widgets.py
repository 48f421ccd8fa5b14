"""The live widgets: they hold what the HTML holds, keep within their bytes, and never go back."""

import dataclasses
import itertools
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from kosmos_nb.core import ResearchError, render
from kosmos_nb.history import RunSnapshot, compare
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
    live,
    profile_widget_mime,
    run_widget_mime,
    view_mime,
)
from kosmos_nb.widgets.board_state import BoardState
from kosmos_nb.widgets.profile_view import view_data
from kosmos_nb.widgets.publisher import is_over
from tests import samples
from tests.played import PlayedRun
from tests.waiting import until


def numbered(seq: int, status: str = "running") -> RunSnapshot:
    return dataclasses.replace(samples.live_run(seq), run=samples.run(status=status))


class Screen:
    """Takes pictures as a board would, and can be held."""

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.moments_s: list[float] = []
        self.threads: set[str] = set()
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def draw(self, snapshot: RunSnapshot) -> None:
        self.moments_s.append(time.monotonic())
        self.begun.set()
        assert self.free.wait(20)
        self.shown.append(snapshot.seq)
        self.threads.add(threading.current_thread().name)


def publisher_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "kosmos-publisher"]


def burn(cpu_s: float) -> None:
    """Keep this thread computing for that much of its CPU time."""
    until_s = time.thread_time() + cpu_s
    while time.thread_time() < until_s:
        pass


def test_the_first_picture_is_shown_at_once_and_the_last_always() -> None:
    screen, run = Screen(), PlayedRun(numbered(1))
    screen.free.clear()
    Publisher(run, screen.draw).start()
    assert screen.begun.wait(10)
    for seq in range(2, 500):
        run.play(numbered(seq))
    run.play(numbered(500, "done"))
    screen.free.set()
    until(lambda: not publisher_threads())
    assert screen.shown == [1, 500]
    assert screen.threads == {"kosmos-publisher"}


def test_at_most_ten_pictures_a_second_are_taken_however_much_happens() -> None:
    screen, run = Screen(), PlayedRun(numbered(1))
    publisher = Publisher(run, screen.draw)
    publisher.start()
    seq = 1
    while len(screen.moments_s) < 4:
        seq += 1
        run.play(numbered(seq))
    publisher.close()
    assert screen.moments_s[3] - screen.moments_s[0] >= 0.29
    assert run.taken <= 5


def test_a_run_in_which_nothing_happens_is_still_drawn_so_that_its_clocks_go_on() -> None:
    screen, run = Screen(), PlayedRun(numbered(1))
    publisher = Publisher(run, screen.draw, most_s=0.15)
    publisher.start()
    until(lambda: len(screen.shown) >= 3)
    publisher.close()
    assert set(screen.shown) == {1}


def test_costly_pictures_take_a_twentieth_of_the_time_and_the_end_is_shown_at_once() -> None:
    screen, run = Screen(), PlayedRun(numbered(1))

    def draw(snapshot: RunSnapshot) -> None:
        screen.draw(snapshot)
        burn(0.03 if len(screen.shown) < 3 else 1.0)

    Publisher(run, draw).start()
    while len(screen.shown) < 3:
        run.play(numbered(2))
    rests_s = [b - a for a, b in itertools.pairwise(screen.moments_s)]
    assert min(rests_s) >= 20 * 0.03  # 20 times the CPU time, and the drawing itself
    begun_s = time.monotonic()
    run.play(numbered(9, "done"))
    until(lambda: screen.shown[-1] == 9)
    assert time.monotonic() - begun_s < 10  # a rest of 20 s was under way
    until(lambda: not publisher_threads())


def test_a_closed_publisher_starts_no_thread() -> None:
    screen, run = Screen(), PlayedRun(numbered(1))
    publisher = Publisher(run, screen.draw)
    publisher.close()
    publisher.start()
    run.play(numbered(2))
    assert publisher_threads() == []
    assert screen.shown == []


def test_a_picture_that_cannot_be_drawn_does_not_end_the_publisher() -> None:
    screen, run = Screen(), PlayedRun(numbered(1))

    def draw(snapshot: RunSnapshot) -> None:
        if snapshot.seq == 1:
            screen.begun.set()
            raise RuntimeError("the connection is closed")
        screen.draw(snapshot)

    Publisher(run, draw, least_s=0.0).start()
    assert screen.begun.wait(10)
    run.play(numbered(2, "done"))
    until(lambda: not publisher_threads())
    assert screen.shown == [2]


def test_a_run_that_failed_has_ended() -> None:
    run = PlayedRun(numbered(1))
    assert not is_over(run)

    def failed(_timeout: float | None = None) -> None:
        raise ResearchError("The run failed.")

    run.result = failed  # type: ignore[assignment]
    assert is_over(run)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_publishes_nothing_and_does_not_hang() -> None:
    program = """
import os, sys
from kosmos_nb.widgets import Publisher
from tests.played import PlayedRun
from tests.unit.test_widgets import numbered
from tests.waiting import until
shown, run = [], PlayedRun(numbered(1))
publisher = Publisher(run, lambda snapshot: shown.append(snapshot.seq), least_s=0.0)
publisher.start()
until(lambda: shown)
publisher._news._cond.acquire()    # the worst moment: another thread holds the lock
child = os.fork()
if child == 0:
    run.play(numbered(2)); publisher.start(); publisher.close()
    os._exit(0 if 2 not in shown else 1)
publisher._news._cond.release()
status = os.waitpid(child, 0)[1]
run.play(numbered(3, "done"))
until(lambda: shown[-1] == 3)
sys.exit(status)
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


@pytest.mark.parametrize(
    "result",
    [
        samples.profile(),
        samples.failed_profile(),
        samples.full_profile(),
        samples.threads_profile(),
        samples.big_profile(),
    ],
)
def test_a_profile_with_its_view_is_at_most_forty_kilobytes(result: samples.ProfileResult) -> None:
    view = ProfileView(result, compare(samples.edited_profile(), result))
    state = view.get_state()
    bundle = {"text/plain": profile_text(result), "text/html": profile_html(result), "view": view_mime(view)}
    assert saved_bytes(state) <= PROFILE_WIDGET_BYTES
    assert saved_bytes(bundle) + saved_bytes(state) <= 40_000
    view.close()


def test_a_view_has_the_three_tabs_and_the_rest_under_more() -> None:
    data = view_data(samples.full_profile(), compare(samples.edited_profile(), samples.full_profile()))
    names = [part["name"] for part in data["parts"]]
    assert names[: data["first"]] == ["Lines", "Flame", "Compare"]
    assert names[data["first"] :] == [
        "Functions", "Bottlenecks", "Timeline", "Processes", "Traced memory",
        "Clocks, memory, I/O",
    ]  # fmt: skip
    plain = view_data(samples.old_profile(mode="light", tree=None, line_stats=(), function_stats=()))
    assert [part["name"] for part in plain["parts"]][: plain["first"]] == ["Compare"]


def test_the_boxes_of_the_flame_graph_lie_within_their_callers() -> None:
    (part,) = [p for p in view_data(samples.big_profile())["parts"] if p["name"] == "Flame"]
    boxes = part["boxes"]
    assert boxes[0][:4] == [-1, 0, 0, 10_000]
    for parent, depth, start, width, name, place, *_ in boxes[1:]:
        assert depth == boxes[parent][1] + 1
        assert start >= boxes[parent][2] - 0.2
        assert start + width <= boxes[parent][2] + boxes[parent][3] + 0.2
        assert part["names"][name]
        assert part["names"][place]


def test_what_a_saved_view_leaves_out_the_kernel_adds_when_asked() -> None:
    result = samples.big_profile()
    saved, whole = view_data(result), view_data(result, whole=True)
    assert (saved["cut"], whole["cut"]) == (True, False)
    rows = {cut: len(data["parts"][0]["rows"]) for cut, data in (("saved", saved), ("whole", whole))}
    assert rows["saved"] < rows["whole"] == 400
    sent: list[object] = []
    view = ProfileView(result)
    view.send = sent.append  # type: ignore[method-assign]
    view._answer(view, "whole", [])
    assert sent == [{"whole": whole}]
    view.close()


def test_scripts_are_small_and_ask_nothing_of_the_network() -> None:
    for kind in (Board, ProfileView):
        assert len(kind._esm) < 12_000
        for part in (str(kind._esm), str(kind._css)):
            assert "import(" not in part
            assert "import " not in part
            assert "http" not in part.replace("http://www.w3.org/2000/svg", "")
            assert "innerHTML" not in part


def test_the_board_follows_a_run_to_its_verdicts() -> None:
    run, told = PlayedRun(samples.live_run(seq=1, done=0)), []
    board = Board(run.snapshot())
    board.follow(run, told.append)
    for done in range(1, 10):
        run.play(samples.live_run(seq=done, done=done))
    run.play(samples.done_run())
    until(lambda: told == [samples.done_run()])
    assert board.head["done"] == 10
    assert not board.head["running"]
    assert board.head["counts"][0] == ["supported", "supported", 5]
    until(lambda: not publisher_threads())
    board.follow(run, told.append)
    assert len(told) == 2
    assert publisher_threads() == []
    board.close()


def test_a_run_that_is_shown_again_is_followed_once_and_every_cell_keeps_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[PublishedDisplay] = []

    def published(bundle: dict[str, object], **_how: object) -> PublishedDisplay:
        shown.append(PublishedDisplay([bundle]))
        return shown[-1]

    monkeypatch.setattr(live, "display", published)
    run = PlayedRun(samples.live_run(seq=1, done=0))
    for _ in range(3):
        live.show_live(run)
    assert len(run.listeners) == 1
    assert len(publisher_threads()) == 1
    board = board_of(run.picture)
    board._handle_custom_msg({"type": "cancel"}, [])
    assert run.cancelled == 1
    run.play(samples.done_run())
    until(lambda: all(len(one.bundles) == 2 for one in shown))
    assert {one.bundles[0][render.WIDGET]["model_id"] for one in shown} == {board.model_id}
    assert all("supported 5" in one.bundles[1][render.TEXT] for one in shown)
    board.close()


@dataclasses.dataclass
class PublishedDisplay:
    """What a cell got: its first bundle, then every update, as IPython's handle takes them."""

    bundles: list[dict[str, Any]]

    def update(self, bundle: dict[str, Any], *, raw: bool) -> None:
        assert raw
        self.bundles.append(bundle)


@pytest.fixture(scope="module")
def wide() -> RunSnapshot:
    """A run as wide as a table of 300 columns makes it."""
    few = samples.big_run(60).progress
    everyone = tuple(
        dataclasses.replace(one, hypothesis=dataclasses.replace(one.hypothesis, id=f"H{i + 1}"))
        for i, one in enumerate(few[k % 60] for k in range(44_850))
    )
    return RunSnapshot(run=samples.run(), progress=everyone, seq=1)


def test_only_rows_that_can_be_shown_are_put_into_words(
    wide: RunSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    run_model_module = sys.modules["kosmos_nb.reporters.run_model"]
    build = run_model_module._row
    monkeypatch.setattr(
        run_model_module, "_row", lambda one, run: built.append(one.hypothesis.id) or build(one, run)
    )
    parts = list(wide.progress)
    for i, state in ((40_000, "running"), (44_000, "failed")):
        parts[i] = dataclasses.replace(parts[i], verdict=None, state=state, wall_s=0.1)
    running = dataclasses.replace(wide, run=samples.run(status="running"), progress=tuple(parts))
    head = BoardState().changes(running)["head"]
    assert len(built) <= 200
    assert {"H40001", "H44001"} <= set(head["order"])
    assert head["total"] == 44_850
    assert sum(number for _, _, number in head["counts"]) == 44_850
    built.clear()
    run_html(wide)
    assert len(built) <= 500


def test_a_very_wide_run_is_drawn_in_seconds(wide: RunSnapshot) -> None:
    begun_s = time.thread_time()
    html = run_html(wide)
    assert time.thread_time() - begun_s < 2
    assert "of 44" in html
    assert run_model(wide, 100).rows == run_model(wide).rows[:100]
    begun_s = time.thread_time()
    BoardState().changes(wide)
    assert time.thread_time() - begun_s < 2


def test_a_measured_hypothesis_counts_as_tested_before_it_is_judged() -> None:
    head = BoardState().changes(samples.live_run(done=4))["head"]
    assert head["done"] == 6
    assert samples.live_run(done=4).ended == 4


def test_pressing_cancel_calls_back_and_the_board_says_that_it_was_heard() -> None:
    run = PlayedRun(samples.live_run())
    board = Board(run.snapshot())
    board.follow(run)
    board._handle_custom_msg({"type": "cancel"}, [])
    board._handle_custom_msg({"type": "something else"}, [])
    assert run.cancelled == 1
    assert board.head["heard"]
    run.play(samples.live_run(seq=8, done=5))
    until(lambda: board.head["seq"] == 8)
    assert board.head["heard"]
    board.close()
    assert publisher_threads() == []


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
