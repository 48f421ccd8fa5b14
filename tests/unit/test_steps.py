"""Steps of a series of run times: told where the level changed, and hardly ever where it did not."""

import math
import random
import statistics
import subprocess
import sys
from itertools import pairwise

import pytest

from benchmarks.history import steps as benchmark
from benchmarks.history.steps import times_s
from kosmos_nb.history.steps import LEAST_RUNS, find_steps


def indices(times, **how):
    return [step.index for step in find_steps(times, **how)]


def noisy(*levels, noise=0.05, seed=3, **spikes):
    """Return times at levels, given as pairs of seconds and runs."""
    return times_s(
        [level for level, runs in levels for _ in range(runs)], noise, random.Random(seed), **spikes
    )


def test_a_step_is_told_with_its_first_run_and_both_levels():
    times = noisy((2.0, 12), (3.0, 8))
    (step,) = find_steps(times)
    assert step.index == 12
    assert (step.before_s, step.after_s) == (statistics.median(times[:12]), statistics.median(times[12:]))
    assert step.ratio == pytest.approx(1.5, rel=0.05)
    assert step.p == 1 / 200  # none of the first 199 shuffles


def test_what_got_faster_is_told_alike():
    (step,) = find_steps(noisy((3.0, 12), (2.0, 8)))
    assert step.index == 12 and step.ratio == pytest.approx(2 / 3, rel=0.05)


def test_a_step_in_the_last_five_runs_is_told_and_in_the_last_four_is_not_yet():
    assert indices(noisy((1.0, 40), (1.6, 5))) == [40]
    assert indices([1.0] * 40 + [1.6] * 4) == []


def test_fewer_than_eleven_runs_have_no_steps():
    assert indices([]) == indices([1.0]) == []
    assert indices([1.0] * 5 + [9.0] * (LEAST_RUNS - 6)) == []
    assert indices([1.0] * 5 + [9.0] * (LEAST_RUNS - 5)) == [5]


def test_two_levels_differ_by_a_fifth_and_a_twentieth_of_a_second():
    assert indices([1.0] * 20 + [1.19] * 20) == []
    assert indices([1.0] * 20 + [1.21] * 20) == [20]
    assert indices([0.01] * 20 + [0.05] * 20) == []
    assert indices([0.01] * 20 + [0.07] * 20) == [20]


def test_what_does_not_change_has_no_steps():
    assert indices([1.0] * 500) == []
    assert indices([1.0, 2.0] * 100) == []
    assert indices([round(time_s, 1) for time_s in noisy((1.0, 200), noise=0.1)]) == []  # many ties


def test_five_in_a_row_are_no_level_where_a_shuffle_shows_as_many():
    assert indices(([1.0] * 5 + [2.0] * 5) * 60) == []
    assert len(indices(([1.0] * 20 + [2.0] * 20) * 15)) == 29


@pytest.mark.parametrize("size", [1.5, 10.0, 100.0])
def test_single_spikes_are_no_steps_and_hide_none(size):
    spiky = [1.0] * 60
    for n in range(7, 60, 13):
        spiky[n] = size
    assert indices(spiky) == []
    assert indices([time_s * (1.5 if n >= 30 else 1) for n, time_s in enumerate(spiky)]) == [30]
    assert indices([1.0] * 30 + [size] * 2 + [1.0] * 30) == []


def test_a_short_plateau_in_a_long_series_is_two_steps():
    up, down = find_steps(noisy((1.0, 150), (1.5, 8), (1.0, 142)))
    assert (up.index, down.index) == (150, 158)
    assert up.after_s == down.before_s
    assert up.ratio > 1 > down.ratio


def test_a_plateau_as_short_as_its_neighbours_is_told():
    assert indices(noisy((1.0, 8), (2.0, 8), (1.0, 8))) == [8, 16]
    assert indices(noisy((1.0, 8), (2.0, 8), (4.0, 8), (2.0, 8), (1.0, 8))) == [8, 16, 24, 32]


