"""The processes that the code starts, or that work for it: who they are and what they take.

The system adds up the CPU of all children that were waited for (`RUSAGE_CHILDREN`). With what the
living ones have taken by then, the difference between end and start is the CPU of all of them,
also of those that nobody saw. Each by itself is known as far as somebody looked: in light mode at
both ends, else now and then while the code runs.
"""

import _thread
import dataclasses
import os
import sys
import time
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import ChildProcess
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters.descendants import Descendants, ProcessReading, descendants, may_have_children
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended

if sys.platform != "win32":
    import resource

MOST_CHILDREN = 200
PAUSE_S, PAUSE_WITHOUT_S = 0.05, 0.1
# A look may take one part in so many of the time to the next one.
SHARE = 200
# A young child changes fast, and may end soon: it is looked at again after this part of its age.
YOUNG_S = 0.5
YOUNG_PART = 0.25
SHARE_WHILE_YOUNG = 40
WORTH_TELLING_S = 0.05

Key = tuple[int, float]


@dataclass(slots=True)
class _Child:
    first: ProcessReading
    at_start: bool
    last: ProcessReading
    last_seen_s: float
    peak_bytes: int | None = None

    has_gone: bool = False
    ended_cpu_s: float = 0.0  # of its whole life, where its parent's sum gives that away

    @property
    def cpu_s(self) -> float:
        """CPU since the start, or since it was made."""
        before_s = self.first.cpu_s if self.at_start else 0.0
        return max(0.0, max(self.last.cpu_s, self.ended_cpu_s) - before_s)


