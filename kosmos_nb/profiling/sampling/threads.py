"""The code's other threads: what they do, and by whose clock.

A look takes, for each thread, the time since the look before: elapsed, and by the thread's own CPU
clock. What belongs to the stage does not count (the kernel's and our own threads), nor does a thread
that only waits for work. A thread that sleeps or reads in the user's code does.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from types import CodeType, FrameType
from typing import Any

from kosmos_nb.profiling.sampling.collector import current_frames
from kosmos_nb.profiling.sampling.places import STAGE, Place, Places
from kosmos_nb.profiling.sampling.recorder import Recorder, ThreadShare
from kosmos_nb.profiling.sampling.waits import Wait, WaitChannel, cpu_clock
from kosmos_nb.profiling.sampling.walk import FrameTable, StackKey

# CPU above this share of the time is work; waking up to look at a clock is less.
WORKS = 0.02


class WatchedThread:
    """What is known of one thread.

    Attributes:
        ident: Python's number for it; another thread may get it afterwards.
        thread_id: Ours, from 1; used once.
        is_stage: Whether it belongs to the kernel or to us, by what it was made of.
        was_here: Whether it ran before anybody watched.
        cpu_s, wall_s: The clocks at the newest look.
        active: The stack that it was last seen working with; at first the function it was made for.
    """

    __slots__ = (
        "active",
        "channel",
        "clock",
        "cpu_s",
        "ident",
        "is_stage",
        "name",
        "thread",
        "thread_id",
        "wall_s",
        "was_here",
    )

    def __init__(self, ident: int, thread: threading.Thread | None, thread_id: int) -> None:
        native_id = thread.native_id if thread is not None else None
        self.ident, self.thread_id, self.thread = ident, thread_id, thread
        self.name = thread.name if thread is not None else f"thread {thread_id}"
        self.is_stage = thread is not None and is_stage(thread)
        self.clock = cpu_clock(native_id)
        self.channel = WaitChannel(None if self.is_stage else native_id)
        self.cpu_s = self.wall_s = 0.0
        self.was_here = False
        self.active: StackKey = ()

    def cpu_now(self) -> float | None:
        """Return its CPU clock; None where there is none, or the thread has ended."""
        if self.clock is None:
            return None
        try:
            return time.clock_gettime(self.clock)
        except OSError:
            return None


class ThreadWatch:
    """Looks at all threads but the one that looks.

    Args:
        table: Numbers for frames.

    Attributes:
        is_shared: Whether other threads of the code were there at the newest look.
        unseen_cpu_s: CPU of the process in no thread that was seen: those of C libraries, and those
            that lived too short.
    """

    def __init__(self, table: FrameTable) -> None:
        self._table = table
        self._places = Places(table)
        self._threads: dict[int, WatchedThread] = {}
        self._last_id = 0
        self._wall_s = time.perf_counter()
        self._process_s = time.process_time()
        self.is_shared = False
        self.unseen_cpu_s = 0.0
        self._own_cpu_s = 0.0
        self._recorders: Sequence[Recorder] = ()

    def begin(self, own_cpu_s: float) -> bool:
        """Note who is there before anything is measured; return whether the user has threads."""
        self._own_cpu_s = own_cpu_s
        for ident, thread in list(threading._active.items()):  # type: ignore[attr-defined]
            known = self._meet(ident, thread, self._wall_s)
            known.was_here = True
            known.cpu_s = known.cpu_now() or 0.0
            self.is_shared |= not known.is_stage and thread is not threading.main_thread()
        return self.is_shared

    def look(
        self, recorders: Sequence[Recorder], own_ident: int, own_cpu_s: float, interval_s: float
    ) -> dict[int, FrameType]:
        """Look once; tell the recorders about the threads that they do not sample themselves.

        Args:
            recorders: Who is told.
            own_ident: The thread that looks on behalf of all, which is nobody's.
            own_cpu_s: What it took so far.
            interval_s: The time after which this look was asked for.

        Returns:
            The innermost frame of each thread.
        """
        wall_s, process_s = time.perf_counter(), time.process_time()
        frames = current_frames()
        frames.pop(own_ident, None)
        known = [(self._known(ident, self._wall_s), frame) for ident, frame in frames.items()]
        spent = [(at, frame, *self._spent(at, wall_s)) for at, frame in known]
        ended = [at for ident, at in self._threads.items() if ident not in frames and ident != own_ident]
        process_delta_s = max(0.0, process_s - self._process_s)
        self._wall_s, self._process_s = wall_s, process_s
        self._recorders = recorders
        measured = {recorder.ident for recorder in recorders}
        is_shared = False
        for at, frame, since_s, cpu_s in spent:
            if at.ident in measured and len(measured) == 1:
                continue
            share = self._share(at, frame, since_s, cpu_s, process_delta_s, interval_s)
            if share is not None:
                is_shared = is_shared or at.ident not in measured
                self._tell(recorders, share)
        rest_s = process_delta_s - sum(cpu_s for *_, cpu_s in spent) - (own_cpu_s - self._own_cpu_s)
        self._own_cpu_s = own_cpu_s
        self.unseen_cpu_s += rest_s - self._bury(ended, wall_s, rest_s, recorders, interval_s)
        self.is_shared = is_shared or bool(ended)
        return frames

    def skip(self) -> None:
        """Take note that no thread was born since the look before."""
        self._wall_s = time.perf_counter()

    def wait_of(self, ident: int) -> Wait:
        """Say what a thread does in the kernel now."""
        at = self._threads.get(ident)
        return self._wait(at) if at is not None else Wait.UNKNOWN

    def close(self) -> None:
        """Let go of what is held open."""
        for at in self._threads.values():
            at.channel.close()
        self._threads.clear()

    def _wait(self, at: WatchedThread) -> Wait:
        before = at.channel.read_bytes
        wait = at.channel.look()
        for recorder in self._recorders:
            recorder.leave_out(at.channel.read_bytes - before)
        return wait

    def _known(self, ident: int, since_s: float) -> WatchedThread:
        at = self._threads.get(ident)
        thread = threading._active.get(ident)  # type: ignore[attr-defined]
        if at is None or at.thread is not thread:
            if at is not None:  # its number was given to another one
                at.channel.close()
            at = self._meet(ident, thread, since_s)
        return at

    def _meet(self, ident: int, thread: threading.Thread | None, since_s: float) -> WatchedThread:
        self._last_id += 1
        at = self._threads[ident] = WatchedThread(ident, thread, self._last_id)
        at.wall_s = since_s
        # Threads of a few milliseconds are mostly met before or after what they do: those are the
        # moments in which they hand the interpreter on.
        code = getattr(getattr(thread, "_target", None), "__code__", None)
        if isinstance(code, CodeType):
            at.active = self._table.key_of([(code, 0)])
        return at

    @staticmethod
    def _spent(at: WatchedThread, wall_s: float) -> tuple[float, float]:
        """Return elapsed and CPU seconds since the look before."""
        cpu_now_s = at.cpu_now()
        since_s, at.wall_s = max(0.0, wall_s - at.wall_s), wall_s
        cpu_s = max(0.0, cpu_now_s - at.cpu_s) if cpu_now_s is not None else 0.0
        at.cpu_s = cpu_now_s if cpu_now_s is not None else at.cpu_s
        return max(since_s, cpu_s), cpu_s

    def _share(
        self,
        at: WatchedThread,
        frame: FrameType,
        since_s: float,
        cpu_s: float,
        process_s: float,
        interval_s: float,
    ) -> ThreadShare | None:
        """Return what a thread did; None where that does not count."""
        if at.is_stage:
            return None
        key = self._table.key(frame)
        works = cpu_s > WORKS * since_s
        places = [self._places.of(number) for number in key]
        is_main = at.thread is threading.main_thread()
        if not counts(places, works=works, was_here=at.was_here, is_main=is_main):
            return None
        wait = self._wait(at)
        if works and at.active and not is_in_code(places) and not runs_c_code(wait, frame):
            # It has worked and waits for more: the work is the one that it was last seen doing.
            key, since_s = at.active, cpu_s
        elif works:
            at.active = key
        lock_s = 0.0
        if since_s - cpu_s > 0 and is_kept_waiting(wait, places, works=works):
            lock_s = max(0.0, min(since_s - cpu_s, process_s - cpu_s))
        return ThreadShare(at.ident, at.thread_id, at.name, key, since_s, cpu_s, lock_s, interval_s)

    @staticmethod
    def _tell(recorders: Sequence[Recorder], share: ThreadShare) -> None:
        for recorder in recorders:
            if recorder.ident != share.ident:
                recorder.record_other(share)

    def _bury(
        self,
        ended: Sequence[WatchedThread],
        wall_s: float,
        rest_s: float,
        recorders: Sequence[Recorder],
        interval_s: float,
    ) -> float:
        """Give threads that have ended the CPU that nobody else took since they were last seen.

        Returns:
            How much that was.
        """
        workers = [at for at in ended if at.active and not at.is_stage]
        given_s = 0.0
        for at in workers:
            cpu_s = max(0.0, min(rest_s / len(workers), wall_s - at.wall_s))
            share = ThreadShare(at.ident, at.thread_id, at.name, at.active, cpu_s, cpu_s, 0.0, interval_s)
            self._tell(recorders, share)
            given_s += cpu_s
        for at in ended:
            at.channel.close()
            del self._threads[at.ident]
        return given_s


def is_kept_waiting(wait: Wait, places: Sequence[Place], *, works: bool) -> bool:
    """Return whether a thread waits for a lock; where that is not known, by what it was doing."""
    if wait is Wait.UNKNOWN:
        return works or places[0] is Place.WAITER
    return wait is Wait.LOCK


def runs_c_code(wait: Wait, frame: FrameType) -> bool:
    """Return whether a thread without a frame of the code's works for it all the same.

    As in `pool.submit(hashlib.sha256, data)`; a thread that begins or ends runs for nobody.
    """
    return wait is Wait.RUNS and not frame.f_code.co_name.startswith("_bootstrap")


def counts(places: Sequence[Place], *, works: bool, was_here: bool, is_main: bool) -> bool:
    """Return whether a thread is the code's, and does something or waits in the user's code.

    Args:
        places: Where its frames are from, innermost first.
        works: Whether it used CPU.
        was_here: Whether it ran before the measured code did.
        is_main: Whether it is the main thread, waiting for the measured one or serving the kernel.
    """
    if not places or is_of_stage(places):
        return False
    if works:
        return True
    if is_main:
        return False
    if Place.USER in places:
        return True
    return places[0] is not Place.WAITER and not was_here


def is_in_code(places: Sequence[Place]) -> bool:
    """Return whether a stack has frames of the user's code or a library's."""
    return Place.USER in places or Place.LIBRARY in places


def is_of_stage(places: Sequence[Place]) -> bool:
    """Return whether a stack has frames of the stage alone, apart from Python's own."""
    return Place.STAGE in places and not is_in_code(places)


def is_stage(thread: threading.Thread) -> bool:
    """Return whether a thread belongs to the kernel or to us, by its class and its target."""
    return any(module.partition(".")[0] in STAGE for module in _modules(thread))


def _modules(thread: threading.Thread) -> Iterator[str]:
    target: Any = getattr(thread, "_target", None)
    for owner in (type(thread), target, type(getattr(target, "__self__", None))):
        yield str(getattr(owner, "__module__", ""))
