"""The process in which things are measured: one JSON request a line in, one JSON answer a line out.

A fresh one for each group of engines, so that what a tracer leaves behind in the interpreter slows
nobody else down.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

from benchmarks.profiler import roster, truths, workloads
from benchmarks.profiler.engines import (
    CProfile,
    CProfileAndTracemalloc,
    Engine,
    LineProfiler,
    Memray,
    NoneAgain,
    Ours,
    Pyinstrument,
    Said,
    said_by,
)
from benchmarks.profiler.outside import PySpy, Tachyon

_MAKERS: dict[str, Callable[[], Engine]] = {
    roster.NONE: Engine,
    roster.AGAIN: NoneAgain,
    roster.LIGHT: lambda: Ours("light"),
    roster.STANDARD: lambda: Ours("standard"),
    roster.FULL: lambda: Ours("full"),
    "py-spy": PySpy,
    "profiling.sampling": Tachyon,
    "cProfile": CProfile,
    "cProfile + tracemalloc": CProfileAndTracemalloc,
    "pyinstrument": Pyinstrument,
    "memray": Memray,
    "line_profiler": LineProfiler,
}


@cache
def _engine(name: str) -> Engine:
    return _MAKERS[name]()


@cache
def _workload(name: str) -> workloads.Workload:
    return workloads.load(name)


def absent(engine: str) -> str | None:
    """Return why an engine cannot be used in this Python, or None."""
    return _engine(engine).absent()


def work(workload: str, engine: str) -> dict[str, float]:
    """Do a workload once under an engine; return the process's CPU and the wall seconds."""
    todo, under = _workload(workload), _engine(engine)
    gc.collect()
    under.open(todo.scope)
    try:
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        under.call(todo.run)
        took = {"cpu_s": time.process_time() - cpu_s, "wall_s": time.perf_counter() - wall_s}
    finally:
        under.close()
    if isinstance(under, Ours):
        took |= {"running_cpu_s": under.newest.cpu_s, "own_s": under.newest.overhead_s}
    return took


def truth(name: str, engine: str, turns_per_ms: int) -> dict[str, Any]:
    """Run a program whose costs are known; return what its clocks said, and what the engine says."""
    program = next(one for one in truths.TRUTHS if one.name == name)
    clocks = truths.Clocks()
    under: Engine = _engine(engine)
    if isinstance(under, PySpy) and name == "sleep":
        under = PySpy(idle=True)  # the best that it can do for each
    gc.collect()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    if isinstance(under, Ours):
        said, extra = _as_cell(under.mode, program, clocks, turns_per_ms)
    else:
        said, extra = _as_call(under, program, clocks, turns_per_ms), {}
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    whole = extra.pop("whole", None) or {"wall": wall_s, "cpu": cpu_s}
    return {
        "clocks": {"wall": clocks.wall_s, "cpu": clocks.cpu_s},
        "whole": whole,
        "said": {clock: vars(one) for clock, one in said.items()},
        **extra,
    }


def _as_call(under: Engine, program: truths.Truth, clocks: truths.Clocks, ms: int) -> dict[str, Said]:
    under.open([truths])
    try:
        under.call(lambda: truths.scene(program, clocks, ms))
    except LookupError:
        pass
    finally:
        under.close()
    return under.said()


def _as_cell(
    mode: str, program: truths.Truth, clocks: truths.Clocks, ms: int
) -> tuple[dict[str, Said], dict[str, Any]]:
    names: dict[str, object] = {"truths": truths, "program": program, "clocks": clocks, "ms": ms}
    if program.scene is truths.three_lines:
        source = inspect.getsource(truths.three_lines) + "\nthree_lines(clocks, ms)"
        names |= {"time": time, "Clocks": truths.Clocks}
        shift = 2 - program.first_line  # the cell's second line is the function's first, as in its file
    else:
        source, shift = "truths.scene(program, clocks, ms)", 0
    result = _stage().profile(mode, source, names)
    said = said_by(result)
    for one in said.values():
        one.lines = {line - shift: time_s for line, time_s in one.lines.items()}
    took = {"wall": result.wall_s, "cpu": result.cpu_s}
    errors = {
        stat.name.rpartition(".")[2]: [stat.self_s, getattr(stat, "self_error_s", 0.0)]
        for stat in result.function_stats
    }
    extra = {
        # What the profiler took itself is in nobody's share.
        "whole": {clock: time_s - result.overhead_s for clock, time_s in took.items()},
        "charged": 1 - result.overhead_s / result.wall_s,
        "samples": result.samples,
        "self": errors,
        "notes": list(result.notes),
        "overhead_s": result.overhead_s,
    }
    return said, extra


@cache
def _stage() -> Any:
    from benchmarks.profiler.stage import Stage

    return Stage()


def turns_per_ms() -> int:
    """Return the turns of a plain loop that make a millisecond."""
    return truths.spin_turns_per_ms()


def python() -> str:
    """Return this Python's version."""
    return sys.version.split()[0]


def measure(part: str, **how: Any) -> Any:
    """Run one of the smaller parts in this process: `unit`, `fixed`, `memory`, `own_memory`."""
    import importlib

    return importlib.import_module(f"benchmarks.profiler.{part}").measure(**how)


_REQUESTS = {one.__name__: one for one in (absent, work, truth, turns_per_ms, python, measure)}


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the work prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": _REQUESTS[request.pop("do")](**request)}
        except Exception:  # a door: the driver decides what a failure means
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
