"""Counts: whole numbers from zero up, most of them small."""

from __future__ import annotations

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.screens.view import Floats, View
from kosmos_nb.inquiry.screens.words import notice

SMALL = 10
FEWEST_VALUES = 4


def screen(view: View) -> list[Notice]:
    """Notice count columns."""
    notices = []
    for column in view.numeric:
        values = view.ascending[column.name]
        if len(view.distinct[column.name][0]) >= FEWEST_VALUES and _counts(values):
            sentence = (
                f"`{column.name}` counts something: whole numbers from {units.number(values[0])} to "
                f"{units.number(values[-1])}, half of them at most {units.number(values[len(values) // 2])}"
            )
            notices.append(notice("count", [column.name], sentence))
    return notices


def _counts(values: Floats) -> bool:
    """Judge ascending values.

    The lowest is 0 or 1, the median at most ten, and the upper half of the range is thinly
    settled, the more so from 1 up: scales from 1 to 5 and hours of the day are not counts.
    """
    if len(values) < SMALL or values[0] not in (0, 1) or values[-1] < 3:
        return False
    if values[len(values) // 2] > SMALL or not np.all(values == np.round(values)):
        return False
    upper = np.count_nonzero(values > values[-1] / 2) / len(values)
    return bool(upper < (0.35 if values[0] == 0 else 0.1))
