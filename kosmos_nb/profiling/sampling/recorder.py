"""One session's view of the sampler: it notes what is seen, and adds that up later."""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from kosmos_nb.profiling.analysis.subject import stack_depth
from kosmos_nb.profiling.sampling.awaiting import suspended_in_loop
from kosmos_nb.profiling.sampling.glimpses import Glimpse
from kosmos_nb.profiling.sampling.pools import ThreadHead, stand_ins
from kosmos_nb.profiling.sampling.stack import NOT_SUSPENDED, SampledStack, Suspended, Suspension
from kosmos_nb.profiling.sampling.tally import Moment, Sample, Tally
from kosmos_nb.profiling.sampling.waits import Wait, cpu_clock
from kosmos_nb.profiling.sampling.walk import FrameTable, StackKey
from kosmos_nb.profiling.sampling.weights import Weights

INTERVAL_S = 0.01
BUDGET = 0.03
# Memory over time needs no more looks; memory by line needs one at each sample.
LOOK_S = 0.1
# Samples that wait to be added up.
MOST_WAITING = 16

Look = Callable[[float, float], int]  # given wall clock and process CPU, returns resident bytes


class ThreadShare(NamedTuple):
    """What another thread did between two looks; fields as in `SampledStack`."""

    ident: int
    thread_id: int
    name: str
    key: StackKey
    wall_s: float
    cpu_s: float
    lock_s: float
    interval_s: float


