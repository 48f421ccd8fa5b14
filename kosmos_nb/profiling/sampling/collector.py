"""Garbage collections that fall due while the profiler works, left to the cell they belong to."""

import gc
import sys
from types import FrameType, TracebackType


class collections_held_back:  # noqa: N801 - used like the functions of contextlib, and 1 us quicker
    """Let no collection begin inside; one that is due begins afterwards.

    A cell that made millions of objects makes a full collection due, 0.1 s long; falling into the
    profiler's few lines it would be the profiler's cost, and a lie.
    """

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        try:
            if self._was_on:  # else another thread, which holds them back, may put them on before this
                gc.disable()
        except BaseException:  # an interrupt that came in this very moment: nobody calls __exit__
            self._restore()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _restore(self) -> None:
        if self._was_on:
            gc.enable()


def current_frames() -> dict[int, FrameType]:
    """Return the innermost frame of each thread.

    While Python gathers them it holds a lock. In early versions of 3.11 a collection may begin there,
    hand the interpreter to a thread that needs this lock, and both wait for ever (CPython, gh-106883).
    """
    with collections_held_back():
        return sys._current_frames()
