"""What one profiled cell, expression, function or block cost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from kosmos_nb.history.records.base import Drawn, Status

if TYPE_CHECKING:
    import pandas as pd

MEGABYTE = 1_000_000

ProfileKind = Literal["cell", "expression", "function", "block", "run"]
ModeName = Literal["light", "standard", "full"]
Severity = Literal["critical", "high", "medium", "low"]


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

    `self_s` of all nodes adds up to the root's `total_s`.
    """

    name: str
    file: str
    line: int
    self_s: float
    total_s: float
    self_cpu_s: float
    samples: int
    children: tuple[CallNode, ...] = ()


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
class AllocationSite:
    """A line of code that allocated memory, traced exactly (`--trace-memory`).

    Attributes:
        name, file, line: Function, its file, and the line that allocated.
        peak_bytes: What it held at the high-water mark of the heap.
        peak_blocks: In how many blocks.
    """

    name: str
    file: str
    line: int
    peak_bytes: int
    peak_blocks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult(Drawn):
    """What one profiled cell, expression, function or run cost.

    Attributes:
        id: UUIDv7.
        kind: What was profiled.
        mode: `light` (clocks and memory), `standard` (with a sampled call tree) or `full`
            (sampled twice as often, with memory by line and counted calls).
        status: `ok`, `failed` (see `exception_type`) or `interrupted`.
        started_at_us: UTC microseconds.
        wall_s: Elapsed time.
        cpu_s, user_s, system_s: CPU time of the process, all threads.
        main_thread_cpu_s: CPU time of the thread that ran the cell.
        rss_start_bytes, rss_end_bytes: Resident memory before and after.
        peak_bytes: Highest resident memory of the process while the cell ran.
        peak_method: How the peak was found: `VmHWM` (exact) or `polled`.
        minor_faults, major_faults: Page faults served from memory, and from disk.
        voluntary_switches, involuntary_switches: Context switches.
        read_bytes, written_bytes: By the process's read and write calls; None where unknown.
        gc_runs, gc_s: Garbage collections and their time.
        overhead_s: What the profiler itself took, measured.
        samples, interval_s: Stack samples and their mean distance; zero and None in light mode.
        code: Source as typed. code_hash: of the normalised source.
        tree: Sampled call tree, None in light mode.
        function_stats, line_stats, bottlenecks, memory_snapshots: Largest first; in order.
        children: Processes that the cell started, most CPU first.
        children_cpu_s: CPU of all child processes while the cell ran, also of those that lived
            too short to be seen.
        traces: Opt-ins that were on, in order: `calls`, `memory`.
        heap_peak_bytes: High-water mark of what the cell allocated; None unless traced.
        allocation_sites: Who held it, most first; empty unless traced.
        notes: What could not be measured, and why.
        value: Result of an expression; kept in memory only.
    """

    id: str
    kind: ProfileKind
    mode: ModeName
    status: Status
    started_at_us: int
    wall_s: float
    cpu_s: float
    user_s: float
    system_s: float
    main_thread_cpu_s: float
    rss_start_bytes: int
    rss_end_bytes: int
    peak_bytes: int
    peak_method: str
    minor_faults: int = 0
    major_faults: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0
    read_bytes: int | None = None
    written_bytes: int | None = None
    gc_runs: int = 0
    gc_s: float = 0.0
    overhead_s: float = 0.0
    samples: int = 0
    interval_s: float | None = None
    exception_type: str | None = None
    code: str = ""
    code_hash: str = ""
    label: str | None = None
    experiment_id: str | None = None
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    kernel_id: str = ""
    host: str = ""
    python: str = ""
    threshold_pct: float = 5.0
    tree: CallNode | None = None
    function_stats: tuple[FunctionStat, ...] = ()
    line_stats: tuple[LineStat, ...] = ()
    bottlenecks: tuple[Bottleneck, ...] = ()
    memory_snapshots: tuple[MemorySnapshot, ...] = ()
    children: tuple[ChildProcess, ...] = ()
    children_cpu_s: float = 0.0
    traces: tuple[str, ...] = ()
    heap_peak_bytes: int | None = None
    allocation_sites: tuple[AllocationSite, ...] = ()
    notes: tuple[str, ...] = ()
    value: Any = field(default=None, repr=False, compare=False)

    @property
    def execution_time(self) -> float:
        """Elapsed seconds; the same as `wall_s`."""
        return self.wall_s

    @property
    def cpu_time(self) -> float:
        """CPU seconds of the process, all threads; the same as `cpu_s`."""
        return self.cpu_s

    @property
    def memory_peak_mb(self) -> float:
        """Highest resident memory of the process while the cell ran, in megabytes."""
        return self.peak_bytes / MEGABYTE

    @property
    def memory_delta_peak_mb(self) -> float:
        """The peak above the cell's start, in megabytes."""
        return max(0, self.peak_bytes - self.rss_start_bytes) / MEGABYTE

    @property
    def profiler_overhead_ms(self) -> float:
        """The profiler's own measured cost, in milliseconds."""
        return self.overhead_s * 1e3

    @property
    def function_calls(self) -> dict[str, int]:
        """Number of calls by qualified name, of the functions whose calls were counted."""
        found: dict[str, int] = {}
        for stat in self.function_stats:
            if stat.calls is not None:
                found[stat.name] = found.get(stat.name, 0) + stat.calls
        return found

    @property
    def functions(self) -> pd.DataFrame:
        """One row a function, most self time first; columns as in `FunctionStat`."""
        return _frame(self.function_stats, FunctionStat)

    @property
    def lines(self) -> pd.DataFrame:
        """One row a line of the cell, in order; columns as in `LineStat`."""
        return _frame(self.line_stats, LineStat)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts, numbers and strings; `value` stays out."""
        plain = dataclasses.asdict(dataclasses.replace(self, value=None))
        del plain["value"]
        return plain

    def to_json(self) -> str:
        """Return `to_dict()` as JSON text; `from_json` reads it back."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ProfileResult:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is not a profile in JSON.
        """
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ProfileResult:
        """Read what `to_dict` returned; unknown keys of newer versions are left aside."""
        try:
            known = {f.name for f in dataclasses.fields(cls)}
            values = {key: value for key, value in plain.items() if key in known}
            values["tree"] = None if values.get("tree") is None else _node(values["tree"])
            for name, kind in _PARTS.items():
                values[name] = tuple(kind(**part) for part in values.get(name, ()))
            for name in ("notes", "traces"):
                values[name] = tuple(values.get(name, ()))
            return cls(**values)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"This is not a profile: {error}.") from error


_PARTS: Mapping[str, type] = {
    "function_stats": FunctionStat,
    "line_stats": LineStat,
    "bottlenecks": Bottleneck,
    "memory_snapshots": MemorySnapshot,
    "children": ChildProcess,
    "allocation_sites": AllocationSite,
}


def _node(plain: Mapping[str, Any]) -> CallNode:
    return CallNode(**{**plain, "children": tuple(_node(child) for child in plain["children"])})


def _frame(rows: tuple[Any, ...], kind: type) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - costs 200 ms; only who asks for a DataFrame pays

    names = [f.name for f in dataclasses.fields(kind)]
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names}, columns=names)
