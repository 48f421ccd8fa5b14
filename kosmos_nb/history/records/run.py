"""What a research run asked, tested and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kosmos_nb.history.records.base import Drawn, Status

VerdictName = Literal["supported", "refuted", "inconclusive", "not_testable"]
Sign = Literal["+", "-", ""]
RunStatus = Literal["running", "done", "cancelled", "failed"]

Family = Literal[
    "association",
    "group_difference",
    "category_association",
    "trend",
    "conditional",
    "interaction",
    "non_monotone",
    "spread",
    "lag",
    "survival",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One statement about the data that a registered test can judge.

    Attributes:
        id: `H1`, `H2`, … within its run, in order of registration.
        statement: In words: `flipper_length_mm is associated with body_mass_g`.
        family: Which kind of test.
        x, y: Columns. For group differences `x` is the group.
        given: Conditioning columns; of an interaction the column that may change the relation.
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
    sign: Sign = ""
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
class RunSnapshot(Drawn):
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
