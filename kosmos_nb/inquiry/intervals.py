"""Intervals for the selected: of the effects that stand out, as many as promised lie in theirs."""

from __future__ import annotations

import math
from statistics import NormalDist

from kosmos_nb.inquiry.measurement import CRAMER_V, EPSILON2, PARTIAL_R2, Measurement

_NORMAL = NormalDist()


def selected_level(alpha: float, n_selected: int, n_tests: int) -> float:
    """Return the level of the intervals of the selected, never below 95 %.

    Args:
        alpha: False discovery rate of the selection.
        n_selected: Findings. n_tests: Hypotheses that were registered.

    Source: Benjamini and Yekutieli, JASA 100 (2005): false coverage rate.
    """
    return max(0.95, 1 - alpha * n_selected / max(n_tests, 1)) if n_selected else 0.95


def widened(measured: Measurement, level: float) -> tuple[float, float]:
    """Return the interval of an effect at a level above 95 %.

    Each side of the 95 % interval is stretched as the normal quantiles are: for correlations and
    differences on the scale of Fisher's z, where it is symmetric, for squared scales as it stands.
    """
    low, high = measured.ci95
    if level <= 0.95 or not (math.isfinite(low) and math.isfinite(high)):
        return low, high
    stretch = _NORMAL.inv_cdf((1 + level) / 2) / _NORMAL.inv_cdf(0.975)
    effect = measured.effect
    if measured.metric in (CRAMER_V, EPSILON2, PARTIAL_R2):
        return max(0.0, effect - stretch * (effect - low)), min(1.0, effect + stretch * (high - effect))
    middle, below, above = (_fisher(value) for value in (effect, low, high))
    return math.tanh(middle - stretch * (middle - below)), math.tanh(middle + stretch * (above - middle))


def _fisher(value: float) -> float:
    return math.atanh(max(-1 + 1e-12, min(1 - 1e-12, value)))
