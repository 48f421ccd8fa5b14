"""What wakes the sampler: a timer that sends a signal to the main thread, once each time it is armed.

On 64-bit Linux a POSIX timer sends SIGPROF to the main thread itself, so that SIGALRM, `alarm` and
`setitimer` stay the user's. Elsewhere it is ITIMER_REAL with SIGALRM, and only while nobody else
uses them. Neither timer survives `os.fork` in the child.
"""

import ctypes
import signal
import sys
import threading
from functools import cache
from typing import Any, Protocol

_SIGEV_THREAD_ID = 4
_CLOCK_MONOTONIC = 1
# Should an interrupt of the user's end the handler before it has armed the timer again.
AGAIN_S = 1.0


class Ticker(Protocol):
    """A timer that sends `signum` once, some time after each `arm`; again only much later.

    `is_private`: nobody else can have set this very timer meanwhile.
    """

    signum: int
    is_private: bool

    def open(self) -> bool:
        """Take the timer; False where it, or its signal, is in somebody else's hands."""
        ...

    def arm(self, delay_s: float) -> None:
        """Send the signal once, `delay_s` from now, in place of an earlier call."""
        ...

    def close(self) -> None:
        """Give the timer back; nothing of ours is sent afterwards."""
        ...


class PosixTicker:
    """`timer_create` with SIGPROF for the thread that opens it."""

    signum = int(getattr(signal, "SIGPROF", 0))
    is_private = True

    def __init__(self) -> None:
        self._timer = ctypes.c_void_p()
        self._library: Any = None
        self._settime: Any = None
        self._value = _TimerSpec(int(AGAIN_S), int(AGAIN_S % 1 * 1e9))
        self._address = ctypes.addressof(self._value)

    def open(self) -> bool:
        """Take the timer; see `Ticker`."""
        if not _is_free(self.signum):
            return False
        self._library = _timer_library()
        if self._library is None:
            return False
        self._settime = self._library.timer_settime
        event = _SigEvent(signo=self.signum, notify=_SIGEV_THREAD_ID, thread_id=threading.get_native_id())
        created = self._library.timer_create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer))
        return bool(created == 0)

    def arm(self, delay_s: float) -> None:
        """Send the signal once; see `Ticker`."""
        value = self._value
        value.value_s, value.value_ns = int(delay_s), int(delay_s % 1 * 1e9)
        self._settime(self._timer, 0, self._address, None)

    def close(self) -> None:
        """Delete the timer."""
        self._library.timer_delete(self._timer)


class IntervalTicker:
    """ITIMER_REAL with SIGALRM."""

    signum = int(getattr(signal, "SIGALRM", 0))
    is_private = False

    def open(self) -> bool:
        """Take the timer; see `Ticker`."""
        return bool(self.signum) and _is_free(self.signum) and signal.getitimer(signal.ITIMER_REAL)[0] == 0

    def arm(self, delay_s: float) -> None:
        """Send the signal once; see `Ticker`."""
        signal.setitimer(signal.ITIMER_REAL, delay_s, AGAIN_S)

    def close(self) -> None:
        """Stop the timer."""
        signal.setitimer(signal.ITIMER_REAL, 0)


def tickers() -> tuple[Ticker, ...]:
    """Return the timers of this system, the better ones first."""
    if sys.platform == "win32":
        return ()
    return (PosixTicker(), IntervalTicker())


def _is_free(signum: int) -> bool:
    return signal.getsignal(signum) in (signal.SIG_DFL, signal.SIG_IGN)


class _SigEvent(ctypes.Structure):
    """`struct sigevent` of 64-bit Linux, glibc and musl."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread_id", ctypes.c_int),
        ("padding", ctypes.c_char * 44),
    )


class _TimerSpec(ctypes.Structure):
    """`struct itimerspec` of 64-bit Linux: interval and first expiry."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


@cache
def _timer_library() -> Any:
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    for name in (None, "librt.so.1"):  # glibc before 2.34 keeps the timers in librt
        try:
            # PyDLL keeps the GIL: letting it go at every tick would let other threads in.
            library = ctypes.PyDLL(name)
            library.timer_create.restype = ctypes.c_int
            library.timer_settime.argtypes = (
                ctypes.c_void_p,
                ctypes.c_int,
                ctypes.c_void_p,
                ctypes.c_void_p,
            )
            library.timer_delete.argtypes = (ctypes.c_void_p,)
        except (OSError, AttributeError):
            continue
        return library
    return None
