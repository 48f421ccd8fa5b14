"""A table as the screens see it: a sample of rows for statistics, all rows for the last word."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.values import writer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SAMPLE_ROWS = 20_000
GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class View:
    """The usable columns of a table.

    Attributes:
        columns: Those with an array, in the table's order.
        arrays: All rows of each, shape (n_rows,).
        n_rows: Number of rows.
        rows: Row numbers of the sample, ascending; all of them up to 20,000.
    """

    columns: tuple[Column, ...]
    arrays: Mapping[str, NDArray[Any]]
    n_rows: int
    rows: Ints

    @functools.cached_property
    def numeric(self) -> tuple[Column, ...]:
        """The numeric columns."""
        return tuple(column for column in self.columns if column.kind == "numeric")

    @functools.cached_property
    def categories(self) -> tuple[Column, ...]:
        """The category columns."""
        return tuple(column for column in self.columns if column.kind == "category")

    @functools.cached_property
    def numbers(self) -> Floats:
        """The sampled rows of the numeric columns, shape (n_sampled, n_numeric)."""
        return self.stack([column.name for column in self.numeric], self.rows)

    @functools.cached_property
    def ascending(self) -> dict[str, Floats]:
        """The sampled present values of each numeric column, sorted."""
        by_column = np.sort(self.numbers, axis=0)  # missing values go last
        present = np.count_nonzero(~np.isnan(by_column), axis=0)
        return {
            column.name: np.ascontiguousarray(by_column[: present[position], position])
            for position, column in enumerate(self.numeric)
        }

    @functools.cached_property
    def distinct(self) -> dict[str, tuple[Floats, Ints]]:
        """The different values of each numeric column in the sample, ascending, and their numbers."""
        found = {}
        for name, values in self.ascending.items():
            new = np.concatenate(([True], values[1:] != values[:-1])) if len(values) else np.zeros(0, bool)
            starts = np.flatnonzero(new)
            found[name] = values[starts], np.diff(np.append(starts, len(values)))
        return found

    def say(self, name: str, value: float) -> str:
        """Write a value of a numeric column: a date or a year as such."""
        column = next(column for column in self.numeric if column.name == name)
        return writer(self.distinct[name][0], column.unit)(value)

    def stack(self, names: Sequence[str], rows: Ints) -> Floats:
        """Return columns side by side, shape (len(rows), len(names)); codes as numbers, missing NaN."""
        side = np.empty((len(rows), len(names)), order="F")
        for position, name in enumerate(names):
            side[:, position] = self.column(name, rows)
        return side

    def column(self, name: str, rows: Ints | None = None) -> Floats:
        """Return a column as numbers, codes included, missing NaN, shape (n_rows,) or as `rows`."""
        values = self.arrays[name] if rows is None else self.arrays[name][rows]
        if values.dtype.kind == "f":
            return values.astype(np.float64, copy=False)
        return np.where(values < 0, np.nan, values.astype(np.float64))


def view(columns: Sequence[Column], arrays: Mapping[str, NDArray[Any]], n_rows: int) -> View:
    """Choose the rows that statistics are taken from."""
    usable = tuple(column for column in columns if column.name in arrays and column.kind != "unusable")
    return View(usable, arrays, n_rows, spread_rows(n_rows, SAMPLE_ROWS))


def spread_rows(n_rows: int, most: int) -> Ints:
    """Return at most `most` row numbers, spread evenly over the table.

    One row is taken of each stretch, at a place that moves from stretch to stretch: exactly equal
    steps would see a single level of a design that repeats with that step.
    """
    if n_rows <= most:
        return np.arange(n_rows)
    stretch = np.arange(most)
    return np.unique(((stretch + (stretch * GOLDEN) % 1.0) * (n_rows / most)).astype(np.int64))
