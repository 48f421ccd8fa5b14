"""The modes: how closely to look, and what each of them uses."""

import enum
import sys
from dataclasses import dataclass

from kosmos_nb.core import ConfigError, ProfilingError
from kosmos_nb.profiling.findings import Instrument
from kosmos_nb.profiling.meters.children import ChildrenInstrument
from kosmos_nb.profiling.meters.tracers import TracersInstrument
from kosmos_nb.profiling.sampling.instrument import StackInstrument
from kosmos_nb.profiling.session import ProfileSession
from kosmos_nb.profiling.traces.calls import CallTrace, check_calls
from kosmos_nb.profiling.traces.counter import CallCounter
from kosmos_nb.profiling.traces.memory import MemoryTrace, check_memory


class ProfilingMode(enum.StrEnum):
    """How closely to look."""

    LIGHT = "light"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class _Look:
    """What a mode may do.

    Attributes:
        budget: Share of the elapsed time that the profiler may take.
        interval_s: Mean distance of stack samples; None for none.
        counts_calls: Whether the calls of the notebook's own functions are counted.
        memory_by_line: Whether growth of memory is told by line.
    """

    budget: float
    interval_s: float | None = None
    counts_calls: bool = False
    memory_by_line: bool = False


_LOOKS = {
    ProfilingMode.LIGHT: _Look(budget=0.005),
    ProfilingMode.STANDARD: _Look(budget=0.03, interval_s=0.010),
    ProfilingMode.FULL: _Look(budget=0.06, interval_s=0.005, counts_calls=True, memory_by_line=True),
}


def check_traces(*, calls: bool, memory: bool) -> None:
    """Find out whether what is to be traced can be traced now, before anything runs.

    Raises:
        MissingExtraError: memray is not installed.
        ProfilingError: Another profiler is active, or the two cannot go together.
    """
    if calls and memory and sys.version_info < (3, 12):
        raise ProfilingError(
            "--trace-calls and --trace-memory both need the interpreter's one profiling hook; "
            "use one of them at a time (Python 3.12 and newer have room for both)."
        )
    if memory:
        check_memory()
    if calls:
        check_calls()


def new_session(
    mode: ProfilingMode | str,
    *,
    threshold_pct: float = 5.0,
    track_memory: bool = True,
    trace_calls: bool = False,
    trace_memory: bool = False,
    own_file: str | None = None,
) -> ProfileSession:
    """Return a session of the mode, not started.

    Args:
        mode: How closely to look.
        threshold_pct: Share of the time above which something is a bottleneck, in percent.
        track_memory: Whether to find the peak of memory.
        trace_calls: Whether to count every call, in any mode; slow.
        trace_memory: Whether to follow every allocation, in any mode; slow.
        own_file: A file whose functions' calls full mode counts, beside those of notebook cells.

    Raises:
        ConfigError: There is no such mode, or the threshold is no percentage.
        MissingExtraError: What is to be traced needs a library that is not installed.
        ProfilingError: It cannot be traced now.
    """
    try:
        known = ProfilingMode(mode)
    except ValueError:
        modes = ", ".join(known.value for known in ProfilingMode)
        raise ConfigError(f"The profiling mode is one of {modes}, not {mode!r}.") from None
    if not 0 < threshold_pct < 100:
        raise ConfigError(f"The bottleneck threshold lies between 0 and 100 percent, not {threshold_pct}.")
    check_traces(calls=trace_calls, memory=trace_memory)
    look = _LOOKS[known]
    children = ChildrenInstrument(watch=look.interval_s is not None)
    # The tracers go first: who else is there, before any of ours is.
    instruments: list[Instrument] = [TracersInstrument(), children]
    if look.interval_s is not None:
        instruments.append(
            StackInstrument(
                interval_s=look.interval_s,
                threshold_pct=threshold_pct,
                track_memory=track_memory,
                budget=look.budget,
                memory_by_line=look.memory_by_line,
                on_look=children.look,
            )
        )
    # What slows the code starts last and ends first.
    if trace_memory:
        instruments.append(MemoryTrace())
    if trace_calls:
        instruments.append(CallTrace())
    elif look.counts_calls:
        instruments.append(CallCounter(own_file))
    return ProfileSession(known.value, instruments, threshold_pct=threshold_pct, track_memory=track_memory)
