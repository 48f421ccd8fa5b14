"""Durations of which some were still running when last seen: do they depend on another column."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kosmos_nb.core import units
from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.chatterjee import sampled
from kosmos_nb.inquiry.groups import delta_interval, epsilon2_interval
from kosmos_nb.inquiry.measurement import EPSILON2, SOMERS_D, Measurement, Untestable, one_sided
from kosmos_nb.inquiry.ranks import Floats, Ints, Mask
from kosmos_nb.inquiry.variables import Variable, complete, dummies, on_scale

FEWEST_EVENTS = 10
STEPS = 50
ROWS_AT_ONCE = 500
FEW_PER_LEVEL = 5
TINY, CERTAIN = 1e-9, 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Cox:
    """A proportional-hazards fit by Breslow's likelihood.

    Attributes:
        coefficients: Log hazard ratios, shape (k,).
        errors: Their standard errors, shape (k,).
        is_finite: Whether the fit came to rest; it does not where one group has no events.
    """

    coefficients: Floats
    errors: Floats
    is_finite: bool


def measure(duration: Variable, event: Variable, x: Variable, *, alpha: float) -> Measurement | Untestable:
    """Test whether the time to an event depends on x.

    Args:
        duration: Above zero. event: Of two levels, the later one when it happened; or 0 and 1.
        alpha: Level for the detectable effect and the interval of a claim.

    Categories are compared by the log-rank test, numbers by the score test of Cox's model. The
    effect is Somers' D of time on x: plus when a larger x, or its later level, goes with longer
    times; for more levels epsilon² of the log-rank scores. The raw effect is the hazard ratio.

    Sources: Mantel (1966); Cox (1972); Harrell, Regression Modeling Strategies (2015), for D.
    """
    if len(event.levels) > 2:
        return Untestable(reason=f"{event.name} needs two levels: still running, or ended")
    duration, event, x = complete((duration, event, x))
    n = len(x.values)
    happened = event.values > 0
    events = int(happened.sum())
    if events < FEWEST_EVENTS:
        reason = f"{events} events in the {n} rows that have all values, fewer than {FEWEST_EVENTS}"
        return Untestable(reason=reason, caveats=("small_n",), n=n)
    times = duration.values
    if np.any(times < 0):
        return Untestable(reason=f"{duration.name} has values below zero", n=n)
    for one in (x, duration):
        if one.is_constant:
            reason = f"{one.name} is constant in the rows that have all values"
            return Untestable(reason=reason, caveats=("constant",), n=n)
    caveats = ("censored",) if events < n else ()
    if len(x.levels) > 2:
        return _several(times, happened, x, alpha, caveats)
    return _directed(times, happened, x, alpha, caveats)


def log_rank(times: Floats, happened: Mask, columns: Floats) -> tuple[float, int]:
    """Return the log-rank statistic of the columns, shape (n, k), and its degrees of freedom.

    With dummies it is the log-rank test of their levels, with a number the score test of Cox's
    model, ties by the hypergeometric law.
    """
    order, ends, deaths = _risk_sets(times, happened)
    x = columns[order]
    at_risk = (ends + 1).astype(np.float64)
    mean = np.cumsum(x, axis=0)[ends] / at_risk[:, np.newaxis]
    score = x[happened[order]].sum(axis=0) - (mean * deaths[:, np.newaxis]).sum(axis=0)
    weight = deaths * (at_risk - deaths) / np.maximum(at_risk - 1, 1)
    spread = _second(x, np.ones(len(x)), ends) / at_risk[:, np.newaxis, np.newaxis]
    spread -= mean[:, :, np.newaxis] * mean[:, np.newaxis, :]
    information = np.tensordot(weight, spread, axes=1)
    df = int(np.linalg.matrix_rank(information, hermitian=True))
    return max(0.0, float(score @ np.linalg.pinv(information, hermitian=True) @ score)), df


def cox(times: Floats, happened: Mask, columns: Floats) -> Cox:
    """Fit the log hazard to the columns, shape (n, k), by Newton's method.

    Source: Breslow, Biometrics 30 (1974), for ties.
    """
    order, ends, deaths = _risk_sets(times, happened)
    x = columns[order] - columns.mean(axis=0)
    seen = x[happened[order]].sum(axis=0)

    def at(beta: Floats) -> tuple[float, Floats, Floats]:
        weights = np.exp(np.clip(x @ beta, -500, 500))
        total = np.cumsum(weights)[ends]
        mean = np.cumsum(x * weights[:, np.newaxis], axis=0)[ends] / total[:, np.newaxis]
        spread = _second(x, weights, ends) / total[:, np.newaxis, np.newaxis]
        spread -= mean[:, :, np.newaxis] * mean[:, np.newaxis, :]
        value = float(seen @ beta - deaths @ np.log(total))
        return value, seen - deaths @ mean, np.tensordot(deaths, spread, axes=1)

    beta = np.zeros(columns.shape[1])
    value, score, information = at(beta)
    for _ in range(STEPS):
        step = np.linalg.lstsq(information, score, rcond=None)[0]
        if float(np.abs(x @ step).max()) < TINY:
            errors = np.sqrt(np.diag(np.linalg.pinv(information, hermitian=True)))
            return Cox(beta, errors, is_finite=bool(np.abs(x @ beta).max() < CERTAIN))
        while at(beta + step)[0] < value - TINY:
            step = step / 2
        beta = beta + step
        value, score, information = at(beta)
    return Cox(beta, np.full(len(beta), math.inf), is_finite=False)


def somers_d(times: Floats, happened: Mask, x: Floats) -> tuple[float, float]:
    """Return Somers' D of time on x over the pairs whose order in time is known, and its error.

    On at most 5,000 evenly spaced rows, since it looks at all pairs.

    Source: Harrell et al., JAMA 247 (1982); the error is that of a ratio of U-statistics.
    """
    rows = sampled(len(times))
    times, happened, x = times[rows], happened[rows], x[rows]
    agree, known = np.zeros(len(rows)), np.zeros(len(rows))
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        part = slice(begin, begin + ROWS_AT_ONCE)
        # One is known to outlast the other when the other's event came first; a row that was
        # last seen at the moment of an event outlasts it.
        gap = times[part, np.newaxis] - times[np.newaxis, :]
        ended, other = happened[part, np.newaxis], happened[np.newaxis, :]
        longer = other & ((gap > 0) | ((gap == 0) & ~ended))
        shorter = ended & ((gap < 0) | ((gap == 0) & ~other))
        order = longer.astype(np.float64) - shorter
        differ = np.sign(x[part, np.newaxis] - x[np.newaxis, :])
        agree[part] = np.sum(order * differ, axis=1)
        known[part] = np.sum(np.abs(order) * (differ != 0), axis=1)
    total = float(known.sum())
    d = float(agree.sum()) / total if total else 0.0
    return d, 2 * float(np.linalg.norm(agree - d * known)) / max(total, 1.0)


def _directed(
    times: Floats, happened: Mask, x: Variable, alpha: float, caveats: tuple[str, ...]
) -> Measurement:
    values = x.values.astype(np.float64)
    column = on_scale(values)[:, np.newaxis] if x.is_numeric else values[:, np.newaxis]
    statistic, _ = log_rank(times, happened, column)
    d, error = somers_d(times, happened, values)
    spread = float(values.std())
    fit = cox(times, happened, values[:, np.newaxis] / spread)
    ratio = math.exp(float(fit.coefficients[0]) / spread) if fit.is_finite else None
    events = int(happened.sum())
    ci = {level: delta_interval(d, error, events - 1, events, level) for level in (0.95, 0.90, 1 - alpha)}
    what = f"one more {x.unit or x.name}" if x.is_numeric else f"{x.levels[1]} against {x.levels[0]}"
    said = f"{what} multiplies the rate of events by {units.number(ratio, 3)}" if ratio is not None else ""
    return Measurement(
        p=laws.chi2_tail(statistic, 1),
        effect=d,
        metric=SOMERS_D,
        ci95=ci[0.95],
        ci90=ci[0.90],
        ci_claim=ci[1 - alpha],
        n=len(times),
        is_directed=True,
        detectable=min(1.0, laws.detectable_z(alpha) * error),
        test="Cox score test" if x.is_numeric else "log-rank",
        effect_raw=ratio,
        unit="hazard ratio" if ratio is not None else "",
        caveats=caveats,
        notes=(said,) if said else (),
    )


def _several(
    times: Floats, happened: Mask, x: Variable, alpha: float, caveats: tuple[str, ...]
) -> Measurement:
    statistic, df = log_rank(times, happened, dummies(x))
    n, needed = len(times), laws.detectable_shift(df, alpha)
    sizes = np.bincount(x.values)
    rates = np.bincount(x.values, weights=happened) / np.maximum(np.bincount(x.values, weights=times), 1e-300)
    few = ("few_per_level",) if sizes.min() < FEW_PER_LEVEL else ()
    return Measurement(
        p=laws.chi2_tail(statistic, df),
        effect=min(1.0, statistic / (n - 1)),
        metric=EPSILON2,
        ci95=epsilon2_interval(min(statistic, n - 1.0), n, df + 1, 0.95),
        ci90=epsilon2_interval(min(statistic, n - 1.0), n, df + 1, 0.90),
        ci_claim=epsilon2_interval(min(statistic, n - 1.0), n, df + 1, one_sided(alpha)),
        n=n,
        is_directed=False,
        detectable=needed / (needed + n),
        test="log-rank",
        caveats=(*caveats, *few),
        notes=(f"events come fastest in {x.levels[rates.argmax()]}, slowest in {x.levels[rates.argmin()]}",),
    )


def _risk_sets(times: Floats, happened: Mask) -> tuple[Ints, Ints, Floats]:
    """Return the rows from the longest time down, where each event time ends, and its events."""
    order = np.argsort(-times, kind="stable")
    falling = times[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    deaths = np.diff(np.concatenate(([0.0], np.cumsum(happened[order].astype(np.float64))[ends])))
    return order.astype(np.int64), ends[deaths > 0].astype(np.int64), deaths[deaths > 0]


def _second(x: Floats, weights: Floats, ends: Ints) -> Floats:
    """Return the weighted sums of products over each risk set, shape (events, k, k)."""
    k = x.shape[1]
    sums = np.empty((len(ends), k, k))
    for i in range(k):
        for j in range(k):
            sums[:, i, j] = np.cumsum(weights * x[:, i] * x[:, j])[ends]
    return sums
