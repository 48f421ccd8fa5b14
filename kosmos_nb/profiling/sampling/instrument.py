"""The instrument that samples stacks: call tree, functions, lines, bottlenecks, CPU and memory over time."""

import dataclasses
import time
from collections.abc import Callable

from kosmos_nb.history import MEGABYTE, MemorySnapshot
from kosmos_nb.profiling.analysis.bottlenecks import find_bottlenecks
from kosmos_nb.profiling.analysis.subject import Subject, paths
from kosmos_nb.profiling.analysis.tree import build_tree, function_stats, line_stats
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.sampler import SAMPLER, Recorder
from kosmos_nb.profiling.sampling.stack import Suspended

MOST_SNAPSHOTS = 200


class StackInstrument:
    """Samples stacks at a mean interval.

    Where no signal can do it, another thread takes the samples, and a note says so.

    Args:
        interval_s: Mean distance of the samples.
        threshold_pct: Share of the time above which something is a bottleneck, in percent.
        track_memory: Whether to look at memory at each sample.
        budget: Share of the elapsed time that sampling may take; above it samples become rarer.
        memory_by_line: Whether to find out which lines memory grew at; needs `track_memory`.
        on_look: Called now and then, at a sample, with the wall clock, for what else is to be looked at.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        threshold_pct: float,
        track_memory: bool,
        budget: float = 0.03,
        memory_by_line: bool = False,
        on_look: Callable[[float], None] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._threshold_pct = threshold_pct
        self._track_memory = track_memory
        self._budget = budget
        self._memory_by_line = memory_by_line and track_memory
        self._on_look = on_look
        self._notes: list[str | None] = []
        self._line = _Timeline()

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Begin to sample; see `Instrument`."""
        self._meter = meter
        self._line.begin()
        self._note_end()
        self._recorder = Recorder(
            self._interval_s,
            budget=self._budget,
            look=self._look,
            suspended=suspended,
            memory_by_line=self._memory_by_line,
            rss_bytes=self._line.rss_bytes,
            leave_out=meter.leave_out,
        )
        self._notes.append(SAMPLER.add(self._recorder))

    def stop(self) -> None:
        """End it."""
        self._notes.append(SAMPLER.remove(self._recorder))
        self._note_end()

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Resolve what was sampled."""
        recorder = self._recorder
        seen = paths(subject, recorder.stacks())
        samples = sum(path.samples for path in seen)
        sampled_s = sum(path.wall_s for path in seen)
        cell = subject.cell.shown if subject.cell is not None else subject.root.file
        resolved = dataclasses.replace(
            found,
            samples=samples,
            interval_s=sampled_s / samples if samples else None,
            overhead_s=found.overhead_s + recorder.overhead_s,
            tree=build_tree(seen),
            function_stats=function_stats(seen),
            line_stats=line_stats(seen, subject.source, has_memory=self._memory_by_line),
            bottlenecks=find_bottlenecks(seen, subject.source, cell, self._threshold_pct),
            memory_snapshots=self._line.snapshots(),
            notes=(*found.notes, *(note for note in self._notes if note)),
        )
        SAMPLER.settle()  # only now: what has ended had the time of all this to go
        return resolved

    def _look(self, wall_s: float, process_s: float) -> int:
        if self._track_memory:
            self._line.add(wall_s, process_s, self._meter.rss_bytes())
        if self._on_look is not None:
            self._on_look(wall_s)
        return self._line.rss_bytes

    def _note_end(self) -> None:
        if self._track_memory:
            now_s, process_s = time.perf_counter(), time.process_time()
            self._line.add(now_s, process_s, self._meter.rss_bytes(), is_end=True)


class _Timeline:
    """Process CPU and resident memory over time, thinned so that a long cell stays small.

    Attributes:
        rss_bytes: The newest reading.
    """

    def __init__(self) -> None:
        self._points: list[tuple[float, float, int, int]] = []
        self._ends: list[tuple[float, float, int, int]] = []
        self._peak_bytes = 0
        self._every = 1
        self._skipped = 0
        self.rss_bytes = 0

    def begin(self) -> None:
        """Let the clocks of the points begin now."""
        self._began_s, self._process_s = time.perf_counter(), time.process_time()

    def add(self, wall_s: float, process_s: float, rss_bytes: int, *, is_end: bool = False) -> None:
        """Add a reading; every second one is let go when there are too many, but for the ends."""
        self.rss_bytes = rss_bytes
        self._peak_bytes = max(self._peak_bytes, rss_bytes)
        point = (wall_s - self._began_s, process_s - self._process_s, rss_bytes, self._peak_bytes)
        if is_end:
            self._ends.append(point)
            return
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        self._points.append(point)
        if len(self._points) >= 2 * MOST_SNAPSHOTS:
            del self._points[::2]
            self._every *= 2

    def snapshots(self) -> tuple[MemorySnapshot, ...]:
        """Return what was kept, in order; two threads may have added to it."""
        return tuple(
            MemorySnapshot(
                timestamp=max(0.0, at_s),
                current_mb=rss / MEGABYTE,
                peak_mb=peak / MEGABYTE,
                cpu_s=max(0.0, cpu_s),
            )
            for at_s, cpu_s, rss, peak in sorted(self._points + self._ends)
        )
