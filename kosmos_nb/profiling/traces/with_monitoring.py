"""Every call of the user's threads, by `sys.monitoring`: for Python 3.12 and newer.

It costs up to twice what cProfile costs, sees a generator's start and not its steps, and keeps the threads
apart. A place of its own among the tools lets it run beside debuggers, coverage and profilers.
"""

import inspect
import sys
import threading
from collections import Counter
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FrameType, MethodDescriptorType, ModuleType
from typing import Any

from kosmos_nb.core import ProfilingError
from kosmos_nb.profiling.analysis.frames import FrameResolver, Function, is_cell_file, package_folders
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.traces.counter import MONITORING, NO_PLACE, Tool, place_of

BUILT_IN = "<built-in>"
_STAGE_THREADS = ("IPython", "ipykernel", "kosmos_nb", "zmq", "tornado")


class MonitoredTrace:
    """Counts by events of the interpreter.

    C functions count where Python code calls them, as in cProfile: not those that C calls.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._tool: Tool | None = None
        self._codes: dict[int, CodeType] = {}  # by id: hashing a code object reads all of it
        self._counts: dict[int, int] = {}
        self._built_in: dict[Any, int] = {}
        self._callers: dict[int, bool] = {}  # of C functions: whether they are the stage
        self._kept: list[CodeType] = []
        self._cells: list[str] = []
        self._before: tuple[dict[int, int], dict[Any, int]] = ({}, {})
        self._stage: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin.

        Raises:
            ProfilingError: Other tools hold all places.
        """
        tool = Tool.take()
        if tool is None:
            raise ProfilingError(NO_PLACE)
        self._tool = tool
        self._stage = package_folders(_STAGE_THREADS[:3])
        left_out = _stage_threads()
        on_built_in = self._on_built_in(left_out)
        events = MONITORING.events
        tool.watch(
            {
                events.PY_START: self._on_start(left_out),
                events.CALL: None,  # without it the other two are never told
                events.C_RETURN: on_built_in,
                events.C_RAISE: on_built_in,
            }
        )

    def stop(self) -> None:
        """End it; nothing stays registered."""
        if self._tool is not None:
            self._tool.give_back()
            self._tool = None

    def counts(self, subject: Subject) -> Counter[Function]:
        """Return the calls that the measured code made, by function."""
        resolver = FrameResolver(place_of(subject, self._cells), subject.cells)
        stage = package_folders(subject.hidden)
        # What ran before a cell's first line was IPython, which compiled it.
        before, built_in_before = self._before if subject.cell is not None else ({}, {})
        found: Counter[Function] = Counter()
        for key, count in self._counts.items():
            code = self._codes[key]
            if not code.co_filename.startswith(stage):
                found[resolver.function(code)] += count - before.get(key, 0)
        for key, count in self._built_in.items():
            found[Function(_name(key), BUILT_IN, 0)] += count - built_in_before.get(key, 0)
        return +found

    def _on_start(self, left_out: frozenset[int]) -> Callable[[CodeType, int], object]:
        counts, first, this_thread = self._counts, self._first, threading.get_ident

        def on_start(code: CodeType, offset: int) -> object:
            if left_out and this_thread() in left_out:
                return None
            key = id(code)
            # From here on no other thread comes in between.
            if key in counts:
                counts[key] += 1
                return None
            return first(key, code)

        return on_start

    def _first(self, key: int, code: CodeType) -> object:
        if code.co_flags & inspect.CO_OPTIMIZED:
            self._codes[key] = code
            self._counts[key] = 1
            return None
        if is_cell_file(code.co_filename):  # a cell's top level, or the body of a class
            if not self._cells:
                self._before = dict(self._counts), dict(self._built_in)
            self._cells.append(code.co_filename)
        return MONITORING.DISABLE

    def _on_built_in(self, left_out: frozenset[int]) -> Callable[..., object]:
        counts, callers, first, this_thread = (
            self._built_in,
            self._callers,
            self._first_call,
            threading.get_ident,
        )

        def on_built_in(code: CodeType, offset: int, called: Any, argument: object) -> object:
            caller = id(code)
            is_stage = callers[caller] if caller in callers else first(caller, code)
            if is_stage or (left_out and this_thread() in left_out):
                return None
            kind = type(called)
            if kind is MethodDescriptorType:
                key = called
            elif kind is BuiltinFunctionType:
                owner = called.__self__
                # A method of an object is known by its type: the object is not kept alive.
                is_function = owner is None or type(owner) is ModuleType
                key = called if is_function else (type(owner), called.__qualname__)
            else:  # a class, or an object that can be called
                return None
            if key in counts:
                counts[key] += 1
            else:
                counts[key] = 1
            return None

        return on_built_in

    def _first_call(self, caller: int, code: CodeType) -> bool:
        self._kept.append(code)  # or its id would go to another
        self._callers[caller] = is_stage = code.co_filename.startswith(self._stage)
        return is_stage


def _name(key: Any) -> str:
    """Name a C function as cProfile does."""
    if isinstance(key, tuple):
        kind, name = key
        return f"<method {name.rpartition('.')[2]!r} of {kind.__name__!r} objects>"
    if isinstance(key, MethodDescriptorType):
        return f"<method {key.__name__!r} of {key.__objclass__.__name__!r} objects>"
    return f"<built-in method {key.__module__}.{key.__name__}>" if key.__module__ else f"<{key.__name__}>"


def _stage_threads() -> frozenset[int]:
    """Return the threads that serve the kernel, or us; not this one."""
    folders = package_folders(_STAGE_THREADS)
    this = threading.get_ident()
    return frozenset(
        thread
        for thread, frame in sys._current_frames().items()
        if thread != this and _is_among(frame, folders)
    )


def _is_among(frame: FrameType | None, folders: tuple[str, ...]) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(folders):
            return True
        frame = frame.f_back
    return False
