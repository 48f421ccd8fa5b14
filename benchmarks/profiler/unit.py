"""What single things cost: a call, a line, a sample, a look at the threads. Least of many.

These are exact where ratios of whole runs are lost in the machine's noise.
"""

from __future__ import annotations

import contextlib
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.profiler.engines import CProfile, Engine, Ours
from benchmarks.profiler.own_memory import samples_at_will
from benchmarks.profiler.workloads import allocate

CALLS = 100_000
COUNTED = 9_000  # full mode counts a function's first 10,000
REPEATS = 25
DEPTHS = (10, 30, 100)
THREADS = (0, 1, 4, 8)
LOOKING_S = 1.0


def measure(repeats: int = REPEATS) -> dict[str, Any]:
    """Return all unit costs; names end in their units."""
    engines: list[Engine] = [Ours("light"), Ours("standard"), Ours("full"), CProfile()]
    return {
        "python_call_ns": _added_ns(engines, python_calls, CALLS, repeats),
        "c_call_ns": _added_ns(engines, c_calls, CALLS, repeats),
        "line_ns": _added_ns(engines, lines, CALLS * 4, repeats),
        "counted_call_ns": _added_ns([Ours("full")], counted_calls, COUNTED, 4 * repeats),
        "session_ms": {mode: _session_ms(mode, 4 * repeats) for mode in ("light", "standard", "full")},
        "sample_us": {
            mode: {str(depth): _sample_us(mode, depth, repeats) for depth in DEPTHS}
            for mode in ("standard", "full")
        },
        "sampling": {mode: _sampling(mode) for mode in ("standard", "full")},
        "helper": {str(many): _helper(many) for many in THREADS},
    }


def tiny() -> None:
    """Do nothing."""


def python_calls() -> None:
    """Call a Python function often."""
    for _ in range(CALLS):
        tiny()


def counted_calls() -> None:
    """Call a Python function as often as full mode counts."""
    for _ in range(COUNTED):
        tiny()


def c_calls() -> None:
    """Call a C function often."""
    values: list[int] = []
    for _ in range(CALLS):
        values.__len__()


def lines() -> None:
    """Run many lines."""
    for n in range(CALLS):
        a = n
        b = a
        c = b
        a = c


def _added_ns(engines: list[Engine], work: Callable[[], None], events: int, repeats: int) -> dict[str, float]:
    """Return what each engine adds to one event: difference of the least times."""
    least: dict[str, float] = {}
    for _ in range(repeats):
        for engine in (Engine(), *engines):
            took: list[float] = []
            engine.call(lambda: took.append(_cpu_s(work)))  # noqa: B023 - called at once
            least[engine.name] = min(took[0], least.get(engine.name, took[0]))
    return {engine.name: (least[engine.name] - least[Engine.name]) / events * 1e9 for engine in engines}


def _cpu_s(work: Callable[[], object]) -> float:
    began_s = time.thread_time()
    work()
    return time.thread_time() - began_s


def _session_ms(mode: str, repeats: int) -> float:
    """Return start, stop and result of a profile of nothing."""
    engine = Ours(mode)
    return min(_cpu_s(lambda: engine.call(tiny)) for _ in range(repeats)) * 1e3


def _sample_us(mode: str, depth: int, repeats: int, batch: int = 100) -> float:
    """Return one sample with all that belongs to it, at some depth of the stack."""
    costs: list[float] = []

    def take() -> None:
        with samples_at_will() as sample:
            for _ in range(repeats):
                costs.append(_cpu_s(lambda: [sample() for _ in range(batch)]) / batch)

    Ours(mode).call(lambda: _at_depth(depth, take))
    return (min(costs) + _delivery_s(repeats, batch)) * 1e6


def _sampling(mode: str, cells: int = 5) -> dict[str, float]:
    """Return what sampling costs among other work, the second thread's part included.

    A hundred samples in a row find everything in the processor's caches; one in ten milliseconds of
    other work finds nothing there, and costs several times as much. By the profiler's own clocks: the
    median of some cells, less what a profile of nothing costs. `share`: of the time that the work
    takes; `us`: for each sample, which a collection of garbage or a long C call makes rarer.
    """
    engine = Ours(mode)
    nothing_s = min(_own_s(engine, tiny)[0] for _ in range(20))
    found = [_own_s(engine, lambda: [allocate() for _ in range(3)]) for _ in range(cells)]
    return {
        "share": statistics.median((own_s - nothing_s) / wall_s for own_s, wall_s, _ in found),
        "us": statistics.median((own_s - nothing_s) / samples for own_s, _, samples in found) * 1e6,
    }


def _own_s(engine: Ours, work: Callable[[], object]) -> tuple[float, float, int]:
    engine.call(work)
    return engine.newest.overhead_s, engine.newest.wall_s, max(1, engine.newest.samples)


def _delivery_s(repeats: int, batch: int) -> float:
    """Return what it costs to be sent a signal and to have a handler that does nothing."""
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    try:
        least_s = min(
            _cpu_s(lambda: [signal.raise_signal(signal.SIGUSR1) for _ in range(batch)])
            for _ in range(repeats)
        )
    finally:
        signal.signal(signal.SIGUSR1, before)
    return least_s / batch


def _at_depth(depth: int, work: Callable[[], None]) -> None:
    if depth > 1:
        _at_depth(depth - 1, work)
    else:
        work()


def _helper(many: int) -> dict[str, float]:
    """Return what the second thread takes while `many` threads wait in the user's code.

    `cpu_per_s`: share of the time; `look_us`: by the kernel's count of its naps. Linux only.
    """
    found: dict[str, float] = {}

    def look() -> None:
        time.sleep(0.1)  # until the helper is there
        before = _tasks()
        began_s = time.perf_counter()
        time.sleep(LOOKING_S)
        elapsed_s = time.perf_counter() - began_s
        known = {thread.native_id for thread in threading.enumerate()}
        for task, (cpu_s, naps) in _tasks().items():
            if task not in known and task in before:
                spent_s, looks = cpu_s - before[task][0], naps - before[task][1]
                if looks and spent_s / elapsed_s > found.get("cpu_per_s", 0.0):
                    found.update(cpu_per_s=spent_s / elapsed_s, look_us=spent_s / looks * 1e6, looks=looks)

    if sys.platform.startswith("linux"):
        with _waiting(many):
            Ours("standard").call(look)
    return found


def _tasks() -> dict[int, tuple[float, int]]:
    """Return CPU seconds and voluntary switches by thread of this process."""
    found = {}
    for folder in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            cpu_ns = int((folder / "schedstat").read_text().split()[0])
            status = (folder / "status").read_text()
            naps = int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
            found[int(folder.name)] = (cpu_ns / 1e9, naps)
    return found


@contextlib.contextmanager
def _waiting(many: int) -> Iterator[None]:
    end = threading.Event()
    threads = [threading.Thread(target=_at_depth, args=(10, end.wait)) for _ in range(many)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()
