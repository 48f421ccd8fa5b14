"""p-values by drawing: how often chance alone goes as far as the data.

Where few rows or heavy ties make the usual laws wrong, the rows are shuffled. Ten thousand draws
decide most cases; a finding that hardly any of them reaches gets ninety thousand more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.ranks import Floats, Mask

FIRST, MORE = 9_999, 90_000
ENOUGH = 10
CELLS = 4_000_000
SHUFFLED = 2_000_000
SHUFFLE_UP_TO = 500


def drawn_p(count_as_far: Callable[[int], int]) -> float:
    """Return (k + 1) / (draws + 1), k the number of draws as far out as the data.

    Args:
        count_as_far: Makes that many draws and returns how many are as far out.

    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 4.2.
    """
    as_far = count_as_far(FIRST)
    if as_far >= ENOUGH:
        return (as_far + 1) / (FIRST + 1)
    return (as_far + count_as_far(MORE) + 1) / (FIRST + MORE + 1)


def correlation_p(a: Floats, b: Floats, rng: np.random.Generator) -> float:
    """Return the two-sided p of the correlation of a and b, both of shape (n,), by shuffling."""
    b = b - b.mean()
    usual = _commonest(a)
    odd = np.flatnonzero(a != usual)
    # Only rows that differ from the commonest value move the sum; they may be few among many.
    weights = a[odd] - usual
    seen = abs(float(weights @ b[odd]))

    def count(draws: int) -> int:
        return sum(
            int(np.sum(np.abs(b[rows] @ weights) >= seen * (1 - 1e-12)))
            for rows in rows_drawn(len(b), len(odd), draws, rng)
        )

    return drawn_p(count)


def correlation_ps(a: Floats, b: Floats, wanted: Mask, rng: np.random.Generator) -> Floats:
    """Return the two-sided p of the correlation of columns of a with columns of b.

    Args:
        a, b: Standardised columns, shapes (n, k) and (n, l).
        wanted: Which pairs are asked for, shape (k, l).
        rng: The rows are shuffled in the same way for all pairs, which leaves each p as it is alone.

    Returns:
        Shape (k, l); NaN where not wanted.
    """
    seen = np.abs(a.T @ b) * (1 - 1e-12)
    as_far = _reached(a, b, seen, FIRST, rng)
    p = np.where(wanted, (as_far + 1) / (FIRST + 1), np.nan)
    for i, j in np.argwhere(wanted & (as_far < ENOUGH)):
        more = _reached(a[:, [i]], b[:, [j]], seen[[i], [j]], MORE, rng)[0, 0]
        p[i, j] = (as_far[i, j] + more + 1) / (FIRST + MORE + 1)
    return p


def _reached(a: Floats, b: Floats, seen: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return for each pair how many of the draws go as far as `seen`, shape (k, l)."""
    (n, k), columns = a.shape, b.shape[1]
    as_far = np.zeros((k, columns))
    at_once = max(1, SHUFFLED // (columns * max(n, k)))
    while draws > 0:
        rows = rng.permuted(np.tile(np.arange(n), (min(draws, at_once), 1)), axis=1)
        shuffled = b[rows.T].reshape(n, -1)
        found = np.abs(a.T @ shuffled).reshape(k, len(rows), columns)
        as_far += (found >= seen.reshape(k, 1, columns)).sum(axis=1)
        draws -= len(rows)
    return as_far


def sum_p(values: Floats, size: int, total: float, rng: np.random.Generator) -> float:
    """Return the two-sided p of the sum of `size` of the values, drawn without replacement."""
    middle = size * float(values.mean())
    seen = abs(total - middle)

    def count(draws: int) -> int:
        return sum(
            int(np.sum(np.abs(values[rows].sum(axis=1) - middle) >= seen * (1 - 1e-12)))
            for rows in rows_drawn(len(values), size, draws, rng)
        )

    return drawn_p(count)


def rows_drawn(n: int, size: int, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield ordered draws of `size` different rows out of n, in blocks of shape (k, size)."""
    while draws > 0:
        block = _block(n, size, draws, rng)
        yield block
        draws -= len(block)


def _block(n: int, size: int, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if n <= SHUFFLE_UP_TO or size * size > 4 * n:
        rows = np.tile(np.arange(n), (min(draws, max(1, CELLS // n)), 1))
        return rng.permuted(rows, axis=1)[:, :size]
    # Few out of many: draw freely and keep the draws without repetition, which are uniform.
    rows = rng.integers(0, n, (min(draws, max(1, CELLS // size)), size))
    ordered = np.sort(rows, axis=1)
    different = np.all(ordered[:, 1:] != ordered[:, :-1], axis=1)
    return rows[different]


def _commonest(values: Floats) -> float:
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])
