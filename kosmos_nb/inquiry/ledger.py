"""What a run knows about itself, kept by one thread and read by any."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psutil

from kosmos_nb.core import Clock, uuid7s
from kosmos_nb.execution import ExperimentResult
from kosmos_nb.history.records import (
    Experiment,
    Hypothesis,
    HypothesisState,
    Run,
    RunSnapshot,
    RunStatus,
    Verdict,
)
from kosmos_nb.inquiry.blocks import Block
from kosmos_nb.inquiry.course import Course
from kosmos_nb.inquiry.measurement import Measurement
from kosmos_nb.inquiry.states import Event

FEWEST_FOR_ETA = 3


class Ledger:
    """The state of a run: every hypothesis, experiment and step, under one lock.

    Args:
        run: The run as it begins.
        clock: For elapsed times.
        on_change: Called without the lock after each change, from the thread that made it.
    """

    def __init__(self, run: Run, clock: Clock, on_change: Callable[[], None]) -> None:
        self._run = run
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._courses: dict[str, Course] = {}
        self._experiments: list[Experiment] = []
        self._begun_s = clock.monotonic_s()
        self._cpu_begun_s = 0.0
        self._peak_own = 0
        self._peak_of: dict[int, int] = {}
        self._step = ""
        self._testing_since_s: float | None = None
        self._seq = 0
        self._seconds: dict[str, float] = {}

    def begin(self) -> None:
        """Start the run's CPU clock; called in the thread that conducts it."""
        self._cpu_begun_s = time.thread_time()

    def snapshot(self) -> RunSnapshot:
        """Return a frozen picture of the run as it is now."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            self._seq += 1
            live = self._run.status == "running"
            run = dataclasses.replace(self._run, wall_s=now_s - self._begun_s) if live else self._run
            return RunSnapshot(
                run=run,
                progress=tuple(course.picture(now_s) for course in self._courses.values()),
                experiments=tuple(self._experiments),
                seq=self._seq,
                step=self._step,
                eta_s=self._eta_s(now_s) if live else None,
            )

    def describe(self, **changes: object) -> None:
        """Set fields of the run itself."""
        with self._lock:
            self._run = dataclasses.replace(self._run, **changes)  # type: ignore[arg-type]
        self._on_change()

    def note(self, notes: Sequence[str]) -> None:
        """Add sentences about what was left out or changed."""
        with self._lock:
            self._run = dataclasses.replace(self._run, notes=(*self._run.notes, *notes))

    def propose(self, hypotheses: Sequence[Hypothesis]) -> None:
        """Enter hypotheses, in order."""
        with self._lock:
            self._courses = {h.id: Course(h) for h in hypotheses}
        self._on_change()

    def advance(
        self, hypothesis_id: str, event: Event, *, reason: str = "", verdict: Verdict | None = None
    ) -> None:
        """Move one hypothesis on, as the table of states allows."""
        with self._lock:
            self._courses[hypothesis_id].move(
                event, self._clock.monotonic_s(), reason=reason, verdict=verdict
            )
        self._on_change()

    def advance_all(self, hypothesis_ids: Sequence[str], event: Event) -> None:
        """Move many on at once."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            for one in hypothesis_ids:
                self._courses[one].move(event, now_s)
        self._on_change()

    def start(self, block: Block) -> None:
        """Enter that the tests of a block have begun; a part of one that failed has begun before."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            for course in [self._courses[test.hypothesis.id] for test in block.tests]:
                if course.state == "queued":
                    course.move("start", now_s)
        self._on_change()

    def conclude(self, verdicts: Mapping[str, Verdict]) -> None:
        """Enter the verdicts on what was analysed, by hypothesis."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            for one, verdict in verdicts.items():
                self._courses[one].move("conclude", now_s, verdict=verdict)
        self._on_change()

    def families(self) -> dict[str, str]:
        """Return the family of every hypothesis that was not dropped, by id, in order."""
        with self._lock:
            return {
                name: course.hypothesis.family
                for name, course in self._courses.items()
                if course.state != "dropped"
            }

    def family_sizes(self) -> Counter[str]:
        """Return how many hypotheses each family has."""
        return Counter(self.families().values())

    def measured(self, found: Mapping[str, Measurement]) -> None:
        """Enter what the tests of some hypotheses measured, by hypothesis."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            for name, measurement in found.items():
                self._courses[name].move("measure", now_s, measured=measurement)
        self._on_change()

    def add_experiments(
        self, result: ExperimentResult, hypothesis_ids: Sequence[str], outcomes: Sequence[str | None]
    ) -> list[str]:
        """Enter the experiments of a block that ended; return their ids.

        The tests of a block are carried out together, so that each has an equal share of its time, one
        after the other.

        Args:
            result: Of the block. hypothesis_ids: What it tested.
            outcomes: What each test measured, as JSON.
        """
        share = 1 / len(hypothesis_ids)
        ids = uuid7s(len(hypothesis_ids))
        experiments = [
            Experiment(
                id=new_id,
                hypothesis_id=name,
                status=result.status,
                started_at_us=result.started_at_us + round(n * share * result.wall_s * 1e6),
                wall_s=result.wall_s * share,
                cpu_s=result.cpu_s * share,
                peak_bytes=result.peak_bytes,
                worker_pid=result.worker_pid,
                error=result.error,
                outcome=outcome,
            )
            for n, (new_id, name, outcome) in enumerate(zip(ids, hypothesis_ids, outcomes, strict=True))
        ]
        pid = result.worker_pid
        with self._lock:
            self._experiments += experiments
            if pid is not None and pid != os.getpid():
                self._peak_of[pid] = max(self._peak_of.get(pid, 0), result.peak_bytes)
        return ids

    def in_state(self, *states: HypothesisState) -> list[Hypothesis]:
        """Return the hypotheses that are in one of these states, in order."""
        with self._lock:
            return [course.hypothesis for course in self._courses.values() if course.state in states]

    @contextmanager
    def step(self, name: str, *, is_testing: bool = False) -> Iterator[None]:
        """Name what the run is doing and time it."""
        begun_s = self._clock.monotonic_s()
        with self._lock:
            self._step = name
            self._testing_since_s = begun_s if is_testing else None
        self._on_change()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[name] = self._seconds.get(name, 0.0) + self._clock.monotonic_s() - begun_s
                self._peak_own = max(self._peak_own, psutil.Process().memory_info().rss)

    def end(self, status: RunStatus, *, workers_cpu_s: float = 0.0, error: str | None = None) -> None:
        """Close the run: its cost is what was measured up to now.

        Args:
            status: How it ended. error: Why it failed.
            workers_cpu_s: CPU seconds of the worker processes since the run began.
        """
        slowest = max(self._seconds, key=self._seconds.__getitem__, default="")
        with self._lock:
            self._step = ""
            self._run = dataclasses.replace(
                self._run,
                status=status,
                error=error,
                wall_s=self._clock.monotonic_s() - self._begun_s,
                cpu_s=time.thread_time() - self._cpu_begun_s + workers_cpu_s,
                peak_bytes=self._peak_own + sum(self._peak_of.values()),
                slowest_step=slowest,
                slowest_step_s=self._seconds.get(slowest, 0.0),
            )
        self._on_change()

    def _eta_s(self, now_s: float) -> float | None:
        """Seconds left at the pace of the tests done so far; None before three are done."""
        if self._testing_since_s is None:
            return None
        waiting = sum(course.state in {"queued", "running"} for course in self._courses.values())
        done = sum(course.state in {"measured", "analysed", "failed"} for course in self._courses.values())
        if done < FEWEST_FOR_ETA:
            return None
        return (now_s - self._testing_since_s) / done * waiting
