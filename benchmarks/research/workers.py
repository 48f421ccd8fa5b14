"""What a second worker buys, and how soon a fresh kernel has a verdict."""

from __future__ import annotations

import statistics
import tempfile
import time

import numpy as np
import pandas as pd

from benchmarks.harness import Figure
from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.inquiry import Question, ResearchRun
from tests.kernel import running_kernel

ROUNDS = 5
ROWS, NUMERIC, CATEGORIES = 50_000, 30, 10
FRESH = 3


def figures() -> list[Figure]:
    """Return the figures of research runs."""
    ratio, one_s, two_s = _workers()
    return [
        Figure(
            name="research: time with 2 workers over time with 1, warm",
            value=ratio,
            bar=0.65,
            unit="×",
            note=f"{NUMERIC + CATEGORIES} columns × {ROWS:,} rows, 780 pairs; median of {ROUNDS} pairs; "
            f"{one_s:.2f} s and {two_s:.2f} s",
        ),
        Figure(
            name="research: first verdict in a fresh kernel",
            value=statistics.median(_first_verdict_s() for _ in range(FRESH)),
            bar=3.0,
            unit="s",
            note=f"penguins, from sending the command to a verdict on the board; median of {FRESH} kernels",
        ),
    ]


def _workers() -> tuple[float, float, float]:
    """Return the median ratio of paired runs and the median times of one and of two workers."""
    table = _table()
    with ParallelExperimentExecutor(max_workers=1) as one, ParallelExperimentExecutor(max_workers=2) as two:
        for pool in (one, two):
            _run_s(table.head(500), pool)
        pairs = [(_run_s(table, one), _run_s(table, two)) for _ in range(ROUNDS)]
    return (
        statistics.median(second / first for first, second in pairs),
        statistics.median(first for first, _ in pairs),
        statistics.median(second for _, second in pairs),
    )


def _run_s(table: pd.DataFrame, pool: ParallelExperimentExecutor) -> float:
    begun = time.perf_counter()
    ResearchRun(table, Question(), pool).result()
    return time.perf_counter() - begun


def _table() -> pd.DataFrame:
    """Return generated data without repeated rows; some columns go together."""
    rng = np.random.default_rng(0)
    numbers = {f"n{i}": rng.normal(size=ROWS) for i in range(NUMERIC)}
    for i in range(0, NUMERIC, 6):
        numbers[f"n{i}"] = numbers[f"n{i + 1}"] * 0.3 + numbers[f"n{i}"]
    groups = {f"g{i}": rng.choice(list("abcde")[: 2 + i % 4], ROWS) for i in range(CATEGORIES)}
    return pd.DataFrame(numbers | groups)


def _first_verdict_s() -> float:
    """Return the seconds from the command to the first verdict, seen from outside the kernel."""
    with tempfile.TemporaryDirectory() as home, running_kernel(env={"KOSMOS_HOME": home}) as kernel:
        kernel.run("%load_ext kosmos_nb\nfrom palmerpenguins import load_penguins\ndf = load_penguins()")
        begun = time.perf_counter()
        kernel.run('%kosmos_research "What drives flipper length?" --data df -o run', cell_id="fresh")
        kernel.run("while run.partial.empty: __import__('time').sleep(0.005)")
        return time.perf_counter() - begun
