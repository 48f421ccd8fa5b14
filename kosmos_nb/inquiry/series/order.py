"""Whether the rows of a table follow one another, and in which order.

Rows are tested for memory, not believed: a table that is merely sorted or grouped also has neighbours
that look alike. What the grouping and the sorting explain is taken out before the test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.ranks import Floats, Ints
from kosmos_nb.inquiry.series import calendar
from kosmos_nb.inquiry.series.memory import Memory, memory_of

FEWEST_ROWS = 20
FEWEST_DATES = 10
FEWEST_PER_UNIT = 5


@dataclass(frozen=True, slots=True)
class Order:
    """The order in which rows follow one another.

    Attributes:
        by: The column that orders them; empty: the rows as they stand.
        rows: Row numbers in order, shape (n,); rows without a time are left out.
        is_time: Whether `by` is time, as its type or its name or the user says.
        evidence: Why, in a sentence with numbers.
        needs_whitening: Whether columns depend on the rows before, so that tests need innovations.
        segments: Code of the unit of every row of `rows`, units standing together; None for one.
        unit: The columns that tell the units.
    """

    by: str
    rows: Ints
    is_time: bool
    evidence: str
    needs_whitening: bool = True
    segments: Ints | None = None
    unit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    rows: Ints
    is_time: bool
    is_asked: bool = False
    segments: Ints | None = None
    unit: tuple[str, ...] = ()
    says: str = ""


def find_order(
    columns: tuple[Column, ...],
    arrays: Mapping[str, NDArray[Any]],
    n_rows: int,
    *,
    time: str | None = None,
    unit: str | None = None,
) -> Order | None:
    """Return the order of the rows, or None where they are independent as far as one can see.

    Args:
        columns, arrays: As encoded; unusable columns need no array.
        time: Column that the user names. unit: Column that tells whose row it is.
    """
    if n_rows < FEWEST_ROWS or not any(c.kind == "numeric" and c.name in arrays for c in columns):
        return None
    if time is not None:
        candidate = _asked(columns, arrays, n_rows, time, unit)
        return _order(candidate, memory_of(columns, arrays, candidate.rows, candidate.segments, skip=time))
    dated: Order | None = None
    for candidate in _candidates(columns, arrays, n_rows, unit):
        memory = memory_of(columns, arrays, candidate.rows, candidate.segments, skip=candidate.name)
        if memory.is_clear:
            return _order(candidate, memory)
        if dated is None and candidate.is_time and candidate.segments is None and not candidate.says:
            dated = _order(candidate, memory)
    rows = np.arange(n_rows, dtype=np.int64)
    segments, names = _stacked(columns, arrays, rows, unit)
    memory = memory_of(columns, arrays, rows, segments)
    if memory.is_clear:
        return _order(_Candidate("", rows, is_time=False, segments=segments, unit=names), memory)
    return dated


def _order(candidate: _Candidate, memory: Memory) -> Order:
    where = f"are in order of {candidate.name}" if candidate.name else "follow one another as they stand"
    whose = f" within each {' and '.join(candidate.unit)}" if candidate.unit else ""
    evidence = f"the rows {where}{whose}{candidate.says}: {memory.sentence}"
    return Order(
        candidate.name, candidate.rows, candidate.is_time, evidence,
        memory.is_clear or memory.n_found > 0, candidate.segments, candidate.unit,
    )  # fmt: skip


def _asked(
    columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]], n_rows: int, time: str, unit: str | None
) -> _Candidate:
    """Order by the user's column; one that numbers the rows has no array and means them as they stand."""
    values = arrays.get(time)
    if values is None:
        rows = np.arange(n_rows, dtype=np.int64)
        segments, names = _stacked(columns, arrays, rows, unit)
        return _Candidate(time, rows, is_time=True, is_asked=True, segments=segments, unit=names)
    return _by(columns, arrays, time, np.asarray(values, dtype=np.float64), unit, is_asked=True)


