"""The tests of one hypothesis, held against scipy and against what they promise."""

import math

import numpy as np
import pytest
from scipy import stats

from kosmos_nb.inquiry import association, categories, groups, laws
from kosmos_nb.inquiry.correction import adjust, benjamini_hochberg
from kosmos_nb.inquiry.measurement import Measurement, Untestable
from kosmos_nb.inquiry.ranks import sort


def associate(x, y, seed=1):
    return association.measure(x, y, sort(x), sort(y), unit="mm/g", alpha=0.05, seed=seed)


def differ(codes, y, levels=("a", "b", "c"), seed=1):
    return groups.measure(codes, y, sort(y), levels=levels, name="y", unit="y", alpha=0.05, seed=seed)


def test_spearman_agrees_with_scipy_also_with_ties_and_missing_values():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, 300).astype(float)
    y = x * 0.3 + rng.standard_t(2, 300)
    y[::17], x[::23] = np.nan, np.nan
    found = associate(x, y)
    both = ~(np.isnan(x) | np.isnan(y))
    reference = stats.spearmanr(x[both], y[both])
    assert found.n == both.sum()
    assert found.effect == pytest.approx(reference.statistic, abs=1e-12)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-6)
    assert found.unit == "mm/g"


def test_below_a_hundred_rows_permutations_decide_and_the_seed_repeats_them():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=30), rng.normal(size=30)
    first, second, other = associate(x, y, 1), associate(x, y, 1), associate(x, y, 2)
    assert first == second
    assert first.p != other.p
    assert first.p == pytest.approx(stats.spearmanr(x, y).pvalue, abs=0.03)
    assert "permutations" in first.test


@pytest.mark.parametrize("sizes", [(200, 150), (20, 200), (1000, 15)])
def test_two_groups_agree_with_scipys_brunner_munzel(sizes):
    rng = np.random.default_rng(sum(sizes))
    first, second = rng.normal(size=sizes[0]).round(1), (rng.normal(size=sizes[1]) * 3 + 0.4).round(1)
    y = np.concatenate([first, second])
    codes = np.repeat([0, 1], sizes).astype(np.int32)
    found = differ(codes, y, levels=("a", "b"))
    reference = stats.brunnermunzel(first, second)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-6)
    delta = np.sign(second[:, None] - first[None, :]).mean()
    assert found.effect == pytest.approx(delta, abs=1e-12)
    assert found.effect_raw == pytest.approx(second.mean() - first.mean())
    assert found.ci95[0] <= found.effect <= found.ci95[1]


def test_groups_that_do_not_overlap_give_an_interval_and_a_small_p():
    y = np.concatenate([np.arange(20.0), np.arange(20.0) + 100])
    codes = np.repeat([0, 1], 20).astype(np.int32)
    found = differ(codes, y, levels=("a", "b"))
    assert found.effect == 1
    assert 0.5 < found.ci95[0] < 1
    assert 0 < found.p < 1e-9


def test_several_groups_agree_with_scipys_kruskal():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 3, 400).astype(np.int32)
    y = (rng.normal(size=400) + codes * 0.3).round(1)
    found = differ(codes, y)
    reference = stats.kruskal(*(y[codes == level] for level in range(3)))
    assert found.p == pytest.approx(reference.pvalue, rel=1e-9)
    assert found.effect == pytest.approx(reference.statistic / 399)
    assert not found.is_directed


def test_categories_agree_with_scipy_for_large_and_for_small_tables():
    rng = np.random.default_rng(6)
    x = rng.integers(0, 3, 600).astype(np.int32)
    y = np.where(rng.random(600) < 0.3, x, rng.integers(0, 3, 600)).astype(np.int32)
    found = categories.measure(x, y, shape=(3, 3), alpha=0.05, seed=1)
    table = categories.cross_table(x, y, (3, 3))
    assert found.p == pytest.approx(stats.chi2_contingency(table).pvalue, rel=1e-9)
    small = np.array([0] * 8 + [1] * 7, dtype=np.int32), np.array([0] * 6 + [1] * 9, dtype=np.int32)
    fisher = categories.measure(*small, shape=(2, 2), alpha=0.05, seed=1)
    assert fisher.p == pytest.approx(stats.fisher_exact(categories.cross_table(*small, (2, 2))).pvalue)
    assert "Fisher" in fisher.test


def test_tables_with_small_counts_are_judged_by_permutations():
    rng = np.random.default_rng(7)
    x, y = rng.integers(0, 4, 40).astype(np.int32), rng.integers(0, 4, 40).astype(np.int32)
    found = categories.measure(x, y, shape=(4, 4), alpha=0.05, seed=1)
    reference = stats.chi2_contingency(categories.cross_table(x, y, (4, 4))).pvalue
    assert found.p == pytest.approx(reference, abs=0.1)
    assert "few_per_level" in found.caveats


