"""Exact call counts of the notebook's own functions, for next to nothing (Python 3.12 and newer).

`sys.monitoring` calls back at the start of a function. For code of others the answer is DISABLE,
which holds until we end: it costs one callback a function, however often that is called. What is
the user's own is counted up to a limit, and then let go in the same way:

    a function       10,000 calls, at 0.2 µs each
    all together     1 % of the elapsed time, after the first 12,000 calls (2-5 ms)

So a hot function costs 2 ms at most, and reads "10 000+". When the time is used up, functions are
let go as they pass their next hundred; those that are called seldom stay exact.
"""

import dataclasses
import inspect
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple

from kosmos_nb.history import FunctionStat
from kosmos_nb.profiling.analysis.frames import CellPlace, FrameResolver, Function, is_cell_file
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.findings import Findings
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.sampling.stack import Suspended

CALLS_OF_ONE = 10_000
CALLS_FREE = 12_000
CALLS_PER_S = 50_000  # 1 % of the time at 0.2 µs a call, measured on 3.12 and 3.13
_STRIDE = 100  # between two looks at the limits

MONITORING: Any = getattr(sys, "monitoring", None)
# Debuggers, coverage, profilers and optimizers have numbers of their own: those stay theirs.
_TOOLS = (4, 3)
_NAME = "kosmos_nb"

NO_MONITORING = "Calls are not counted: that takes Python 3.12 or newer."
NO_PLACE = (
    "--trace-calls needs a place in sys.monitoring, and other tools hold those that are free for profilers. "
    "Stop one of them, or leave --trace-calls out."
)
NO_TOOL = "Calls are not counted: other tools hold the places of sys.monitoring."


class Calls(NamedTuple):
    """How often something was called: exactly, or at least so often."""

    times: int
    is_capped: bool = False


class Tool:
    """A place among the tools of `sys.monitoring`, taken by `take`."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._events: list[int] = []

    @classmethod
    def take(cls) -> "Tool | None":
        """Take a free place; None where there is none, or no `sys.monitoring`."""
        for number in _free_places():
            try:
                MONITORING.use_tool_id(number, _NAME)
            except ValueError:  # another thread was quicker
                continue
            tool = cls(number)
            _TAKEN.add(tool)
            return tool
        return None

    @staticmethod
    def is_free() -> bool:
        """Whether there is a free place now."""
        return bool(_free_places())

    def watch(self, callbacks: Mapping[int, Callable[..., object] | None]) -> None:
        """Have the callbacks called at their events."""
        self._events = list(callbacks)
        for event, callback in callbacks.items():
            MONITORING.register_callback(self._number, event, callback)
        MONITORING.set_events(self._number, sum(callbacks))

    def give_back(self) -> None:
        """End all events and free the place; a second time does nothing."""
        self.abandon()
        # Whoever takes the place next would find disabled what we have disabled.
        MONITORING.restart_events()

    def abandon(self) -> None:
        """Free the place; in the child of a fork as well, which inherits it."""
        if self in _TAKEN and MONITORING.get_tool(self._number) == _NAME:
            MONITORING.set_events(self._number, 0)
            for event in self._events:
                MONITORING.register_callback(self._number, event, None)
            MONITORING.free_tool_id(self._number)
        _TAKEN.discard(self)


def _free_places() -> list[int]:
    if MONITORING is None:
        return []
    return [number for number in _TOOLS if MONITORING.get_tool(number) is None]


_TAKEN: "weakref.WeakSet[Tool]" = weakref.WeakSet()


def _abandon_all() -> None:
    for tool in list(_TAKEN):
        tool.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)


class CallCounter:
    """Counts the calls of functions whose file is the user's own.

    A generator or coroutine counts when it begins to run, once. Calls of all threads count.

    Args:
        own_file: A file whose functions count, beside the notebook's cells.
    """

    def __init__(self, own_file: str | None = None) -> None:
        self._own_file = own_file
        self._counts: dict[int, int] = {}
        self._codes: dict[int, CodeType] = {}  # by id: hashing a code object reads all of it
        self._capped: set[int] = set()
        self._modules: list[str] = []
        self._trouble: str | None = None
        self._tool: Tool | None = None
        self._is_over = False

    def start(self, meter: ProcessMeter, suspended: Suspended | None) -> None:
        """Begin to count; see `Instrument`."""
        self._tool = Tool.take()
        if self._tool is None:
            self._trouble = NO_MONITORING if MONITORING is None else NO_TOOL
        else:
            self._tool.watch({MONITORING.events.PY_START: self._callback()})

    def stop(self) -> None:
        """End it; nothing stays registered or disabled."""
        if self._tool is not None:
            self._tool.give_back()
            self._tool = None

    def add_to(self, found: Findings, subject: Subject) -> Findings:
        """Put the counts beside the functions' times."""
        if self._trouble is not None:
            return dataclasses.replace(found, notes=(*found.notes, self._trouble))
        resolver = FrameResolver(place_of(subject, self._modules), subject.cells)
        calls: dict[Function, Calls] = {}
        for key, count in self._counts.items():
            function = resolver.function(self._codes[key])
            before = calls.get(function, Calls(0))
            calls[function] = Calls(before.times + count, before.is_capped or key in self._capped)
        notes = found.notes
        if self._is_over:
            notes = (*notes, "Counting of some functions' calls ended early: 1 % of the time was used up.")
        return dataclasses.replace(
            found,
            function_stats=with_calls(found.function_stats, calls),
            overhead_s=found.overhead_s + sum(self._counts.values()) / (100 * CALLS_PER_S),
            notes=notes,
        )

    def _callback(self) -> Callable[[CodeType, int], object]:
        counts, first, look, stride = self._counts, self._first, self._limits(), _STRIDE

        def on_start(code: CodeType, offset: int) -> object:
            key = id(code)
            # From here to the store no other thread comes in between.
            if key not in counts:
                return first(key, code)
            count = counts[key] + 1
            counts[key] = count
            return None if count % stride else look(key, count)

        return on_start

    def _first(self, key: int, code: CodeType) -> object:
        filename = code.co_filename
        if filename != self._own_file and not is_cell_file(filename):
            return MONITORING.DISABLE
        if not code.co_flags & inspect.CO_OPTIMIZED:  # a module or the body of a class
            self._modules.append(filename)
            return MONITORING.DISABLE
        self._codes[key] = code
        self._counts[key] = 1
        return None

    def _limits(self) -> Callable[[int, int], object]:
        began_s = time.perf_counter()
        looks = 0

        def look(key: int, count: int) -> object:
            nonlocal looks
            looks += 1
            is_over = looks * _STRIDE > CALLS_FREE + CALLS_PER_S * (time.perf_counter() - began_s)
            if count < CALLS_OF_ONE and not is_over:
                return None
            self._is_over = self._is_over or is_over
            self._capped.add(key)
            return MONITORING.DISABLE

        return look


