"""The processes that the code starts are told: who they are, their CPU, their memory."""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kosmos_nb.profiling import ExecutionProfiler
from kosmos_nb.profiling.meters.descendants import (
    ProcDescendants,
    descendants,
    may_have_children,
    program_name,
)
from tests.waiting import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes as POSIX has them")

# Holds memory, burns CPU, and says how much it took in all.
BURN = """
import sys, time
held = bytearray(int(sys.argv[1]))
end_s = time.process_time() + float(sys.argv[2])
while time.process_time() < end_s: pass
print(time.process_time())
"""


def burning(size: int, cpu_s: float) -> list[str]:
    return [sys.executable, "-c", BURN, str(size), str(cpu_s)]


def run_one() -> float:
    return float(subprocess.run(burning(100_000_000, 0.6), capture_output=True, check=True).stdout)


def burn(cpu_s: float) -> float:
    end_s = time.process_time() + cpu_s
    while time.process_time() < end_s:
        pass
    return time.process_time()


@pytest.mark.parametrize("mode", ["light", "standard", "full"])
def test_the_cpu_of_a_child_is_told_by_its_own_clock(mode):
    took_s, profile = ExecutionProfiler(mode).profile_function(run_one)
    # The interpreter's start and end are the child's as well.
    assert took_s - 0.02 <= profile.children_cpu_s <= took_s + 0.3


def test_a_child_that_worked_is_named_and_its_peak_told():
    _, profile = ExecutionProfiler("standard").profile_function(run_one)
    (child,) = profile.children
    assert child.name.startswith("python")
    assert child.name.endswith(" -c")
    assert not child.is_running
    assert 0 < child.cpu_s <= profile.children_cpu_s
    assert 100_000_000 < child.peak_bytes < 140_000_000
    assert 0 < child.wall_s <= profile.wall_s


def test_light_mode_tells_all_children_together_and_says_so():
    _, profile = ExecutionProfiler("light").profile_function(run_one)
    assert profile.children == ()
    (note,) = profile.notes
    assert note.startswith("Child processes that had ended took ")
    assert "light mode looks at the end only" in note


def test_arguments_are_never_kept():
    def secretive() -> None:
        subprocess.run([*burning(1, 0.2), "--password=hunter2"], check=True, stdout=subprocess.DEVNULL)

    _, profile = ExecutionProfiler("standard").profile_function(secretive)
    assert profile.children
    assert "hunter2" not in profile.to_json()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["/usr/bin/ls", "-l", "secret"], "ls"),
        (["/opt/python3.12", "-m", "http.server", "8000"], "python3.12 -m http.server"),
        (["python", "-Im", "pip", "--token=x"], "python -m pip"),
        (["python3", "-W", "ignore", "-X", "dev", "/opt/jobs/run.py", "secret"], "python3 run.py"),
        (["python", "-uc", "secret = 1"], "python -c"),
        (["python", "-m", "not a module"], "python"),
        (["python.exe", "-Wignore", "a.py"], "python.exe a.py"),
        (["python", "-"], "python -"),
        (["python"], "python"),
        (["nginx: worker secret"], "nginx:"),
        ([], "?"),
        ([""], "?"),
    ],
)
def test_a_name_is_the_program_alone(arguments, name):
    assert program_name(arguments) == name


def test_grandchildren_are_told_as_well():
    def family() -> None:
        code = f"import subprocess; subprocess.run({burning(1, 0.5)!r})"
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    _, profile = ExecutionProfiler("standard").profile_function(family)
    assert len(profile.children) == 2
    assert profile.children[0].cpu_s > profile.children[1].cpu_s
    assert profile.children_cpu_s >= 0.5


@pytest.mark.skipif(sys.platform == "darwin", reason="forking after threads is not safe there")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("mode", ["light", "standard", "full"])
def test_a_pool_of_forked_processes_works_and_its_workers_are_told(mode):
    def pooled() -> list[float]:
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            return list(pool.map(burn, [0.3, 0.3]))

    took, profile = ExecutionProfiler(mode).profile_function(pooled)
    assert len(took) == 2
    assert profile.children_cpu_s >= 0.55
    if mode != "light":
        assert {child.name.endswith(" (fork)") for child in profile.children} == {True}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_that_ends_while_it_is_looked_at_keeps_its_name():
    reader, pid = ProcDescendants(), os.fork()
    if pid == 0:
        signal.pause()
    try:
        assert reader._name(str(pid), 0.0, b"python", is_running=True).endswith(" (fork)")
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}/cmdline").read_bytes())  # it has ended, and nobody has asked how
        assert reader._name(str(pid), 0.0, b"python", is_running=True).endswith(" (fork)")
    finally:
        os.waitpid(pid, 0)


