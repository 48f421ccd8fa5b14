"""Heavy tails, and single points far out in columns without them."""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.screens.view import Floats, View
from kosmos_nb.inquiry.screens.words import notice

FEWEST = 50
MANY_ZEROS = 0.25
HEAVY = 4.5
FEWEST_FOR_OUTLIERS = 12
MOST_OUT = 0.02
CHANCE = 1e-3
GAUSS, FROM_ROWS = 0.763, 200


def screen(view: View, codes: dict[str, tuple[float, ...]]) -> list[Notice]:
    """Notice heavy tails, or else outliers.

    Args:
        view: The table.
        codes: Values that stand for missing, by column: they are neither.
    """
    notices = []
    for column in view.numeric:
        values = view.ascending[column.name]
        if column.name in codes:
            values = values[~np.isin(values, codes[column.name])]
        if len(values) < FEWEST_FOR_OUTLIERS or values[0] == values[-1]:
            continue
        moving = values[values != 0] if np.mean(values == 0) > MANY_ZEROS else values
        weight = tail_weight(moving) if column.is_continuous and len(moving) >= FEWEST else 0.0
        if weight > HEAVY + 90 / max(len(moving), 1):
            sentence = (
                f"`{column.name}` has a heavy tail: its outer twentieth lies {weight:.1f} times as far from "
                "the median as the rest of that side (3 in a bell curve)"
            )
            notices.append(notice("heavy_tails", [column.name], sentence))
        else:
            notices += _outliers(view, column.name, values, codes.get(column.name, ()))
    return notices


def tail_weight(values: Floats) -> float:
    """Return how far the tail reaches, the heavier of both; values ascending, shape (n,).

    The mean distance from the median of the values between the 95th and the 99th percentile,
    over that of those from the median to the 95th; two values at least are left out at the end, so
    that single points do not make a tail. Normal 2.9, exponential 3.9, lognormal (σ = 1) 5.2, t with 1.5
    degrees of freedom 6.0.

    Source: Hogg, Adaptive robust procedures, JASA 69 (1974), one-sided and trimmed.
    """
    median = _middle(values)
    return max(_side(values[values >= median] - median), _side((median - values[values <= median])[::-1]))


def _side(distance: Floats) -> float:
    n = len(distance)
    start, end = int(0.9 * n), min(math.ceil(0.98 * n), n - 2)
    inner = float(distance[:start].mean()) if start else 0.0
    return float(distance[start:end].mean()) / inner if inner > 0 and end > start else 0.0


def _outliers(view: View, name: str, values: Floats, codes: tuple[float, ...]) -> list[Notice]:
    """Judge the points of the whole table by limits from the sample."""
    low, high = _limits(values, view.n_rows)
    column = view.arrays[name]
    far = (column < low) | (column > high)
    if codes:
        far &= ~np.isin(column, codes)
    rows = int(np.count_nonzero(far))
    if not 0 < rows <= max(2, MOST_OUT * view.n_rows):
        return []
    out = column[far]
    farthest = out[np.argmax(np.abs(out - _middle(values)))]
    what = f"{rows:,} values of `{name}` lie" if rows > 1 else f"one value of `{name}` lies"
    middle = view.say(name, _middle(values))
    sentence = f"{what} far from the rest (the farthest is {view.say(name, farthest)}, the median {middle})"
    return [notice("outliers", [name], sentence, rows)]


def _limits(values: Floats, n_rows: int) -> tuple[float, float]:
    """Return where a column that goes on as it begins has no value in 999 tables of 1,000.

    On each side the distances from the median at 75 and 90 % of the column give the exponent k
    of a tail exp(-(d / s)^k), which is carried on to one in n_rows × 1,000. Small columns are
    given an exponential tail, k = 1: their own quantiles say too little.
    """
    middle = _middle(values)
    far = math.log(n_rows / 2 / CHANCE)
    reach = []
    for near, out in ((0.25, 0.1), (0.75, 0.9)):
        s75, s90 = abs(np.quantile(values, [near, out]) - middle)
        bend = 1.0
        if len(values) >= FROM_ROWS and s75 > 0:
            bend = math.log(s90 / s75) / math.log(math.log(5) / math.log(2)) + 2 / math.sqrt(len(values))
        reach.append(float(s90) * (far / math.log(5)) ** max(bend, GAUSS) if s90 > 0 else math.inf)
    # A side without spread says nothing of its own; nor is one side trusted to be far narrower.
    widest = max((side for side in reach if math.isfinite(side)), default=math.inf)
    below, above = (max(side, widest / 4) if math.isfinite(side) else widest * 4 for side in reach)
    return middle - below, middle + above


def _middle(values: Floats) -> float:
    return float(values[len(values) // 2] + values[(len(values) - 1) // 2]) / 2
