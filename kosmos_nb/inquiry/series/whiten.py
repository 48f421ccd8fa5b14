"""Innovations: what every value of a series adds to its trend, its season and its own past.

Two series that only remember themselves look associated; their innovations do not. Each column of
an ordered table is replaced by its innovations once, and every test then runs on those.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.ranks import Floats, Ints, Mask, sort
from kosmos_nb.inquiry.series import autoregression, recursive, robust, seasons
from kosmos_nb.inquiry.series.autoregression import Autoregression
from kosmos_nb.inquiry.series.changes import change_points
from kosmos_nb.inquiry.series.seasons import Part

FEWEST_ROWS = 16
LONGEST_GAP = 50
# Segments this long have a model of their own; shorter ones share one, each with its own mean.
OWN_MODEL = 60
MOST_MODELS = 20
ROOT = 0.95
# |t| from which a squared trend is taken out, and from which a trend is named (p < 0.001).
T_SQUARE, T_TREND = 2.0, 3.3
# What is left of a series of spread 1 below this is rounding: nothing recurs in it, and it says nothing.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Whitened:
    """A series without trend, season and memory.

    Attributes:
        values: Innovations in the data's unit, shape (n,); NaN where the value is missing or has
            no forecast.
        lags: Number of earlier values that a forecast uses.
        root: Modulus of the slowest part of the memory: 0 none, 1 a random walk.
        has_trend: A trend beyond what the memory makes by chance (p < 0.001).
        season: Period in rows of what recurs; None where nothing does.
        is_nonstationary: The root is above 0.95, or a random walk is not excluded at 5 %.
        changes: Rows at which the level changes for good.
    """

    values: Floats
    lags: int = 0
    root: float = 0.0
    has_trend: bool = False
    season: float | None = None
    is_nonstationary: bool = False
    changes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Series:
    """A series with its gaps, ready to be fitted.

    Attributes:
        y: Shape (n,), NaN where missing. seen: Where it is not.
        unit: Segment of each row, 0 and up. position: Number of the row in its segment.
        gap: How many missing rows in a row end at each, 0 where observed.
    """

    y: Floats
    seen: Mask
    unit: Ints
    position: Ints
    gap: Ints

    @property
    def n_units(self) -> int:
        return int(self.unit[-1]) + 1


def whiten(values: Floats, segments: Ints | None = None, *, season: int | None = None) -> Whitened:
    """Return the innovations of a series.

    Args:
        values: In order, shape (n,), NaN where missing.
        segments: Code of the unit of each row, units standing together; None for one unit.
        season: Period in rows where it is known; otherwise it is looked for.

    The model is an autoregression around a trend, linear or squared, and a season. A series that may
    be a random walk is differenced. Wild values have little weight in the fit and stay wild. What follows
    from the rows before up to rounding has innovations of zero: there is nothing to test.
    """
    codes = np.zeros(len(values), dtype=np.int64) if segments is None else segments
    starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    ends = np.append(starts[1:], len(values))
    if len(starts) <= 1 or len(starts) > MOST_MODELS or int(np.min(ends - starts)) < OWN_MODEL:
        return _whiten(values, codes, season)
    parts = [_whiten(values[a:b], codes[a:b], season) for a, b in zip(starts, ends, strict=True)]
    return _joined(parts, starts)


def _joined(parts: list[Whitened], starts: Ints) -> Whitened:
    """Join the units' series: the whole is nonstationary, has a trend, … where most units have."""
    half = len(parts) / 2
    periods = [part.season for part in parts if part.season is not None]
    return Whitened(
        np.concatenate([part.values for part in parts]),
        lags=max(part.lags for part in parts),
        root=float(np.median([part.root for part in parts])),
        has_trend=sum(part.has_trend for part in parts) > half,
        season=float(np.median(periods)) if len(periods) > half else None,
        is_nonstationary=sum(part.is_nonstationary for part in parts) > half,
        changes=tuple(
            int(start) + row for start, part in zip(starts, parts, strict=True) for row in part.changes
        ),
    )


