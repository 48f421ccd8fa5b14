"""What is left of a finding without the few rows that carry it.

Ranks cannot be pulled far by few rows: a fraction f of n rows without ties moves a rank correlation by
about 3 f at most. So this asks much of small tables and little of large ones; a slope in the data's units
can rest on one row in any table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from kosmos_nb.inquiry.ranks import Floats, Ints, Mask
from kosmos_nb.inquiry.stress.finding import FEWEST_IN_GROUP, FEWEST_ROWS, Finding
from kosmos_nb.inquiry.stress.outcome import Effect, RowsOut, SlopeOut

SHARE, SLOPE_SHARE = 0.02, 0.01
SHARE_OF_ODD = 0.1
FAR = 5.0
MAD_TO_SD = 1.4826


def leave_rows_out(finding: Finding) -> tuple[RowsOut, ...]:
    """Repeat a finding without its most influential rows and without its most extreme ones.

    Left out are 2 % of the rows, but no more than 2 % of the smallest group, and no more than a tenth of
    the rows that differ from a column's commonest value; one at least. A rare group or exposure is no
    outlier: to leave out what it is known by would take away every finding about it. Two categories have
    no such rows.
    """
    overall = finding.effect()
    if overall is None or finding.family == "category_association":
        return ()
    most = _most_rows(finding)
    if finding.n - most < FEWEST_ROWS or _smallest_group(finding) - most < FEWEST_IN_GROUP:
        return ()
    found: list[RowsOut] = []
    chosen = _largest(_influence(finding) * math.copysign(1.0, overall.value), most, 0.0)
    found += _repeat(finding, overall, chosen, "influence")
    numbers = [finding.y] if finding.family == "group_difference" else [finding.x, finding.y]
    for values in numbers:
        found += _repeat(finding, overall, _largest(distances(values), most, FAR), "extreme")
    return tuple(found)


def leave_extremes_out(
    effect_of: Callable[[Ints], float], rows: Ints, columns: tuple[Floats, ...]
) -> tuple[RowsOut, ...]:
    """Repeat any effect without the rows that lie farthest out in one of its numeric columns.

    Args:
        effect_of: The effect in the rows of these numbers; NaN where there is none.
        rows: All rows used. columns: Values in these rows, each of shape (len(rows),).
    """
    overall = _bare(effect_of(rows), len(rows))
    if overall is None:
        return ()
    found = []
    for values in columns:
        out = _largest(distances(values), max(1, int(SHARE * len(rows))), FAR)
        if len(out):
            left = np.delete(rows, out)
            without = _bare(effect_of(left), len(left))
            found.append(RowsOut("extreme", len(out), len(rows), overall, without))
    return tuple(found)


def slope_without(finding: Finding) -> SlopeOut | None:
    """Return the slope without the rows, at most 1 % (one at least), that change it most.

    Of two choices the one that leaves less: the rows with the largest pull towards the slope's side
    (DFBETA), and those farthest from the median in x or y. None for other families than association.

    Source: Belsley, Kuh and Welsch, Regression Diagnostics (1980), section 2.1.
    """
    if finding.family != "association" or finding.n < FEWEST_ROWS:
        return None
    x, y = finding.x.astype(np.float64), finding.y.astype(np.float64)
    everything = _line(x, y)
    if everything is None:
        return None
    slope, r = everything
    most = max(1, int(SLOPE_SHARE * finding.n))
    choices = [
        _largest(_pull(x, y, slope) * math.copysign(1.0, slope), most, 0.0),
        _largest(np.maximum(distances(x), distances(y)), most, FAR),
    ]
    left = [(out, _line(np.delete(x, out), np.delete(y, out))) for out in choices if len(out)]
    found = [(len(out), line) for out, line in left if line is not None]
    if not found:
        return None
    rows, (without, r_without) = min(found, key=lambda pair: pair[1][0] / slope)
    t, t_without = _t(r, finding.n), _t(r_without, finding.n - rows)
    return SlopeOut(rows, slope, without, r, r_without, t, t_without)


def distances(values: Floats) -> Floats:
    """Return how far each is from the median, in robust standard deviations, shape (n,).

    Where more than half of the values are equal, none is far: they have no spread to go by.
    """
    off = np.abs(values - np.median(values))
    spread = MAD_TO_SD * float(np.median(off))
    return off / spread if spread > 0 else np.zeros(len(values))


def _most_rows(finding: Finding) -> int:
    if finding.family == "group_difference":
        return max(1, int(SHARE * _smallest_group(finding)))
    odd = min(finding.x_sorted.odd_rows(), finding.y_sorted.odd_rows())
    return max(1, min(int(SHARE * finding.n), int(SHARE_OF_ODD * odd)))


def _smallest_group(finding: Finding) -> int:
    """Return the rows of the smallest group, all rows where there are no groups."""
    if finding.family != "group_difference":
        return finding.n
    sizes = np.bincount(finding.x.astype(np.int64))
    return int(sizes[sizes > 0].min())


def _influence(finding: Finding) -> Floats:
    """Return how much each row adds to the effect, up to a factor, shape (n,)."""
    rx, ry = finding.ranks(np.ones(finding.n, dtype=bool))
    b = (ry - ry.mean()) / ry.std()
    if finding.family == "association":
        a = (rx - rx.mean()) / rx.std()
        rho = float(np.mean(a * b))
        influence: Floats = a * b - rho / 2 * (a * a + b * b)
        return influence
    codes = finding.x.astype(np.int64)
    sizes = np.bincount(codes)
    centres = np.bincount(codes, weights=b) / np.maximum(sizes, 1)
    if finding.pair is None:
        off: Floats = centres[codes] * b
        return off
    first, second = finding.pair
    side = np.where(codes == second, 1.0, np.where(codes == first, -1.0, 0.0))
    towards: Floats = side * (b - centres[codes]) / sizes[codes]
    return towards


def _pull(x: Floats, y: Floats, slope: float) -> Floats:
    """Return how much the slope would fall without each row, shape (n,)."""
    dx, dy = x - x.mean(), y - y.mean()
    square = float(dx @ dx)
    lever = 1 / len(x) + dx * dx / square
    pull: Floats = dx * (dy - slope * dx) / square / np.maximum(1 - lever, 1e-12)
    return pull


def _largest(score: Floats, most: int, above: float) -> Ints:
    """Return the places of the largest scores that lie above a bound, at most so many."""
    most = min(most, len(score) - 1)
    chosen = np.argpartition(-score, most)[:most]
    largest: Ints = chosen[score[chosen] > above].astype(np.int64)
    return largest


def _repeat(
    finding: Finding, overall: Effect, out: Ints, how: Literal["influence", "extreme"]
) -> list[RowsOut]:
    if len(out) == 0:
        return []
    keep: Mask = np.ones(finding.n, dtype=bool)
    keep[out] = False
    return [RowsOut(how, len(out), finding.n, overall, finding.effect(keep))]


def _bare(value: float, n: int) -> Effect | None:
    return None if math.isnan(value) else Effect(value, (value, value), n)


def _line(x: Floats, y: Floats) -> tuple[float, float] | None:
    dx, dy = x - x.mean(), y - y.mean()
    xx, yy, xy = float(dx @ dx), float(dy @ dy), float(dx @ dy)
    scale = math.sqrt(xx) * math.sqrt(yy)
    if not (xx > 0 and scale > 0 and math.isfinite(scale)):
        return None
    return xy / xx, max(-1.0, min(1.0, xy / scale))


def _t(r: float, n: int) -> float:
    return r * math.sqrt((n - 2) / max(1 - r * r, 1e-15))
