"""How the values of a column are written: dates as dates, calendar years as such, others as numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.inquiry.ranks import Floats

FIRST_YEAR, LAST_YEAR = 1500, 2200
FEW_DAYS = 3.0  # of columns that span less, the time of the day is told as well
LAST_DAY = 2.9e6  # since 1970; no calendar has later ones


def writer(values: Floats, unit: str, digits: int = 5) -> Callable[[float], str]:
    """Return what writes a value of a column: `2024-01-31`, `2007`, `4,050`.

    Args:
        values: Of the column, NaN where missing; any part of it that holds both ends.
        unit: Of the column; dates are days since 1970, and no other column is in days.
        digits: That count in other numbers.
    """
    present = values[~np.isnan(values)]
    if len(present) and unit == "day" and float(np.abs(present).max()) < LAST_DAY:
        return _minute if float(np.ptp(present)) < FEW_DAYS and np.any(present % 1) else _day
    if not unit and _are_years(present):
        return functools.partial(_year, digits=digits)
    return functools.partial(units.number, digits=digits)


def _year(value: float, *, digits: int) -> str:
    return f"{value:.{digits}g}"


def difference(later: str, earlier: str) -> str:
    """Return what is compared with what: `male − female`; levels that are numbers in quotes, `'1' − '0'`."""
    return f"{_quoted(later)} − {_quoted(earlier)}"


def _quoted(level: str) -> str:
    return repr(level) if level[:1].isdigit() or level[:1] in "-+." else level


def _are_years(present: Floats) -> bool:
    """Whether all values are whole and lie where calendar years do."""
    if len(present) == 0 or present.min() < FIRST_YEAR or present.max() > LAST_YEAR:
        return False
    return bool(np.all(present == np.round(present)))


def _day(days: float) -> str:
    return str(np.datetime64(int(np.floor(days)), "D"))


def _minute(days: float) -> str:
    return str(np.datetime64(int(np.floor(days * 1440 + 0.5)), "m")).replace("T", " ")
