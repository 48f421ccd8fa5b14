"""How a run stands among the earlier ones: said only where it is more than chance."""

import dataclasses
import math
import random

import pytest

from benchmarks.history import standing as benchmark
from kosmos_nb.history import standing
from kosmos_nb.history.standing import ENOUGH_CALM, LEAST_RUNS, MOST_RUNS, NEW_LEVEL, is_calm, judge
from kosmos_nb.reporters import profile_html, profile_text
from tests.samples import profile

USUAL = [1.0, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97, 1.0, 1.01]


def states(times):
    """Return the state of each run, in order."""
    return [judge(times[: n + 1]).state for n in range(len(times))]


def test_until_there_are_enough_runs_nothing_is_concluded():
    assert states([*USUAL[:7], 9.0]) == ["first"] + ["known"] * 7
    assert states(USUAL)[LEAST_RUNS:] == ["usual"]
    assert str(judge([2.0])) == "The first run of its kind that the history knows."
    assert str(judge([2.0, 3.0])) == "Before: 2 s in one run."


def test_the_first_slow_run_is_slower_once_and_the_second_slower_than_usual():
    assert states([*USUAL, 1.6, 1.0, 1.6, 1.6, 1.6])[len(USUAL) :] == [
        "slower once", "usual", "slower once", "slower", "slower"
    ]  # fmt: skip
    once, again = judge([*USUAL, 1.9]), judge([*USUAL, 1.9, 1.9])
    assert str(once) == "1.9× slower, once: 970 ms to 1.03 s in 9 runs → 1.9 s."
    assert str(again).startswith("1.9× slower than usual for this code: ")
    assert again.is_notable and not once.is_notable
    assert again.runs == len(USUAL)  # the slow run before is no part of what is usual


def test_what_got_faster_is_said_alike():
    assert states([*USUAL, 0.5, 0.5])[-2:] == ["faster once", "faster"]
    assert str(judge([*USUAL, 0.5, 0.5])).startswith("2.0× faster than usual")


def test_a_slow_run_after_a_fast_one_is_not_the_second_of_anything():
    assert states([*USUAL, 0.5, 1.9, 0.5, 1.9])[-4:] == [
        "faster once", "slower once", "faster once", "slower once"
    ]  # fmt: skip


def test_after_eight_runs_the_new_level_is_the_usual_one():
    found = states([*USUAL, *[1.6] * (NEW_LEVEL + 3)])[len(USUAL) :]
    assert found == ["slower once"] + ["slower"] * (NEW_LEVEL - 1) + ["usual"] * 3
    assert judge([*USUAL, *[1.6] * NEW_LEVEL, 1.0]).state == "faster once"


def test_before_enough_calm_runs_nothing_matters():
    draw = random.Random(3)
    for _ in range(2_000):
        before = [math.exp(draw.gauss(0, 0.3)) for _ in range(draw.randrange(32))]
        level = math.exp(draw.gauss(0, 0.3))
        calm = [level * draw.uniform(0.92, 1.09) for _ in range(ENOUGH_CALM)]
        assert is_calm(calm)
        for now in (level, 1.5 * level, 0.5 * level):
            assert judge([*before, *calm, now]) == judge([*calm, now])


def test_less_than_a_fifth_or_a_twentieth_of_a_second_is_never_said():
    assert judge([1.0] * 10 + [1.19]).state == "usual"
    assert judge([1.0] * 10 + [1.21]).state == "slower once"
    assert judge([0.01] * 10 + [0.05]).state == "usual"
    assert judge([0.01] * 10 + [0.07]).state == "slower once"


def test_one_outlier_does_not_make_the_cell_blind():
    assert judge([*USUAL, 500.0, *USUAL, 1.9, 1.9]).state == "slower"


def test_only_the_newest_runs_count():
    assert judge([9.0] * 30 + [1.0] * (MOST_RUNS + NEW_LEVEL) + [1.0]).high_s == pytest.approx(1.0)


@pytest.mark.parametrize("times", [[], [1.0, 0.0], [1.0, math.nan], [math.inf]])
def test_times_are_positive_numbers(times):
    with pytest.raises(ValueError, match="positive times"):
        judge(times)


def test_the_limits_are_students():
    stats = pytest.importorskip("scipy.stats")
    for n, limit in enumerate(standing._T95, LEAST_RUNS):
        assert limit == pytest.approx(stats.t.ppf(0.95, n - 1), abs=1e-3)
    assert len(standing._T95) == MOST_RUNS - LEAST_RUNS + 1


@pytest.mark.parametrize(("noise", "spikes"), benchmark.NOISES)
def test_hardly_any_unchanged_run_is_called_slower_than_usual(noise, spikes):
    found = benchmark.unchanged(noise, spikes, series=40)
    assert found["slower"] <= 0.01 * found.total()
    assert found["usual"] > 0.85 * found.total()


@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_a_step_is_noticed_within_three_runs(noise):
    assert benchmark.noticed(noise, 12, series=150) >= 0.9


def test_views_mark_a_run_that_is_slower_than_usual_and_are_silent_about_a_first_one():
    for times, said in (
        ([*USUAL, 1.9, 1.9], "▲ 1.9× slower than usual"),
        ([*USUAL, 1.9], "1.9× slower, once"),
        ([2.0], None),
    ):
        shown = dataclasses.replace(profile(), standing=judge(times))
        for text in (profile_text(shown), profile_html(shown)):
            assert said in text if said else "first run" not in text
    assert "▲" not in profile_text(dataclasses.replace(profile(), standing=judge([*USUAL, 1.9])))
