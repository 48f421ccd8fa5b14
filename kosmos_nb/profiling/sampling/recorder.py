"""The stacks of one session, with the time they weigh."""

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
from kosmos_nb.profiling.sampling.waits import Wait, cpu_clock
from kosmos_nb.profiling.sampling.walk import FrameTable, StackKey
from kosmos_nb.profiling.sampling.weights import Weight, Weights

INTERVAL_S = 0.01
BUDGET = 0.03

WaitingKey = tuple[tuple[StackKey, ...], bool, bool]  # a Suspension with keys for its stacks
MOST_WAITING_SLOTS = 150_000
# At a line where the thread was seen sleeping, or waiting for the system, in one look of five, it
# was not kept off the CPU by a lock: it wants the interpreter there for our own signals' sake. Fewer
# are chance: a line may do both.
SLEEPS = 0.2
# Memory over time needs no more looks; memory by line needs one at each sample.
LOOK_S = 0.05

Look = Callable[[float, float], int]  # given wall clock and process CPU, returns resident bytes


class Moment(NamedTuple):
    """The clocks when a sample is taken.

    Attributes:
        due_s: When it fell due, by the wall clock.
        wall_s, cpu_s, process_s: Wall clock, CPU clock of the thread, CPU clock of the process.
        interval_s: The time after which the sample had been asked for.
        is_shared: Whether other threads of the code were seen.
        wait: What the thread does in the kernel, where somebody else looked.
    """

    due_s: float
    wall_s: float
    cpu_s: float
    process_s: float
    interval_s: float
    is_shared: bool = False
    wait: Wait = Wait.UNKNOWN


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
        table: Numbers of the frames.
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
        self.table = FrameTable()  # the sampler's, when it is added
        self.is_signalled = False
        self.samples = 0
        self.overhead_s = 0.0
        self._look, self._look_due_s = look, 0.0
        self.leave_out = leave_out or _nobody_counts
        self._suspended = suspended
        self._memory_by_line = memory_by_line
        self._rss_bytes = rss_bytes
        self._glimpses: list[Glimpse] = []  # since the newest sample
        self._newest: Weight | None = None
        self._waits = False  # was the thread off the CPU before the newest sample?
        self._own: Weights[int] = Weights(base=_depth_outside())
        self._others: Weights[ThreadHead] = Weights(stand_ins=stand_ins)
        self._waiting: dict[WaitingKey, int] = {((), False, False): 0}
        self._waiting_slots = 0
        self._clock = cpu_clock(self.native_id)
        self._looks_at: dict[int, Counter[Wait]] = {}  # by innermost frame
        self._process_began_s, self._cpu_began_s = time.process_time(), time.thread_time()
        self._process_s, self._cpu_s = self._process_began_s, self._cpu_began_s
        self.started_s = self.last_s = self._wall_s = time.perf_counter()

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
        """Add the time until now, since the sample before fell due, to a stack.

        Args:
            frame: The innermost frame of the stack.
            key: The stack.
            now: The clocks. What has gone by since the sample fell due is left to the next one.
        """
        is_here = True
        if self._glimpses:  # where it is now, it has just come to
            glimpses, self._glimpses = self._glimpses, []
            self._add_glimpses(glimpses, now)
            weight = self._weight(glimpses[-1].suspension, glimpses[-1].key)
            is_here = len(key) >= len(glimpses[-1].key)
            if now.due_s > self._wall_s:
                self._add(weight, now)
        else:
            weight = self._weight(self._suspension_at(frame, key), key)
            self._add(weight, now)
        self._newest = weight
        self.last_s = now.wall_s
        if self._look is not None and (self._memory_by_line or now.wall_s >= self._look_due_s):
            self._look_due_s = now.wall_s + LOOK_S
            if not is_here:  # it has returned, and let go of its own
                weight = self._weight(self._suspension_at(frame, key), key)
            self._note_memory(weight, self._look(now.wall_s, now.process_s))

    def _suspension_at(self, frame: FrameType | None, key: StackKey) -> Suspension:
        if self._suspended is not None:
            return self._suspended(frame)
        return NOT_SUSPENDED if self.table.loops.isdisjoint(key) else suspended_in_loop(frame)

    def glimpse(self, frame: FrameType, key: StackKey, wall_s: float) -> None:
        """Note, from another thread, where the thread is while it keeps its sample waiting."""
        process_s = time.process_time()
        rss_bytes = self._look(wall_s, process_s) if self._look and self._memory_by_line else None
        clocks = (wall_s, self.cpu_from_outside_s(), process_s)
        self._glimpses.append(Glimpse(key, self._suspension_at(frame, key), *clocks, rss_bytes))

    def finish(self, now: Moment) -> None:
        """Give what is left up to the end to where the thread was seen last.

        Longer than a sample can be late there were none: nobody knows.
        """
        glimpses, self._glimpses = self._glimpses, []
        self._add_glimpses(glimpses, now)
        weight, left_s = self._newest, now.wall_s - self._wall_s
        if weight is None or left_s <= 0 or (left_s > 2 * now.interval_s and not glimpses):
            return
        weight.wall_s += left_s
        weight.cpu_s += min(left_s, max(0.0, now.cpu_s - self._cpu_s))
        self._wall_s = now.wall_s

    def _add_glimpses(self, glimpses: list[Glimpse], now: Moment) -> None:
        for at in glimpses:
            until_s = min(at.wall_s, now.due_s)
            weight = self._weight(at.suspension, at.key)
            if until_s > self._wall_s:
                clocks = (at.wall_s, at.cpu_s, at.process_s)
                self._add(weight, Moment(until_s, *clocks, now.interval_s, now.is_shared))
            if at.rss_bytes is not None:
                self._note_memory(weight, at.rss_bytes)
            self._newest = weight

    def _weight(self, suspension: Suspension, key: StackKey) -> Weight:
        return self._own.of(self._waiting_number(suspension), key)

    def _add(self, weight: Weight, now: Moment) -> None:
        due_s, now_s, thread_s, all_s, interval_s, is_shared, wait = now
        since_s = now_s - self._wall_s
        due_share = min(1.0, (due_s - self._wall_s) / since_s) if due_s > self._wall_s else 0.0
        wall_s = since_s * due_share
        cpu_s = max(0.0, thread_s - self._cpu_s) * due_share
        process_s = max(0.0, all_s - self._process_s) * due_share
        lock_s = 0.0
        if is_shared and wait in (Wait.LOCK, Wait.UNKNOWN):
            lock_s = max(0.0, min(wall_s - cpu_s, process_s - cpu_s))
        weight.add(wall_s, cpu_s, lock_s, interval_s)
        self._waits = cpu_s < wall_s / 2
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        self._process_s += process_s
        self.samples += 1

    def resume(self, wall_s: float, cpu_s: float) -> None:
        """Leave out the handler's own time, by all clocks: it belongs to nobody's line.

        While the code waits it goes on waiting: the handler takes none of that time away.
        """
        if not self._waits:
            self._wall_s += wall_s
        self._cpu_s += cpu_s
        self._process_s += cpu_s
        # By the CPU clock: while the machine runs others, the profiler costs nothing.
        self.overhead_s += cpu_s

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
        waiting = {number: key for key, number in self._waiting.items()}
        found = [
            self._sampled(key, self._suspension(waiting[head]), weight, self._lock_s(key, weight))
            for head, key, weight in self._own.items()
        ]
        nowhere = Suspension()
        found += [
            self._sampled(key, nowhere, weight, weight.lock_s, thread_id, name)
            for (thread_id, name), key, weight in self._others.items()
        ]
        return found

    def _sampled(
        self,
        key: StackKey,
        suspended: Suspension,
        weight: Weight,
        lock_s: float,
        thread_id: int = 0,
        thread: str = "",
    ) -> SampledStack:
        return SampledStack(
            self.table.stack(key),
            suspended,
            weight.wall_s,
            weight.cpu_s,
            weight.samples,
            lock_s=lock_s,
            grain_s=weight.grain_s,
            grain_s2=weight.grain_s2,
            memory_bytes=weight.memory_bytes,
            thread=thread,
            thread_id=thread_id,
        )

    def _lock_s(self, key: StackKey, weight: Weight) -> float:
        """Return how long the thread was kept waiting by a lock.

        That is no longer than it was off the CPU while others computed, and no larger a share of the
        time than that of the looks which saw it in a lock: in those that saw it run it needed none,
        and waited for a CPU.
        """
        looks = self._looks_at.get(key[0]) if key else None
        if looks is None:
            return weight.lock_s
        if looks[Wait.OTHER] > SLEEPS * looks.total():
            return 0.0
        return min(weight.lock_s, weight.wall_s * looks[Wait.LOCK] / looks.total())

    def _note_memory(self, weight: Weight, rss_bytes: int) -> None:
        if self._memory_by_line:
            weight.memory_bytes += rss_bytes - self._rss_bytes
        self._rss_bytes = rss_bytes

    def _waiting_number(self, suspension: Suspension) -> int:
        if suspension is NOT_SUSPENDED:
            return 0
        stacks, is_idle, in_loop = suspension
        waiting: WaitingKey = (tuple([self.table.key_of(at) for at in stacks]), is_idle, in_loop)
        number = self._waiting.get(waiting)
        if number is None:
            if self._waiting_slots > MOST_WAITING_SLOTS:  # too many different ones: where they begin
                waiting = (tuple({at[-2:] for at in waiting[0]}), is_idle, in_loop)
            number = self._waiting.setdefault(waiting, len(self._waiting))
            self._waiting_slots += sum(len(at) + 10 for at in waiting[0]) + 20
        return number

    def _suspension(self, waiting: WaitingKey) -> Suspension:
        stacks, is_idle, in_loop = waiting
        return Suspension(tuple([self.table.stack(at) for at in stacks]), is_idle, in_loop)


def _depth_outside() -> int:
    """Return how deep the measured code lies, its own line included: that of our caller, and two more.

    Frames of ours do not count: where they are now, the code will have frames of its own.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return stack_depth(frame) + 2


_OURS = str(Path(__file__).parents[2]) + os.sep


def _nobody_counts(_read_bytes: int) -> None:
    """Take note of nothing."""
