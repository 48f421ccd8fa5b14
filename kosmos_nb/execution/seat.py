"""A seat in the crew: one thread of this process, with one worker process at a time."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kosmos_nb.core import ExecutionError, KosmosError, TaskTimeoutError
from kosmos_nb.execution.carry_out import described
from kosmos_nb.execution.outcome import Outcome, death, read_reply
from kosmos_nb.execution.process import WorkerProcess

if TYPE_CHECKING:
    from kosmos_nb.execution.work import Work

_log = logging.getLogger(__name__)
_START_LIMIT_S = 60.0
_TRIES = 3  # a worker may be dead or out of date before it begins


class Seat:
    """Runs one piece of work after the other in a worker process, replaced when it dies.

    `take`, `run`, `warm`, `stop` and `discard` are for the seat's own thread; `interrupt` and `kill` for any.
    """

    def __init__(self, imports: Callable[[], frozenset[str]]) -> None:
        self._imports = imports
        self._guard = threading.Lock()
        self._process: WorkerProcess | None = None
        self._work: Work | None = None
        self._verdict: KosmosError | None = None
        self._warmed_for: frozenset[str] | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        process = self._process
        return None if process is None else process.pid

    @property
    def work(self) -> Work | None:
        """What it runs now."""
        return self._work

    def take(self, work: Work) -> None:
        """Hold `work`; from now on it can be interrupted."""
        with self._guard:
            self._work, self._verdict = work, None

    def run(self, work: Work) -> None:
        """Carry out `work`, which it has taken, and tell its future; never raises."""
        try:
            outcome = self._carry_out(work, _pickled(work))
        except ExecutionError as error:
            outcome = Outcome(error=error, worker_pid=self.pid)
        except Exception as error:  # the door of the thread: a future must never wait for ever
            _log.exception("a seat of the pool failed")
            outcome = Outcome(error=ExecutionError(f"The pool failed: {described(error)}."))
            self.discard()
        work.finish(self._final(outcome))

    def interrupt(self, work: Work, verdict: KosmosError) -> bool:
        """Kill the worker if it still runs `work`, which then ends with `verdict`."""
        with self._guard:
            if self._work is not work or self._verdict is not None:
                return False
            self._verdict = verdict
        self.kill()
        return True

    def needs_warming(self) -> bool:
        """Whether modules are wanted that this seat has not tried to import."""
        wanted = self._imports()
        return bool(wanted) and wanted != self._warmed_for

    def warm(self) -> None:
        """Start the worker and let it import what is wanted; what fails is told by the next task."""
        self._warmed_for = self._imports()
        try:
            self._ready()
        except ExecutionError:
            _log.debug("a worker could not be warmed", exc_info=True)

    def stop(self) -> None:
        """Let the worker end by itself."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def kill(self) -> None:
        """End the worker now, whatever it does."""
        process = self._process
        if process is not None:
            process.kill()

    def _final(self, outcome: Outcome) -> Outcome:
        """Let go of the work; if somebody stopped it, that is what came of it."""
        with self._guard:
            verdict, self._work = self._verdict, None
        if verdict is None:
            return outcome
        self.discard()
        return dataclasses.replace(outcome, value=None, error=verdict, error_type=None, traceback="")

    def _carry_out(self, work: Work, call: bytes) -> Outcome:
        for _ in range(_TRIES):
            outcome, has_begun = self._attempt(self._ready(), work, call)
            if has_begun or self._verdict is not None:
                break
        return outcome

    def _attempt(self, process: WorkerProcess, work: Work, call: bytes) -> tuple[Outcome, bool]:
        """Return what came of the call and whether the worker began it; if not, another may."""
        has_begun = False
        began_us, began_s = time.time_ns() // 1000, time.perf_counter()
        try:
            with self._limit(work):
                has_begun = process.begin(call)
                if has_begun:
                    _tell(work)
                    outcome = read_reply(*process.finish(), process.pid)
                    process.spent_cpu_s += outcome.cpu_s
                    return outcome, True
        except (EOFError, OSError):
            wall_s = time.perf_counter() - began_s
            exit_code, cpu_s, last_words = self.discard()
            outcome = Outcome(
                error=death(exit_code, last_words, has_begun),
                started_at_us=began_us,
                wall_s=wall_s,
                cpu_s=max(0.0, cpu_s - process.spent_cpu_s),
                worker_pid=process.pid,
                output=last_words,
            )
            return outcome, has_begun
        self.stop()
        return Outcome(error=ExecutionError("Modules of the task change on disk all the time.")), False

    def _ready(self) -> WorkerProcess:
        """Return a living worker that has tried every wanted import."""
        process = self._process
        if process is not None and not process.is_alive():
            self.discard()
            process = None
        missing = self._imports() - (process.imported if process else frozenset())
        if process is not None and not missing:
            return process
        try:
            if process is None:
                process = self._start()
            with _timer(_START_LIMIT_S, process.kill):
                process.load(missing)
        except (EOFError, OSError) as error:
            exit_code, _, last_words = self.discard()
            raise ExecutionError(
                f"A worker process could not start (exit code {exit_code}). "
                f"{last_words[-500:] or described(error)}"
            ) from error
        return process

    def _start(self) -> WorkerProcess:
        process = WorkerProcess()
        with self._guard:
            self._process = process
            is_unwanted = self._verdict is not None
        if is_unwanted:  # cancelled while the process was being made
            process.kill()
        return process

    def discard(self) -> tuple[int, float, str]:
        """End what is left of the worker; return exit code, its whole CPU seconds, last words."""
        process, self._process = self._process, None
        return (0, 0.0, "") if process is None else process.bury()

    @contextmanager
    def _limit(self, work: Work) -> Iterator[None]:
        limit_s = work.timeout_s
        if limit_s is None:
            yield
            return
        late = TaskTimeoutError(
            f"The task passed its limit of {limit_s:g} s; its processes were killed.", limit_s=limit_s
        )
        with _timer(limit_s, lambda: self.interrupt(work, late)):
            yield


@contextmanager
def _timer(after_s: float, act: Callable[[], object]) -> Iterator[None]:
    timer = threading.Timer(after_s, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _pickled(work: Work) -> bytes:
    import cloudpickle  # noqa: PLC0415 - 15 ms that a pool without work does not need

    try:
        return bytes(cloudpickle.dumps((work.call, work.args, dict(work.kwargs))))
    except Exception as error:  # pickling runs the classes of the user
        raise ExecutionError(f"The task cannot be sent to a worker: {described(error)}.") from error


def _tell(work: Work) -> None:
    if work.on_start is None:
        return
    try:
        work.on_start()
    except Exception:  # the caller's own function: its failure must not cost the task
        _log.exception("on_start failed")
