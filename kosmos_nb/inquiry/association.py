"""Two numeric columns: Spearman's rank correlation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

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
    p = _drawn_p(rx, ry, odd, seed) if is_drawn else _p_by_t(rho, n)
    slope, line_t = _slopes(x[keep][:, np.newaxis], y[keep][:, np.newaxis])
    return _measurement(rho, n, p, is_drawn, (_finite(slope[0, 0]), _finite(line_t[0, 0])), unit, alpha)


def measure_block(
    x: Sequence[Floats],
    y: Sequence[Floats],
    x_sorted: Iterable[Sorted],
    y_sorted: Iterable[Sorted],
    pairs: Sequence[tuple[int, int, str]],
    *,
    alpha: float,
    seed: int,
) -> list[Measurement | Untestable]:
    """Test many pairs of columns without missing values at once, by matrix products.

    Args:
        x, y: k and l columns of values, shape (n_rows,) each, none missing, none constant.
        x_sorted, y_sorted: The same, sorted; taken one by one.
        pairs: Column of x, column of y and unit of the slope of each wanted pair.
        alpha: Level for the detectable effect.
        seed: Of the permutations, which all pairs share: each is tested as if alone.

    Returns:
        What `measure` returns, in the order of `pairs`.
    """
    n = len(x[0])
    if n < FEWEST_ROWS:
        reason = f"{n} rows have both values, fewer than {FEWEST_ROWS}"
        return [Untestable(reason=reason, n=n) for _ in pairs]
    slopes, lines = _slopes(np.column_stack(x), np.column_stack(y))
    (rx, odd_x), (ry, odd_y) = (
        _standardised_ranks(x_sorted, n, len(x)),
        _standardised_ranks(y_sorted, n, len(y)),
    )
    rho = np.clip(rx.T @ ry, -1.0, 1.0)
    by_t = laws.t_two_sided_array(rho * np.sqrt((n - 2) / np.maximum(1 - rho * rho, 1e-15)), n - 2)
    drawn = None
    if n < EXACT_BELOW:
        wanted = np.zeros(rho.shape, dtype=bool)
        for i, j, _ in pairs:
            wanted[i, j] = True
        drawn = chance.correlation_ps(rx, ry, wanted, np.random.default_rng(seed))
    found: list[Measurement | Untestable] = []
    for i, j, unit in pairs:
        odd = odd_x[i], odd_y[j]
        is_drawn = drawn is not None or min(odd) < SPARSE_BELOW
        if drawn is not None:
            p = float(drawn[i, j])
        elif is_drawn:
            p = _drawn_p(rx[:, i], ry[:, j], odd, seed)
        else:
            p = float(by_t[i, j])
        line = _finite(slopes[i, j]), _finite(lines[i, j])
        found.append(_measurement(float(rho[i, j]), n, p, is_drawn, line, unit, alpha))
    return found


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


def _measurement(
    rho: float,
    n: int,
    p: float,
    is_drawn: bool,
    line: tuple[float | None, float | None],
    unit: str,
    alpha: float,
) -> Measurement:
    is_copy = abs(rho) > 1 - 1e-9 and n > 10
    return Measurement(
        p=p,
        effect=rho,
        metric=RHO,
        ci95=interval(rho, n, 0.95),
        ci90=interval(rho, n, 0.90),
        ci_claim=interval(rho, n, 1 - alpha),
        n=n,
        is_directed=True,
        detectable=math.tanh(laws.detectable_z(alpha) / math.sqrt(max(n - 3, 1))),
        test="Spearman rank correlation" + (", by permutations" if is_drawn else ""),
        effect_raw=line[0],
        unit=unit,
        caveats=("deterministic",) if is_copy else (),
        notes=("one column is a function of the other",) if is_copy else (),
        line_t=line[1],
    )


def _standardised_ranks(columns: Iterable[Sorted], n: int, k: int) -> tuple[Floats, list[int]]:
    """Return centred ranks of unit length, shape (n, k), and how many rows of each column are odd."""
    ranks = np.empty((n, k))
    odd = []
    for at, column in enumerate(columns):
        ranks[:, at] = column.ranks_by_row(n)
        odd.append(column.odd_rows())
    ranks -= ranks.mean(axis=0)
    ranks /= np.sqrt(np.einsum("ij,ij->j", ranks, ranks))
    return ranks, odd


def _slopes(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the least-squares slope of every y on every x, and its t, both of shape (k, l).

    Args:
        x, y: Values, shapes (n_rows, k) and (n_rows, l).
    """
    with np.errstate(all="ignore"):  # values near the largest float; the slope is then left out
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        xx, yy = np.einsum("ij,ij->j", x, x)[:, np.newaxis], np.einsum("ij,ij->j", y, y)
        slopes: Floats = (x.T @ y) / xx
        share = np.minimum(slopes**2 * xx / yy, 1.0)
        t: Floats = np.sign(slopes) * np.sqrt(share * (len(x) - 2) / np.maximum(1 - share, 1e-15))
    return slopes, t


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _p_by_t(rho: float, n: int) -> float:
    return laws.t_two_sided(rho * math.sqrt((n - 2) / max(1 - rho * rho, 1e-15)), n - 2)


def _drawn_p(rx: Floats, ry: Floats, odd: tuple[int, int], seed: int) -> float:
    """Return p by shuffling; the column with fewer odd rows is the cheaper one to weigh."""
    rarer, other = (rx, ry) if odd[0] <= odd[1] else (ry, rx)
    return chance.correlation_p(rarer, other, np.random.default_rng(seed))
