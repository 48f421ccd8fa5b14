"""One run of everything in one Python, in a fixed order, with progress said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness import circumstances
from benchmarks.profiler import accuracy, memory, overhead, roster, truths, workloads
from benchmarks.profiler.crew import Worker, WorkerError
from benchmarks.profiler.overhead import Say
from benchmarks.profiler.results import Results

PARTS = ("fixed", "unit", "memory", "own_memory", "overhead", "accuracy")


@dataclass(frozen=True)
class Campaign:
    """What to measure.

    Attributes:
        python: The interpreter; None for this one.
        engines: Who takes part in overhead and accuracy.
        rounds, peer_rounds: Of the overhead, for samplers and for tracers.
        accuracy_rounds: Of the accuracy.
    """

    python: str | None = None
    engines: tuple[str, ...] = roster.ENGINES
    parts: tuple[str, ...] = PARTS
    workloads: tuple[str, ...] = workloads.names()
    truths: tuple[str, ...] = tuple(one.name for one in truths.TRUTHS)
    rounds: int = 20
    peer_rounds: int = 6
    accuracy_rounds: int = 5

    def run(self, say: Say) -> Results:
        """Measure and return it."""
        with Worker(self.python) as worker:
            version = worker.ask("python")
        results = Results(version, circumstances(), load=(_load(), 0.0))
        for part in PARTS:
            if part in self.parts:
                say(f"Python {version}: {part}")
                setattr(results, part, getattr(self, f"_{part}")(say))
        results.load = (results.load[0], _load())
        return results

    def _fixed(self, say: Say) -> object:
        return self._ask("fixed")

    def _unit(self, say: Say) -> object:
        return self._ask("unit")

    def _memory(self, say: Say) -> object:
        """Return each engine's peak, or why there is none."""
        found: dict[str, object] = {}
        for engine in memory.ENGINES:
            try:
                found[engine] = self._ask("memory", engine=engine)
            except WorkerError as error:
                if engine in roster.OURS:
                    raise
                found[engine] = {"absent": str(error).strip().splitlines()[-1]}
        return found

    def _own_memory(self, say: Say) -> object:
        """Return what is held by mode: with many stacks, and with another stack at every sample."""
        return {
            "full mode, 2,000 different stacks": self._ask("own_memory", mode="full", distinct=2_000),
            "full mode, every sample another stack": self._ask("own_memory", mode="full"),
            "standard mode, every sample another stack": self._ask("own_memory", mode="standard"),
        }

    def _overhead(self, say: Say) -> object:
        plan = overhead.Plan(self.engines, self.workloads, self.rounds, self.peer_rounds)
        return overhead.measure(self.python, plan, say)

    def _accuracy(self, say: Say) -> object:
        plan = accuracy.Plan(self.engines, self.truths, self.accuracy_rounds)
        return accuracy.measure(self.python, plan, say)

    def _ask(self, part: str, **how: object) -> object:
        with Worker(self.python) as worker:
            return worker.ask("measure", part=part, **how)


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def only_ours(peers: Sequence[str] = ("cProfile",)) -> tuple[str, ...]:
    """Return ourselves, the control, and these peers."""
    return (roster.NONE, roster.AGAIN, *roster.OURS, *peers)
