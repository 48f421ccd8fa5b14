"""Whether columns depend on the row before, once grouping and sorting are taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.core import units
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.ranks import Floats, Ints, sort
from kosmos_nb.inquiry.series import calendar
from kosmos_nb.inquiry.series.whiten import autocorrelation

P_CLEAR = 1e-3
R_CLEAR = 0.15
FEWEST_ROWS = 20
# A slice of this many rows in a row decides, and this many columns.
MOST_ROWS, MOST_COLUMNS = 20_000, 60
FEW_RUNS_Z = -4.0
SORTED_SHARE = 0.995


@dataclass(frozen=True, slots=True)
class Memory:
    """How many columns depend on the row before.

    Attributes:
        n_tested, n_found: Numeric columns looked at, and those that do so beyond chance.
        typical: Median lag-1 correlation of the ranks of those found.
    """

    n_tested: int
    n_found: int
    typical: float

    @property
    def is_clear(self) -> bool:
        """Whether the rows follow one another: several columns say so, or the only one."""
        return self.n_found >= (1 if self.n_tested <= 2 else 2)

    @property
    def sentence(self) -> str:
        """The same in words."""
        if not self.n_found:
            return f"none of {self.n_tested} numeric columns depends on the row before"
        verb = "depends" if self.n_found == 1 else "depend"
        return (
            f"{self.n_found} of {self.n_tested} numeric columns {verb} on the row before "
            f"(typical lag-1 correlation {units.signed(self.typical)})"
        )


def memory_of(
    columns: tuple[Column, ...],
    arrays: Mapping[str, NDArray[Any]],
    rows: Ints,
    segments: Ints | None = None,
    *,
    skip: str = "",
) -> Memory:
    """Test every numeric column for memory in this order of the rows.

    Args:
        rows: Row numbers in order. segments: Code of the unit of each of them.
        skip: A column that is not tested.

    Taken out before: the means of categories (and of numbers that repeat in sequence) that stand in
    blocks, a cubic in the rank of a column by which the rows are sorted, and rows that repeat the row
    before. A column counts where p < 0.001 / columns and the correlation is at least 0.15.
    """
    if len(rows) > MOST_ROWS:
        start = (len(rows) - MOST_ROWS) // 2
        rows = rows[start : start + MOST_ROWS]
        segments = None if segments is None else segments[start : start + MOST_ROWS]
    numeric = {
        column.name: arrays[column.name][rows]
        for column in columns
        if column.kind == "numeric" and column.name != skip and column.name in arrays
    }
    once = _not_repeated(numeric, len(rows))
    numeric = {name: values[once] for name, values in numeric.items()}
    units = None if segments is None else segments[once]
    categories = [arrays[c.name][rows][once] for c in columns if c.kind == "category" and c.name in arrays]
    blocks = [codes for codes in categories if _is_in_blocks(codes)]
    if units is not None:
        blocks.append(units)
    sorting, ladders = _sorting(columns, numeric, blocks)
    blocks += ladders
    tested = [name for name in numeric if name not in sorting][:MOST_COLUMNS]
    found = []
    for name in tested:
        rest = _without(numeric[name], blocks, [numeric[one] for one in sorting])
        r1, p = autocorrelation(rest, units)
        if p < P_CLEAR / len(tested) and (r1 if blocks or sorting else abs(r1)) >= R_CLEAR:
            found.append(r1)
    return Memory(len(tested), len(found), float(np.median(found)) if found else 0.0)


def _not_repeated(numeric: Mapping[str, Floats], n: int) -> NDArray[np.bool_]:
    """Return where a row differs from the one before in some numeric column."""
    differs: NDArray[np.bool_] = np.zeros(n, dtype=bool)
    for values in numeric.values():
        same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
        differs[1:] |= ~same
    differs[:1] = True
    return differs if differs.sum() >= FEWEST_ROWS else np.ones(n, dtype=bool)


def _is_in_blocks(codes: NDArray[Any]) -> bool:
    """Whether equal codes stand together far more than shuffled rows would."""
    n = len(codes)
    shares = np.unique(codes, return_counts=True)[1] / max(n, 1)
    changes = int(np.count_nonzero(codes[1:] != codes[:-1]))
    expected = (n - 1) * (1 - float(np.sum(shares**2)))
    return bool(changes < expected + FEW_RUNS_Z * np.sqrt(max(expected * float(np.sum(shares**2)), 1.0)))


def _sorting(
    columns: tuple[Column, ...], numeric: Mapping[str, Floats], blocks: list[NDArray[Any]]
) -> tuple[list[str], list[NDArray[Any]]]:
    """Return the columns by which the rows are sorted, and those whose values repeat in sequence.

    Time is not among them: what follows time remembers.
    """
    dates = {column.name for column in columns if calendar.is_date(column)}
    inside = np.ones(max((len(v) for v in numeric.values()), default=1) - 1, dtype=bool)
    for codes in blocks:
        inside &= codes[1:] == codes[:-1]
    sorting: list[str] = []
    ladders: list[NDArray[Any]] = []
    for name, values in numeric.items():
        if name in dates or calendar.is_time_name(name) or calendar.is_steady(values):
            continue
        # Within the blocks too: rows may be sorted by a category first.
        if _is_sorted(values, np.ones(len(values) - 1, dtype=bool)) or _is_sorted(values, inside):
            sorting.append(name)
            distinct, codes = np.unique(values, return_inverse=True)
            if len(distinct) <= len(values) / 2:
                ladders.append(codes)
    return sorting, ladders


def _is_sorted(values: Floats, inside: NDArray[np.bool_]) -> bool:
    steps = np.diff(values)[inside]
    steps = steps[~np.isnan(steps)]
    moves = int(np.count_nonzero(steps))
    if len(steps) < FEWEST_ROWS / 2 or moves < 5:
        return False
    return max(int(np.sum(steps > 0)), int(np.sum(steps < 0))) >= SORTED_SHARE * moves


def _without(values: Floats, blocks: list[NDArray[Any]], sorting: list[Floats]) -> Floats:
    """Return the ranks of the values without the effect of blocks and of sorting columns."""
    ranks = sort(values).ranks_by_row(len(values))
    if not blocks and not sorting:
        return ranks
    seen = ~np.isnan(ranks)
    rest = ranks[seen] - ranks[seen].mean()
    designs = []
    for other in sorting:
        r = sort(other).ranks_by_row(len(other))[seen]
        middle = float(np.nanmean(r)) if np.any(~np.isnan(r)) else 0.0
        r = np.where(np.isnan(r), 0.0, r - middle) / max(len(r), 1)
        designs.append(np.column_stack((np.ones(len(r)), r, r**2, r**3)))
    grouped = [np.unique(codes[seen], return_inverse=True)[1] for codes in blocks]
    for _ in range(3):
        for codes in grouped:
            means = np.bincount(codes, rest) / np.bincount(codes)
            rest = rest - means[codes]
        for design in designs:
            rest = rest - design @ np.linalg.lstsq(design, rest, rcond=None)[0]
    left: Floats = np.full(len(values), np.nan)
    left[seen] = rest
    return left
