"""Fits and scales that a few wild values cannot move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry.ranks import Floats

# Gaussian rows hardly ever lie farther out, so on tame data these fits are least squares.
FAR = 4.0
ROUNDS = 4


def spread(values: Floats) -> float:
    """Return the standard deviation as the median deviation tells it; where that is 0, the usual one.

    Args:
        values: Shape (n,), without NaN.
    """
    if len(values) == 0:
        return 0.0
    middle = float(np.median(values))
    robust = 1.4826 * float(np.median(np.abs(values - middle)))
    return robust if robust > 0 else float(np.std(values))


def huber_weights(residuals: Floats, scale: float, far: float = FAR) -> Floats:
    """Return weights, shape (n,): 1 up to `far` scales from zero, falling as 1/|residual| beyond."""
    if scale <= 0:
        return np.ones(len(residuals))
    return np.minimum(1.0, far * scale / np.maximum(np.abs(residuals), 1e-300))


def fit(design: Floats, y: Floats) -> Floats:
    """Return Huber's coefficients of y, shape (n,), on the columns of design, shape (n, k).

    Source: Huber and Ronchetti, Robust Statistics (2009), ch. 7.
    """
    weights = huber_weights(y - np.median(y), spread(y))
    coefficients: Floats = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        weighted = design * weights[:, None]
        solved = np.linalg.lstsq(weighted.T @ design, weighted.T @ y, rcond=None)[0]
        coefficients = np.asarray(solved, dtype=np.float64)
        residuals = y - design @ coefficients
        next_weights = huber_weights(residuals, spread(residuals))
        if np.array_equal(next_weights, weights):
            break
        weights = next_weights
    return coefficients


def group_means(values: Floats, groups: NDArray[np.int64], n_groups: int) -> Floats:
    """Return the mean of every group with far values pulled in, shape (n_groups,)."""
    counts = np.maximum(np.bincount(groups, minlength=n_groups), 1)
    means = np.full(n_groups, float(np.median(values)))
    rest = values - means[groups]
    for _ in range(2):
        limit = FAR * spread(rest)
        sums = np.bincount(groups, np.clip(rest, -limit, limit), minlength=n_groups)
        means = np.add(means, sums / counts, dtype=np.float64)
        rest = values - means[groups]
    return means
