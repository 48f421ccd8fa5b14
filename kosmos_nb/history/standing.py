"""How a run stands among the earlier runs of its kind: as usual, slower once, slower than usual.

Run times are skewed and vary by a share of themselves, so they are judged as logarithms. A run is
slow where it lies above the one-sided 95 % limit for one further value from a normal sample,

    mean + t(n - 1) * s * sqrt(1 + 1 / n)

(Hahn and Meeker, Statistical Intervals, 1991, ch. 4), and by no less than 20 % and 50 ms. By its
making, one run of twenty is slow without a cause, and machines have hiccups: one slow run is "slower,
once". Two in a row are "slower than usual": by chance that is one in hundreds. Eight in a row are what
is usual from then on. benchmarks/history/ measures both, and how soon a real change is noticed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from kosmos_nb.history.records import Standing
from kosmos_nb.history.records.standing import State

# Fewer runs are shown, but nothing is concluded from them; older ones than the newest 20 have had their time.
LEAST_RUNS, MOST_RUNS = 8, 20
# So many slow runs in a row are no longer slow.
NEW_LEVEL = 8
LEAST_RATIO, LEAST_S = 1.2, 0.05
_LEAST_LOG = math.log(LEAST_RATIO)
# As many runs are looked at: they hold at least one new level and the one before.
LOOKS_BACK = 60
# After so many runs within LEAST_RATIO of each other, whatever was before them changes nothing: all but
# the newest seven at most are usual by then, so the next one is held against twenty of them.
ENOUGH_CALM = MOST_RUNS + NEW_LEVEL
# A single outlier counts as no more than this, unless the runs vary more by themselves.
_OUTLIER, _SCALE = math.log(1.65), 3 * 1.4826
# Student's t, 95 %, for 7 to 19 degrees of freedom; scipy would take 0.3 s to import in every kernel.
_T95 = (1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729)


def judge(times_s: Sequence[float]) -> Standing:
    """Say how the last of some runs stands.

    Args:
        times_s: Seconds, in order of the runs, of one code on one machine; the last is judged. Of a
            longer row only the newest 60 are looked at.

    Raises:
        ValueError: There is none, or a time is not a positive number.
    """
    seen = list(times_s[-LOOKS_BACK:])
    if not seen or not all(math.isfinite(time_s) and time_s > 0 for time_s in seen):
        raise ValueError("judge() takes one or more positive times in seconds.")
    *logs, now = map(math.log, seen)
    # A cell waits for this, and mostly nothing stands apart: then every run was usual.
    usual, apart, side = (logs, [], 0) if is_calm(seen[:-1]) else _told_apart(logs)
    now_s, before_s = seen[-1], [math.exp(log) for log in usual[-MOST_RUNS:]]
    if not before_s:
        return Standing(state="first", wall_s=now_s)
    found = _side(usual, now)
    is_again = bool(apart) and found == side
    return Standing(
        state=_STATES[found, is_again] if len(usual) >= LEAST_RUNS else "known",
        wall_s=now_s,
        runs=len(before_s),
        low_s=min(before_s),
        high_s=max(before_s),
        usual_s=statistics.median(before_s),
    )


def is_calm(times_s: Sequence[float]) -> bool:
    """Whether no run differs from another by more than what is ever called slower; true of none."""
    return not times_s or max(times_s) <= LEAST_RATIO * min(times_s)


_STATES: dict[tuple[int, bool], State] = {
    (0, False): "usual",
    (1, False): "slower once",
    (1, True): "slower",
    (-1, False): "faster once",
    (-1, True): "faster",
}


def _told_apart(logs: Sequence[float]) -> tuple[list[float], list[float], int]:
    """Return what is usual, the newest in a row that are not, and on which side these are."""
    usual: list[float] = []
    apart: list[float] = []  # all slower or all faster
    side = 0
    for log in logs:
        found = _side(usual, log)
        if found != side:
            usual, apart, side = usual + apart, [], found
        if found:
            apart.append(log)
            if len(apart) >= NEW_LEVEL:
                usual, apart, side = apart, [], 0
        else:
            usual.append(log)
    return usual, apart, side


def _side(usual: Sequence[float], log: float) -> int:
    """Return 1 for a run that is slower than what is usual allows, -1 for a faster one, else 0.

    Args:
        usual: Logarithms of the usual times, in order.
        log: Logarithm of the time.
    """
    if len(usual) < LEAST_RUNS:
        return 0
    newest = usual[-MOST_RUNS:]
    n, least, largest = len(newest), min(newest), max(newest)
    # The mean lies between the two: mostly that is enough, and a cell waits for all of this.
    if max(largest, log) - min(least, log) <= _LEAST_LOG:
        return 0
    held = newest if largest - least <= _OUTLIER else _held(newest)
    mean = math.fsum(held) / n
    apart = log - mean
    if abs(apart) <= _LEAST_LOG or abs(math.exp(log) - math.exp(mean)) < LEAST_S:
        return 0
    variance = math.fsum([(one - mean) ** 2 for one in held]) / (n - 1)
    if abs(apart) <= _T95[n - LEAST_RUNS] * math.sqrt(variance * (1 + 1 / n)):
        return 0
    return 1 if apart > 0 else -1


def _held(logs: Sequence[float]) -> list[float]:
    """Return the logarithms with outliers drawn in."""
    centre = statistics.median(logs)
    reach = max(_OUTLIER, _SCALE * statistics.median([abs(one - centre) for one in logs]))
    return [min(max(one, centre - reach), centre + reach) for one in logs]
