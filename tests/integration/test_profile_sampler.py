"""The sampler tells the truth about where the time went, and leaves nothing behind."""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from kosmos_nb.core import ConfigError, ProfilingError
from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling import ExecutionProfiler, ProfilingMode
from kosmos_nb.profiling.sampling.sampler import SAMPLER
from kosmos_nb.profiling.sampling.ticker import IntervalTicker, PosixTicker

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


def burn(cpu_s: float) -> None:
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        sum(range(100))


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def seventy() -> None:
    burn(0.7)


def thirty() -> None:
    burn(0.3)


def both() -> None:
    for _ in range(2):
        burn_half(seventy, 0.35)
        burn_half(thirty, 0.15)


def burn_half(_who: object, cpu_s: float) -> None:
    burn(cpu_s)


def total_cpu_s(profile: ProfileResult, name: str) -> float:
    return sum(f.total_cpu_s for f in profile.function_stats if f.name == name)


def test_a_split_of_70_to_30_is_found_within_5_points():
    def main() -> None:
        seventy()
        thirty()

    _, profile = ExecutionProfiler().profile_function(main)
    whole = total_cpu_s(profile, "seventy") + total_cpu_s(profile, "thirty")
    assert total_cpu_s(profile, "seventy") / whole == pytest.approx(0.7, abs=0.05)
    assert profile.samples >= 50
    assert profile.bottlenecks[0].severity == "critical"


def test_many_tiny_calls_are_not_blamed_for_more_than_they_take():
    def tiny(n: int) -> int:
        return n + 1

    def calls(end_s: float) -> None:
        while time.thread_time() < end_s:
            for n in range(200):
                tiny(n)

    def loop(end_s: float) -> None:
        while time.thread_time() < end_s:
            total = 0
            for n in range(2000):
                total += n

    def main() -> None:
        calls(time.thread_time() + 0.4)
        loop(time.thread_time() + 0.4)

    _, profile = ExecutionProfiler().profile_function(main)
    names = {f.name.rpartition(".")[2]: f.total_cpu_s for f in profile.function_stats}
    assert names["calls"] / (names["calls"] + names["loop"]) == pytest.approx(0.5, abs=0.07)


def test_two_coroutines_that_compute_have_the_share_of_the_cpu_that_they_took():
    took_s = 0.0

    async def work(steps: int) -> None:
        nonlocal took_s
        for _ in range(steps):
            began_s = time.thread_time()
            sum(range(5000))
            took_s += time.thread_time() - began_s
            await asyncio.sleep(0)

    async def main() -> float:
        began_s = time.thread_time()
        await asyncio.gather(work(3000), work(3000))
        return time.thread_time() - began_s

    whole_s, profile = ExecutionProfiler().profile_function(asyncio.run, main())
    # Against the CPU clock of the very run: how much the loop itself takes differs by machine. A
    # sampling thread, which gets its turn where the code waits, would find half of it or less.
    work_s = sum(f.total_cpu_s for f in profile.function_stats if f.name.endswith(".work"))
    assert work_s / sum(f.self_cpu_s for f in profile.function_stats) == pytest.approx(
        took_s / whole_s, abs=0.12
    )


def test_a_sleep_reads_as_waiting_and_a_loop_as_computing():
    def sleeps() -> None:
        time.sleep(0.4)

    def main() -> None:
        sleeps()
        burn(0.4)

    _, profile = ExecutionProfiler().profile_function(main)
    readings = {b.name.rpartition(".")[2]: b.reading for b in profile.bottlenecks}
    assert readings["sleeps"].endswith(": waiting (I/O or sleep)")
    assert total_cpu_s(profile, "burn") == pytest.approx(0.4, abs=0.1)
    slept = next(f for f in profile.function_stats if f.name.endswith("sleeps"))
    assert slept.self_s == pytest.approx(0.4, abs=0.05)
    assert slept.self_cpu_s < 0.1


def test_one_long_c_call_has_all_of_its_time_though_no_sample_fell_inside():
    def sorts() -> list[str]:
        return sorted(str(n) for n in range(1))[:0] or sorted(data, key=None)

    data = [str(n * 7919 % 1_000_003) for n in range(400_000)]
    _, profile = ExecutionProfiler().profile_function(sorts)
    share = sum(f.self_s for f in profile.function_stats if f.name.endswith("sorts")) / profile.wall_s
    assert share > 0.8


