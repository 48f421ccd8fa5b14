"""A thread that looks now and then, also while the code waits in C.

A signal handler could not do it: Python runs handlers between bytecodes, and `waitpid`, where a cell
sits while its child process works, goes on after a signal.
"""

import _thread
import os
import signal
import time
from collections.abc import Callable

FIRST_S = 0.01
PAUSE_S = 0.05
# A look may take one part in so many of the time to the next one.
SHARE = 200


class Lookout:
    """Calls `look` from `start` until `stop`.

    The thread is none of `threading`'s, so that `threading.enumerate` is the user's, and it takes
    no signals. Where it would be the process's only other thread, it is not there during a fork,
    of which Python 3.12 warns; the next `start` brings it back.

    Attributes:
        overhead_s: CPU that it took.
        trouble: What ended it, None if nothing did.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._process = 0
        self._wake: _thread.LockType | None = None
        self.overhead_s = 0.0
        self.trouble: str | None = None

    def start(self) -> None:
        """Begin; where it runs already, does nothing."""
        if self._wake is not None or self.trouble is not None:
            return
        self._process = os.getpid()
        self._wake, self._ended = _thread.allocate_lock(), _thread.allocate_lock()
        self._wake.acquire()
        self._ended.acquire()
        _running.append(self)
        try:
            _thread.start_new_thread(self._run, (self._wake, self._ended))
        except RuntimeError as error:  # out of threads
            self.trouble = str(error)
            self._ended.release()
            self.stop()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        wake, self._wake = self._wake, None
        if wake is None:
            return
        _running.remove(self)
        if self._process == os.getpid():  # the child of a fork has no such thread
            wake.release()
            self._ended.acquire()

    def _run(self, wake: _thread.LockType, ended: _thread.LockType) -> None:
        try:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            before_s = pause_s = FIRST_S
            while not wake.acquire(timeout=pause_s):
                began_s = time.perf_counter()
                self._look()
                before_s = min(2 * before_s, PAUSE_S)
                pause_s = max(before_s, SHARE * (time.perf_counter() - began_s))
            self.overhead_s += time.thread_time()
        except Exception as error:  # a door: nobody waits for this thread's errors
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            ended.release()


_running: list[Lookout] = []


def _before_fork() -> None:
    if _thread._count() == len(_running):
        for lookout in tuple(_running):
            lookout.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
