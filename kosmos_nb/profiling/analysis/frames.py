"""From what the sampler saw, (code, position), to what a reader knows: function, file, line."""

import linecache
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

from kosmos_nb.profiling.sampling.stack import RawStack, SampledStack
from kosmos_nb.profiling.sampling.walk import line_at

_DEF = re.compile(r"\s*(async\s+def|def|class)\b")
_CELL_NAME = re.compile(r"<ipython-input-(\d+)-")
_IPYKERNEL_CELL = re.compile(r"ipykernel_\d+[\\/]\d+\.py$")


class Function(NamedTuple):
    """A function as readers know it; `file` is short, `line` its first line."""

    name: str
    file: str
    line: int


class Frame(NamedTuple):
    """One frame of a stack. `cell_line`: 1-based line of the profiled cell, None elsewhere."""

    function: Function
    cell_line: int | None = None


class WeightedPath(NamedTuple):
    """Frames from the root inwards (never empty), and the time in which they were seen.

    Fields as in `SampledStack`. `await_s`: of `wall_s`, awaiting while the loop had nothing to run.
    """

    frames: tuple[Frame, ...]
    wall_s: float
    cpu_s: float
    samples: int
    lock_s: float = 0.0
    await_s: float = 0.0
    grain_s: float = 0.0
    grain_s2: float = 0.0
    memory_bytes: int = 0
    thread_id: int = 0

    @property
    def innermost_line(self) -> int | None:
        """The innermost line of the cell, None where the path has none."""
        for frame in reversed(self.frames):
            if frame.cell_line:
                return frame.cell_line
        return None


def weighted(stack: SampledStack, ways: Sequence[tuple[Frame, ...]]) -> list[WeightedPath]:
    """Return paths that share the stack's time evenly; what is whole stays whole."""
    count = len(ways)
    samples, memory_bytes = divmod(stack.samples, count), divmod(stack.memory_bytes, count)
    return [
        WeightedPath(
            frames=frames,
            wall_s=stack.wall_s / count,
            cpu_s=stack.cpu_s / count,
            samples=samples[0] + (index < samples[1]),
            lock_s=stack.lock_s / count,
            await_s=stack.wall_s / count if stack.suspended.is_idle else 0.0,
            grain_s=stack.grain_s / count,
            grain_s2=stack.grain_s2 / count,
            memory_bytes=memory_bytes[0] + (index < memory_bytes[1]),
            thread_id=stack.thread_id,
        )
        for index, frames in enumerate(ways)
    ]


@dataclass(frozen=True, slots=True)
class CellPlace:
    """Which code is the profiled cell: its compile name, how it is shown, its first line's number.

    Attributes:
        filename: Compile name of the cell.
        shown: Name for readers: `In[5]`.
        line_offset: Lines that the editor shows above what was compiled.
    """

    filename: str
    shown: str
    line_offset: int = 0


class FrameResolver:
    """Turns raw frames into `Frame`s, each of them once.

    Args:
        cell: The profiled cell, None where something else is profiled.
        cells: Compile names of other cells, with the name for readers.
    """

    def __init__(self, cell: CellPlace | None = None, cells: Mapping[str, str] | None = None) -> None:
        self._cell = cell
        self._cells = cells or {}
        # By id of a code that is kept: to hash one takes as long as all the rest.
        self._functions: dict[int, tuple[CodeType, Function]] = {}
        self._frames: dict[tuple[int, int], Frame] = {}
        self._files: dict[str, str] = {}
        self._folders: tuple[str, ...] | None = None

    def frames(self, stack: RawStack) -> list[Frame]:
        """Return the frames for readers."""
        known = self._frames
        return [known.get((id(code), at)) or self._new_frame(code, at) for code, at in stack]

    def _new_frame(self, code: CodeType, position: int) -> Frame:
        line = None
        if self._cell is not None and code.co_filename == self._cell.filename:
            line = line_at(code, position)
            if line == code.co_firstlineno:
                line = def_line(code)
            line += self._cell.line_offset
        frame = self._frames[id(code), position] = Frame(self.function(code), line)
        return frame

    def function(self, code: CodeType) -> Function:
        """Return the function that `code` belongs to."""
        known = self._functions.get(id(code))
        if known is None:
            offset = self._cell.line_offset if self._is_cell(code) and self._cell else 0
            name = "<module>" if code.co_name.startswith("<cell line") else code.co_qualname
            function = Function(name, self.file(code.co_filename), code.co_firstlineno + offset)
            known = self._functions[id(code)] = (code, function)
        return known[1]

    def _is_cell(self, code: CodeType) -> bool:
        return self._cell is not None and code.co_filename == self._cell.filename

    def file(self, filename: str) -> str:
        """Return a compile name as readers know it."""
        known = self._files.get(filename)
        if known is None:
            known = self._files[filename] = self._new_file(filename)
        return known

    def _new_file(self, filename: str) -> str:
        if self._cell is not None and filename == self._cell.filename:
            return self._cell.shown
        if filename in self._cells:
            return self._cells[filename]
        old_cell = _CELL_NAME.match(filename)
        if old_cell is not None:
            return f"In[{old_cell[1]}]"
        if _IPYKERNEL_CELL.search(filename):
            return "<notebook>"
        if self._folders is None:
            self._folders = _import_folders()
        return _below(self._folders, filename)


def def_line(code: CodeType) -> int:
    """Return the line of a function's `def`, its first one where the source is not at hand.

    The first line of decorated code is that of the decorator. What is spent on the call itself is
    the function's, not the decorator's, which has run long before.
    """
    first = code.co_firstlineno
    if not linecache.getline(code.co_filename, first).lstrip().startswith("@"):
        return first
    body = min((line for *_, line in code.co_lines() if line and line > first), default=first)
    # A decorator may take several lines.
    for line in range(first + 1, body + 1):
        if _DEF.match(linecache.getline(code.co_filename, line)):
            return line
    return first


def is_cell_file(filename: str) -> bool:
    """Return whether this is the compile name of a notebook's cell."""
    return _CELL_NAME.match(filename) is not None or _IPYKERNEL_CELL.search(filename) is not None


def short_file(filename: str) -> str:
    """Return a file as it is imported, `pandas/core/frame.py`, without the folders of this machine."""
    return _below(_import_folders(), filename)


def _import_folders() -> tuple[str, ...]:
    """Return the folders of `sys.path`, those inside others first."""
    return _inner_first(tuple([folder or _here() for folder in sys.path]))


@lru_cache(maxsize=2)
def _inner_first(folders: tuple[str, ...]) -> tuple[str, ...]:
    ended = {os.path.join(folder, "") for folder in folders}  # noqa: PTH118 - prefixes of strings
    return tuple(sorted(ended, key=len, reverse=True))


def _below(folders: Iterable[str], filename: str) -> str:
    if filename.startswith("<"):
        return filename
    return next((filename[len(folder) :] for folder in folders if filename.startswith(folder)), filename)


def _here() -> str:
    try:
        return os.getcwd() + os.sep  # noqa: PTH109 - for each profile
    except OSError:  # the folder was removed under the kernel
        return ""


def package_folders(modules: Iterable[str]) -> tuple[str, ...]:
    """Return the folders (or files) of those modules that are loaded, for prefix tests."""
    folders = []
    for name in modules:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file is not None:
            is_package = hasattr(module, "__path__")
            folders.append(os.path.join(os.path.dirname(file), "") if is_package else file)  # noqa: PTH118, PTH120
    return tuple(folders)
