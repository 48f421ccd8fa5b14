"""More zeros than the values beside them announce."""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.screens.view import Floats, Ints, View
from kosmos_nb.inquiry.screens.words import notice

FEW_VALUES = 30
NEIGHBOURS = 10


def screen(view: View) -> list[Notice]:
    """Notice columns where a twentieth of the rows or more are zeros beyond what the rest leads to."""
    notices = []
    for column in view.numeric:
        values, counts = view.distinct[column.name]
        at = int(np.searchsorted(values, 0.0))
        if at == len(values) or values[at] != 0 or len(values) < 3:
            continue
        zeros, n = int(counts[at]), int(counts.sum())
        if zeros < max(10, n / 20) or zeros <= _expected(values, counts, at):
            continue
        rows = int(np.count_nonzero(view.arrays[column.name] == 0))
        beside = values[at + 1] if at + 1 < len(values) else values[at - 1]
        sentence = (
            f"`{column.name}` is 0 in {rows:,} rows, many more than the values beside it lead to "
            f"(the next is {units.number(beside)})"
        )
        notices.append(notice("zero_inflated", [column.name], sentence, rows))
    return notices


def _expected(values: Floats, counts: Ints, at: int) -> float:
    """Return how many zeros are plausible.

    Of few whole numbers from 0 up: twice what the step from 2 to 1, carried on to 0, leads to,
    with a margin for chance. Poisson and geometric columns stay below it whatever their mean.
    Else: five times the commonest of the ten values nearest to zero.
    """
    is_whole = bool(np.all(values == np.round(values)))
    if at == 0 and is_whole and len(values) <= FEW_VALUES:
        ones, twos = (int(counts[values == value].sum()) for value in (1, 2))
        upper = ones + math.sqrt(ones) + 1
        return 2 * upper * max(1.0, upper / max(twos - math.sqrt(twos), 0.5))
    nearest = np.argsort(np.abs(values), kind="stable")[1 : NEIGHBOURS + 1]
    return 5.0 * float(counts[nearest].max())
