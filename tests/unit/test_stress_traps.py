"""Traps planted in data, and what the stress of a finding says about them."""

import pickle

import numpy as np
import pytest

from kosmos_nb.inquiry import association, categories, groups
from kosmos_nb.inquiry.measurement import Measurement, smallest_of
from kosmos_nb.inquiry.ranks import sort
from kosmos_nb.inquiry.stress import MOST_ROWS, Stress, concerns, examine
from kosmos_nb.inquiry.variables import Variable


def number(name, values):
    return Variable(name, np.asarray(values, dtype=float))


def category(name, codes, levels="abcdefghijkl"):
    codes = np.asarray(codes, dtype=np.int32)
    return Variable(name, codes, tuple(levels[: codes.max() + 1]))


def measure(family, x, y):
    if family == "association":
        found = association.measure(
            x.values, y.values, sort(x.values), sort(y.values), unit="", alpha=0.05, seed=1
        )
    elif family == "group_difference":
        found = groups.measure(
            x.values, y.values, sort(y.values), levels=x.levels, name="y", unit="", alpha=0.05, seed=1
        )
    else:
        found = categories.measure(
            x.values, y.values, shape=(len(x.levels), len(y.levels)), alpha=0.05, seed=1
        )
    assert isinstance(found, Measurement)
    return found


def stressed(family, x, y, *others):
    """Return the outcomes, the codes, and the sentences as one text."""
    measured = measure(family, x, y)
    stress = examine(family, x, y, others, seed=0)
    codes, sentences = concerns(measured, stress, smallest_of(measured.metric, 0.1))
    return stress, codes, "; ".join(sentences)


def noise(rng, n):
    return number("noise", rng.normal(size=n)), category("level", rng.integers(0, 4, n))


@pytest.mark.parametrize("n", [150, 1_000, 20_000])
def test_a_relation_that_turns_inside_every_group_is_simpson(n):
    rng = np.random.default_rng(n)
    group = rng.integers(0, 3, n)
    x = rng.normal(size=n) + 2.5 * group
    y = -0.6 * x + 4 * group + rng.normal(size=n)
    _, codes, said = stressed(
        "association", number("x", x), number("y", y), *noise(rng, n), category("site", group)
    )
    assert codes[0] == "simpson"
    assert "negative inside every level of site, positive overall" in said


@pytest.mark.parametrize("n", [150, 1_000, 20_000])
def test_a_relation_that_turns_given_a_number_is_confounded(n):
    rng = np.random.default_rng(n)
    z = rng.normal(size=n)
    x = z + 0.6 * rng.normal(size=n)
    y = 2 * z - 0.8 * x + 0.5 * rng.normal(size=n)
    _, codes, said = stressed("association", number("x", x), number("y", y), *noise(rng, n), number("age", z))
    assert codes[0] == "confounded"
    assert "negative given age, positive overall" in said


def test_two_groups_that_change_places_given_a_number_are_confounded():
    rng = np.random.default_rng(1)
    n = 600
    treated = rng.integers(0, 2, n)
    z = rng.normal(size=n) + 1.5 * treated
    y = 2 * z - 1.2 * treated + rng.normal(size=n)
    _, codes, said = stressed("group_difference", category("arm", treated), number("y", y), number("age", z))
    assert "confounded" in codes, said
    assert "negative given age" in said


@pytest.mark.parametrize("n", [200, 1_000, 20_000])
def test_what_a_third_number_explains_is_confounded_in_every_family(n):
    rng = np.random.default_rng(n)
    z = rng.normal(size=n)
    x, y = z + 0.8 * rng.normal(size=n), z + 0.8 * rng.normal(size=n)
    two, four = (x > 0).astype(int), np.digitize(x + rng.normal(size=n) * 0.1, [-1, 0, 1])
    third = number("age", z)
    for family, first, second in [
        ("association", number("x", x), number("y", y)),
        ("group_difference", category("x", two), number("y", y)),
        ("group_difference", category("x", four), number("y", y)),
        ("category_association", category("x", two), category("y", np.digitize(y, [-0.5, 0.5]))),
    ]:
        _, codes, said = stressed(family, first, second, *noise(rng, n), third)
        if family != "category_association":  # fifths leave a part of z inside them
            assert "confounded" in codes, (family, said)
            assert "given age the effect shrinks from" in said
        assert not {"simpson", "leverage"} & set(codes)


@pytest.mark.parametrize("n", [200, 2_000])
def test_what_a_third_category_explains_is_confounded_in_every_family(n):
    rng = np.random.default_rng(n)
    site = rng.integers(0, 3, n)
    x, y = 1.5 * site + rng.normal(size=n), 1.5 * site + rng.normal(size=n)
    cut_x, cut_y = np.digitize(x, [0.5, 2.5]), np.digitize(y, [0.5, 2.5])
    for family, first, second in [
        ("association", number("x", x), number("y", y)),
        ("group_difference", category("x", (x > 1.5).astype(int)), number("y", y)),
        ("group_difference", category("x", cut_x), number("y", y)),
        ("category_association", category("x", cut_x), category("y", cut_y)),
    ]:
        _, codes, said = stressed(family, first, second, *noise(rng, n), category("site", site))
        assert "confounded" in codes, (family, said)
        assert "given site the effect shrinks from" in said


def test_a_bent_dependence_on_the_third_column_is_taken_out_as_well():
    rng = np.random.default_rng(3)
    z = rng.normal(size=1_000)
    x, y = z**2 + 0.5 * rng.normal(size=1_000), z**2 + 0.5 * rng.normal(size=1_000)
    stress, codes, _ = stressed("association", number("x", x), number("y", y), number("z", z))
    # z goes with neither in a straight line: it is tried, and not named for it
    (given_z,) = stress.adjusted
    assert abs(given_z.effect.value) < abs(given_z.overall.value) / 2
    assert "simpson" not in codes