class ChildrenInstrument:
    """Watches the processes below this one.

    Args:
        watch: Whether to look while the code runs, or at both ends only.
    """

    def __init__(self, *, watch: bool) -> None:
        self._watch = watch
        self._looking = _thread.allocate_lock()
        self._next_look_s = 0.0
        self._process = 0
        self._descendants: Descendants | None = None
        self._children: dict[Key, _Child] = {}
        self._reaped_before = self._reaped_after = _Reaped(0.0, 0)
        self._cpu_before_s = self._cpu_after_s = self._reaped_cpu_s = 0.0
        self._started_s = self._stopped_s = 0.0

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Look for the first time; see `Instrument`."""
        self._process, self._meter = os.getpid(), meter
        self._started_s = time.perf_counter()
        self._reaped_before = _reaped()
        self._reaped_cpu_s = self._reaped_before.cpu_s
        self._cpu_before_s = self._reaped_before.cpu_s + self._read(at_start=True)

    def look(self, at_s: float) -> None:
        """Look, where the last look is long enough ago; the sampler calls it, in any thread."""
        if not self._watch or at_s < self._next_look_s or not self._looking.acquire(blocking=False):
            return
        try:
            if self._process == os.getpid():
                began_s = time.thread_time()
                self._read()
                self._next_look_s = at_s + self._pause_s(time.thread_time() - began_s)
        finally:
            self._looking.release()

    def stop(self) -> None:
        """Look for the last time."""
        if self._process != os.getpid():  # the child of a fork: the children are its parent's
            self._children.clear()
            return
        self._stopped_s = time.perf_counter()
        living_cpu_s = self._read()
        self._reaped_after = _reaped()
        self._cpu_after_s = self._reaped_after.cpu_s + living_cpu_s

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Add the children, most CPU first."""
        if not self._children and self._cpu_after_s <= self._cpu_before_s:
            return found
        children = [child for child in self._children.values() if not child.at_start or child.cpu_s > 0]
        children.sort(key=lambda child: child.cpu_s, reverse=True)
        seen_cpu_s = sum(child.cpu_s for child in children)
        cpu_s = max(self._cpu_after_s - self._cpu_before_s, seen_cpu_s)
        self._tell_peak_of_the_only_one()
        notes = found.notes
        if cpu_s - seen_cpu_s > max(WORTH_TELLING_S, cpu_s / 10):
            notes = (*notes, self._note_of_unseen(cpu_s - seen_cpu_s))
        return dataclasses.replace(
            found,
            children=tuple(self._told(child) for child in children[:MOST_CHILDREN]),
            children_cpu_s=cpu_s,
            notes=notes,
        )

    def _read(self, *, at_start: bool = False) -> float:
        """Note what each process has taken, and return the CPU of all of them."""
        if not may_have_children():
            if self._children:
                self._settle(set())
            return 0.0
        if self._descendants is None:
            self._descendants = descendants()
        read_before = self._descendants.own_read_bytes
        readings = self._descendants.read()
        self._meter.leave_out(self._descendants.own_read_bytes - read_before)
        now_s = time.perf_counter()
        for reading in readings:
            self._note(reading, now_s, at_start)
        self._settle({(reading.pid, reading.born) for reading in readings})
        return sum(reading.cpu_s + reading.reaped_cpu_s for reading in readings)

    def _settle(self, there: set[Key]) -> None:
        """Give a child that has gone since the last look what our sum has grown by.

        Where several have gone the sum does not say whose it is. It cannot be more than all
        processors gave since that look.
        """
        now_s = time.perf_counter()
        reaped_s = _reaped().cpu_s
        grown_s, self._reaped_cpu_s = reaped_s - self._reaped_cpu_s, reaped_s
        gone = [child for key, child in self._children.items() if key not in there and not child.has_gone]
        for child in gone:
            child.has_gone = True
        if len(gone) == 1:
            last = gone[0].last
            most_s = last.cpu_s + (now_s - gone[0].last_seen_s) * (os.cpu_count() or 1)
            gone[0].ended_cpu_s = min(most_s, grown_s - last.reaped_cpu_s)

    def _pause_s(self, cost_s: float) -> float:
        living = [child.last.age_s for child in self._children.values() if not child.has_gone]
        if not living:
            return PAUSE_WITHOUT_S
        youngest_s = min(living)
        if youngest_s < YOUNG_S:
            return max(YOUNG_PART * youngest_s, SHARE_WHILE_YOUNG * cost_s)
        return max(PAUSE_S, SHARE * cost_s)

    def _note(self, reading: ProcessReading, now_s: float, at_start: bool) -> None:
        key = (reading.pid, reading.born)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = _Child(reading, at_start, reading, now_s)
        child.last, child.last_seen_s = reading, now_s
        if reading.peak_bytes is not None:
            child.peak_bytes = max(child.peak_bytes or 0, reading.peak_bytes)

    def _told(self, child: _Child) -> ChildProcess:
        first_s = max(self._started_s, child.last_seen_s - child.last.age_s)
        return ChildProcess(
            pid=child.last.pid,
            name=child.last.name,
            cpu_s=child.cpu_s,
            peak_bytes=child.peak_bytes,
            wall_s=max(0.0, child.last_seen_s - first_s),
            is_running=self._is_there(child),
        )

    def _is_there(self, child: _Child) -> bool:
        return child.last.is_running and child.last_seen_s >= self._stopped_s

    def _note_of_unseen(self, cpu_s: float) -> str:
        peak = self._peak_of_ended()
        largest = f", the largest held {units.size(peak)}" if peak is not None else ""
        why = "lived too short to be seen" if self._watch else "light mode looks at the end only"
        return (
            f"Child processes that had ended took {units.seconds(cpu_s)} of CPU{largest}; "
            f"which ones is not known: {why}."
        )

    def _peak_of_ended(self) -> int | None:
        """Return the highest resident memory of a child that ended, where the system's number is that.

        It is the highest of all children ever waited for, and a child begins with the number of
        its parent: of use where it grew above what this process itself held.
        """
        if any(child.at_start for child in self._children.values()):
            return None  # its parent's number may be of any time before
        peak = self._reaped_after.peak_bytes
        is_its_own = peak > max(self._reaped_before.peak_bytes, self._meter.peak_bytes, _own_peak_bytes())
        return peak if is_its_own else None

    def _tell_peak_of_the_only_one(self) -> None:
        ended = [child for child in self._children.values() if not self._is_there(child)]
        peak = self._peak_of_ended()
        if peak is not None and len(ended) == 1:
            ended[0].peak_bytes = max(ended[0].peak_bytes or 0, peak)


@dataclass(frozen=True, slots=True)
class _Reaped:
    """CPU of all children that were waited for, and the largest of them."""

    cpu_s: float
    peak_bytes: int


def _reaped() -> _Reaped:
    if sys.platform == "win32":
        return _Reaped(0.0, 0)
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Reaped(use.ru_utime + use.ru_stime, use.ru_maxrss * _MAXRSS_BYTES)


def _own_peak_bytes() -> int:
    if sys.platform == "win32":
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_BYTES


_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
