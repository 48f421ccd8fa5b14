"""How often an unchanged cell is called slower than usual, and how soon one that got slower is."""

import math
import random
from collections import Counter

from benchmarks.harness import Figure
from kosmos_nb.history.standing import LEAST_RUNS, judge

SERIES, RUNS = 250, 80
STEP, WITHIN = 1.5, 3
BEFORE = (8, 12, 30)  # runs before the step
# Noise of the logarithms, and how often a run takes half as long again for no reason.
NOISES = ((0.05, 0.0), (0.10, 0.0), (0.15, 0.0), (0.05, 0.03))


def figures() -> list[Figure]:
    """Simulate series of runs, with and without a step."""
    found = []
    for noise, spikes in NOISES:
        states = unchanged(noise, spikes)
        judged = states.total()
        what = f"{noise:.0%} noise" + (f", {spikes:.0%} spikes of ×{STEP}" if spikes else "")
        once = states["slower once"] / judged
        found.append(
            Figure(
                f"unchanged cells called slower than usual, {what}",
                states["slower"] / judged * 100, 1.0, "%",
                note=f"{judged:,} judged runs; {once:.1%} are called slower, once",
            )
        )  # fmt: skip
    for noise in (0.05, 0.10):
        for before in BEFORE:
            found.append(
                Figure(
                    f"a step of ×{STEP} noticed in {WITHIN} runs: {noise:.0%} noise, {before} runs before",
                    noticed(noise, before) * 100, 90.0, "%", "higher", f"{4 * SERIES} series",
                )
            )  # fmt: skip
    return found


def unchanged(noise: float, spikes: float, *, series: int = SERIES, seed: int = 1) -> Counter[str]:
    """Return how often each state was given to a judged run of cells that do not change."""
    draw, states = random.Random(seed), Counter[str]()
    for _ in range(series):
        times = [
            math.exp(draw.gauss(0, noise)) * (STEP if draw.random() < spikes else 1) for _ in range(RUNS)
        ]
        states.update(judge(times[: n + 1]).state for n in range(LEAST_RUNS, RUNS))
    return states


def noticed(noise: float, before: int, *, series: int = 4 * SERIES, seed: int = 2) -> float:
    """Return the share of cells whose step was called slower than usual within a few runs."""
    draw, found = random.Random(seed), 0
    for _ in range(series):
        times = [math.exp(draw.gauss(0, noise)) for _ in range(before)]
        times += [STEP * math.exp(draw.gauss(0, noise)) for _ in range(WITHIN)]
        found += any(judge(times[: before + n]).state == "slower" for n in range(1, WITHIN + 1))
    return found / series
