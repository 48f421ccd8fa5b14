"""Tails, quantiles and intervals of the laws that the tests use.

Only `scipy.special` is imported: a worker process is ready half a second earlier than with
`scipy.stats`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

LARGE = 5_000.0


@functools.lru_cache(maxsize=256)
def normal_quantile(share: float) -> float:
    """Return z with P(Z ≤ z) = share."""
    return float(special.ndtri(share))


def t_quantile(share: float, df: float) -> float:
    """Return t with P(T ≤ t) = share."""
    return float(special.stdtrit(df, share))


def t_two_sided(t: float, df: float) -> float:
    """Return P(|T| ≥ |t|)."""
    return float(min(1.0, 2 * special.stdtr(df, -abs(t))))


def t_two_sided_array(t: NDArray[np.float64], df: float) -> NDArray[np.float64]:
    """Return P(|T| ≥ |t|) of every t, in the shape of `t`."""
    tails: NDArray[np.float64] = np.minimum(1.0, 2 * special.stdtr(df, -np.abs(t)))
    return tails


def chi2_tail(statistic: float, df: float) -> float:
    """Return P(X ≥ statistic) for a chi-square X."""
    return float(special.chdtrc(df, statistic))


def f_tail(statistic: float, df1: float, df2: float) -> float:
    """Return P(X ≥ statistic) for an F of df1 and df2."""
    return float(special.fdtrc(df1, df2, max(statistic, 0.0)))


def normal_tail(z: float) -> float:
    """Return P(Z ≥ z)."""
    return float(special.ndtr(-z))


def chi2_shift_interval(statistic: float, df: float, level: float) -> tuple[float, float]:
    """Return the interval of the noncentrality that the statistic is compatible with.

    Args:
        statistic: Observed chi-square.
        df: Degrees of freedom.
        level: Coverage, such as 0.95.

    A statistic below its expectation under no effect is taken as that expectation: a fit
    better than chance is luck, and inverting it would give an interval of width zero.

    Source: Smithson, Confidence Intervals (2003), ch. 4; normal law above 5,000.
    """
    statistic = max(statistic, df)
    if statistic > LARGE:
        z, centre = normal_quantile((1 + level) / 2), statistic - df
        half = z * math.sqrt(2 * (df + 2 * max(centre, 0.0)))
        return max(0.0, centre - half), centre + half

    def below(shift: float) -> float:
        return float(special.chndtr(statistic, df, shift))

    return _solve(below, (1 + level) / 2, statistic), _solve(below, (1 - level) / 2, statistic)


def f_shift_interval(statistic: float, df1: float, df2: float, level: float) -> tuple[float, float]:
    """Return the interval of the noncentrality that an F statistic is compatible with.

    As `chi2_shift_interval`, an F below one is taken as one.

    Source: Steiger, Beyond the F test, Psychological Methods 9 (2004).
    """
    statistic = max(statistic, 1.0)

    def below(shift: float) -> float:
        return float(special.ncfdtr(df1, df2, shift, statistic))

    start = statistic * df1
    return _solve(below, (1 + level) / 2, start), _solve(below, (1 - level) / 2, start)


@functools.lru_cache(maxsize=256)
def detectable_shift(df: float, alpha: float, power: float = 0.8) -> float:
    """Return the noncentrality that a chi-square test of level alpha finds with this power."""
    critical = float(special.chdtri(df, alpha))
    return _solve(lambda shift: float(special.chndtr(critical, df, shift)), 1 - power, critical)


def detectable_z(alpha: float, power: float = 0.8) -> float:
    """Return how many standard errors from zero a two-sided test finds with this power."""
    return normal_quantile(1 - alpha / 2) + normal_quantile(power)


def _solve(falling: Callable[[float], float], value: float, start: float) -> float:
    """Return x ≥ 0 with falling(x) = value; 0 where even falling(0) is below it."""
    if not falling(0.0) > value:
        return 0.0
    low, high = 0.0, max(1.0, start)
    while falling(high) > value:
        low, high = high, high * 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > value else (low, middle)
        if high - low <= 1e-9 * high:
            break
    return (low + high) / 2
