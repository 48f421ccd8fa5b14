"""Chatterjee's xi: how far one column depends on another, in whatever shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import chance, laws
from kosmos_nb.inquiry.ranks import Floats, Ints

MOST_ROWS = 5_000
DRAWN_BELOW = 50


def sampled(n: int) -> Ints:
    """Return at most 5,000 evenly spaced row numbers out of n."""
    return np.arange(n) if n <= MOST_ROWS else np.linspace(0, n - 1, MOST_ROWS).astype(np.int64)


def order_of(x: Floats, rng: np.random.Generator) -> Ints:
    """Return the rows in ascending order of x, shape (n,); equal values in random order."""
    return np.lexsort((rng.random(len(x)), x)).astype(np.int64)


def upper_ranks(y: Floats) -> Ints:
    """Return for each row how many rows are at most as large, shape (n,)."""
    return np.searchsorted(np.sort(y), y, side="right").astype(np.int64)


def denominator(y: Floats) -> float:
    """Return the sum over rows of l(n − l), l the number of rows that are at least as large."""
    at_least = len(y) - np.searchsorted(np.sort(y), y, side="left")
    return float(np.sum(at_least * (len(y) - at_least)))


def xi(order: Ints, ranks: Ints, scale: float) -> float:
    """Return xi of y on x: 0 when independent, 1 when y is a function of x.

    Args:
        order: Rows by x, from `order_of`. ranks, scale: Of y: `upper_ranks`, `denominator`.

    Source: Chatterjee, JASA 116 (2021).
    """
    return 1 - len(ranks) * float(np.abs(np.diff(ranks[order])).sum()) / (2 * scale)


def standard_error(y: Floats) -> float:
    """Return the standard error of xi under independence, with ties in y allowed for."""
    n = len(y)
    r = np.sort(upper_ranks(y)).astype(np.float64)
    at = np.arange(1, n + 1)
    before = np.cumsum(r)
    a = float(np.sum((2 * n - 2 * at + 1) * r**2)) / n**4
    b = float(np.sum((before + (n - at) * r) ** 2)) / n**5
    c = float(np.sum((2 * n - 2 * at + 1) * r)) / n**3
    d = denominator(y) / n**3
    return math.sqrt(max(a - 2 * b + c * c, 0.0)) / d / math.sqrt(n)


def xi_p(x: Floats, y: Floats, rng: np.random.Generator) -> float:
    """Return the one-sided p of xi of y on x, both complete and not constant, shape (n,)."""
    rows = sampled(len(x))
    x, y = x[rows], y[rows]
    order, ranks, scale = order_of(x, rng), upper_ranks(y), denominator(y)
    if scale == 0:  # the sampled rows of a rare value may all be equal
        return 1.0
    if len(y) >= DRAWN_BELOW:
        return laws.normal_tail(xi(order, ranks, scale) / standard_error(y))
    steps = float(np.abs(np.diff(ranks[order])).sum())

    def count(draws: int) -> int:
        return sum(
            int(np.sum(np.abs(np.diff(ranks[drawn], axis=1)).sum(axis=1) <= steps))
            for drawn in chance.rows_drawn(len(y), len(y), draws, rng)
        )

    return chance.drawn_p(count)


def xi_block(orders: Ints, ranks: Ints, scales: Floats) -> Floats:
    """Return xi of every y on every x, shape (k1, k2).

    Args:
        orders: Of the x, shape (n, k1). ranks: Of the y, shape (n, k2). scales: Shape (k2,).
    """
    n = len(ranks)
    # Half the bytes, twice the speed; differences of ranks up to 32,767 fit.
    small: NDArray[Any] = np.ascontiguousarray(ranks, dtype=np.int16 if n < 2**15 else np.int32)
    steps = np.empty((orders.shape[1], ranks.shape[1]))
    for at in range(orders.shape[1]):
        in_order = small[orders[:, at]]
        gaps = in_order[1:] - in_order[:-1]
        steps[at] = np.abs(gaps, out=gaps).sum(axis=0, dtype=np.int64)
    return 1 - n * steps / (2 * scales)
