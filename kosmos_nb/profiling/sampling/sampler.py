"""The stack sampler: what the code does, about a hundred times a second.

On the main thread a signal handler notes the stack and the clocks; the wall and CPU time since the
sample before belongs to that stack, and is added up later, many samples at a time. Time, never a count:
a handler that comes late, because a C function kept the interpreter, brings the whole time of that
function with it. Frames are kept as code and position and become lines only after the cell has ended.

Other threads are looked at by a thread of ours, from the first tick on. It also takes the samples of
code that no signal reaches: off the main thread, or where other code uses the signals.
"""

import _thread
import ctypes
import gc
import os
import random
import sys
import threading
import time
from types import FrameType

from kosmos_nb.core import units
from kosmos_nb.profiling.sampling import checkpoints
from kosmos_nb.profiling.sampling.checkpoints import Checkpoints
from kosmos_nb.profiling.sampling.collector import current_frames
from kosmos_nb.profiling.sampling.glimpses import INTERVALS, LATE_S, Pace
from kosmos_nb.profiling.sampling.governor import Governor
from kosmos_nb.profiling.sampling.helper import Helper
from kosmos_nb.profiling.sampling.recorder import INTERVAL_S, Recorder, frame_outside
from kosmos_nb.profiling.sampling.schedule import Schedule
from kosmos_nb.profiling.sampling.tally import Moment
from kosmos_nb.profiling.sampling.threads import ThreadWatch
from kosmos_nb.profiling.sampling.tick_signal import TickSignal
from kosmos_nb.profiling.sampling.ticker import AGAIN_S

__all__ = ["INTERVAL_S", "SAMPLER", "Recorder", "Sampler"]

# After two minutes the samples become rarer, so that a cell of hours stays small: 12,000 samples
# give a share of 5 % to within 0.2 points.
SAMPLES_BEFORE_SLOWING = 12_000
THREADS_S = 0.025
NO_THREADS_S = 0.1
STUCK_S = 0.05  # where a C call keeps the handler waiting
LOOK_EVERY = 3
GOVERN_EVERY = 8  # ticks
# What is worth telling of CPU that no thread of Python's used.
UNSEEN_S, UNSEEN_SHARE = 0.05, 0.1
# With the usual 5 ms the thread that samples would mostly get its turn where the code gives it
# away by itself, and blame those places.
SWITCH_S = 0.0005

_FROM_OUTSIDE = "Sampled from a second thread, as {why}; Python's switch interval was 0.5 ms meanwhile."
_TOO_DEEP = "Some samples are missing: the code was too near to Python's limit of recursion."


