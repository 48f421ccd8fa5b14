"""What was measured and done, as frozen values: the words that the rooms exchange.

Seconds, bytes and dollars throughout; stamps are UTC microseconds since 1970. Records do not
draw themselves: `to_html` and the notebook's displays ask the renderer registry in `core`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from kosmos_nb.core import render

if TYPE_CHECKING:
    import pandas as pd

MEGABYTE = 1_000_000

Status = Literal["ok", "failed", "interrupted"]
ProfileKind = Literal["cell", "expression", "function", "block", "run"]
ModeName = Literal["light", "standard"]
Severity = Literal["critical", "high", "medium", "low"]
VerdictName = Literal["supported", "refuted", "inconclusive", "not_testable"]
RunStatus = Literal["running", "done", "cancelled", "failed"]

Family = Literal["association", "group_difference", "category_association"]

# A hypothesis moves left to right; `failed`, `dropped` and `skipped` end it early.
HypothesisState = Literal[
    "proposed",
    "registered",
    "queued",
    "running",
    "measured",
    "analysed",
    "verdict",
    "failed",
    "dropped",
    "skipped",
]


class _Drawn:
    """A record that the notebook can show."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return render.mimebundle(self)

    def __str__(self) -> str:
        drawn = render.render(self, render.TEXT)
        return str(drawn) if drawn is not None else repr(self)

    def to_html(self) -> str:
        """Return a self-contained HTML fragment: no script, no request, readable without styles."""
        return str(render.render(self, render.HTML))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySnapshot:
    """Memory of the process at one moment of a profile.

    Attributes:
        timestamp: Seconds since the profile began.
        current_mb: Resident memory, in megabytes (10^6 bytes).
        peak_mb: Highest resident memory so far.
        allocated_mb: Memory that the interpreter allocated; None where not traced.
    """

    timestamp: float
    current_mb: float
    peak_mb: float
    allocated_mb: float | None = None


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
        calls: Exact number of calls; None unless counted exactly.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStat:
    """Time of one line of the cell, with all that it called.

    Attributes:
        line: 1-based; line 1 is the cell's first line as the editor shows it.
        source: The line's text.
        wall_s, cpu_s: Seconds while this line of the cell was being executed.
        samples: Samples taken meanwhile.
        memory_growth_mb: Growth of resident memory; None unless measured by line.
    """

    line: int
    source: str
    wall_s: float
    cpu_s: float
    samples: int
    memory_growth_mb: float | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileResult(_Drawn):
    """What one profiled cell, expression, function or run cost.

    Attributes:
        id: UUIDv7.
        kind: What was profiled.
        mode: `light` (clocks and memory) or `standard` (with a sampled call tree).
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
            values["notes"] = tuple(values.get("notes", ()))
            return cls(**values)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"This is not a profile: {error}.") from error


_PARTS: Mapping[str, type] = {
    "function_stats": FunctionStat,
    "line_stats": LineStat,
    "bottlenecks": Bottleneck,
    "memory_snapshots": MemorySnapshot,
}


def _node(plain: Mapping[str, Any]) -> CallNode:
    return CallNode(**{**plain, "children": tuple(_node(child) for child in plain["children"])})


def _frame(rows: tuple[Any, ...], kind: type) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - costs 200 ms; only who asks for a DataFrame pays

    names = [f.name for f in dataclasses.fields(kind)]
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names}, columns=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One statement about the data that a registered test can judge.

    Attributes:
        id: `H1`, `H2`, … within its run, in order of registration.
        statement: In words: `flipper_length_mm is associated with body_mass_g`.
        family: Which kind of test.
        x, y: Columns. For group differences `x` is the group.
        given: Conditioning columns.
        registered_hash: SHA-256 of the canonical registration, made before the test.
    """

    id: str
    statement: str
    family: Family
    x: str
    y: str
    given: tuple[str, ...] = ()
    registered_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One test that was carried out, in which process, at what cost.

    `outcome` is the measured result as JSON, None where the experiment failed.
    """

    id: str
    hypothesis_id: str
    status: Status
    started_at_us: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    worker_pid: int | None
    error: str | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run concluded about one hypothesis. Numbers are None where there was no test.

    Attributes:
        p, p_adj: Raw; and the larger of BH within the family and over the run.
        effect, effect_metric, ci_low, ci_high: Effect on the rank or V scale and its interval.
        sign: `+`, `-`, or empty where the effect has no direction.
        n: Rows that the test used.
        caveats: Codes of design.md, section 3.
        evidence: Id of the experiment in the history.
        effect_raw, unit: The effect in the data's own units.
        detectable: Smallest effect that this n could support or exclude at 80 % power.
        m: Number of tests in its family, for the correction.
        reason: Why this verdict, in plain words.
    """

    hypothesis_id: str
    statement: str
    family: Family
    x: str
    y: str
    given: str = ""
    verdict: VerdictName
    p: float | None = None
    p_adj: float | None = None
    effect: float | None = None
    effect_metric: str = ""
    ci_low: float | None = None
    ci_high: float | None = None
    sign: Literal["+", "-", ""] = ""
    n: int = 0
    caveats: tuple[str, ...] = ()
    evidence: str = ""
    cost_usd: float = 0.0
    effect_raw: float | None = None
    unit: str = ""
    detectable: float | None = None
    m: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One research run: its question, data, settings and cost.

    Attributes:
        id: UUIDv7.
        target: Column that the run is about, empty where there is none.
        data_name: Variable or file that the data came from.
        data_hash: SHA-256 over names, types and values of the columns used.
        n_rows, n_columns: Shape of the data as tested.
        seed, alpha, smallest: Settings of the verdicts.
        workers: Worker processes.
        wall_s, cpu_s: Elapsed; CPU of the run's thread and of the workers, their start included.
        peak_bytes: Highest resident memory of this process seen at the ends of steps, plus the peak
            of every worker.
        slowest_step, slowest_step_s: The longest of the run's own steps.
        notes: What was left out or changed, with numbers.
        versions: Versions of Python and the libraries that computed.
    """

    id: str
    question: str
    target: str
    status: RunStatus
    started_at_us: int
    data_name: str
    data_hash: str
    n_rows: int
    n_columns: int
    seed: int
    alpha: float
    smallest: float
    workers: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    slowest_step: str = ""
    slowest_step_s: float = 0.0
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where one hypothesis stands."""

    hypothesis: Hypothesis
    state: HypothesisState
    wall_s: float | None = None
    effect: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    verdict: Verdict | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot(_Drawn):
    """A frozen picture of a run, live or ended: what the board and the report are drawn from.

    Attributes:
        seq: Grows with every picture of the run; a view drops one older than it shows.
        step: What the run is doing now, in words.
        eta_s: Estimate of the seconds left; None where there is no honest one.
    """

    run: Run
    progress: tuple[Progress, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    seq: int = 0
    step: str = ""
    eta_s: float | None = None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts reached so far, in order of hypothesis."""
        return tuple(p.verdict for p in self.progress if p.verdict is not None)

    @property
    def ended(self) -> int:
        """How many hypotheses need no more work."""
        return sum(p.state in ENDED for p in self.progress)

    @property
    def tested(self) -> int:
        """How many hypotheses need no more test: what a progress bar counts, as tests take the time."""
        return sum(p.state in TESTED for p in self.progress)


ENDED: frozenset[HypothesisState] = frozenset({"verdict", "failed", "dropped", "skipped"})
TESTED: frozenset[HypothesisState] = ENDED | {"measured", "analysed"}
