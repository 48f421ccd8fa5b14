"""The form of a relation: bent, fanned out, or of groups unlike in spread or size."""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.inquiry import association
from kosmos_nb.inquiry.ranks import Floats, Sorted, sort
from kosmos_nb.inquiry.stress.finding import Finding
from kosmos_nb.inquiry.stress.outcome import Shape

FEWEST_ROWS = 30
FEWEST_IN_GROUP = 10
CLEAR = 2.5
MAD_ERROR = 1.17  # of log MAD, times 1/√n: a normal law's MAD has 37 % of the efficiency of its deviation


def look(finding: Finding) -> Shape | None:
    """Return the shape of an association or a group difference; None for two categories."""
    if finding.family == "association":
        return _of_curve(finding) if finding.n >= FEWEST_ROWS else None
    return _of_groups(finding) if finding.family == "group_difference" else None


def _of_curve(finding: Finding) -> Shape | None:
    rx, ry = finding.ranks(np.ones(finding.n, dtype=bool))
    rx, ry = rx - rx.mean(), ry - ry.mean()
    slope = association.correlation(rx, ry)
    if math.isnan(slope):
        return None
    square = rx * rx - float(np.mean(rx * rx))
    square -= rx * float(rx @ square) / float(rx @ rx)
    left = ry - rx * float(rx @ ry) / float(rx @ rx)
    bend = 0.0
    if float(square @ square) > 1e-9 * float(rx @ rx) ** 2 / finding.n:
        bend = association.correlation(square, ry)
        left -= square * float(square @ left) / float(square @ square)
    return Shape(
        slope=slope,
        bend=bend,
        bend_is_clear=abs(bend) * math.sqrt(finding.n) > CLEAR,
        spread=_spread(finding.x_sorted, left),
    )


def _spread(x_sorted: Sorted, left: Floats) -> float | None:
    if x_sorted.odd_rows() < FEWEST_ROWS:  # the curve then goes through the few, and leaves them no spread
        return None
    distance = sort(np.abs(left).round(9).astype(np.float64)).ranks_by_row(len(left))
    spread = association.correlation(x_sorted.ranks_by_row(len(left)), distance)
    if math.isnan(spread):
        return None
    return spread if abs(spread) * math.sqrt(len(left)) > CLEAR else None


def _of_groups(finding: Finding) -> Shape:
    codes = finding.x.astype(np.int64)
    sizes = np.bincount(codes, minlength=len(finding.x_levels))
    present = sizes[sizes > 0]
    spreads = {}
    for code in np.flatnonzero(sizes >= FEWEST_IN_GROUP):
        values = finding.y[codes == code]
        mad = float(np.median(np.abs(values - np.median(values))))
        if mad > 0:
            spreads[int(code)] = mad
    shape = Shape(largest=int(present.max()), smallest=int(present.min()))
    if len(spreads) < 2:
        return shape
    widest, narrowest = max(spreads, key=spreads.__getitem__), min(spreads, key=spreads.__getitem__)
    ratio = spreads[widest] / spreads[narrowest]
    error = MAD_ERROR * math.sqrt(1 / sizes[widest] + 1 / sizes[narrowest])
    if math.log(ratio) <= CLEAR * error:
        return shape
    return Shape(
        spread_ratio=ratio,
        widest=finding.x_levels[widest],
        narrowest=finding.x_levels[narrowest],
        largest=shape.largest,
        smallest=shape.smallest,
    )
