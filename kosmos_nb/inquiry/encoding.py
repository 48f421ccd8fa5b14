"""A table as arrays: every column judged on its own, repeated rows dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Column, Encoded
from kosmos_nb.inquiry.copies import without_copies
from kosmos_nb.inquiry.reading import read_column

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 20_000
FEWEST_UNITS = 6


def encode(table: pa.Table, *, reference: str | None = None, unit: str | None = None) -> Encoded:
    """Judge every column and drop repeated rows.

    Args:
        table: As the user gave it.
        reference: Level that the others of its column are compared with.
        unit: Column that tells the subjects, whatever it holds.
    """
    described = []
    labels: dict[str, NDArray[np.int64]] = {}
    for name in table.column_names:
        column, values = read_column(name, table.column(name))
        first = place_of(reference, column)
        if values is not None and first is not None:
            column, values = _refer(column, values, first)
        described.append((column, values))
        found = labels_of(table.column(name), is_unit=name == unit)
        if found is not None:
            labels[name] = found
    columns = tuple(column for column, _ in described)
    arrays = {column.name: values for column, values in described if values is not None}
    notes = [f"{column.name}: {column.reason}" for column in columns if column.reason]
    keep = without_copies(arrays, list(columns))
    n_rows = table.num_rows
    if keep is not None:
        n_rows = len(keep)
        arrays = {name: values[keep] for name, values in arrays.items()}
        labels = {name: codes[keep] for name, codes in labels.items()}
    return Encoded(columns, arrays, labels, n_rows, tuple(notes), table.num_rows - n_rows)


def place_of(reference: str | None, column: Column) -> int | None:
    """Return which level of the column `LEVEL` or `COLUMN=LEVEL` names; None where it is none."""
    named = (at for at, level in enumerate(column.levels) if reference in (level, f"{column.name}={level}"))
    return next(named, None)


def labels_of(values: pa.ChunkedArray, *, is_unit: bool = False) -> NDArray[np.int64] | None:
    """Return codes of texts, categories or whole numbers, -1 where missing; else None.

    Args:
        values: Of a column.
        is_unit: Whether the user says that they tell subjects; else there must be 6 to n / 2 of them.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    kind = values.type
    if is_unit and pa.types.is_floating(kind) and pc.all(pc.equal(values, pc.round(values))).as_py():
        values = values.cast(pa.int64(), safe=False)  # pandas makes floats of whole numbers with gaps
        kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not (is_text or pa.types.is_integer(kind)):
        return None
    few = values.slice(0, SAMPLE)
    if not is_unit and pc.count_distinct(few).as_py() > len(few) / 2 + 1:
        return None
    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    if not is_unit and not FEWEST_UNITS <= len(encoded.dictionary) <= len(values) / 2:
        return None
    codes: NDArray[np.int64] = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
    return codes


def _refer(column: Column, codes: NDArray[Any], first: int) -> tuple[Column, NDArray[Any]]:
    """Put one level before the others."""
    order = [first, *(code for code in range(len(column.levels)) if code != first)]
    lookup = np.full(len(order) + 1, -1, dtype=np.int32)  # the last is for missing ones
    lookup[order] = np.arange(len(order))
    return replace(column, levels=tuple(column.levels[code] for code in order)), lookup[codes]
