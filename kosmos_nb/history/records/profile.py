"""What one profiled cell, expression, function or block cost."""

from __future__ import annotations

import dataclasses
import json
import marshal
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import ConfigError, render
from kosmos_nb.history.records import plain, saving
from kosmos_nb.history.records.base import Drawn, Status
from kosmos_nb.history.records.environment import Environment
from kosmos_nb.history.records.parts import (
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    FunctionStat,
    InputData,
    LineStat,
    MemorySnapshot,
    ModeName,
    ProfileKind,
)
from kosmos_nb.history.records.standing import Standing

if TYPE_CHECKING:
    import os
    import pstats
    from pathlib import Path

    import pandas as pd

MEGABYTE = 1_000_000


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
        samples, interval_s: Stack samples of all threads, and their mean distance; zero, None in light mode.
        code: Source as typed. code_hash: of the normalised source.
        tree: Sampled call tree, None in light mode.
        function_stats, line_stats, bottlenecks, memory_snapshots: Largest first; in order.
        children: Processes that the cell started, most CPU first.
        children_cpu_s: CPU of all child processes while the cell ran, also of those that lived
            too short to be seen.
        traces: Opt-ins that were on, in order: `calls`, `memory`.
        heap_peak_bytes: High-water mark of what the cell allocated; None unless traced.
        allocation_sites: Who held it, most first; empty unless traced.
        inputs: Tables and arrays that the cell reads, by name, and their sizes at its start.
        environment: Machine, system and packages; None where they are not known.
        is_warm: Whether this kernel had profiled the same code before; None where that is not known.
        notes: What could not be measured, and why.
        standing: How it stands among earlier runs, where that was asked; kept in memory only.
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
    inputs: tuple[InputData, ...] = ()
    environment: Environment | None = None
    is_warm: bool | None = None
    notes: tuple[str, ...] = ()
    standing: Standing | None = field(default=None, repr=False, compare=False)
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
    def input_cells(self) -> int:
        """How much data the cell reads: rows times columns, of all its inputs."""
        return sum(one.rows * one.columns for one in self.inputs)

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

    @property
    def timeline(self) -> pd.DataFrame:
        """One row a moment: `t_s`, `cpu_cores`, `rss_mb`.

        `cpu_cores` is the CPU time since the row before, of all threads, over the time between:
        1.0 is one core at work. NaN where it is not known.
        """
        import pandas as pd  # noqa: PLC0415 - costs 200 ms; only who asks for a DataFrame pays

        seen = self.memory_snapshots
        rows = [
            (moment.timestamp, _cores(before, moment), moment.current_mb)
            for before, moment in zip((None, *seen), seen, strict=False)
        ]
        return pd.DataFrame(rows, columns=["t_s", "cpu_cores", "rss_mb"], dtype=float)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts, numbers and strings; `standing` and `value` stay out.

        The call tree is a list of frames, each before those that it called, with its `depth`.
        """
        return plain.as_plain(self, leave=["standing", "value"])

    def to_json(self) -> str:
        """Return `to_dict()` as JSON text; `from_json` reads it back."""
        return plain.json_text(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> ProfileResult:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is not a profile in JSON.
        """
        try:
            found = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"This is not a profile in JSON: {error}.") from error
        return cls.from_dict(found)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> ProfileResult:
        """Read what `to_dict` returned; unknown keys of newer versions are left aside.

        Raises:
            ValueError: It is not a profile.
        """
        try:
            if not isinstance(found, Mapping):
                raise ValueError(f"a profile is a mapping, not a {type(found).__name__}")
            parts: dict[str, Any] = {
                name: tuple(plain.build(kind, part) for part in plain.items(found, name))
                for name, kind in _PARTS.items()
            }
            place = found.get("environment")
            return plain.build(
                cls,
                found,
                tree=plain.tree_from_plain(found.get("tree")),
                environment=None if place is None else plain.build(Environment, place),
                standing=None,
                value=None,
                **parts,
            )
        except ValueError as error:
            raise ValueError(f"This is not a profile: {error}.") from error

    def to_speedscope(self) -> str:
        """Return JSON text for https://www.speedscope.app, by wall and by CPU time.

        Raises:
            ConfigError: The profile has no call tree.
        """
        return str(self._exported(render.SPEEDSCOPE))

    def to_collapsed(self) -> str:
        """Return folded stacks, `a;b;c 123` a line, in microseconds of wall time.

        The form is Brendan Gregg's (https://github.com/brendangregg/FlameGraph).

        Raises:
            ConfigError: The profile has no call tree.
        """
        return str(self._exported(render.COLLAPSED))

    def to_pstats(self) -> pstats.Stats:
        """Return the sampled tree as `pstats.Stats`, in seconds of wall time.

        `ncalls` is the number of calls only where calls were counted (`FunctionStat.calls`). A
        sampler does not see calls: for all other functions, and for all callers, it is the
        number of samples in which the function was on the stack.

        Raises:
            ConfigError: The profile has no call tree.
        """
        stats: pstats.Stats = self._exported(render.PSTATS)
        return stats

    def to_page(self) -> str:
        """Return a whole HTML page that needs nothing else and prints well."""
        return str(render.render(self, render.PAGE))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the profile into a file, in the form that its name asks for.

        Args:
            path: Ends in `.json` (read back by `from_json`), `.html` (a page),
                `.speedscope.json`, `.collapsed` or `.txt` (folded stacks), `.pstats` or `.prof`.
            overwrite: Whether a file that is there may be replaced.

        Returns:
            The path, with `~` resolved.

        Raises:
            ConfigError: The ending is not known, the profile has no call tree for this form, or
                the file cannot be written.
            FileThereError: There is such a file, and `overwrite` is False.
        """
        return saving.save(self, _FORMS, path, overwrite=overwrite)

    def _exported(self, form: str) -> Any:
        if self.tree is None and self.mode == "light":
            raise ConfigError("A light profile has no call tree; use --mode standard.")
        if self.tree is None:
            raise ConfigError("This profile has no call tree: no sample was taken, the code was too short.")
        return render.render(self, form)


def _pstats_bytes(profile: ProfileResult) -> bytes:
    return marshal.dumps(profile.to_pstats().stats)  # type: ignore[attr-defined]  # as `dump_stats` writes


_FORMS: saving.Forms[ProfileResult] = {
    ".speedscope.json": ProfileResult.to_speedscope,
    ".json": ProfileResult.to_json,
    ".html": ProfileResult.to_page,
    ".collapsed": ProfileResult.to_collapsed,
    ".txt": ProfileResult.to_collapsed,
    ".pstats": _pstats_bytes,
    ".prof": _pstats_bytes,
}
PROFILE_ENDINGS = tuple(_FORMS)
_PARTS: Mapping[str, type] = {
    "function_stats": FunctionStat,
    "line_stats": LineStat,
    "bottlenecks": Bottleneck,
    "memory_snapshots": MemorySnapshot,
    "children": ChildProcess,
    "allocation_sites": AllocationSite,
    "inputs": InputData,
}


def _cores(before: MemorySnapshot | None, moment: MemorySnapshot) -> float:
    if before is None or before.cpu_s is None or moment.cpu_s is None:
        return math.nan
    elapsed_s = moment.timestamp - before.timestamp
    return (moment.cpu_s - before.cpu_s) / elapsed_s if elapsed_s > 0 else math.nan


def _frame(rows: tuple[Any, ...], kind: type) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - costs 200 ms; only who asks for a DataFrame pays

    names = [f.name for f in dataclasses.fields(kind)]
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names}, columns=names)
