"""A series over time: whether it rises or falls beyond what its memory does by chance."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from kosmos_nb.inquiry import association, chance, laws
from kosmos_nb.inquiry.measurement import RHO, Measurement, Untestable
from kosmos_nb.inquiry.ranks import Floats, sort
from kosmos_nb.inquiry.series import autoregression, robust
from kosmos_nb.inquiry.series.changes import change_points

__all__ = ["change_points", "measure"]

FEWEST_ROWS = 20
DRAWN_UP_TO = 1_000
MOST_LAGS = 3
ROOT = 0.95
CELLS = 2_000_000
BURN_IN = 100


def measure(
    y: Floats, t: Floats, *, name: str, unit: str, time_unit: str, alpha: float, seed: int
) -> Measurement | Untestable:
    """Test whether y rises or falls with time.

    Args:
        y: Values, shape (n_rows,), NaN where missing. t: Times, in any order.
        name, unit: Of y. time_unit: Of t; the raw effect is Huber's slope in unit per time_unit.
        alpha: Level for the detectable effect. seed: Of the drawn series.

    The slope of the normal scores over its standard error, which allows for an autoregression, is
    compared with that of drawn autoregressions without trend, each with its own fitted memory.

    A random walk that passes for none has a clear slope as often as not. So p is the larger of the
    slope's and of the unit root's: a trend is shown where both are excluded.

    Sources: Berger, Technometrics 24 (1982), for the larger p; Bühlmann, Bernoulli 3 (1997), for
    drawing from an autoregression; Kendall, Biometrika 41 (1954), for the bias of its coefficient.
    """
    rows = np.flatnonzero(~(np.isnan(y) | np.isnan(t)))
    n = len(rows)
    if n < FEWEST_ROWS:
        return Untestable(reason=f"{n} rows have a value and a time, fewer than {FEWEST_ROWS}", n=n)
    rows = rows[np.argsort(t[rows], kind="stable")]
    values, times = y[rows], t[rows]
    ranks = sort(values).ranks_by_row(n)
    time_ranks = sort(times).ranks_by_row(n)
    if np.all(ranks == ranks[0]) or np.all(time_ranks == time_ranks[0]):
        return Untestable(reason=f"{name} or its time is constant", caveats=("constant",), n=n)
    scores = special.ndtri(ranks / (n + 1))
    time = _centred(time_ranks)
    # Scores bend a line, so their memory is that around the scores of time; they bend a walk, too, so
    # that one in five passes for none, and the values are asked as well.
    time_scores = _centred(special.ndtri(time_ranks / (n + 1)))
    lags, p_walk = _memory(scores, time_scores)
    p_walk = max(p_walk, _memory((values - np.median(values)) / robust.spread(values), time)[1])
    if p_walk >= 1:
        return Untestable(
            reason=f"{name} cannot be told from a random walk, which drifts without a trend",
            caveats=("nonstationary",),
            n=n,
        )
    statistic, _ = _slope_t(scores[None, :], time, len(lags))
    _, share = _slope_t(scores[None, :], time_scores, len(lags))
    rho = association.correlation(ranks, time_ranks)
    effective = max(6, round(n * min(1.0, float(share[0]))))
    is_drawn = n <= DRAWN_UP_TO
    seen = abs(float(statistic[0]))
    p = _drawn_p(seen, lags, time, seed) if is_drawn else laws.t_two_sided(seen, max(effective - 2, 4))
    remembers = effective < 0.9 * n
    return Measurement(
        p=max(p, p_walk),
        effect=rho,
        metric=RHO,
        ci95=association.interval(rho, effective, 0.95),
        ci90=association.interval(rho, effective, 0.90),
        ci_claim=association.interval(rho, effective, 1 - alpha),
        n=n,
        is_directed=True,
        detectable=math.tanh(laws.detectable_z(alpha) / math.sqrt(max(effective - 3, 1))),
        test="trend with autoregressive errors" + (", by drawn series" if is_drawn else ""),
        effect_raw=_raw_slope(values, times),
        unit=f"{unit or name} per {time_unit}" if time_unit else unit,
        caveats=("autocorrelation",) if remembers else (),
        notes=(f"neighbouring values are alike: {n:,} rows tell as much as {effective:,}",)
        if remembers
        else (),
    )


def _centred(values: Floats) -> Floats:
    centred: Floats = values - values.mean()
    return centred / math.sqrt(float(centred @ centred))


def _memory(series: Floats, time: Floats) -> tuple[Floats, float]:
    """Return the lags of a series around a multiple of time, corrected for bias, and the p of a random walk.

    It is 1 where a walk is not excluded at 5 %.
    """
    n = len(series)
    design = np.column_stack((np.ones(n), time))
    most = min(MOST_LAGS, autoregression.most_lags(n))
    rest = series - design @ np.linalg.lstsq(design, series, rcond=None)[0]
    model = autoregression.fit(series, rest, design, np.arange(n) >= most, most)
    if autoregression.has_unit_root(model.tau, model.n, 2):
        return model.lags, 1.0
    if math.isinf(model.tau):
        return model.lags, 0.0
    # At least one lag, its coefficient too small by (2 + 4 × memory) / n where a line was fitted.
    lags = model.lags if len(model.lags) else np.array([max(0.0, _neighbours(rest))])
    lags = lags + (2 + 4 * float(lags.sum())) / n / len(lags)
    if autoregression.largest_root(lags) > ROOT:
        return lags, 1.0
    return lags, autoregression.unit_root_p(model.tau)


def _neighbours(rest: Floats) -> float:
    return float(rest[1:] @ rest[:-1]) / float(rest @ rest)


def _slope_t(series: Floats, time: Floats, order: int) -> tuple[Floats, Floats]:
    """Return the slope's t of each series, shape (draws, n), and the share of rows that count.

    The standard error is that of white noise times the long-run gain of a fitted autoregression.
    """
    n = series.shape[1]
    centred = series - series.mean(axis=1, keepdims=True)
    slopes = centred @ time
    rest = centred - slopes[:, None] * time
    products = np.stack(
        [np.einsum("ij,ij->i", rest[:, lag:], rest[:, : n - lag]) for lag in range(order + 1)], axis=1
    )
    variance = products[:, 0] / (n - 2)
    gain = np.ones(len(series))
    if order:
        places = np.abs(np.arange(order)[:, None] - np.arange(order)[None, :])
        lags = np.linalg.solve(products[:, places], products[:, 1:, None])[:, :, 0]
        innovation = 1 - np.sum(lags * products[:, 1:], axis=1) / products[:, 0]
        gain = innovation / np.maximum(1 - lags.sum(axis=1), 1e-3) ** 2
    return slopes / np.sqrt(variance * gain), 1 / gain


def _drawn_p(seen: float, lags: Floats, time: Floats, seed: int) -> float:
    rng = np.random.default_rng(seed)
    n = len(time)

    def count(draws: int) -> int:
        as_far = 0
        while draws > 0:
            block = min(draws, max(1, CELLS // (n + BURN_IN)))
            statistic, _ = _slope_t(_drawn(lags, n, block, rng), time, len(lags))
            as_far += int(np.sum(np.abs(statistic) >= seen))
            draws -= block
        return as_far

    return chance.drawn_p(count)


def _drawn(lags: Floats, n: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return Gaussian autoregressions without trend, shape (draws, n)."""
    if len(lags) == 0:
        return rng.standard_normal((draws, n))
    steps = rng.standard_normal((n + BURN_IN, draws))
    for row in range(len(lags), n + BURN_IN):
        for lag, weight in enumerate(lags, start=1):
            steps[row] += weight * steps[row - lag]
    series: Floats = np.ascontiguousarray(steps[BURN_IN:].T)
    return series


def _raw_slope(values: Floats, times: Floats) -> float | None:
    middle, scale = float(np.median(times)), float(np.ptp(times))
    design = np.column_stack((np.ones(len(times)), (times - middle) / scale))
    slope = float(robust.fit(design, values)[1]) / scale
    return slope if math.isfinite(slope) else None
