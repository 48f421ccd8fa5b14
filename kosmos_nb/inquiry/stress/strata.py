"""A finding inside the levels of another category, pooled over them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import association, categories, groups, laws
from kosmos_nb.inquiry.ranks import Floats, Mask, Sorted
from kosmos_nb.inquiry.stress.finding import (
    FEWEST_IN_GROUP,
    FEWEST_ROWS,
    Finding,
    chi_square,
    without_chance,
)
from kosmos_nb.inquiry.stress.outcome import Effect

Pooled = tuple[Effect, tuple[tuple[str, float], ...]]
Level = tuple[str, float, float, int]  # name, effect, its variance, rows


def pool(finding: Finding, by: NDArray[np.int32], levels: Sequence[str]) -> Pooled | None:
    """Return the effect pooled over the levels of `by`, and the effect inside each.

    Args:
        by: Level of each row of the finding, shape (n,), -1 where missing.

    Levels with fewer than ten rows, or without variation in x or y, are left out; None where none is left.
    Effects with a sign are weighted by their precision; statistics of those without are added up.
    """
    if finding.family == "association":
        return _weighted(list(_correlations(finding, by, levels)), math.tanh)
    if finding.pair is not None:
        return _weighted(list(_deltas(finding, by, levels, finding.pair)), float)
    if finding.family == "group_difference":
        return _shares(finding, by, levels)
    return _tables(finding, by, levels)


def _correlations(finding: Finding, by: NDArray[np.int32], levels: Sequence[str]) -> Iterator[Level]:
    """Yield Fisher's z of the rank correlation inside each level; its ranks are the level's own."""
    x, y = _inside(finding.x_sorted, by, len(levels)), _inside(finding.y_sorted, by, len(levels))
    place = np.empty(finding.n)
    for level, of_x, of_y in zip(levels, x, y, strict=True):
        n = len(of_x.order)
        if n < FEWEST_ROWS:
            continue
        place[of_y.order] = of_y.midranks
        rho = association.correlation(of_x.midranks, place[of_x.order])
        if not math.isnan(rho):
            z = math.atanh(max(-0.9999, min(0.9999, rho)))
            yield level, z, association.standard_error(rho, n) ** 2, n


def _deltas(
    finding: Finding, by: NDArray[np.int32], levels: Sequence[str], pair: tuple[int, int]
) -> Iterator[Level]:
    """Yield Cliff's delta inside each level; its variance is a quarter of the null's at least."""
    for level, ordered in zip(levels, _inside(finding.y_sorted, by, len(levels)), strict=True):
        second = finding.x[ordered.order] == pair[1]
        n, m = len(second), int(second.sum())
        if n < FEWEST_ROWS or min(m, n - m) < FEWEST_IN_GROUP:
            continue
        delta, error, _ = groups.delta_with_error(second, ordered)
        yield level, delta, max(error**2, (n + 1) / (3.0 * m * (n - m)) / 4), n


def _shares(finding: Finding, by: NDArray[np.int32], levels: Sequence[str]) -> Pooled | None:
    """Pool epsilon², less what chance gives in each level."""
    found, total, df, rows = [], 0.0, 0, 0
    for level, ordered in zip(levels, _inside(finding.y_sorted, by, len(levels)), strict=True):
        n = len(ordered.order)
        if n < FEWEST_ROWS or len(ordered.starts) < 2:
            continue
        statistic, present = groups.kruskal(finding.x[ordered.order], ordered)
        if present >= 2:
            total, df, rows = total + statistic, df + present - 1, rows + n - 1
            found.append((level, max(0.0, statistic - (present - 1)) / (n - 1)))
    return (without_chance(total, df, rows + 1), tuple(found)) if found else None


def _tables(finding: Finding, by: NDArray[np.int32], levels: Sequence[str]) -> Pooled | None:
    """Pool Cramér's V, less what chance gives in each level."""
    found, total, df, scale, rows = [], 0.0, 0, 0.0, 0
    for level, table in zip(levels, _cubes(finding, by, len(levels)), strict=True):
        filled = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        n = int(filled.sum())
        if n < FEWEST_ROWS or min(filled.shape) < 2:
            continue
        (r, c), statistic = filled.shape, chi_square(filled)
        total, df, scale, rows = (
            total + statistic,
            df + (r - 1) * (c - 1),
            scale + n * (min(r, c) - 1),
            rows + n,
        )
        found.append((level, categories.cramers_v(statistic, n, r, c)))
    if not found:
        return None
    low, high = laws.chi2_shift_interval(total, df, 0.95)
    ci95 = math.sqrt(low / scale), min(1.0, math.sqrt(high / scale))
    return Effect(math.sqrt(max(0.0, total - df) / scale), ci95, rows), tuple(found)


def _inside(ordered: Sorted, by: NDArray[np.int32], levels: int) -> list[Sorted]:
    """Return the sorted rows of each level."""
    of_row = by[ordered.order].astype(np.int16)
    order = np.argsort(of_row, kind="stable")
    ends = np.searchsorted(of_row[order], np.arange(levels + 1))
    parts = (order[begin:end] for begin, end in itertools.pairwise(ends))
    return [Sorted(ordered.order[part], ordered.block[part]) for part in parts]


def _cubes(finding: Finding, by: NDArray[np.int32], levels: int) -> Floats:
    """Return the cross table of each level, shape (levels, x levels, y levels)."""
    keep: Mask = by >= 0
    shape = levels, len(finding.x_levels), len(finding.y_levels)
    cells = np.ravel_multi_index((by[keep], finding.x[keep], finding.y[keep].astype(np.int64)), shape)
    counts: Floats = np.bincount(cells, minlength=math.prod(shape)).reshape(shape).astype(np.float64)
    return counts


def _weighted(found: list[Level], to_effect: Callable[[float], float]) -> Pooled | None:
    if not found:
        return None
    weights = [1 / variance for _, _, variance, _ in found]
    pooled = sum(w * value for w, (_, value, _, _) in zip(weights, found, strict=True)) / sum(weights)
    half = laws.normal_quantile(0.975) / math.sqrt(sum(weights))
    ci95 = to_effect(max(-20.0, pooled - half)), to_effect(min(20.0, pooled + half))
    effect = Effect(to_effect(pooled), ci95, sum(rows for *_, rows in found))
    return effect, tuple((level, to_effect(value)) for level, value, _, _ in found)
