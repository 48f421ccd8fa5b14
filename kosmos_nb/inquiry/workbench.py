"""Where a run's tasks are carried out: concurrently, in workers, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, as_completed

from kosmos_nb.core import ExecutionError
from kosmos_nb.execution import ExperimentResult, ExperimentTask, ParallelExperimentExecutor
from kosmos_nb.inquiry import work
from kosmos_nb.inquiry.blocks import Block, into_blocks
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.measurement import How, Test
from kosmos_nb.inquiry.stress_task import Ordeal, Stressed

STRESSED_AT_ONCE = 2
TRIES = 2  # a worker that died may have died of something else


class Workbench:
    """Runs tasks and yields their results as they come.

    Args:
        executor: Where everything is computed.
        stop: Set when no more is to be begun.
    """

    def __init__(self, executor: ParallelExperimentExecutor, stop: threading.Event) -> None:
        self._executor = executor
        self._stop = stop
        self._lock = threading.Lock()
        self._under_way: set[Future[ExperimentResult]] = set()

    def cancel(self) -> None:
        """Begin nothing more, and end what is under way."""
        self._stop.set()
        with self._lock:
            self._executor.cancel(list(self._under_way))

    def results(
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

    def blocks(
        self, testable: Mapping[str, Test], n_rows: int, on_start: Callable[[Block], None] | None = None
    ) -> Iterator[tuple[Block, ExperimentResult]]:
        """Carry out the tests in blocks; one that fails is halved until the test that fails stands alone."""
        waiting = into_blocks(testable.values(), n_rows)
        while waiting:
            blocks = {block.name: block for block in waiting}
            tasks = [ExperimentTask(name, work.measure, (block,)) for name, block in blocks.items()]
            starting = None if on_start is None else lambda name, blocks=blocks: on_start(blocks[name])
            waiting = []
            for result in self.results(tasks, starting):
                block = blocks[result.experiment_id]
                if result.status == "ok" or len(block.tests) == 1:
                    yield block, result
                else:
                    waiting += block.halves()

    def stress(
        self, ordeals: Mapping[str, Ordeal], others: Mapping[How, tuple[Column, ...]]
    ) -> tuple[dict[str, Stressed], dict[str, str]]:
        """Stress findings.

        Args:
            ordeals: By hypothesis. others: The columns of the table, for each kind of rows.

        Returns:
            What came out, and for each finding that could not be stressed, why.
        """
        names = list(ordeals)
        waiting = [names[i : i + STRESSED_AT_ONCE] for i in range(0, len(names), STRESSED_AT_ONCE)]
        done: dict[str, Stressed] = {}
        failed: dict[str, str] = {}
        for attempt in range(TRIES):
            groups = {f"stress {attempt}.{n}": some for n, some in enumerate(waiting)}
            tasks = [
                ExperimentTask(name, work.stress, (tuple(ordeals[one] for one in some), others))
                for name, some in groups.items()
            ]
            for result in self.results(tasks):
                some = groups[result.experiment_id]
                if result.status == "ok":
                    done |= zip(some, result.value, strict=True)
                else:
                    failed |= dict.fromkeys(some, f"its stress tests failed: {result.error}")
            waiting = [[name] for name in names if name not in done]
        stopped = dict.fromkeys(names, "the run was cancelled before it was stressed")
        return done, {name: why for name, why in (stopped | failed).items() if name not in done}
