"""What saving costs: 1 profile with 30 child rows and its call tree, durable, one transaction each."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, event, insert

from benchmarks.harness import Figure
from kosmos_nb.core import uuid7
from kosmos_nb.history import (
    Bottleneck,
    CallNode,
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


def profile() -> ProfileResult:
    """Return a profile as a cell of 10 lines gives it: 15 functions, 10 lines, 5 bottlenecks."""
    names = [f"function_{n}" for n in range(15)]
    common = {"file": CELL, "self_s": 0.1, "total_s": 0.2, "self_cpu_s": 0.1, "samples": 10}
    leaves = tuple(CallNode(name=name, line=n, **common) for n, name in enumerate(names))
    return ProfileResult(
        id=uuid7(), kind="cell", mode="standard", status="ok", started_at_us=time.time_ns() // 1000,
        wall_s=1.5, cpu_s=1.4, user_s=1.3, system_s=0.1, main_thread_cpu_s=1.4,
        rss_start_bytes=10**8, rss_end_bytes=2 * 10**8, peak_bytes=3 * 10**8, peak_method="VmHWM",
        code="x = f(x)\n" * 10, code_hash="0" * 64,
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
                    connection.execute(insert(Base.metadata.tables[table]), stamped)

    return save


def figures() -> list[Figure]:
    """Measure on a new history in the temp folder."""
    with tempfile.TemporaryDirectory() as folder:
        with History(folder) as history:
            saved = times_s(history.save)
            records = [profile() for _ in range(SAVES)]
            start = time.perf_counter()
            for record in records:
                history.save_later(record)
            put_s = (time.perf_counter() - start) / SAVES
            history.flush()
        core_ms = statistics.median(times_s(by_core(Path(folder)))) * 1e3
    p99_ms = statistics.quantiles(saved, n=100)[98] * 1e3
    note = f"1 + 30 rows and a call tree; p99 {p99_ms:.1f} ms; through SQLAlchemy Core {core_ms:.2f} ms"
    return [
        Figure("save of a profile, median", statistics.median(saved) * 1e3, 5.0, "ms", note=note),
        Figure("handing a profile to the background", put_s * 1e3, 0.5, "ms", note="what the cell waits"),
    ]
