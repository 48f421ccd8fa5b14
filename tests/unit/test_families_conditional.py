"""Conditional relations and the regressions under them, held against statsmodels and their promises."""

import numpy as np
import pytest
import statsmodels.api as sm

from kosmos_nb.inquiry import conditional, logistic, regression
from kosmos_nb.inquiry.measurement import PARTIAL_R2, PARTIAL_RHO, Measurement, Untestable
from kosmos_nb.inquiry.variables import Variable, held_fixed, normal_scores


def number(name, values, unit=""):
    return Variable(name, np.asarray(values, dtype=np.float64), (), unit)


def category(name, codes, levels):
    return Variable(name, np.asarray(codes, dtype=np.int32), tuple(levels))


def test_least_squares_and_its_wald_tests_agree_with_statsmodels():
    rng = np.random.default_rng(1)
    design = np.column_stack([np.ones(120), rng.normal(size=(120, 4))])
    y = design @ [1, 0.5, 0, 0.2, 0] + rng.normal(size=120) * (1 + np.abs(design[:, 1]))
    found, reference = regression.fit(design, y), sm.OLS(y, design).fit(cov_type="HC3", use_t=True)
    assert found.coefficients == pytest.approx(reference.params, abs=1e-9)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(reference.bse, rel=1e-9)
    assert found.p_of(slice(1, 2)) == pytest.approx(reference.pvalues[1], rel=1e-6)
    joint = reference.f_test(np.eye(5)[2:])
    assert found.p_of(slice(2, 5)) == pytest.approx(float(joint.pvalue), rel=1e-6)
    added = regression.added(y, design[:, 2:], design[:, 1:2], seed=0)
    assert added.p == pytest.approx(float(joint.pvalue), rel=1e-6)


def test_a_repeated_column_changes_nothing():
    rng = np.random.default_rng(2)
    base, x, y = rng.normal(size=(90, 2)), rng.normal(size=(90, 1)), rng.normal(size=90)
    once = regression.added(y, x, base, seed=0)
    twice = regression.added(y, np.hstack([x, 2 * x]), np.hstack([base, base[:, :1] * 3]), seed=0)
    assert twice.p == pytest.approx(once.p, rel=1e-6)
    assert twice.q == 1


def test_logistic_likelihood_ratio_agrees_with_statsmodels():
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(200, 3))
    y = (rng.random(200) < 1 / (1 + np.exp(-columns @ [1, 0.4, 0]))).astype(float)
    design = sm.add_constant(columns)
    full, null = sm.Logit(y, design).fit(disp=0), sm.Logit(y, design[:, :2]).fit(disp=0)
    found = logistic.fit(design, y)
    assert found.coefficients == pytest.approx(full.params, abs=1e-6)
    assert found.log_likelihood == pytest.approx(full.llf, abs=1e-6)
    from scipy import stats

    p, is_firth = logistic.added_p(
        y,
        regression.new_part(columns[:, 1:], regression.basis(design[:, :2])),
        regression.basis(design[:, :2]),
    )
    assert p == pytest.approx(stats.chi2.sf(2 * (full.llf - null.llf), 2), abs=1e-6)
    assert not is_firth


def test_a_separated_outcome_gets_firths_penalty_and_a_finite_p():
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=100), rng.normal(size=100)
    y = category("y", (x > 0).astype(int), ("no", "yes"))
    found = conditional.measure(number("x", x), y, (number("z", z),), alpha=0.05, seed=1)
    assert "Firth" in found.test
    assert 0 < found.p < 1e-6
    assert found.effect > 0.7


def test_the_effect_is_the_partial_correlation_of_pingouin_on_the_same_columns():
    import pandas as pd
    import pingouin

    rng = np.random.default_rng(5)
    z = rng.normal(size=150)
    x, y = z + rng.normal(size=150), z**2 + rng.normal(size=150)
    found = conditional.measure(
        number("x", x, "g"), number("y", y, "mm"), (number("z", z),), alpha=0.05, seed=1
    )
    held = held_fixed((number("z", z),), 150)
    frame = pd.DataFrame(held, columns=[f"z{at}" for at in range(held.shape[1])])
    names = list(frame.columns)
    frame["x"], frame["y"] = normal_scores(x), normal_scores(y)
    reference = pingouin.partial_corr(frame, x="x", y="y", covar=names)
    assert found.effect == pytest.approx(float(reference["r"].iloc[0]), abs=1e-6)
    assert found.metric == PARTIAL_RHO
    assert found.unit == "mm/g"
    assert found.ci95[0] < found.effect < found.ci95[1]


BENDS = {
    "straight": lambda z: 2 * z,
    "square": lambda z: z**2,
    "steep": np.exp,
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("n", [120, 400])
def test_a_common_cause_alone_is_no_relation_however_bent(bend, n):
    def p(seed):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=n)
        x, y = (BENDS[bend](z) + 0.5 * rng.normal(size=n) for _ in range(2))
        return conditional.measure(number("x", x), number("y", y), (number("z", z),), alpha=0.05, seed=seed).p

    assert np.mean([p(seed) < 0.05 for seed in range(150)]) < 0.05 + 4 * 0.018


