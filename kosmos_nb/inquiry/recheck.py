"""Whether a finding holds inside the levels of another column.

A relation that turns round inside every level (Simpson's paradox) or melts away there is told
before anybody believes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import association, categories, groups, laws
from kosmos_nb.inquiry.measurement import Recheck
from kosmos_nb.inquiry.ranks import Floats, Mask, Sorted

FEWEST_ROWS = 10
Effect = tuple[float, float]  # an effect and its weight's inverse: the variance


def associations(
    x: Floats,
    y: Floats,
    x_sorted: Sorted,
    y_sorted: Sorted,
    by: NDArray[np.int32],
    levels: tuple[str, ...],
    name: str,
) -> Recheck | None:
    """Pool Spearman's correlation over the levels of `by`, weighted by precision."""
    present = ~(np.isnan(x) | np.isnan(y))

    def inside(keep: Mask) -> Effect | None:
        rows = int(keep.sum())
        if rows < FEWEST_ROWS:
            return None
        rx = x_sorted.within(keep).ranks_by_row(len(x))[keep]
        ry = y_sorted.within(keep).ranks_by_row(len(y))[keep]
        rho = association.correlation(rx, ry)
        if math.isnan(rho):
            return None
        return math.atanh(max(-0.9999, min(0.9999, rho))), association.standard_error(rho, rows) ** 2

    found = _each_level(present, by, levels, inside)
    return _pool(found, name, to_effect=math.tanh)


def differences(
    codes: NDArray[np.int32], y: Floats, y_sorted: Sorted, pair: tuple[int, int], by: NDArray[np.int32],
    levels: tuple[str, ...], name: str,
) -> Recheck | None:  # fmt: skip
    """Pool Cliff's delta of two groups over the levels of `by`, weighted by precision."""
    present = ((codes == pair[0]) | (codes == pair[1])) & ~np.isnan(y)

    def inside(keep: Mask) -> Effect | None:
        ordered = y_sorted.within(keep)
        second = codes[ordered.order] == pair[1]
        m, n = int(second.sum()), len(second)
        if n < FEWEST_ROWS or min(m, n - m) < 3:
            return None
        delta, error, _ = groups.delta_with_error(second, ordered)
        floor = (n + 1) / (3.0 * m * (n - m)) / 4
        return delta, max(error**2, floor)

    return _pool(_each_level(present, by, levels, inside), name, to_effect=float)


def several_groups(
    codes: NDArray[np.int32],
    y: Floats,
    y_sorted: Sorted,
    by: NDArray[np.int32],
    levels: tuple[str, ...],
    name: str,
) -> Recheck | None:
    """Pool epsilon² over the levels of `by`; it has no sign, so it can only melt away."""
    shares: list[tuple[str, float]] = []
    total, df, rows = 0.0, 0, 0
    for code, level in enumerate(levels):
        ordered = y_sorted.within((by == code) & (codes >= 0) & ~np.isnan(y))
        if len(ordered.order) < FEWEST_ROWS or len(ordered.starts()) < 2:
            continue
        statistic, present = groups.kruskal(codes[ordered.order], ordered)
        if present < 2:
            continue
        n = len(ordered.order)
        total, df, rows = total + statistic, df + present - 1, rows + n - 1
        shares.append((level, statistic / (n - 1)))
    if not shares:
        return None
    low, high = laws.chi2_shift_interval(total, df, 0.95)
    return Recheck(
        by=name,
        effect=max(0.0, total - df) / rows,
        ci95=(low / rows, min(1.0, high / rows)),
        per_level=tuple(shares),
        overall=_epsilon2_without_bias(codes, y, y_sorted, by),
    )


def _epsilon2_without_bias(
    codes: NDArray[np.int32], y: Floats, y_sorted: Sorted, by: NDArray[np.int32]
) -> float:
    """Return epsilon² over all levels less what chance alone gives, to compare with the pooled one."""
    ordered = y_sorted.within((by >= 0) & (codes >= 0) & ~np.isnan(y))
    statistic, groups_present = groups.kruskal(codes[ordered.order], ordered)
    return max(0.0, statistic - (groups_present - 1)) / (len(ordered.order) - 1)


def category_pairs(
    x: NDArray[np.int32], y: NDArray[np.int32], shape: tuple[int, int], by: NDArray[np.int32],
    levels: tuple[str, ...], name: str,
) -> Recheck | None:  # fmt: skip
    """Pool Cramér's V over the levels of `by`; it has no sign, so it can only melt away."""
    shares: list[tuple[str, float]] = []
    total, df, scale = 0.0, 0, 0.0
    for code, level in enumerate(levels):
        inside = by == code
        table = categories.cross_table(np.where(inside, x, -1).astype(np.int32), y, shape)
        n = int(table.sum())
        if n < FEWEST_ROWS or min(table.shape) < 2:
            continue
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
        statistic = float(np.sum((table - expected) ** 2 / expected))
        r, c = table.shape
        total, df, scale = total + statistic, df + (r - 1) * (c - 1), scale + n * (min(r, c) - 1)
        shares.append((level, categories.cramers_v(statistic, n, r, c)))
    if not shares:
        return None
    low, high = laws.chi2_shift_interval(total, df, 0.95)
    return Recheck(
        by=name,
        effect=math.sqrt(max(0.0, total - df) / scale),
        ci95=(math.sqrt(low / scale), min(1.0, math.sqrt(high / scale))),
        per_level=tuple(shares),
    )


def _each_level(
    present: Mask, by: NDArray[np.int32], levels: tuple[str, ...], inside: Callable[[Mask], Effect | None]
) -> list[tuple[str, Effect]]:
    found = [(level, inside(present & (by == code))) for code, level in enumerate(levels)]
    return [(level, effect) for level, effect in found if effect is not None]


def _pool(found: list[tuple[str, Effect]], name: str, to_effect: Callable[[float], float]) -> Recheck | None:
    if not found:
        return None
    weights = [1 / variance for _, (_, variance) in found]
    pooled = sum(weight * value for weight, (_, (value, _)) in zip(weights, found, strict=True)) / sum(
        weights
    )
    half = laws.normal_quantile(0.975) / math.sqrt(sum(weights))
    return Recheck(
        by=name,
        effect=to_effect(pooled),
        ci95=(to_effect(max(-20.0, pooled - half)), to_effect(min(20.0, pooled + half))),
        per_level=tuple((level, to_effect(value)) for level, (value, _) in found),
    )
