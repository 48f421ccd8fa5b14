"""Where a series of run times steps from one level to another.

Run times are judged as logarithms. The place where the runs before and the runs after differ most is
sought with 5, 7, 10, 15, … runs on either side, and with all of them; there the medians have to be 20 % and
50 ms apart. It is a step if fewer than one in a hundred shuffles of the same runs show one as clear,
anywhere; then the parts before and after it are searched alike. In the end each step is moved to where the
levels beside it fit best, and levels of fewer than 5 runs or not far enough apart are made one.

The search of the parts and the shuffles are those of Matteson and James, J. Am. Stat. Assoc. 109 (2014),
334 (E-Divisive, which MongoDB and Apache Otava use on benchmarks); the windows, which find a short plateau
in a long series, those of Eichinger and Kirch, Bernoulli 24 (2018), 526. benchmarks/history/ measures how
often chance is taken for a step, how often a step is found, and how long it takes.

Shuffles know no order: runs that drift are not like each other, and are told as a few steps of a stair.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from kosmos_nb.history.standing import LEAST_RATIO, LEAST_S

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Fewer runs are no level; and of ten runs, five slow ones lie together in one order of 126 by chance.
LEAST_LEVEL = 5
LEAST_RUNS = 2 * LEAST_LEVEL + 1
# Shuffles made so far, and how many of them may be as clear where there is a step. The last pair errs in
# 0.9 % of unchanged series; stopping at the one before adds 0.07 %: nine or more, all after the 199th.
_STAGES = ((49, -1), (199, 0), (999, 8))
# So many numbers are shuffled at once: more would leave the processor's cache.
_BLOCK = 2**14
# An outlier counts as no more than this, or than one standard deviation where the runs vary more.
_OUTLIER, _SCALE = math.log(1.5), 1.4826
# Sums of the same numbers in another order differ by less.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change from one level of run times to the next.

    Attributes:
        index: The first run at the new level, counted from 0.
        before_s, after_s: Medians of the levels beside it, in seconds; a level ends at the next step.
        p: Share of shuffles that show as clear a step; below 0.01, and 0.005 where 199 showed none.
    """

    index: int
    before_s: float
    after_s: float
    p: float

    @property
    def ratio(self) -> float:
        """The new level over the one before; above 1 is slower."""
        return self.after_s / self.before_s


def find_steps(times_s: Sequence[float], *, seed: int = 0) -> list[Step]:
    """Return the steps of a series of run times, in order; fewer than 11 runs have none.

    A level has five runs or more, so that a step is told with its fifth run at the new level.

    Args:
        times_s: Seconds, in order of the runs, of one code on one machine.
        seed: Of the shuffles; the same times and seed give the same steps.

    Raises:
        ValueError: A time is not a positive number.
    """
    times = list(times_s)
    if not all(math.isfinite(time_s) and time_s > 0 for time_s in times):
        raise ValueError("find_steps() takes positive times in seconds.")
    chances: dict[int, float] = {}
    parts, shuffler = [(0, len(times))], None
    while parts:
        start, end = parts.pop()
        part = times[start:end]
        if _may_step(part):
            shuffler = shuffler or _shuffler(seed)
            at, p = _clearest(part, shuffler)
            if p is not None:
                chances[start + at] = p
                parts += [(start, start + at), (start + at, end)]
    return _settled(times, chances)


def _may_step(times_s: Sequence[float]) -> bool:
    """Return whether there can be two levels; of most series nothing more is asked."""
    if len(times_s) < LEAST_RUNS:
        return False
    # Of five runs or more, three or more lie on the far side of their median.
    ordered, third = sorted(times_s), LEAST_LEVEL // 2
    return _are_apart(ordered[third], ordered[-1 - third])


def _are_apart(one_s: float, other_s: float) -> bool:
    low_s, high_s = min(one_s, other_s), max(one_s, other_s)
    return high_s >= LEAST_RATIO * low_s and high_s - low_s >= LEAST_S


def _shuffler(seed: int) -> np.random.Generator:
    import numpy as np  # noqa: PLC0415 - most series need none

    return np.random.default_rng(seed)


