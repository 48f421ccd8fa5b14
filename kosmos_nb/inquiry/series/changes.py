"""Where the level of a series changes for good."""

from __future__ import annotations

import numpy as np

from kosmos_nb.inquiry.ranks import Floats, sort

FEWEST_ROWS = 40
SHORTEST = 15
# Largest Wald statistic over all splits that counts: 0.1 % for one split searched among independent
# rows is 16.4 (Andrews, Econometrica 71, 2003); the rest pays for the estimated memory.
WALD = 25.0
MOST_MEMORY = 0.5
MOST_CHANGES = 4
# A step explains this much more than a smooth curve does.
STEEPER = 1.05


def change_points(y: Floats) -> tuple[int, ...]:
    """Return the rows at which a new level begins, ascending; empty where none is beyond doubt.

    Args:
        y: In order, shape (n,), NaN where missing.

    Binary segmentation of the ranks. A split counts where a step fits better than a smooth curve
    and leaves little memory: walks and slow waves have no change points here.
    """
    present = np.flatnonzero(~np.isnan(y))
    if len(present) < FEWEST_ROWS:
        return ()
    ranks = sort(y[present]).ranks_by_row(len(present))
    found: list[int] = []
    waiting = [(0, len(ranks))]
    while waiting and len(found) < MOST_CHANGES:
        start, end = waiting.pop(0)
        split = _split(ranks[start:end])
        if split is not None:
            found.append(start + split)
            waiting += [(start, start + split), (start + split, end)]
    return tuple(sorted(int(present[row]) for row in found))


def _split(ranks: Floats) -> int | None:
    n = len(ranks)
    if n < max(FEWEST_ROWS, 2 * SHORTEST):
        return None
    centred = ranks - ranks.mean()
    total = float(centred @ centred)
    if total == 0:
        return None
    at = np.arange(SHORTEST, n - SHORTEST + 1)
    sums = np.cumsum(centred)[at - 1]
    gains = sums**2 * n / (at * (n - at))
    best = int(np.argmax(gains))
    split, gain = int(at[best]), float(gains[best])
    rest = centred.copy()
    rest[:split] -= rest[:split].mean()
    rest[split:] -= rest[split:].mean()
    square = float(rest @ rest)
    if square <= 1e-9 * total:
        return split
    memory = _memory(rest)
    by_curve = total - _left_by_curve(centred)
    long_run = square / n * ((1 + memory) / (1 - memory)) if memory < 1 else np.inf
    return split if memory < MOST_MEMORY and gain > STEEPER * by_curve and gain / long_run > WALD else None


def _left_by_curve(centred: Floats) -> float:
    """Return the squares that a cubic in time leaves; it has the three parameters of a step and one."""
    time = np.linspace(-1, 1, len(centred))
    design = np.column_stack((np.ones(len(time)), time, time**2, time**3))
    rest = centred - design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float(rest @ rest)


def _memory(rest: Floats) -> float:
    """Return the lag-1 correlation, at least 0, corrected for the two means that were fitted."""
    n = len(rest)
    r1 = float(rest[1:] @ rest[:-1]) / float(rest @ rest)
    return max(0.0, (n * r1 + 2) / max(n - 6, 1))
