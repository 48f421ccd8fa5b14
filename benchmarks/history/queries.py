"""What questions to 10,000 profiles with 30 functions each cost, beside SQLite and PostgreSQL."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
            asked = [
                Figure(what, median_ms(lambda ask=ask: ask(history)), bar, "ms", note=ROWS)
                for what, ask, bar in ASKED
            ]
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
    """Ask all engines the same, in one run; warm."""
    engines: dict[str, Callable[[str], object]] = {"DuckDB": history.sql}
    found: dict[str, dict[str, float]] = {}
    with peers.sqlite(history) as engines["SQLite"], peers.postgres(history) as ask_and_drop:
        if ask_and_drop is not None:
            engines["PostgreSQL"], drop_indexes = ask_and_drop
        for engine, ask in engines.items():
            found[engine] = _times_ms(ask, engine)
        if ask_and_drop is not None:
            drop_indexes()
            found["PostgreSQL without indexes"] = _times_ms(engines["PostgreSQL"], "PostgreSQL")
    figures = [
        Figure(f"%%kosmos_sql, warm: {what}", found["DuckDB"][what], None, "ms", note=_told(found, what))
        for what in peers.QUESTIONS
    ]
    return [*figures, _gain(found)] if ask_and_drop is not None else figures


def _gain(found: dict[str, dict[str, float]]) -> Figure:
    """Say what indexes are good for: how many times longer each question takes without them."""
    with_them, without = found["PostgreSQL"], found["PostgreSQL without indexes"]
    gains = {what: without[what] / with_them[what] for what in peers.QUESTIONS}
    return Figure(
        "what its indexes gain PostgreSQL, median of the five", statistics.median(gains.values()), None, "×",
        note="; ".join(f"{what} {gain:.2g} ×" for what, gain in gains.items()),
    )  # fmt: skip


def _told(found: dict[str, dict[str, float]], what: str) -> str:
    return "; ".join(
        f"{engine} {times[what]:.3g} ms" for engine, times in found.items() if engine != "DuckDB"
    )


def _times_ms(ask: Callable[[str], object], engine: str) -> dict[str, float]:
    return {
        what: median_ms(lambda query=queries[engine]: ask(query)) for what, queries in peers.QUESTIONS.items()
    }


def median_ms(ask: Callable[[], object]) -> float:
    """Milliseconds of a question, the median of some, after one that does not count."""
    taken = []
    for _ in range(REPEATS + 1):
        began_s = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began_s) * 1e3)
    return statistics.median(taken[1:])
