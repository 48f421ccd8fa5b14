"""What saving costs: 1 profile with 30 child rows and its call tree, durable, one transaction each."""

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, event, insert

from benchmarks.harness import ROOT, Figure
from kosmos_nb.core import uuid7
from kosmos_nb.history import (
    Bottleneck,
    CallNode,
    Environment,
    FunctionStat,
    History,
    LineStat,
    MemorySnapshot,
    ProfileResult,
)
from kosmos_nb.history.rows import to_bundle
from kosmos_nb.history.tables import Base

SAVES = 300
CELL = "/tmp/ipykernel_1/1.py"
PLACE = Environment(
    host_class="AMD EPYC, 2 cores, 8 GB",
    system="Linux",
    packages=tuple(f"package{n} 1.{n}" for n in range(40)),
)
WRITERS, ROUNDS, ROUND_S = 8, 3, 5.0
# One of the writers: says that it is ready, and saves without a pause until its time is up.
WRITE = """
import json, sys, time
from benchmarks.history.saving import profile
from kosmos_nb.history import History
with History(sys.argv[1]) as history:
    history.save(profile())
    print("ready", flush=True)
    sys.stdin.readline()
    end_s, taken = time.perf_counter() + float(sys.argv[2]), []
    while time.perf_counter() < end_s:
        record = profile()
        began_s = time.perf_counter()
        history.save(record)
        taken.append(time.perf_counter() - began_s)
    print(json.dumps(taken))
"""


def profile() -> ProfileResult:
    """Return a profile as a cell of 10 lines gives it: 15 functions, 10 lines, 5 bottlenecks."""
    names = [f"function_{n}" for n in range(15)]
    common = {"file": CELL, "self_s": 0.1, "total_s": 0.2, "self_cpu_s": 0.1, "samples": 10}
    leaves = tuple(CallNode(name=name, line=n, **common) for n, name in enumerate(names))
    return ProfileResult(
        id=uuid7(), kind="cell", mode="standard", status="ok", started_at_us=time.time_ns() // 1000,
        wall_s=1.5 * random.uniform(0.97, 1.03), cpu_s=1.4, user_s=1.3, system_s=0.1, main_thread_cpu_s=1.4,
        rss_start_bytes=10**8, rss_end_bytes=2 * 10**8, peak_bytes=3 * 10**8, peak_method="VmHWM",
        code="x = f(x)\n" * 10, code_hash="0" * 64, host="lab", python="3.11.7",
        environment=PLACE, is_warm=True, notebook="/notebooks/first.ipynb", cell_id="c1",
        tree=CallNode(name="<module>", line=1, children=leaves, **common),
        function_stats=tuple(
            FunctionStat(name=name, line=n, total_cpu_s=0.2, **common) for n, name in enumerate(names)
        ),
        line_stats=tuple(
            LineStat(line=n, source="x = f(x)", wall_s=0.1, cpu_s=0.1, samples=9) for n in range(1, 11)
        ),
        bottlenecks=tuple(
            Bottleneck(
                kind="line", name="x = f(x)", file=CELL, line=n, share=0.2, wall_s=0.3, cpu_s=0.3,
                severity="high", reading="20 % of the time is in one line.",
            )
            for n in range(5)
        ),
        memory_snapshots=tuple(
            MemorySnapshot(timestamp=n / 10, current_mb=100.0 + n, peak_mb=120.0 + n) for n in range(20)
        ),
    )  # fmt: skip


def times_s(save: Callable[[ProfileResult], object]) -> list[float]:
    """Seconds of each save, without the first ten."""
    taken = []
    for record in [profile() for _ in range(SAVES + 10)]:
        start = time.perf_counter()
        save(record)
        taken.append(time.perf_counter() - start)
    return taken[10:]


def by_core(folder: Path) -> Callable[[ProfileResult], object]:
    """Return the same save through SQLAlchemy Core, for comparison."""
    engine = create_engine(f"sqlite:///{folder / 'history.sqlite'}")

    @event.listens_for(engine, "connect")
    def _prepare(connection, _record) -> None:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    connection = engine.connect()

    def save(record: ProfileResult) -> None:
        with connection.begin():
            for table, rows in to_bundle(record).rows.items():
                if rows:
                    stamped = [{**row, "origin": "-"} for row in rows] if table == "executions" else rows
                    connection.execute(insert(Base.metadata.tables[table]).prefix_with("OR IGNORE"), stamped)

    return save


def cell_waits(history: History) -> Figure:
    """Measure what a cell waits at its end: how it stands among 60 runs, and being handed over."""
    judged_s, handed_s = [], []
    for record in [profile() for _ in range(SAVES)]:
        history.flush()  # the user does not run the next cell within the same millisecond
        began_s = time.perf_counter()
        standing = history.standing(record, at_once=True)
        judged_s.append(time.perf_counter() - began_s)
        history.save_later(record)
        handed_s.append(time.perf_counter() - began_s - judged_s[-1])
        assert standing is not None
    both_s = [judged + handed for judged, handed in zip(judged_s, handed_s, strict=True)]
    parts = (
        f"how it stands among 60 runs {p50_ms(judged_s):.3f} ms, handing it over {p50_ms(handed_s):.3f} ms"
    )
    return Figure(
        "what a cell waits for the history, median", p50_ms(both_s), 0.2, "ms",
        note=f"{parts}; p99 {p99_ms(both_s):.2f} ms",
    )  # fmt: skip


def writers_s(folder: Path) -> list[list[float]]:
    """Seconds of each save of each of the writers, who save at once and without a pause."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, folder, str(ROUND_S)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(WRITERS)
    ]  # fmt: skip
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in processes]


def p50_ms(taken: list[float]) -> float:
    return statistics.median(taken) * 1e3


def p99_ms(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=100)[98] * 1e3


def eight_writers() -> Figure:
    """Measure the writer that is served worst, in a few rounds."""
    worst_ms, counts = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            taken = writers_s(Path(folder))
        worst_ms.append(max(map(p99_ms, taken)))
        counts.append([len(one) for one in taken])
    counts.sort(key=lambda some: min(some) / max(some))
    fewest, most = min(counts[0]), max(counts[0])
    return Figure(
        f"{WRITERS} writers at once, the slowest's p99", statistics.median(worst_ms), 250.0, "ms",
        note=f"no pauses; median of {ROUNDS} rounds of {ROUND_S:g} s; least even: {fewest} to {most} saves",
    )  # fmt: skip


def figures() -> list[Figure]:
    """Measure on a new history in the temp folder."""
    with tempfile.TemporaryDirectory() as folder:
        with History(folder) as history:
            saved = times_s(history.save)
            waits = cell_waits(history)
        core = times_s(by_core(Path(folder)))
    how = f"1 + 30 rows and a call tree; through SQLAlchemy Core {p50_ms(core):.2f} ms"
    return [
        Figure("save of a profile, median", p50_ms(saved), 2.0, "ms", note=how),
        Figure("save of a profile, p99", p99_ms(saved), 25.0, "ms", note=f"of {SAVES}"),
        waits,
        eight_writers(),
    ]
