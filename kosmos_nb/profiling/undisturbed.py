"""Lines of the profiler that are not to be cut short: where it begins, and where it ends."""

import _signal  # type: ignore[import-not-found]  # `signal` makes enums, for four fifths of the time
import gc
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from kosmos_nb.profiling.sampling.collector import collections_held_back

T = TypeVar("T")


def undisturbed(step: Callable[[], T]) -> T:
    """Call `step`; a Ctrl-C that comes meanwhile comes when it has returned, as does a collection."""
    collects = gc.isenabled()
    held = _HeldInterrupt()
    try:
        held.begin()
        with collections_held_back():
            result = step()
        held.end()
    except BaseException:  # also what another signal's handler raised, at any line above
        if collects:
            gc.enable()
        held.end()
        raise
    return result


class _HeldInterrupt:
    """Keeps one Ctrl-C from `begin` to `end`. A second one gets through: somebody means it."""

    def __init__(self) -> None:
        self._theirs: Callable[[int, FrameType | None], Any] | None = None
        self._kept: FrameType | None = None
        self._has_come = False

    def begin(self) -> None:
        """Stand before the handler, where there is one of Python's: on the main thread."""
        if threading.get_ident() != threading.main_thread().ident:
            return
        theirs = _signal.getsignal(_signal.SIGINT)
        if callable(theirs):
            self._theirs = theirs
            _signal.signal(_signal.SIGINT, self._on_interrupt)

    def end(self) -> None:
        """Put the handler back, and call it with what has come; a second time does nothing."""
        theirs = self._theirs
        if theirs is None:
            return
        if _signal.getsignal(_signal.SIGINT) == self._on_interrupt:
            _signal.signal(_signal.SIGINT, theirs)
        self._theirs = None
        if self._has_come:
            frame, self._kept = self._kept, None
            theirs(_signal.SIGINT, frame)

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        if not self._has_come:
            self._has_come, self._kept = True, frame
            return
        theirs, self._has_come = self._theirs, False
        if theirs is not None:
            theirs(signum, frame)
