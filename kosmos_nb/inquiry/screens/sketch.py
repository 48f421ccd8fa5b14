"""Each column in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.core import units
from kosmos_nb.history.records import ColumnSketch
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.values import writer

MOST_LEVELS = 4


def sketch(columns: Sequence[Column], arrays: Mapping[str, NDArray[Any]]) -> tuple[ColumnSketch, ...]:
    """Describe every column: range and median, or the commonest levels, or why it is not used."""
    return tuple(
        ColumnSketch(
            name=column.name,
            kind=column.kind,
            missing=column.missing,
            summary=_summary(column, arrays.get(column.name)),
            codes=column.caveats,
        )
        for column in columns
    )


def _summary(column: Column, values: NDArray[Any] | None) -> str:
    if values is None or column.kind == "unusable":
        return column.reason
    return _range(column, values) if column.kind == "numeric" else _levels(column, values)


def _range(column: Column, values: NDArray[Any]) -> str:
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return "all values are missing"
    low, middle, high = float(present.min()), float(np.median(present)), float(present.max())
    say = writer(present, column.unit)
    if column.unit == "s" and low >= 0:
        return f"{units.seconds(low)} to {units.seconds(high)}, median {units.seconds(middle)}"
    unit = f" {column.unit}" if column.unit and column.unit != "day" else ""
    return f"{say(low)} to {say(high)}{unit}, median {say(middle)}"


def _levels(column: Column, codes: NDArray[Any]) -> str:
    counts = np.bincount(codes[codes >= 0], minlength=len(column.levels))
    if counts.sum() == 0:
        return "all values are missing"
    common = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    words = ", ".join(f"{column.levels[level]} ({counts[level]:,})" for level in common)
    more = len(column.levels) - len(common)
    return f"{words} and {more} more" if more > 0 else words
