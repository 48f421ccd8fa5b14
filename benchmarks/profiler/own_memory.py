"""What the profiler itself holds after the samples of ten minutes.

The samples are taken at once: while a session runs, its own handler is called as often as its timer
would fire in ten minutes at the mode's full rate, from many different stacks. That is more than a
real cell of ten minutes gives, where samples become rarer after two.
"""

from __future__ import annotations

import contextlib
import gc
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kosmos_nb.profiling import ExecutionProfiler

MINUTES_10_S = 600
RATES_HZ = {"standard": 100, "full": 200}
DEPTH = 40
BRANCHES = 12


def measure(mode: str, distinct: int | None = None) -> dict[str, Any]:
    """Return resident bytes gained by the sampling, and at most until the result was made. Linux only.

    Args:
        mode: `standard` or `full`.
        distinct: How many different stacks there are; None: every sample sees a new one.
    """
    samples = RATES_HZ[mode] * MINUTES_10_S
    ExecutionProfiler(mode).profile_function(int)  # imports what is imported once
    gc.collect()
    climb = _climber()
    draw = random.Random(1)
    ways = [draw.randbytes(DEPTH) for _ in range(distinct or 0)]
    profiler = ExecutionProfiler(mode)
    resident: list[int] = []

    def work() -> None:
        resident.append(_status_bytes("VmRSS"))
        with samples_at_will() as sample:
            for at in range(samples):
                way = ways[at % distinct] if distinct is not None else draw.randbytes(DEPTH)
                climb(way, len(way) - 1 - way[0] % 30, sample)
        resident.append(_status_bytes("VmRSS"))

    profiler.profile_function(work)
    # The session has set the kernel's mark at its start; nothing else here needs memory.
    peak_bytes = max(_status_bytes("VmHWM"), resident[1])
    result: Any = profiler.get_result()
    return {
        "sampled_bytes": resident[1] - resident[0],
        "with_result_bytes": peak_bytes - resident[0],
        "samples": result.samples,
        "functions": len(result.function_stats),
        "notes": list(result.notes),
    }


def _status_bytes(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"\n{name}:")[2].split()[0]) * 1024


@contextlib.contextmanager
def samples_at_will() -> Iterator[Callable[[], None]]:
    """Give a function that takes one sample of the running session, as its handler would, at once.

    The session's own timer is held back meanwhile: its signal would come in the middle of a sample.

    Raises:
        RuntimeError: No session samples by a signal now.
    """
    for number in (signal.SIGPROF, signal.SIGALRM):
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            break
    else:
        raise RuntimeError("the session does not sample by a signal here")
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    try:
        yield lambda: handler(number, sys._getframe(1))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])


def _climber() -> Any:
    """Return a function that goes down a way through many functions, and takes a sample there."""
    lines = []
    for name in range(BRANCHES):
        lines += [f"def f{name}(way, depth, sample):", "    if depth == 0: return sample()"]
        lines += [f"    to = way[depth] % {BRANCHES}"]
        lines += [f"    if to == {to}: return f{to}(way, depth - 1, sample)" for to in range(BRANCHES)]
    names: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<climber>", "exec"), names)
    return names["f0"]