def _whiten(values: Floats, codes: Ints, season: int | None) -> Whitened:
    series = _series(values, codes)
    present = values[series.seen]
    if len(present) < FEWEST_ROWS or np.all(present == present[0]):
        return Whitened(values - (np.median(present) if len(present) else 0.0))
    scale = robust.spread(present)
    y = _filled(series, (values - np.median(present)) / scale)
    time = _time(series)
    parts = _parts(series, y, time, season)
    trend = 2
    level, z = _without_level(series, y, time[:, : trend + 1], parts)
    model = _model(series, level, z, time, trend)
    if abs(model.t_values[2]) < T_SQUARE:
        trend = 1
        level, z = _without_level(series, y, time[:, : trend + 1], parts)
        model = _model(series, level, z, time, trend)
    root = autoregression.largest_root(model.lags)
    walks = root > ROOT or autoregression.has_unit_root(model.tau, model.n, trend + 1)
    by_order, left = model.by_order, trend
    if walks:
        by_order, left = _differenced(series, level, z, time, trend), trend - 1
    for _ in range(2 if np.any(series.gap) else 0):
        z = autoregression.fill(z, ~series.seen, series.gap, by_order[-1])
    rest = autoregression.innovations(z, series.position, by_order)
    rest[~series.seen] = np.nan
    named = [part.period for part in parts if part.p < seasons.P_NAMED]
    new = _independent(series, rest, time[:, 1 : left + 1], parts)
    if np.nanmax(np.abs(new), initial=0.0) < ROUNDING:
        new = np.where(np.isnan(new), np.nan, 0.0)
    return Whitened(
        new * scale,
        lags=len(by_order) - 1,
        root=max(root, 1.0) if walks and root > 1 else root,
        has_trend=not walks and bool(np.max(np.abs(model.t_values[1:])) > T_TREND),
        season=named[0] if named else None,
        is_nonstationary=walks,
        changes=change_points(np.where(series.seen, level, np.nan)) if series.n_units == 1 else (),
    )


def _series(values: Floats, codes: Ints) -> _Series:
    """Return units, rows and gaps numbered; a unit starts at its first value, and anew after a long gap."""
    n = len(values)
    seen = ~np.isnan(values)
    row = np.arange(n)
    start = np.concatenate(([True], codes[1:] != codes[:-1])) if n else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(start, row, 0))
    last = np.maximum.accumulate(np.where(seen, row, -1))
    before = np.concatenate(([-1], last[:-1]))
    opens = seen & ((before < first) | (row - before > LONGEST_GAP))
    if n:
        opens[0] = True
    opened = np.maximum.accumulate(np.where(opens, row, 0))
    gap = np.where(seen, 0, row - np.maximum(last, opened))
    # Missing rows before a unit's first value belong to the unit before; nothing is read from them.
    gap[gap > LONGEST_GAP] = 0
    return _Series(values, seen, np.cumsum(opens) - 1, row - opened, gap)


def _time(series: _Series) -> Floats:
    """Return the columns 1, t and t², t running from 0 to 1 over the longest unit, shape (n, 3)."""
    t = series.position / max(int(series.position.max()), 1)
    return np.column_stack((np.ones(len(t)), t, t**2))


def _filled(series: _Series, y: Floats) -> Floats:
    """Return y with straight lines through the gaps, for the first fit."""
    if np.all(series.seen):
        return y
    row = np.arange(len(y))
    return np.interp(row, row[series.seen], y[series.seen])


def _parts(series: _Series, y: Floats, time: Floats, season: int | None) -> tuple[Part, ...]:
    """Find what recurs in the series after its trend and the nearest of its memory are out."""
    _, z = _without_level(series, y, time, ())
    if np.max(np.abs(z)) < ROUNDING:
        return ()
    most = min(2, autoregression.most_lags(len(z)))
    usable = series.seen & (series.position >= most)
    model = autoregression.fit(z, z, time[:, :1], usable, most)
    rest = autoregression.innovations(z, series.position, model.by_order)
    rest[~series.seen] = np.nan
    if season is None:
        return seasons.find(rest, series.position) if series.n_units == 1 else ()
    if season < 2 or season * 2 > int(series.position.max()) + 1:
        return ()
    return (Part(float(season), is_wave=False, p=0.0),)


