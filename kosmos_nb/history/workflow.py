"""What a research run cost, and what its time went into: computed from its records, measured ones only.

The elapsed time of a run is split by what was under way: before anything began (data are read, workers
start), a test, a call of a model and no test, and the rest (columns are sorted, findings checked within
groups, verdicts made). The records have begin and length of tests and calls; where the clock was set
meanwhile, those do not fit into the run, and it is not split.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kosmos_nb.history.calls import CallTotals, known, totals, totals_by
from kosmos_nb.history.records import (
    Experiment,
    HypothesisState,
    LlmCall,
    Progress,
    RunSnapshot,
    RunStatus,
    VerdictName,
)
from kosmos_nb.history.records.plain import as_plain

CLOCK_SET = "The clock was set while the run worked: what was under way when is not known."
CUT_SHORT = "The run was cancelled: a test that this cut short is in no number."
OWN_CPU = "The run failed: its CPU time is that of its own thread, without the workers."
_SLACK_S = 0.05  # two processes read one clock, and a clock is slewed
_SLACK = 0.01

Interval = tuple[float, float]  # seconds since the run began


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisCost:
    """What one hypothesis of a run cost; None where it was not measured.

    Attributes:
        id, statement, x, y, given, state, verdict: As in the run.
        wall_s: Elapsed time of its tests in their process; where that is not known, from the begin of its
            test until the run had the result.
        cpu_s, peak_bytes: CPU time of its tests; highest resident memory of the process meanwhile.
        error: Why its test failed.
    """

    id: str
    statement: str
    x: str
    y: str
    given: tuple[str, ...]
    state: HypothesisState
    verdict: VerdictName | None
    wall_s: float | None
    cpu_s: float | None
    peak_bytes: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsCost:
    """What the tests of a run cost together.

    Attributes:
        number, failed: How many were measured; of those, how many failed.
        wall_s: Sum of their elapsed times.
        computing_s, waiting_s: Of that, on a processor; and not: for data, a lock or a processor.
        busy_share: `wall_s` as a share of the time that the run's workers had.
        busy_share_of_tests: The same of the time in which at least one test ran.
    """

    number: int
    failed: int
    wall_s: float
    computing_s: float
    waiting_s: float
    busy_share: float | None
    busy_share_of_tests: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """The elapsed time of a run by what was under way; the four add up to it.

    Attributes:
        before_s: Before the first test or call.
        tests_s: At least one test ran.
        calls_s: A model was called, and no test ran.
        rest_s: Afterwards and in between.
    """

    before_s: float
    tests_s: float
    calls_s: float
    rest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowProfile:
    """What a whole research run cost. A number is None where it was not measured.

    Attributes:
        run_id, question, target, status, error, started_at_us, workers: As in the run; 0 workers is the
            run's own process.
        data_name, data_hash, n_rows, n_columns, versions: Its data, and what computed.
        wall_s, cpu_s, peak_bytes: Of all of it.
        slowest_step, slowest_step_s: The longest of its own steps.
        elapsed: The elapsed time by what was under way.
        tests: The tests together.
        states, verdicts: How many hypotheses are in which state, and have which verdict.
        hypotheses: Each of them, the slowest first.
        calls: Calls of language models, by role. all_calls: The same together; None where there was none.
        notes: What is missing in the numbers, and why.
    """

    run_id: str
    question: str
    target: str
    status: RunStatus
    error: str | None
    started_at_us: int
    workers: int
    data_name: str
    data_hash: str
    n_rows: int
    n_columns: int
    wall_s: float | None
    cpu_s: float | None
    peak_bytes: int | None
    slowest_step: str
    slowest_step_s: float | None
    elapsed: Elapsed | None
    tests: TestsCost | None
    states: Mapping[str, int]
    verdicts: Mapping[str, int]
    hypotheses: tuple[HypothesisCost, ...]
    calls: tuple[CallTotals, ...]
    all_calls: CallTotals | None
    versions: Mapping[str, str]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dicts, lists, numbers and texts."""
        return as_plain(self)


def workflow_profile(picture: RunSnapshot, calls: Sequence[LlmCall] = ()) -> WorkflowProfile:
    """Say what an ended run cost, and what its time went into.

    Args:
        picture: The run.
        calls: The calls of language models that worked for it.
    """
    run = picture.run
    measured = [test for test in picture.experiments if _is_measured(test)]
    elapsed = _elapsed(picture, measured, calls)
    notes = []
    if elapsed is None and (measured or calls):
        notes.append(CLOCK_SET)
    if run.status == "cancelled":
        notes.append(CUT_SHORT)
    if run.status == "failed" and run.workers:
        notes.append(OWN_CPU)
    return WorkflowProfile(
        run_id=run.id,
        question=run.question,
        target=run.target,
        status=run.status,
        error=run.error,
        started_at_us=run.started_at_us,
        workers=run.workers,
        data_name=run.data_name,
        data_hash=run.data_hash,
        n_rows=run.n_rows,
        n_columns=run.n_columns,
        wall_s=known(run.wall_s),
        cpu_s=known(run.cpu_s),
        peak_bytes=run.peak_bytes or None,
        slowest_step=run.slowest_step,
        slowest_step_s=known(run.slowest_step_s) if run.slowest_step else None,
        elapsed=elapsed,
        tests=_tests(picture, measured, elapsed),
        states=dict(Counter(one.state for one in picture.progress).most_common()),
        verdicts=dict(Counter(verdict.verdict for verdict in picture.verdicts).most_common()),
        hypotheses=_hypotheses(picture),
        calls=totals_by(calls, lambda call: call.role),
        all_calls=totals(calls, "") if calls else None,
        versions=dict(run.versions),
        notes=tuple(notes),
    )


