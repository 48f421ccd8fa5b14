"""Ranks, sorted once: every test of a column, on any subset of rows, is then linear in n."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sorted:
    """The rows of a column in ascending order of its values; missing rows are left out.

    Attributes:
        order: Row numbers, shape (n,).
        block: Number of the run of equal values that each belongs to, ascending, shape (n,).
    """

    order: Ints
    block: Ints

    def within(self, keep: Mask) -> Sorted:
        """Return the same order for the rows where `keep`, shape (n_rows,), is true."""
        chosen = keep[self.order]
        return Sorted(self.order[chosen], self.block[chosen])

    def starts(self) -> Ints:
        """Return where each run of equal values begins, shape (n_runs,)."""
        if len(self.block) == 0:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(np.concatenate(([True], self.block[1:] != self.block[:-1])))

    def midranks(self) -> Floats:
        """Return the average rank of each, 1 to n, in sorted order, shape (n,)."""
        starts = self.starts()
        lengths = np.diff(np.append(starts, len(self.block)))
        return np.repeat(starts + (lengths + 1) / 2, lengths)

    def ranks_by_row(self, n_rows: int) -> Floats:
        """Return the average rank of every row, missing rows NaN, shape (n_rows,)."""
        ranks = np.full(n_rows, np.nan)
        ranks[self.order] = self.midranks()
        return ranks

    def odd_rows(self) -> int:
        """Return how many rows differ from the commonest value."""
        lengths = np.diff(np.append(self.starts(), len(self.block)))
        return len(self.block) - int(lengths.max(initial=0))

    def tie_term(self) -> float:
        """Return the sum of t³ − t over runs of t equal values."""
        lengths = np.diff(np.append(self.starts(), len(self.block))).astype(np.float64)
        return float(np.sum(lengths**3 - lengths))


def sort(values: NDArray[np.float64]) -> Sorted:
    """Sort a numeric column, shape (n_rows,); NaN is missing."""
    present = np.flatnonzero(~np.isnan(values))
    order = present[np.argsort(values[present], kind="stable")]
    ascending = values[order]
    new_value = (
        np.concatenate(([False], ascending[1:] != ascending[:-1])) if len(order) else np.zeros(0, bool)
    )
    return Sorted(order.astype(np.int64), np.cumsum(new_value).astype(np.int64))