class Sampler:
    """The process's one sampler; sessions add their recorders to it.

    It holds a timer, a signal handler and a thread only while there is a recorder, and puts back
    what it found. After `os.fork` the child has none of them.
    """

    def __init__(self) -> None:
        self._helper = Helper(self._work)
        self._signal = TickSignal(self._on_tick)
        self._reset()

    def _reset(self) -> None:
        # Two threads may add or remove at once. A handler of signals can come between two lines of
        # its holder, hence one that the same thread may take again; ours never waits for it.
        self._lock = threading.RLock()
        self._recorders: tuple[Recorder, ...] = ()
        self._signalled: tuple[Recorder, ...] = ()
        self._failure: str | None = None
        self._was_too_deep = self._signal.was_missed = False
        self._asked_s = self._mean_s = INTERVAL_S
        self._newest_s = 0.0
        self._schedule, self._outer_schedule = Schedule(0), Schedule(1)
        self._random = random.Random(2)  # noqa: S311 - jitter, not a secret
        self._watch: ThreadWatch | None = None
        self._governor = Governor(1.0, 0.0)
        self._handler_cost_s = 0.0
        self._helper_cost_s: dict[Recorder, float] = {}
        self._unseen_s: dict[Recorder, float] = {}
        self._threads_seen = 0
        self._looking = _thread.allocate_lock()
        self._switch_s: float | None = None
        self._skipped = 0
        self._forks = False
        self._began_s = 0.0  # of the tick that is being handled
        self._ticks = 0
        self._look_due_s = 0.0
        self._pace = Pace()

    def add(self, recorder: Recorder) -> str | None:
        """Begin to sample for `recorder`; return a note where that is done from outside."""
        with self._lock:
            return self._add(recorder)

    def remove(self, recorder: Recorder) -> str | None:
        """Stop sampling for `recorder`; return a note where sampling was cut short."""
        with self._lock:
            return self._remove(recorder) if recorder in self._recorders else None

    def _add(self, recorder: Recorder) -> str | None:
        self._signal.settle()
        if not self._recorders:
            self._failure, self._look_due_s = None, 0.0
            self._was_too_deep = self._signal.was_missed = False
            self._table = recorder.table
            # Our caller may return before the code begins; who has called it stays, as a rule.
            outside = frame_outside()
            self._table.stand_on(outside.f_back if outside is not None else None)
            self._checkpoints = Checkpoints(self._table)
            self._pace = Pace()
            self._watch = ThreadWatch(self._table)
            self._watch.begin(self._helper.cost_s)
            self._threads_seen = _thread._count()
            self._governor = Governor(recorder.budget, recorder.started_s, self._cost_s())
        recorder.table = self._table
        self._governor.budget = min(self._governor.budget, recorder.budget)
        self._helper_cost_s[recorder] = self._helper.cost_s
        self._unseen_s[recorder] = self._watch.unseen_cpu_s if self._watch is not None else 0.0
        why = self._why_from_outside()
        recorder.is_signalled = why is None
        self._have((*self._recorders, recorder))
        if why is None:
            now_s = time.perf_counter()
            self._mean_s = self._interval_s(now_s)
            self._schedule.begin(now_s, self._mean_s)
            self._signal.arm(self._schedule.due_s - now_s)
            # The code may begin with a long operator, before which no tick comes.
            self._helper.start(0.0 if self._is_shared() else self._next_s(INTERVALS * self._asked_s))
            return None
        self._sample_from_outside()
        return self._helper.trouble or _FROM_OUTSIDE.format(why=why)

    def _remove(self, recorder: Recorder) -> str | None:
        self._signal.settle()
        note, self._failure = self._failure or self._helper.trouble, None
        if self._was_too_deep or self._signal.was_missed:
            note = note or _TOO_DEEP
        if recorder.is_signalled:
            if self._signal.is_open and not self._signal.is_ours:
                note = "Sampling ended early: the code took over the timer signal."
            if self._signalled == (recorder,):
                self._signal.close()
            recorder.finish(self._moment_of(recorder))
        if self._helper.is_running and (recorder.samples or not recorder.is_signalled or self._is_shared()):
            self._look(time.perf_counter())
        unseen_s = self._watch.unseen_cpu_s if self._watch is not None else 0.0
        self._have(tuple(other for other in self._recorders if other is not recorder))
        if all(other.is_signalled for other in self._recorders):
            self._restore_switch_interval()
        if not self._recorders:
            self._end()
        recorder.overhead_s += self._helper.cost_s - self._helper_cost_s.pop(recorder)
        return note or _note_of_unseen(unseen_s - self._unseen_s.pop(recorder), recorder.process_cpu_s())

    def abandon(self) -> None:
        """Forget everything, in the child of a fork: it inherited the handler, not the timer."""
        self._signal.abandon()
        self._restore_switch_interval()
        if self._watch is not None:
            self._watch.close()
            self._table.stand_on(None)
        self._helper.forget()
        self._reset()

    def before_fork(self) -> None:
        """End the thread: the child would have its locks, and Python warns of forks beside threads."""
        self._lock.acquire()  # or the child would find what another thread was changing
        self._forks = True  # a tick that comes meanwhile starts nothing
        self._helper.stop()
        self._helper.await_gone()

    def after_fork_in_parent(self) -> None:
        """Go on. With a signal the next tick does it, when Python has had its look at the threads."""
        self._forks, self._threads_seen, self._look_due_s = False, 0, 0.0  # look at once
        if any(not recorder.is_signalled for recorder in self._recorders):
            self._helper.start()
        self._lock.release()

    def settle(self) -> None:
        """Wait until nothing is left of what has ended."""
        self._helper.await_gone()

    @property
    def is_running(self) -> bool:
        """Whether anything of it is at work now: timer or thread."""
        return self._signal.is_open or self._helper.is_running

    # The signal, on the main thread

    def _why_from_outside(self) -> str | None:
        if threading.get_ident() != threading.main_thread().ident:
            return "the code did not run on the main thread"
        return None if self._signal.open() else "other code uses the timer signals of this process"

    def _have(self, recorders: tuple[Recorder, ...]) -> None:
        self._recorders = recorders
        self._signalled = tuple([recorder for recorder in recorders if recorder.is_signalled])
        self._asked_s = min((recorder.interval_s for recorder in recorders), default=INTERVAL_S)
        self._newest_s = max((recorder.started_s for recorder in recorders), default=0.0)

    def _interval_s(self, now_s: float) -> float:
        asked_s = self._asked_s * self._governor.slowdown
        return max(asked_s, (now_s - self._newest_s) / SAMPLES_BEFORE_SLOWING)

    def _cost_s(self) -> float:
        return self._handler_cost_s + self._helper.cost_s

    def _govern(self, now_s: float, looks: int = 1) -> None:
        self._governor.note(now_s, self._cost_s(), looks)
        self._mean_s = self._interval_s(now_s)

    def _on_tick(self, frame: FrameType | None) -> None:
        """Take a sample, in the user's cell, which must not notice: nothing may be raised here.

        Near the limit of recursion any call may fail. What begins and ends in this very function is as
        deep at the end as it was at the beginning.
        """
        try:
            wall_s, cpu_s = time.perf_counter(), time.thread_time()
            if wall_s - self._began_s < AGAIN_S / 2:
                self._signal.arm(0.0)  # the outer one may have armed already; if not, it still will
                return  # one within another, on a machine that is too busy: the outer one goes on
            collects = gc.isenabled()
            try:
                self._began_s = wall_s
                if collects:  # as `collections_held_back`, which takes a few microseconds more
                    gc.disable()
                self._tick(frame, wall_s, cpu_s)
            finally:
                self._began_s = 0.0
                if collects:
                    gc.enable()
        except (RecursionError, ctypes.ArgumentError):  # the second is how ctypes tells of the first
            self._signal.was_missed = True  # the helper arms the timer again
        except Exception as error:  # a door; `remove` closes, and tells
            self._failure = f"Sampling ended early: {type(error).__name__}: {error}"

    def _tick(self, frame: FrameType | None, wall_s: float, cpu_s: float) -> None:
        """Take a sample; nothing of this is in the processor's caches, and each call costs microseconds."""
        if self._failure is not None:
            return
        self._ticks += 1
        schedule, watch = self._schedule, self._watch
        try:
            late_s = wall_s - schedule.due_s
            if late_s > LATE_S:
                self._pace.note_late(wall_s, late_s)
            due_s, interval_s = schedule.go_on(wall_s, self._mean_s)
            if self._forks:
                return
            is_shared = watch is not None and watch.is_shared
            now = Moment(due_s, wall_s, cpu_s, time.process_time(), interval_s, is_shared)
            key = self._table.key(frame)
            if late_s > checkpoints.LATE_S and frame is not None:
                key = self._checkpoints.before(frame, key)
            for recorder in self._signalled:
                recorder.record(frame, key, now)
            if (
                _thread._count() != self._threads_seen
                or not self._signal.restarts_calls
                or not self._helper.ident
            ):
                self._keep_helper()
            if self._ticks % GOVERN_EVERY == 0:
                self._govern(wall_s, GOVERN_EVERY)
        finally:
            self._go_on(wall_s, cpu_s)

    def _go_on(self, wall_s: float, cpu_s: float) -> None:
        """Wait for the next tick, and leave out what this one took."""
        schedule, now_s = self._schedule, time.perf_counter()
        schedule.due_s += now_s - wall_s
        self._signal.arm(schedule.due_s - now_s)
        own_wall_s, own_cpu_s = time.perf_counter() - wall_s, time.thread_time() - cpu_s
        for recorder in self._signalled:
            recorder.resume(own_wall_s, own_cpu_s)
        self._handler_cost_s += own_cpu_s

    def _keep_helper(self) -> None:
        """Have the helper there, also after a fork, and at once for new threads.

        Up to the first tick a signal interrupts what the thread waits for, else a cell that begins
        with `thread.join()` would have no tick before the thread ends. After that, system calls in
        the user's code go on, instead of failing with EINTR.
        """
        self._signal.restart_calls()
        if not self._lock.acquire(blocking=False):
            return  # another thread adds or removes: the next tick will do
        try:
            if not self._recorders:
                return
            if not self._helper.is_running:
                self._helper.start()
            elif _thread._count() > self._threads_seen:
                self._helper.kick()  # its look notes the count: until then there are new ones
        finally:
            self._lock.release()

    def _moment_of(self, recorder: Recorder) -> Moment:
        now_s, cpu_s = time.perf_counter(), recorder.cpu_from_outside_s()
        interval_s = self._interval_s(now_s)
        return Moment(now_s, now_s, cpu_s, time.process_time(), interval_s, self._is_shared())

    def _is_shared(self) -> bool:
        watch = self._watch  # another thread may end it
        return watch is not None and watch.is_shared

    # The second thread

    def _sample_from_outside(self) -> None:
        if self._switch_s is None and sys.getswitchinterval() > SWITCH_S:
            self._switch_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_S)
        now_s = time.perf_counter()
        self._outer_schedule.begin(now_s, self._interval_s(now_s))
        if self._helper.is_running:
            self._helper.kick()
        self._helper.start(self._outer_schedule.interval_s)

    def _restore_switch_interval(self) -> None:
        before_s, self._switch_s = self._switch_s, None
        # Unless the code has set another one meanwhile.
        if before_s is not None and abs(sys.getswitchinterval() - SWITCH_S) < 1e-6:
            sys.setswitchinterval(before_s)

    def _work(self) -> float:
        """Look at the threads, in the helper's thread; return the time to the next look."""
        now_s = time.perf_counter()
        if self._signal.was_missed:
            self._signal.was_missed, self._was_too_deep = False, True
            self._signal.arm(0.0)
        self._glimpse(now_s)
        from_outside = any(not recorder.is_signalled for recorder in self._recorders)
        if now_s < self._look_due_s and not self._has_new_threads() and not from_outside:
            self._look_on(now_s)
            return self._next_s(self._glimpse_s(now_s))
        if self._may_have_changed():
            self._look(now_s)
        else:
            if self._watch is not None:
                self._watch.skip()
            self._look_on(now_s)
        self._govern(now_s)
        if from_outside:
            return max(0.0, self._outer_schedule.due_s - time.perf_counter())
        mean_s = THREADS_S if self._is_shared() else STUCK_S if self._is_stuck(now_s) else NO_THREADS_S
        self._look_due_s = now_s + self._next_s(mean_s)
        return self._next_s(min(mean_s, self._glimpse_s(now_s)))

    def _glimpse_s(self, now_s: float) -> float:
        overdue_s = now_s - self._schedule.due_s
        return self._pace.pause_s(now_s, overdue_s, self._asked_s, is_stuck=self._is_stuck(now_s))

    def _next_s(self, mean_s: float) -> float:
        return mean_s * self._governor.slowdown * (0.5 + self._random.random())

    def _glimpse(self, now_s: float) -> None:
        """Note where the main thread is, where it keeps a tick waiting; see glimpses.py."""
        is_late = self._signal.is_open and now_s > self._schedule.due_s + LATE_S
        frame = current_frames().get(_main_ident()) if is_late and not self._began_s else None
        self._pace.note(found=frame is not None)
        if frame is None:
            return
        ticks, position = self._ticks, frame.f_lasti
        key = self._table.key(frame)
        if (ticks, position, 0.0) == (self._ticks, frame.f_lasti, self._began_s):
            for recorder in self._signalled:
                recorder.glimpse(frame, key, now_s)

    def _is_stuck(self, now_s: float) -> bool:
        return any(now_s - recorder.last_s > STUCK_S for recorder in self._recorders)

    def _may_have_changed(self) -> bool:
        """Return whether there may be threads to look at; now and then one takes another's place."""
        self._skipped = (self._skipped + 1) % LOOK_EVERY
        has_changed = self._has_new_threads()
        from_outside = any(not recorder.is_signalled for recorder in self._recorders)
        return self._is_shared() or has_changed or from_outside or self._skipped == 0

    def _has_new_threads(self) -> bool:
        return _thread._count() != self._threads_seen

    def _look_on(self, now_s: float) -> None:
        """Note what else is to be noted, where a C call keeps the signal's handler waiting."""
        for recorder in self._recorders:
            if now_s - recorder.last_s > STUCK_S:
                recorder.look_on(now_s, time.process_time())

    def _look(self, now_s: float) -> None:
        watch = self._watch
        if watch is None or not self._looking.acquire(blocking=False):
            return
        try:
            recorders = self._recorders
            self._threads_seen = _thread._count()
            frames = watch.look(recorders, self._helper.ident, self._helper.cost_s, THREADS_S)
            from_outside = [recorder for recorder in recorders if not recorder.is_signalled]
            if from_outside:
                due_s, interval_s = self._outer_schedule.go_on(now_s, self._interval_s(now_s))
            for recorder in recorders:
                frame = frames.get(recorder.ident)
                if not recorder.is_signalled:
                    self._sample_of(recorder, frame, due_s, interval_s, watch)
                elif frame is not None and watch.is_shared:
                    recorder.note_wait(self._table.key(frame)[0], watch.wait_of(recorder.ident))
            self._look_on(now_s)
        finally:
            self._looking.release()

    def _sample_of(
        self, recorder: Recorder, frame: FrameType | None, due_s: float, interval_s: float, watch: ThreadWatch
    ) -> None:
        if frame is None:  # it has ended, or another thread has its number
            return
        now_s, cpu_s = time.perf_counter(), recorder.cpu_from_outside_s()
        wait = watch.wait_of(recorder.ident)
        moment = Moment(due_s, now_s, cpu_s, time.process_time(), interval_s, watch.is_shared, wait)
        recorder.record(frame, self._table.key(frame), moment)

    def _end(self) -> None:
        self._helper.stop()
        self._helper.trouble = None
        self._table.stand_on(None)
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _main_ident() -> int:
    return threading.main_thread().ident or 0


def _note_of_unseen(unseen_s: float, process_s: float) -> str | None:
    if unseen_s < max(UNSEEN_S, UNSEEN_SHARE * process_s):
        return None
    return (
        f"{units.seconds(unseen_s)} of CPU went to threads that were not seen: "
        "those of C libraries, or some that lived for milliseconds."
    )


SAMPLER = Sampler()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=SAMPLER.before_fork,
        after_in_parent=SAMPLER.after_fork_in_parent,
        after_in_child=SAMPLER.abandon,
    )
