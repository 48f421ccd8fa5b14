"""Learns that a cell's code has failed before IPython formats the traceback.

No event tells of it, and formatting takes from a tenth of a second to most of one. So while a cell
is being profiled, the shell's `showtraceback` is shadowed by a function that says so and then calls
what was there; afterwards the shell is as it was.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
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
        caller: Only a call straight from this code counts; magics and users call it as well.
        ended: Called before the traceback is shown.
    """

    def __init__(self, shell: Any, caller: CodeType, ended: Callable[[], None]) -> None:
        self._shell, self._caller, self._ended = shell, caller, ended
        self._ours: Callable[..., Any] | None = None
        self._theirs: Any = None

    def install(self) -> None:
        """Begin; a second time does nothing."""
        if self._ours is not None:
            return
        original = getattr(self._shell, _NAME)
        caller, ended = self._caller, self._ended

        def showtraceback(*args: Any, **kwargs: Any) -> Any:
            if sys._getframe(1).f_code is caller:
                leave_out_watchers(sys.exc_info()[2])
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


def leave_out_watchers(trace: TracebackType | None) -> None:
    """Take frames of ours out of a traceback: an interrupt may have fallen into our signal handler.

    What comes after them stays: a handler of the user's may have run on top of ours.
    """
    while trace is not None:
        following = trace.tb_next
        if following is not None and _watches(following):
            while following is not None and (_watches(following) or _file(following) in _HELPERS):
                following = following.tb_next
            trace.tb_next = following
        trace = following


def _watches(trace: TracebackType) -> bool:
    file = _file(trace)
    return file.startswith(_ROOM) and file not in _CALLED


def _file(trace: TracebackType) -> str:
    return trace.tb_frame.f_code.co_filename
