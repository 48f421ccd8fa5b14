"""Ratios of paired runs: medians, geometric means, and how far up they may reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 4_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """A ratio with its interval.

    Attributes:
        value: Median of the paired ratios, or the geometric mean of such medians.
        low, high: One-sided 95 % bounds, by bootstrap over the rounds.
        rounds: Pairs behind it (the fewest, for a geometric mean).
    """

    value: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def one(ratios: Sequence[float], seed: int = 0) -> Ratio:
    """Return the median of one workload's paired ratios."""
    medians = _medians(ratios, np.random.default_rng(seed))
    return _ratio(float(np.median(ratios)), medians, len(ratios))


def geometric(by_workload: Sequence[Sequence[float]], seed: int = 0) -> Ratio:
    """Return the geometric mean over workloads of the medians of their paired ratios.

    The bootstrap draws rounds anew within each workload; which workloads there are is given, not
    drawn. Source: Efron and Tibshirani, An Introduction to the Bootstrap, ch. 13 (percentiles).
    """
    draw = np.random.default_rng(seed)
    resampled = np.mean([np.log(_medians(ratios, draw)) for ratios in by_workload], axis=0)
    value = float(np.exp(np.mean([np.log(np.median(ratios)) for ratios in by_workload])))
    return _ratio(value, np.exp(resampled), min(len(ratios) for ratios in by_workload))


def _medians(ratios: Sequence[float], draw: np.random.Generator) -> NDArray[np.float64]:
    values = np.asarray(ratios, dtype=np.float64)
    picked = draw.integers(0, len(values), size=(RESAMPLES, len(values)))
    return np.asarray(np.median(values[picked], axis=1), dtype=np.float64)


def _ratio(value: float, resampled: NDArray[np.float64], rounds: int) -> Ratio:
    low, high = np.quantile(resampled, (1 - CONFIDENCE, CONFIDENCE))
    return Ratio(value, float(low), float(high), rounds)
