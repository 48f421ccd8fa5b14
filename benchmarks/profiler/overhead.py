"""What an engine adds to real work: pairs with and without it, taken in turn, in shuffled order."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.profiler import roster
from benchmarks.profiler.crew import Worker, WorkerError

SEED = 20261123
Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One run of a workload under an engine.

    Attributes:
        group: The engines that shared its process, by the first of them.
        cpu_s, wall_s: Of the whole process, from before the engine's start until its result is made.
        running_cpu_s: Of ours: between the session's start and stop alone.
        own_s: Of ours: what it says that it cost.
    """

    workload: str
    group: str
    round: int
    engine: str
    cpu_s: float
    wall_s: float
    running_cpu_s: float | None = None
    own_s: float | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be measured: `rounds` for who samples, `peer_rounds` for who slows down manyfold."""

    engines: tuple[str, ...]
    workloads: tuple[str, ...]
    rounds: int = 20
    peer_rounds: int = 6


def measure(python: str | None, plan: Plan, say: Say) -> dict[str, object]:
    """Return all runs as plain values, and the engines that could not run with the reason."""
    runs: list[Run] = []
    absent = _absent(python, plan.engines)
    present = tuple(name for name in plan.engines if name not in absent)
    for number, workload in enumerate(plan.workloads, 1):
        say(f"overhead {number}/{len(plan.workloads)}: {workload}")
        for group in roster.groups(present):
            rounds = plan.peer_rounds if group[0] in roster.TRACERS else plan.rounds
            try:
                runs += _group(python, workload, group, rounds)
            except WorkerError as error:
                if group[0] not in roster.TRACERS:
                    raise
                absent[group[0]] = f"failed at {workload}: {str(error).strip().splitlines()[-1]}"
                say(f"  {group[0]} {absent[group[0]]}")
    return {"runs": [asdict(run) for run in runs], "absent": absent}


def _absent(python: str | None, engines: Sequence[str]) -> dict[str, str]:
    with Worker(python) as worker:
        reasons = {name: worker.ask("absent", engine=name) for name in engines}
    return {name: reason for name, reason in reasons.items() if reason}


def _group(python: str | None, workload: str, group: tuple[str, ...], rounds: int) -> list[Run]:
    order = random.Random(f"{SEED} {workload} {group[0]}")
    everyone = [roster.NONE, *group]
    runs = []
    with Worker(python) as worker:
        for number in range(-1, rounds):  # the first round warms up
            order.shuffle(everyone)
            for engine in everyone:
                took = worker.ask("work", workload=workload, engine=engine)
                if number >= 0:
                    runs.append(Run(workload, group[0], number, engine, **took))
    return runs


def paired(runs: Sequence[Run], engine: str, clock: str) -> dict[str, list[float]]:
    """Return the ratios to the run without a profiler of the same round, by workload.

    Args:
        clock: `cpu_s`, `wall_s`, or `running_cpu_s`.
    """
    without = {(run.workload, run.group, run.round): run for run in runs if run.engine == roster.NONE}
    ratios: dict[str, list[float]] = defaultdict(list)
    base = "wall_s" if clock == "wall_s" else "cpu_s"
    for run in runs:
        time_s = getattr(run, clock)
        if run.engine == engine and time_s is not None:
            ratios[run.workload].append(time_s / getattr(without[run.workload, run.group, run.round], base))
    return dict(ratios)
