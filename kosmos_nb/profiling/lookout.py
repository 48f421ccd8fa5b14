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
        overhead_s: CPU that it took, by the newest look.
        trouble: What ended it, None if nothing did.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._process = 0
        self._wake: _thread.LockType | None = None
        self._ended = _thread.allocate_lock()
        self._looking = _thread.allocate_lock()
        self.overhead_s = 0.0
        self.trouble: str | None = None

    def start(self) -> None:
        """Begin; where it runs already, does nothing."""
        if self._wake is not None or self.trouble is not None:
            return
        wake, ended = _thread.allocate_lock(), _thread.allocate_lock()
        wake.acquire()
        ended.acquire()
        try:
            _thread.start_new_thread(self._run, (wake, ended))
        except RuntimeError as error:  # out of threads
            self.trouble = str(error)
            return
        self._process, self._wake, self._ended = os.getpid(), wake, ended
        _running.append(self)

    def stop(self, *, wait: bool = False) -> None:
        """Look no more.

        Args:
            wait: Whether to wait until the thread has ended. It does so by itself at its next turn,
                but on a busy machine that is milliseconds away.
        """
        wake, self._wake = self._wake, None
        if wake is None:
            return
        _running.remove(self)
        if self._process != os.getpid():  # the child of a fork has no such thread
            return
        with self._looking:
            wake.release()
        if wait:
            self._ended.acquire()

    def _run(self, wake: _thread.LockType, ended: _thread.LockType) -> None:
        before_s = pause_s = FIRST_S
        spent_s = self.overhead_s
        try:
            if _SIGNALS:
                signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            while not wake.acquire(timeout=pause_s):
                with self._looking:
                    if self._wake is not wake:
                        break
                    began_s = time.thread_time()
                    self._look()
                    ended_s = time.thread_time()
                    self.overhead_s = spent_s + ended_s
                before_s = min(2 * before_s, PAUSE_S)
                pause_s = max(before_s, SHARE * (ended_s - began_s))
        except Exception as error:  # a door: nobody waits for this thread's errors
            self.trouble = f"{type(error).__name__}: {error}"
        finally:
            ended.release()


_running: list[Lookout] = []
_SIGNALS = frozenset(map(int, signal.valid_signals())) if hasattr(signal, "pthread_sigmask") else ()


def _before_fork() -> None:
    if _thread._count() == len(_running):
        for lookout in tuple(_running):
            lookout.stop(wait=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
