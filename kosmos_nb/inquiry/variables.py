"""A column as a test of several columns sees it: values, levels, and the columns of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kosmos_nb.inquiry.measurement import Untestable
from kosmos_nb.inquiry.ranks import Floats, Mask, sort

MOST_TERMS = 9
HEAVY_KURTOSIS = 6.0  # of the normal law 3, of the exponential 9


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """One column with its values.

    Attributes:
        values: float64 with NaN where missing when there are no levels, else int32 codes with -1.
        levels: Names of the codes, in the order in which they are compared.
        unit: Of the values; empty where unknown.
    """

    name: str
    values: NDArray[Any]
    levels: tuple[str, ...] = ()
    unit: str = ""

    @property
    def is_numeric(self) -> bool:
        """Whether it has numbers and no levels."""
        return not self.levels

    @property
    def is_directed(self) -> bool:
        """Whether more and less mean something: a number, or one of two levels."""
        return len(self.levels) in (0, 2)

    @property
    def is_constant(self) -> bool:
        """Whether all rows have the same value."""
        return len(self.values) == 0 or bool(np.all(self.values == self.values[0]))


def present(variables: Sequence[Variable]) -> Mask:
    """Return which rows have a value in all of them, shape (n_rows,)."""
    keep = np.ones(len(variables[0].values), dtype=bool)
    for variable in variables:
        keep &= ~np.isnan(variable.values) if variable.is_numeric else variable.values >= 0
    return keep


def complete(variables: Sequence[Variable], *, fewest: int = 1) -> tuple[Variable, ...]:
    """Return them on the rows that all have; levels of fewer than `fewest` rows are left out."""
    keep = present(variables)
    while True:
        kept = tuple(within(variable, keep) for variable in variables)
        thin = np.zeros(int(keep.sum()), dtype=bool)
        for variable in kept:
            if not variable.is_numeric:
                thin |= np.bincount(variable.values, minlength=1)[variable.values] < fewest
        if not thin.any():
            return kept
        keep[np.flatnonzero(keep)[thin]] = False


def unfit(tested: Sequence[Variable], *, columns: int, fewest: int, per_level: int = 1) -> Untestable | None:
    """Return why complete variables cannot be tested, None where they can.

    Args:
        tested: Those that must vary. columns: How many have a value in every row.
        fewest: Rows that it takes. per_level: The same for a level, as in `complete`.
    """
    n = len(tested[0].values)
    having = {2: "both", 3: "all three"}.get(columns, "all")
    if n < fewest:
        reason = f"{n} rows have {having} values, fewer than {fewest}"
        return Untestable(reason=reason, caveats=("small_n",), n=n)
    for one in tested:
        if one.is_constant and not one.is_numeric and per_level > 1:
            reason = f"fewer than two levels of {one.name} have {per_level} rows or more"
            return Untestable(reason=reason, caveats=("few_per_level",), n=n)
        if one.is_constant:
            reason = f"{one.name} is constant in the rows that have {having}"
            return Untestable(reason=reason, caveats=("constant",), n=n)
    return None


def within(variable: Variable, keep: Mask) -> Variable:
    """Return the rows where `keep` is true; levels that are then empty are left out."""
    values = variable.values[keep]
    if variable.is_numeric:
        return replace(variable, values=values)
    found = np.unique(values[values >= 0])
    code = np.full(len(variable.levels) + 1, -1, dtype=np.int32)
    code[found] = np.arange(len(found), dtype=np.int32)
    return replace(variable, values=code[values], levels=tuple(variable.levels[at] for at in found))


def dummies(variable: Variable) -> Floats:
    """Return one column of 0 and 1 for each level but the first, shape (n, levels - 1)."""
    columns: Floats = (variable.values[:, np.newaxis] == np.arange(1, len(variable.levels))).astype(
        np.float64
    )
    return columns


def ranked(values: Floats) -> Floats:
    """Return the midranks, centred and scaled to lie within -1 and 1, shape (n,)."""
    n = len(values)
    scaled: Floats = (2 * sort(values).ranks_by_row(n) - (n + 1)) / n
    return scaled


def normal_scores(values: Floats) -> Floats:
    """Return the normal quantiles of the midranks, (rank - 1/2)/n, shape (n,)."""
    scores: Floats = special.ndtri((ranked(values) + 1) / 2)
    return scores


def has_heavy_tails(values: Floats) -> bool:
    """Whether a few rows would decide a regression; complete values, not constant."""
    centred = values - values.mean()
    return float(np.mean(centred**4)) > HEAVY_KURTOSIS * float(np.mean(centred**2)) ** 2


def on_scale(values: Floats) -> Floats:
    """Return the values standardised, or their normal scores where the tails are heavy, shape (n,).

    The scale is the column's own affair: no other column is looked at. Complete, not constant.
    """
    if has_heavy_tails(values):
        return normal_scores(values)
    standard: Floats = (values - values.mean()) / values.std()
    return standard


def columns_of(variable: Variable) -> Floats:
    """Return what a test of ranks takes for it: normal scores, or dummies; shape (n, k)."""
    return normal_scores(variable.values)[:, np.newaxis] if variable.is_numeric else dummies(variable)


def smooth(values: Floats, terms: int) -> Floats:
    """Return columns whose sums follow any smooth function of the ranks, shape (n, terms).

    The normal score and its square, the rank and its square, then cubic pieces from evenly spaced
    knots on: scores for straight lines and parabolas of bell-shaped data, the rest for other bends.

    Source: regression splines, Hastie, Tibshirani and Friedman, The Elements of Statistical
    Learning (2009), section 5.2.
    """
    rank = ranked(values)
    score = special.ndtri((rank + 1) / 2)
    columns = [score, score**2, rank, rank**2]
    knots = np.linspace(-1, 1, max(0, terms - len(columns)) + 2)[1:-1]
    columns += [np.maximum(rank - knot, 0.0) ** 3 for knot in knots]
    return np.stack(columns[:terms], axis=1)


def held_fixed(given: Sequence[Variable], rows: int) -> Floats:
    """Return the regression columns for what is held fixed, shape (n, k).

    Args:
        given: On complete rows.
        rows: That speak for the fit: for a two-level outcome twice those of its rarer level.

    Numbers get 4 to 9 terms each, one for 22 rows: too few would leave a part of a bent relation
    behind, which then looks like one with the tested column.
    """
    numeric = sum(variable.is_numeric for variable in given)
    terms = int(np.clip(rows // (22 * max(1, numeric)), 4, MOST_TERMS))
    return np.hstack([smooth(one.values, terms) if one.is_numeric else dummies(one) for one in given])
