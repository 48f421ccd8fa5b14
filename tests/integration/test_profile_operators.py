"""Operators have their own time and memory, though Python looks for signals at none of them."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from time import perf_counter

import pytest

from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling import ExecutionProfiler
from kosmos_nb.profiling.sampling.checkpoints import operator_before
from kosmos_nb.profiling.sampling.sampler import SAMPLER

np = pytest.importorskip("numpy")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

POINTS_10 = 0.10
SETUP = """\
a = np.random.default_rng(1).random(4_000_000)
q = a[:810_000].reshape(900, 900)
def work():
    began = now()
"""
OPERATORS = ("c = a ** 3.3", "d = a + c + a + c + a + c", "e = a[c > 0.5]", "p = q @ q")


@pytest.fixture(autouse=True)
def freed():
    """Give freed memory back to the system: tests of memory that come later expect to grow."""
    yield
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def shares_of(lines: dict[str, float]) -> dict[str, float]:
    return {name: seconds / sum(lines.values()) for name, seconds in lines.items()}


def found(profile: ProfileResult, names: tuple[str, ...]) -> dict[str, float]:
    return {
        name: sum(line.self_s for line in profile.line_stats if line.source.strip() == name) for name in names
    }


@pytest.mark.parametrize("mode", ["standard", "full"])
def test_lines_of_operators_have_the_shares_that_clocks_around_them_read(mode):
    took = dict.fromkeys(OPERATORS, 0.0)
    source = SETUP
    for name in OPERATORS:
        source += f"    {name}\n    began = read({name!r}, began)\n"

    def read(name: str, began_s: float) -> float:
        took[name] += perf_counter() - began_s
        return perf_counter()

    names = {"np": np, "now": perf_counter, "read": read}
    profile = ExecutionProfiler(mode).profile_experiment(
        "operators", source + "for _ in range(8): work()\n", names
    )
    seen = found(profile, OPERATORS)
    for name, share in shares_of(took).items():
        assert shares_of(seen)[name] == pytest.approx(share, abs=POINTS_10), name
    assert sum(seen.values()) == pytest.approx(sum(took.values()), rel=0.25)


def test_an_operator_in_the_last_line_of_a_function_and_of_the_code_has_its_time():
    q = np.random.default_rng(1).random((1500, 1500))

    def last() -> None:
        q @ q

    def main() -> float:
        began_s = perf_counter()
        last()
        return perf_counter() - began_s

    took_s, profile = ExecutionProfiler().profile_function(main)
    seen_s = sum(f.self_s for f in profile.function_stats if f.name.endswith("last"))
    assert seen_s == pytest.approx(took_s, rel=0.2)

    source = "b = np.random.rand(1500, 1500)\nfor _ in range(2): b @ b\nb = b @ b @ b @ b"
    profile = ExecutionProfiler().profile_experiment("last", source, {"np": np})
    lines = {line.line: line.self_s for line in profile.line_stats}
    assert lines[3] > lines[2] > 0
    assert sum(lines.values()) > 0.7 * profile.wall_s


def test_a_call_does_not_have_the_time_of_the_operators_before_it():
    source = "b = np.random.rand(1500, 1500)\nb = b @ b @ b\nd = np.ones(1000)\nfor i in range(1000): pass\n"
    profile = ExecutionProfiler().profile_experiment("before", source, {"np": np})
    lines = {line.line: line.wall_s for line in profile.line_stats}
    assert lines[2] > 0.5 * profile.wall_s
    assert lines.get(3, 0.0) + lines.get(4, 0.0) < 0.2 * profile.wall_s


def test_memory_grows_at_the_line_that_touches_it():
    source = "z = np.empty(40_000_000)\nz[:] = 1\ny = np.ones(10)\nfor i in range(1000): pass\n"
    profile = ExecutionProfiler("full").profile_experiment("memory", source, {"np": np})
    grown = {line.line: line.memory_growth_mb or 0.0 for line in profile.line_stats}
    assert grown[2] == pytest.approx(320, rel=0.2)
    assert grown.get(3, 0.0) + grown.get(4, 0.0) < 32


def test_what_holds_the_interpreter_is_found_before_the_end_of_a_loop():
    source = "m = list(range(4_000_000))\nfor _ in range(6):\n    m + m\n"
    profile = ExecutionProfiler().profile_experiment("lists", source)
    lines = {line.line: line.self_s for line in profile.line_stats}
    assert lines[3] > 0.7 * (lines[3] + lines.get(2, 0.0))


def test_the_operator_before_is_only_one_that_has_run_for_sure():
    def sure(left, right, call):
        left + right
        call()

    def unsure(left, right, call):
        if left:
            left + right
        call()

    def after_a_call(left, right, call):
        left + right
        call()
        call()

    seen = []

    def call() -> None:
        caller = sys._getframe(1)
        seen.append(operator_before(caller.f_code, caller.f_lasti) is not None)

    sure(1, 2, call)
    unsure(1, 2, call)
    after_a_call(1, 2, call)
    assert seen == [True, False, True, False]


def test_the_last_session_may_end_in_another_thread():
    before = (signal.getsignal(signal.SIGPROF), sys.getswitchinterval())

    def block():
        with ExecutionProfiler().profile_context():
            yield

    held = block()
    next(held)
    failures = []

    def finish() -> None:
        try:
            next(held, None)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=finish)
    thread.start()
    thread.join()
    assert not failures
    assert not SAMPLER.is_running
    ExecutionProfiler().profile_function(sum, range(10))
    assert (signal.getsignal(signal.SIGPROF), sys.getswitchinterval()) == before


def test_threads_may_begin_and_end_sessions_at_once():
    before = (signal.getsignal(signal.SIGPROF), sys.getswitchinterval())
    failures = []

    def sessions() -> None:
        try:
            for _ in range(30):
                ExecutionProfiler().profile_function(sum, range(20_000))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=sessions) for _ in range(4)]
    for thread in threads:
        thread.start()
    sessions()
    for thread in threads:
        thread.join()
    assert not failures
    assert not SAMPLER.is_running
    assert (signal.getsignal(signal.SIGPROF), sys.getswitchinterval()) == before


@pytest.mark.parametrize("more", [1, 2, 4, 8, 16])
def test_code_near_the_limit_of_recursion_never_sees_the_sampler(more):
    def depth() -> int:
        count, frame = 0, sys._getframe()
        while frame is not None:
            count, frame = count + 1, frame.f_back
        return count

    def deep(levels: int) -> int:
        if levels:
            return deep(levels - 1)
        total = 0
        for n in range(1_500_000):
            total += n
        return total

    def main() -> int:
        return deep(sys.getrecursionlimit() - depth() - left - more)

    def fits() -> bool:
        try:
            return deep(sys.getrecursionlimit() - depth() - left) > 0
        except RecursionError:
            return False

    # How many levels calls in C take differs by version. The handler itself takes one more.
    left = 0
    while not fits():
        left += 1
    result, profile = ExecutionProfiler().profile_function(main)
    assert result == sum(range(1_500_000))
    assert profile.samples > 0 or any("recursion" in note for note in profile.notes)
    assert not SAMPLER.is_running
