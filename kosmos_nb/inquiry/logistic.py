"""Logistic regression: what a set of columns says of an outcome of two levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.ranks import Floats

STEPS = 60
FIRTH_BELOW = 50
CERTAIN = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class LogitFit:
    """A fitted logistic regression.

    Attributes:
        coefficients: Shape (k,).
        log_likelihood: With Firth's penalty when `is_firth`.
        is_separated: Whether some rows are certain, so that plain coefficients grow without end.
    """

    coefficients: Floats
    log_likelihood: float
    is_separated: bool
    is_firth: bool


def fit(design: Floats, y: Floats, *, free: int | None = None, is_firth: bool = False) -> LogitFit:
    """Fit the log odds of y to the first `free` columns of the design, all by default.

    Args:
        design: Of full rank, ones included, shape (n, k). y: 0 or 1, shape (n,).
        free: The others keep the coefficient zero, but stay in Firth's penalty.
        is_firth: Penalise by the information of the whole design; finite under separation.

    Sources: Firth, Biometrika 80 (1993); Heinze and Schemper, Statistics in Medicine 21 (2002).
    """
    k = design.shape[1] if free is None else free
    own = design[:, :k]
    beta = np.zeros(k)
    value = _log_likelihood(design, own @ beta, y, is_firth)
    for _ in range(STEPS):
        share = special.expit(own @ beta)
        weights = np.maximum(share * (1 - share), 1e-12)
        rest = y - share
        if is_firth:
            rest = rest + _leverage(design, weights) * (0.5 - share)
        step = np.linalg.lstsq((own * weights[:, np.newaxis]).T @ own, own.T @ rest, rcond=None)[0]
        step *= min(1.0, 5.0 / max(float(np.max(np.abs(own @ step), initial=0.0)), 1e-12))
        beta, value, gain = _climb(design, own, y, beta, step, value, is_firth)
        if gain < 1e-10:
            break
    share = special.expit(own @ beta)
    certain = (share < CERTAIN) | (share > 1 - CERTAIN)
    return LogitFit(beta, value, bool(certain.any()), is_firth)


def added_p(y: Floats, columns: Floats, base: Floats) -> tuple[float, bool]:
    """Return the likelihood-ratio p of the columns beyond the base, and whether it is Firth's.

    Args:
        y: 0 or 1, shape (n,).
        columns: Orthonormal and outside the base, shape (n, q).
        base: Orthonormal, ones included, shape (n, k).
    """
    scale = np.sqrt(len(y))
    design, k = scale * np.hstack([base, columns]), base.shape[1]
    is_firth = len(y) < FIRTH_BELOW
    if not is_firth:
        full, null = fit(design, y), fit(design[:, :k], y)
        is_firth = full.is_separated or null.is_separated
    if is_firth:
        full, null = fit(design, y, is_firth=True), fit(design, y, free=k, is_firth=True)
    ratio = max(0.0, 2 * (full.log_likelihood - null.log_likelihood))
    return laws.chi2_tail(ratio, columns.shape[1]), is_firth


def _climb(
    design: Floats, own: Floats, y: Floats, beta: Floats, step: Floats, value: float, is_firth: bool
) -> tuple[Floats, float, float]:
    """Go along the step, halved until the likelihood does not fall; also return the gain."""
    for _ in range(30):
        tried = _log_likelihood(design, own @ (beta + step), y, is_firth)
        if tried >= value:
            return beta + step, tried, tried - value
        step = step / 2
    return beta, value, 0.0


def _log_likelihood(design: Floats, eta: Floats, y: Floats, is_firth: bool) -> float:
    value = float(y @ eta - np.sum(np.logaddexp(0.0, eta)))
    if not is_firth:
        return value
    share = special.expit(eta)
    information = (design * np.maximum(share * (1 - share), 1e-12)[:, np.newaxis]).T @ design
    return value + 0.5 * float(np.linalg.slogdet(information)[1])


def _leverage(design: Floats, weights: Floats) -> Floats:
    root = np.sqrt(weights)[:, np.newaxis] * design
    return np.asarray(np.sum(np.linalg.qr(root)[0] ** 2, axis=1), dtype=np.float64)
