"""Ranks, sorted once: every test of a column, on any subset of rows, is then linear in n."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.int32]  # row numbers: half the memory, and two billion are enough
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sorted:
    """The rows of a column in ascending order of its values; missing rows are left out.

    Attributes:
        order: Row numbers, shape (n,).
        block: Number of the run of equal values that each belongs to, ascending, shape (n,).

    What is computed from it is kept for as long as the object is.
    """

    order: Rows
    block: Rows

    def within(self, keep: Mask) -> Sorted:
        """Return the same order for the rows where `keep`, shape (n_rows,), is true."""
        chosen = keep[self.order]
        if chosen.all():
            return self
        return Sorted(self.order[chosen], self.block[chosen])

    @functools.cached_property
    def starts(self) -> Ints:
        """Where each run of equal values begins, shape (n_runs,)."""
        if len(self.block) == 0:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(np.concatenate(([True], self.block[1:] != self.block[:-1])))

    @functools.cached_property
    def lengths(self) -> Ints:
        """How many values each run of equal ones has, shape (n_runs,)."""
        return np.diff(self.starts, append=len(self.block))

    @functools.cached_property
    def midranks(self) -> Floats:
        """The average rank of each, 1 to n, in sorted order, shape (n,)."""
        n = len(self.block)
        if len(self.starts) == n:
            return np.arange(1.0, n + 1)
        return np.repeat(self.starts + (self.lengths + 1) / 2, self.lengths)

    def ranks_by_row(self, n_rows: int) -> Floats:
        """Return the average rank of every row, missing rows NaN, shape (n_rows,)."""
        ranks = np.full(n_rows, np.nan)
        ranks[self.order] = self.midranks
        return ranks

    def odd_rows(self) -> int:
        """Return how many rows differ from the commonest value."""
        return len(self.block) - int(self.lengths.max(initial=0))

    @functools.cached_property
    def tie_term(self) -> float:
        """The sum of t³ − t over runs of t equal values."""
        if len(self.starts) == len(self.block):
            return 0.0
        lengths = self.lengths.astype(np.float64)
        return float(np.sum(lengths**3 - lengths))


def sort(values: NDArray[np.float64]) -> Sorted:
    """Sort a numeric column, shape (n_rows,); NaN is missing."""
    present = np.flatnonzero(~np.isnan(values))
    order = present[np.argsort(values[present], kind="stable")]
    ascending = values[order]
    new_value = (
        np.concatenate(([False], ascending[1:] != ascending[:-1])) if len(order) else np.zeros(0, bool)
    )
    return Sorted(order.astype(np.int32), np.cumsum(new_value, dtype=np.int32))
