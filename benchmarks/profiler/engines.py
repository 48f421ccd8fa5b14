"""The profilers that are compared: how each is switched on, and what it says afterwards.

What a user waits for is inside `call`: for ours that is everything, the making of the result
included. `open` and `close` stay outside the clocks: they are what peers need once, in their favour.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from benchmarks.profiler import roster
from kosmos_nb.history import ProfileResult
from kosmos_nb.profiling import ExecutionProfiler

Work = Callable[[], object]


@dataclass
class Said:
    """Where an engine says the time went, by one clock.

    Attributes:
        whole_s: All time that it saw.
        functions: With what they called, by bare name.
        lines: By line number of the file, or of the cell.
    """

    whole_s: float
    functions: dict[str, float] = field(default_factory=dict)
    lines: dict[int, float] = field(default_factory=dict)


class Engine:
    """One profiler, and the profiler that is none.

    Attributes:
        name: As in the tables.
        package: Which has to be importable; None for the standard library and for us.
    """

    name = roster.NONE
    package: str | None = None

    def absent(self) -> str | None:
        """Return why it cannot be used here, or None."""
        if self.package is not None and importlib.util.find_spec(self.package) is None:
            return f"{self.package} is not installed"
        return None

    def open(self, scope: Iterable[ModuleType]) -> None:
        """Make it ready, outside of the clocks."""

    def call(self, work: Work) -> None:
        """Do the work under it. What the work raises goes on."""
        work()

    def close(self) -> None:
        """End it, outside of the clocks."""

    def said(self) -> dict[str, Said]:
        """Return what it says of the newest call, by clock: `wall`, `cpu`."""
        return {}


class NoneAgain(Engine):
    """The control: how far apart nothing and nothing are."""

    name = roster.AGAIN


class Ours(Engine):
    """One of our modes, by `ExecutionProfiler`."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.name = f"kosmos {mode}"
        self._profiler = ExecutionProfiler(mode)

    def call(self, work: Work) -> None:
        self._profiler.profile_function(work)

    def said(self) -> dict[str, Said]:
        return said_by(self.newest)

    @property
    def newest(self) -> ProfileResult:
        """The profile of the newest call."""
        return self._profiler.get_result()


def said_by(result: ProfileResult) -> dict[str, Said]:
    """Return what a profile of ours says."""
    stats, lines = result.function_stats, result.line_stats
    wall = Said(
        sum(stat.self_s for stat in stats),
        _by_name((stat.name, stat.total_s) for stat in stats),
        {stat.line: stat.wall_s for stat in lines},
    )
    cpu = Said(
        sum(stat.self_cpu_s for stat in stats),
        _by_name((stat.name, stat.total_cpu_s) for stat in stats),
        {stat.line: stat.cpu_s for stat in lines},
    )
    return {"wall": wall, "cpu": cpu}


def _by_name(times: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, time_s in times:
        bare = name.rpartition(".")[2]
        found[bare] = found.get(bare, 0.0) + time_s
    return found


class CProfile(Engine):
    """The standard library's deterministic profiler, by its wall clock."""

    name = "cProfile"

    def call(self, work: Work) -> None:
        import cProfile

        self._profile = cProfile.Profile()
        self._profile.enable()
        try:
            work()
        finally:
            self._profile.disable()

    def said(self) -> dict[str, Said]:
        import pstats

        stats: Any = pstats.Stats(self._profile)
        rows = stats.stats.items()
        totals = _by_name((name, row[3]) for (_, _, name), row in rows)
        return {"wall": Said(sum(row[2] for _, row in rows), totals)}


class CProfileAndTracemalloc(CProfile):
    """What this project's predecessor did."""

    name = "cProfile + tracemalloc"

    def call(self, work: Work) -> None:
        import tracemalloc

        tracemalloc.start()
        try:
            super().call(work)
        finally:
            tracemalloc.stop()


class Pyinstrument(Engine):
    """As it comes: 1 ms."""

    name = "pyinstrument"
    package = "pyinstrument"

    def call(self, work: Work) -> None:
        from pyinstrument import Profiler

        self._profiler = Profiler()
        self._profiler.start()
        try:
            work()
        finally:
            self._profiler.stop()

    def said(self) -> dict[str, Said]:
        session = self._profiler.last_session
        root = session.root_frame() if session is not None else None
        if root is None:
            return {}
        totals: dict[str, float] = {}
        waiting: list[tuple[Any, frozenset[str]]] = [(root, frozenset())]
        while waiting:
            frame, above = waiting.pop()
            name = frame.function
            if name not in above:
                totals[name] = totals.get(name, 0.0) + frame.time
            waiting += [(child, above | {name}) for child in frame.children]
        return {"wall": Said(root.time, totals)}


class Memray(Engine):
    """Every allocation, with its stack. It says nothing about time."""

    name = "memray"
    package = "memray"

    def open(self, scope: Iterable[ModuleType]) -> None:
        import tempfile
        from pathlib import Path

        import memray

        self._folder = tempfile.TemporaryDirectory()
        self._tracker = memray.Tracker(Path(self._folder.name) / "memray.bin")
        self._tracker.__enter__()

    def close(self) -> None:
        self._tracker.__exit__(None, None, None)
        self._folder.cleanup()


class LineProfiler(Engine):
    """Every line of every function of the user's."""

    name = "line_profiler"
    package = "line_profiler"

    def __init__(self) -> None:
        self._profiler: Any = None

    def open(self, scope: Iterable[ModuleType]) -> None:
        import warnings

        from line_profiler import LineProfiler as Lines

        self._profiler = Lines()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # functions that are wrapped already, by dataclasses
            for module in scope:
                self._profiler.add_module(module)

    def call(self, work: Work) -> None:
        self._profiler.enable_by_count()
        try:
            work()
        finally:
            self._profiler.disable_by_count()

    def said(self) -> dict[str, Said]:
        stats = self._profiler.get_stats()
        by_function = {key: rows for key, rows in stats.timings.items() if rows}
        totals = _by_name(
            (name, sum(row[2] for row in rows) * stats.unit) for (_, _, name), rows in by_function.items()
        )
        lines: dict[int, float] = {}
        for rows in by_function.values():
            for line, _, ticks in rows:
                lines[line] = lines.get(line, 0.0) + ticks * stats.unit
        return {"wall": Said(totals.get("scene", 0.0), totals, lines)}
