"""What kind of thing each column is, and the columns as plain arrays for the tests."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.frame import write_copy

Kind = Literal["numeric", "category", "unusable"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the run's data.

    Attributes:
        kind: `numeric` (float64, missing is NaN), `category` (int32 codes, missing is -1) or
            `unusable`.
        levels: Names of the codes, in the order in which they are compared.
        caveats: Codes of design.md, section 3, that hold for every use of the column.
        reason: Why it cannot be used, or what was changed, in plain words.
        missing: Number of rows without a value.
        is_continuous: Numeric with many different values.
        unit: Unit of the values; empty where the name tells none.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    reason: str = ""
    missing: int = 0
    is_continuous: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Source:
    """Where worker processes find the run's data, and what is in it.

    The file holds one array a usable column: float64, or int32 codes for categories.
    """

    path: str
    columns: tuple[Column, ...]
    n_rows: int

    @functools.cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return self.by_name[name]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A table as arrays.

    Attributes:
        columns: All of them, in the table's order.
        arrays: Of the usable ones, shape (n_rows,): float64, or int32 codes for categories.
        labels: Codes of the texts and whole numbers of few values, usable or not, int64, -1 where
            missing: one of them may tell which rows belong to the same subject.
        dropped: Sentences on values that were dropped or changed.
        n_copies: Rows that repeated another and were dropped.
    """

    columns: tuple[Column, ...]
    arrays: dict[str, NDArray[Any]]
    labels: dict[str, NDArray[np.int64]]
    n_rows: int
    dropped: tuple[str, ...]
    n_copies: int = 0


def write_arrays(
    columns: tuple[Column, ...], arrays: Mapping[str, NDArray[Any]], n_rows: int, path: Path
) -> Source:
    """Write arrays of shape (n_rows,) to `path`."""
    import pyarrow as pa  # noqa: PLC0415 - only a run pays for it

    write_copy(pa.table({name: pa.array(values) for name, values in arrays.items()}), path)
    return Source(str(path), columns, n_rows)
