"""Where a coroutine stands while it is not on the stack, and what it waits for.

A task that waits keeps its frames: each coroutine knows the one it awaits, the innermost awaits a
future, and the task knows which (`_fut_waiter`). Where that future is itself a task, or a gathering
of tasks, the way goes on into those. Read in CPython's `asyncio/tasks.py` and `taskgroups.py`; a
name that a Python version lacks ends the way early, at the line that awaits.
"""

import sys
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

from kosmos_nb.profiling.sampling.stack import NOT_SUSPENDED, RawStack, Suspended, Suspension

MAX_LEAVES = 16
_LOOKED_AT = 256  # of the tasks that somebody waits for: a gathering may have ten thousand


def current_task() -> Any:
    """Return the `asyncio.Task` that has its turn in this thread; None where none has."""
    asyncio = sys.modules.get("asyncio")  # not imported: then no task runs; it takes 10 ms
    try:
        return asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no running loop
        return None


def suspended_frames(runner: CodeType, *, itself: bool = False) -> Suspended | None:
    """Return a function that says where the current task stands, from what is measured inwards.

    None where no task runs it.

    Args:
        runner: Code of the coroutine that runs the cell; what it awaits is the cell.
        itself: Whether `runner` is itself what is measured.
    """
    task = current_task()
    if task is None:
        return None

    def suspended(frame: FrameType | None) -> Suspension:
        return _suspension(task, _frames(task, runner, itself), is_idle(frame))

    return suspended


def suspended_in_loop(frame: FrameType | None) -> Suspension:
    """Say where the main task of the innermost `run_until_complete` on a stack stands.

    So `asyncio.run(main())` reads like an awaiting cell: by the lines of `main`.
    """
    events = sys.modules.get("asyncio.base_events")
    if events is None:
        return NOT_SUSPENDED
    code = events.BaseEventLoop.run_until_complete.__code__
    outer = frame
    while outer is not None and outer.f_code is not code:
        outer = outer.f_back
    if outer is None:
        return Suspension(is_idle=is_idle(frame), in_loop=True)
    task = outer.f_locals.get("future")
    return _suspension(task, _frames(task), is_idle(frame))._replace(in_loop=True)


def is_idle(frame: FrameType | None) -> bool:
    """Return whether a stack is a loop that has nothing to run and waits for the system."""
    for _ in range(3):  # select itself, on Windows one frame deeper
        outer = frame.f_back if frame is not None else None
        if frame is None or outer is None:
            return False
        if outer.f_code.co_name == "_run_once":
            # With something to run it only has a look at the system, and goes on.
            return frame.f_code.co_name == "select" and outer.f_locals.get("timeout") != 0
        frame = outer
    return False


def _suspension(task: Any, trunk: RawStack, idle: bool) -> Suspension:
    if not trunk:
        return Suspension(is_idle=idle)
    return Suspension(_leaves(task, trunk), True) if idle else Suspension((trunk,))


def _leaves(task: Any, trunk: RawStack) -> tuple[RawStack, ...]:
    """Follow everything that a task waits for, at most `MAX_LEAVES` ways, spread over all."""
    ways: list[tuple[RawStack, Any]] = [(trunk, task)]
    leaves: list[RawStack] = []
    seen = {id(task)}
    while ways:
        stack, waits = ways.pop(0)
        room = max(1, MAX_LEAVES - len(leaves) - len(ways))
        pending = [child for child in _pending(waits) if id(child) not in seen]
        for child in _spread(pending, room):
            seen.add(id(child))
            frames = _frames(child)
            if frames:
                ways.append((stack + frames, child))
            else:
                leaves.append(stack)  # a plain future: it is waited for here
        if not pending:
            leaves.append(stack)
    return tuple(leaves[:MAX_LEAVES])


def _frames(task: Any, runner: CodeType | None = None, itself: bool = False) -> RawStack:
    """Return a waiting task's frames, outermost first: those inside `runner`, or all."""
    found: RawStack = []
    is_inside = runner is None
    for frame in _waiting_frames(task):
        is_runner = frame.f_code is runner
        if is_inside or (is_runner and itself):
            found.append((frame.f_code, frame.f_lasti))
        is_inside = is_inside or is_runner
    return found


def _waiting_frames(task: Any) -> list[FrameType]:
    get_coro = getattr(task, "get_coro", None)
    awaited: Any = get_coro() if get_coro is not None else None
    found: list[FrameType] = []
    while True:
        if isinstance(awaited, CoroutineType):
            frame, running, awaited = awaited.cr_frame, awaited.cr_running, awaited.cr_await
        elif isinstance(awaited, GeneratorType):
            frame, running, awaited = awaited.gi_frame, awaited.gi_running, awaited.gi_yieldfrom
        else:
            return found
        if frame is None or running:
            return []
        found.append(frame)


def _pending(task: Any) -> Sequence[Any]:
    """Return what a waiting task waits for, as far as it can be followed: tasks and futures."""
    future = getattr(task, "_fut_waiter", None)
    if future is None:
        return ()
    if _is_task(future) or hasattr(future, "_children"):
        return _unfinished([future])
    frames = _waiting_frames(task)
    holder = _holders().get(frames[-1].f_code) if frames else None
    return _unfinished(holder(frames[-1].f_locals)) if holder is not None else ()


def _unfinished(futures: Any) -> Sequence[Any]:
    """Return those that are not done; in the place of a gathering, what it gathers."""
    found: list[Any] = []
    ways = list(_some(futures))
    while ways and len(found) < _LOOKED_AT:
        future = ways.pop()
        if future.done():
            continue
        if hasattr(future, "_children") and not _is_task(future):
            ways += _some(future._children)
        else:
            found.append(future)
    return found


def _is_task(future: Any) -> bool:
    return hasattr(future, "get_coro")


def _holders() -> dict[CodeType, Callable[[dict[str, Any]], Collection[Any]]]:
    """Return where asyncio's own coroutines that wait for tasks keep them."""
    if not _HOLDERS:
        from asyncio import TaskGroup, tasks  # noqa: PLC0415 - a task waits, so it is loaded

        _HOLDERS[TaskGroup.__aexit__.__code__] = lambda local: getattr(local.get("self"), "_tasks", ())
        _HOLDERS[tasks._wait.__code__] = lambda local: local.get("fs", ())  # type: ignore[attr-defined]
        _HOLDERS[tasks.wait_for.__code__] = lambda local: [local["fut"]] if "fut" in local else ()
    return _HOLDERS


_HOLDERS: dict[CodeType, Callable[[dict[str, Any]], Collection[Any]]] = {}


def _some(children: Any) -> Sequence[Any]:
    if isinstance(children, list | tuple):
        return children[:: len(children) // _LOOKED_AT + 1]
    return list(islice(children, _LOOKED_AT))


def _spread(children: Sequence[Any], most: int) -> Sequence[Any]:
    if len(children) <= most:
        return children
    return [children[index * len(children) // most] for index in range(most)]