def test_the_tree_begins_with_the_function_and_holds_the_sampled_time():
    _, profile = ExecutionProfiler().profile_function(both)
    assert profile.tree.name == "both"
    assert {child.name for child in profile.tree.children} == {"burn_half"}
    assert profile.tree.total_s == pytest.approx(sum(f.self_s for f in profile.function_stats))
    assert profile.tree.total_s == pytest.approx(profile.wall_s, rel=0.1)
    assert all("kosmos_nb" not in f.file for f in profile.function_stats)


def test_a_block_is_cut_at_the_function_that_holds_it():
    profiler = ExecutionProfiler(mode="standard")
    with profiler.profile_context():
        burn(0.2)
    profile = profiler.get_result()
    assert (profile.kind, profile.status) == ("block", "ok")
    assert profile.tree.name == "test_a_block_is_cut_at_the_function_that_holds_it"
    assert [child.name for child in profile.tree.children] == ["burn"]


def test_what_raises_is_profiled_and_raises():
    profiler = ExecutionProfiler(ProfilingMode.LIGHT)
    with pytest.raises(ZeroDivisionError):
        profiler.profile_function(lambda: 1 / 0)
    assert (profiler.get_result().status, profiler.get_result().exception_type) == (
        "failed",
        "ZeroDivisionError",
    )
    with pytest.raises(KeyboardInterrupt), profiler.profile_context():
        raise KeyboardInterrupt
    assert profiler.get_result().status == "interrupted"


def test_an_exception_that_is_being_handled_is_not_taken_for_the_functions_own():
    try:
        raise ValueError
    except ValueError:
        _, profile = ExecutionProfiler("light").profile_function(lambda: 5)
    assert (profile.status, profile.exception_type) == ("ok", None)


def test_the_child_of_a_fork_may_return_through_the_profiled_function():
    child, profile = ExecutionProfiler().profile_function(os.fork)
    if child == 0:
        os._exit(0 if profile.status == "ok" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_nonsense_settings_are_config_errors_before_anything_runs():
    with pytest.raises(ConfigError, match="light, standard"):
        ExecutionProfiler(mode="deep")
    with pytest.raises(ConfigError, match="between 0 and 100"):
        ExecutionProfiler(bottleneck_threshold=0)
    with pytest.raises(ProfilingError, match="Nothing has been profiled"):
        ExecutionProfiler().get_result()


def test_light_mode_has_clocks_and_memory_but_no_tree():
    size = 60_000_000
    result, profile = ExecutionProfiler("light").profile_function(lambda: len(bytearray(size)))
    assert result == size
    assert (profile.tree, profile.samples, profile.bottlenecks) == (None, 0, ())
    assert profile.memory_delta_peak_mb == pytest.approx(60, rel=0.1)
    assert profile.rss_end_bytes - profile.rss_start_bytes < 10_000_000
    assert profile.overhead_s < 0.05


def test_nested_profiles_each_have_their_own_peak_and_samples():
    gc.collect()  # or arrays of an earlier test may go meanwhile, and the peak with them
    outer, inner = ExecutionProfiler(), ExecutionProfiler()
    with outer.profile_context():
        burn(0.15)
        held = bytearray(40_000_000)
        del held
        with inner.profile_context():
            burn(0.15)
    assert inner.get_result().memory_delta_peak_mb < 20
    assert outer.get_result().memory_delta_peak_mb > 35
    assert inner.get_result().samples < outer.get_result().samples
    assert not SAMPLER.is_running


def test_handler_timers_and_gc_callbacks_are_as_before():
    before = (
        signal.getsignal(signal.SIGPROF),
        signal.getsignal(signal.SIGALRM),
        len(gc.callbacks),
        threading.active_count(),
        open_files(),
    )
    for _ in range(3):
        ExecutionProfiler().profile_function(burn, 0.03)
    after = (
        signal.getsignal(signal.SIGPROF),
        signal.getsignal(signal.SIGALRM),
        len(gc.callbacks),
        threading.active_count(),
        open_files(),
    )
    assert after == before


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="Linux keeps SIGALRM free for the user")
def test_the_users_alarm_works_while_sampled():
    rung = []
    old = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    old_timer = signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        _, profile = ExecutionProfiler().profile_function(burn, 0.2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old_timer)
        signal.signal(signal.SIGALRM, old)
    assert rung == [True]
    assert profile.samples > 5


