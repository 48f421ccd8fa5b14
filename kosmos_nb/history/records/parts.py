"""What a profile is made of: functions, lines, frames, processes, allocations, moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ProfileKind = Literal["cell", "expression", "function", "block", "run"]
ModeName = Literal["light", "standard", "full"]
Severity = Literal["critical", "high", "medium", "low"]

THREAD_FILE = "<thread>"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySnapshot:
    """Memory of the process at one moment of a profile.

    Attributes:
        timestamp: Seconds since the profile began.
        current_mb: Resident memory, in megabytes (10^6 bytes).
        peak_mb: Highest resident memory so far.
        allocated_mb: Memory that the interpreter allocated; None where not traced.
        cpu_s: CPU seconds of the process since the profile began; None in profiles of version 1.
    """

    timestamp: float
    current_mb: float
    peak_mb: float
    allocated_mb: float | None = None
    cpu_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionStat:
    """Time of one function in a profile.

    Attributes:
        name: Qualified name; `<module>` for the cell's own top level.
        file: Source file, or the cell's compile name.
        line: First line of the function.
        self_s, total_s: Wall seconds in it alone, and with what it called. Recursion counts once.
        self_cpu_s, total_cpu_s: The same by the thread's CPU clock.
        samples: Samples whose innermost frame it was.
        calls: Number of calls; None unless counted exactly.
        calls_capped: The count stopped at its limit: there were `calls` or more.
        self_error_s: Half width of the 95 % interval of `self_s`, from sampling.
        self_lock_s: Of `self_s`, waiting for a lock or the GIL while other threads worked.
        self_await_s: Of `self_s`, awaiting while the event loop had nothing to run.
        threads: Number of threads in which it was seen.

    Times of other threads than the cell's own count where such a thread was active, so that the
    self times of all functions add up to the thread time of the profile.
    """

    name: str
    file: str
    line: int
    self_s: float
    total_s: float
    self_cpu_s: float
    total_cpu_s: float
    samples: int
    calls: int | None = None
    calls_capped: bool = False
    self_error_s: float = 0.0
    self_lock_s: float = 0.0
    self_await_s: float = 0.0
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStat:
    """Time of one line of the cell, with all that it called.

    Attributes:
        line: 1-based; line 1 is the cell's first line as the editor shows it.
        source: The line's text.
        wall_s, cpu_s: Seconds while this line of the cell was being executed.
        samples: Samples taken meanwhile.
        memory_growth_mb: Growth of resident memory; None unless measured by line.
        self_s: Wall seconds while it was the innermost line of the cell: these add up over lines.
        error_s: Half width of the 95 % interval of `wall_s`, from sampling.
        lock_s, await_s: Of `wall_s`, waiting for a lock or the GIL; awaiting.
    """

    line: int
    source: str
    wall_s: float
    cpu_s: float
    samples: int
    memory_growth_mb: float | None = None
    self_s: float = 0.0
    error_s: float = 0.0
    lock_s: float = 0.0
    await_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNode:
    """One frame in the sampled call tree, with the frames it called.

    `self_s` of all nodes adds up to the root's `total_s`. Other threads than the one that ran the
    cell hang below the root, each under a frame whose `file` is `THREAD_FILE`, whose `name` is
    the thread's and whose `line` is 0.
    """

    name: str
    file: str
    line: int
    self_s: float
    total_s: float
    self_cpu_s: float
    samples: int
    children: tuple[CallNode, ...] = ()

    @property
    def is_thread(self) -> bool:
        """Whether the frame stands for a thread, not for a function."""
        return self.file == THREAD_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """A function or a line that took a large share of the cell's own time.

    Attributes:
        kind: `function` (by self time) or `line` (by the time of the line and what it called).
        name: The function's qualified name, or the line's text.
        file, line: Where it is.
        share: Its share of the cell's time, 0 to 1.
        wall_s, cpu_s: Its seconds.
        severity: critical > 30 %, high > 15 %, medium > 5 %, low below.
        reading: One sentence in plain words.
        share_error: Half width of the 95 % interval of `share`, from sampling.
    """

    kind: Literal["function", "line"]
    name: str
    file: str
    line: int
    share: float
    wall_s: float
    cpu_s: float
    severity: Severity
    reading: str
    share_error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildProcess:
    """A process that the cell started, or that worked for it.

    Attributes:
        pid: Its number.
        name: The program alone; its arguments may hold secrets and are not kept.
        cpu_s: CPU seconds while the cell ran, as last seen.
        peak_bytes: Its highest resident memory, as last seen; None where unknown.
        wall_s: Seconds from when it was first seen until it was last seen.
        is_running: Whether it still ran when the cell had ended.
    """

    pid: int
    name: str
    cpu_s: float
    peak_bytes: int | None
    wall_s: float
    is_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InputData:
    """A table or array that the cell reads, as it was when the cell began.

    Attributes:
        name: The variable.
        kind: Its type: `pandas.DataFrame`, `numpy.ndarray`, …
        rows, columns: Its size; of an array with more dimensions, `columns` is all but the first.
    """

    name: str
    kind: str
    rows: int
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationSite:
    """A line of code that allocated memory, traced exactly (`--trace-memory`).

    Attributes:
        name, file, line: Function, its file, and the line that allocated.
        peak_bytes: What it held at the high-water mark of the heap.
        peak_blocks: In how many blocks.
        cell_line: The line of the cell on whose behalf it allocated; None outside cells.
    """

    name: str
    file: str
    line: int
    peak_bytes: int
    peak_blocks: int
    cell_line: int | None = None
