"""Learns that a cell's code has failed before IPython formats the traceback.

No event tells of it, and formatting takes from a tenth of a second to most of one. So while a cell
is being profiled, the shell's `showtraceback` is shadowed by a function that says so and then calls
what was there; afterwards the shell is as it was.
"""

import os
import random
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

_NAME = "showtraceback"
_ROOM = str(Path(__file__).parent) + os.sep
# Files of this room that users call: their frames belong to the story.
_CALLED = frozenset(_ROOM + name for name in ("profiler.py", "block.py", "code.py", "script.py"))
# What the signal handler calls.
_HELPERS = frozenset((random.__file__, signal.__file__))


class TracebackShadow:
    """Stands before a shell's `showtraceback` between `install` and `remove`.

    Args:
        shell: The IPython shell.
        callers: Only a call straight from such code counts; magics and users call it as well.
        ended: Called before the traceback is shown.
    """

    def __init__(self, shell: Any, callers: Collection[CodeType], ended: Callable[[], None]) -> None:
        self._shell, self._callers, self._ended = shell, callers, ended
        self._ours: Callable[..., Any] | None = None
        self._theirs: Any = None

    def install(self) -> None:
        """Begin; a second time does nothing."""
        if self._ours is not None:
            return
        original = getattr(self._shell, _NAME)
        callers, ended = self._callers, self._ended

        def showtraceback(*args: Any, **kwargs: Any) -> Any:
            if sys._getframe(1).f_code in callers:
                leave_out_watchers(sys.exc_info()[1])
                ended()
            return original(*args, **kwargs)

        self._theirs = vars(self._shell).get(_NAME)
        self._ours = showtraceback
        setattr(self._shell, _NAME, showtraceback)

    def remove(self) -> None:
        """End; what the cell itself put there meanwhile stays."""
        if self._ours is not None and vars(self._shell).get(_NAME) is self._ours:
            if self._theirs is None:
                delattr(self._shell, _NAME)
            else:
                setattr(self._shell, _NAME, self._theirs)
        self._ours = self._theirs = None


def leave_out_watchers(error: BaseException | None) -> None:
    """Take frames of ours out of what an error shows: an interrupt may have fallen into our handlers.

    What comes after them stays: a handler of the user's may have run on top of ours. Errors that led
    to this one are treated alike.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = error.__traceback__ = _after_watchers(error.__traceback__)
        while trace is not None:
            trace.tb_next = _after_watchers(trace.tb_next)
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


def _after_watchers(trace: TracebackType | None) -> TracebackType | None:
    if trace is None or not _watches(trace):
        return trace
    following: TracebackType | None = trace
    while following is not None and (_watches(following) or _file(following) in _HELPERS):
        following = following.tb_next
    return following


def _watches(trace: TracebackType) -> bool:
    file = _file(trace)
    return file.startswith(_ROOM) and file not in _CALLED


def _file(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename
