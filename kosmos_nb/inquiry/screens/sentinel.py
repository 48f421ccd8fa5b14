"""Numbers that stand for a missing value: -999 among heights."""

from __future__ import annotations

import re

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.screens.view import Floats, View
from kosmos_nb.inquiry.screens.words import notice
from kosmos_nb.inquiry.values import writer

CODE = re.compile(r"-?(9{2,}|9+[678]|8{3,}|7{3,}|-1)(\.0)?")
MOST_EACH_END = 4
MANY_VALUES = 20


def find(view: View) -> dict[str, tuple[float, ...]]:
    """Return the values of each numeric column that look like a code for missing.

    Such a value repeats, lies at an end of the column, and is further from the rest than the
    rest is wide. A value not made of nines, eights or sevens must also be three times as common
    as the others are on average, in a column of more than 20 values: doses 0, 1, 2, 100 are doses.
    """
    found = {}
    for column in view.numeric:
        values, counts = view.distinct[column.name]
        codes = _codes(values, counts) if len(values) > 2 else ()
        if codes:
            found[column.name] = codes
    return found


def screen(view: View, found: dict[str, tuple[float, ...]]) -> list[Notice]:
    """Name the codes that `find` returned, with the rows of the whole table."""
    notices = []
    units_of = {column.name: column.unit for column in view.numeric}
    for name, codes in found.items():
        values = view.arrays[name]
        rows = int(np.isin(values, codes).sum())
        rest = values[~np.isnan(values) & ~np.isin(values, codes)]
        say = writer(rest, units_of[name])
        sentence = (
            f"`{name}` is {' or '.join(map(units.number, codes))} in {rows:,} rows, far from the rest "
            f"({say(rest.min())} to {say(rest.max())}): it seems to stand for a missing value"
        )
        notices.append(notice("sentinel", [name], sentence, rows))
    return notices


def _codes(values: Floats, counts: np.ndarray) -> tuple[float, ...]:
    """Judge distinct ascending values by how often each occurs."""
    is_code = np.zeros(len(values), dtype=bool)
    ends = [*range(min(MOST_EACH_END, len(values))), *range(max(0, len(values) - MOST_EACH_END), len(values))]
    is_code[ends] = [_reads_as_code(values[end]) and counts[end] >= 2 for end in ends]
    found = _isolated(values, counts, is_code, least_rows=2, least_values=2)
    if not found and len(values) > MANY_VALUES:
        common = counts > 3 * counts.sum() / len(values)
        lone = np.zeros(len(values), dtype=bool)
        lone[[0, -1]] = common[[0, -1]]
        found = _isolated(values, counts, lone, least_rows=3, least_values=MANY_VALUES)
    return found or _minus_one(values, counts)


def _isolated(
    values: Floats, counts: np.ndarray, suspects: np.ndarray, least_rows: int, least_values: int
) -> tuple[float, ...]:
    rest = values[~suspects]
    if len(rest) < least_values:
        return ()
    low, high = rest[0], rest[-1]
    width = high - low
    gap = np.maximum(values - high, low - values)
    return tuple(float(value) for value in values[suspects & (gap > width) & (counts >= least_rows)])


def _minus_one(values: Floats, counts: np.ndarray) -> tuple[float, ...]:
    """Return -1 where it is the only negative value, and far commoner than the smallest others."""
    if values[0] != -1 or len(values) <= MANY_VALUES or values[1] < 0 or counts[0] < 5:
        return ()
    is_whole = bool(np.all(values == np.round(values)))
    return (-1.0,) if is_whole and counts[0] > 10 * counts[1:6].mean() else ()


def _reads_as_code(value: float) -> bool:
    return value == round(value) and abs(value) < 1e15 and bool(CODE.fullmatch(f"{value:.0f}"))
