"""What questions to 10,000 profiles with 30 functions each cost, beside SQLite and PostgreSQL."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.harness import ROOT, Figure
from benchmarks.history import data, peers
from kosmos_nb.history import History

REPEATS = 7
SESSIONS = 5
ROWS = f"{data.PROFILES:,} profiles × {data.FUNCTIONS} functions"
# What `History` is asked: a name, the question, and the bar in ms.
ASKED: tuple[tuple[str, Callable[[History], object], float], ...] = (
    ("the last 20 profiles of a notebook", lambda history: history.last(20, notebook=data.NOTEBOOK), 100),
    ("the cells that became slower for good", lambda history: history.regressions(), 300),
)
# A session: the same question twice, in a process that has pandas, as notebooks have, and nothing of ours.
SESSION = """
import sys, time
began_s = time.perf_counter()
import pandas
print(time.perf_counter() - began_s)
from kosmos_nb.history import History
history = History(sys.argv[1])
for _ in range(2):
    began_s = time.perf_counter()
    history.sql(sys.argv[2])
    print(time.perf_counter() - began_s)
"""


def figures() -> list[Figure]:
    """Fill a history in the temp folder, and ask it and the others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with History(folder) as history:
            data.fill(history)
            times_ms = medians_ms({what: partial(ask, history) for what, ask, _ in ASKED})
            asked = [Figure(what, times_ms[what], bar, "ms", note=ROWS) for what, _, bar in ASKED]
            return [*asked, *sessions(folder), *side_by_side(history)]


def sessions(folder: Path) -> list[Figure]:
    """Measure the first and the second query of fresh processes."""
    said = []
    for _ in range(SESSIONS):
        command = [sys.executable, "-c", SESSION, folder, peers.TOP_FUNCTIONS["DuckDB"]]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        said.append([float(word) for word in done.stdout.split()])
    pandas_s, first, second = map(statistics.median, zip(*said, strict=True))
    how = f"median of {SESSIONS} processes; pandas, which is imported before, takes {pandas_s:.2f} s"
    return [
        Figure("top functions of 30 days, first query of a session", first, 1.0, "s", note=how),
        Figure("the same again, over the first", second / first, 1.0, "×", note=f"{second * 1e3:.0f} ms"),
    ]


def side_by_side(history: History) -> list[Figure]:
    """Ask all engines the same, in turn, so that whatever else the machine does strikes all alike."""
    with peers.engines(history) as engines:
        found = {
            what: medians_ms({name: partial(ask, queries[name]) for name, ask in engines.items()})
            for what, queries in peers.QUESTIONS.items()
        }
    figures = []
    for what, times_ms in found.items():
        others = "; ".join(
            f"{name} {time_ms:.3g} ms" for name, time_ms in times_ms.items() if name != "DuckDB"
        )
        figures.append(Figure(f"%%kosmos_sql, warm: {what}", times_ms["DuckDB"], None, "ms", note=others))
    return [*figures, _gain(found)] if peers.WITHOUT in engines else figures


def _gain(found: dict[str, dict[str, float]]) -> Figure:
    """Say what indexes are good for: how many times longer each question takes without them."""
    gains = {what: times_ms[peers.WITHOUT] / times_ms["PostgreSQL"] for what, times_ms in found.items()}
    return Figure(
        "what its indexes gain PostgreSQL, median of the five", statistics.median(gains.values()), None, "×",
        note="; ".join(f"{what} {gain:.2g} ×" for what, gain in gains.items()),
    )  # fmt: skip


def medians_ms(questions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each question, the median of some, after one that does not count; asked in turn."""
    taken: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(REPEATS + 1):
        for name, ask in questions.items():
            began_s = time.perf_counter()
            ask()
            taken[name].append((time.perf_counter() - began_s) * 1e3)
    return {name: statistics.median(times_ms[1:]) for name, times_ms in taken.items()}
