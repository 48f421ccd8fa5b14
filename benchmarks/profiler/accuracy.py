"""How far from the truth an engine's shares are, in percentage points."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.profiler import roster
from benchmarks.profiler.crew import Worker, WorkerError
from benchmarks.profiler.overhead import SEED, Say
from benchmarks.profiler.truths import TRUTHS, Truth

BAR_POINTS = 5.0
# They say nothing about where the time went; the predecessor's tracer for that is cProfile.
SILENT = (roster.NONE, roster.LIGHT, "memray", "cProfile + tracemalloc")


@dataclass(frozen=True)
class Judged:
    """One run of a program under an engine.

    Attributes:
        points: How far its worst share is off, in percentage points, from the clocks of the runs
            without a profiler in the same round.
        own_points: The same from the clocks of this very run: what the engine itself gets wrong,
            without what it makes slower.
        off: Said minus true share, by part, in points.
        within: Parts whose own ± held the truth of this run, and parts judged.
    """

    truth: str
    engine: str
    round: int
    points: float
    own_points: float
    off: Mapping[str, float]
    within: tuple[int, int] = (0, 0)
    samples: int = 0
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Plan:
    """What is to be measured: `rounds` for who samples, `peer_rounds` for who slows down manyfold."""

    engines: tuple[str, ...]
    truths: tuple[str, ...] = tuple(one.name for one in TRUTHS)
    rounds: int = 5
    peer_rounds: int = 5


def measure(python: str | None, plan: Plan, say: Say) -> dict[str, Any]:
    """Return every judged run as plain values, and which engines are absent, and why."""
    judged: list[Judged] = []
    absent: dict[str, str] = {}
    with Crew(python, [name for name in plan.engines if name not in SILENT], absent) as crew:
        ms = crew.control.ask("turns_per_ms")
        for number in range(plan.rounds):
            say(f"accuracy: round {number + 1} of {plan.rounds}")
            for program in TRUTHS:
                if program.name in plan.truths:
                    late = roster.TRACERS if number >= plan.peer_rounds else ()
                    judged += crew.round(program, number, ms, late)
    return {"judged": [asdict(one) for one in judged], "absent": absent}


class Crew:
    """A worker for each engine, and one that never sees a profiler: the control."""

    def __init__(self, python: str | None, engines: Sequence[str], absent: dict[str, str]) -> None:
        self._python, self._names, self._absent = python, engines, absent
        self._stack = ExitStack()

    def __enter__(self) -> Crew:
        self.control = self._stack.enter_context(Worker(self._python))
        self._workers: dict[str, Worker] = {}
        for name in self._names:
            reason = self.control.ask("absent", engine=name)
            if reason:
                self._absent[name] = reason
            else:
                self._workers[name] = self._stack.enter_context(Worker(self._python))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def round(self, program: Truth, number: int, ms: int, left_out: Sequence[str]) -> list[Judged]:
        """Run a program once under each engine, in shuffled order, with the control before and between."""
        ask = {"do": "truth", "name": program.name, "turns_per_ms": ms}
        order = [
            name
            for name in self._workers
            if name not in left_out and program.name not in roster.CANNOT.get(name, ())
        ]
        random.Random(f"{SEED} {program.name} {number}").shuffle(order)
        controls, runs = [], {}
        for place, name in enumerate(order):
            if place % 3 == 0:
                controls.append(self.control.ask(**ask, engine=roster.NONE))
            try:
                runs[name] = self._workers[name].ask(**ask, engine=name)
            except WorkerError as error:
                if name in roster.OURS:
                    raise
                self._absent[name] = f"failed at {program.name}: {str(error).strip().splitlines()[-1]}"
                del self._workers[name]
        controls.append(self.control.ask(**ask, engine=roster.NONE))
        return [_judge(program, name, number, run, controls) for name, run in runs.items()]


def _judge(
    program: Truth, engine: str, number: int, run: Mapping[str, Any], controls: Sequence[Mapping[str, Any]]
) -> Judged:
    said: Mapping[str, Mapping[str, Any]] = run["said"]
    clock = program.clock if program.clock in said or engine in _CLOCKLESS else "wall"
    true = _means([_true(program, control, clock) for control in controls])
    here = _true(program, run, clock)
    shares = here if engine in _CLOCKLESS else _said(program, said[clock])
    off = {part: (shares[part] - true[part]) * 100 for part in program.parts}
    own = max(abs(shares[part] - here[part]) * 100 for part in program.parts)
    return Judged(
        truth=program.name,
        engine=engine,
        round=number,
        points=max(abs(points) for points in off.values()),
        own_points=own,
        off=off,
        within=_within(program, run),
        samples=run.get("samples", 0),
        notes=tuple(run.get("notes", ())),
    )


# For these the clocks in the program speak: how far apart two runs of one program are.
_CLOCKLESS = (roster.AGAIN,)


def _true(program: Truth, run: Mapping[str, Any], clock: str) -> dict[str, float]:
    parts = run["clocks"][clock]
    whole = sum(parts.values()) if program.of == "parts" else run["whole"][clock]
    return {part: parts.get(part, 0.0) / whole for part in program.parts}


def _said(program: Truth, said: Mapping[str, Any]) -> dict[str, float]:
    times = {part: _time(program, said, part) for part in program.parts}
    whole = sum(times.values()) if program.of == "parts" else said["whole_s"]
    # line_profiler adds up a recursive function's time once a level; more than everything is everything.
    return {part: min(1.0, time_s / whole) if whole > 0 else 0.0 for part, time_s in times.items()}


def _time(program: Truth, said: Mapping[str, Any], part: str) -> float:
    if part.startswith("line "):
        lines = {int(line): time_s for line, time_s in said["lines"].items()}
        return float(lines.get(int(part.split()[1]) + program.first_line - 1, lines.get(0, 0.0)))
    return float(said["functions"].get(part, 0.0))


def _means(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {part: statistics.fmean(one[part] for one in shares) for part in shares[0]}


def _within(program: Truth, run: Mapping[str, Any]) -> tuple[int, int]:
    """Count the parts without callees of their own whose self time ± its error holds the clock's."""
    held = judged = 0
    for part in program.leaves:
        self_s, error_s = run.get("self", {}).get(part, (0.0, 0.0))
        if error_s > 0:
            judged += 1
            # The clocks run on while a sample is taken; the profile leaves that time out.
            held += abs(self_s - run["clocks"]["wall"][part] * run["charged"]) <= error_s
    return held, judged


def worst(judged: Sequence[Judged], engine: str) -> dict[str, tuple[float, float, float, int]]:
    """Return, by truth: median and maximum of the points, their mean with sign for the first part, rounds."""
    rows: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.engine == engine:
            rows[one.truth].append(one)
    return {
        truth: (
            statistics.median(one.points for one in runs),
            max(one.points for one in runs),
            statistics.fmean(next(iter(one.off.values())) for one in runs),
            len(runs),
        )
        for truth, runs in rows.items()
    }
