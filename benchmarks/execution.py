"""What the pool costs: starting a worker, handing over a task, and what a second worker gains."""

from __future__ import annotations

import signal
import statistics
import threading
import time

from benchmarks.harness import Figure
from kosmos_nb.execution import ExperimentTask, ParallelExperimentExecutor

STARTS = 7
TASKS = 1_000
HEAVY_TASKS = 24


def figures() -> list[Figure]:
    return [_start(), _hand_over(), _gain(), _cancel()]


def _start() -> Figure:
    """Time from an empty pool to the first answer of a task that imports nothing."""
    times_s = []
    for _ in range(STARTS):
        with ParallelExperimentExecutor(1) as pool:
            began_s = time.perf_counter()
            pool.submit(abs, -1).result()
            times_s.append(time.perf_counter() - began_s)
    return Figure(
        "worker start without imports, to the first answer",
        statistics.median(times_s), 0.3, "s", note=f"median of {STARTS}",
    )  # fmt: skip


def _hand_over() -> Figure:
    with ParallelExperimentExecutor(1) as pool:
        pool.submit(abs, -1).result()
        times_ms = []
        for _ in range(TASKS):
            began_s = time.perf_counter()
            pool.submit(abs, -1).result()
            times_ms.append((time.perf_counter() - began_s) * 1e3)
    return Figure(
        "a task with no work, there and back", statistics.median(times_ms), 1.0, "ms", note="median"
    )


def _gain() -> Figure:
    """Time of 2 workers over that of 1, on tasks of about 50 ms that share nothing."""
    one_s, two_s = [], []
    with ParallelExperimentExecutor(1) as one, ParallelExperimentExecutor(2) as two:
        for pool, times_s in [(one, one_s), (two, two_s)] * 4:
            began_s = time.perf_counter()
            pool.execute_batch([ExperimentTask(str(i), _work, (600_000,)) for i in range(HEAVY_TASKS)])
            times_s.append(time.perf_counter() - began_s)
    ratio = min(two_s[1:]) / min(one_s[1:])
    return Figure("time of 2 workers over 1, plain tasks", ratio, 0.65, "×", note="best of 3, warm")


def _work(rounds: int) -> int:
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total


def _cancel() -> Figure:
    worst_s = 0.0
    with ParallelExperimentExecutor(1) as pool:
        for _ in range(10):
            begun = threading.Event()
            future = pool.submit_task(ExperimentTask("sleeper", signal.pause), lambda _, e=begun: e.set())
            begun.wait()
            began_s = time.perf_counter()
            pool.cancel([future])
            future.result()
            worst_s = max(worst_s, time.perf_counter() - began_s)
    return Figure("cancelling a running task", worst_s, 0.5, "s", note="worst of 10")
