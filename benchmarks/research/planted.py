"""Tables in which something is true, with its size: what power, coverage and exaggeration rest on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.research.noise import draws

COLUMNS, TRUE_PAIRS, ROWS = 30, 10, 500
# Of the normal columns before some are made heavy-tailed; monotone changes leave the ranks alone.
RHO = 0.25
TRUE_SPEARMAN = 6 / math.pi * math.asin(RHO / 2)  # of two normal columns with that correlation
PAIRS = frozenset(frozenset({f"x{2 * k}", f"x{2 * k + 1}"}) for k in range(TRUE_PAIRS))


def correlations(seed: int) -> pd.DataFrame:
    """Return 500 × 30: x0 and x1, x2 and x3, … x18 and x19 go together; half of the columns, two by two,
    have heavy tails (lognormal, cubes, t with 2 degrees of freedom).
    """
    from scipy.stats import norm, t

    rng = draws("correlations", seed)
    values = rng.normal(size=(ROWS, COLUMNS))
    for first in range(0, 2 * TRUE_PAIRS, 2):
        values[:, first + 1] = RHO * values[:, first] + math.sqrt(1 - RHO**2) * values[:, first + 1]
    bend = (lambda z: np.exp(1.5 * z), lambda z: z**3, lambda z: t.ppf(norm.cdf(z), 2))
    for column in range(COLUMNS):
        pair = column // 2
        if pair % 2:
            values[:, column] = bend[pair // 2 % 3](values[:, column])
    return pd.DataFrame(values, columns=[f"x{number}" for number in range(COLUMNS)])


@dataclass(frozen=True, slots=True)
class Effect:
    """One planted effect, and how to ask for it alone.

    Attributes:
        title: In words, with its size.
        table: The rows for a seed; the outcome is `y`, what it depends on `x`, any other column `z`.
        family: Of the verdict that is asked for.
        claim: The hypothesis: `given` or `by` of a Claim. None: the only pair of the table is asked.
        best: p-values of the tests made for it, by name.
    """

    title: str
    table: Callable[[int], pd.DataFrame]
    family: str
    claim: dict[str, object] | None
    best: Callable[[pd.DataFrame], dict[str, float]]


def _group(seed: int) -> pd.DataFrame:
    rng = draws("group", seed)
    in_second = rng.permutation(np.repeat([False, True], 64))
    return pd.DataFrame({"y": rng.normal(size=128) + 0.5 * in_second, "x": np.where(in_second, "b", "a")})


def _quadratic(seed: int) -> pd.DataFrame:
    rng = draws("quadratic", seed)
    x = rng.normal(size=200)
    return pd.DataFrame({"y": 0.145 * (x**2 - 1) + rng.normal(size=200), "x": x})


def _interaction(seed: int) -> pd.DataFrame:
    rng = draws("interaction", seed)
    x, second = rng.normal(size=200), rng.random(200) < 0.5
    y = 0.2 * x * np.where(second, 1, -1) + 0.3 * second + rng.normal(size=200)
    return pd.DataFrame({"y": y, "x": x, "z": np.where(second, "b", "a")})


def _interaction_of_numbers(seed: int) -> pd.DataFrame:
    rng = draws("interaction of numbers", seed)
    x, z = rng.normal(size=(2, 200))
    return pd.DataFrame({"y": 0.3 * x + 0.2 * x * z + rng.normal(size=200), "x": x, "z": z})


def _conditional(seed: int) -> pd.DataFrame:
    rng = draws("conditional", seed)
    z = rng.normal(size=200)
    x = 0.6 * z + 0.8 * rng.normal(size=200)
    return pd.DataFrame({"y": 0.25 * x - 0.4 * z + rng.normal(size=200), "x": x, "z": z})


def _tests_of_groups(table: pd.DataFrame) -> dict[str, float]:
    from scipy.stats import brunnermunzel, ttest_ind

    first, second = (table.y[table.x == level].to_numpy() for level in "ab")
    return {
        "Welch": float(ttest_ind(first, second, equal_var=False).pvalue),
        "Brunner-Munzel": float(brunnermunzel(first, second).pvalue),
    }


def _term(formula: str, term: str, name: str) -> Callable[[pd.DataFrame], dict[str, float]]:
    """Return the test of one term by least squares: its t, whose square is the F of that term."""

    def test(table: pd.DataFrame) -> dict[str, float]:
        import statsmodels.formula.api as smf

        return {name: float(smf.ols(formula, table).fit().pvalues[term])}

    return test


EFFECTS: dict[str, Effect] = {
    "group": Effect("a group, d = 0.5, n = 128", _group, "group_difference", {}, _tests_of_groups),
    "quadratic": Effect(
        "a parabola, 4 % of the variance, n = 200", _quadratic, "non_monotone", None,
        _term("y ~ x + I(x ** 2)", "I(x ** 2)", "least squares, F of the square"),
    ),
    "interaction": Effect(
        "a slope of -0.2 in one group and 0.2 in the other, n = 200", _interaction, "interaction",
        {"by": "z"}, _term("y ~ x * z", "x:z[T.b]", "least squares, product term"),
    ),
    "interaction of numbers": Effect(
        "a slope that grows with a third number, 0.2, n = 200", _interaction_of_numbers, "interaction",
        {"by": "z"}, _term("y ~ x * z", "x:z", "least squares, product term"),
    ),
    "conditional": Effect(
        "a slope of 0.25 seen only beside a third column, n = 200", _conditional, "conditional",
        {"given": ("z",)}, _term("y ~ x + z", "x", "least squares, partial"),
    ),
}  # fmt: skip