def test_each_of_many_steps_is_told():
    levels = [(1.0, 30), (2.0, 20), (2.6, 15), (1.0, 25), (12.0, 40), (16.0, 12)]
    assert indices(noisy(*levels)) == [30, 50, 65, 90, 130]


def test_a_step_beside_another_is_not_lost_where_wide_windows_reach_over_both():
    assert indices(noisy((20.0, 23), (6.7, 13), (2.2, 13), (3.3, 13), (10.0, 23), noise=0.03)) == [
        23,
        36,
        49,
        62,
    ]


def test_a_small_shift_of_hundreds_of_runs_does_not_hide_a_short_plateau():
    assert indices(noisy((1.0, 200), (1.5, 8), (1.0, 292), (1.15, 500))) == [200, 208]


def test_neighbouring_levels_that_are_too_close_are_one():
    (step,) = find_steps(noisy((1.0, 20), (1.15, 20), (1.32, 20), noise=0.01))
    assert step.index in (20, 40)
    assert step.ratio >= 1.2


@pytest.mark.parametrize("runs", [60, 200, 1000])
def test_a_ramp_is_a_few_steps_up_and_no_more(runs):
    ramp = times_s([3 ** (n / runs) for n in range(runs)], 0.05, random.Random(5))
    found = find_steps(ramp)
    assert 1 <= len(found) <= 4
    assert all(step.ratio > 1 for step in found)


def test_a_drift_to_and_fro_has_no_more_steps_than_its_turns_allow():
    slow = [1 + 0.3 * math.sin(n / 200 * 2 * math.pi) for n in range(400)]  # 2 waves from 0.7 to 1.3
    found = find_steps(times_s(slow, 0.05, random.Random(6)))
    assert 4 <= len(found) <= 12
    for before, after in pairwise(found):
        assert before.after_s == after.before_s


def test_the_same_seed_says_the_same_and_clear_steps_need_none():
    times = noisy((1.0, 25), (1.5, 10), noise=0.1)
    assert find_steps(times, seed=4) == find_steps(times, seed=4)
    assert {tuple(indices(times, seed=seed)) for seed in range(10)} == {(25,)}


def test_shuffles_that_show_exactly_the_same_count_whatever_the_times_are():
    told = set()
    for one_s, other_s in [(1.0, 2.0), (0.3, 0.7), (1.1, 3.7), (9.9, 31.0)]:
        times = [one_s] * 5 + [other_s] * 6  # two orders of 462 are as clear
        told.add(tuple(step.p for seed in range(12) for step in find_steps(times, seed=seed)))
    (ps,) = told
    assert max(ps) > 1 / 200


@pytest.mark.parametrize("times", [[1.0, 0.0], [1.0, -1.0], [1.0, math.nan], [math.inf]])
def test_times_are_positive_numbers(times):
    with pytest.raises(ValueError, match="positive times"):
        find_steps(times)


def test_a_series_without_a_step_is_searched_without_numpy():
    code = (
        "import sys; from kosmos_nb.history.steps import find_steps; "
        "find_steps([1.0, 1.1] * 50 + [9.0]); print('numpy' in sys.modules)"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "False"


@pytest.mark.parametrize(("noise", "spikes"), benchmark.NOISES)
@pytest.mark.parametrize("runs", [20, 60])
def test_hardly_any_unchanged_series_has_a_step(noise, spikes, runs):
    assert benchmark.unchanged(noise, spikes, runs, series=200) <= 0.01


@pytest.mark.parametrize(("before", "after"), benchmark.SIDES)
@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_a_step_of_half_as_long_again_is_found_where_it_is(noise, before, after):
    found = benchmark.planted([1.0] * before + [1.5] * after, noise, series=60)
    assert found.share >= 0.95
    assert found.off.count(0) >= 0.85 * len(found.off)
    assert found.beyond <= 0.02