def _clearest(times_s: Sequence[float], shuffler: np.random.Generator) -> tuple[int, float | None]:
    """Return the first run after the clearest step, and its p; None where it is none."""
    import numpy as np  # noqa: PLC0415 - most series need none

    logs = [math.log(time_s) for time_s in times_s]
    centre = statistics.median(logs)
    reach = max(_OUTLIER, _SCALE * statistics.median([abs(log - centre) for log in logs]))
    row = (np.array(logs) - centre).clip(-reach, reach)
    row -= row.mean()
    best = [(float(clear.max()), first + int(clear.argmax()), width) for first, width, clear in _search(row)]
    for clear, at, width in sorted(best, reverse=True):
        start, end = max(0, at - width), min(at + width, len(logs))
        if _are_apart(statistics.median(times_s[start:at]), statistics.median(times_s[at:end])):
            return _moved(logs, start, at, end), _chance(row, clear, shuffler)
    return 0, None


def _search(rows: NDArray[np.float64]) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Yield, for each width, how clearly the runs before and after each place differ.

    That is the difference of their means over its standard error, but for the runs' own deviation, which
    no shuffle changes.

    Args:
        rows: Logarithms with a mean of zero, shape (..., n).

    Yields:
        The first place, the width, and how clear each place is, shape (..., places). A place is the first
        run after it; there may be fewer runs than the width on a side.
    """
    import numpy as np  # noqa: PLC0415 - most series need none

    n = rows.shape[-1]
    sums = np.zeros((*rows.shape[:-1], n + 1))
    np.cumsum(rows, axis=-1, out=sums[..., 1:])
    width = LEAST_LEVEL
    while 2 * width < n:
        within = sums[..., width:] - sums[..., :-width]
        yield width, width, np.abs(within[..., width:] - within[..., :-width]) / math.sqrt(2 * width)
        width = width * 3 // 2
    # The mean is zero: what lies after a place has the sum of what lies before it, negative.
    before = np.arange(LEAST_LEVEL, n - LEAST_LEVEL + 1)
    apart = np.abs(sums[..., LEAST_LEVEL : n - LEAST_LEVEL + 1])
    yield LEAST_LEVEL, n, apart / np.sqrt(before * (n - before) / n)


def _chance(row: NDArray[np.float64], clear: float, shuffler: np.random.Generator) -> float | None:
    """Return the share of shuffles that show as clear a step anywhere; None where they are too many."""
    made = as_clear = 0
    for shuffles, allowed in _STAGES:
        as_clear += _as_clear(row, clear, shuffles - made, shuffler)
        made = shuffles
        if as_clear <= allowed:
            return (1 + as_clear) / (1 + made)
        if as_clear > _STAGES[-1][1]:
            break
    return None


def _as_clear(row: NDArray[np.float64], clear: float, shuffles: int, shuffler: np.random.Generator) -> int:
    """Count the shuffles, out of so many, that show as clear a step anywhere."""
    import numpy as np  # noqa: PLC0415 - most series need none

    at_once, found = max(1, _BLOCK // row.size), 0
    for made in range(0, shuffles, at_once):
        rows = np.broadcast_to(row, (min(at_once, shuffles - made), row.size))
        searched = _search(shuffler.permuted(rows, axis=-1))
        clearest = np.max([places.max(axis=-1) for _, _, places in searched], axis=0)
        found += int(np.count_nonzero(clearest >= clear * (1 - _ROUNDING)))
    return found


def _settled(times_s: Sequence[float], chances: dict[int, float]) -> list[Step]:
    """Move each place to where it fits best; drop it if a level there is short or hardly another one."""
    logs = [math.log(time_s) for time_s in times_s]
    bounds, ps = [0, *sorted(chances), len(logs)], [chances[at] for at in sorted(chances)]
    while ps:
        for n in range(1, len(bounds) - 1):
            bounds[n] = _moved(logs, *bounds[n - 1 : n + 2])
        levels = pairwise([times_s[start:end] for start, end in pairwise(bounds)])
        steps, weak = [], []
        for at, (before, after), p in zip(bounds[1:], levels, ps, strict=False):
            before_s, after_s = statistics.median(before), statistics.median(after)
            steps.append(Step(index=at, before_s=before_s, after_s=after_s, p=p))
            if min(len(before), len(after)) < LEAST_LEVEL or not _are_apart(before_s, after_s):
                weak.append(steps[-1])
        if not weak:
            return steps
        least = steps.index(min(weak, key=lambda step: abs(math.log(step.ratio))))
        del bounds[least + 1], ps[least]
    return []


def _moved(logs: Sequence[float], start: int, at: int, end: int) -> int:
    """Return the place at which the runs from start to end lie closest to the medians before and after it."""
    before, after = statistics.median(logs[start:at]), statistics.median(logs[at:end])
    cost = list(accumulate(abs(log - before) - abs(log - after) for log in logs[start : end - 1]))
    return start + 1 + cost.index(min(cost))
