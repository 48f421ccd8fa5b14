"""Durations and spread, held against statsmodels, scipy and their promises."""

import numpy as np
import pytest
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import survdiff

from kosmos_nb.inquiry import spread, survival
from kosmos_nb.inquiry.measurement import Measurement, Untestable
from kosmos_nb.inquiry.variables import Variable


def number(name, values, unit=""):
    return Variable(name, np.asarray(values, dtype=np.float64), (), unit)


def category(name, codes, levels):
    return Variable(name, np.asarray(codes, dtype=np.int32), tuple(levels))


def lived(rng, hazard, *, ties=False):
    times = rng.exponential(1 / hazard)
    ends = rng.exponential(2.0, len(times))
    seen = np.minimum(times, ends)
    return (np.ceil(seen * 5) if ties else seen), times <= ends


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("groups", [2, 4])
def test_the_log_rank_test_agrees_with_statsmodels(ties, groups):
    rng = np.random.default_rng(groups)
    g = rng.integers(0, groups, 200)
    times, happened = lived(rng, np.exp(0.2 * g), ties=ties)
    levels = "abcd"[:groups]
    found = survival.measure(
        number("t", times), category("e", happened, ("no", "yes")), category("g", g, levels), alpha=0.05
    )
    _, p = survdiff(times, happened.astype(int), g)
    assert found.p == pytest.approx(float(p), abs=1e-6)
    assert found.is_directed == (groups == 2)
    assert "censored" in found.caveats


@pytest.mark.parametrize("ties", [False, True])
def test_the_hazard_ratio_agrees_with_statsmodels(ties):
    rng = np.random.default_rng(7)
    x = rng.normal(size=300) * 3
    times, happened = lived(rng, np.exp(0.3 * x), ties=ties)
    reference = PHReg(times, x[:, None], status=happened.astype(int), ties="breslow").fit()
    found = survival.cox(times, happened, x[:, np.newaxis])
    assert found.coefficients[0] == pytest.approx(reference.params[0], abs=1e-6)
    assert found.errors[0] == pytest.approx(reference.bse[0], rel=1e-5)
    measured = survival.measure(number("t", times), number("e", happened), number("x", x), alpha=0.05)
    assert measured.effect_raw == pytest.approx(float(np.exp(reference.params[0])), rel=1e-5)
    assert measured.effect < -0.3, "a larger x goes with shorter times"
    assert measured.ci95[0] < measured.effect < measured.ci95[1] < 0


def test_somers_d_counts_the_pairs_whose_order_is_known():
    times, happened = np.array([1.0, 2.0, 3.0, 3.0]), np.array([True, False, True, False])
    x = np.array([1.0, 0.0, 2.0, 3.0])
    # Known: 1 before 2, 3 and 4; 3 before 4. All but the first agree.
    assert survival.somers_d(times, happened, x)[0] == pytest.approx((3 - 1) / 4)


def test_durations_that_do_not_depend_on_x_are_rarely_found_and_covered():
    def made(seed):
        rng = np.random.default_rng(seed)
        times, happened = lived(rng, np.ones(80), ties=True)
        return survival.measure(
            number("t", times), number("e", happened), number("x", rng.standard_t(2, 80)), alpha=0.05
        )

    found = [made(seed) for seed in range(300)]
    assert np.mean([one.p < 0.05 for one in found]) < 0.05 + 4 * 0.0126
    assert np.mean([one.ci95[0] <= 0 <= one.ci95[1] for one in found]) > 0.90


def test_a_group_without_events_has_a_p_and_no_hazard_ratio():
    g = np.repeat([0, 1], 40)
    happened = g == 0
    times = np.where(g == 0, np.arange(80) + 1.0, 100.0 + np.arange(80))
    found = survival.measure(number("t", times), number("e", happened), category("g", g, "ab"), alpha=0.05)
    assert isinstance(found, Measurement)
    assert found.effect_raw is None
    assert found.effect > 0.9


@pytest.mark.parametrize("n", [0, 1, 8])
def test_too_few_events_are_said(n):
    rng = np.random.default_rng(n)
    found = survival.measure(
        number("t", rng.random(n)), number("e", np.ones(n)), number("x", rng.random(n)), alpha=0.05
    )
    assert isinstance(found, Untestable)


@pytest.mark.parametrize("kind", [0, 2, 4])
@pytest.mark.parametrize("shape", ["normal", "tails", "slope"])
def test_equal_spread_is_rarely_called_unequal(kind, shape):
    def made(seed):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=150)
        y = rng.standard_t(2, 150) if shape == "tails" else rng.normal(size=150)
        y = y + (3 * x if shape == "slope" else 0)
        if not kind:
            return spread.measure(number("x", x), number("y", y), alpha=0.05, seed=seed).p
        codes = rng.integers(0, kind, 150)
        y = y + codes if shape != "slope" else y
        return spread.measure(category("x", codes, "abcd"[:kind]), number("y", y), alpha=0.05, seed=seed).p

    assert np.mean([made(seed) < 0.05 for seed in range(150)]) < 0.05 + 4 * 0.018


def test_a_growing_spread_is_found_with_its_sign():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 3, 300)
    y = 2 * x + rng.normal(size=300) * (1 + x)
    found = spread.measure(number("x", x, "g"), number("y", y, "mm"), alpha=0.05, seed=1)
    assert found.p < 0.001
    assert found.effect > 0.2
    assert found.unit == "mm/g"
    turned = spread.measure(
        category("x", (x > 1.5).astype(int), ("low", "high")), number("y", -y), alpha=0.05, seed=1
    )
    assert turned.effect > 0.1


def test_too_few_or_constant_values_cannot_be_compared():
    few = spread.measure(number("x", [1, 2]), number("y", [1, 2]), alpha=0.05, seed=1)
    same = spread.measure(number("x", range(30)), number("y", np.ones(30)), alpha=0.05, seed=1)
    assert isinstance(few, Untestable)
    assert isinstance(same, Untestable)
