"""How often chance is taken for a step, how often a planted step is found and where, and what it costs."""

import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness import Figure
from benchmarks.history.standing import NOISES
from kosmos_nb.history.steps import find_steps

UNCHANGED, PLANTED = 1000, 500  # series
RUNS = (20, 60, 200)
# Runs before and after a planted step.
SIDES = ((8, 8), (15, 5), (30, 30), (195, 5))
# A step is found where one is told that is no more than so many runs off.
WITHIN = 2


@dataclass(frozen=True)
class Found:
    """How planted steps were found.

    Attributes:
        share: Share of the series in which all of them were.
        beyond: Share of the series in which more steps were told than planted.
        off: How many runs off the found ones are told, each.
    """

    share: float
    beyond: float
    off: tuple[int, ...]


def figures() -> list[Figure]:
    """Simulate series of runs with and without steps, and measure the time."""
    steps = [_planted(1.5, noise, spikes, 95.0 if noise <= 0.10 else None) for noise, spikes in NOISES]
    small = [_planted(1.3, noise, spikes, None) for noise, spikes in NOISES]
    plateau = planted([1.0] * 96 + [1.5] * 8 + [1.0] * 96, 0.10)
    spiky = planted([1.0] * 30 + [1.5] * 30, 0.10, spikes=0.03, size=100)
    return [
        *(_alarms(noise, spikes) for noise, spikes in NOISES),
        *steps,
        *small,
        Figure(
            "a step of ×1.5 found: 10% noise, 3% spikes of ×100, 30 + 30 runs",
            spiky.share * 100, 95.0, "%", "higher", _how([spiky]),
        ),
        Figure(
            "both ends of a plateau of ×1.5 found: 10% noise, 8 runs amid 200",
            plateau.share * 100, 95.0, "%", "higher", _how([plateau]),
        ),
        *_times(),
    ]  # fmt: skip


def times_s(
    levels: Sequence[float], noise: float, draw: random.Random, *, spikes: float = 0.0, size: float = 1.5
) -> list[float]:
    """Return levels with log-normal noise, a share of them so many times as long for no reason."""
    return [
        level * math.exp(draw.gauss(0, noise)) * (size if draw.random() < spikes else 1) for level in levels
    ]


def unchanged(noise: float, spikes: float, runs: int, *, series: int = UNCHANGED, seed: int = 1) -> float:
    """Return the share of series without a step in which one is told."""
    draw = random.Random(seed)
    told = [bool(find_steps(times_s([1.0] * runs, noise, draw, spikes=spikes))) for _ in range(series)]
    return sum(told) / series


def planted(
    levels: Sequence[float],
    noise: float,
    *,
    spikes: float = 0.0,
    size: float = 1.5,
    series: int = PLANTED,
    seed: int = 2,
) -> Found:
    """Return how the steps between some levels are found."""
    draw = random.Random(seed)
    places = [n for n in range(1, len(levels)) if levels[n] != levels[n - 1]]
    hits = beyond = 0
    found: list[int] = []
    for _ in range(series):
        told = [step.index for step in find_steps(times_s(levels, noise, draw, spikes=spikes, size=size))]
        off = [min((abs(index - place) for index in told), default=len(levels)) for place in places]
        found += [runs for runs in off if runs <= WITHIN]
        hits += max(off) <= WITHIN
        beyond += len(told) > len(places)
    return Found(hits / series, beyond / series, tuple(found))


def _what(noise: float, spikes: float) -> str:
    return f"{noise:.0%} noise" + (f", {spikes:.0%} spikes of ×1.5" if spikes else "")


def _alarms(noise: float, spikes: float) -> Figure:
    shares = {runs: unchanged(noise, spikes, runs) for runs in RUNS}
    return Figure(
        f"unchanged series in which a step is told: {_what(noise, spikes)}",
        max(shares.values()) * 100, 1.0, "%",
        note=f"the worst of {_each(shares)} runs; {UNCHANGED:,} series each",
    )  # fmt: skip


def _planted(ratio: float, noise: float, spikes: float, bar: float | None) -> Figure:
    found = {
        f"{before} + {after}": planted([1.0] * before + [ratio] * after, noise, spikes=spikes)
        for before, after in SIDES
    }
    shares = {runs: one.share for runs, one in found.items()}
    return Figure(
        f"a step of ×{ratio} found: {_what(noise, spikes)}",
        min(shares.values()) * 100, bar, "%", "higher",
        f"the worst of {_each(shares)} runs; {_how(list(found.values()))} each",
    )  # fmt: skip


def _each(shares: dict[int, float] | dict[str, float]) -> str:
    return ", ".join(f"{runs} ({share:.1%})" for runs, share in shares.items())


def _how(found: Sequence[Found]) -> str:
    off = [runs for one in found for runs in one.off]
    beyond = statistics.mean(one.beyond for one in found)
    exact, mean = off.count(0) / len(off), statistics.mean(off)
    where = f"{exact:.0%} to the run, {mean:.2f} off on average"
    return f"{where}; {beyond:.1%} with a step too many; {PLANTED} series"


def _times() -> list[Figure]:
    draw = random.Random(3)
    levels = [[1.0] * 20] * 450 + [[1.0] * 12 + [1.5] * 8] * 50
    short = [times_s(one, 0.10, draw) for one in levels]
    long = times_s([1.0] * 400 + [1.5] * 600, 0.10, draw)
    return [
        Figure(
            "steps of 500 series of 20 runs", _least_ms(short), 150.0, "ms",
            note="10% noise, one in ten has a step; the best of 5",
        ),
        Figure(
            "steps of a series of 1,000 runs", _least_ms([long]), 50.0, "ms",
            note="10% noise, one step; the best of 5",
        ),
    ]  # fmt: skip


def _least_ms(series: Sequence[Sequence[float]]) -> float:
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        for times in series:
            find_steps(times)
        taken.append(time.perf_counter() - start)
    return min(taken) * 1e3