def test_a_finding_that_more_than_doubles_given_another_column_is_told():
    rng = np.random.default_rng(4)
    n = 1_000
    z = rng.normal(size=n)
    x = z + rng.normal(size=n)
    y = x - 1.35 * z + 0.4 * rng.normal(size=n)
    _, codes, said = stressed("association", number("x", x), number("y", y), number("z", z))
    assert "suppression" in codes, said
    assert "given z the effect grows" in said


def test_a_finding_that_holds_inside_its_strongest_associate_says_so():
    rng = np.random.default_rng(5)
    site = rng.integers(0, 3, 900)
    x = rng.normal(size=900) + 0.5 * site
    y = 0.6 * x + 0.3 * site + rng.normal(size=900)
    _, codes, said = stressed("association", number("x", x), number("y", y), category("site", site))
    assert codes == ()
    assert "holds inside every level of site: +0.4" in said


def test_one_small_level_that_carries_an_association_is_named():
    rng = np.random.default_rng(6)
    n = 1_000
    site = rng.choice(4, n, p=[0.4, 0.3, 0.18, 0.12])
    x, y = rng.normal(size=n), rng.normal(size=n)
    x, y = x + 3 * (site == 3), y + 3 * (site == 3)
    _, codes, said = stressed("association", number("x", x), number("y", y), category("site", site))
    assert "leverage" in codes, said
    assert "without d of site" in said


@pytest.mark.parametrize("levels", [3, 8])
def test_one_group_that_alone_differs_is_named_and_no_trap(levels):
    rng = np.random.default_rng(7)
    group = rng.integers(0, levels, 600)
    y = rng.normal(size=600) + 1.5 * (group == 2)
    _, codes, said = stressed("group_difference", category("group", group), number("y", y))
    assert "leverage" not in codes
    assert "without c of group" in said


def test_a_group_difference_that_rests_on_a_handful_of_rows_is_leverage():
    rng = np.random.default_rng(8)
    group = np.concatenate([rng.integers(0, 3, 294), np.full(6, 3)])
    y = rng.normal(size=300) + 4.0 * (group == 3)
    _, codes, said = stressed("group_difference", category("group", group), number("y", y))
    assert "leverage" in codes, said
    assert "without d of group (6 rows, 2.0 %)" in said


@pytest.mark.parametrize("n", [30, 100, 300])
def test_one_far_row_that_makes_the_line_is_named(n):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=n), rng.normal(size=n)
        x[3], y[3] = 40.0, 40.0
        stress, codes, said = stressed("association", number("x", x), number("y", y))
        measured = measure("association", number("x", x), number("y", y))
        assert stress.slope is not None
        assert stress.slope.rests_on_few
        clear = measured.ci95[0] > 0 or measured.ci95[1] < 0
        assert ("outliers" if clear else "leverage") in codes
        assert "rests on" in said


def test_a_sound_rank_effect_beside_a_wild_row_keeps_its_claim_and_loses_its_slope():
    rng = np.random.default_rng(9)
    x = rng.normal(size=200)
    y = 0.8 * x + rng.normal(size=200)
    x[0], y[0] = 60.0, -300.0
    _, codes, said = stressed("association", number("x", x), number("y", y))
    assert codes == ("outliers",)
    assert "the slope rests on" in said


def test_halves_of_the_table_that_disagree_are_borderline():
    rng = np.random.default_rng(10)
    x = rng.normal(size=400)
    y = x * np.where(np.arange(400) < 100, -0.8, 1.0) + rng.normal(size=400)
    y[:200] = -0.5 * x[:200] + rng.normal(size=200)
    _, codes, said = stressed("association", number("x", x), number("y", y))
    assert "borderline" in codes
    assert "the first and the second half of the table disagree: −" in said


def test_a_valley_is_nonlinear_and_a_fan_heteroscedastic():
    rng = np.random.default_rng(11)
    x = rng.normal(size=500)
    _, codes, said = stressed(
        "association", number("x", x), number("y", x**2 + 0.3 * x + 0.3 * rng.normal(size=500))
    )
    assert "nonlinear" in codes
    assert "valley" in said
    x = rng.uniform(size=500)
    _, codes, said = stressed("association", number("x", x), number("y", 0.5 * x + x * rng.normal(size=500)))
    assert "heteroscedastic" in codes
    assert "the spread of y grows with x" in said


def test_groups_unlike_in_spread_and_size_are_noted():
    rng = np.random.default_rng(12)
    group = np.repeat([0, 1], [400, 30])
    y = rng.normal(size=430) * np.where(group == 1, 5, 1) + 3 * group
    _, codes, said = stressed("group_difference", category("group", group), number("y", y))
    assert {"unequal_variance", "unbalanced"} <= set(codes)
    assert "b spreads" in said


def test_outcomes_travel_between_processes_and_the_seed_repeats_them():
    rng = np.random.default_rng(13)
    n = 4 * MOST_ROWS
    x, site = rng.normal(size=n), rng.integers(0, 5, n)
    y = 0.4 * x + rng.normal(size=n)
    variables = number("x", x), number("y", y), (*noise(rng, n), category("site", site))
    first, second = (examine("association", *variables, seed=5) for _ in range(2))
    assert isinstance(first, Stress)
    assert first == second == pickle.loads(pickle.dumps(first))
    assert (first.n, first.n_looked_at) == (n, MOST_ROWS)
