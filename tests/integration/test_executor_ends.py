"""However the process with the pool ends, it leaves no worker behind, and a fork disturbs nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.waiting import until

# Each script runs as a user's own: functions of its __main__, a pool, a busy worker.
BEGIN = """
import os, pathlib, signal, subprocess, sys, threading, time
from kosmos_nb.execution import ExperimentTask, ParallelExperimentExecutor

print("once", flush=True)
here = pathlib.Path(sys.argv[1])

def tell(name, text=""):
    part = here / (name + ".part")
    part.write_text(str(text))
    part.rename(here / name)

def rest():
    signal.pause()

def hold_the_interpreter():
    tell("worker", os.getpid())
    return 7 ** (10 ** 9)  # one C call that never lets another thread run

def keep_busy():
    child = subprocess.Popen(["sleep", "600"])
    tell("child", child.pid)
    tell("worker", os.getpid())
    rest()

if hasattr(signal, "SIGHUP"):  # under `nohup`, which children inherit, it would be ignored
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
pool = ParallelExperimentExecutor(1)
"""


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Script:
    """A running script and what it told."""

    def __init__(self, folder: Path, body: str) -> None:
        self.folder = folder
        (folder / "script.py").write_text(BEGIN + body)
        self.process = subprocess.Popen(
            # From 3.12 Python warns of every fork beside threads; that is the script's own choice here.
            [sys.executable, "-W", "ignore::DeprecationWarning", folder / "script.py", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def told(self, name: str) -> int:
        until(lambda: (self.folder / name).exists() or self.process.poll() is not None)
        return int((self.folder / name).read_text())

    def end(self) -> str:
        output, _ = self.process.communicate(timeout=30)
        return output


@pytest.mark.parametrize("task", ["keep_busy", "hold_the_interpreter"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_parent_leaves_no_worker_even_in_the_middle_of_a_task(tmp_path, task, how):
    script = Script(tmp_path, f"pool.submit({task})\nrest()")
    pids = [script.told("worker")] + ([script.told("child")] if task == "keep_busy" else [])
    assert all(is_running(pid) for pid in pids)
    script.process.send_signal(how)
    script.end()
    until(lambda: not any(is_running(pid) for pid in pids), within_s=2)


def test_a_killed_parent_leaves_no_idle_worker(tmp_path):
    script = Script(tmp_path, "tell('worker', pool.submit(os.getpid).result())\nrest()")
    pid = script.told("worker")
    script.process.kill()
    script.end()
    until(lambda: not is_running(pid), within_s=2)


@pytest.mark.parametrize("ending", ["pass", "sys.exit(3)", "raise ValueError('the script failed')"])
def test_an_ending_script_does_not_wait_for_a_task_that_runs(tmp_path, ending):
    body = "pool.submit(keep_busy)\nwhile not (here / 'worker').exists(): time.sleep(0.005)\n" + ending
    script = Script(tmp_path, body)
    pids = [script.told("worker"), script.told("child")]
    began_s = time.monotonic()
    output = script.end()
    assert time.monotonic() - began_s < 5
    until(lambda: not any(is_running(pid) for pid in pids), within_s=2)
    assert output.startswith("once\n")
    assert output.count("once") == 1, "a worker has run the user's script again"
    assert "kosmos_nb" not in output


def test_ctrl_c_ends_the_script_and_its_workers_without_noise_of_theirs(tmp_path):
    script = Script(tmp_path, "pool.execute_batch([ExperimentTask('a', keep_busy)])")
    pids = [script.told("worker"), script.told("child")]
    script.process.send_signal(signal.SIGINT)
    output = script.end()
    until(lambda: not any(is_running(pid) for pid in pids), within_s=2)
    assert output.rstrip().endswith("KeyboardInterrupt")
    assert output.count("Traceback") == 1


def test_a_forked_child_neither_keeps_the_workers_alive_nor_disturbs_them(tmp_path):
    body = """
worker = pool.submit(os.getpid).result()
if os.fork() == 0:
    tell("forked", os.getpid())
    rest()
assert pool.submit(os.getpid).result() == worker
tell("worker", worker)
rest()
"""
    script = Script(tmp_path, body)
    worker, forked = script.told("worker"), script.told("forked")
    try:
        script.process.kill()
        until(lambda: not is_running(worker), within_s=2)
        assert is_running(forked)
    finally:
        os.kill(forked, signal.SIGKILL)
    script.end()


def test_a_forked_child_has_nothing_of_the_pool_and_is_told_so(tmp_path):
    body = """
from kosmos_nb.core import ExecutionError
worker = pool.submit(os.getpid).result()
def pipes():
    links = [pathlib.Path("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 2]
    return [link for link in links if link.is_symlink() and "pipe" in os.readlink(link)]
assert len(pipes()) == 3
if (child := os.fork()) == 0:
    assert pipes() == []
    assert threading.active_count() == 1
    assert pool.snapshot().closed and pool.snapshot().worker_pids == ()
    try:
        pool.submit(os.getpid)
    except ExecutionError as error:
        assert "os.fork" in str(error)
    else:
        raise AssertionError("the child could submit")
    with ParallelExperimentExecutor(1) as own:
        assert own.submit(os.getpid).result(timeout=30) not in (worker, os.getpid())
    pool.shutdown(); pool.kill()
    sys.exit(0)  # runs the exit handlers that the child inherited
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert pool.submit(os.getpid).result(timeout=30) == worker
print("well")
"""
    output = Script(tmp_path, body).end()
    assert output == "once\nwell\n"


def test_forks_while_workers_start_and_end_leave_every_result_right(tmp_path):
    body = """
pool = ParallelExperimentExecutor(2)
children = []
for i in range(15):
    futures = [pool.submit(abs, -n) for n in range(10)] + [pool.submit(os._exit, 1)]
    if (pid := os.fork()) == 0:
        rest()
    children.append(pid)
    assert [future.result(timeout=30) for future in futures[:-1]] == list(range(10))
    assert "exit code 1" in str(futures[-1].exception(timeout=30))
for pid in children:
    os.kill(pid, signal.SIGKILL)
print("well")
"""
    assert Script(tmp_path, body).end() == "once\nwell\n"


def test_a_notebook_that_waits_for_any_child_does_not_confuse_the_pool(tmp_path):
    body = """
def reap():
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.001)
threading.Thread(target=reap, daemon=True).start()
for _ in range(3):
    assert "Died" in repr(pool.submit(os._exit, 1).exception(timeout=30))
assert pool.submit(abs, -3).result(timeout=30) == 3
pool.shutdown()
print("well")
"""
    assert Script(tmp_path, body).end() == "once\nwell\n"


def test_an_interrupt_at_any_moment_stops_the_batch_and_leaves_the_pool_whole(tmp_path):
    body = """
pool = ParallelExperimentExecutor(2)
for i in range(40):
    try:
        threading.Timer(i * 0.0002, os.kill, (os.getpid(), signal.SIGINT)).start()
        pool.execute_batch([ExperimentTask(name, rest) for name in "abc"])
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("the batch came to an end")
    (result,) = pool.execute_batch([ExperimentTask("after", abs, (-i,), timeout_s=20)])
    assert result.value == i, result
    deadline = time.monotonic() + 10  # the seat of a worker that was killed is freed a moment later
    while pool.snapshot().busy + pool.snapshot().queued:
        assert time.monotonic() < deadline, pool.snapshot()
print("well")
"""
    assert Script(tmp_path, body).end() == "once\nwell\n"
