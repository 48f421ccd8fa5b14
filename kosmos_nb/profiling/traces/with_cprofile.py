"""Every call of one thread, by cProfile: for Python 3.11.

Later versions of cProfile put the calls of all threads on one stack, and a kernel has several.
"""

import cProfile
import inspect
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any, NamedTuple

from kosmos_nb.profiling.analysis.frames import (
    CellPlace,
    FrameResolver,
    Function,
    is_cell_file,
    package_folders,
)
from kosmos_nb.profiling.analysis.subject import Subject
from kosmos_nb.profiling.traces.counter import place_of

BUILT_IN = "<built-in>"
ONE_THREAD = "Calls were counted in the thread that ran the code; other threads are left out."
STEPS = "Each step of a generator or a coroutine counts as a call of it."
IN_PART = "Calls were counted in part: the code set or ended the profile function itself."
_TAKES_STEPS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class HookedTrace:
    """Counts by the thread's profile function."""

    def __init__(self) -> None:
        self._profile = cProfile.Profile()
        self._is_on = False
        self.notes = [ONE_THREAD]

    def start(self) -> None:
        """Begin in this thread."""
        self._is_on = True
        self._profile.enable()

    def stop(self) -> None:
        """End it; a profile function that the code has set itself stays."""
        if not self._is_on:
            return
        hook: Any = sys.getprofile()
        self._profile.disable()
        self._is_on = False
        if hook is self._profile:
            return
        self.notes.append(IN_PART)
        if isinstance(hook, cProfile.Profile):
            hook.enable()
        else:
            sys.setprofile(hook)

    def counts(self, subject: Subject) -> Counter[Function]:
        """Return the calls that the measured code made, by function."""
        entries = [_entry(entry) for entry in self._profile.getstats()]
        codes = [entry.code for entry in entries if isinstance(entry.code, CodeType)]
        if any(code.co_flags & _TAKES_STEPS for code in codes):
            self.notes.append(STEPS)
        cells = [c.co_filename for c in codes if is_cell_file(c.co_filename) and not _is_function(c)]
        place = place_of(subject, cells)
        resolver = FrameResolver(place, subject.cells)
        own = [c for c in codes if place and _is_own(c, place)]
        stage = package_folders(subject.hidden)
        counts: Counter[Function] = Counter()
        for code, count in _reached(entries, own):
            if isinstance(code, str):
                counts[Function(_ADDRESS.sub("", code), BUILT_IN, 0)] += count
            elif _is_function(code) and not code.co_filename.startswith(stage):
                counts[resolver.function(code)] += count
        return counts


class _Entry(NamedTuple):
    """A function, Python's or C's (then its name), how often it was called, and whom it called."""

    code: CodeType | str
    calls: int
    called: tuple[tuple[CodeType | str, int], ...]


def _entry(raw: Any) -> _Entry:
    called = tuple((callee.code, callee.callcount) for callee in raw.calls or ())
    return _Entry(raw.code, raw.callcount, called)


def _reached(entries: Sequence[_Entry], own: Sequence[CodeType]) -> Iterator[tuple[CodeType | str, int]]:
    """Yield the functions that the measured code called, itself or through what it called, and how often.

    Between a cell's start and its first line IPython compiles it, and the sampler's handler is
    called in the middle of whatever runs; neither is the code's doing.

    Args:
        entries: What was called, by whom.
        own: Functions of cells, below which all that is measured hangs. Without any, what was
            called from outside the trace is where it begins.
    """
    ours = package_folders(("kosmos_nb.profiling",))
    called = {_key(entry.code): entry.called for entry in entries}
    codes = {_key(code): code for entry in entries for code, _ in ((entry.code, 0), *entry.called)}
    counts: Counter[int | str] = Counter()
    waiting = [_key(code) for code in own]
    if not own:
        outside = Counter({_key(entry.code): entry.calls for entry in entries})
        for entry in entries:
            outside.subtract({_key(code): calls for code, calls in entry.called})
        waiting = [key for key, calls in outside.items() if calls > 0 and not _is_ours(codes[key], ours)]
        counts.update({key: outside[key] for key in waiting})
    reached = set(waiting)
    while waiting:
        for code, calls in called.get(waiting.pop(), ()):
            if _is_ours(code, ours):
                continue
            key = _key(code)
            counts[key] += calls
            if key not in reached:
                reached.add(key)
                waiting.append(key)
    return ((codes[key], count) for key, count in counts.items())


def _key(code: CodeType | str) -> int | str:
    """Return what tells two functions apart: code of two files may be equal."""
    return code if isinstance(code, str) else id(code)


def _is_ours(code: CodeType | str, ours: tuple[str, ...]) -> bool:
    return "_lsprof" in code if isinstance(code, str) else code.co_filename.startswith(ours)


def _is_own(code: CodeType, place: CellPlace) -> bool:
    return code.co_filename == place.filename or is_cell_file(code.co_filename)


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)  # not a module or the body of a class
