import numpy as np
import pytest

from kosmos_nb.inquiry.measurement import Measurement, Untestable
from kosmos_nb.inquiry.series.changes import change_points
from kosmos_nb.inquiry.series.lag import measure as measure_lag
from kosmos_nb.inquiry.series.shifts import shifted_p
from kosmos_nb.inquiry.series.trend import measure as measure_trend

SAID = {"name": "y", "unit": "", "time_unit": "year", "alpha": 0.05, "seed": 0}


def test_a_trend_is_found_with_its_slope():
    t = np.arange(60.0)
    found = measure_trend(0.1 * t + np.random.default_rng(0).standard_normal(60), t, **SAID)
    assert isinstance(found, Measurement)
    assert found.p < 1e-3
    assert found.effect_raw == pytest.approx(0.1, abs=0.03)
    assert found.unit == "y per year"


@pytest.mark.parametrize("n", [44, 100])
@pytest.mark.parametrize("slope", [0.3, -0.02])
@pytest.mark.parametrize("around", ["nothing", "an alternation", "whole numbers", "a little noise"])
def test_a_line_is_a_trend_and_no_walk(n, slope, around):
    t = np.arange(float(n))
    line = 14 + slope * t
    y = {
        "nothing": line,
        "an alternation": line + 9 * slope * (t % 2),
        "whole numbers": np.round(line / (3 * slope)) * np.sign(slope),
        "a little noise": line + slope * np.random.default_rng(1).standard_normal(n),
    }[around]
    found = measure_trend(y, t, **SAID)
    assert isinstance(found, Measurement)
    assert found.p < 1e-3
    assert found.effect * np.sign(slope) > 0.9
    assert found.ci95[0] <= found.effect <= found.ci95[1]
    assert found.caveats == ()


def test_most_random_walks_have_no_testable_trend():
    answers = [
        measure_trend(np.cumsum(np.random.default_rng(seed).standard_normal(200)), np.arange(200.0), **SAID)
        for seed in range(20)
    ]
    refused = [answer for answer in answers if isinstance(answer, Untestable)]
    assert len(refused) >= 16
    assert all(answer.caveats == ("nonstationary",) for answer in refused)


def test_a_follower_is_found_at_its_lag():
    rng = np.random.default_rng(2)
    x = rng.standard_normal(80)
    y = np.concatenate((rng.standard_normal(3), x[:-3])) + 0.5 * rng.standard_normal(80)
    found = measure_lag(x, y, max_lag=6, alpha=0.05, seed=0)
    assert isinstance(found, Measurement)
    assert found.p < 1e-3
    assert found.notes == ("strongest 3 rows later, of lags 1 to 6",)


@pytest.mark.parametrize("n", [60, 200])
def test_lags_of_independent_series_are_found_no_more_often_than_chance(n):
    found = 0
    for seed in range(60):
        x, y = np.random.default_rng(seed).standard_normal((2, n))
        found += measure_lag(x, y, max_lag=5, alpha=0.05, seed=seed).p < 0.05
    assert found <= 9


def test_a_step_is_a_change_and_a_walk_is_not():
    rng = np.random.default_rng(3)
    (at,) = change_points(2.0 * (np.arange(120) >= 60) + rng.standard_normal(120))
    assert abs(at - 60) <= 4
    assert sum(bool(change_points(np.cumsum(rng.standard_normal(100)))) for _ in range(50)) <= 2


def test_categories_that_persist_are_found_no_more_often_than_chance():
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        smooth = np.apply_along_axis(np.convolve, 1, rng.standard_normal((2, 220)), np.ones(21), "valid")
        x, y = (smooth > 0).astype(np.int32)
        found += shifted_p(x, y, (2, 2)) < 0.05
    assert found / 200 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
