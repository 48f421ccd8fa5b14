"""The one pool of kosmos_nb."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from kosmos_nb.config import settings
from kosmos_nb.core import ConfigError
from kosmos_nb.execution.crew import Crew
from kosmos_nb.execution.inline import Inline
from kosmos_nb.execution.outcome import into_future, into_result
from kosmos_nb.execution.task import ExperimentResult, ExperimentTask, PoolSnapshot
from kosmos_nb.execution.work import Work

P = ParamSpec("P")
T = TypeVar("T")

_GLANCE_S = 0.2

OnStart = Callable[[str], None]
OnResult = Callable[[ExperimentResult], None]


class ParallelExperimentExecutor(Executor):
    """Runs calls concurrently in worker processes; one failure never touches the others.

    A worker is a fresh Python of its own session with one BLAS thread. It never runs the user's
    `__main__` again: functions defined in a notebook travel by value, with cloudpickle. Workers
    start when work comes (or by `warm`), stay for later work, are replaced when they die, and
    end with this process, however that ends.

    With 0 workers the calls run one after the other in the calling process, where a time limit
    is told afterwards but cannot be enforced.

    Args:
        max_workers: Worker processes; None takes `KOSMOS_MAX_PARALLEL_EXPERIMENTS`, by default
            the number of cores, at most 8.

    Raises:
        ConfigError: `max_workers` is negative or no whole number.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        if max_workers is None:
            max_workers = settings().max_parallel_experiments
        if not isinstance(max_workers, int) or max_workers < 0:
            raise ConfigError(f"max_workers must be a whole number from 0 up, not {max_workers!r}.")
        self._max_workers = max_workers
        self._crew: Crew | Inline = Crew(max_workers) if max_workers else Inline()
        # An executor that nobody holds any more finishes its queue, as those of the library do.
        weakref.finalize(self, self._crew.close).atexit = False

    @property
    def max_workers(self) -> int:
        """How many tasks run at the same time; 0 means in the calling process."""
        return self._max_workers

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn(*args, **kwargs)` in a worker and return its future.

        The future raises what the call raised, with the worker's traceback as its cause;
        `WorkerDiedError` when the worker ended under it; `TaskCancelledError` when `cancel`
        stopped it; `ExecutionError` when call or value cannot travel, or the call left by
        `sys.exit`.

        Raises:
            ExecutionError: The pool was shut down, or was inherited through a fork.
        """
        future: Future[T] = Future()
        self._crew.submit(Work(future=future, finish=into_future(future), call=fn, args=args, kwargs=kwargs))
        return future

    def submit_task(self, task: ExperimentTask, on_start: OnStart | None = None) -> Future[ExperimentResult]:
        """Run a task and return the future of its result.

        The future never raises for what the task did: a failure, a passed time limit, a dead
        worker or a cancellation while it ran is a result. Cancelled while it was still queued,
        it is a cancelled future.

        Args:
            task: What to run.
            on_start: Called with the task's `experiment_id` when it begins to run, in a thread of
                the pool; return quickly.

        Raises:
            ExecutionError: The pool was shut down, or was inherited through a fork.
        """
        work = _work(task, on_start)
        self._crew.submit(work)
        return work.future

    def execute_batch(
        self,
        tasks: Iterable[ExperimentTask],
        on_result: OnResult | None = None,
        on_start: OnStart | None = None,
    ) -> list[ExperimentResult]:
        """Run all tasks and return their results in the order of the tasks.

        An interrupt (Ctrl-C, the notebook's stop button) stops the whole batch.

        Args:
            tasks: What to run.
            on_result: Called with each result as it comes, in the calling thread.
            on_start: As in `submit_task`.
        """
        batch = list(tasks)
        futures: dict[Future[ExperimentResult], int] = {}
        results: dict[int, ExperimentResult] = {}
        ended: SimpleQueue[Future[ExperimentResult]] = SimpleQueue()
        try:
            # A stable sort: what runs in the calling process has no queue that would sort it.
            for index in sorted(range(len(batch)), key=lambda i: batch[i].priority):
                work = _work(batch[index], on_start)
                work.future.add_done_callback(ended.put)
                futures[work.future] = index
                self._crew.submit(work)
            for _ in batch:
                future = _next(ended)
                index = futures[future]
                results[index] = _result(future, batch[index])
                if on_result is not None:
                    on_result(results[index])
        except BaseException:
            self.cancel(futures)
            raise
        return [results[index] for index in range(len(batch))]

    def warm(self, imports: Sequence[str] = ()) -> None:
        """Start all workers in the background and import modules there; returns at once.

        Later workers import them too. A module that cannot be imported does no harm.
        """
        self._crew.warm(imports)

    def cancel(self, futures: Iterable[Future[Any]]) -> int:
        """Withdraw tasks that wait, kill those that run with all their processes.

        Returns at once; a killed task ends within half a second, with `TaskCancelledError`.

        Returns:
            How many were stopped by this call.
        """
        return self._crew.cancel(futures)

    def snapshot(self) -> PoolSnapshot:
        """Return a frozen picture: workers, busy, queued."""
        return self._crew.snapshot()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, finish those there are, end the workers.

        Args:
            wait: Return when the workers have ended.
            cancel_futures: Withdraw what has not begun.
        """
        self._crew.close()
        if cancel_futures:
            self._crew.cancel_queued()
        if wait:
            self._crew.join()

    def kill(self) -> None:
        """End everything now: withdraw what waits, stop what runs, kill the workers."""
        self._crew.kill()


def _work(task: ExperimentTask, on_start: OnStart | None) -> Work:
    future: Future[ExperimentResult] = Future()
    return Work(
        future=future,
        finish=into_result(future, task.experiment_id),
        call=task.call,
        args=task.args,
        kwargs=task.kwargs,
        priority=task.priority,
        timeout_s=task.timeout_s,
        on_start=None if on_start is None else partial(on_start, task.experiment_id),
    )


def _next(ended: SimpleQueue[T]) -> T:
    """Wait for the next one, and let an interrupt through within a fifth of a second.

    Not `as_completed`: an interrupt may leave it holding the locks of its futures. And not
    without a limit: a signal that arrives just before the thread goes to sleep does not wake it.
    """
    while True:
        try:
            return ended.get(timeout=_GLANCE_S)
        except Empty:
            continue


def _result(future: Future[ExperimentResult], task: ExperimentTask) -> ExperimentResult:
    try:
        return future.result()
    except CancelledError:
        return ExperimentResult(
            experiment_id=task.experiment_id,
            status="interrupted",
            error="The task was withdrawn before it began.",
            error_type="TaskCancelledError",
        )
