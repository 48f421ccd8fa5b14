"""Rows that belong to the same subject: what varies between subjects, and what within.

Rows of one subject resemble each other, so they must not count as so many independent ones. Whatever hardly
varies within a subject is tested on one row a subject; what varies there is tested on contrasts within the
subjects, from which all that the subjects have in common is gone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.ranks import Floats, Ints

Arrays = Mapping[str, NDArray[Any]]

# From this share of the variance between subjects on, a number counts as a property of the subject.
MOSTLY_BETWEEN = 0.8
# A category counts as one when it is the same in all rows of this share of the subjects.
MOSTLY_SAME = 0.95


def between_subjects(columns: tuple[Column, ...], arrays: Arrays, units: Ints) -> frozenset[str]:
    """Return the names of the columns that hardly vary within a subject.

    Args:
        arrays: Of the usable columns, shape (n_rows,).
        units: Number of the subject of each row, -1 where unknown, shape (n_rows,).
    """
    return frozenset(
        column.name
        for column in columns
        if column.name in arrays and _is_property(column, arrays[column.name], units)
    )


def by_subject(columns: tuple[Column, ...], arrays: Arrays, units: Ints) -> dict[str, NDArray[Any]]:
    """Return one row a subject: means of numbers; levels of categories, -1 where they differ."""
    return {
        column.name: (_means if column.kind == "numeric" else _common_levels)(arrays[column.name], units)
        for column in columns
        if column.name in arrays
    }


def contrasts(columns: tuple[Column, ...], arrays: Arrays, units: Ints) -> dict[str, Floats]:
    """Return the numeric columns as contrasts within the subjects: one row less a subject.

    Each row becomes its difference from the mean of the subject's rows before it, scaled so that independent
    rows give independent contrasts of the same variance (Helmert).
    """
    order = np.argsort(units, kind="stable")
    order = order[units[order] >= 0]
    sorted_units = units[order]
    is_first = np.concatenate(([True], sorted_units[1:] != sorted_units[:-1]))
    return {
        column.name: _helmert(arrays[column.name][order], is_first)[~is_first]
        for column in columns
        if column.kind == "numeric" and column.name in arrays
    }


def within(columns: tuple[Column, ...], arrays: Arrays, units: Ints) -> dict[str, NDArray[Any]]:
    """Return the rows with numbers less the subject's mean; categories stay as they are."""
    known = units >= 0
    centred: dict[str, NDArray[Any]] = {}
    for column in columns:
        if column.name in arrays:
            values = arrays[column.name][known]
            if column.kind == "numeric":
                values = values - _means(arrays[column.name], units)[units[known]]
            centred[column.name] = values
    return centred


def without_varying(columns: tuple[Column, ...], fixed: frozenset[str]) -> tuple[Column, ...]:
    """Return the columns for one row a subject: a category that varies there is of no use."""
    reason = "it varies within the subjects, while the other does not"
    return tuple(
        dataclasses.replace(column, kind="unusable", reason=reason)
        if column.kind == "category" and column.name not in fixed
        else column
        for column in columns
    )


def without_categories(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns for contrasts: of levels there are none."""
    return tuple(
        dataclasses.replace(column, kind="unusable", reason="levels have no contrasts within subjects")
        if column.kind == "category"
        else column
        for column in columns
    )


def _is_property(column: Column, values: NDArray[Any], units: Ints) -> bool:
    if column.kind == "numeric":
        return _between_share(values, units) >= MOSTLY_BETWEEN
    known = (units >= 0) & (values >= 0)
    pairs = np.unique(np.stack([units[known], values[known]]), axis=1)
    subjects, levels = np.unique(pairs[0], return_counts=True)
    return bool(len(subjects)) and float(np.mean(levels == 1)) >= MOSTLY_SAME


def _between_share(values: Floats, units: Ints) -> float:
    """Return the intraclass correlation: the share of the variance that lies between subjects.

    Source: Donner, International Statistical Review 54 (1986), for unequal numbers of rows.
    """
    known = (units >= 0) & ~np.isnan(values)
    groups, codes, sizes = np.unique(units[known], return_inverse=True, return_counts=True)
    n, k = int(known.sum()), len(groups)
    if k < 2 or n <= k:
        return 1.0
    ranks = np.argsort(np.argsort(values[known], kind="stable"), kind="stable").astype(np.float64)
    means = np.bincount(codes, weights=ranks) / sizes
    within_square = float(np.sum((ranks - means[codes]) ** 2)) / (n - k)
    between_square = float(np.sum(sizes * (means - ranks.mean()) ** 2)) / (k - 1)
    size = (n - float(np.sum(sizes.astype(np.float64) ** 2)) / n) / (k - 1)
    whole = between_square + (size - 1) * within_square
    return (between_square - within_square) / whole if whole > 0 else 1.0


def _means(values: Floats, units: Ints) -> Floats:
    known = (units >= 0) & ~np.isnan(values)
    n_units = int(units.max()) + 1
    sizes = np.bincount(units[known], minlength=n_units)
    sums = np.bincount(units[known], weights=values[known], minlength=n_units)
    with np.errstate(invalid="ignore"):
        means: Floats = sums / sizes
    return means


def _common_levels(codes: NDArray[Any], units: Ints) -> NDArray[np.int32]:
    n_units = int(units.max()) + 1
    known = (units >= 0) & (codes >= 0)
    low, high = np.full(n_units, np.iinfo(np.int32).max), np.full(n_units, -1)
    np.minimum.at(low, units[known], codes[known])
    np.maximum.at(high, units[known], codes[known])
    return np.where(low == high, high, -1).astype(np.int32)


def _helmert(values: Floats, is_first: NDArray[np.bool_]) -> Floats:
    """Return each value less the mean of those before it in its subject, scaled; the first are NaN."""
    present = ~np.isnan(values)
    starts = np.flatnonzero(is_first)
    unit = np.cumsum(is_first) - 1
    filled = np.where(present, values - np.nanmedian(values), 0.0)
    sums, counts = np.cumsum(filled), np.cumsum(present)
    before_sum = sums - filled - (sums[starts] - filled[starts])[unit]
    before = counts - present - (counts[starts] - present[starts])[unit]
    with np.errstate(invalid="ignore", divide="ignore"):
        differences = (filled - before_sum / before) * np.sqrt(before / (before + 1.0))
    contrasts: Floats = np.where(present & (before > 0), differences, np.nan)
    return contrasts
