"""Where a coroutine stands while it is not on the stack."""

import sys
from types import CodeType, CoroutineType
from typing import Any

from kosmos_nb.profiling.stack import RawStack, Suspended


def suspended_frames(runner: CodeType) -> Suspended | None:
    """Return a function that gives the current task's waiting frames, from the cell inwards.

    While a cell awaits it is not on the stack; its coroutines still know where they stand. None
    where no task runs the cell.

    Args:
        runner: Code of the coroutine that runs the cell; what it awaits is the cell.
    """
    asyncio = sys.modules.get("asyncio")  # not imported: then no task runs; it takes 10 ms
    try:
        task = asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no running loop
        return None
    if task is None:
        return None

    def frames() -> RawStack:
        found: RawStack = []
        coroutine: Any = task.get_coro()
        is_inside = False
        while isinstance(coroutine, CoroutineType):
            frame = coroutine.cr_frame
            if frame is None or coroutine.cr_running:
                return []
            if is_inside:
                found.append((frame.f_code, frame.f_lasti))
            is_inside = is_inside or frame.f_code is runner
            coroutine = coroutine.cr_await
        return found

    return frames
