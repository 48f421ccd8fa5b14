"""Standard mode: light, and the stack sampler on the main thread."""

from kosmos_nb.history import MEGABYTE, MemorySnapshot
from kosmos_nb.profiling.bottlenecks import find_bottlenecks
from kosmos_nb.profiling.sampler import SAMPLER, Recorder, Suspended
from kosmos_nb.profiling.session import ProfileSession, Watched
from kosmos_nb.profiling.subject import Subject, paths
from kosmos_nb.profiling.tree import build_tree, function_stats, line_stats

MOST_SNAPSHOTS = 200


class StandardSession(ProfileSession):
    """Light, with call tree, functions, lines and bottlenecks by sampling.

    Where the sampler cannot run, the result has no tree and a note says why.
    """

    mode = "standard"

    def _watch(self, suspended: Suspended | None) -> None:
        self._memory = _MemoryLine()
        self._recorder = Recorder(self._note_memory if self.track_memory else None, suspended)
        self._trouble = SAMPLER.add(self._recorder)

    def _unwatch(self) -> None:
        cut_short = SAMPLER.remove(self._recorder)
        self._trouble = self._trouble or cut_short

    def _note_memory(self, wall_s: float) -> None:
        self._memory.add(wall_s - self._recorder.started_s, self._meter.rss_bytes())

    def _seen(self, subject: Subject) -> Watched:
        recorder = self._recorder
        found = paths(subject, recorder)
        sampled_s = sum(path.wall_s for path in found)
        cell = subject.cell.shown if subject.cell is not None else subject.root.file
        return Watched(
            samples=recorder.samples,
            interval_s=sampled_s / recorder.samples if recorder.samples else None,
            overhead_s=recorder.overhead_s,
            tree=build_tree(found),
            function_stats=function_stats(found),
            line_stats=line_stats(found, subject.source),
            bottlenecks=find_bottlenecks(found, subject.source, cell, self.threshold_pct),
            memory_snapshots=self._memory.snapshots(),
            notes=(self._trouble,) if self._trouble else (),
        )


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
