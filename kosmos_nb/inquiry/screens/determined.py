"""Columns that another one settles: recodings, nested levels, looked-up values, cuts."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.reading import RARE_ROWS
from kosmos_nb.inquiry.screens.view import Floats, Ints, View, spread_rows
from kosmos_nb.inquiry.screens.words import notice

GLIMPSE_ROWS = 512
MOST_VALUES = 20
FEWEST_ROWS, FEWEST_TO_CUT = 20, 30
CHANCE = -6.0
MOST_CUTS = 5


@dataclass(frozen=True, slots=True)
class Ends:
    """Least and greatest value of one column in each level of another, with the rows that have both.

    Attributes:
        low, high: Shape (n_levels,).
        rows: Rows of each level, shape (n_levels,).
        commonest: Share of the column's commonest value.
    """

    low: Floats
    high: Floats
    rows: np.ndarray
    commonest: float

    @property
    def is_settled(self) -> bool:
        """Whether each level has one value, which chance does not bring about.

        Were the columns independent, a level of m rows had one value with a chance below
        (share of the commonest value) ^ (m - 1).
        """
        if not np.all(self.low == self.high) or not 0 < self.commonest < 1:
            return False
        return float(np.sum(self.rows - 1)) * math.log10(self.commonest) < CHANCE

    @property
    def is_cut(self) -> bool:
        """Whether the levels lie side by side, each of five rows or more."""
        if len(self.low) < 2 or self.rows.sum() < FEWEST_TO_CUT or self.rows.min() < RARE_ROWS:
            return False
        order = np.argsort(self.low, kind="stable")
        return bool(np.all(self.low[order][1:] > self.high[order][:-1]))


def screen(view: View, known: Collection[frozenset[str]]) -> list[Notice]:
    """Notice what is settled by a category, or by a number of at most 20 values.

    Args:
        view: The table.
        known: Pairs of names that have been reported already.
    """
    if view.n_rows < FEWEST_ROWS or len(view.columns) < 2:
        return []
    notices = []
    told: set[frozenset[str]] = set(known)
    for by, column in _candidates(view):
        pair = frozenset((by.name, column.name))
        if pair in told:
            continue
        found = _judge(view, by, column)
        if found is not None:
            told.add(pair)
            notices.append(found)
    return notices


def ends(codes: Floats, values: Floats) -> Ends | None:
    """Return the ends of `values` in each level of `codes`, both of shape (n,); None without rows."""
    both = ~(np.isnan(codes) | np.isnan(values))
    codes, values = codes[both], values[both]
    if len(codes) == 0:
        return None
    order = np.argsort(codes, kind="stable")
    ordered, ascending = values[order], codes[order]
    starts = np.flatnonzero(np.concatenate(([True], ascending[1:] != ascending[:-1])))
    counts = np.unique(values, return_counts=True)[1]
    return Ends(
        np.minimum.reduceat(ordered, starts),
        np.maximum.reduceat(ordered, starts),
        np.diff(np.append(starts, len(ordered))),
        float(counts.max() / len(values)),
    )


def _candidates(view: View) -> list[tuple[Column, Column]]:
    """Return the pairs (by, column) that a few hundred rows do not rule out."""
    rows = spread_rows(view.n_rows, GLIMPSE_ROWS)
    side = view.stack([column.name for column in view.columns], rows)
    varies = np.array([_varies(side[:, at]) for at in range(side.shape[1])])
    is_number = np.array([column.kind == "numeric" for column in view.columns])
    pairs = []
    for at, by in enumerate(view.columns):
        codes = side[:, at].copy()
        most = min(MOST_VALUES, view.n_rows // 5)  # in few rows every number has few values
        if by.kind == "numeric" and len(np.unique(codes[~np.isnan(codes)])) > most:
            continue
        codes[codes == _merged(by)] = np.nan
        present = np.flatnonzero(~np.isnan(codes))
        if len(present) == 0:
            continue
        order = present[np.argsort(codes[present], kind="stable")]
        starts = np.flatnonzero(np.concatenate(([True], np.diff(codes[order]) != 0)))
        ordered = side[order]
        low, high = np.fmin.reduceat(ordered, starts, axis=0), np.fmax.reduceat(ordered, starts, axis=0)
        settled = ~np.any(low != high, axis=0, where=~np.isnan(low))
        apart = is_number & ~_overlap(low, high) & (len(starts) > 1)
        hopeful = (settled & varies) | apart
        hopeful[at] = False
        pairs += [(by, view.columns[other]) for other in np.flatnonzero(hopeful)]
    return pairs


def _varies(values: Floats) -> bool:
    present = values[~np.isnan(values)]
    return len(present) > 0 and bool(present.min() < present.max())


def _overlap(low: Floats, high: Floats) -> np.ndarray:
    """Return per column whether two levels overlap, shape (n_columns,); levels without values do not."""
    order = np.argsort(low, axis=0)
    starts = np.take_along_axis(low, order, axis=0)[1:]
    stops = np.take_along_axis(high, order, axis=0)[:-1]
    overlap: np.ndarray = np.any(starts <= stops, axis=0)
    return overlap


def _merged(column: Column) -> float:
    """Return the code of the level that rare ones were merged into, or NaN: it settles nothing."""
    has_rest = "rare_levels" in column.caveats and column.levels[-1:] in (("other",), ("(other)",))
    return float(len(column.levels) - 1) if has_rest else math.nan


def _judge(view: View, by: Column, column: Column) -> Notice | None:
    found = _settled_or_cut(view, by, column, view.rows)
    if found is not None and len(view.rows) < view.n_rows:
        found = _settled_or_cut(view, by, column, np.arange(view.n_rows))
    if found is None:
        return None
    if not found.is_settled:
        return _cut(view, by, column, found)
    values = np.unique(found.low)
    if len(values) < 2:
        return None
    is_numeral = column.kind == "numeric" and not _is_numbering(values)
    if len(values) == len(found.low) and not (is_numeral and by.kind == "category"):
        sentence = f"each level of `{column.name}` is one level of `{by.name}`: one column twice"
        return notice("duplicate_column", [by.name, column.name], sentence)
    kind = "it is looked up, not measured" if column.kind == "numeric" else "the one is nested in the other"
    sentence = (
        f"`{by.name}` settles `{column.name}`: each of its {len(found.low)} levels has one value of it, "
        f"{len(values)} in all; {kind}"
    )
    return notice("leakage", [column.name, by.name], sentence)


def _settled_or_cut(view: View, by: Column, column: Column, rows: Ints) -> Ends | None:
    codes = view.column(by.name, rows)
    found = ends(np.where(codes == _merged(by), np.nan, codes), view.column(column.name, rows))
    if found is None or not (found.is_settled or (column.kind == "numeric" and found.is_cut)):
        return None
    return found


def _is_numbering(values: Floats) -> bool:
    return bool(np.all(np.diff(values) == 1))


def _cut(view: View, by: Column, column: Column, found: Ends) -> Notice:
    cuts = np.sort(found.low)[1:]
    at = ", ".join(view.say(column.name, cut) for cut in cuts[:MOST_CUTS])
    at += " …" if len(cuts) > MOST_CUTS else ""
    sentence = (
        f"`{by.name}` is `{column.name}` cut at {at}: its {len(found.low)} levels do not overlap "
        f"({int(found.rows.sum()):,} rows)"
    )
    return notice("leakage", [by.name, column.name], sentence)
