"""What is said of a table whose rows follow one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.caveats import rank_of
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.series.order import Order
from kosmos_nb.inquiry.series.whiten import Whitened, autocorrelation

NAMED = 5
CLEAR = 0.15
P_CLEAR = 1e-3


def notices(
    columns: tuple[Column, ...],
    arrays: Mapping[str, NDArray[Any]],
    order: Order | None,
    whitened: Mapping[str, Whitened],
) -> tuple[Notice, ...]:
    """Return one notice on the order and one for each thing seen in the series, all columns in it.

    Args:
        columns, arrays: As encoded. order: Of the rows; None says nothing.
        whitened: The innovations of the columns that were whitened, by name.
    """
    if order is None:
        return ()
    said = [Notice(code="order", rank=rank_of("order"), columns=_by(order), sentence=order.evidence,
                   rows=len(order.rows))]  # fmt: skip
    known = [column.name for column in columns if column.name in whitened]
    said += _autocorrelation(known, arrays, order, whitened)
    seen = {name: whitened[name] for name in known}
    within = f" within each {' and '.join(order.unit)}" if order.unit else ""
    walks = [name for name, one in seen.items() if one.is_nonstationary]
    if walks:
        what = "a random walk" if len(walks) == 1 else "random walks"
        said.append(_notice("nonstationary", walks, f"{_list(walks)} cannot be told from {what}{within}: "
                            "tests compare the changes from row to row, not the levels"))  # fmt: skip
    trends = [name for name, one in seen.items() if one.has_trend]
    if trends:
        verb = "rises or falls" if len(trends) == 1 else "rise or fall"
        said.append(_notice("trend", trends, f"{_list(trends)} {verb} over the rows{within} beyond chance "
                            "(p < 0.001): tests run without the trend"))  # fmt: skip
    seasons = {name: one.season for name, one in seen.items() if one.season is not None}
    if seasons:
        every = [(name, units.number(period, 3)) for name, period in list(seasons.items())[:NAMED]]
        named = [f"{name} every {period} rows" for name, period in every]
        said.append(_notice("seasonality", list(seasons), f"values recur{within}: "
                            f"{_list(named, len(seasons))}; tests run without what recurs"))  # fmt: skip
    changes = {name: one.changes for name, one in seen.items() if one.changes}
    if changes:
        named = [f"{name} at {_rows(order, at)}" for name, at in list(changes.items())[:NAMED]]
        said.append(_notice("change_point", list(changes),
                            f"the level changes for good{within}: {_list(named, len(changes))}"))  # fmt: skip
    return tuple(said)


def _autocorrelation(
    names: list[str], arrays: Mapping[str, NDArray[Any]], order: Order, whitened: Mapping[str, Whitened]
) -> list[Notice]:
    found: dict[str, float] = {}
    for name in names:
        r1, p = autocorrelation(arrays[name][order.rows], order.segments)
        if p < P_CLEAR / max(len(names), 1) and abs(r1) >= CLEAR:
            found[name] = r1
    if not found:
        return []
    named = [f"{name} {units.signed(r1)}" for name, r1 in list(found.items())[:NAMED]]
    left = [abs(autocorrelation(whitened[name].values, order.segments)[0]) for name in found]
    whose = f" of one {' and '.join(order.unit)}" if order.unit else ""
    return [
        _notice(
            "autocorrelation",
            list(found),
            f"neighbouring rows{whose} are alike (lag-1 rank correlation: {_list(named, len(found))}); "
            "tests run on what each row adds to the rows before, where it is "
            f"{float(np.median(left)):.2f} at the median",
        )
    ]


def _notice(code: str, columns: list[str], sentence: str) -> Notice:
    return Notice(code=code, rank=rank_of(code), columns=tuple(columns), sentence=sentence)


def _by(order: Order) -> tuple[str, ...]:
    return (order.by,) if order.by else ()


def _rows(order: Order, at: tuple[int, ...]) -> str:
    """Return row numbers of the table as given, from 1."""
    return " and ".join(f"row {int(order.rows[row]) + 1:,}" for row in at)


def _list(words: list[str], total: int | None = None) -> str:
    total = len(words) if total is None else total
    shown = words[:NAMED]
    if total > len(shown):
        return f"{', '.join(shown)} and {total - len(shown):,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
