"""What the parts of a profile add to it, and what such a part is."""

from dataclasses import dataclass
from typing import Protocol

from kosmos_nb.history import (
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    FunctionStat,
    LineStat,
    MemorySnapshot,
)
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was seen beyond the clocks; fields as in `ProfileResult`."""

    samples: int = 0
    interval_s: float | None = None
    overhead_s: float = 0.0
    tree: CallNode | None = None
    function_stats: tuple[FunctionStat, ...] = ()
    line_stats: tuple[LineStat, ...] = ()
    bottlenecks: tuple[Bottleneck, ...] = ()
    memory_snapshots: tuple[MemorySnapshot, ...] = ()
    children: tuple[ChildProcess, ...] = ()
    children_cpu_s: float = 0.0
    traces: tuple[str, ...] = ()
    heap_peak_bytes: int | None = None
    allocation_sites: tuple[AllocationSite, ...] = ()
    notes: tuple[str, ...] = ()


class Instrument(Protocol):
    """One part of a profile: it watches while the code runs and adds what it saw.

    A session starts its instruments in order and stops them in the opposite one.
    """

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Begin to watch.

        Args:
            meter: The session's clocks, open but not running yet.
            suspended: Gives the frames of the measured coroutine while it waits.
        """
        ...

    def stop(self) -> None:
        """End it, and put back what was found. Also called where `start` failed half-way."""
        ...

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Return `found` with what this instrument saw."""
        ...
