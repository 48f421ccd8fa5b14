"""`--trace-calls`: every call counted, at a tracer's price.

Its times are not used: the tracer's own cost falls on whatever is called often, and moves the blame
there. Times come from the samples, counts from here.
"""

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from kosmos_nb.core import ProfilingError
from kosmos_nb.history import FunctionStat
from kosmos_nb.profiling.analysis.frames import Function
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended
from kosmos_nb.profiling.traces.counter import NO_PLACE, Calls, Tool, profile_hook, with_calls
from kosmos_nb.profiling.traces.with_cprofile import HookedTrace
from kosmos_nb.profiling.traces.with_monitoring import MonitoredTrace

PRICE = (
    "--trace-calls sees every call, as cProfile does: call-heavy code runs 2-6 times slower, and functions "
    "with many calls look dearer than they are. Read the counts, not the times."
)
MOST_FUNCTIONS = 1_000
_HAS_MONITORING = sys.version_info >= (3, 12)


class Trace(Protocol):
    """What sees the calls."""

    notes: list[str]

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End."""
        ...

    def counts(self, subject: Subject) -> Counter[Function]:
        """Return the calls that the measured code made, by function."""
        ...


def check_calls() -> None:
    """Find out whether calls can be traced now.

    Python 3.12 has room for several profilers; before, there is one hook.

    Raises:
        ProfilingError: Another profiler is active; the message says which.
    """
    if _HAS_MONITORING:
        if not Tool.is_free():
            raise ProfilingError(NO_PLACE)
        return
    hook = profile_hook()
    if hook is not None:
        raise ProfilingError(
            f"--trace-calls needs the interpreter's profiling hook, which is in use ({hook}). "
            "Stop that profiler first, or leave --trace-calls out."
        )


class CallTrace:
    """Counts the calls of all functions, Python's and C's."""

    def __init__(self) -> None:
        self._trace: Trace = MonitoredTrace() if _HAS_MONITORING else HookedTrace()

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Begin to count; see `Instrument`.

        Raises:
            ProfilingError: Another profiler is active.
        """
        check_calls()
        self._trace.start()

    def stop(self) -> None:
        """End it."""
        self._trace.stop()

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Put the counts beside the functions' times."""
        listed, left_out = _most_called(self._trace.counts(subject), found.function_stats)
        notes = [PRICE, *self._trace.notes]
        if left_out:
            notes.append(f"{left_out} functions with fewer calls are not listed.")
        return dataclasses.replace(
            found,
            function_stats=with_calls(found.function_stats, listed),
            traces=(*found.traces, "calls"),
            notes=(*found.notes, *notes),
        )


def _most_called(
    counts: Counter[Function], stats: Iterable[FunctionStat]
) -> tuple[dict[Function, Calls], int]:
    """Return the counts that are listed, and how many are not."""
    known = {Function(stat.name, stat.file, stat.line) for stat in stats}
    listed = {function: Calls(count) for function, count in counts.items() if function in known}
    for function, count in counts.most_common():
        if len(listed) >= MOST_FUNCTIONS:
            break
        listed.setdefault(function, Calls(count))
    return listed, len(counts) - len(listed)