def test_a_constant_column_in_the_common_rows_is_untestable_not_an_error():
    x = np.array([1.0, 1, 1, 1, 1, 1, 2, 3])
    y = np.array([1.0, 2, 3, 4, 5, 6, np.nan, np.nan])
    assert isinstance(associate(x, y), Untestable)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng: _correlated(rng, 150, 0.4), 6 / math.pi * math.asin(0.2)),
        (lambda rng: _correlated(rng, 12, 0.95), 6 / math.pi * math.asin(0.95 / 2)),
        (lambda rng: _shifted(rng, 60, 90, 0.5), 2 * stats.norm.cdf(0.5 / math.sqrt(2)) - 1),
        (lambda rng: _shifted(rng, 20, 20, 2.0), 2 * stats.norm.cdf(2 / math.sqrt(2)) - 1),
    ],
    ids=["rho", "strong rho, few rows", "delta", "strong delta, few rows"],
)
def test_ninety_five_percent_intervals_cover_about_that_often(draw, truth, monkeypatch):
    monkeypatch.setattr("kosmos_nb.inquiry.chance.FIRST", 99)  # the p-values are not looked at
    monkeypatch.setattr("kosmos_nb.inquiry.chance.MORE", 1)
    rng = np.random.default_rng(11)
    hits = sum(low <= truth <= high for low, high in (draw(rng).ci95 for _ in range(400)))
    # Two-sided binomial bounds at 0.001 around 0.95 of 400.
    assert 364 <= hits <= 394


def _correlated(rng, n, rho) -> Measurement:
    x = rng.normal(size=n)
    return associate(x, rho * x + math.sqrt(1 - rho**2) * rng.normal(size=n))


def _shifted(rng, m, n, shift) -> Measurement:
    y = np.concatenate([rng.normal(size=m), rng.normal(size=n) + shift])
    return differ(np.repeat([0, 1], [m, n]).astype(np.int32), y, levels=("a", "b"))


def test_a_fit_better_than_chance_never_narrows_an_interval_to_nothing():
    low, high = laws.chi2_shift_interval(0.01, 2, 0.95)
    assert low == 0
    assert high > 4


def test_benjamini_hochberg_agrees_with_scipy():
    p = np.random.default_rng(1).random(200) ** 3
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_the_corrected_p_is_the_larger_of_family_and_run():
    p = {"H1": 0.01, "H2": 0.04, "H3": 0.9}
    corrected, sizes = adjust(p, {"H1": "association", "H2": "group_difference", "H3": "association"})
    assert sizes == {"association": 2, "group_difference": 1}
    assert corrected["H1"] == pytest.approx(0.03)
    assert corrected["H2"] == pytest.approx(0.06)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: differ(np.repeat([0, 1], [505, 5]).astype(np.int32), rng.poisson(0.5, 510) * 1.0, "ab"),
        lambda rng: differ(np.repeat([0, 1], [12, 13]).astype(np.int32), rng.normal(size=25), "ab"),
        lambda rng: associate((np.arange(100) < 3) * 1.0, rng.normal(size=100), int(rng.integers(1e9))),
        lambda rng: associate(rng.integers(0, 2, 14) + np.arange(14) % 2, rng.integers(0, 3, 14) * 1.0),
        lambda rng: associate(rng.poisson(0.01, 5000) * 1.0, rng.normal(size=5000)),
        lambda rng: differ(rng.integers(0, 3, 90).astype(np.int32), rng.normal(size=90)),
    ],
    ids=["5 against 505, ties", "12 against 13", "3 of 100 nonzero", "ties, few rows", "sparse", "3 groups"],
)
def test_without_an_effect_p_is_small_no_oftener_than_it_says(draw, monkeypatch):
    monkeypatch.setattr("kosmos_nb.inquiry.chance.FIRST", 999)
    monkeypatch.setattr("kosmos_nb.inquiry.chance.MORE", 1)
    rng = np.random.default_rng(12)
    p = np.array([found.p for found in (draw(rng) for _ in range(300)) if isinstance(found, Measurement)])
    assert len(p) > 200
    assert stats.binom.sf(np.sum(p <= 0.05) - 1, len(p), 0.05) > 0.001
    assert stats.binom.sf(np.sum(p <= 0.005) - 1, len(p), 0.005) > 0.001


def test_perfect_separation_is_as_improbable_as_it_is_whatever_the_sizes():
    for sizes in ((12, 108), (12, 600), (30, 30)):
        y = np.concatenate([np.arange(sizes[0]) + 1e6, np.arange(sizes[1]) * 1.0])
        found = differ(np.repeat([1, 0], sizes).astype(np.int32), y, "ab")
        assert found.p == pytest.approx(2 / math.comb(sum(sizes), sizes[0]))


def test_a_perfect_order_of_few_rows_claims_no_certainty():
    x = np.arange(10.0)
    found = associate(x, x * 2)
    assert found.effect == 1
    assert 0.8 < found.ci95[0] < 0.99
    assert found.ci95[1] == 1
    assert isinstance(associate(x[:9], x[:9]), Untestable)


def test_a_claim_rests_on_the_interval_of_its_own_alpha():
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    y = 0.12 * x + rng.normal(size=200)
    strict, lax = (
        association.measure(x, y, sort(x), sort(y), unit="y per x", alpha=alpha, seed=1)
        for alpha in (0.01, 0.2)
    )
    assert strict.ci_claim[0] < strict.ci95[0] < lax.ci_claim[0]
