"""Which frames are the stage and not the play: ours, the kernel's, its loop's, every thread's first."""

import re
from types import CodeType

from kosmos_nb.profiling.analysis.frames import Frame, Function
from kosmos_nb.profiling.sampling.pools import pool_name
from kosmos_nb.profiling.sampling.stack import RawStack

_BOOTSTRAP = re.compile(r"[\\/](threading|concurrent[\\/]futures[\\/]thread)\.py$")
THREAD = "<thread>"  # the file of frames that stand for a thread


class Stage:
    """Which frames are the stage.

    Args:
        hidden: Folders whose frames never appear.
        loop: Folders whose frames do not appear where they serve the stage: the kernel's loop,
            and the messages that show a result. Called by the user, they are ordinary code.
    """

    def __init__(self, hidden: tuple[str, ...], loop: tuple[str, ...]) -> None:
        self._hidden, self._loop = hidden, loop
        self._kinds: dict[str, str] = {}

    def without(self, stack: RawStack) -> RawStack:
        """Return the frames that are not the stage."""
        kept, serves, kinds = [], False, self._kinds
        for frame in stack:
            file = frame[0].co_filename
            kind = kinds.get(file) or self._kind(file)  # a call a frame would cost more than the rest
            if serves and (kind == "loop" or _is_generated(frame[0])):
                continue
            serves = kind == "hidden"
            if not serves:
                kept.append(frame)
        return kept

    def of_thread(self, stack: RawStack) -> RawStack:
        """Return what a thread runs, without the frames that every thread begins with."""
        kept = self.without(stack)
        start = 0
        while start < len(kept) and _BOOTSTRAP.search(kept[start][0].co_filename):
            start += 1
        return kept[start:]

    def before_loop(self, stack: RawStack, at: int) -> RawStack:
        """Return the frames outside a loop at `at`; of its own, those that the code called."""
        while at > 0 and self._kind(stack[at - 1][0].co_filename) == "loop":
            at -= 1
        return stack[: at + 1]

    def after_loop(self, stack: RawStack) -> RawStack:
        """Return what a loop runs: the frames after the first stretch of asyncio's."""
        at = loop_in(stack)
        start = len(stack) if at is None else at
        while start < len(stack) and self._kind(stack[start][0].co_filename) != "play":
            start += 1
        return self.without(stack[start:])

    def _kind(self, filename: str) -> str:
        kind = self._kinds.get(filename)
        if kind is None:
            if filename.startswith(self._hidden):
                kind = "hidden"
            else:
                kind = "loop" if filename.startswith(self._loop) or filename.startswith("<frozen") else "play"
            self._kinds[filename] = kind
        return kind


def _is_generated(code: CodeType) -> bool:
    """Return whether it is a method that `dataclass` wrote, which has no file to tell whose it is."""
    return code.co_filename == "<string>" and code.co_qualname.startswith("__create_fn__.")


def loop_in(stack: RawStack) -> int | None:
    """Return where asyncio's loop is on a stack."""
    for index, (code, _) in enumerate(stack):
        if code.co_name == "_run_once" and "asyncio" in code.co_filename:
            return index
    return None


def thread_frame(name: str) -> Frame:
    """Return the frame that stands for a thread; the threads of a pool share one."""
    return Frame(Function(pool_name(name), THREAD, 0))
