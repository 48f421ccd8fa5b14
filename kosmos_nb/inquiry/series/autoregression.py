"""How a value hangs on those before it: autoregressions of all orders at once, and the unit root."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.ranks import Floats, Ints, Mask
from kosmos_nb.inquiry.series import robust

# A lag this many scales out weighs less: a wrong reading would otherwise hide the memory.
FAR_LAG = 5.0
MOST_ROWS, STRETCHES = 20_000, 20
# Cross-products carry this share of their diagonal more, so what is left of squares below NIL is nothing.
RIDGE, NIL = 1e-12, 1e-10

# 5 % quantiles of the Dickey-Fuller t by 1/n: constant, with trend, with squared trend.
# Source: MacKinnon, Critical Values for Cointegration Tests, Queen's working paper 1227 (2010).
UNIT_ROOT_5 = {
    1: (-2.86154, -2.8903, -4.234, -40.04),
    2: (-3.41049, -4.3904, -9.036, -45.374),
    3: (-3.83239, -5.9057, -12.49, -118.284),
}


@dataclass(frozen=True, slots=True)
class Autoregression:
    """A regression on the series' own past and some columns of time.

    Attributes:
        by_order: Coefficients of the lags for every order 0 to the chosen one.
        t_values: Of the columns of the design, at the chosen order, shape (k,).
        tau: Dickey-Fuller t at the chosen order (at least 1); minus infinity where the design leaves
            nothing that could wander.
        n: Rows used.
    """

    by_order: tuple[Floats, ...]
    t_values: Floats
    tau: float
    n: int

    @property
    def lags(self) -> Floats:
        """Coefficients of the chosen order."""
        return self.by_order[-1]


def most_lags(n: int) -> int:
    """Return the largest order tried for n values."""
    return max(0, min(int(n // 8), int(4 * (n / 100) ** 0.25) + 4, 20))


def fit(y: Floats, level: Floats, design: Floats, usable: Mask, most: int) -> Autoregression:
    """Regress y on design and its past; the order by Akaike's criterion, corrected for few rows.

    Args:
        y: Shape (n,), gaps filled. level: y without its trend, to tell far lags. design: Shape (n, k).
        usable: Rows that are observed and have `most` rows before them in their segment.
        most: Largest order.

    Source: Hurvich and Tsai, Biometrika 76 (1989), for the criterion; Said and Dickey (1984).
    """
    rows = _some(np.flatnonzero(usable))
    k, n = design.shape[1], len(rows)
    table = np.empty((n, k + most + 1), order="F")
    table[:, :k] = design[rows]
    for lag in range(1, most + 1):
        table[:, k + lag - 1] = y[rows - lag]
    table[:, -1] = y[rows]
    weights = _lag_weights(level, rows, most)
    whole = _products(table, weights)
    size = np.diag(whole)
    upper = _triangle(whole, size)
    for _ in range(2):
        coefficients = np.linalg.solve(upper[:-1, :-1], upper[:-1, -1])
        residuals = table[:, -1] - table[:, :-1] @ coefficients
        scale = robust.spread(residuals)
        far = np.flatnonzero(np.abs(residuals) > robust.FAR * scale)
        if scale <= 0 or len(far) == 0:
            break
        excess = weights[far] * (1 - robust.huber_weights(residuals[far], scale))
        upper = _triangle(whole - _products(table[far], excess), size)
    return _choose(upper, k, most, n)


def _some(rows: Ints) -> Ints:
    """Return the rows, or of very many every stretch's first: 20,000 tell the memory to within 0.01."""
    if len(rows) <= MOST_ROWS:
        return rows
    stretches = np.array_split(rows, STRETCHES)
    return np.concatenate([stretch[: MOST_ROWS // STRETCHES] for stretch in stretches])


def _lag_weights(level: Floats, rows: Ints, most: int) -> Floats:
    weights: Floats = np.ones(len(rows))
    near = robust.huber_weights(level, robust.spread(level[rows]), FAR_LAG)
    if near.min() < 1:
        for lag in range(1, most + 1):
            weights = np.minimum(weights, near[rows - lag])
    return weights


def _products(table: Floats, weights: Floats) -> Floats:
    """Return the weighted cross-products of the table's columns."""
    even = bool(np.all(weights == 1))
    products: Floats = table.T @ (table if even else table * weights[:, None])
    return products


def _triangle(gram: Floats, size: Floats) -> Floats:
    """Return the upper Cholesky factor of cross-products, kept from being singular.

    Args:
        size: Squares of the columns over all rows, shape (k,): rounding errors are in proportion to these,
            also where nearly all of it was taken off again.
    """
    ridge = np.maximum(size, 1e-300) * RIDGE
    upper: Floats = np.asarray(np.linalg.cholesky(gram + np.diag(ridge)).T, dtype=np.float64)
    return upper


def _choose(upper: Floats, k: int, most: int, n: int) -> Autoregression:
    left = np.cumsum(upper[::-1, -1] ** 2)[::-1]  # left[j]: squares left by the first j columns
    orders = np.arange(most + 1)
    spent = k + 1.0 + orders
    rounding = max(NIL * float(left[0]), 1e-300)
    is_exact = left[k] <= rounding
    fit_left = n * np.log(np.maximum(left[k : k + most + 1], rounding) / n)
    penalty = 2 * spent * n / np.maximum(n - spent - 1, 1)
    order = 0 if is_exact else int(np.argmin(fit_left + penalty))
    by_order = tuple(_solve(upper, k + j)[k:] for j in range(order + 1))
    t_values = _t_values(upper, k + order, n)[:k]
    tau = _tau(upper, k, max(order, 1), n) if most and not is_exact else -math.inf
    return Autoregression(by_order, t_values, tau, n)


def _solve(upper: Floats, size: int) -> Floats:
    return np.asarray(np.linalg.solve(upper[:size, :size], upper[:size, -1]), dtype=np.float64)


def _t_values(upper: Floats, size: int, n: int) -> Floats:
    variance = float(np.sum(upper[size:, -1] ** 2)) / max(n - size, 1)
    inverse = np.linalg.inv(upper[:size, :size])
    errors = np.sqrt(variance * np.sum(inverse**2, axis=1))
    values: Floats = np.asarray(_solve(upper, size) / np.maximum(errors, 1e-300), dtype=np.float64)
    return values


def _tau(upper: Floats, k: int, order: int, n: int) -> float:
    size = k + order
    variance = float(np.sum(upper[size:, -1] ** 2)) / max(n - size, 1)
    ones = np.zeros(size)
    ones[k:] = 1.0
    error = math.sqrt(variance) * float(np.linalg.norm(np.linalg.solve(upper[:size, :size].T, ones)))
    return float((_solve(upper, size)[k:].sum() - 1) / max(error, 1e-300))


def has_unit_root(tau: float, n: int, k: int) -> bool:
    """Whether a random walk is not excluded at 5 %, k columns of time (1 to 3) being fitted."""
    critical = sum(value / n**power for power, value in enumerate(UNIT_ROOT_5[k]))
    return bool(tau > critical)


def unit_root_p(tau: float) -> float:
    """Return the p of a random walk, where a constant and a trend are fitted; for tau below −1.

    Source: MacKinnon, Journal of Business and Economic Statistics 12 (1994), table 3.
    """
    at = max(tau, -16.0)  # where the polynomial would turn; p is 1e-22 there
    return laws.normal_tail(-(3.2512 + 1.6047 * at + 0.049588 * at * at))


def largest_root(lags: Floats) -> float:
    """Return the modulus of the slowest part of the memory; 1 is a random walk, 0 no memory.

    A part that turns round within two rows, such as an alternation, goes nowhere and is left out.
    """
    if len(lags) == 0:
        return 0.0
    roots = np.roots(np.concatenate(([1.0], -lags)))
    return float(np.max(np.abs(roots[roots.real > 0]), initial=0.0))


def with_difference(by_order: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Return the lags of the level for an autoregression of its differences."""
    one: list[Floats] = [np.zeros(0)]
    for lags in by_order:
        product = np.convolve([1.0, -1.0], np.concatenate(([1.0], -lags)))
        one.append(-product[1:])
    return tuple(one)


def innovations(z: Floats, position: Ints, by_order: tuple[Floats, ...]) -> Floats:
    """Return what each value adds to its forecast from those before it, shape (n,).

    Args:
        z: Level without trend, gaps filled. position: Number of each row in its segment, from 0.
        by_order: Lags by the number of rows that stand before; the first row of a segment has no
            forecast and becomes NaN where there is memory.
    """
    order = len(by_order) - 1
    rest = z.copy()
    for lag, weight in enumerate(by_order[-1], start=1):
        rest[lag:] -= weight * z[:-lag]
    for before in range(order):
        rows = np.flatnonzero(position == before)
        rest[rows] = z[rows] if before else np.nan
        for lag, weight in enumerate(by_order[before], start=1):
            rest[rows] -= weight * z[rows - lag]
    return rest


def fill(z: Floats, missing: Mask, gap: NDArray[np.int64], lags: Floats) -> Floats:
    """Return z with every gap filled by the forecast from the rows before it.

    Args:
        gap: How many missing rows in a row end at each, 0 where observed.
    """
    filled = z.copy()
    filled[missing] = 0.0
    for length in range(1, int(gap.max(initial=0)) + 1):
        rows = np.flatnonzero(gap == length)
        for lag, weight in enumerate(lags, start=1):
            before = rows - lag
            filled[rows] += np.where(before >= 0, weight * filled[np.maximum(before, 0)], 0.0)
    return filled
