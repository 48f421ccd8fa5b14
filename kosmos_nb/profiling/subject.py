"""What is being profiled, and where its own frames begin on the stack."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType, FrameType

from kosmos_nb.history import ProfileKind
from kosmos_nb.profiling.frames import (
    CellPlace,
    Frame,
    FrameResolver,
    Function,
    WeightedPath,
    package_folders,
)
from kosmos_nb.profiling.stack import RawStack, SampledStack

# Frames of these never appear: they are the stage, not the play. For a cell that awaits, the
# kernel's loop runs between its steps, and its frames are the stage too.
_STAGE = ("IPython", "ipykernel", "kosmos_nb")
_LOOP = ("asyncio", "selectors", "tornado", "zmq", "traitlets", "jupyter_client", "comm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is being profiled.

    Attributes:
        kind: Cell, expression, function, block or run.
        root: The root of its tree.
        first: Finds the index of its outermost frame in a stack (outermost first), or None while
            it is not on the stack.
        root_is_frame: Whether that outermost frame is the root itself, for sure.
        cell: The cell's place in the notebook, None for the rest.
        source: Lines of its code as the editor shows them.
        cells: Compile names of other cells, with names for readers.
        hidden: Packages whose frames do not appear.
    """

    kind: ProfileKind
    root: Function
    first: Callable[[RawStack], int | None]
    root_is_frame: bool = True
    cell: CellPlace | None = None
    source: tuple[str, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = _STAGE


def above(depth: int) -> Callable[[RawStack], int | None]:
    """Return a `first` for code that runs above a frame which stays: at `depth` from outside."""

    def first(stack: RawStack) -> int | None:
        return depth if len(stack) > depth else None

    return first


def after_call_of(code: CodeType, occurrence: int) -> Callable[[RawStack], int | None]:
    """Return a `first` for code called by `code`, where that is on the stack several times."""

    def first(stack: RawStack) -> int | None:
        seen = 0
        for index, (frame_code, _) in enumerate(stack):
            if frame_code is code:
                if seen == occurrence:
                    return index + 1 if index + 1 < len(stack) else None
                seen += 1
        return None

    return first


def stack_depth(frame: FrameType | None) -> int:
    """Return how many frames there are, from `frame` outwards."""
    depth = 0
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def times_on_stack(code: CodeType) -> int:
    """Return how often `code` is on this thread's stack."""
    count = 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        count += frame.f_code is code
        frame = frame.f_back
    return count


def paths(subject: Subject, stacks: Sequence[SampledStack]) -> list[WeightedPath]:
    """Return what was sampled as paths from the subject's root, without the stage."""
    resolver = FrameResolver(_placed(subject, stacks), subject.cells)
    stage = _Stage(package_folders(subject.hidden), package_folders(_LOOP))
    result = []
    for stack in stacks:
        index = subject.first(stack.frames)
        if index is not None:
            raw = stack.frames[index:]
        elif stack.suspended:
            # It awaits, while the loop runs other tasks: they are shown below the line that awaits.
            raw = stack.suspended + stage.after_loop(stack.frames)
        else:
            raw = []  # it has not begun, or has just ended
        frames = _frames(subject, raw, resolver, stage)
        result.append(WeightedPath(frames, stack.wall_s, stack.cpu_s, stack.samples))
    return result


def _placed(subject: Subject, stacks: Iterable[SampledStack]) -> CellPlace | None:
    """Return the cell's place with its compile name, which its outermost frame tells."""
    if subject.cell is None:
        return None
    for stack in stacks:
        index = subject.first(stack.frames)
        outermost = stack.suspended[:1] if index is None else stack.frames[index : index + 1]
        if outermost:
            return replace(subject.cell, filename=outermost[0][0].co_filename)
    return subject.cell


def _frames(subject: Subject, raw: RawStack, resolver: FrameResolver, stage: "_Stage") -> tuple[Frame, ...]:
    root = Frame(subject.root, subject.root.line)
    if raw and (subject.root_is_frame or resolver.function(raw[0][0]) == subject.root):
        top = resolver.frame(*raw[0])
        root, raw = Frame(subject.root, top.line, top.cell_line), raw[1:]
    return (root, *(resolver.frame(*frame) for frame in stage.without(raw)))


class _Stage:
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
        kept, serves = [], False
        for frame in stack:
            kind = self._kind(frame[0].co_filename)
            if kind == "loop" and serves:
                continue
            serves = kind == "hidden"
            if not serves:
                kept.append(frame)
        return kept

    def after_loop(self, stack: RawStack) -> RawStack:
        """Return what the kernel's loop runs: the frames after the first stretch of asyncio's."""
        start = next((at for at, (code, _) in enumerate(stack) if _is_asyncio(code)), len(stack))
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


def _is_asyncio(code: CodeType) -> bool:
    return code.co_name == "_run_once" and "asyncio" in code.co_filename
