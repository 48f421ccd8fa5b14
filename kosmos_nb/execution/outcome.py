"""What became of one call, and how it becomes a value, an exception or an `ExperimentResult`."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from kosmos_nb.core import ExecutionError, TaskCancelledError, WorkerDiedError
from kosmos_nb.execution.task import ExperimentResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A call that ended, one way or the other; `error` is None when it returned `value`."""

    value: Any = None
    error: BaseException | None = None
    error_type: str | None = None
    traceback: str = ""
    started_at_us: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    worker_pid: int | None = None
    output: str = ""

    def result(self, experiment_id: str) -> ExperimentResult:
        """Return it as what `submit_task` promises."""
        error_type = self.error_type or (type(self.error).__name__ if self.error else None)
        is_stopped = isinstance(self.error, TaskCancelledError) or error_type == "KeyboardInterrupt"
        return ExperimentResult(
            experiment_id=experiment_id,
            status="ok" if self.error is None else "interrupted" if is_stopped else "failed",
            value=self.value,
            error=None if self.error is None else _text(self.error),
            error_type=error_type,
            traceback=self.traceback,
            started_at_us=self.started_at_us,
            wall_s=self.wall_s,
            cpu_s=self.cpu_s,
            peak_bytes=self.peak_bytes,
            worker_pid=self.worker_pid,
            output=self.output,
            exit_code=self.error.exit_code if isinstance(self.error, WorkerDiedError) else None,
        )


class RemoteTraceback(Exception):  # noqa: N818 - not an error: the cause that an error shows
    """The traceback in the worker, shown above the one in this process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


Finish = Callable[[Outcome], None]


def into_future(future: Future[Any]) -> Finish:
    """Return what gives the outcome to a plain future: the value, or the exception raised."""

    def finish(outcome: Outcome) -> None:
        if outcome.error is None:
            future.set_result(outcome.value)
            return
        if outcome.traceback:
            outcome.error.__cause__ = RemoteTraceback(outcome.traceback)
        future.set_exception(outcome.error)

    return finish


def into_result(future: Future[ExperimentResult], experiment_id: str) -> Finish:
    """Return what gives the outcome to the future of a task: always a result."""

    def finish(outcome: Outcome) -> None:
        future.set_result(outcome.result(experiment_id))

    return finish


def read_reply(header: tuple[Any, ...], body: bytearray, worker_pid: int) -> Outcome:
    """Turn a worker's reply into an outcome."""
    kind, (error_type, message, trace), started_at_us, wall_s, cpu_s, peak_bytes, output = header
    value: Any = None
    error: BaseException | None = None
    if kind == "value":
        try:
            value = pickle.loads(body)  # noqa: S301 - our own worker
        except Exception as problem:  # unpickling runs the classes of the user
            error = ExecutionError(f"The task's value cannot be read here: {problem!r}.")
    else:
        error = _raised(body) or ExecutionError(message if kind == "left" else f"{error_type}: {message}")
    return Outcome(
        value=value,
        error=error,
        error_type=error_type or None,
        traceback=trace,
        started_at_us=started_at_us,
        wall_s=wall_s,
        cpu_s=cpu_s,
        peak_bytes=peak_bytes,
        worker_pid=worker_pid,
        output=output,
    )


def death(exit_code: int, last_words: str, has_begun: bool = True) -> WorkerDiedError:
    """Say in words how a worker ended under its task."""
    if exit_code < 0:
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = "unknown"
        how = f"was killed by signal {-exit_code} ({name})"
        why = {
            "SIGKILL": "; often the machine ran out of memory",
            "SIGSEGV": "; a compiled library crashed",
            "SIGABRT": "; a compiled library gave up",
        }.get(name, "")
    else:
        how, why = f"ended with exit code {exit_code}", "; the task or a library called os._exit"
    doing = "ran" if has_begun else "read"
    words = f" Its last words: {last_words.splitlines()[-1][:300]}" if last_words else ""
    return WorkerDiedError(
        f"The worker process {how} while it {doing} this task{why}.{words}", exit_code=exit_code
    )


def _raised(body: bytearray) -> BaseException | None:
    """Return the exception in `body`; None where it could not be sent or cannot be read here."""
    try:
        error = pickle.loads(body)  # noqa: S301 - our own worker
    except Exception:  # the user's class; its name and message came as text too
        return None
    return error if isinstance(error, BaseException) else None


def _text(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # a class of the user whose own text fails
        return type(error).__name__
