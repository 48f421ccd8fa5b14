"""The profile's shares are those that the code itself measured, with the same clocks, in the same run.

Two parts take turns. The time of a part is found to within about a third of an interval each time
that they change, at random and in both directions: 8 changes in 1.2 s or more, at 10 ms, are 0.8
points of standard error, and the bar of 5 points is six of those. Wall time is judged, by a wall
clock: what the machine does meanwhile (other work, a slow processor) both of them see. CPU time is
known between samples only, not at each; where the machine gives it unevenly it is a little worse.
"""

import asyncio
import os
import random
import time
import zlib
from collections.abc import Callable

import pytest

from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling import ExecutionProfiler

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

ROUNDS = 4
POINTS_5 = 0.05
POINTS_10 = 0.10


class Truth:
    """Seconds by part, wall and CPU, read by the code that is profiled."""

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}

    def of(self, name: str, part: Callable[[], object]) -> None:
        """Run a part and add what it took."""
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        try:
            part()
        finally:
            self.wall_s[name] = self.wall_s.get(name, 0.0) + time.perf_counter() - wall_s
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.thread_time() - cpu_s


def burn(cpu_s: float) -> None:
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        sum(range(100))


def profiled_in_turns(*parts: Callable[[], object]) -> tuple[Truth, ProfileResult]:
    truth = Truth()

    def main() -> None:
        for _ in range(ROUNDS):
            for part in parts:
                truth.of(part.__name__, part)

    _, profile = ExecutionProfiler().profile_function(main)
    return truth, profile


def found(profile: ProfileResult, name: str) -> tuple[float, float]:
    """Return wall and CPU seconds of a function with what it called."""
    stats = [f for f in profile.function_stats if f.name.rpartition(".")[2] == name]
    return sum(f.total_s for f in stats), sum(f.total_cpu_s for f in stats)


def assert_shares_are_true(truth: Truth, profile: ProfileResult) -> None:
    assert_wall_shares_are_true(truth, profile)
    seen_s = {name: found(profile, name)[1] for name in truth.cpu_s}
    for name, true_s in truth.cpu_s.items():
        share = seen_s[name] / sum(seen_s.values())
        assert share == pytest.approx(true_s / sum(truth.cpu_s.values()), abs=POINTS_10), name


def assert_wall_shares_are_true(truth: Truth, profile: ProfileResult) -> None:
    seen_s = {name: found(profile, name)[0] for name in truth.wall_s}
    for name, true_s in truth.wall_s.items():
        share = seen_s[name] / sum(seen_s.values())
        assert share == pytest.approx(true_s / sum(truth.wall_s.values()), abs=POINTS_5), name


def test_a_split_of_70_to_30():
    def seventy() -> None:
        burn(0.21)

    def thirty() -> None:
        burn(0.09)

    truth, profile = profiled_in_turns(seventy, thirty)
    assert_shares_are_true(truth, profile)
    assert profile.tree is not None
    # What a busy machine takes while a sample is being taken is nobody's.
    assert profile.tree.total_s == pytest.approx(sum(truth.wall_s.values()), rel=0.3)


def test_many_tiny_calls_against_one_loop():
    def tiny(n: int) -> int:
        return n + 1

    def calls() -> None:
        end_s = time.thread_time() + 0.15
        while time.thread_time() < end_s:
            for n in range(200):
                tiny(n)

    def loop() -> None:
        end_s = time.thread_time() + 0.15
        while time.thread_time() < end_s:
            total = 0
            for n in range(2000):
                total += n

    truth, profile = profiled_in_turns(calls, loop)
    assert_shares_are_true(truth, profile)


def test_recursion_counts_once():
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    def recursion() -> None:
        end_s = time.thread_time() + 0.18
        while time.thread_time() < end_s:
            fib(12)

    def loop() -> None:
        burn(0.12)

    truth, profile = profiled_in_turns(recursion, loop)
    assert_shares_are_true(truth, profile)
    fib_s, _ = found(profile, "fib")
    assert 0 < fib_s <= found(profile, "recursion")[0] + 1e-9


def test_c_code_that_holds_the_gil():
    numbers = list(range(600_000))
    random.Random(0).shuffle(numbers)

    def sorts() -> None:  # about 0.2 s in one C call, in which no sample can be taken
        sorted(numbers)

    def python() -> None:
        burn(0.12)

    truth, profile = profiled_in_turns(sorts, python)
    assert_shares_are_true(truth, profile)


def test_short_code_between_long_c_calls_is_seen_as_often_as_it_runs():
    numbers = list(range(60_000))
    random.Random(0).shuffle(numbers)
    truth = Truth()

    def sorts() -> None:
        sorted(numbers)

    def python() -> None:
        burn(0.003)

    def main() -> None:
        for _ in range(100):
            truth.of("sorts", sorts)
            truth.of("python", python)

    _, profile = ExecutionProfiler("full").profile_function(main)
    # 100 times 3 ms, 5 ms apart: the standard error of their sum is sqrt(100 * 3 ms * 5 ms) = 39 ms
    # of 2.3 s, 1.7 points; were samples counted from the end of a C call, the share would be zero.
    share = found(profile, "python")[0] / (found(profile, "python")[0] + found(profile, "sorts")[0])
    assert share == pytest.approx(truth.wall_s["python"] / sum(truth.wall_s.values()), abs=0.09)


