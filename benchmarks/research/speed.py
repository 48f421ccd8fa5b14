"""How fast a run is with warm workers and how much memory it takes, beside what people use.

Every tenth column is a category, the others are numbers, some of which go together. pingouin tests the
numbers; the scipy loop takes `spearmanr`, `brunnermunzel` or `kruskal`, and chi-square, a pair at a time.
What would take the others long is extrapolated from a few seconds of pairs, and says so.
"""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import psutil

from benchmarks.harness import Figure
from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.inquiry import Question, ResearchRun

# Columns, rows, the bar in seconds, and runs of which the median counts.
SMALL = ((20, 1_000, 1.0, 5), (200, 1_000, 5.0, 3), (20, 100_000, 10.0, 3))
LARGE = (200, 100_000, 60.0, 1)
WORKERS = 2
EXTRAPOLATE_S = 3.0
LOOK_EVERY_S = 0.05


def figures() -> list[Figure]:
    """Time the three smaller tables; about a minute, and what the engine takes."""
    with _warm(WORKERS) as pool:
        return [_timed(columns, rows, bar_s, runs, pool) for columns, rows, bar_s, runs in SMALL]


def long_figures() -> list[Figure]:
    """Time all tables, the memory of the largest, and what the second worker gains there."""
    columns, rows, bar_s, _ = LARGE
    table = frame(columns, rows)
    with _warm(WORKERS) as pool, Watch() as watch:  # first, as freed memory stays; it takes time itself
        run_s(table, pool)
    with _warm(1) as pool:
        one_s = _median_s(table, pool)
    with _warm(WORKERS) as pool:
        two_s = _median_s(table, pool)
    data_bytes = columns * rows * 8
    return [
        *figures(),
        Figure(_what(columns, rows), two_s, bar_s, "s", note=f"median of 3; {_beside(table)}"),
        Figure(
            f"research, {columns} × {rows:,}: peak memory above idle workers, over the data",
            watch.pss_bytes / data_bytes, 3.0, "×",
            note=f"kernel and workers, a shared page counted once: {watch.pss_bytes / 1e6:.0f} MB for "
            f"{data_bytes / 1e6:.0f} MB of values; counted in each process, {watch.rss_bytes / 1e6:.0f} MB",
        ),
        Figure(
            f"research, {columns} × {rows:,}: time of 1 worker over time of {WORKERS}", one_s / two_s, 1.7,
            "×", "higher", note=f"warm, medians of 3; {one_s:.1f} s and {two_s:.1f} s",
        ),
    ]  # fmt: skip


def frame(columns: int, rows: int) -> pd.DataFrame:
    """Return generated data without repeated rows: every tenth column a category of two to five levels."""
    rng = np.random.default_rng(0)
    groups = columns // 10
    values = rng.normal(size=(rows, columns - groups))
    for number in range(0, columns - groups - 1, 6):
        values[:, number] += 0.3 * values[:, number + 1]
    table = pd.DataFrame(values, columns=[f"n{number}" for number in range(columns - groups)])
    for number in range(groups):
        table[f"g{number}"] = rng.choice(list("abcde")[: 2 + number % 4], rows)
    return table


def run_s(table: pd.DataFrame, pool: ParallelExperimentExecutor) -> float:
    """Return the seconds from the call to the last verdict."""
    begun = time.perf_counter()
    ResearchRun(table, Question(), pool).result()
    return time.perf_counter() - begun


@dataclass
class Watch:
    """Looks at the memory of this process and its children while it is entered.

    Attributes:
        rss_bytes, pss_bytes: Highest sums seen above those at the start. Resident memory counts a page
            that two processes share twice, proportional memory once. Only Linux tells the latter; elsewhere
            it is the former.
    """

    rss_bytes: int = 0
    pss_bytes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._start = _memory()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            rss, pss = _memory()
            self.rss_bytes = max(self.rss_bytes, rss - self._start[0])
            self.pss_bytes = max(self.pss_bytes, pss - self._start[1])


