"""The timer's signal and its handler: put in place, and taken away again from any thread."""

import _signal  # type: ignore[import-not-found]  # `signal` makes enums, and so calls, on the way
import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType

from kosmos_nb.profiling.sampling.ticker import Ticker, tickers

SHORTEST_S = 0.001  # the code is to get on, too


class TickSignal:
    """Calls `on_tick` on the main thread, some time after each `arm`, while it is open.

    Only the main thread may change handlers. Where another one closes, the timer goes at once, and the
    handler, which does nothing from then on, with the signal that is sent for it: as soon as the main
    thread is at Python code.

    Args:
        on_tick: Given the innermost frame. It may raise `RecursionError`, and nothing else.

    Attributes:
        was_missed: Whether the code was too near to the limit of recursion. Until somebody arms it
            again the timer comes once a second.
        restarts_calls: Whether system calls that a tick interrupts go on.
    """

    def __init__(self, on_tick: Callable[[FrameType | None], None]) -> None:
        self._call = on_tick
        self.was_missed = False
        self._ticker: Ticker | None = None
        self._left: int | None = None  # whose handler is to go, when the main thread can
        self._previous: object = None
        self.restarts_calls = False

    @property
    def is_open(self) -> bool:
        """Whether it has a timer."""
        return self._ticker is not None

    @property
    def is_ours(self) -> bool:
        """Whether nobody has taken the signal meanwhile."""
        return self._ticker is not None and _signal.getsignal(self._ticker.signum) == self._on_signal

    def open(self) -> bool:
        """Take timer and signal, on the main thread; False where others use them."""
        self.settle()
        for ticker in () if self._ticker is not None else tickers():
            if ticker.open():
                self._previous = _signal.signal(ticker.signum, self._on_signal)
                self._ticker, self.restarts_calls = ticker, False
                break
        return self._ticker is not None

    def arm(self, delay_s: float) -> None:
        """Tick some time from now, 1 ms at least; where it is closed, do nothing."""
        ticker = self._ticker
        if ticker is not None:
            ticker.arm(delay_s if delay_s > SHORTEST_S else SHORTEST_S)

    def restart_calls(self) -> None:
        """From now on let system calls that a tick interrupts go on, instead of failing with EINTR."""
        if not self.restarts_calls and self._ticker is not None:
            signal.siginterrupt(self._ticker.signum, False)
            self.restarts_calls = True

    def close(self) -> None:
        """Give timer and signal back; a second time does nothing."""
        ours, ticker = self.is_ours, self._ticker
        if ticker is None:
            return
        self._ticker = None
        if ours or ticker.is_private:
            ticker.close()
        if not ours:
            return
        self._left = ticker.signum
        if not self.settle():
            with contextlib.suppress(OSError):
                signal.pthread_kill(threading.main_thread().ident or 0, ticker.signum)

    def settle(self) -> bool:
        """Put back the handler that was there before us, if this is the main thread."""
        if threading.get_ident() != threading.main_thread().ident:
            return False
        signum, self._left = self._left, None
        if signum is not None and _signal.getsignal(signum) == self._on_signal:
            # A signal that is on its way would end the process under SIG_DFL; SIG_IGN drops it.
            _signal.signal(signum, _signal.SIG_IGN)
            _signal.signal(signum, self._previous)
        return True

    def abandon(self) -> None:
        """Forget the timer, in the child of a fork: it inherited the handler alone."""
        if self.is_ours and self._ticker is not None:
            self._left = self._ticker.signum
        self._ticker = None
        self.settle()

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        try:
            if self._ticker is not None:
                self._call(frame)
            elif self._left is not None:
                self.settle()
        except RecursionError:  # then at the next chance
            self.was_missed = True