class Recorder:
    """The stacks of one session, for the thread that makes it and the other threads of the code.

    Args:
        interval_s: Mean distance of the samples that it asks for.
        budget: Share of the elapsed time that sampling may take.
        look: Called now and then, at a sample, for what else is to be noted.
        suspended: Says where a coroutine waits, for when it is not on the stack; by default the main
            task of a loop which is on the stack.
        memory_by_line: Whether growth of memory is added to the stacks; needs `look`, at each sample.
        rss_bytes: Resident memory now, for that.
        leave_out: Told how many bytes looks at other threads have read, which are not the code's.

    Attributes:
        ident, native_id: Of the thread that made it.
        started_s: Wall clock when it was made.
        last_s: Wall clock of the newest sample.
        is_signalled: Whether a signal takes the thread's samples, or another thread does.
        samples: How many samples of that thread there were.
        overhead_s: CPU seconds of the samples.
    """

    def __init__(
        self,
        interval_s: float = INTERVAL_S,
        *,
        budget: float = BUDGET,
        look: Look | None = None,
        suspended: Suspended | None = None,
        memory_by_line: bool = False,
        rss_bytes: int = 0,
        leave_out: Callable[[int], None] | None = None,
    ) -> None:
        self.interval_s, self.budget = interval_s, budget
        self.ident, self.native_id = threading.get_ident(), threading.get_native_id()
        self.is_signalled = False
        self.samples = 0
        self.overhead_s = 0.0
        self._look, self._look_due_s = look, 0.0
        self.leave_out = leave_out or _nobody_counts
        self._suspended = suspended
        self._memory_by_line = memory_by_line
        self._glimpses: list[Glimpse] = []  # since the newest sample
        self._newest: Sample | None = None  # while it is not known how long it takes
        self._waiting: list[tuple[Sample, float, float]] = []  # with their own time, wall and CPU
        self._others: Weights[ThreadHead] = Weights(stand_ins=stand_ins)
        self._looks_at: dict[int, Counter[Wait]] = {}  # by innermost frame
        self._clock = cpu_clock(self.native_id)
        process_s, cpu_s, now_s = time.process_time(), time.thread_time(), time.perf_counter()
        self._process_began_s, self._cpu_began_s = process_s, cpu_s
        self.started_s = self.last_s = now_s
        began = Moment(now_s, now_s, cpu_s, process_s, interval_s)
        self._tally = Tally(FrameTable(), began, _depth_outside(), rss_bytes)

    @property
    def table(self) -> FrameTable:
        """Numbers of the frames; the sampler's, when it is added."""
        return self._tally.table

    @table.setter
    def table(self, table: FrameTable) -> None:
        self._tally.table = table

    def cpu_from_outside_s(self) -> float:
        """Return the CPU clock of the thread that made it, to be asked by another thread.

        Where there is none, what the whole process took since then.
        """
        if self._clock is not None:
            return time.clock_gettime(self._clock)
        return self._cpu_began_s + time.process_time() - self._process_began_s

    def process_cpu_s(self) -> float:
        """Return what the process took since it was made."""
        return time.process_time() - self._process_began_s

    def record(self, frame: FrameType | None, key: StackKey, now: Moment) -> None:
        """Note a sample; `resume` says how long that took, where it took the code's time.

        Args:
            frame: The innermost frame of the stack.
            key: The stack.
            now: The clocks.
        """
        if len(self._waiting) >= MOST_WAITING or self._newest is not None:
            self._add_up()
        glimpses, rss_bytes = self._glimpses, None
        if glimpses:
            self._glimpses = []
        if self._look is not None and (self._memory_by_line or now.wall_s >= self._look_due_s):
            self._look_due_s = now.wall_s + LOOK_S
            rss_bytes = self._look(now.wall_s, now.process_s)
        by_line = rss_bytes if self._memory_by_line else None
        self._newest = Sample(key, self._suspension_at(frame, key), now, glimpses or _NONE, by_line)
        self.last_s = now.wall_s
        self.samples += 1

    def resume(self, wall_s: float, cpu_s: float) -> None:
        """Take note how long the newest sample took, to leave that out.

        By the CPU clock: while the machine runs others, the profiler costs nothing.
        """
        newest, self._newest = self._newest, None
        if newest is not None:
            self._waiting.append((newest, wall_s, cpu_s))
        self.overhead_s += cpu_s

    def glimpse(self, frame: FrameType, key: StackKey, wall_s: float) -> None:
        """Note, from another thread, where the thread is while it keeps its sample waiting."""
        process_s = time.process_time()
        rss_bytes = self._look(wall_s, process_s) if self._look and self._memory_by_line else None
        clocks = (wall_s, self.cpu_from_outside_s(), process_s)
        self._glimpses.append(Glimpse(key, self._suspension_at(frame, key), *clocks, rss_bytes))

    def finish(self, now: Moment) -> None:
        """Take note that the code has ended, and when."""
        self._add_up()
        glimpses, self._glimpses = self._glimpses, []
        self._tally.finish(glimpses, now)

    def record_other(self, share: ThreadShare) -> None:
        """Add what another thread did."""
        since_s = time.perf_counter() - self.started_s
        part = min(1.0, since_s / share.wall_s) if share.wall_s > 0 else 1.0
        weight = self._others.of((share.thread_id, share.name), share.key)
        weight.add(share.wall_s * part, share.cpu_s * part, share.lock_s * part, share.interval_s)

    def note_wait(self, innermost: int, wait: Wait) -> None:
        """Note what the thread was seen doing in the kernel, at a frame."""
        if wait is not Wait.UNKNOWN:
            self._looks_at.setdefault(innermost, Counter())[wait] += 1

    def look_on(self, wall_s: float, process_s: float) -> None:
        """Note what else is to be noted, while the thread's own samples stay away."""
        if self._look is not None:
            self._look(wall_s, process_s)

    def stacks(self) -> list[SampledStack]:
        """Return what was sampled."""
        self._add_up()
        stack, nowhere = self.table.stack, Suspension()
        return self._tally.stacks(self._looks_at) + [
            weight.sampled(stack(key), nowhere, weight.lock_s, thread_id, name)
            for (thread_id, name), key, weight in self._others.items()
        ]

    def _add_up(self) -> None:
        if self._newest is not None:
            self.resume(0.0, 0.0)
        waiting, self._waiting = self._waiting, []
        try:
            while waiting:
                sample, own_wall_s, own_cpu_s = waiting.pop(0)
                self._tally.add(sample, own_wall_s, own_cpu_s)
        finally:  # an interrupt, or the limit of recursion: the others wait for the next time
            self._waiting[:0] = waiting

    def _suspension_at(self, frame: FrameType | None, key: StackKey) -> Suspension:
        if self._suspended is not None:
            return self._suspended(frame)
        return NOT_SUSPENDED if self._tally.table.loops.isdisjoint(key) else suspended_in_loop(frame)


def frame_outside() -> FrameType | None:
    """Return the innermost frame that is not ours: there the measured code begins, or near there."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame


def _depth_outside() -> int:
    """Return how deep the measured code lies, its own line included: that of our caller, and two more.

    Where our frames are now, the code will have frames of its own.
    """
    return stack_depth(frame_outside()) + 2


_OURS = str(Path(__file__).parents[2]) + os.sep
_NONE: tuple[Glimpse, ...] = ()


def _nobody_counts(_read_bytes: int) -> None:
    """Take note of nothing."""
