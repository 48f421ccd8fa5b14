"""Two categories: chi-square, Fisher's exact test or permutations, with Cramér's V."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from kosmos_nb.inquiry import chance, laws
from kosmos_nb.inquiry.measurement import CRAMER_V, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats


def measure(
    x: NDArray[np.int32], y: NDArray[np.int32], *, shape: tuple[int, int], alpha: float, seed: int
) -> Measurement | Untestable:
    """Test whether two categories go together.

    Args:
        x, y: Levels of each row, shape (n_rows,), -1 where missing.
        shape: Number of levels of x and y.
        alpha: Level for the detectable effect. seed: Of the permutations.

    Source: Bergsma, Journal of the Korean Statistical Society 42 (2013), for V.
    """
    table = cross_table(x, y, shape)
    n = int(table.sum())
    if n < 5 or min(table.shape) < 2:
        return Untestable(
            reason=f"fewer than two levels of each are left in the {n:,} rows that have both", n=n
        )
    rows, columns = table.shape
    df = (rows - 1) * (columns - 1)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    statistic = float(np.sum((table - expected) ** 2 / expected))
    p, test = _p(table, expected, statistic, df, seed)
    v = cramers_v(statistic, n, rows, columns)
    few = bool(expected.min() < 5)
    is_copy = rows == columns == int(np.count_nonzero(table))
    needed = laws.detectable_shift(df, alpha)
    return Measurement(
        p=p,
        effect=v,
        metric=CRAMER_V,
        ci95=v_interval(statistic, v, n, rows, columns, 0.95),
        ci90=v_interval(statistic, v, n, rows, columns, 0.90),
        ci_claim=v_interval(statistic, v, n, rows, columns, one_sided(alpha)),
        n=n,
        is_directed=False,
        detectable=min(1.0, math.sqrt(needed / (n * (min(rows, columns) - 1)))),
        test=test,
        caveats=(("few_per_level",) if few else ()) + (("duplicate_column",) if is_copy else ()),
        notes=("each level of one is one level of the other",) if is_copy else (),
    )


def cross_table(x: NDArray[np.int32], y: NDArray[np.int32], shape: tuple[int, int]) -> Floats:
    """Count the pairs of levels; empty rows and columns are left out."""
    keep = (x >= 0) & (y >= 0)
    counts = np.bincount(x[keep].astype(np.int64) * shape[1] + y[keep], minlength=shape[0] * shape[1])
    table: Floats = counts.reshape(shape).astype(np.float64)
    filled: Floats = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    return filled


def cramers_v(statistic: float, n: int, rows: int, columns: int) -> float:
    """Return the bias-corrected Cramér's V, 0 to 1."""
    excess = max(0.0, statistic / n - (rows - 1) * (columns - 1) / (n - 1))
    r, c = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(r, c) - 1
    return min(1.0, math.sqrt(excess / smaller)) if smaller > 0 else 0.0


def v_interval(
    statistic: float, v: float, n: int, rows: int, columns: int, level: float
) -> tuple[float, float]:
    """Return the interval of V by inverting the noncentral chi-square."""
    low, high = laws.chi2_shift_interval(statistic, (rows - 1) * (columns - 1), level)
    scale = n * (min(rows, columns) - 1)
    return min(v, math.sqrt(low / scale)), max(v, min(1.0, math.sqrt(high / scale)))


def _p(table: Floats, expected: Floats, statistic: float, df: int, seed: int) -> tuple[float, str]:
    if expected.min() >= 5:
        return laws.chi2_tail(statistic, df), "chi-square"
    if table.shape == (2, 2):
        return _fisher(table), "Fisher's exact test"
    return _permuted(table, expected, statistic, seed), "chi-square, by permutations"


def _fisher(table: Floats) -> float:
    """Return Fisher's two-sided p: all 2×2 tables of these margins that are no more likely."""
    (a, b), (c, _) = table
    top, left, n = a + b, a + c, table.sum()
    possible = np.arange(max(0, top + left - n), min(top, left) + 1)
    log_p = -sum(
        special.gammaln(cell + 1)
        for cell in (possible, top - possible, left - possible, n - top - left + possible)
    )
    weights = np.exp(log_p - log_p.max())
    observed = weights[int(a - possible[0])]
    return float(min(1.0, weights[weights <= observed * (1 + 1e-9)].sum() / weights.sum()))


def _permuted(table: Floats, expected: Floats, statistic: float, seed: int) -> float:
    """Return the share of tables with these margins whose chi-square is as large."""
    from scipy.stats import random_table  # noqa: PLC0415 - 0.5 s; few tables are this thin

    margins = random_table(table.sum(axis=1).astype(int), table.sum(axis=0).astype(int))
    rng = np.random.default_rng(seed)

    def count(draws: int) -> int:
        drawn = margins.rvs(size=draws, random_state=rng)
        return int(np.sum(np.sum((drawn - expected) ** 2 / expected, axis=(1, 2)) >= statistic * (1 - 1e-12)))

    return chance.drawn_p(count)
