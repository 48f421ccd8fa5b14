"""The two columns of a finding in the rows that have both, and its effect in any part of them."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import association, categories, groups, laws
from kosmos_nb.inquiry.ranks import Floats, Ints, Mask, Sorted, sort
from kosmos_nb.inquiry.stress.outcome import Effect
from kosmos_nb.inquiry.variables import Variable

FEWEST_ROWS = 10
FEWEST_IN_GROUP = 3


@dataclass(frozen=True)
class Finding:
    """x and y without missing values.

    Attributes:
        family: association, group_difference (x is the group) or category_association.
        x, y: Values of the rows used, shape (n,).
        x_levels, y_levels: Names of the codes; empty where numeric.
        rows: Their row numbers in the table, ascending, shape (n,).
        names: Of x and y.
        pair: The two groups, where a group difference has just two with two rows or more.
    """

    family: str
    x: NDArray[Any]
    y: NDArray[Any]
    x_levels: tuple[str, ...]
    y_levels: tuple[str, ...]
    rows: Ints
    names: tuple[str, str]
    pair: tuple[int, int] | None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @functools.cached_property
    def x_sorted(self) -> Sorted:
        """x, sorted."""
        return sort(self.x.astype(np.float64, copy=False))

    @functools.cached_property
    def y_sorted(self) -> Sorted:
        """y, sorted."""
        return sort(self.y.astype(np.float64, copy=False))

    @property
    def is_directed(self) -> bool:
        """Whether the effect has a sign."""
        return self.family == "association" or self.pair is not None

    def effect(self, keep: Mask | None = None) -> Effect | None:
        """Return the effect in the rows where `keep`, shape (n,), is true; None where there is none."""
        keep = np.ones(self.n, dtype=bool) if keep is None else keep
        if int(keep.sum()) < FEWEST_ROWS:
            return None
        if self.family == "association":
            return rank_correlation(*self.ranks(keep))
        if self.family == "category_association":
            return cramers_v(self.table(keep))
        ordered = self.y_sorted.within(keep)
        if self.pair is not None:
            return cliffs_delta(self.x[ordered.order], ordered, self.pair)
        return epsilon2(self.x[ordered.order], ordered)

    def ranks(self, keep: Mask) -> tuple[Floats, Floats]:
        """Return the ranks of x and y among the rows kept, in the order of the rows."""
        return (
            self.x_sorted.within(keep).ranks_by_row(self.n)[keep],
            self.y_sorted.within(keep).ranks_by_row(self.n)[keep],
        )

    def table(self, keep: Mask) -> Floats:
        """Count the pairs of levels in the rows kept, shape (x levels, y levels)."""
        shape = len(self.x_levels), len(self.y_levels)
        cells = self.x[keep].astype(np.int64) * shape[1] + self.y[keep]
        counts: Floats = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
        return counts

    def part(self, most: int) -> Finding:
        """Return the finding in at most that many rows, evenly spaced over the table."""
        if self.n <= most:
            return self
        chosen = np.linspace(0, self.n - 1, most).astype(np.int64)
        return dataclasses.replace(self, x=self.x[chosen], y=self.y[chosen], rows=self.rows[chosen])


def bring_together(family: str, x: Variable, y: Variable) -> Finding:
    """Return the finding on x and y in the rows that have both."""
    keep, pair = present(x) & present(y), None
    if family == "group_difference":
        compared = np.bincount(x.values[keep], minlength=len(x.levels)) >= 2
        keep &= np.append(compared, False)[x.values]  # a level of one row cannot be compared
        used = np.flatnonzero(compared)
        pair = (int(used[0]), int(used[1])) if len(used) == 2 else None
    rows = np.flatnonzero(keep)
    names = x.name, y.name
    return Finding(family, x.values[rows], y.values[rows], x.levels, y.levels, rows, names, pair)


def present(variable: Variable) -> Mask:
    """Return whether each row has a value, shape (n_rows,)."""
    has_value: Mask = ~np.isnan(variable.values) if variable.is_numeric else variable.values >= 0
    return has_value


def rank_correlation(rx: Floats, ry: Floats) -> Effect | None:
    """Return the correlation of two arrays of ranks, shape (n,); None where one is constant."""
    rho = association.correlation(rx, ry)
    return None if math.isnan(rho) else Effect(rho, association.interval(rho, len(rx), 0.95), len(rx))


def cliffs_delta(codes_in_order: NDArray[np.int32], ordered: Sorted, pair: tuple[int, int]) -> Effect | None:
    """Return Cliff's delta of the second group of the pair against the first."""
    of_pair = (codes_in_order == pair[0]) | (codes_in_order == pair[1])
    ordered = Sorted(ordered.order[of_pair], ordered.block[of_pair])
    second = codes_in_order[of_pair] == pair[1]
    n, m = len(second), int(second.sum())
    if n < FEWEST_ROWS or min(m, n - m) < FEWEST_IN_GROUP:
        return None
    delta, error, df = groups.delta_with_error(second, ordered)
    return Effect(delta, groups.delta_interval(delta, error, df, min(m, n - m), 0.95), n)


def epsilon2(codes_in_order: NDArray[np.int32], ordered: Sorted) -> Effect | None:
    """Return epsilon² less what chance alone gives; None where one group or one value is left."""
    if len(ordered.order) < FEWEST_ROWS or len(ordered.starts) < 2:
        return None
    statistic, levels = groups.kruskal(codes_in_order, ordered)
    if levels < 2:
        return None
    return without_chance(statistic, levels - 1, len(ordered.order))


def without_chance(statistic: float, df: int, n: int) -> Effect:
    """Return the share of rank variance that a chi-square of n rows stands for, less that of chance."""
    low, high = laws.chi2_shift_interval(statistic, df, 0.95)
    return Effect(max(0.0, statistic - df) / (n - 1), (low / (n - 1), min(1.0, high / (n - 1))), n)


def cramers_v(table: Floats) -> Effect | None:
    """Return the bias-corrected Cramér's V; None where fewer than two levels of one are left."""
    filled = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n = int(filled.sum())
    if n < FEWEST_ROWS or min(filled.shape) < 2:
        return None
    statistic = chi_square(filled)
    rows, columns = filled.shape
    v = categories.cramers_v(statistic, n, rows, columns)
    return Effect(v, categories.v_interval(statistic, v, n, rows, columns, 0.95), n)


def chi_square(table: Floats) -> float:
    """Return Pearson's chi-square of a table without empty rows and columns."""
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(np.sum((table - expected) ** 2 / expected))