def test_c_code_that_frees_the_gil():
    data = random.Random(0).randbytes(5_000_000)

    def compresses() -> None:
        zlib.compress(data)

    def python() -> None:
        burn(0.12)

    truth, profile = profiled_in_turns(compresses, python)
    assert_shares_are_true(truth, profile)


def test_sleep_has_its_wall_time_and_no_cpu_time():
    def sleeps() -> None:
        time.sleep(0.3)

    def computes() -> None:
        burn(0.1)

    truth, profile = profiled_in_turns(sleeps, computes)
    assert_wall_shares_are_true(truth, profile)
    (reading,) = [b.reading for b in profile.bottlenecks if b.name.endswith("sleeps")]
    assert reading.endswith(": waiting (I/O or sleep)")


def test_two_coroutines_that_compute_60_to_40():
    truth = Truth()

    async def sixty() -> None:
        for _ in range(ROUNDS):
            truth.of("sixty", lambda: burn(0.18))
            await asyncio.sleep(0)

    async def forty() -> None:
        for _ in range(ROUNDS):
            truth.of("forty", lambda: burn(0.12))
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(sixty(), forty())

    _, profile = ExecutionProfiler().profile_function(asyncio.run, main())
    assert_shares_are_true(truth, profile)
    # A loop that has something to run awaits nothing.
    assert sum(f.self_await_s for f in profile.function_stats) < 0.05 * profile.wall_s


def test_generators_and_comprehensions():
    def produces(end_s: float):
        while time.thread_time() < end_s:
            yield sum(range(2000))

    def generates() -> None:
        for _ in produces(time.thread_time() + 0.18):
            pass

    def comprehends() -> None:
        end_s = time.thread_time() + 0.12
        while time.thread_time() < end_s:
            [n * n for n in range(2000)]

    truth, profile = profiled_in_turns(generates, comprehends)
    assert_shares_are_true(truth, profile)
    generates_s, _ = found(profile, "generates")
    assert found(profile, "produces")[0] == pytest.approx(generates_s, rel=0.1)


def test_an_exception_in_the_middle():
    truth = Truth()

    def first() -> None:
        burn(0.18)

    def breaks() -> None:
        burn(0.12)
        raise KeyError("the end")

    def main() -> None:
        for n in range(ROUNDS):
            truth.of("first", first)
            try:
                truth.of("breaks", breaks)
            except KeyError:
                if n == ROUNDS - 1:
                    raise

    profiler = ExecutionProfiler()
    with pytest.raises(KeyError, match="the end"):
        profiler.profile_function(main)
    profile = profiler.get_result()
    assert (profile.status, profile.exception_type) == ("failed", "KeyError")
    assert_shares_are_true(truth, profile)


LINES = """\
def work():
    part("a", lambda: burn(0.15))
    part("b", lambda: burn(0.045))
    part("c", lambda: burn(0.105))

for _ in range(rounds):
    work()
"""


def test_lines_of_one_function():
    truth = Truth()
    names = {"part": truth.of, "burn": burn, "rounds": ROUNDS}
    profile = ExecutionProfiler().profile_experiment("lines", LINES, names)
    lines = {line.line: line for line in profile.line_stats}
    seen = {"a": lines[2], "b": lines[3], "c": lines[4]}
    for name, true_s in truth.wall_s.items():
        share = seen[name].wall_s / sum(line.wall_s for line in seen.values())
        assert share == pytest.approx(true_s / sum(truth.wall_s.values()), abs=POINTS_5), name
        assert seen[name].self_s == pytest.approx(seen[name].wall_s)
    assert lines[7].wall_s == pytest.approx(sum(line.wall_s for line in seen.values()), rel=0.05)
    assert lines[7].self_s < 0.05 * lines[7].wall_s
    assert {b.line for b in profile.bottlenecks if b.kind == "line"} == {2, 3, 4}


def test_the_self_times_of_a_profile_add_up_to_what_the_code_took():
    truth, profile = profiled_in_turns(lambda: burn(0.05))
    (took_s,) = truth.wall_s.values()
    assert sum(f.self_s for f in profile.function_stats) == pytest.approx(took_s, rel=0.3)
    assert all(0 < f.self_error_s < took_s for f in profile.function_stats)


def test_waiting_for_tasks_is_told_where_they_wait():
    took_s: dict[str, float] = {}

    async def fetch(seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def main() -> None:
        began_s = time.perf_counter()
        await asyncio.gather(fetch(0.5), fetch(0.5))
        await fetch(0.2)
        took_s["all"] = time.perf_counter() - began_s

    _, profile = ExecutionProfiler().profile_function(asyncio.run, main())
    awaited_s = sum(f.self_await_s for f in profile.function_stats)
    assert 0.5 * took_s["all"] < awaited_s < 1.1 * took_s["all"]  # a busy machine takes its part
    assert found(profile, "fetch")[0] == pytest.approx(awaited_s, rel=0.2)
    assert all("select" not in f.name for f in profile.function_stats)
    assert profile.bottlenecks[0].reading.endswith(": awaiting")