def _without_level(
    series: _Series, y: Floats, time: Floats, parts: tuple[Part, ...]
) -> tuple[Floats, Floats]:
    """Return y without what recurs, and without trend and means of the units as well."""
    at, seen = series.position, series.seen
    waves = [part.columns(at) for part in parts if part.is_wave]
    design = np.column_stack((time, *waves)) if waves else time
    level, units = y, series.unit
    phases = [round(part.period) for part in parts if not part.is_wave]
    trend = robust.fit(design[seen], y[seen])
    for _ in range(2):
        level = y - design[:, time.shape[1] :] @ trend[time.shape[1] :]
        for period in phases:
            rest = y - design @ trend
            means = robust.group_means(rest[seen], (at % period)[seen], period)
            level = level - (means - means.mean())[at % period]
        if series.n_units > 1:
            rest = level - time @ trend[: time.shape[1]]
            level = level - robust.group_means(rest[seen], units[seen], series.n_units)[units]
        if not phases and series.n_units == 1:
            break
        trend = np.concatenate((robust.fit(time[seen], level[seen]), trend[time.shape[1] :]))
    return level, level - time @ trend[: time.shape[1]]


def _model(series: _Series, level: Floats, z: Floats, time: Floats, trend: int) -> Autoregression:
    most = _most(series)
    model = _fit(series, level, z, time[:, : trend + 1], most)
    if np.any(series.gap):
        missing = ~series.seen
        again = autoregression.fill(z, missing, series.gap, model.lags)
        model = _fit(series, np.where(missing, level - z + again, level), again, time[:, : trend + 1], most)
    return model


def _fit(series: _Series, level: Floats, z: Floats, time: Floats, most: int) -> Autoregression:
    return autoregression.fit(level, z, time, series.seen & (series.position >= most), most)


def _most(series: _Series) -> int:
    typical = len(series.y) // series.n_units
    return max(1, min(autoregression.most_lags(int(series.seen.sum())), typical // 4))


def _differenced(series: _Series, level: Floats, z: Floats, time: Floats, trend: int) -> tuple[Floats, ...]:
    """Return the lags of the level by an autoregression of its steps."""
    steps = np.concatenate(([0.0], np.diff(level)))
    z_steps = np.concatenate(([0.0], np.diff(z)))
    most = max(_most(series) - 1, 0)
    usable = series.seen & (series.position >= most + 1)
    model = autoregression.fit(steps, z_steps, time[:, :trend], usable, most)
    return autoregression.with_difference(model.by_order)


def _independent(series: _Series, rest: Floats, time: Floats, parts: tuple[Part, ...]) -> Floats:
    """Return the innovations without the traces that the fit of trend, season and means left."""
    rows = np.flatnonzero(~np.isnan(rest))
    e, at = rest[rows], series.position[rows]
    scale = robust.spread(e)
    near = np.clip(e, -robust.FAR * scale, robust.FAR * scale)
    waves = [part.columns(at) for part in parts if part.is_wave]
    design = np.column_stack([time[rows], *waves])
    phases = [round(part.period) for part in parts if not part.is_wave]
    groups = series.unit[rows].astype(np.int64)
    for period in phases:
        groups = groups * period + at % period
    table = recursive.without_means(np.column_stack((near, design)), groups)
    kept = ~np.isnan(table[:, 0])
    result: Floats = np.full(len(rest), np.nan)
    result[rows[kept]] = recursive.residuals(table[kept, 0], table[kept, 1:]) + (e - near)[kept]
    return result


def autocorrelation(values: NDArray[np.float64], segments: Ints | None = None) -> tuple[float, float]:
    """Return the lag-1 correlation of the ranks of a series, and the two-sided p that there is none.

    Args:
        values: In order, shape (n,), NaN where missing. segments: As for `whiten`.

    Pairs of neighbours with a missing one are left out. The p is that of a shuffled series: mean
    −1/(n − 1) and variance near 1/n (Wald and Wolfowitz, Annals of Mathematical Statistics 14, 1943).
    """
    ranks = sort(values).ranks_by_row(len(values))
    present = ~np.isnan(ranks)
    n = int(present.sum())
    centred = ranks - ranks[present].mean() if n else ranks
    total = float(np.sum(centred[present] ** 2))
    near = present[1:] & present[:-1]
    if segments is not None:
        near &= segments[1:] == segments[:-1]
    pairs = int(near.sum())
    if pairs < 4 or total == 0:
        return 0.0, 1.0
    r1 = float(centred[1:][near] @ centred[:-1][near]) / total * n / pairs
    z = (r1 + 1 / (n - 1)) * np.sqrt(pairs)
    return max(-1.0, min(1.0, r1)), float(2 * laws.normal_tail(abs(float(z))))
