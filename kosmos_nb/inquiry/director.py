"""The order of a run: propose, register, test concurrently, check again, correct, conclude."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, as_completed
from dataclasses import dataclass
from pathlib import Path

from kosmos_nb.core import ExecutionError, uuid7
from kosmos_nb.execution import ExperimentResult, ExperimentTask, ParallelExperimentExecutor
from kosmos_nb.history.records import Experiment, Family, Hypothesis
from kosmos_nb.inquiry import work
from kosmos_nb.inquiry.columns import Column, Source, encode
from kosmos_nb.inquiry.correction import adjust
from kosmos_nb.inquiry.families import enumerate_pairs, register
from kosmos_nb.inquiry.frame import read_copy
from kosmos_nb.inquiry.judge import Standard, judge, not_testable
from kosmos_nb.inquiry.ledger import Ledger
from kosmos_nb.inquiry.measurement import Measurement, Recheck, Test, Untestable, canonical_key, smallest_of

PREPARE_FROM_ROWS = 5_000
MOST_LEVELS_TO_CHECK = 12
MANY = 5_000
RECHECK_TRIES = 2  # a worker that died may have died of something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run was asked to do.

    Attributes:
        folder: The run's own folder. copy: The file in it with the user's table.
        target: Column that the run is about, or empty.
        target_only: Test only what touches the target.
        cap: Most hypotheses to test, None for all; applied before any outcome is seen.
    """

    folder: Path
    copy: Path
    data_hash: str
    target: str
    target_only: bool
    cap: int | None
    seed: int
    standard: Standard


class _StoppedError(Exception):
    """The run was cancelled while the data were read."""