def _memory() -> tuple[int, int]:
    """Return resident and proportional bytes of this process and all its children."""
    me = psutil.Process()
    rss = pss = 0
    for process in (me, *me.children(recursive=True)):
        try:
            found = process.memory_full_info()
        except psutil.Error:
            continue  # it has just ended
        rss += found.rss
        pss += getattr(found, "pss", found.rss)
    return rss, pss


def _warm(workers: int) -> ParallelExperimentExecutor:
    """Return a pool whose workers have tested something already."""
    pool = ParallelExperimentExecutor(max_workers=workers)
    run_s(frame(20, 500), pool)
    return pool


def _timed(columns: int, rows: int, bar_s: float, runs: int, pool: ParallelExperimentExecutor) -> Figure:
    table = frame(columns, rows)
    value_s = _median_s(table, pool, runs)
    return Figure(_what(columns, rows), value_s, bar_s, "s", note=f"median of {runs}; {_beside(table)}")


def _median_s(table: pd.DataFrame, pool: ParallelExperimentExecutor, runs: int = 3) -> float:
    return statistics.median(run_s(table, pool) for _ in range(runs))


def _what(columns: int, rows: int) -> str:
    return f"research, {columns} columns × {rows:,} rows, {WORKERS} warm workers"


def _beside(table: pd.DataFrame) -> str:
    """Return what pingouin and a scipy loop take for the same table, in words."""
    pingouin_s, pingouin_how = _pingouin(table.select_dtypes("number"))
    loop_s, loop_how = _loop(table)
    return f"pingouin.pairwise_corr {pingouin_s:.3g} s{pingouin_how}; scipy loop {loop_s:.3g} s{loop_how}"


def _pingouin(numbers: pd.DataFrame) -> tuple[float, str]:
    """Time it on ever more columns until a few seconds are spent or none is left."""
    import pingouin as pg

    pg.pairwise_corr(numbers.iloc[:200, :3], method="spearman")
    pairs = numbers.shape[1] * (numbers.shape[1] - 1) // 2
    columns, took_s = 3, 0.0
    while took_s < EXTRAPOLATE_S / 2 and columns < numbers.shape[1]:
        columns = min(2 * columns, numbers.shape[1])
        begun = time.perf_counter()
        pg.pairwise_corr(numbers.iloc[:, :columns], method="spearman", padjust="fdr_bh")
        took_s = time.perf_counter() - begun
    done = columns * (columns - 1) // 2
    return took_s / done * pairs, "" if done == pairs else f" (from {done} of {pairs:,} pairs)"


def _loop(table: pd.DataFrame) -> tuple[float, str]:
    """Time pairs in a random order until a few seconds are spent or none is left."""
    pairs = list(itertools.combinations(table.columns, 2))
    order = np.random.default_rng(1).permutation(len(pairs))
    done, begun = 0, time.perf_counter()
    for place in order:
        x, y = (table[name] for name in pairs[place])
        _test(x, y)
        done += 1
        if time.perf_counter() - begun > EXTRAPOLATE_S:
            break
    took_s = time.perf_counter() - begun
    how = "" if done == len(pairs) else f" (from {done:,} of {len(pairs):,} pairs)"
    return took_s / done * len(pairs), how


def _test(x: pd.Series, y: pd.Series) -> object:
    from scipy.stats import brunnermunzel, chi2_contingency, kruskal, spearmanr

    numbers = [pd.api.types.is_numeric_dtype(column) for column in (x, y)]
    if all(numbers):
        return spearmanr(x, y)
    if not any(numbers):
        return chi2_contingency(pd.crosstab(x, y))
    group, number = (y, x) if numbers[0] else (x, y)
    parts = [part.to_numpy() for _, part in number.groupby(group)]
    test: Callable[..., object] = brunnermunzel if len(parts) == 2 else kruskal
    return test(*parts)
