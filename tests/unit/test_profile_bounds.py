"""The sampler stays within its budgets: of time by the governor, of memory by leaving out middles."""

import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

import pytest

from benchmarks.profiler import own_memory
from kosmos_nb.profiling.analysis.subject import stack_depth
from kosmos_nb.profiling.sampling.governor import LEAST_LOOKS, Governor
from kosmos_nb.profiling.sampling.pools import NEWEST_THREADS, OTHERS, pool_name, stand_ins
from kosmos_nb.profiling.sampling.recorder import Recorder, ThreadShare
from kosmos_nb.profiling.sampling.schedule import Schedule
from kosmos_nb.profiling.sampling.tally import Moment
from kosmos_nb.profiling.sampling.waits import Wait
from kosmos_nb.profiling.sampling.walk import (
    CUT,
    CUT_NUMBER,
    INNERMOST,
    MOST_FRAMES,
    OUTERMOST,
    FrameTable,
)
from kosmos_nb.profiling.sampling.weights import Weights


def codes(count: int, prefix: str = "f") -> list[CodeType]:
    source = "def f():\n" + "".join(f"    g({n})\n" for n in range(20))
    base = next(at for at in compile(source, "<cell>", "exec").co_consts if isinstance(at, CodeType))
    return [base.replace(co_name=f"{prefix}{n}", co_qualname=f"{prefix}{n}") for n in range(count)]


def sleep_through(governor: Governor, looks: int, each_s: float, cost_s: float, now_s: float) -> float:
    """Look `looks` times at the governor's pace; return the wall clock afterwards."""
    for _ in range(looks):
        now_s += each_s * governor.slowdown
        spent_s[0] += cost_s
        governor.note(now_s, spent_s[0])
    return now_s


spent_s = [0.0]


@pytest.fixture(autouse=True)
def _nothing_spent():
    spent_s[0] = 0.0


def test_what_costs_too_much_looks_less_often_until_it_is_within_the_budget():
    governor = Governor(0.03, 0.0)
    now_s = sleep_through(governor, 400, 0.01, 0.002, 0.0)
    assert governor.slowdown == 8
    before_s = spent_s[0]
    later_s = sleep_through(governor, 400, 0.01, 0.002, now_s)
    assert (spent_s[0] - before_s) / (later_s - now_s) <= 0.03


def test_it_comes_back_when_looking_has_become_cheap():
    governor = Governor(0.03, 0.0)
    now_s = sleep_through(governor, 200, 0.01, 0.002, 0.0)
    assert governor.slowdown > 1
    sleep_through(governor, 400, 0.01, 0.00002, now_s)
    assert governor.slowdown == 1


def test_it_does_not_go_to_and_fro_at_the_edge_of_the_budget():
    governor = Governor(0.03, 0.0)
    now_s = sleep_through(governor, 100, 0.01, 0.00031, 0.0)
    slowdowns = set()
    for _ in range(100):
        now_s = sleep_through(governor, 1, 0.01, 0.00031, now_s)
        slowdowns.add(governor.slowdown)
    assert slowdowns == {2}


def test_one_slow_look_decides_nothing():
    governor = Governor(0.03, 0.0)
    governor.note(0.01, 0.005)
    assert governor.slowdown == 1
    sleep_through(governor, LEAST_LOOKS - 2, 0.01, 0.0, 0.01)
    assert governor.slowdown == 1


def test_samples_fall_due_at_times_that_a_late_look_does_not_move():
    schedule = Schedule()
    schedule.begin(0.0, 0.01)
    first_s = schedule.due_s
    due_s, drawn_s = schedule.go_on(first_s + 0.055, 0.01)
    assert 0 < drawn_s <= 0.015
    assert first_s < due_s <= first_s + 0.055 < schedule.due_s
    due_s, _ = schedule.go_on(1000.0, 0.01)
    assert 999.9 < due_s <= 1000.0 < schedule.due_s <= 1000.02


def test_a_key_stands_for_the_lines_of_a_stack():
    table = FrameTable()
    frame = sys._getframe()
    assert [code for code, _ in table.stack(table.key(frame))][-1] is frame.f_code
    stack = [(code, 8) for code in codes(3)]
    assert table.stack(table.key_of(stack)) == stack


