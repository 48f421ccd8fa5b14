"""What is left of a finding when one level of a category is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.ranks import Floats
from kosmos_nb.inquiry.stress.associates import Associate
from kosmos_nb.inquiry.stress.finding import FEWEST_ROWS, Finding
from kosmos_nb.inquiry.stress.outcome import Effect, LevelOut

LOOK_AGAIN = 0.7
HALF = 0.5


def leave_one_out(finding: Finding, associates: Sequence[Associate]) -> tuple[LevelOut, ...]:
    """Return the levels without which the effect turns or falls below half, worst first.

    Left out in turn: the levels of x and y where more than two are present and the effect has no sign;
    for an association the levels of each category among `associates` that does not recode x or y.
    """
    overall = finding.effect()
    if overall is None:
        return ()
    if finding.family == "association":
        found = _of_others(finding, overall, associates)
    else:
        found = _of_own(finding, overall)
    return tuple(sorted(found, key=lambda out: _left(out.without, overall)))


def _of_others(finding: Finding, overall: Effect, associates: Sequence[Associate]) -> list[LevelOut]:
    every = np.ones(finding.n, dtype=bool)
    rx, ry = finding.ranks(every)
    rx, ry = rx - rx.mean(), ry - ry.mean()
    found = []
    for associate in associates:
        codes = associate.variable.values
        if associate.recodes:
            continue
        for code in _worth_a_look(rx, ry, codes, len(associate.variable.levels), overall.value):
            level = associate.variable.levels[code]
            out = _without(finding, overall, codes, code, associate.variable.name, level, own=False)
            if out is not None:
                found.append(out)
    return found


def _of_own(finding: Finding, overall: Effect) -> list[LevelOut]:
    if finding.is_directed:
        return []
    found = []
    columns = [(finding.names[0], finding.x, finding.x_levels)]
    if finding.family == "category_association":
        columns.append((finding.names[1], finding.y, finding.y_levels))
    for name, codes, levels in columns:
        present = np.flatnonzero(np.bincount(codes.astype(np.int64), minlength=len(levels)))
        if len(present) > 2:
            outs = (_without(finding, overall, codes, int(c), name, levels[c], own=True) for c in present)
            found += [out for out in outs if out is not None]
    return found


def _worth_a_look(rx: Floats, ry: Floats, codes: NDArray[np.int32], levels: int, rho: float) -> list[int]:
    """Return the levels without which the correlation, by the ranks of all rows, is well below rho."""
    slot = np.where(codes >= 0, codes, levels).astype(np.int64)

    def left(weights: Floats) -> Floats:
        sums = np.bincount(slot, weights=weights, minlength=levels + 1)[:levels]
        rest: Floats = weights.sum() - sums
        return rest

    n = np.maximum(left(np.ones(len(rx))), 1)
    sx, sy = left(rx), left(ry)
    vx, vy, cxy = left(rx * rx) - sx**2 / n, left(ry * ry) - sy**2 / n, left(rx * ry) - sx * sy / n
    with np.errstate(divide="ignore", invalid="ignore"):
        without = cxy / np.sqrt(vx * vy)
    return [int(code) for code in np.flatnonzero(without / rho < LOOK_AGAIN)] if rho else []


def _without(
    finding: Finding, overall: Effect, codes: NDArray[np.int32], code: int, column: str, level: str, *,
    own: bool,
) -> LevelOut | None:  # fmt: skip
    inside = codes == code
    rows = int(inside.sum())
    if rows == 0 or finding.n - rows < FEWEST_ROWS:
        return None
    without = finding.effect(~inside)
    if _left(without, overall) >= HALF:
        return None
    return LevelOut(column, level, rows, rows / finding.n, own, overall, without)


def _left(without: Effect | None, overall: Effect) -> float:
    """Return the share of the effect that is left."""
    return without.value / overall.value if without is not None and overall.value else 0.0
