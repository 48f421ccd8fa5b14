"""Numeric columns that others make up: totals of parts, and columns that explain one another."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.history.records import Notice
from kosmos_nb.inquiry.screens.copies import correlations, grid
from kosmos_nb.inquiry.screens.view import Floats, View
from kosmos_nb.inquiry.screens.words import notice, quoted

FEWEST = 30
MOST_MISSING = 0.2
LARGE_VIF = 10.0
LARGE_RANK_VIF = 5.0
# Residual variance, of one, at which an exact relation is tried, and below which it is certain.
NEAR, EXACT = 1e-3, 1e-9
LEAST_PART = 1e-3
LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Relation:
    """An exact linear relation: sum(weights × columns) = constant.

    Attributes:
        names: Columns, shape (k,).
        weights: Shape (k,); all of them 1 or -1 in a sum.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float

    @property
    def is_sum(self) -> bool:
        """Whether the columns are added and subtracted as they are."""
        return all(abs(weight) == 1 for weight in self.weights)


def screen(
    view: View, spare: Collection[str], codes: dict[str, tuple[float, ...]]
) -> tuple[list[Notice], set[frozenset[str]]]:
    """Notice exact combinations, and inflated variances (VIF above 10) among what is left.

    Args:
        view: The table.
        spare: Columns that repeat another.
        codes: Values that stand for missing, by column.

    Returns:
        The notices, and the sets of columns of the exact ones.
    """
    names, values = _complete(view, spare, codes)
    if len(names) < 2:
        return [], set()
    near = correlations(values)
    relations, kept = _relations(view, names, values, near)
    notices = [_tell(relation) for relation in relations]
    exact = {frozenset(relation.names) for relation in relations}
    return notices + _inflated([names[at] for at in kept], values[:, kept], near[np.ix_(kept, kept)]), exact


def _complete(
    view: View, spare: Collection[str], codes: dict[str, tuple[float, ...]]
) -> tuple[list[str], Floats]:
    """Return columns with few gaps and their complete sampled rows; none where the rows are too few."""
    chosen = [at for at, column in enumerate(view.numeric) if column.name not in spare]
    values = view.numbers[:, chosen]
    names = [view.numeric[at].name for at in chosen]
    for at, name in enumerate(names):
        if name in codes:
            values[np.isin(values[:, at], codes[name]), at] = np.nan
    for most in (MOST_MISSING, 0.0):
        few = np.flatnonzero(np.isnan(values).mean(axis=0) <= most) if len(values) else np.arange(0)
        rows = ~np.isnan(values[:, few]).any(axis=1)
        if rows.sum() >= max(FEWEST, 2 * len(few) + 20):
            whole = values[np.ix_(rows, few)]
            size = np.abs(whole).max(axis=0)
            # Squares of larger or smaller numbers are no numbers any more.
            moving = np.flatnonzero(
                (size < LARGEST) & (np.ptp(whole, axis=0) > np.maximum(1 / LARGEST, 1e-12 * size))
            )
            return [names[few[at]] for at in moving], whole[:, moving]
    return [], np.empty((0, 0))


def _relations(
    view: View, names: list[str], values: Floats, near: Floats
) -> tuple[list[Relation], list[int]]:
    """Sweep the columns in their order; return the exact relations, and which columns are independent.

    Source: Goodnight, A tutorial on the SWEEP operator, The American Statistician 33 (1979).
    """
    swept = near.copy()
    kept: list[int] = []
    found: list[Relation] = []
    for at in range(len(names)):
        left = swept[at, at]
        if left < NEAR and kept:
            parts = [part for part in kept if abs(swept[part, at]) > LEAST_PART]
            relation = _relation(view, [names[at], *(names[part] for part in parts)], values[:, [at, *parts]])
            if relation is not None:
                found.append(relation)
                continue
            if left < EXACT:
                continue
        row = swept[at] / left
        column = swept[:, at].copy()
        swept -= np.outer(column, row)
        swept[at], swept[:, at] = row, -column / left
        swept[at, at] = 1 / left
        kept.append(at)
    return found, kept


