"""A finding given one other column: whether it turns round, melts away, holds or grows.

A category is held fixed by pooling over its levels. A number is taken out of the ranks with its rank and
the rank's square, so that a bent dependence is taken out as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import association, groups, laws
from kosmos_nb.inquiry.ranks import Floats, Mask, sort
from kosmos_nb.inquiry.stress import strata
from kosmos_nb.inquiry.stress.associates import Associate
from kosmos_nb.inquiry.stress.finding import FEWEST_IN_GROUP, Finding, cliffs_delta, without_chance
from kosmos_nb.inquiry.stress.outcome import Adjusted, Effect

FEWEST_ROWS = 20
FIFTHS = 5
TOLD = 0.96


def adjust(
    finding: Finding, categories: Sequence[Associate], numeric: Sequence[Associate]
) -> tuple[Adjusted, ...]:
    """Return the finding given each of the columns, in their order, categories first."""
    found = [_inside_levels(finding, associate) for associate in categories]
    found += [_given_value(finding, associate) for associate in numeric]
    return tuple(adjusted for adjusted in found if adjusted is not None)


def _inside_levels(finding: Finding, by: Associate) -> Adjusted | None:
    codes: NDArray[np.int32] = by.variable.values
    pooled, overall = strata.pool(finding, codes, by.variable.levels), finding.effect(codes >= 0)
    if pooled is None or overall is None:
        return None
    effect, per_level = pooled
    return Adjusted(by.variable.name, "levels", overall, effect, per_level, by.with_x, by.with_y, by.recodes)


def _given_value(finding: Finding, by: Associate) -> Adjusted | None:
    keep = ~np.isnan(by.variable.values)
    n = int(keep.sum())
    if n < FEWEST_ROWS:
        return None
    z = by.variable.values[keep]
    if finding.family == "category_association":
        return _inside_fifths(finding, by)
    overall = finding.effect(keep)
    design = _design(z)
    if overall is None or design is None:
        return None
    rx, ry = finding.ranks(keep)
    if finding.family == "association":
        effect = _partial(rx, ry, design)
    else:
        effect = _between(finding, finding.x[keep], ry, design)
    if effect is None:
        return None
    told = effect.value * overall.value < 0 and _is_told(sort(z).ranks_by_row(n), finding, keep)
    return Adjusted(by.variable.name, "value", overall, effect, (), by.with_x, by.with_y, told_by_both=told)


def _inside_fifths(finding: Finding, by: Associate) -> Adjusted | None:
    """Hold a number fixed for two categories: pool over the fifths of its values."""
    ordered = sort(by.variable.values)
    codes = np.full(finding.n, -1, dtype=np.int32)
    first_of_run = ordered.starts[ordered.block - ordered.block[0]] if len(ordered.order) else ordered.order
    codes[ordered.order] = first_of_run * FIFTHS // max(len(ordered.order), 1)
    names = tuple(f"fifth {number} of {by.variable.name}" for number in range(1, FIFTHS + 1))
    pooled, overall = strata.pool(finding, codes, names), finding.effect(codes >= 0)
    if pooled is None or overall is None:
        return None
    return Adjusted(by.variable.name, "fifths", overall, *pooled, by.with_x, by.with_y)


def _design(z: Floats) -> Floats | None:
    """Return orthonormal columns for a constant, z's rank and its square, shape (n, 2 or 3)."""
    rank = sort(z).ranks_by_row(len(z))
    rank = rank - rank.mean()
    if not rank.any():
        return None
    rank /= float(np.sqrt(rank @ rank))
    square = rank * rank
    square -= square.mean() + rank * float(rank @ square)
    length = float(np.sqrt(square @ square))
    constant = np.full(len(z), 1 / math.sqrt(len(z)))
    columns = [constant, rank]
    if length > 1e-9 / len(z):  # of two values only, the square says nothing more
        columns.append(square / length)
    return np.column_stack(columns)