class ResearchDirector:
    """Schedules one run: what is done when, and nothing else.

    Args:
        request: What was asked.
        executor: Where tests run.
        ledger: Where every step is entered.
        stop: Set it to end the run early; the executor's tasks are cancelled by who sets it.
    """

    def __init__(
        self, request: Request, executor: ParallelExperimentExecutor, ledger: Ledger, stop: threading.Event
    ) -> None:
        self._request = request
        self._executor = executor
        self._ledger = ledger
        self._stop = stop
        self._lock = threading.Lock()
        self._under_way: set[Future[ExperimentResult]] = set()

    def conduct(self) -> None:
        """Carry the run through to its verdicts, or as far as it gets before `stop`."""
        ledger = self._ledger
        is_cold = len(self._executor.snapshot().worker_pids) < self._executor.max_workers
        self._executor.warm(work.IMPORTS)  # in the background, while the data are read
        with ledger.step("reading the data"):
            try:
                source = self._read()
            except _StoppedError:
                return
            testable = self._register(source)
        testing = "starting the workers and testing" if is_cold else "testing"
        with ledger.step(testing, is_testing=True):
            self._prepare(source, testable)
            measured = self._measure(testable)
        with ledger.step("checking within groups"):
            rechecks, unchecked = self._recheck(source, testable, measured)
        with ledger.step("concluding"):
            self._conclude(source, measured, rechecks, unchecked)

    def cancel(self) -> None:
        """End what is under way; `conduct` then concludes from what was measured."""
        self._stop.set()
        with self._lock:
            self._executor.cancel(list(self._under_way))

    def _read(self) -> Source:
        table = read_copy(self._request.copy)
        source, notes = encode(table, self._request.folder / "columns.arrow", self._go_on)
        self._ledger.note(notes)
        self._ledger.describe(n_rows=source.n_rows, n_columns=len(source.columns))
        return source

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _register(self, source: Source) -> dict[str, Test]:
        """Propose and register every hypothesis; return the tests of those that can be tested."""
        request, ledger = self._request, self._ledger
        proposed = enumerate_pairs(source.columns, target=request.target, target_only=request.target_only)
        if request.cap is not None and request.cap < len(proposed):
            taken = f"{request.cap} of {len(proposed)} possible hypotheses were taken"
            ledger.note([f"{taken}, before any outcome was seen"])
            proposed = proposed[: request.cap]
        ledger.propose(proposed)
        settings: dict[str, object] = {
            "data_hash": request.data_hash,
            "seed": request.seed,
            "alpha": request.standard.alpha,
            "smallest": request.standard.smallest,
        }
        if len(proposed) > MANY:
            ledger.note([f"{len(proposed):,} hypotheses are many; --target or --hypotheses makes them fewer"])
        sizes = Counter(hypothesis.family for hypothesis in proposed)
        testable = {}
        for hypothesis in proposed:
            registered = register(hypothesis, settings=settings)
            ledger.register(registered)
            columns = source.column(registered.x), source.column(registered.y)
            ruled_out = _screen(*columns)
            if ruled_out is None:
                seed = (request.seed << 48) ^ canonical_key(registered)
                testable[registered.id] = Test(
                    registered, source.path, *columns, alpha=request.standard.alpha, seed=seed
                )
                ledger.advance(registered.id, "queue")
            else:
                verdict = not_testable(registered, ruled_out, m=sizes[registered.family])
                ledger.advance(registered.id, "rule_out", verdict=verdict)
        return testable

    def _prepare(self, source: Source, testable: dict[str, Test]) -> None:
        """Sort the numeric columns once, in the workers, where there is enough to sort."""
        numeric = {c.name for test in testable.values() for c in (test.x, test.y) if c.kind == "numeric"}
        if source.n_rows < PREPARE_FROM_ROWS or self._stop.is_set():
            return
        tasks = [
            ExperimentTask(f"sort {name}", work.prepare, (source.path, name)) for name in sorted(numeric)
        ]
        # A column that could not be sorted ahead is sorted by the test that needs it.
        for _ in self._results(tasks):
            pass

    def _measure(self, testable: dict[str, Test]) -> dict[str, tuple[Measurement, str]]:
        """Carry out the tests concurrently; return what was measured with its experiment's id."""
        ledger = self._ledger
        measured: dict[str, tuple[Measurement, str]] = {}
        tasks = [ExperimentTask(name, work.measure, (test,)) for name, test in testable.items()]
        sizes = _family_sizes(self._ledger)
        for result in self._results(tasks, on_start=lambda name: ledger.advance(name, "start")):
            hypothesis = testable[result.experiment_id].hypothesis
            experiment = _experiment(result)
            ledger.add_experiment(experiment)
            m = sizes[hypothesis.family]
            if isinstance(result.value, Measurement):
                measured[hypothesis.id] = (result.value, experiment.id)
                ledger.measured(hypothesis.id, result.value)
            elif isinstance(result.value, Untestable):
                verdict = not_testable(hypothesis, result.value, m=m, evidence=experiment.id)
                ledger.advance(hypothesis.id, "rule_out", verdict=verdict)
            elif result.status == "failed":
                why = Untestable(reason=f"the test failed: {result.error}")
                ledger.fail(hypothesis.id, not_testable(hypothesis, why, m=m, evidence=experiment.id))
        for hypothesis in ledger.in_state("queued", "running"):
            ledger.advance(hypothesis.id, "skip", reason="the run was cancelled before its test ended")
        return measured

    def _recheck(
        self, source: Source, testable: dict[str, Test], measured: dict[str, tuple[Measurement, str]]
    ) -> tuple[dict[str, tuple[Recheck, ...]], dict[str, str]]:
        """Repeat what looks like a finding inside the levels of every other category.

        Returns:
            The rechecks, and for each finding that has none though it should, why.
        """
        waiting = {task.experiment_id: task for task in self._recheck_tasks(source, testable, measured)}
        checked: dict[str, tuple[Recheck, ...]] = {}
        failed: dict[str, str] = {}
        for _ in range(RECHECK_TRIES):
            for result in self._results(waiting.values()):
                if result.status == "ok":
                    checked[result.experiment_id] = result.value
                else:
                    failed[result.experiment_id] = f"the check inside the groups failed: {result.error}"
            waiting = {name: task for name, task in waiting.items() if name not in checked}
        for name in waiting:
            failed.setdefault(name, "the run was cancelled before it was checked inside the groups")
        for hypothesis in self._ledger.in_state("measured"):
            self._ledger.advance(hypothesis.id, "analyse")
        return checked, {name: why for name, why in failed.items() if name not in checked}

    def _recheck_tasks(
        self, source: Source, testable: dict[str, Test], measured: dict[str, tuple[Measurement, str]]
    ) -> Iterator[ExperimentTask]:
        standard = self._request.standard
        corrected, _ = self._corrected(measured)
        for name, (found, _) in measured.items():
            test = testable[name]
            by = tuple(column for column in source.columns if _can_stratify(column, test.hypothesis))
            is_finding = corrected[name] <= standard.alpha
            is_finding &= abs(found.effect) >= smallest_of(found.metric, standard.smallest)
            if by and is_finding:
                yield ExperimentTask(name, work.recheck, (test, by))

    def _conclude(
        self,
        source: Source,
        measured: dict[str, tuple[Measurement, str]],
        rechecks: dict[str, tuple[Recheck, ...]],
        unchecked: dict[str, str],
    ) -> None:
        corrected, sizes = self._corrected(measured)
        for hypothesis in self._ledger.in_state("analysed"):
            measurement, evidence = measured[hypothesis.id]
            verdict = judge(
                hypothesis,
                measurement,
                p_adj=corrected[hypothesis.id],
                m=sizes[hypothesis.family],
                columns=(source.column(hypothesis.x), source.column(hypothesis.y)),
                n_rows=source.n_rows,
                rechecks=rechecks.get(hypothesis.id, ()),
                unchecked=unchecked.get(hypothesis.id, ""),
                standard=self._request.standard,
                evidence=evidence,
            )
            self._ledger.advance(hypothesis.id, "conclude", verdict=verdict)

    def _corrected(
        self, measured: dict[str, tuple[Measurement, str]]
    ) -> tuple[dict[str, float], dict[str, int]]:
        """Correct for every registered hypothesis; those without a test count with p = 1."""
        everyone = [p.hypothesis for p in self._ledger.snapshot().progress]
        p = {h.id: measured[h.id][0].p if h.id in measured else 1.0 for h in everyone}
        return adjust(p, {h.id: h.family for h in everyone})

    def _results(
        self, tasks: Iterable[ExperimentTask], on_start: Callable[[str], None] | None = None
    ) -> Iterator[ExperimentResult]:
        """Run the tasks concurrently and yield their results as they come."""
        futures = []
        with self._lock:
            if not self._stop.is_set():
                futures = [self._executor.submit_task(task, on_start=on_start) for task in tasks]
                self._under_way = set(futures)
        for future in as_completed(futures):
            try:
                result = future.result()
            except (CancelledError, ExecutionError):
                continue
            if result.status != "interrupted":
                yield result


def _screen(x: Column, y: Column) -> Untestable | None:
    """Return why a pair of columns cannot be tested, or None."""
    bad = [column for column in (y, x) if column.kind == "unusable"]
    if not bad:
        return None
    return Untestable(
        reason="; ".join(f"{column.name}: {column.reason}" for column in bad),
        caveats=tuple(code for column in bad for code in column.caveats),
    )


def _can_stratify(column: Column, hypothesis: Hypothesis) -> bool:
    """Whether a finding can be repeated inside the levels of this column."""
    return (
        column.kind == "category"
        and len(column.levels) <= MOST_LEVELS_TO_CHECK
        and column.name not in {hypothesis.x, hypothesis.y}
    )


def _family_sizes(ledger: Ledger) -> Counter[Family]:
    return Counter(p.hypothesis.family for p in ledger.snapshot().progress)


def _experiment(result: ExperimentResult) -> Experiment:
    value = result.value
    return Experiment(
        id=uuid7(),
        hypothesis_id=result.experiment_id,
        status=result.status,
        started_at_us=result.started_at_us,
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        peak_bytes=result.peak_bytes,
        worker_pid=result.worker_pid,
        error=result.error,
        outcome=value.to_json() if isinstance(value, Measurement) else None,
    )
