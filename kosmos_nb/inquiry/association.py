"""Two numeric columns: Spearman's rank correlation."""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.inquiry import chance, laws
from kosmos_nb.inquiry.measurement import RHO, Measurement, Untestable
from kosmos_nb.inquiry.ranks import Floats, Sorted

FEWEST_ROWS = 10
EXACT_BELOW = 100
SPARSE_BELOW = 50


def measure(
    x: Floats,
    y: Floats,
    x_sorted: Sorted,
    y_sorted: Sorted,
    *,
    unit: str,
    alpha: float,
    seed: int,
) -> Measurement | Untestable:
    """Test whether y rises or falls with x.

    Args:
        x, y: Values, shape (n_rows,), NaN where missing.
        x_sorted, y_sorted: The same, sorted.
        unit: Of the slope: that of y for one of x.
        alpha: Level for the detectable effect.
        seed: Of the permutations, which serve below 100 rows, and where nearly all rows are equal.

    Source: Bonett and Wright, Psychometrika 65 (2000), for the interval.
    """
    keep = ~(np.isnan(x) | np.isnan(y))
    n = int(keep.sum())
    if n < FEWEST_ROWS:
        return Untestable(reason=f"{n} rows have both values, fewer than {FEWEST_ROWS}", n=n)
    if n < len(x):
        x_sorted, y_sorted = x_sorted.within(keep), y_sorted.within(keep)
    odd = x_sorted.odd_rows(), y_sorted.odd_rows()
    if min(odd) == 0:
        return Untestable(
            reason="one of the two is constant in the rows that have both", caveats=("constant",), n=n
        )
    rx, ry = x_sorted.ranks_by_row(len(x))[keep], y_sorted.ranks_by_row(len(y))[keep]
    rho = correlation(rx, ry)
    is_drawn = n < EXACT_BELOW or min(odd) < SPARSE_BELOW
    caveats: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    if abs(rho) > 1 - 1e-9 and n > 10:
        caveats, notes = ("deterministic",), ("one column is a function of the other",)
    return Measurement(
        p=_drawn_p(rx, ry, odd, seed) if is_drawn else _p_by_t(rho, n),
        effect=rho,
        metric=RHO,
        ci95=interval(rho, n, 0.95),
        ci90=interval(rho, n, 0.90),
        ci_claim=interval(rho, n, 1 - alpha),
        n=n,
        is_directed=True,
        detectable=math.tanh(laws.detectable_z(alpha) / math.sqrt(max(n - 3, 1))),
        test="Spearman rank correlation" + (", by permutations" if is_drawn else ""),
        effect_raw=_slope(x[keep], y[keep]),
        unit=unit,
        caveats=caveats,
        notes=notes,
    )


def correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's correlation of two arrays of shape (n,); NaN where one is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return max(-1.0, min(1.0, float(a @ b) / scale)) if scale > 0 else math.nan


def standard_error(rho: float, n: int) -> float:
    """Return the standard error of Fisher's z of a rank correlation."""
    return math.sqrt((1 + rho * rho / 2) / max(n - 3, 1))


def interval(rho: float, n: int, level: float) -> tuple[float, float]:
    """Return the Bonett-Wright interval of a rank correlation.

    A perfect correlation is taken half a step short of one (a step: two neighbours exchanged), so
    that a few rows in perfect order do not claim certainty; its own end of the interval is ±1.
    """
    most = 1 - 6 / (n * (n * n - 1.0))
    if abs(rho) > most:
        low, high = interval(math.copysign(most, rho), n, level)
        return (low, 1.0) if rho > 0 else (-1.0, high)
    z, half = math.atanh(rho), laws.normal_quantile((1 + level) / 2) * standard_error(rho, n)
    return math.tanh(z - half), math.tanh(z + half)


def _p_by_t(rho: float, n: int) -> float:
    return laws.t_two_sided(rho * math.sqrt((n - 2) / max(1 - rho * rho, 1e-15)), n - 2)


def _drawn_p(rx: Floats, ry: Floats, odd: tuple[int, int], seed: int) -> float:
    """Return p by shuffling; the column with fewer odd rows is the cheaper one to weigh."""
    rarer, other = (rx, ry) if odd[0] <= odd[1] else (ry, rx)
    return chance.correlation_p(rarer, other, np.random.default_rng(seed))


def _slope(x: Floats, y: Floats) -> float | None:
    dx, dy = x - x.mean(), y - y.mean()
    square = float(dx @ dx)
    slope = float(dx @ dy) / square if square > 0 else math.nan
    return slope if math.isfinite(slope) else None