def test_what_a_table_stands_on_changes_no_key():
    standing, plain = FrameTable(), FrameTable()

    def has_same_key() -> bool:
        frame = sys._getframe(1)
        return standing.stack(standing.key(frame)) == plain.stack(plain.key(frame))

    def same_from(levels: int) -> bool:
        return same_from(levels - 1) if levels else has_same_key()

    def resumable() -> Iterator[bool]:
        standing.stand_on(sys._getframe())
        while True:
            yield has_same_key()

    for outside in (sys._getframe(), sys._getframe(1), None):
        standing.stand_on(outside)
        assert has_same_key() and has_same_key()
        assert same_from(3)
        assert same_from(INNERMOST + OUTERMOST)
    generator = resumable()
    assert next(generator)
    assert all(next(generator) for _ in range(2))  # from one frame deeper


def test_positions_of_one_line_share_a_number_and_lines_do_not():
    (code,) = codes(1)
    table = FrameTable()
    lines = {start: line for start, _, line in code.co_lines() if line}
    numbers = {(line, table.key_of([(code, at)])[0]) for at, line in lines.items()}
    assert len(numbers) == len(set(lines.values()))


def test_code_that_is_made_anew_all_the_time_does_not_make_the_table_grow():
    table = FrameTable()
    found: list[FrameType] = []
    for n in range(200):
        exec(
            compile(f"keep(frame())\n{n}", "<string>", "exec"), {"keep": found.append, "frame": sys._getframe}
        )
        table.key(found.pop())
    assert len(table) < 60


def test_the_table_is_bounded():
    table = FrameTable()
    for code in codes(MOST_FRAMES + 100):
        table.key_of([(code, 8)])
    assert len(table) <= MOST_FRAMES
    assert table.key_of([(codes(1, "other")[0], 8)]) == (CUT_NUMBER,)


def test_of_a_deep_stack_both_ends_are_kept_and_the_cut_is_marked():
    def deeper(levels: int) -> list[tuple[CodeType, int]]:
        if levels:
            return deeper(levels - 1)
        table = FrameTable()
        return table.stack(table.key(sys._getframe()))

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        stack = deeper(3_000)
    finally:
        sys.setrecursionlimit(limit)
    outermost, frame = [], sys._getframe()
    while frame is not None:
        outermost.append(frame.f_code)
        frame = frame.f_back
    assert len(stack) == INNERMOST + OUTERMOST + 1
    assert [code for code, _ in stack[: len(outermost)]] == outermost[::-1]
    assert stack[OUTERMOST] == (CUT, 0)
    assert {code for code, _ in stack[OUTERMOST + 1 :]} == {deeper.__code__}
    assert len(FrameTable().key(sys._getframe())) == len(outermost)


def test_weights_keep_the_ends_of_stacks_and_all_of_the_time_when_room_runs_out():
    weights: Weights[int] = Weights(base=5, most_slots=20_000)
    draw = random.Random(1)
    outer = tuple(range(1, 6))
    for _ in range(3_000):
        middle = tuple(draw.randrange(10, 400) for _ in range(60))
        weights.of(0, (7, *middle, *outer)).add(0.01, 0.005, 0.001, 0.01)
    found = list(weights.items())
    assert len(found) < 300
    assert sum(weight.wall_s for *_, weight in found) == pytest.approx(30)
    assert sum(weight.samples for *_, weight in found) == 3_000
    assert all((key[0], key[-5:]) == (7, outer) for _, key, _ in found)


@contextmanager
def less_than_10_megabytes() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert highest < 10_000_000


def test_ten_minutes_of_ever_new_stacks_take_less_than_10_megabytes():
    draw = random.Random(2)
    functions = codes(300)
    positions = list({line: start for start, _, line in functions[0].co_lines()}.values())
    stage = [(functions[0], positions[0])] * stack_depth(sys._getframe())
    frames = [(code, position) for code in functions for position in positions]
    stacks = [stage + draw.choices(frames, k=40) for _ in range(12_000)]
    recorder = Recorder()
    now_s = time.perf_counter()
    with less_than_10_megabytes():
        for stack in stacks:
            now_s += 0.05
            recorder.record(None, recorder.table.key_of(stack), Moment(now_s, now_s, now_s, now_s, 0.05))
    found = recorder.stacks()
    assert sum(stack.samples for stack in found) == 12_000
    assert sum(stack.wall_s for stack in found) == pytest.approx(600, rel=0.01)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory as Linux tells it")
