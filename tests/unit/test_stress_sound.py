"""What is sound is not called a trap, and odd columns break nothing."""

import numpy as np
import pytest
from scipy import stats

from kosmos_nb.inquiry.caveats import BLOCKS, CODES
from kosmos_nb.inquiry.stress import examine
from tests.unit.test_stress_traps import category, measure, noise, number, stressed

SEEDS = range(30)


def sound(rng, n):
    """Return findings without a trap, and columns of every kind beside them."""
    site, rare = rng.integers(0, 4, n), rng.choice(5, n, p=[0.45, 0.3, 0.15, 0.07, 0.03])
    x = rng.normal(size=n)
    y = 0.5 * x + rng.standard_t(3, n)
    sibling, effect = x + rng.normal(size=n), y + 2 * rng.normal(size=n)
    holes = rng.normal(size=n)
    holes[rng.random(n) < 0.2] = np.nan
    two = (rng.random(n) < 0.3).astype(int)
    copied = np.where(rng.random(n) < 0.5, site, rng.integers(0, 4, n))
    odd_one = rng.normal(size=n) + 1.2 * (site == 1)
    others = [
        *noise(rng, n), category("rare", rare), number("holes", holes), number("coarse", holes.round()),
        number("sibling", sibling), number("effect", effect), number("copy", 2 * x + 1),
        number("cut", np.floor(x)),
    ]  # fmt: skip
    return [
        ("association", number("x", x), number("y", y), others),
        ("association", number("x", np.exp(x)), number("y", y.round()), others),
        ("group_difference", category("two", two), number("y", rng.normal(size=n) + 0.9 * two), others),
        ("group_difference", category("site", site), number("y", odd_one), others),
        ("category_association", category("site", site), category("other", copied), others),
    ]  # fmt: skip


@pytest.mark.parametrize("n", [100, 1_000])
def test_sound_findings_get_no_blocking_code(n):
    blocked, tried = [], 0
    for seed in SEEDS:
        for family, x, y, others in sound(np.random.default_rng(seed), n):
            if measure(family, x, y).p < 0.01:
                _, codes, said = stressed(family, x, y, *others)
                assert set(codes) <= CODES
                tried += 1
                blocked += [(seed, said)] if BLOCKS.intersection(codes) else []
    assert tried > 100
    assert len(blocked) <= 0.03 * tried, blocked


def test_a_column_is_never_held_against_its_copy_its_parts_or_its_sums():
    rng = np.random.default_rng(0)
    n = 400
    inside, outside = rng.lognormal(size=n), rng.lognormal(size=n)
    x, y = outside + 0.5 * rng.lognormal(size=n), inside + outside
    others = [
        number("inside", inside), number("outside", outside), number("copy", y * 3), number("log", np.log(y)),
        number("total", x + y), number("ratio", y / x), number("honest", rng.normal(size=n)),
    ]  # fmt: skip
    stress = examine("association", number("x", x), number("y", y), others, seed=0)
    assert {adjusted.by for adjusted in stress.adjusted} == {"honest"}


def test_a_rounded_total_of_x_and_y_turns_their_effect_and_is_no_simpson():
    rng = np.random.default_rng(8)
    x = rng.normal(50, 10, 800)
    y = 0.5 * x + rng.normal(30, 10, 800)
    total = number("total", (x + y).round())
    _, codes, said = stressed("association", number("x", x), number("y", y), total)
    assert codes == ("collinear",)
    assert "x and y together all but tell total" in said


def test_parts_of_a_sum_of_four_are_known():
    rng = np.random.default_rng(1)
    terms = rng.lognormal(size=(4, 300))
    others = [number(f"part {index}", term) for index, term in enumerate(terms)]
    y = number("total", 2 * terms[0] + terms[1:].sum(axis=0))
    stress = examine("association", number("x", terms[0] + rng.normal(size=300)), y, others, seed=0)
    assert stress.adjusted == ()


def test_the_bins_of_x_do_not_melt_it():
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    y = 0.5 * x + rng.normal(size=300)
    bins = category("bin", np.digitize(x, [-1, -0.5, 0, 0.5, 1]))
    _, codes, _ = stressed("association", number("x", x), number("y", y), bins)
    assert not {"confounded", "leverage", "simpson"} & set(codes)


