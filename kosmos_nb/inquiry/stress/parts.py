"""Which columns are arithmetic of others: y given a part of y says nothing about y."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kosmos_nb.inquiry.ranks import Floats
from kosmos_nb.inquiry.stress.finding import Finding
from kosmos_nb.inquiry.variables import Variable

ROWS = 64
FIRST_LOOK = 4
FEWEST_ROWS = 16
TOLERANCE = 1e-6
MOST_TERMS = 20


def computed_from(finding: Finding, asked: Sequence[Variable], others: Sequence[Variable]) -> frozenset[str]:
    """Return which of the numeric columns `asked` x or y is computed from, or are computed from them.

    Seen are sums, differences, products and quotients of two columns out of x, y and `others`, and sums
    of up to twenty of those asked with any factors; on 64 rows evenly spaced. Results that were rounded
    more coarsely than to a millionth of their spread are not seen.
    """
    small = finding.part(ROWS)
    sides = ((small.x, small.x_levels), (small.y, small.y_levels))
    own = [values.astype(np.float64) for values, levels in sides if not levels]
    if not asked or not own or small.n < FEWEST_ROWS:
        return frozenset()
    with np.errstate(all="ignore"):  # what overflows is no part of anything
        return frozenset(_found(small, own, asked, [other for other in others if other.is_numeric]))


def _found(
    small: Finding, own: list[Floats], asked: Sequence[Variable], numeric: Sequence[Variable]
) -> set[str]:
    everything = np.column_stack([*(other.values[small.rows] for other in numeric), *own])
    names: set[str] = set()
    for column in own:
        for part in asked:
            if _is_pair(column, part.values[small.rows], everything):
                names.add(part.name)
        names.update(_terms(column, asked, small))
    return names


def _is_pair(column: Floats, part: Floats, everything: Floats) -> bool:
    """Whether column and part, by one operation, give one of the columns of `everything`."""
    results = (column - part, part - column, column + part, column * part, column / part, part / column)
    return any(_equals_one(result, everything) for result in results)


def _equals_one(result: Floats, everything: Floats) -> bool:
    is_known = np.isfinite(result)
    spread = float(result[is_known].std()) if is_known.sum() >= FEWEST_ROWS else 0.0
    if not 0 < spread < np.inf:
        return False
    first = np.flatnonzero(is_known)[:FIRST_LOOK]
    is_off = np.abs(everything[first] - result[first, np.newaxis]) > TOLERANCE * spread
    likely = everything[:, ~is_off.any(axis=0)]
    is_off = np.abs(likely - result[:, np.newaxis]) > TOLERANCE * spread
    enough = (is_known[:, np.newaxis] & ~np.isnan(likely)).sum(axis=0) >= FEWEST_ROWS
    return bool(np.any(enough & ~is_off.any(axis=0)))


def _terms(column: Floats, asked: Sequence[Variable], small: Finding) -> set[str]:
    """Return the columns that add up to `column`, among the first twenty asked."""
    complete = [v for v in asked if not np.isnan(v.values[small.rows]).any()][:MOST_TERMS]
    if len(complete) < 2 or small.n < 2 * len(complete):
        return set()
    terms = np.column_stack([variable.values[small.rows] for variable in complete])
    terms = terms - terms.mean(axis=0)
    length = np.sqrt(np.sum(terms**2, axis=0))
    usable = (length > 0) & (length < np.inf)
    terms = np.where(usable, terms / np.where(usable, length, 1.0), 0.0)
    target = column - column.mean()
    size = float(np.sqrt(target @ target))
    if not 0 < size < np.inf:
        return set()
    weights, *_ = np.linalg.lstsq(terms, target, rcond=1e-10)
    left = target - terms @ weights
    if not float(np.sqrt(left @ left)) < TOLERANCE * size:
        return set()
    return {v.name for v, weight in zip(complete, weights, strict=True) if abs(weight) > 1e-3 * size}
