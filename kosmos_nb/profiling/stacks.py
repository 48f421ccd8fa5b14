"""The instrument that samples stacks: call tree, functions, lines, bottlenecks, memory over time."""

import dataclasses
from collections.abc import Callable

from kosmos_nb.history import MEGABYTE, MemorySnapshot
from kosmos_nb.profiling.bottlenecks import find_bottlenecks
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters import ProcessMeter
from kosmos_nb.profiling.sampler import SAMPLER, Recorder
from kosmos_nb.profiling.stack import Suspended
from kosmos_nb.profiling.subject import Subject, paths
from kosmos_nb.profiling.tree import build_tree, function_stats, line_stats

MOST_SNAPSHOTS = 200


class StackInstrument:
    """Samples stacks at a mean interval.

    Where the sampler cannot run, the result has no tree and a note says why.

    Args:
        interval_s: Mean distance of the samples.
        threshold_pct: Share of the time above which something is a bottleneck, in percent.
        track_memory: Whether to look at memory at each sample.
        on_look: Called at each sample with the wall clock, for what else is to be looked at.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        threshold_pct: float,
        track_memory: bool,
        on_look: Callable[[float], None] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._threshold_pct = threshold_pct
        self._track_memory = track_memory
        self._on_look = on_look
        self._trouble: str | None = None
        self._memory = _MemoryLine()

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Begin to sample; see `Instrument`."""
        self._meter = meter
        self._recorder = Recorder(self._interval_s, self._look, suspended)
        self._trouble = SAMPLER.add(self._recorder)

    def stop(self) -> None:
        """End it."""
        cut_short = SAMPLER.remove(self._recorder)
        self._trouble = self._trouble or cut_short

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Resolve what was sampled."""
        recorder = self._recorder
        seen = paths(subject, recorder.stacks())
        sampled_s = sum(path.wall_s for path in seen)
        cell = subject.cell.shown if subject.cell is not None else subject.root.file
        return dataclasses.replace(
            found,
            samples=recorder.samples,
            interval_s=sampled_s / recorder.samples if recorder.samples else None,
            overhead_s=found.overhead_s + recorder.overhead_s,
            tree=build_tree(seen),
            function_stats=function_stats(seen),
            line_stats=line_stats(seen, subject.source),
            bottlenecks=find_bottlenecks(seen, subject.source, cell, self._threshold_pct),
            memory_snapshots=self._memory.snapshots(),
            notes=(*found.notes, self._trouble) if self._trouble else found.notes,
        )

    def _look(self, wall_s: float) -> None:
        if self._track_memory:
            self._memory.add(wall_s - self._recorder.started_s, self._meter.rss_bytes())
        if self._on_look is not None:
            self._on_look(wall_s)


class _MemoryLine:
    """Resident memory over time, thinned so that a long cell stays small."""

    def __init__(self) -> None:
        self._points: list[tuple[float, int, int]] = []
        self._peak_bytes = 0
        self._every = 1
        self._skipped = 0

    def add(self, at_s: float, rss_bytes: int) -> None:
        """Add a reading; every second one is let go when there are too many."""
        self._peak_bytes = max(self._peak_bytes, rss_bytes)
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        self._points.append((at_s, rss_bytes, self._peak_bytes))
        if len(self._points) >= 2 * MOST_SNAPSHOTS:
            del self._points[::2]
            self._every *= 2

    def snapshots(self) -> tuple[MemorySnapshot, ...]:
        """Return what was kept, in order."""
        return tuple(
            MemorySnapshot(timestamp=at_s, current_mb=rss / MEGABYTE, peak_mb=peak / MEGABYTE)
            for at_s, rss, peak in self._points
        )
