"""What a run's time went into, and what its calls cost: computed from records."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kosmos_nb.history import (
    Experiment,
    LlmCall,
    agent_profile,
    compare_workflows,
    totals,
    totals_by,
    workflow_profile,
)
from kosmos_nb.history.workflow import CLOCK_SET, CUT_SHORT, OWN_CPU, covered_s
from tests.samples import STARTED_US, done_run

CHECKS = settings(max_examples=100, deadline=None)
MOMENTS = st.integers(0, 40)
INTERVALS = st.lists(st.tuples(MOMENTS, MOMENTS).map(lambda ends: (min(ends), max(ends))), max_size=8)


def experiment(number: int, begin_s: float, wall_s: float, **changes: object) -> Experiment:
    made = Experiment(
        id=f"e{number}",
        hypothesis_id=f"H{number}",
        status="ok",
        started_at_us=STARTED_US + round(begin_s * 1e6),
        wall_s=wall_s,
        cpu_s=wall_s / 2,
        peak_bytes=100_000_000 + number,
        worker_pid=1,
    )
    return dataclasses.replace(made, **changes)


def call(begin_s: float = 0.0, wall_s: float = 1.0, **changes: object) -> LlmCall:
    made = LlmCall(
        id="c",
        role="proposer",
        model="m",
        status="ok",
        started_at_us=STARTED_US + round(begin_s * 1e6),
        wall_s=wall_s,
        waited_s=wall_s / 4,
        input_tokens=100,
        output_tokens=10,
        cost_usd=0.01,
    )
    return dataclasses.replace(made, **changes)


def run_with(*tests: Experiment, **changes: object):
    return dataclasses.replace(done_run(**{"wall_s": 10.0, **changes}), experiments=tests)


@CHECKS
@given(intervals=INTERVALS, end=MOMENTS)
def test_covered_time_is_what_a_count_of_moments_says(intervals, end):
    moments = {moment for begin, until in intervals for moment in range(begin, min(until, end))}
    assert covered_s(intervals, end) == len(moments)


@CHECKS
@given(tests=INTERVALS, calls=INTERVALS)
def test_the_parts_of_the_elapsed_time_add_up_to_it(tests, calls):
    tests = [(begin / 4, end / 4) for begin, end in tests]  # a run of 10 s
    experiments = [experiment(n, begin, end - begin) for n, (begin, end) in enumerate(tests)]
    asked = [call(begin / 4, (end - begin) / 4) for begin, end in calls]
    elapsed = workflow_profile(run_with(*experiments), asked).elapsed
    if not tests and not calls:
        assert elapsed is None
        return
    parts = dataclasses.astuple(elapsed)
    assert min(parts) >= 0
    assert math.fsum(parts) == pytest.approx(10.0)


def test_time_goes_into_the_wait_before_tests_calls_and_the_rest():
    tests = (experiment(1, 2, 3), experiment(2, 3, 4))
    found = workflow_profile(run_with(*tests), [call(1, 2), call(6, 2), call(0.5, 0.25)])
    assert dataclasses.astuple(found.elapsed) == pytest.approx((0.5, 5.0, 2.25, 2.25))
    assert found.tests.wall_s == 7.0
    assert (found.tests.computing_s, found.tests.waiting_s) == (3.5, 3.5)
    assert found.tests.busy_share == pytest.approx(7 / 20)  # two workers, ten seconds
    assert found.tests.busy_share_of_tests == pytest.approx(7 / 10)
    assert found.notes == ()


def test_a_test_on_many_cores_computes_no_longer_than_it_takes():
    found = workflow_profile(run_with(experiment(1, 0, 2, cpu_s=8.0)))
    assert (found.tests.computing_s, found.tests.waiting_s) == (2.0, 0.0)


def test_hypotheses_come_slowest_first_with_what_their_test_measured():
    found = workflow_profile(
        run_with(experiment(3, 0, 2.0), experiment(7, 0, 0.5, error="no memory", status="failed"))
    )
    first, second, third = found.hypotheses[:3]
    assert (first.id, first.wall_s, first.cpu_s, first.peak_bytes) == ("H3", 2.0, 1.0, 100_000_003)
    assert (second.id, second.error) == ("H7", "no memory")
    assert (third.id, third.wall_s, third.cpu_s, third.peak_bytes) == ("H1", 0.12, None, None)
    assert found.tests.failed == 1
    assert found.states == {"verdict": 10}
    assert next(iter(found.verdicts.items())) == ("supported", 5)


def test_what_was_not_measured_is_none():
    never_began = experiment(1, 0, 0.0, started_at_us=0, peak_bytes=0, error="the worker died")
    found = workflow_profile(run_with(never_began, peak_bytes=0, slowest_step="", slowest_step_s=0.0))
    assert (found.elapsed, found.tests, found.peak_bytes, found.slowest_step_s) == (None,) * 4
    assert found.all_calls is None
    (died,) = [one for one in found.hypotheses if one.error]
    assert (died.wall_s, died.cpu_s, died.peak_bytes) == (0.12, None, None)
    unknown = workflow_profile(run_with(experiment(1, 0, math.nan), wall_s=math.nan, cpu_s=math.nan))
    assert (unknown.wall_s, unknown.cpu_s, unknown.tests, unknown.elapsed) == (None,) * 4


@pytest.mark.parametrize("begin_s", [-3600.0, 3600.0])
def test_a_clock_that_was_set_splits_no_time(begin_s):
    found = workflow_profile(run_with(experiment(1, begin_s, 1.0)))
    assert found.elapsed is None
    assert found.notes == (CLOCK_SET,)
    assert found.tests.busy_share == pytest.approx(1 / 20)
    assert found.tests.busy_share_of_tests is None


def test_what_an_ended_run_does_not_know_is_said():
    assert workflow_profile(run_with(status="cancelled")).notes == (CUT_SHORT,)
    assert workflow_profile(run_with(status="failed")).notes == (OWN_CPU,)
    assert workflow_profile(run_with(status="failed", workers=0)).notes == ()


def test_hypotheses_of_two_runs_are_matched_by_statement_whatever_their_number():
    before = run_with(experiment(1, 0, 1.0), experiment(2, 0, 1.0))
    moved = tuple(
        dataclasses.replace(one, hypothesis=dataclasses.replace(one.hypothesis, id=f"H{n + 1}"))
        for n, one in enumerate(reversed(before.progress[:9]))
    )
    after = dataclasses.replace(
        before, progress=moved, experiments=(experiment(9, 0, 1.5), experiment(8, 0, 0.25))
    )
    found = compare_workflows(workflow_profile(before), workflow_profile(after))
    changes = {one.statement: one.change_s for one in found.hypotheses}
    assert found.hypotheses[0].statement == before.progress[0].hypothesis.statement
    assert found.hypotheses[-1].statement == before.progress[1].hypothesis.statement
    assert (found.hypotheses[0].change_s, found.hypotheses[-1].change_s) == (0.5, -0.75)
    assert len(changes) == 9
    assert (found.only_before, found.only_after) == (1, 0)


def test_what_makes_two_runs_hard_to_compare_is_said():
    before = workflow_profile(run_with())
    assert len(compare_workflows(before, before).notes) == 1
    other = run_with(data_hash="0" * 64, workers=4, status="cancelled", versions={"python": "3.13"})
    notes = " ".join(compare_workflows(before, workflow_profile(other)).notes)
    for said in ("Other data, 344 × 8 in both.", "2 before, 4 after", "python 3.13 after", "cancelled after"):
        assert said in notes
    larger = workflow_profile(run_with(data_hash="0" * 64, n_rows=688))
    assert "Other data: 344 × 8 before, 688 × 8 after." in compare_workflows(before, larger).notes


def test_calls_are_summed_and_the_cache_is_no_attempt():
    calls = [
        call(),
        call(attempts=3, status="failed", error_type="RateLimitedError", cost_usd=0.0),
        call(is_cached=True, wall_s=0.001, cost_usd=0.0),
        call(status="interrupted"),
    ]
    found = totals(calls, "x")
    assert (found.calls, found.failed, found.interrupted, found.cached, found.attempts) == (4, 1, 1, 1, 5)
    assert (found.input_tokens, found.output_tokens) == (400, 40)
    assert found.cost_usd == pytest.approx(0.02)
    assert found.wall_s == pytest.approx(3.001)
    assert found.median_s == found.longest_s == 1.0  # not the one from the cache


@pytest.mark.parametrize(
    ("number", "p90", "p99"), [(1, None, None), (9, None, None), (10, 9.0, None), (100, 90.0, 99.0)]
)
def test_a_quantile_is_a_real_calls_time_and_told_of_enough_calls_only(number, p90, p99):
    found = totals([call(wall_s=float(n + 1)) for n in range(number)], "x")
    assert (found.p90_s, found.p99_s, found.longest_s) == (p90, p99, float(number))
    assert found.median_s == math.ceil(number / 2)


def test_calls_that_measured_nothing_have_no_sums():
    found = totals([call(wall_s=math.nan, cost_usd=math.nan, waited_s=math.nan)], "x")
    assert (found.wall_s, found.cost_usd, found.waited_s, found.median_s, found.longest_s) == (None,) * 5
    assert totals([call(is_cached=True)], "x").median_s is None


def test_an_agents_calls_come_slowest_first_and_its_models_by_time():
    calls = [
        call(model="a"),
        call(5, 3.0, model="b", error_type="E"),
        call(2, 0.5, model="a", error_type="E"),
    ]
    found = agent_profile(calls, "proposer")
    assert [one.wall_s for one in found.calls] == [3.0, 1.0, 0.5]
    assert [(one.name, one.wall_s) for one in found.models] == [("b", 3.0), ("a", 1.5)]
    assert (found.first_at_us, found.last_at_us) == (STARTED_US, STARTED_US + 5_000_000)
    assert found.errors == {"E": 2}
    assert [one.name for one in totals_by(calls, lambda one: one.model)] == ["b", "a"]