def _is_measured(test: Experiment) -> bool:
    """Whether it ran: one whose worker never began it has no time of its own."""
    return test.started_at_us > 0 and math.isfinite(test.wall_s) and math.isfinite(test.cpu_s)


def _hypotheses(picture: RunSnapshot) -> tuple[HypothesisCost, ...]:
    tests: dict[str, list[Experiment]] = {}
    for test in picture.experiments:
        tests.setdefault(test.hypothesis_id, []).append(test)
    costs = [_hypothesis(one, tests.get(one.hypothesis.id, ())) for one in picture.progress]
    return tuple(sorted(costs, key=lambda one: -1.0 if one.wall_s is None else one.wall_s, reverse=True))


def _hypothesis(one: Progress, tests: Sequence[Experiment]) -> HypothesisCost:
    measured = [test for test in tests if _is_measured(test)]
    return HypothesisCost(
        id=one.hypothesis.id,
        statement=one.hypothesis.statement,
        x=one.hypothesis.x,
        y=one.hypothesis.y,
        given=one.hypothesis.given,
        state=one.state,
        verdict=one.verdict.verdict if one.verdict is not None else None,
        wall_s=math.fsum(test.wall_s for test in measured) if measured else known(one.wall_s),
        cpu_s=math.fsum(test.cpu_s for test in measured) if measured else None,
        peak_bytes=max((test.peak_bytes for test in measured), default=0) or None,
        error=next((test.error for test in reversed(tests) if test.error), None),
    )


def _tests(picture: RunSnapshot, measured: Sequence[Experiment], elapsed: Elapsed | None) -> TestsCost | None:
    if not measured:
        return None
    run_s, lanes = picture.run.wall_s, max(1, picture.run.workers)
    wall_s = math.fsum(test.wall_s for test in measured)
    computing_s = math.fsum(min(test.wall_s, test.cpu_s) for test in measured)
    tests_s = elapsed.tests_s if elapsed is not None else 0.0
    return TestsCost(
        number=len(measured),
        failed=sum(test.status == "failed" for test in measured),
        wall_s=wall_s,
        computing_s=computing_s,
        waiting_s=wall_s - computing_s,
        busy_share=wall_s / (lanes * run_s) if run_s > 0 else None,
        busy_share_of_tests=wall_s / (lanes * tests_s) if tests_s > 0 else None,
    )


def _elapsed(
    picture: RunSnapshot, measured: Sequence[Experiment], calls: Sequence[LlmCall]
) -> Elapsed | None:
    """Split the run's elapsed time by what was under way; None where that is not known."""
    run = picture.run
    tests = [_within(run.started_at_us, test.started_at_us, test.wall_s) for test in measured]
    asked = [
        _within(run.started_at_us, call.started_at_us, call.wall_s)
        for call in calls
        if math.isfinite(call.wall_s)
    ]
    both = [*tests, *asked]
    slack_s = _SLACK_S + _SLACK * run.wall_s
    if not both or not all(-slack_s <= begin_s <= run.wall_s + slack_s for begin_s, _ in both):
        return None
    tests_s, both_s = covered_s(tests, run.wall_s), covered_s(both, run.wall_s)
    before_s = min(run.wall_s, max(0.0, min(begin_s for begin_s, _ in both)))
    return Elapsed(
        before_s=before_s,
        tests_s=tests_s,
        calls_s=both_s - tests_s,
        rest_s=max(0.0, run.wall_s - before_s - both_s),
    )


def _within(began_us: int, started_at_us: int, wall_s: float) -> Interval:
    begin_s = (started_at_us - began_us) / 1e6
    return begin_s, begin_s + wall_s


def covered_s(intervals: Iterable[Interval], end_s: float) -> float:
    """Return how much of the time from 0 to `end_s` lies in at least one of the intervals."""
    total_s = reached_s = 0.0
    for begin_s, until_s in sorted(intervals):
        upto_s = min(until_s, end_s)
        total_s += max(0.0, upto_s - max(begin_s, reached_s))
        reached_s = max(reached_s, upto_s)
    return total_s