def _relation(view: View, names: list[str], values: Floats) -> Relation | None:
    """Fit the first column on the others, take weights near ±1 as such, and check it on all rows."""
    if len(names) < 3:
        return None
    position = {column.name: at for at, column in enumerate(view.numeric)}
    centre = values.mean(axis=0)
    fitted = np.linalg.lstsq(values[:, 1:] - centre[1:], values[:, 0] - centre[0], rcond=None)[0]
    signs = np.sign(fitted)
    candidates = [signs, fitted] if np.all(np.abs(fitted - signs) < 0.05) else [fitted]
    for weights in candidates:
        whole = np.array([1.0, *(-weights)])
        total = np.zeros(view.n_rows)
        for weight, name in zip(whole, names, strict=True):
            total = total + weight * view.column(name)
        total = total[~np.isnan(total)]
        constant = float(np.median(total))
        steps = sum(abs(weight) * grid(values[:, at]) for at, weight in enumerate(whole))
        size = float(np.abs(values * whole).max())
        narrow = 0.2 * float(values[:, 0].std())
        off = np.abs(total - constant)
        # Values that stand for missing break the sum in their rows only.
        if np.mean(off <= min(0.55 * steps, narrow) + 1e-9 * size) > 0.95:
            is_zero = abs(constant) <= 0.55 * steps + 1e-9 * size
            order = list(range(len(names)))
            if weights is signs:  # a sum has no first among its columns: they come as in the table
                order.sort(key=lambda at: position[names[at]])
            return Relation(
                tuple(names[at] for at in order),
                tuple(float(whole[at]) for at in order),
                0.0 if is_zero else constant,
            )
    return None


def _tell(relation: Relation) -> Notice:
    weights = np.array(relation.weights)
    names = list(relation.names)
    if not relation.is_sum:
        sentence = f"`{names[0]}` is an exact linear combination of {quoted(names[1:])}"
        return notice("collinear", names, sentence)
    plus = [name for name, weight in zip(names, weights, strict=True) if weight > 0]
    minus = [name for name, weight in zip(names, weights, strict=True) if weight < 0]
    if not minus:
        sentence = f"{quoted(plus)} add up to {units.number(relation.constant)} in every row"
        return notice("leakage", names, sentence)
    if len(minus) == 1 and len(plus) > 1:
        plus, minus, constant = minus, plus, -relation.constant
    else:
        constant = relation.constant
    if len(plus) == 1:
        rest = "" if constant == 0 else f" {'+' if constant > 0 else '−'} {units.number(abs(constant))}"
        sentence = f"`{plus[0]}` is the sum of {quoted(minus)}{rest}"
        return notice("leakage", [*plus, *minus], sentence)
    sentence = f"{' + '.join(plus)} equals {' + '.join(minus)}"
    return notice("leakage", [*plus, *minus], f"{sentence} in every row")


def _inflated(names: list[str], values: Floats, near: Floats) -> list[Notice]:
    """Notice groups of columns whose variance inflation exceeds 10, and 5 by ranks as well.

    The factor 1 / (1 - R²) is reduced by the fit that as many columns of noise would give.
    A single far point can inflate the one by values, never the one by ranks.
    """
    n, k = values.shape
    if k < 2:
        return []
    inverse = np.linalg.inv(near)
    shrink = (n - k) / (n - 1)
    factors = np.diag(inverse) * shrink
    large = np.flatnonzero(factors > LARGE_VIF)
    if len(large) == 0:
        return []
    ranks = np.argsort(np.argsort(values, axis=0), axis=0).astype(np.float64)
    by_rank = np.diag(np.linalg.pinv(correlations(ranks))) * shrink
    large = large[by_rank[large] > LARGE_RANK_VIF]
    scale = np.sqrt(np.diag(inverse))
    tied = (np.abs(inverse / np.outer(scale, scale)) > 0.3) | (np.abs(near) > 0.9)
    notices = []
    for group in _groups(tied, large):
        members = [names[at] for at in group]
        most = max(factors[at] for at in group)
        sentence = (
            f"{quoted(members)} explain one another (variance inflation up to {most:,.0f}): "
            "what belongs to which can hardly be told"
        )
        notices.append(notice("collinear", members, sentence))
    return notices


def _groups(tied: np.ndarray, large: np.ndarray) -> list[list[int]]:
    """Return the columns that hang together, each group of two or more; a lone one joins its nearest."""
    left, groups = list(large), []
    while left:
        group = [int(left.pop(0))]
        for member in group:
            joined = [int(other) for other in left if tied[member, other]]
            group += joined
            left = [other for other in left if int(other) not in joined]
        if len(group) == 1:
            group += [int(other) for other in np.flatnonzero(tied[group[0]]) if other != group[0]]
        if len(group) > 1:
            groups.append(sorted(group))
    return groups
