"""What is being profiled, and where its own frames begin on the stack."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType, FrameType

from kosmos_nb.history import ProfileKind
from kosmos_nb.profiling.analysis.frames import (
    CellPlace,
    Frame,
    FrameResolver,
    Function,
    WeightedPath,
    package_folders,
    weighted,
)
from kosmos_nb.profiling.analysis.stage import Stage, loop_in, thread_frame
from kosmos_nb.profiling.sampling.stack import RawStack, SampledStack

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
    """Return what was sampled as paths from the subject's root, without the stage.

    Other threads' stacks go below the root, each under its thread's name: so the root has the
    elapsed time of the measured code and the time in which other threads were active.
    """
    if not stacks:  # a short cell, which pays for each of these lines
        return []
    resolver = FrameResolver(_placed(subject, stacks), subject.cells)
    stage = Stage(package_folders(subject.hidden), package_folders(_LOOP))
    root = Frame(subject.root)
    result = []
    for stack in stacks:
        if stack.thread:
            frames = resolver.frames(stage.of_thread(stack.frames))
            found = [(root, thread_frame(stack.thread), *frames)]
        else:
            found = [_frames(subject, raw, resolver, stage) for raw in _played(subject, stack, stage)]
        result += weighted(stack, found)
    return result


def _played(subject: Subject, stack: SampledStack, stage: Stage) -> list[RawStack]:
    """Return what a stack shows of the subject; several stacks where several tasks wait."""
    index = subject.first(stack.frames)
    waiting, is_idle, in_loop = stack.suspended
    if index is not None:
        frames = stack.frames[index:]
        at = loop_in(frames)
        if at is None:
            return [frames]
        outer, inner = stage.before_loop(frames, at), stage.after_loop(frames[at:])
    elif in_loop or not waiting:
        return [[]]  # it has not begun, or has just ended
    else:
        # It awaits, while the loop runs other tasks: they are shown below the line that awaits.
        outer, inner = [], stage.after_loop(stack.frames)
    if is_idle:
        return [outer + leaf for leaf in waiting] or [outer]
    return [outer + (waiting[0] if waiting else []) + inner]


def _placed(subject: Subject, stacks: Iterable[SampledStack]) -> CellPlace | None:
    """Return the cell's place with its compile name, which its outermost frame tells."""
    if subject.cell is None:
        return None
    for stack in stacks:
        index = None if stack.thread else subject.first(stack.frames)
        if index is None and (stack.thread or stack.suspended.in_loop):
            continue
        waiting = stack.suspended.stacks[0] if stack.suspended.stacks else []
        outermost = waiting[:1] if index is None else stack.frames[index : index + 1]
        if outermost:
            return replace(subject.cell, filename=outermost[0][0].co_filename)
    return subject.cell


def _frames(subject: Subject, raw: RawStack, resolver: FrameResolver, stage: Stage) -> tuple[Frame, ...]:
    root = Frame(subject.root)
    if raw and (subject.root_is_frame or resolver.function(raw[0][0]) == subject.root):
        (top,) = resolver.frames(raw[:1])
        root, raw = Frame(subject.root, top.cell_line), raw[1:]
    return (root, *resolver.frames(stage.without(raw)))