def _candidates(
    columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]], n_rows: int, unit: str | None
) -> list[_Candidate]:
    """Return the columns that may tell the order: dates, steps, and what is named like time."""
    ranked: list[tuple[int, Column]] = []
    for column in columns:
        if column.kind != "numeric" or column.name not in arrays:
            continue
        values = arrays[column.name]
        may_be = calendar.is_date(column) or calendar.is_steady(values) or calendar.is_time_name(column.name)
        if not may_be:
            continue
        seen = values[~np.isnan(values)]
        if len(seen) < max(FEWEST_ROWS, n_rows // 2) or len(np.unique(seen)) < FEWEST_DATES:
            continue
        if calendar.is_date(column):
            ranked.append((0, column))
        elif calendar.is_steady(values):
            ranked.append((1, column))
        elif calendar.is_time_name(column.name) and calendar.may_sort(column.name):
            ranked.append((2, column))
    ranked.sort(key=lambda one: one[0])
    return [_by(columns, arrays, column.name, arrays[column.name], unit) for _, column in ranked]


def _by(
    columns: tuple[Column, ...],
    arrays: Mapping[str, NDArray[Any]],
    name: str,
    values: Floats,
    unit: str | None,
    *,
    is_asked: bool = False,
) -> _Candidate:
    """Order by a column within the unit; without one, where times repeat, within a category if any serves."""
    column = next((one for one in columns if one.name == name), None)
    is_time = is_asked or (column is not None and calendar.is_date(column)) or calendar.is_time_name(name)
    present = np.flatnonzero(~np.isnan(values)) if values.dtype.kind == "f" else np.arange(len(values))
    rows = present[np.argsort(values[present], kind="stable")].astype(np.int64)
    repeats = len(rows) - len(np.unique(values[rows]))
    if repeats * 20 <= len(rows) and unit is None:
        return _Candidate(name, rows, is_time, is_asked)
    names, codes = _units(columns, arrays, values, present, unit)
    if codes is None:
        return _Candidate(
            name, rows, is_time, is_asked, says=f" ({repeats:,} rows share theirs with another)"
        )
    rows = present[np.lexsort((values[present], codes[present]))].astype(np.int64)
    return _Candidate(name, rows, is_time, is_asked, codes[rows], names)


def _units(
    columns: tuple[Column, ...],
    arrays: Mapping[str, NDArray[Any]],
    times: Floats,
    rows: Ints,
    unit: str | None,
) -> tuple[tuple[str, ...], Ints | None]:
    """Return the category, or two, within which times hardly repeat, and its codes by row."""
    if unit is not None and unit in arrays:
        return (unit,), np.unique(arrays[unit], return_inverse=True)[1].astype(np.int64)
    names = [column.name for column in columns if column.kind == "category" and column.name in arrays]
    moments = np.unique(times[rows], return_inverse=True)[1]
    for chosen in (*((name,) for name in names), *combinations(names[:8], 2)):
        codes = np.zeros(len(times), dtype=np.int64)
        for name in chosen:
            codes = codes * (int(arrays[name].max()) + 2) + arrays[name] + 1
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        pairs = len(np.unique(codes[rows] * (moments.max() + 1) + moments))
        if pairs >= 0.99 * len(rows) and len(rows) >= FEWEST_PER_UNIT * (codes.max() + 1):
            return chosen, codes
    return (), None


def _stacked(
    columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]], rows: Ints, unit: str | None
) -> tuple[Ints | None, tuple[str, ...]]:
    """Return the units of rows that stand unit below unit: the category with a single run per level."""
    names = [unit] if unit is not None and unit in arrays else []
    names += [column.name for column in columns if column.kind == "category" and column.name in arrays]
    for name in names:
        codes = arrays[name][rows]
        runs = 1 + int(np.count_nonzero(codes[1:] != codes[:-1]))
        levels = len(np.unique(codes))
        if runs == levels and len(rows) >= FEWEST_PER_UNIT * levels:
            return np.cumsum(np.concatenate(([0], codes[1:] != codes[:-1]))).astype(np.int64), (name,)
    return None, ()
