"""Two categories that both persist: p by sliding one along the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.ranks import Floats

ENOUGH = 10
FEWEST_ROWS = 20


def shifted_p(x: NDArray[np.int32], y: NDArray[np.int32], shape: tuple[int, int]) -> float:
    """Return the p that two categories in order are independent, when both may persist.

    Args:
        x, y: Levels in the order of the rows, shape (n,), -1 where missing.
        shape: Number of levels of x and y.

    y slides along x, around the end, by every number of rows: that keeps the runs of both and breaks
    what they have with each other. p is the share of shifts with a chi-square as large; where fewer
    than ten are, the tail of the gamma law with the mean and the variance of all shifts, unless the
    usual chi-square law says more.

    Source: Dutilleul, Biometrics 49 (1993), for the effective number of rows; Satterthwaite (1946).
    """
    n = len(x)
    if n < FEWEST_ROWS:
        return 1.0
    statistics = _of_all_shifts(x, y, shape)
    seen, others = float(statistics[0]), statistics[1:]
    as_large = int(np.sum(others >= seen * (1 - 1e-9)))
    share = (as_large + 1) / n
    mean, variance = float(others.mean()), float(others.var())
    if as_large >= ENOUGH or mean <= 0 or variance <= 0:
        return share
    df = (_used(x) - 1) * (_used(y) - 1)
    by_gamma = laws.chi2_tail(2 * mean * seen / variance, 2 * mean**2 / variance)
    return min(1.0, max(by_gamma, laws.chi2_tail(seen, max(df, 1))))


def _used(codes: NDArray[np.int32]) -> int:
    return len(np.unique(codes[codes >= 0]))


def _of_all_shifts(x: NDArray[np.int32], y: NDArray[np.int32], shape: tuple[int, int]) -> Floats:
    """Return the chi-square for y moved up by 0 to n − 1 rows, shape (n,)."""
    n = len(x)
    tables = np.empty((shape[0], shape[1], n))
    ys = [np.fft.rfft((y == level).astype(np.float64)) for level in range(shape[1])]
    for a in range(shape[0]):
        fx = np.conj(np.fft.rfft((x == a).astype(np.float64)))
        for b in range(shape[1]):
            tables[a, b] = np.round(np.fft.irfft(fx * ys[b], n))
    total = tables.sum(axis=(0, 1))
    expected = tables.sum(axis=1)[:, None, :] * tables.sum(axis=0)[None, :, :] / np.maximum(total, 1)
    terms = np.where(expected > 0, (tables - expected) ** 2 / np.where(expected > 0, expected, 1), 0.0)
    result: Floats = terms.sum(axis=(0, 1))
    return result