def test_the_partial_rank_correlation_agrees_with_residuals_of_ranks():
    rng = np.random.default_rng(3)
    z = rng.normal(size=250)
    x, y = (z + rng.normal(size=250)).round(1), (z**2 + z + rng.normal(size=250)).round(1)
    stress = examine("association", number("x", x), number("y", y), [number("z", z)], seed=0)
    rx, ry, rz = (stats.rankdata(values) for values in (x, y, z))
    design = np.column_stack([np.ones(250), rz, rz**2])
    left = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in (rx, ry)]
    assert stress.adjusted[0].effect.value == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-9)
    assert stress.adjusted[0].overall.value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_pooled_correlations_use_the_ranks_inside_each_level():
    rng = np.random.default_rng(4)
    site = rng.integers(0, 3, 300)
    x = (rng.normal(size=300) + site).round(1)
    y = (0.5 * x + rng.normal(size=300)).round(1)
    stress = examine("association", number("x", x), number("y", y), [category("site", site)], seed=0)
    for code, (level, rho) in enumerate(stress.adjusted[0].per_level):
        inside = site == code
        assert level == "abc"[code]
        assert rho == pytest.approx(stats.spearmanr(x[inside], y[inside]).statistic, abs=1e-9)


@pytest.mark.parametrize("family", ["association", "group_difference", "category_association"])
def test_missing_constant_and_tied_columns_are_passed_over(family):
    rng = np.random.default_rng(5)
    n = 200
    group = rng.integers(0, 3, n)
    numbers = group + rng.normal(size=n)
    numbers[:30] = np.nan
    group[-20:] = -1
    mostly = np.zeros(n)
    mostly[:4] = 1.0
    codes = np.where(np.arange(n) < 190, 0, 1)
    others = [
        number("void", np.full(n, np.nan)), number("flat", np.ones(n)), number("mostly", mostly),
        category("one", np.zeros(n)), category("thin", codes), category("same", np.maximum(group, 0)),
        number("huge", np.where(np.arange(n) % 7 == 0, 1e300, -1e300)),
    ]  # fmt: skip
    x = number("x", np.where(group < 0, np.nan, group)) if family == "association" else category("x", group)
    y = (
        category("y", np.digitize(numbers, [0.5, 1.5]))
        if family == "category_association"
        else number("y", numbers)
    )
    with np.errstate(all="raise", under="ignore"):
        stress, found, _ = stressed(family, x, y, *others)
    assert stress.n > 100
    assert "simpson" not in found


def test_levels_where_nothing_varies_are_left_out():
    rng = np.random.default_rng(6)
    site = np.repeat([0, 1, 2], 60)
    x = rng.normal(size=180)
    y = x + rng.normal(size=180)
    x[site == 1], y[site == 2] = 0.0, 5.0
    stress = examine("association", number("x", x), number("y", y), [category("site", site)], seed=0)
    (inside,) = stress.adjusted
    assert [level for level, _ in inside.per_level] == ["a"]


@pytest.mark.parametrize("rows", [0, 1, 5, 9, 10, 12])
def test_tables_of_few_rows_are_answered(rows):
    rng = np.random.default_rng(7)
    x, y, group = rng.normal(size=rows), rng.normal(size=rows), np.arange(rows) % 2
    site = category("site", np.append(group, 1)[:rows] if rows else np.zeros(1))
    site = type(site)("site", site.values[:rows], ("a", "b"))
    for family, first, second in [
        ("association", number("x", x), number("y", y)),
        ("group_difference", site, number("y", y)),
        ("category_association", site, type(site)("other", site.values, ("a", "b"))),
    ]:
        assert examine(family, first, second, [number("z", x + y), site], seed=0).n <= rows


def test_other_families_are_stressed_through_their_own_effect():
    rng = np.random.default_rng(8)
    n = 300
    x, y = rng.normal(size=n), rng.normal(size=n)
    x[:3], y[:3] = 50.0, 50.0

    def effect(rows):
        return float(np.corrcoef(x[rows], y[rows])[0, 1])

    stress = examine("conditional", number("x", x), number("y", y), [], seed=0, effect_of=effect)
    assert stress.halves is not None
    assert stress.rows[0].without is not None
    assert stress.rows[0].effect.value > 0.9 > 0.3 > abs(stress.rows[0].without.value)
