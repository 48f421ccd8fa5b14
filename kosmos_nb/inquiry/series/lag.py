"""Whether one series follows another after some steps."""

from __future__ import annotations

import math

import numpy as np

from kosmos_nb.inquiry import association, chance, laws
from kosmos_nb.inquiry.measurement import RHO, Measurement, Untestable
from kosmos_nb.inquiry.ranks import Floats, Ints, Mask, sort

FEWEST_ROWS = 20
EXACT_BELOW = 100
CELLS = 2_000_000


def measure(
    x: Floats, y: Floats, *, max_lag: int, alpha: float, seed: int, segments: Ints | None = None
) -> Measurement | Untestable:
    """Test whether y follows x by 1 to max_lag rows.

    Args:
        x, y: Innovations in order, shape (n,), NaN where missing.
        max_lag: Longest lag tried, in rows. alpha: Level for the detectable effect.
        seed: Of the shuffles, which serve below 100 rows.
        segments: Code of the unit of each row, units standing together.

    The effect is the rank correlation at the lag where it is strongest; p and intervals pay for the
    number of lags (largest of shuffled series below 100 rows, Šidák above).
    """
    rx, ry = _scores(x), _scores(y)
    n = int(min(np.count_nonzero(rx), np.count_nonzero(ry)))
    tried = [lag for lag in range(1, max_lag + 1) if _pairs(x, y, lag, segments).sum() >= FEWEST_ROWS]
    if not tried:
        return Untestable(reason=f"fewer than {FEWEST_ROWS} rows have a value of both at any lag", n=n)
    if not np.any(rx) or not np.any(ry):
        return Untestable(reason="one of the two is constant", caveats=("constant",), n=n)
    rhos = np.array([_rho(x, y, lag, segments) for lag in tried])
    best = int(np.argmax(np.abs(rhos)))
    lag, rho = tried[best], float(rhos[best])
    n = int(_pairs(x, y, lag, segments).sum())
    is_drawn = n < EXACT_BELOW
    if is_drawn:
        p = _drawn_p(rx, ry, tried, segments, seed)
    else:
        single = laws.t_two_sided(rho * math.sqrt((n - 2) / max(1 - rho * rho, 1e-15)), n - 2)
        p = -math.expm1(len(tried) * math.log1p(-min(single, 1 - 1e-12)))
    rows = "row" if lag == 1 else "rows"
    return Measurement(
        p=p,
        effect=rho,
        metric=RHO,
        ci95=association.interval(rho, n, _paid(0.95, len(tried))),
        ci90=association.interval(rho, n, _paid(0.90, len(tried))),
        ci_claim=association.interval(rho, n, _paid(1 - alpha, len(tried))),
        n=n,
        is_directed=True,
        detectable=math.tanh(laws.detectable_z(alpha / len(tried)) / math.sqrt(max(n - 3, 1))),
        test=f"largest Spearman rank correlation over {len(tried)} lags"
        + (", by permutations" if is_drawn else ""),
        notes=(f"strongest {lag} {rows} later, of lags 1 to {tried[-1]}",),
    )


def _paid(level: float, n_lags: int) -> float:
    return 1 - (1 - level) / n_lags


def _scores(values: Floats) -> Floats:
    """Return centred ranks, 0 where missing."""
    ranks = sort(values).ranks_by_row(len(values))
    seen = ~np.isnan(ranks)
    scores: Floats = np.zeros(len(values))
    if np.any(seen):
        scores[seen] = ranks[seen] - ranks[seen].mean()
    return scores


def _pairs(x: Floats, y: Floats, lag: int, segments: Ints | None) -> Mask:
    if lag >= len(x):
        return np.zeros(0, dtype=bool)
    pairs = ~(np.isnan(x[:-lag]) | np.isnan(y[lag:]))
    return pairs if segments is None else pairs & (segments[:-lag] == segments[lag:])


def _rho(x: Floats, y: Floats, lag: int, segments: Ints | None) -> float:
    pairs = _pairs(x, y, lag, segments)
    a, b = x[:-lag][pairs], y[lag:][pairs]
    rho = association.correlation(sort(a).ranks_by_row(len(a)), sort(b).ranks_by_row(len(b)))
    return 0.0 if math.isnan(rho) else rho


def _drawn_p(rx: Floats, ry: Floats, tried: list[int], segments: Ints | None, seed: int) -> float:
    """Return how often shuffled scores of x reach as far at any lag.

    Missing rows stay where they are; the products are over the ranks of all rows of each.
    """
    rng = np.random.default_rng(seed)
    seen = np.flatnonzero(rx != 0) if np.any(rx == 0) else np.arange(len(rx))
    shifted = np.zeros((len(tried), len(rx)))
    for row, lag in enumerate(tried):
        shifted[row, :-lag] = ry[lag:]
        if segments is not None:
            shifted[row, :-lag] *= segments[:-lag] == segments[lag:]
    weights = shifted[:, seen]
    weights = weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-300)
    scores = rx[seen]
    far = float(np.max(np.abs(weights @ scores))) * (1 - 1e-12)

    def count(draws: int) -> int:
        as_far = 0
        while draws > 0:
            block = min(draws, max(1, CELLS // len(scores)))
            drawn = rng.permuted(np.tile(scores, (block, 1)), axis=1)
            as_far += int(np.sum(np.max(np.abs(drawn @ weights.T), axis=1) >= far))
            draws -= block
        return as_far

    return chance.drawn_p(count)