def with_calls(stats: tuple[FunctionStat, ...], calls: Mapping[Function, Calls]) -> tuple[FunctionStat, ...]:
    """Return the stats with their numbers of calls; functions that no sample saw come after them."""
    left = dict(calls)

    def counted(stat: FunctionStat) -> FunctionStat:
        seen = left.pop(Function(stat.name, stat.file, stat.line), None)
        if seen is None:
            return stat
        return dataclasses.replace(stat, calls=seen.times, calls_capped=seen.is_capped)

    sampled = [counted(stat) for stat in stats]
    unseen = sorted(left.items(), key=lambda item: (-item[1].times, item[0]))
    return (*sampled, *(_unseen(function, seen) for function, seen in unseen))


def place_of(subject: Subject, ran: Sequence[str]) -> CellPlace | None:
    """Return the cell's place with its compile name, None where the subject is no cell.

    Args:
        subject: What was profiled.
        ran: Files whose top level ran meanwhile, first one first.
    """
    place = subject.cell
    if place is None or place.filename:
        return place
    named = [name for name, shown in subject.cells.items() if shown == place.shown]
    name = next(iter(ran), None) or next(iter(named), "")
    return dataclasses.replace(place, filename=name)


def profile_hook() -> str | None:
    """Return who holds this thread's profile function, or that of new threads; None for nobody."""
    # memray shows itself in one or the other, by version and Python.
    for place, hook in (
        ("threading.setprofile", threading.getprofile()),
        ("sys.setprofile", sys.getprofile()),
    ):
        if hook is not None:
            module = getattr(hook, "__module__", None) or ""
            name = getattr(hook, "__qualname__", type(hook).__qualname__)
            return module if module.startswith("memray") else f"{place}: {name}"
    return None


def _unseen(function: Function, seen: Calls) -> FunctionStat:
    name, file, line = function
    return FunctionStat(
        name=name,
        file=file,
        line=line,
        self_s=0.0,
        total_s=0.0,
        self_cpu_s=0.0,
        total_cpu_s=0.0,
        samples=0,
        calls=seen.times,
        calls_capped=seen.is_capped,
    )
