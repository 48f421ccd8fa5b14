"""What comes back: single waves and whole seasons in a series."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kosmos_nb.inquiry import laws
from kosmos_nb.inquiry.ranks import Floats, Ints
from kosmos_nb.inquiry.series import robust

# Quarters, weekdays, months, hours, weeks and days of the year.
USUAL = (4, 7, 12, 24, 52, 365)
FEWEST_CYCLES = 3
MOST_PARTS = 4
# Taken out from here on; a wave that is not there costs two rows, one that is overlooked an error.
P_REMOVED = 0.02
P_NAMED = 1e-3


@dataclass(frozen=True, slots=True)
class Part:
    """One recurring part: a wave of any period, or a mean for each step of a whole period.

    Attributes:
        p: That white noise recurs as clearly, all periods considered.
    """

    period: float
    is_wave: bool
    p: float

    def columns(self, at: NDArray[np.int64]) -> Floats:
        """Return the wave's cosine and sine at the rows' numbers, shape (n, 2); (n, 1) at a period of 2."""
        angle = 2 * math.pi * at / self.period
        if self.period < 2 + 1e-6:  # up and down: the sine is zero in every row
            return np.asarray(np.cos(angle)[:, None], dtype=np.float64)
        return np.column_stack((np.cos(angle), np.sin(angle)))


def find(values: Floats, at: Ints) -> tuple[Part, ...]:
    """Find the recurring parts of a series without trend and nearly without memory.

    Args:
        values: Shape (n,), NaN where missing. at: Number of each row in time, shape (n,).
    """
    seen = ~np.isnan(values)
    rest, rows = values[seen], at[seen]
    limit = robust.FAR * robust.spread(rest)
    rest = np.clip(rest - np.median(rest), -limit, limit)
    parts: list[Part] = []
    while len(parts) < MOST_PARTS:
        part = _clearest(rest, rows, has_season=any(not part.is_wave for part in parts))
        if part is None:
            break
        parts.append(part)
        rest = _without(rest, rows, part)
    return tuple(parts)


def _without(values: Floats, at: Ints, part: Part) -> Floats:
    if part.is_wave:
        design = part.columns(at)
        return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    period = round(part.period)
    phase = at % period
    means = np.bincount(phase, values, minlength=period) / np.maximum(np.bincount(phase, minlength=period), 1)
    rest: Floats = values - means[phase]
    return rest


def _clearest(values: Floats, at: Ints, *, has_season: bool) -> Part | None:
    n = len(values)
    if n < 4 * FEWEST_CYCLES or not np.any(values):
        return None
    wave = _wave(values, at)
    best = wave
    if not has_season:
        whole = round(wave.period)
        candidates = {s for s in (*USUAL, whole, 2 * whole, 3 * whole) if 2 <= s <= n // FEWEST_CYCLES}
        for period in sorted(candidates):
            p = min(1.0, _season_p(values, at, period) * len(candidates))
            if p < best.p:
                best = Part(float(period), is_wave=False, p=p)
    return best if best.p < P_REMOVED else None


def _season_p(values: Floats, at: Ints, period: int) -> float:
    """Return the F test's p that all steps of the period have one mean."""
    phase = at % period
    counts = np.bincount(phase, minlength=period)
    sums = np.bincount(phase, values, minlength=period)
    used, n = int(np.count_nonzero(counts)), len(values)
    if n - used < used or used < 2:
        return 1.0
    between = float(np.sum(sums**2 / np.maximum(counts, 1))) - float(values.sum()) ** 2 / n
    within = float(values @ values) - float(np.sum(sums**2 / np.maximum(counts, 1)))
    if within <= 0:
        return 0.0
    return laws.f_tail(between / (used - 1) / (within / (n - used)), used - 1, n - used)


def _wave(values: Floats, at: Ints) -> Part:
    """Return the wave that stands out most from its neighbours in the periodogram."""
    length = int(at[-1] - at[0]) + 1
    grid = np.zeros(length)
    grid[at - at[0]] = values
    power = np.abs(np.fft.rfft(grid)[1:]) ** 2
    ratio = power / _background(power)
    ratio[: min(FEWEST_CYCLES, len(ratio)) - 1] = 0.0  # so few cycles are a trend or a walk
    peak = int(np.argmax(ratio))
    p = -math.expm1(len(power) * math.log1p(-min(math.exp(-ratio[peak]), 1 - 1e-12)))
    frequency = (peak + 1) / length
    if p < P_REMOVED:
        frequency = _refined(values, at, frequency, 1 / length)
    if frequency > 0.5 - 0.5 / length:
        frequency = 0.5
    return Part(1 / frequency, is_wave=True, p=p)


def _background(power: Floats) -> Floats:
    """Return the level around each frequency: medians of blocks, joined by lines."""
    n_blocks = max(1, min(32, len(power) // 15))
    blocks = np.array_split(power, n_blocks)
    middles = np.cumsum([len(block) for block in blocks]) - np.array([len(block) / 2 for block in blocks])
    levels = np.array([np.median(block) for block in blocks]) / math.log(2)
    levels = np.maximum(levels, 1e-12 * max(float(power.max()), 1e-300))
    joined: Floats = np.interp(np.arange(len(power)) + 0.5, middles, levels)
    return joined


def _refined(values: Floats, at: Ints, frequency: float, step: float) -> float:
    for _ in range(2):
        tried = frequency + step * np.linspace(-0.8, 0.8, 9)
        tried = tried[(tried > 0) & (tried <= 0.5)]
        powers = [abs(np.exp(-2j * math.pi * one * at) @ values) for one in tried]
        frequency, step = float(tried[int(np.argmax(powers))]), step / 4
    return frequency
