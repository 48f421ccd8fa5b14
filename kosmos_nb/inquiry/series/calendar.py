"""What looks like time: columns of dates, even steps, and names."""

from __future__ import annotations

import re

import numpy as np

from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.ranks import Floats

SORTING = frozenset("year yr date datetime timestamp time t index step period epoch tick".split())
RECURRING = frozenset("day month week hour minute second quarter weekday dayofyear".split())
GLIMPSE = 200  # rows that rule out most columns


def is_date(column: Column) -> bool:
    """Whether the column held dates or times: only those are encoded as days."""
    return column.unit == "day"


def is_time_name(name: str) -> bool:
    """Whether a word of the name is one for time."""
    return not _words(name).isdisjoint(SORTING | RECURRING)


def may_sort(name: str) -> bool:
    """Whether the name is one of running time: months and hours come round again."""
    words = _words(name)
    return not words.isdisjoint(SORTING) and words.isdisjoint(RECURRING)


def is_steady(values: Floats) -> bool:
    """Whether the values rise or fall from row to row in nearly equal steps.

    Months of 28 to 31 days are nearly equal. Missing rows are allowed one in ten.
    """
    if len(values) > GLIMPSE and not is_steady(values[:GLIMPSE]):
        return False
    seen = np.flatnonzero(~np.isnan(values))
    if len(seen) < 0.9 * len(values) or len(seen) < 3:
        return False
    steps = np.diff(values[seen]) / np.diff(seen)
    middle = float(np.median(steps))
    return middle != 0 and bool(np.all(np.abs(steps - middle) <= 0.2 * abs(middle)))


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.split(r"[\W_\d]+", spaced.lower()))