@pytest.mark.parametrize(("kx", "ky"), [(0, 2), (2, 0), (2, 2), (3, 0), (0, 3), (3, 3), (2, 3)])
def test_every_pair_of_kinds_is_quiet_without_a_relation_and_finds_a_planted_one(kx, ky):
    def made(seed, strength):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=300)
        x = z + rng.normal(size=300)
        y = z + strength * (x - z) + rng.normal(size=300)
        both = [
            category(name, np.digitize(v, np.quantile(v, np.linspace(0, 1, k + 1)[1:-1])), "abc"[:k])
            if k
            else number(name, v)
            for name, v, k in (("x", x, kx), ("y", y, ky))
        ]
        return conditional.measure(*both, (number("z", z),), alpha=0.05, seed=seed)

    assert np.mean([made(seed, 0).p < 0.05 for seed in range(100)]) < 0.05 + 4 * 0.022
    assert np.mean([made(seed, 0.8).p < 0.05 for seed in range(20)]) > 0.9
    found = made(1, 0.8)
    assert found.metric == (PARTIAL_R2 if 3 in (kx, ky) else PARTIAL_RHO)
    assert found.ci95[0] <= found.effect <= found.ci95[1]


def test_a_small_table_is_decided_by_permutations_that_the_seed_repeats():
    rng = np.random.default_rng(8)
    z = rng.normal(size=30)
    x = z + rng.normal(size=30)
    args = number("x", x), number("y", 2 * x - 2 * z + 0.5 * rng.normal(size=30)), (number("z", z),)
    first, second = (conditional.measure(*args, alpha=0.05, seed=1) for _ in range(2))
    assert first == second
    assert "permutations" in first.test
    assert first.p < 0.001


@pytest.mark.parametrize(
    ("x", "code"),
    [(lambda z: z * 3 + 1, "collinear"), (np.exp, "collinear"), (lambda z: z * 0, "constant")],
)
def test_a_column_that_is_held_fixed_itself_cannot_be_tested(x, code):
    rng = np.random.default_rng(9)
    z = rng.normal(size=100)
    found = conditional.measure(
        number("x", x(z)), number("y", rng.normal(size=100)), (number("z", z),), alpha=0.05, seed=1
    )
    assert isinstance(found, Untestable)
    assert code in found.caveats


def test_constant_and_repeated_columns_among_those_held_fixed_do_no_harm():
    rng = np.random.default_rng(10)
    x, y, z = rng.normal(size=(3, 100))
    given = (number("z", z), number("z2", z), number("one", np.ones(100)))
    found = conditional.measure(number("x", x), number("y", y), given, alpha=0.05, seed=1)
    assert isinstance(found, Measurement)


@pytest.mark.parametrize("n", [0, 1, 5, 12])
def test_too_few_rows_are_said_and_never_raise(n):
    rng = np.random.default_rng(n)
    x, y, z = rng.normal(size=(3, n))
    found = conditional.measure(number("x", x), number("y", y), (number("z", z),), alpha=0.05, seed=1)
    assert isinstance(found, Untestable)
    assert found.n == n


def test_missing_values_and_heavy_ties_are_taken_as_they_are():
    rng = np.random.default_rng(11)
    x, y = rng.integers(0, 3, 200).astype(float), rng.poisson(0.3, 200).astype(float)
    x[::9], y[::11] = np.nan, np.nan
    z = category("z", rng.integers(-1, 3, 200), "abc")
    found = conditional.measure(number("x", x), number("y", y), (z,), alpha=0.05, seed=1)
    assert isinstance(found, Measurement)
    assert found.n == np.sum(~np.isnan(x) & ~np.isnan(y) & (z.values >= 0))


def test_one_far_group_of_unequal_spread_is_tested_at_its_size() -> None:
    rng = np.random.default_rng(0)
    few = np.repeat([0.0, 1.0], [200, 20])[:, np.newaxis]
    spread = np.where(few[:, 0] > 0, 4.0, 1.0)
    base = rng.normal(size=(220, 1))
    found = [regression.added(rng.normal(size=220) * spread, few, base, seed=0) for _ in range(2_000)]
    ps = np.array([one.p for one in found if isinstance(one, regression.Added)])
    # Least squares without robust errors is below 0.05 in four of ten.
    assert len(ps) == 2_000
    assert np.mean(ps < 0.05) < 0.09
    assert np.mean(ps < 0.001) < 0.006


def test_a_column_that_the_noisy_rows_carry_has_few_small_p_without_an_effect():
    rng = np.random.default_rng(21)
    few = np.arange(220) < 20
    noise = np.where(few, 4.0, 1.0)
    by_group = few[:, np.newaxis].astype(float)
    p = []
    for _ in range(500):
        x, y, z = (normal_scores(column) for column in rng.normal(size=(3, 220)) * noise)
        p.append(regression.added(y, by_group, z[:, np.newaxis], seed=0).p)
        p.append(regression.added(y, (x * z)[:, np.newaxis], np.column_stack([x, z]), seed=0).p)
    assert np.mean(np.array(p) < 0.005) <= 0.009
