"""The pool in a notebook: what cells define travels, and the kernel's end is the workers' end."""

import ast
from collections.abc import Iterator

import psutil
import pytest

from tests.kernel import RunningKernel, running_kernel
from tests.waiting import until

SETUP = """
import os, sys, signal, subprocess, threading
from dataclasses import dataclass
from kosmos_nb import ExperimentTask, ParallelExperimentExecutor

FACTOR = 3

@dataclass
class Measured:
    value: int

def measure(x):
    print("noise of a worker")
    os.write(2, b"and more noise")
    return Measured(x * FACTOR)

pool = ParallelExperimentExecutor(2)
"""


@pytest.fixture
def kernel() -> Iterator[RunningKernel]:
    with running_kernel() as running:
        assert running.run(SETUP).status == "ok"
        yield running


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids(kernel: RunningKernel) -> list[int]:
    found = ast.literal_eval(kernel.value("[pool.submit(os.getpid).result(), *pool.snapshot().worker_pids]"))
    assert all(is_running(pid) for pid in found)
    return found


def test_functions_and_classes_of_cells_travel_and_workers_print_into_no_cell(kernel):
    reply = kernel.run("results = list(pool.map(measure, range(5)))")
    assert (reply.status, reply.text) == ("ok", "")
    assert kernel.value("results == [Measured(3 * x) for x in range(5)]") == "True"
    assert kernel.run("FACTOR = 10\nclass Other(Measured): pass").status == "ok"
    assert kernel.value("pool.submit(measure, 2).result()") == "Measured(value=20)"
    assert kernel.value("isinstance(pool.submit(Other, 1).result(), Other)") == "True"


def test_the_stop_button_stops_a_batch_with_its_processes_and_the_pool_goes_on(kernel):
    code = "print('going', flush=True)\npool.execute_batch([ExperimentTask(c, signal.pause) for c in 'abc'])"
    workers = pids(kernel)
    pending = kernel.start(code)
    pending.wait_for_text("going")
    until(lambda: len(psutil.Process(kernel.manager.provisioner.pid).children()) == 2)
    kernel.interrupt()
    reply = pending.result()
    assert reply.error is not None
    assert reply.error.ename == "KeyboardInterrupt"
    until(lambda: not is_running(workers[0]))
    assert kernel.value("pool.submit(abs, -1).result()") == "1"


@pytest.mark.parametrize("end", ["restart", "shutdown", "exit"])
def test_no_worker_outlives_its_kernel(kernel, end):
    assert kernel.run("busy = pool.submit(signal.pause)").status == "ok"
    workers = pids(kernel)
    if end == "restart":
        kernel.restart()
        assert kernel.run(SETUP).status == "ok"
        assert kernel.value("pool.submit(abs, -5).result()") == "5"
    elif end == "shutdown":
        kernel.manager.shutdown_kernel(now=False)  # politely: the kernel's exit handlers run
    else:
        kernel.start("os._exit(1)")
    until(lambda: not any(is_running(pid) for pid in workers), within_s=10)


def test_a_cell_that_forks_leaves_pool_and_results_whole(kernel):
    code = """
futures = [pool.submit(measure, x) for x in range(8)]
if (child := os.fork()) == 0:
    os._exit(0)
os.waitpid(child, 0)
[future.result().value for future in futures] == [x * FACTOR for x in range(8)]
"""
    reply = kernel.run(code)
    assert reply.error is None
    assert reply.result is not None
    assert reply.result["text/plain"] == "True"


def test_an_edited_and_reloaded_helper_is_not_run_in_its_old_form(kernel):
    kernel.run("import importlib, pathlib")
    for answer in (1, 22, 333):
        kernel.run(f"_ = pathlib.Path('helper_of_mine.py').write_text('def answer(): return {answer}')")
        kernel.run("import helper_of_mine\nimportlib.reload(helper_of_mine)")
        assert kernel.value("pool.submit(helper_of_mine.answer).result()") == str(answer)