def _without(values: Floats, design: Floats) -> Floats:
    left: Floats = values - design @ (design.T @ values)
    return left


def _partial(rx: Floats, ry: Floats, design: Floats) -> Effect | None:
    """Return the rank correlation of x and y given z."""
    a, b = _without(rx, design), _without(ry, design)
    if min(float(a @ a) / float(np.var(rx)), float(b @ b) / float(np.var(ry))) < 1e-9:
        return None
    rho = association.correlation(a, b)
    taken = design.shape[1] - 1
    return Effect(rho, association.interval(rho, len(rx) - taken, 0.95), len(rx))


def _between(finding: Finding, codes: NDArray[np.int32], ry: Floats, design: Floats) -> Effect | None:
    """Return the difference between groups when y's ranks are moved to a common z.

    z's slope is that inside the groups: a slope over all rows would take a part of the groups'
    own difference with it, the more so the more the groups differ in z.
    """
    levels = np.unique(codes)
    dummies = (codes[:, np.newaxis] == levels[1:]).astype(np.float64)
    dummies_left = dummies - design @ (design.T @ dummies)
    left = np.sum(dummies_left**2, axis=0) / np.maximum(
        np.sum((dummies - dummies.mean(axis=0)) ** 2, axis=0), 1e-12
    )
    if float(left.min()) < 1e-6:
        return None
    products = dummies_left.T @ dummies_left
    weights = np.linalg.lstsq(products, dummies_left.T @ _without(ry, design), rcond=1e-12)[0]
    if finding.pair is None:
        return _share(ry, design, dummies_left, weights)
    moved = ry - design[:, 1:] @ (design[:, 1:].T @ (ry - dummies @ weights))
    second = codes == finding.pair[1]
    ordered = sort(moved)
    plain = cliffs_delta(codes[ordered.order], ordered, finding.pair)
    m = int(second.sum())
    if plain is None or min(m, len(second) - m) < FEWEST_IN_GROUP:
        return None
    delta, error, df = groups.delta_with_error(second[ordered.order], ordered)
    # The slope is uncertain, the more so the more the groups differ in z.
    error = error / math.sqrt(float(left[0]))
    return Effect(delta, groups.delta_interval(delta, error, df, min(m, len(second) - m), 0.95), len(second))


def _is_told(rz: Floats, finding: Finding, keep: Mask) -> bool:
    """Whether x and y together, both with their bend, leave hardly any of z's rank open."""
    ry = finding.ranks(keep)[1] / len(rz) - 0.5
    if finding.family == "association":
        rx = finding.ranks(keep)[0][:, np.newaxis] / len(rz) - 0.5
        of_x = np.column_stack([rx, rx * rx])
    else:
        codes = finding.x[keep]
        of_x = (codes[:, np.newaxis] == np.unique(codes)[1:]).astype(np.float64)
    both = np.column_stack([np.ones(len(rz)), of_x, ry, ry * ry, of_x[:, :1] * ry[:, np.newaxis]])
    open_ = rz - both @ np.linalg.lstsq(both, rz, rcond=1e-12)[0]
    return float(np.var(open_)) < (1 - TOLD) * float(np.var(rz))


def _share(ry: Floats, design: Floats, dummies: Floats, weights: Floats) -> Effect:
    """Return the share of the rank variance left by z that lies between several groups."""
    explained, left = dummies @ weights, _without(ry, design)
    groups_less_one, n = dummies.shape[1], len(ry)
    between, total = float(explained @ explained), float(left @ left)
    df = n - design.shape[1] - groups_less_one
    within = max(total - between, 1e-12 * total) / df
    f = between / groups_less_one / within
    if f * groups_less_one > laws.LARGE:
        return without_chance(between / within, groups_less_one, n)
    low, high = laws.f_shift_interval(f, groups_less_one, df, 0.95)
    value = max(0.0, between - groups_less_one * within) / total
    return Effect(value, (min(value, low / (low + n)), max(value, high / (high + n))), n)
