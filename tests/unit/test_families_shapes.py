"""Interactions and shapes that neither rise nor fall, held against scipy and their promises."""

import numpy as np
import pytest
from scipy import stats

from kosmos_nb.inquiry import chatterjee, interaction, nonmonotone
from kosmos_nb.inquiry.measurement import PARTIAL_R, PARTIAL_R2, Measurement, Untestable
from kosmos_nb.inquiry.variables import Variable


def number(name, values, unit=""):
    return Variable(name, np.asarray(values, dtype=np.float64), (), unit)


def category(name, codes, levels):
    return Variable(name, np.asarray(codes, dtype=np.int32), tuple(levels))


def modified(x, y, z, seed=1):
    return interaction.measure(x, y, z, alpha=0.05, seed=seed)


def shaped(x, y, seed=1):
    return nonmonotone.measure(number("x", x), number("y", y), alpha=0.05, seed=seed)


def additive(kind, rng, n=200):
    x = rng.normal(size=n)
    z = 0.7 * x + 0.7 * rng.normal(size=n)
    match kind:
        case "heavy tails":
            return number("x", x), number("y", x + z + rng.standard_t(2, n)), number("z", z)
        case "skewed":
            x, z = rng.lognormal(size=n), rng.lognormal(size=n)
            return number("x", x), number("y", x + z + rng.normal(size=n)), number("z", z)
        case "bent and correlated":
            return number("x", x), number("y", x**2 + z + rng.normal(size=n)), number("z", z)
        case "unequal spread":
            noise = rng.normal(size=n) * (1 + np.abs(x * z))
            return number("x", x), number("y", x + z + noise), number("z", z)
        case "unequal groups":
            g = (rng.random(n) < 0.25).astype(int)
            y = x + g + rng.normal(size=n) * (1 + 2 * g)
            return number("x", x), number("y", y), category("g", g, "ab")
        case "two levels":
            y = rng.random(n) < 1 / (1 + np.exp(-x - z))
            return number("x", x), category("y", y, "ab"), number("z", z)
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    ["heavy tails", "skewed", "bent and correlated", "unequal spread", "unequal groups", "two levels"],
)
def test_main_effects_alone_are_no_interaction(kind):
    found = [modified(*additive(kind, np.random.default_rng(seed)), seed).p < 0.05 for seed in range(120)]
    assert np.mean(found) < 0.05 + 4 * 0.02


def test_a_planted_interaction_is_found_with_its_sign_and_its_slopes():
    rng = np.random.default_rng(2)
    x, g = rng.normal(size=300) * 4, rng.integers(0, 2, 300)
    y = (2 - 3 * g) * x + rng.normal(size=300)
    found = modified(number("x", x, "g"), number("y", y, "mm"), category("g", g, ("a", "b")))
    assert found.p < 1e-6
    assert found.effect < -0.5
    assert found.metric == PARTIAL_R
    assert found.effect_raw == pytest.approx(-3, abs=0.2)
    assert found.unit == "mm/g"
    assert "in a" in found.notes[0]
    assert "in b" in found.notes[0]


@pytest.mark.parametrize("kind", ["numbers", "levels", "outcome of two levels"])
def test_every_kind_of_interaction_is_found(kind):
    rng = np.random.default_rng(3)
    x, z, noise = rng.normal(size=(3, 500))
    g = rng.integers(0, 3, 500)
    found = {
        "numbers": lambda: modified(number("x", x), number("y", x * z * 0.5 + noise), number("z", z)),
        "levels": lambda: modified(number("x", x), number("y", x * (g - 1) + noise), category("g", g, "abc")),
        "outcome of two levels": lambda: modified(
            number("x", x), category("y", (2 * x * z + noise > 0).astype(int), "ab"), number("z", z)
        ),
    }[kind]()
    assert found.p < 1e-6
    assert found.metric == (PARTIAL_R2 if kind == "levels" else PARTIAL_R)
    assert found.ci95[0] <= found.effect <= found.ci95[1]


def test_an_interaction_without_rows_or_with_itself_cannot_be_tested():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 100))
    g = (x > 0).astype(int)
    assert isinstance(modified(number("x", x[:9]), number("y", y[:9]), number("z", y[:9])), Untestable)
    assert isinstance(modified(number("x", x), number("y", y), number("z", np.ones(100))), Untestable)
    assert isinstance(modified(category("x", g, "ab"), number("y", y), category("g", g, "ab")), Untestable)


