"""Categories whose levels are very unequal, or too many for the rows."""

from __future__ import annotations

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.screens.view import View
from kosmos_nb.inquiry.screens.words import notice

SMALLEST_PART = 0.1
FEW_ROWS = 10


def screen(view: View) -> list[Notice]:
    """Notice a smallest level below a tenth of its equal share, and levels of fewer than ten rows."""
    notices = []
    for column in view.categories:
        codes = view.arrays[column.name]
        counts = np.bincount(codes[codes >= 0], minlength=len(column.levels))
        rows = int(counts.sum())
        if rows == 0 or len(counts) < 2:
            continue
        least = int(np.argmin(counts))
        if counts[least] < SMALLEST_PART * rows / len(counts):
            sentence = (
                f"the levels of `{column.name}` are very unequal: {column.levels[least]!r} has "
                f"{counts[least]:,} of {rows:,} rows ({units.share(counts[least] / rows)})"
            )
            notices.append(notice("unbalanced", [column.name], sentence, int(counts[least])))
        typical = float(np.median(counts))
        if typical < FEW_ROWS:
            sentence = f"`{column.name}` has {len(counts)} levels of typically {typical:.0f} rows each"
            notices.append(notice("few_per_level", [column.name], sentence))
    return notices
