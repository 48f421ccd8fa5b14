"""Rows that were stored more than once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.columns import Column

SAMPLE = 20_000


def without_copies(usable: dict[str, NDArray[Any]], columns: list[Column]) -> NDArray[np.int64] | None:
    """Return the rows to keep when rows are repeated far more often than chance would.

    In tables of few categories rows coincide by nature, so rows count as copies only when a
    continuous column is among them and independent columns would give less than a hundredth
    of the repetitions.
    """
    if len(usable) < 2 or not any(column.is_continuous for column in columns):
        return None
    import pandas as pd  # noqa: PLC0415 - the user's table came by pandas or Arrow; hashing rows is its work

    finest = max(
        (c for c in columns if c.is_continuous), key=lambda c: len(np.unique(usable[c.name][:SAMPLE]))
    )
    _, group, sizes = np.unique(usable[finest.name], return_inverse=True, return_counts=True)
    alike = np.flatnonzero(sizes[group] > 1)  # only rows that share the finest column can be copies
    repeated = np.zeros(len(group), dtype=bool)
    repeated[alike] = pd.DataFrame({name: values[alike] for name, values in usable.items()}).duplicated()
    copies = int(repeated.sum())
    if copies == 0:
        return None
    chance = 1.0  # that two different rows coincide in every column, were the columns independent
    for values in usable.values():
        once = values[~repeated]
        counts = np.unique(once, return_counts=True)[1].astype(np.float64)
        chance *= float(np.sum(counts * (counts - 1))) / max(len(once) * (len(once) - 1), 1)
    n = len(repeated)
    return np.flatnonzero(~repeated) if n * (n - 1) / 2 * chance < copies / 100 else None