def test_where_both_signals_are_taken_a_thread_samples_and_the_result_says_so():
    old = [signal.signal(number, lambda *_: None) for number in (signal.SIGPROF, signal.SIGALRM)]
    switch_s = sys.getswitchinterval()
    try:
        _, profile = ExecutionProfiler().profile_function(both)
    finally:
        signal.signal(signal.SIGPROF, old[0])
        signal.signal(signal.SIGALRM, old[1])
    assert profile.samples > 20
    assert total_cpu_s(profile, "burn") == pytest.approx(profile.main_thread_cpu_s, rel=0.2)
    assert "other code uses the timer signals" in profile.notes[0]
    assert sys.getswitchinterval() == switch_s


def test_a_handler_that_the_code_put_in_place_of_ours_stays():
    def theirs(*_: object) -> None:
        pass

    def takes_over() -> None:
        signal.signal(signal.SIGPROF, theirs)

    try:
        _, profile = ExecutionProfiler().profile_function(takes_over)
        assert signal.getsignal(signal.SIGPROF) is theirs
        assert "took over" in profile.notes[0]
    finally:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)


def test_the_child_of_a_fork_has_no_timer_and_no_handler_of_ours():
    read, write = os.pipe()

    def forks() -> None:
        child = os.fork()
        if child == 0:
            handler = signal.getsignal(signal.SIGPROF)
            burn(0.05)  # a timer would fire meanwhile, and SIG_DFL would end the process
            _, own = ExecutionProfiler().profile_function(burn, 0.1)
            os.write(write, json.dumps([handler == signal.SIG_DFL, own.samples > 2]).encode())
            os._exit(0)
        os.waitpid(child, 0)
        burn(0.1)

    _, profile = ExecutionProfiler().profile_function(forks)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert json.loads(pipe.read()) == [True, True]
    assert profile.samples > 5


@pytest.mark.parametrize("kind", [PosixTicker, IntervalTicker])
def test_each_timer_fires_once_for_each_arming_and_not_after_it_is_closed(kind):
    ticker = kind()
    old_timer = signal.setitimer(signal.ITIMER_REAL, 0)
    old = signal.signal(ticker.signum, signal.SIG_DFL)
    fired = threading.Event()
    count = []
    try:
        if not ticker.open():
            pytest.skip("this system has no such timer")
        signal.signal(ticker.signum, lambda *_: (count.append(1), fired.set()))
        ticker.arm(0.005)
        assert fired.wait(5)
        burn(0.03)
        assert count == [1]
        ticker.arm(0.005)
        ticker.close()
        burn(0.03)
        assert count == [1]
    finally:
        signal.signal(ticker.signum, old)
        signal.setitimer(signal.ITIMER_REAL, *old_timer)


def test_system_calls_of_the_code_are_not_cut_short():
    read, write = os.pipe()

    def reads() -> bytes:
        writer = threading.Timer(0.2, os.write, (write, b"whole"))
        writer.start()
        return os.read(read, 5)

    result, profile = ExecutionProfiler().profile_function(reads)
    os.close(read)
    os.close(write)
    assert result == b"whole"
    assert profile.wall_s > 0.15


def test_a_collection_that_falls_due_is_not_the_profilers_cost():
    def many_objects():
        return [(first, second) for first in range(1200) for second in range(1200)]

    profiler = ExecutionProfiler()
    kept, profile = profiler.profile_function(many_objects)
    assert len(kept) == 1_440_000
    assert profile.gc_runs > 0
    assert profile.overhead_s < 0.5 * profile.gc_s


def test_a_failure_inside_the_sampler_never_reaches_the_code_it_samples(monkeypatch):
    def broken(*_):
        raise ValueError("no stack today")

    monkeypatch.setattr("kosmos_nb.profiling.sampling.walk.FrameTable.key", broken)
    result, profile = ExecutionProfiler().profile_function(lambda: sum(i * i for i in range(2_000_000)))
    assert result == sum(i * i for i in range(2_000_000))
    assert any("no stack today" in note for note in profile.notes)