def test_a_child_that_goes_on_is_told_as_running_also_by_the_next_profile():
    started = []

    def begins() -> None:
        started.append(subprocess.Popen(burning(1, 60)))

    def waits() -> None:
        before_s = clock(started[0].pid)
        until(lambda: clock(started[0].pid) - before_s > 0.1)

    try:
        for mode in ("light", "standard"):
            _, first = ExecutionProfiler(mode).profile_function(begins)
            assert [child.is_running for child in first.children] == [True]
            _, second = ExecutionProfiler(mode).profile_function(waits)
            (child,) = second.children
            assert child.pid == started[0].pid
            assert child.is_running
            assert 0.1 <= child.cpu_s <= second.wall_s + 0.05
            assert second.children_cpu_s == pytest.approx(child.cpu_s)
            started.pop().kill()
            until(lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG) is not None)
    finally:
        for process in started:
            process.kill()
            process.wait()


def clock(pid: int) -> float:
    return next(reading.cpu_s for reading in descendants().read() if reading.pid == pid)


def sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc whether it sleeps")
def test_one_that_waits_and_takes_no_cpu_is_not_told_by_later_profiles():
    idle = subprocess.Popen(["sleep", "60"])
    try:
        until(lambda: [at.name for at in descendants().read()] == ["sleep"])
        until(lambda: sleeps(idle.pid))
        _, profile = ExecutionProfiler("standard").profile_function(burn, 0.1)
        assert (profile.children, profile.children_cpu_s) == ((), 0.0)
    finally:
        idle.kill()
        idle.wait()


def test_without_children_there_is_nothing_to_tell():
    assert not may_have_children()
    for mode in ("light", "standard"):
        _, profile = ExecutionProfiler(mode).profile_function(burn, 0.05)
        assert (profile.children, profile.children_cpu_s, profile.notes) == ((), 0.0, ())


def test_looking_takes_nothing_from_who_waits_for_the_child():
    def waits() -> int:
        child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
        return child.wait()

    assert ExecutionProfiler("standard").profile_function(waits)[0] == 7


def test_what_is_read_to_look_at_children_is_not_the_codes_reading():
    def waits() -> None:
        subprocess.run(burning(1, 0.5), check=True, stdout=subprocess.DEVNULL)

    waits()  # whatever it reads once only
    _, unwatched = ExecutionProfiler("light").profile_function(waits)
    _, watched = ExecutionProfiler("standard").profile_function(waits)
    assert watched.children
    if watched.read_bytes is not None:
        assert watched.read_bytes == pytest.approx(unwatched.read_bytes, abs=2_000)


def test_no_thread_of_ours_stays():
    before = threading._active_limbo_lock, threading.active_count()
    ExecutionProfiler("standard").profile_function(run_one)
    assert (threading._active_limbo_lock, threading.active_count()) == before
    until(lambda: len(sys._current_frames()) == threading.active_count())


def test_two_ways_of_looking_agree():
    psutil = pytest.importorskip("psutil")
    from kosmos_nb.profiling.meters.descendants import PsutilDescendants

    child = subprocess.Popen(burning(50_000_000, 60))
    try:
        until(lambda: clock(child.pid) > 0.3)
        (one,), (other,) = descendants().read(), PsutilDescendants().read()
        assert (one.pid, one.name, one.is_running) == (other.pid, other.name, other.is_running)
        assert one.cpu_s == pytest.approx(other.cpu_s, abs=0.2)
        assert one.age_s == pytest.approx(other.age_s, abs=1.0)
        assert other.peak_bytes == pytest.approx(psutil.Process(child.pid).memory_info().rss, rel=0.05)
    finally:
        child.kill()
        child.wait()
