"""Columns with many missing values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.screens.view import View
from kosmos_nb.inquiry.screens.words import notice

MOST_SHARE = 0.05


def screen(view: View, columns: Sequence[Column]) -> list[Notice]:
    """Notice columns, the unusable included, of which more than a twentieth is missing, but not all."""
    notices = []
    for column in columns:
        missing = _missing(view, column)
        if MOST_SHARE * view.n_rows < missing < view.n_rows:
            share = units.share(missing / view.n_rows)
            sentence = f"`{column.name}` is missing in {missing:,} of {view.n_rows:,} rows ({share})"
            notices.append(notice("missing", [column.name], sentence, missing))
    return notices


def _missing(view: View, column: Column) -> int:
    """Return the rows without a value; of a category not those of levels left out as rare."""
    values = view.arrays.get(column.name)
    if values is None or column.kind != "numeric":
        return column.missing
    return int(np.count_nonzero(np.isnan(values)))
