"""The sampler's second thread: there while it is needed, and gone afterwards."""

import _signal  # type: ignore[import-not-found]  # `signal` makes enums of 65 numbers, for 0.1 ms
import _thread
import contextlib
import os
import time
from collections.abc import Callable

from kosmos_nb.profiling.sampling.collector import current_frames

# The system forgets a thread some 0.1 ms after it has ended. In case it never does, nobody waits for ever.
FORGETS_WITHIN_S = 1.0
_HAS_TASKS = os.path.isdir("/proc/self/task")  # noqa: PTH112 - once, at import
_ALL_SIGNALS = _signal.valid_signals() if hasattr(_signal, "valid_signals") else ()


class Helper:
    """Calls `work` again and again in a thread of its own, from `start` until `stop`.

    The thread is none of `threading`'s, so that `threading.enumerate` is the user's. It takes no
    signals: those are to wake the main thread. `start` and `kick` may be called by a handler of
    signals; nothing in them waits.

    Args:
        work: Called in the thread; returns the seconds to the next call.

    Attributes:
        ident: Of the thread, 0 while there is none.
        cost_s: CPU seconds of all its threads so far.
        trouble: What ended it, None if nothing did.
    """

    def __init__(self, work: Callable[[], float]) -> None:
        self._work = work
        self._wake: _thread.LockType | None = None
        self._ended = _thread.allocate_lock()
        self.ident = self._native_id = 0
        self._leaving: tuple[int, int] | None = None  # both numbers, of one that has ended
        self.cost_s = 0.0
        self.trouble: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._wake is not None

    def start(self, first_s: float = 0.0) -> None:
        """Begin; where it runs, or has failed, does nothing."""
        if self._wake is not None or self.trouble is not None:
            return
        wake, ended = _thread.allocate_lock(), _thread.allocate_lock()
        wake.acquire()
        ended.acquire()
        self._wake, self._ended = wake, ended
        try:
            self.ident = _thread.start_new_thread(self._run, (wake, ended, first_s))
        except RuntimeError as error:  # out of threads, or the interpreter is ending
            self.trouble, self._wake = str(error), None

    def kick(self) -> None:
        """Let it work at once."""
        wake = self._wake
        if wake is not None and wake.locked():
            _release(wake)

    def stop(self) -> None:
        """End it, and wait until it works no more."""
        wake, self._wake = self._wake, None
        if wake is None:
            return
        _release(wake)
        self._ended.acquire()
        if self._wake is None:
            self._leaving, self.ident, self._native_id = (self.ident, self._native_id), 0, 0

    def await_gone(self) -> None:
        """Wait until the system has forgotten it, too: Python 3.12 asks there before it warns of a fork."""
        if self._leaving is None:
            return
        until_s = time.perf_counter() + FORGETS_WITHIN_S
        while _is_there(*self._leaving) and time.perf_counter() < until_s:
            time.sleep(0)
        self._leaving = None

    def forget(self) -> None:
        """Forget the thread, in the child of a fork, which has none."""
        self._wake = self._leaving = self.trouble = None
        self.ident = self._native_id = 0

    def _run(self, wake: _thread.LockType, ended: _thread.LockType, pause_s: float) -> None:
        before_s = self.cost_s
        self._native_id = _thread.get_native_id()
        try:
            if hasattr(_signal, "pthread_sigmask"):
                _signal.pthread_sigmask(_signal.SIG_BLOCK, _ALL_SIGNALS)
            while True:
                wake.acquire(timeout=pause_s)
                if self._wake is not wake:
                    break
                pause_s = self._work()
                self.cost_s = before_s + time.thread_time()
        except Exception as error:  # a door: nobody waits for this thread's errors
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            self.cost_s = before_s + time.thread_time()
            ended.release()


def _is_there(ident: int, native_id: int) -> bool:
    if _HAS_TASKS and native_id > 0:  # the system forgets a thread after Python does
        return os.access(f"/proc/self/task/{native_id}", os.F_OK)
    return ident in current_frames()


def _release(lock: _thread.LockType) -> None:
    with contextlib.suppress(RuntimeError):  # somebody else has just done so
        lock.release()
