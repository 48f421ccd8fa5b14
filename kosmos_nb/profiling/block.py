"""A `with` block under a session, in a function, a generator or a coroutine."""

import contextlib
import inspect
import sys
from collections.abc import Callable
from types import CodeType, FrameType

from kosmos_nb.core import ProfilingError
from kosmos_nb.profiling.analysis.frames import Function, short_file
from kosmos_nb.profiling.analysis.subject import Subject, above, stack_depth
from kosmos_nb.profiling.sampling.awaiting import suspended_frames
from kosmos_nb.profiling.sampling.stack import RawStack
from kosmos_nb.profiling.session import ProfileSession

OWN_FRAMES = ("kosmos_nb.profiling", "kosmos_nb.core.program")

Finish = Callable[[ProfileSession, Subject, BaseException | None], None]

_LEAVES_THE_STACK = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_GENERATOR


class Block:
    """Measures a `with` block.

    A class of this room, whose frames are hidden; those of contextlib would be the user's.

    Args:
        new: Makes the session, when the block is made: what makes no sense is said at once.
        finish: Takes what was measured, and what the block raised.

    Raises:
        ProfilingError: It is entered a second time.
    """

    def __init__(self, new: Callable[[], ProfileSession], finish: Finish) -> None:
        self._session = new()
        self._finish = finish
        self._is_entered = False

    def __enter__(self) -> None:
        if self._is_entered:
            raise ProfilingError("A profile_context() measures one block; make a new one for each.")
        self._is_entered = True
        frame = sys._getframe(1)  # the user's, whose lines are the block
        code = frame.f_code
        self._subject = Subject(
            kind="block",
            root=Function(code.co_qualname, short_file(code.co_filename), code.co_firstlineno),
            first=_finder(frame),
            hidden=OWN_FRAMES,
        )
        is_coroutine = code.co_flags & inspect.CO_COROUTINE
        self._session.start(suspended_frames(code, itself=True) if is_coroutine else None)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._session.stop()
        finally:
            self._session.stop()  # an interrupt may have come before the line above
            if error is None:
                self._finish(self._session, self._subject, None)
            else:
                with contextlib.suppress(Exception):  # a door: the user's error is what is told
                    self._finish(self._session, self._subject, error)


def _finder(frame: FrameType) -> Callable[[RawStack], int | None]:
    """Return a `Subject.first` for the block's own frame."""
    code = frame.f_code
    if not code.co_flags & _LEAVES_THE_STACK:
        return above(stack_depth(frame) - 1)
    occurrence = _times_below(frame, code)  # it comes back at whatever depth; its code tells it

    def first(stack: RawStack) -> int | None:
        found = [index for index, (known, _) in enumerate(stack) if known is code]
        return found[occurrence] if len(found) > occurrence else None

    return first


def _times_below(frame: FrameType, code: CodeType) -> int:
    count, outer = 0, frame.f_back
    while outer is not None:
        count, outer = count + (outer.f_code is code), outer.f_back
    return count
