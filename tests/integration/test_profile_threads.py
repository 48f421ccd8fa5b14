"""Other threads of the code are seen, by their own clocks, and told by what they wait for."""

import _thread
import gc
import hashlib
import mmap
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kosmos_nb.history import FunctionStat, ProfileResult
from kosmos_nb.profiling import ExecutionProfiler
from kosmos_nb.profiling.analysis.subject import times_on_stack
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.instrument import StackInstrument
from kosmos_nb.profiling.sampling.places import Place, place_of
from kosmos_nb.profiling.sampling.sampler import SAMPLER, Recorder
from kosmos_nb.profiling.sampling.threads import counts, is_stage
from kosmos_nb.profiling.sampling.waits import Wait, WaitChannel, cpu_clock
from tests.waiting import until

IS_LINUX = sys.platform.startswith("linux")
pytestmark = pytest.mark.skipif(not IS_LINUX, reason="clocks of other threads")


def burn(cpu_s: float) -> None:
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        sum(range(100))


def sixty(cpu_s: float) -> None:
    burn(cpu_s)


def forty(cpu_s: float) -> None:
    burn(cpu_s)


def run_in_threads(*calls: tuple[Callable[..., object], object]) -> None:
    threads = [threading.Thread(target=function, args=(argument,)) for function, argument in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def of(profile: ProfileResult, name: str) -> FunctionStat:
    return next(f for f in profile.function_stats if f.name.rpartition(".")[2] == name)


def test_two_threads_that_compute_have_their_shares_though_the_main_thread_only_waits():
    _, profile = ExecutionProfiler().profile_function(run_in_threads, (sixty, 0.6), (forty, 0.4))
    first_s, second_s = of(profile, "sixty").total_cpu_s, of(profile, "forty").total_cpu_s
    assert first_s / (first_s + second_s) == pytest.approx(0.6, abs=0.05)
    assert first_s + second_s == pytest.approx(profile.cpu_s, rel=0.15)
    # Both wanted the interpreter all the time and had it about half of it.
    assert of(profile, "burn").self_lock_s > 0.2 * of(profile, "burn").self_cpu_s


def test_the_main_thread_beside_one_that_computes_waits_for_the_interpreter():
    def beside() -> None:
        thread = threading.Thread(target=forty, args=(0.4,))
        thread.start()
        sixty(0.4)
        thread.join()

    _, profile = ExecutionProfiler().profile_function(beside)
    main = of(profile, "sixty")
    assert main.total_cpu_s == pytest.approx(0.4, abs=0.08)
    assert of(profile, "forty").total_cpu_s == pytest.approx(0.4, abs=0.08)
    assert of(profile, "burn").self_lock_s > 0.1


def test_sleeping_and_waiting_for_a_lock_are_told_apart():
    lock = threading.Lock()

    def sleeps() -> None:
        time.sleep(0.8)

    def wants() -> None:
        lock.acquire()

    def main() -> None:
        lock.acquire()
        threads = [threading.Thread(target=at) for at in (sleeps, wants, lambda: forty(0.6))]
        for thread in threads:
            thread.start()
        naps()
        lock.release()
        for thread in threads:
            thread.join()

    def naps() -> None:
        time.sleep(0.8)

    _, profile = ExecutionProfiler().profile_function(main)
    assert of(profile, "wants").self_lock_s > 0.05
    for name in ("sleeps", "naps"):
        # What remains is the wait for the interpreter after waking up.
        assert of(profile, name).self_lock_s < 0.1
        assert of(profile, name).self_cpu_s < 0.1
        assert of(profile, name).self_s == pytest.approx(0.8, abs=0.25)


def test_c_code_that_frees_the_interpreter_computes_in_each_thread():
    took_s: list[float] = []

    def hashes(data: bytes) -> None:
        began_s = time.thread_time()
        for _ in range(20):
            hashlib.sha256(data).digest()
        took_s.append(time.thread_time() - began_s)

    def pool() -> None:
        with ThreadPoolExecutor(2) as workers:
            list(workers.map(hashes, [b"x" * 4_000_000] * 4))

    _, profile = ExecutionProfiler().profile_function(pool)
    hashed = of(profile, "hashes")
    assert hashed.total_cpu_s == pytest.approx(sum(took_s), rel=0.2)
    assert hashed.self_lock_s < 0.2 * hashed.self_cpu_s + 0.05


def test_who_shares_a_cpu_without_the_interpreter_does_not_wait_for_a_lock():
    ended = threading.Event()
    data = bytes(20_000_000)

    def beside() -> None:
        while not ended.is_set():
            hashlib.sha256(data).digest()

    def main() -> None:
        end_s = time.thread_time() + 0.5
        while time.thread_time() < end_s:
            hashlib.sha256(data).digest()

    thread = threading.Thread(target=beside)
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        thread.start()
        _, profile = ExecutionProfiler().profile_function(main)
    finally:
        ended.set()
        thread.join()
        os.sched_setaffinity(0, cpus)
    for name in ("main", "beside"):
        hashed = of(profile, name)
        assert hashed.self_lock_s < 0.3 * (hashed.self_s - hashed.self_cpu_s), name


def test_c_code_that_a_pool_calls_does_not_count_as_the_task_before_it():
    data = b"x" * 4_000_000
    took_s: list[float] = []

    def small() -> None:
        began_s = time.thread_time()
        burn(0.2)
        took_s.append(time.thread_time() - began_s)

    def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(small).result()
            pool.submit(hashlib.sha256, data * 100).result()

    _, profile = ExecutionProfiler().profile_function(main)
    # What is not seen between two looks before the task ends may go to either.
    assert of(profile, "small").total_cpu_s < took_s[0] + 0.3 * (profile.cpu_s - took_s[0])
    assert sum(f.self_cpu_s for f in profile.function_stats) == pytest.approx(profile.cpu_s, rel=0.2)


def test_what_is_read_to_look_at_threads_is_not_what_the_code_has_read():
    ended = threading.Event()

    def reads() -> None:
        with open("/dev/zero", "rb", buffering=0) as file:  # noqa: PTH123 - exactly one read
            file.read(50_000)
        forty(0.4)

    threads = [threading.Thread(target=lambda: [time.sleep(0.01) for _ in iter(ended.is_set, True)])]
    threads += [threading.Thread(target=waits, args=(ended,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    try:
        _, profile = ExecutionProfiler().profile_function(reads)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert profile.read_bytes == pytest.approx(50_000, abs=1_000)


def waits(ended: threading.Event) -> None:
    ended.wait()


def test_the_cpu_of_threads_that_end_between_two_looks_is_not_lost_in_silence():
    def one_after_the_other() -> None:
        for _ in range(12):
            run_in_threads((sixty, 0.05))

    _, profile = ExecutionProfiler().profile_function(one_after_the_other)
    seen_s = of(profile, "sixty").total_cpu_s
    # More than what the newest looks saw; where it is not all, a note tells of the rest.
    assert 0.2 < seen_s <= 1.05 * profile.cpu_s
    assert seen_s == pytest.approx(0.6, rel=0.25) or "were not seen" in profile.notes[0]


def test_cpu_of_threads_too_short_to_be_seen_is_told():
    def churn() -> None:
        for _ in range(250):
            run_in_threads((sixty, 0.002))

    _, profile = ExecutionProfiler().profile_function(churn)
    seen_s = sum(f.self_cpu_s for f in profile.function_stats)
    assert seen_s > 0.85 * profile.cpu_s or "were not seen" in profile.notes[0]


def test_threads_that_wait_for_work_or_serve_the_kernel_do_not_count():
    ended = threading.Event()
    idle = ThreadPoolExecutor(2)
    list(idle.map(str, range(10)))
    ours = threading.Thread(target=waits_like_the_kernel, args=(ended,), name="of the stage")
    ours.start()
    try:
        _, profile = ExecutionProfiler().profile_function(burn, 0.3)
    finally:
        ended.set()
        ours.join()
        idle.shutdown()
    assert of(profile, "burn").threads == 1
    assert profile.tree is not None
    assert "<thread>" not in {node.file for node in profile.tree.children}


def waits_like_the_kernel(ended: threading.Event) -> None:
    ended.wait()


waits_like_the_kernel.__module__ = "ipykernel.heartbeat"


def test_what_counts_is_work_and_waiting_in_the_users_code():
    waits_in_pool = [Place.WAITER, Place.WAITER, Place.WAITER]
    sleeps = [Place.USER, Place.WAITER]
    serves = [Place.WAITER, Place.STAGE, Place.WAITER]
    downloads = [Place.PYTHON, Place.LIBRARY, Place.WAITER]
    assert counts(sleeps, works=False, was_here=True, is_main=False)
    assert counts(downloads, works=False, was_here=False, is_main=False)
    assert not counts(downloads, works=False, was_here=True, is_main=False)
    assert not counts(waits_in_pool, works=False, was_here=False, is_main=False)
    assert not counts(serves, works=True, was_here=False, is_main=False)
    assert not counts(sleeps, works=False, was_here=True, is_main=True)
    assert counts(sleeps, works=True, was_here=True, is_main=True)


def test_places_are_told_by_the_file():
    assert place_of(__file__) is Place.USER
    assert place_of("<ipython-input-3-abc>") is Place.USER
    assert place_of(threading.__file__) is Place.WAITER
    assert place_of(os.__file__) is Place.PYTHON
    assert place_of(pytest.__file__) is Place.LIBRARY
    assert is_stage(threading.Thread(target=waits_like_the_kernel))
    assert not is_stage(threading.Thread(target=burn))


def test_what_a_thread_waits_for_is_read_from_the_system():
    lock, ended = threading.Lock(), threading.Event()
    read, write = os.pipe()
    lock.acquire()
    waiter = threading.Thread(target=lock.acquire)
    reader = threading.Thread(target=os.read, args=(read, 1))
    worker = threading.Thread(
        target=lambda: [hashlib.sha256(b"x" * 9_000_000) for _ in iter(ended.is_set, True)]
    )
    threads = {waiter: Wait.LOCK, reader: Wait.OTHER, worker: Wait.RUNS}
    try:
        for thread, expected in threads.items():
            thread.start()
            channel = WaitChannel(thread.native_id)
            until(lambda channel=channel, expected=expected: channel.look() is expected)
            assert channel.read_bytes > 0
            channel.close()
    finally:
        ended.set()
        lock.release()
        os.write(write, b"x")
        for thread in threads:
            thread.join()
        os.close(read)
        os.close(write)


def test_the_clock_of_a_thread_is_the_systems_and_refused_after_its_end():
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    clock = cpu_clock(thread.native_id)
    assert clock == time.pthread_getcpuclockid(thread.ident)
    ended.set()
    thread.join()
    until(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
    with pytest.raises(OSError, match="nvalid"):
        time.clock_gettime(clock)


def test_code_of_another_thread_is_sampled_and_the_switch_interval_is_as_before():
    found: list[ProfileResult] = []
    during_s: list[float] = []

    def work() -> None:
        during_s.append(sys.getswitchinterval())
        sixty(0.3)
        forty(0.2)

    before_s = sys.getswitchinterval()
    run_in_threads((lambda _: found.append(ExecutionProfiler().profile_function(work)[1]), None))
    (profile,) = found
    first_s, second_s = of(profile, "sixty").total_cpu_s, of(profile, "forty").total_cpu_s
    assert profile.samples > 10
    assert first_s / (first_s + second_s) == pytest.approx(0.6, abs=0.07)
    assert first_s + second_s == pytest.approx(profile.main_thread_cpu_s, rel=0.1)
    assert (during_s, sys.getswitchinterval()) == ([pytest.approx(0.0005)], before_s)
    assert "did not run on the main thread" in profile.notes[0]
    assert not SAMPLER.is_running


def test_overlapping_profiles_of_several_threads_leave_nothing_behind():
    found: list[ProfileResult] = []
    before = (sys.getswitchinterval(), _thread._count(), signal.getsignal(signal.SIGPROF))

    def profiled(cpu_s: float) -> None:
        found.append(ExecutionProfiler().profile_function(sixty, cpu_s)[1])

    def main() -> None:
        threads = [threading.Thread(target=profiled, args=(0.1 * n,)) for n in (1, 2, 3)]
        for thread in threads:
            thread.start()
        forty(0.2)
        for thread in threads:
            thread.join()

    _, outer = ExecutionProfiler().profile_function(main)
    assert len(found) == 3
    for profile in found:
        own_s = next(f for f in profile.tree.children if f.name == "burn").total_s
        assert own_s == pytest.approx(profile.wall_s, rel=0.3)
    assert of(outer, "forty").total_cpu_s == pytest.approx(0.2, abs=0.06)
    until(lambda: (sys.getswitchinterval(), _thread._count(), signal.getsignal(signal.SIGPROF)) == before)
    assert not SAMPLER.is_running


def test_threads_of_ours_and_open_files_are_gone_afterwards():
    def census() -> tuple[set[int], int]:
        return set(sys._current_frames()), len(list(Path("/proc/self/fd").iterdir()))

    before = census()
    _, profile = ExecutionProfiler().profile_function(run_in_threads, (sixty, 0.1), (forty, 0.1))
    assert of(profile, "forty").total_cpu_s > 0
    until(lambda: census() == before)


@pytest.mark.filterwarnings("error")
def test_a_fork_meets_no_thread_of_ours_and_sampling_goes_on_after_it():
    read, write = os.pipe()

    def forks() -> None:
        sixty(0.1)
        child = os.fork()
        if child == 0:
            frames = len(sys._current_frames())
            sixty(0.05)
            os.write(write, bytes([frames, SAMPLER.is_running, sys.getswitchinterval() < 0.001]))
            os._exit(0)
        os.waitpid(child, 0)
        run_in_threads((forty, 0.2))

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Python 3.12 warns of forks beside threads
        _, profile = ExecutionProfiler().profile_function(forks)
    assert os.read(read, 3) == bytes([1, 0, 0])
    os.close(read)
    os.close(write)
    assert of(profile, "forty").total_cpu_s == pytest.approx(0.2, abs=0.06)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_moment_leaves_all_as_it_was():
    def interrupted(after_s: float) -> None:
        with ExecutionProfiler().profile_context():
            signal.setitimer(signal.ITIMER_REAL, after_s, 0.05)
            try:
                burn(1.0)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)

    def raises(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, raises)
    try:
        for n in range(60):
            with pytest.raises(KeyboardInterrupt):
                interrupted(0.0005 + n * 0.00037)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert gc.isenabled()
    assert signal.getsignal(signal.SIGPROF) == signal.SIG_DFL
    assert not SAMPLER.is_running
    _, profile = ExecutionProfiler().profile_function(burn, 0.2)
    assert profile.samples > 5


def test_looks_slower_than_their_interval_neither_pile_up_nor_keep_the_code_from_its_end():
    nested: list[int] = []

    def slow(_wall_s: float, _process_s: float) -> int:
        nested.append(times_on_stack(slow.__code__))
        burn(0.02)
        return 0

    recorder = Recorder(0.001, look=slow)
    assert SAMPLER.add(recorder) is None
    try:
        burn(0.4)
    finally:
        SAMPLER.remove(recorder)
    assert set(nested) == {1}
    assert not SAMPLER.is_running


def test_memory_that_a_line_keeps_is_told_by_its_stack():
    kept: list[mmap.mmap] = []

    def takes() -> None:
        for _ in range(20):
            kept.append(mmap.mmap(-1, 4_000_000))  # never what an earlier test left in the heap
            kept[-1].write(b"x" * 4_000_000)
            burn(0.01)

    def waits_a_little() -> None:
        burn(0.1)

    def main() -> None:
        takes()
        waits_a_little()

    meter = ProcessMeter()
    instrument = StackInstrument(interval_s=0.005, threshold_pct=5, track_memory=True, memory_by_line=True)
    meter.open()
    instrument.start(meter, None)
    main()
    instrument.stop()
    meter.close()
    grown: dict[str, int] = {}
    for stack in instrument._recorder.stacks():
        for name in {code.co_name for code, _ in stack.frames}:
            grown[name] = grown.get(name, 0) + stack.memory_bytes
    assert grown["takes"] == pytest.approx(80_000_000, rel=0.15)
    assert abs(grown["waits_a_little"]) < 8_000_000


def test_the_timeline_spans_the_profile_and_tells_the_cpu_also_while_the_main_thread_waits():
    _, profile = ExecutionProfiler().profile_function(run_in_threads, (sixty, 0.5))
    points = profile.memory_snapshots
    assert points[0].timestamp == pytest.approx(0, abs=0.05)
    assert points[-1].timestamp == pytest.approx(profile.wall_s, rel=0.1)
    assert points[-1].cpu_s == pytest.approx(profile.cpu_s, rel=0.15)
    assert [at.cpu_s for at in points] == sorted(at.cpu_s for at in points)
    assert len(points) > 5
