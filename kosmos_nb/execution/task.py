"""What the pool takes in and gives back, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ExperimentTask:
    """One call to be made in a worker process.

    Attributes:
        experiment_id: The caller's name for it; comes back with the result.
        call: Anything callable that cloudpickle can send; may be defined in the notebook.
        args, kwargs: What it is called with. Sent when a worker is free, not when submitted.
        priority: Smaller runs first; equal ones in the order of submission.
        timeout_s: After this many seconds of running (waiting is not counted) the task's
            process and all its children are killed. None waits for ever.
    """

    experiment_id: str
    call: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """What became of one task. A failure is a result, never an exception.

    Attributes:
        experiment_id: As in the task.
        status: `ok`; `failed` (it raised, passed its time limit, or its worker died);
            `interrupted` (it was cancelled, or raised KeyboardInterrupt).
        value: What the call returned; None unless `ok`.
        error, error_type: Message and class name of what went wrong; None when `ok`.
        traceback: The traceback inside the worker, as text; empty where there is none.
        started_at_us: UTC microseconds; 0 if it never began.
        wall_s: Elapsed seconds of the call alone, without the way there and back.
        cpu_s: CPU seconds of the worker and of the children that it waited for.
        peak_bytes: Highest resident memory of the worker meanwhile; 0 where its process ended
            before it could tell.
        worker_pid: The process that ran it; None if it never began.
        output: The end of what it printed, at most 8 kB; empty in the calling process.
        exit_code: Of a worker that died under the task, negative for a signal; else None.
    """

    experiment_id: str
    status: Literal["ok", "failed", "interrupted"]
    value: Any = None
    error: str | None = None
    error_type: str | None = None
    traceback: str = field(default="", repr=False)
    started_at_us: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    worker_pid: int | None = None
    output: str = field(default="", repr=False)
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSnapshot:
    """A frozen picture of a pool.

    Attributes:
        max_workers: As asked for; 0 means that tasks run in the calling process.
        worker_pids: Processes that are alive, warm or busy.
        busy: Tasks that a worker holds now.
        queued: Tasks that wait for one.
        closed: It takes no more tasks: shut down, or inherited through a fork.
    """

    max_workers: int
    worker_pids: tuple[int, ...] = ()
    busy: int = 0
    queued: int = 0
    closed: bool = False
