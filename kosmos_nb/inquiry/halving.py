"""Two halves of the rows: one to look at, one to confirm what was seen."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Encoded
from kosmos_nb.inquiry.series import Order

FEWEST_ROWS = 80
FEWEST_OF_A_LEVEL = 15
FEWEST_SUBJECTS = 16


def halve(
    encoded: Encoded, units: NDArray[np.int64] | None, order: Order | None, *, seed: int
) -> tuple[Encoded, Encoded] | str:
    """Return the half to look at and the half to confirm on, or why there are too few rows.

    Rows of one subject stay together; rows that follow one another are cut in the middle; others are drawn.

    Args:
        units: Subject of each row, -1 where unknown; None where every row is its own.
        order: In which rows follow one another. seed: Of the draw.
    """
    if encoded.n_rows < FEWEST_ROWS:
        return f"{encoded.n_rows:,} rows are too few to be split in halves ({FEWEST_ROWS} are needed)"
    for column in encoded.columns:
        if column.kind == "category":
            codes = encoded.arrays[column.name]
            smallest = int(np.bincount(codes[codes >= 0], minlength=len(column.levels)).min())
            if smallest < 2 * FEWEST_OF_A_LEVEL:
                return f"a level of {column.name} has {smallest} rows, too few to be split in halves"
    rng = np.random.default_rng((seed, encoded.n_rows))
    is_first = np.zeros(encoded.n_rows, dtype=bool)
    if units is not None:
        subjects = rng.permutation(int(units.max()) + 1)
        if len(subjects) < FEWEST_SUBJECTS:
            return (
                f"{len(subjects)} subjects are too few to be split in halves ({FEWEST_SUBJECTS} are needed)"
            )
        is_first = np.isin(units, subjects[: len(subjects) // 2])
    elif order is not None:
        is_first[order.rows[: len(order.rows) // 2]] = True
    else:
        is_first[rng.permutation(encoded.n_rows)[: encoded.n_rows // 2]] = True
    return _part(encoded, is_first), _part(encoded, ~is_first)


def _part(encoded: Encoded, keep: NDArray[np.bool_]) -> Encoded:
    return dataclasses.replace(
        encoded,
        arrays={name: values[keep] for name, values in encoded.arrays.items()},
        labels={name: codes[keep] for name, codes in encoded.labels.items()},
        n_rows=int(keep.sum()),
    )