@pytest.mark.parametrize("ties", [False, True])
def test_xi_agrees_with_scipy(ties):
    if not hasattr(stats, "chatterjeexi"):
        pytest.skip("scipy before 1.15 has no xi")
    rng = np.random.default_rng(5)
    x = rng.normal(size=200)
    y = rng.poisson(1 + x**2).astype(float) if ties else np.sin(3 * x) + rng.normal(size=200)
    reference = stats.chatterjeexi(x, y, y_continuous=False)
    order = chatterjee.order_of(x, np.random.default_rng(0))
    found = chatterjee.xi(order, chatterjee.upper_ranks(y), chatterjee.denominator(y))
    assert found == pytest.approx(reference.statistic, abs=1e-12)
    assert chatterjee.xi_p(x, y, np.random.default_rng(0)) == pytest.approx(reference.pvalue, rel=1e-9)


def test_the_blocks_give_what_the_pairs_give():
    rng = np.random.default_rng(6)
    first, second = rng.normal(size=(300, 3)), rng.poisson(2, size=(300, 4)).astype(float)
    orders = np.stack([chatterjee.order_of(x, rng) for x in first.T], axis=1)
    ranks = np.stack([chatterjee.upper_ranks(y) for y in second.T], axis=1)
    scales = np.array([chatterjee.denominator(y) for y in second.T])
    together = chatterjee.xi_block(orders, ranks, scales)
    columns = [[nonmonotone.curve_columns(v) for v in side.T] for side in (first, second)]
    lines, bents, lines2, bents2 = (
        np.stack([pair[at] for pair in side], axis=1) for side in columns for at in (0, 1)
    )
    curves = nonmonotone.block(lines, bents, lines2, bents2)
    for i in range(3):
        for j in range(4):
            assert together[i, j] == pytest.approx(chatterjee.xi(orders[:, i], ranks[:, j], scales[j]))
            design = np.column_stack([np.ones(300), lines[:, i]])
            left = [
                v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (bents[:, i], lines2[:, j])
            ]
            assert curves[0][i, j] == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-9)


@pytest.mark.parametrize("kind", ["normal", "tails", "ties", "line"])
@pytest.mark.parametrize("n", [40, 150])
def test_columns_without_a_turn_are_rarely_called_turning(kind, n):
    def p(seed):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(2, n))
        if kind == "tails":
            x, y = rng.standard_t(1.5, size=(2, n))
        if kind == "ties":
            x, y = rng.integers(0, 5, n).astype(float), rng.poisson(1, n).astype(float)
        return shaped(x, y + (0.7 * x if kind == "line" else 0), seed).p

    draws = 60 if n < 50 else 150
    assert np.mean([p(seed) < 0.05 for seed in range(draws)]) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_u_is_found_with_its_sign_and_where_it_turns(sign):
    rng = np.random.default_rng(7)
    x = rng.uniform(10, 20, 300)
    found = shaped(x, sign * 0.2 * (x - 14) ** 2 + rng.normal(size=300))
    assert found.p < 1e-6
    assert np.sign(found.effect) == sign
    assert found.ci95[0] < found.effect < found.ci95[1]
    assert ("lowest" if sign > 0 else "highest") in found.notes[0]
    assert float(found.notes[0].split("= ")[1]) == pytest.approx(14, abs=0.7)


@pytest.mark.parametrize("shape", ["wave", "circle", "spread"])
def test_shapes_without_a_trend_are_found_by_xi(shape):
    rng = np.random.default_rng(8)
    turn = rng.uniform(0, 2 * np.pi, 600)
    x, y = {
        "wave": (turn, np.sin(3 * turn) + 0.3 * rng.normal(size=600)),
        "circle": (np.cos(turn) + 0.1 * rng.normal(size=600), np.sin(turn) + 0.1 * rng.normal(size=600)),
        "spread": (turn, turn * rng.normal(size=600)),
    }[shape]
    assert shaped(x, y).p < 0.001


@pytest.mark.parametrize("shape", [np.exp, lambda x: np.log(x + 4), np.tanh])
def test_a_bent_relation_that_only_rises_is_not_called_turning(shape):
    rng = np.random.default_rng(9)
    found = [
        shaped(x, shape(x) + 0.2 * rng.normal(size=300), seed)
        for seed, x in enumerate(rng.uniform(-3, 3, size=(30, 300)))
    ]
    called = [one.p < 0.01 and min(np.abs(one.ci95)) > 0.1 and np.prod(one.ci95) > 0 for one in found]
    assert np.mean(called) <= 0.1


def test_a_bend_needs_rows_and_three_values():
    rng = np.random.default_rng(10)
    assert isinstance(shaped(rng.normal(size=9), rng.normal(size=9)), Untestable)
    assert isinstance(shaped(np.ones(50), rng.normal(size=50)), Untestable)
    assert isinstance(shaped(np.arange(100.0), np.arange(100.0)), Untestable)
    assert isinstance(shaped(rng.integers(0, 3, 100) * 1.0, rng.normal(size=100)), Measurement)