@pytest.mark.parametrize("mode", ["standard", "full"])
def test_a_session_of_ten_minutes_of_ever_new_stacks_takes_less_than_10_megabytes(mode):
    assert own_memory.measure(mode)["with_result_bytes"] < 10_000_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Thread-{} (work)", {f"Thread-{n} (work)" for n in range(100_000)}),
        ("worker {} of many", {OTHERS, *(f"worker {n} of many" for n in range(100_000))}),
    ],
)
def test_a_hundred_thousand_threads_take_less_than_10_megabytes_and_keep_their_time(name, shown):
    recorder = Recorder()
    recorder.started_s -= 10_000  # the shares are of time since then
    key = recorder.table.key(sys._getframe())
    with less_than_10_megabytes():
        for n in range(100_000):
            recorder.record_other(ThreadShare(n, n, name.format(n), key, 0.01, 0.005, 0.001, 0.025))
    found = recorder.stacks()
    assert sum(stack.samples for stack in found) == 100_000
    assert sum(stack.wall_s for stack in found) == pytest.approx(1000)
    assert sum(stack.cpu_s for stack in found) == pytest.approx(500)
    assert {stack.thread for stack in found} <= shown
    assert all(len(stack.frames) == len(key) for stack in found)


def test_of_very_many_threads_the_first_of_a_pool_stands_for_it_and_the_newest_for_themselves():
    pools = ("io", "cpu")
    threads = [(n, f"{pools[n % 2]}_{n}") for n in range(1_000)]
    standing = stand_ins(threads)
    assert set(standing) == set(threads[:-NEWEST_THREADS])
    assert {standing[thread] for thread in threads[:-NEWEST_THREADS]} == set(threads[:2])
    assert all(pool_name(old[1]) == pool_name(new[1]) for old, new in standing.items())
    assert stand_ins(threads[:NEWEST_THREADS]) == {}


def looked_at(*waits: Wait) -> float:
    """Return what counts as waiting for a lock, of 0.6 s off the CPU in 1 s, after some looks."""
    recorder = Recorder()
    key = recorder.table.key(sys._getframe())
    for wait in waits:
        recorder.note_wait(key[0], wait)
    began_s = recorder.started_s
    cpu_s, process_s = recorder._cpu_began_s + 0.4, recorder._process_began_s + 2.0
    now = Moment(began_s + 1, began_s + 1, cpu_s, process_s, 0.01, True)
    recorder.record(None, key, now)
    (stack,) = recorder.stacks()
    return stack.lock_s


def test_who_waits_for_a_cpu_or_sleeps_does_not_wait_for_a_lock():
    assert looked_at(*[Wait.RUNS] * 20) == 0
    assert looked_at(*[Wait.OTHER] * 20) == 0
    assert looked_at(*[Wait.RUNS] * 18, *[Wait.LOCK] * 2) == pytest.approx(0.1)
    assert looked_at(*[Wait.LOCK] * 19, Wait.RUNS) == pytest.approx(0.6)
    assert looked_at() == looked_at(Wait.UNKNOWN) == pytest.approx(0.6)


def test_the_grain_of_a_late_sample_is_the_interval_that_was_asked_for():
    recorder = Recorder()
    began_s = recorder.started_s
    key = recorder.table.key(sys._getframe())
    for at_s, interval_s in ((0.01, 0.012), (2.01, 0.01)):
        now_s = began_s + at_s
        recorder.record(None, key, Moment(now_s, now_s, 0.0, 0.0, interval_s))
    (stack,) = recorder.stacks()
    assert stack.wall_s == pytest.approx(2.01)
    assert stack.grain_s == pytest.approx(0.02)
    assert stack.grain_s2 == pytest.approx(0.0002)
