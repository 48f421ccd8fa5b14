"""Tasks one after the other in the calling process: `max_workers=0`."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from kosmos_nb.core import ExecutionError, TaskTimeoutError
from kosmos_nb.execution.meter import Meter
from kosmos_nb.execution.outcome import Outcome
from kosmos_nb.execution.task import PoolSnapshot
from kosmos_nb.execution.work import Work


class Inline:
    """Does what a `Crew` does, in the thread that submits, and returns when it is done."""

    def __init__(self) -> None:
        self._is_closed = False

    def submit(self, work: Work) -> None:
        """Run `work` now.

        Raises:
            ExecutionError: The pool was shut down.
            KeyboardInterrupt: The user stopped it; its future ends too.
        """
        if self._is_closed:
            raise ExecutionError("The pool was shut down and takes no more tasks. Make a new one.")
        if not work.future.set_running_or_notify_cancel():
            return
        if work.on_start is not None:
            work.on_start()
        outcome = _carry_out(work)
        work.finish(outcome)
        if isinstance(outcome.error, KeyboardInterrupt):
            raise outcome.error

    def warm(self, imports: Iterable[str]) -> None:
        """There is no worker to warm."""

    def cancel(self, futures: Iterable[Future[Any]]) -> int:
        """Nothing waits and nothing can be stopped: every task had ended when it was handed back."""
        return 0

    def close(self) -> None:
        """Take no more work."""
        self._is_closed = True

    def cancel_queued(self) -> None:
        """Nothing is ever queued."""

    def join(self, limit_s: float | None = None) -> None:
        """Nothing runs."""

    kill = close

    def snapshot(self) -> PoolSnapshot:
        """Return whether it is closed; there are no workers."""
        return PoolSnapshot(max_workers=0, closed=self._is_closed)


def _carry_out(work: Work) -> Outcome:
    started_at_us = time.time_ns() // 1000
    value: Any = None
    problem: BaseException | None = None
    error_type, trace = None, ""
    meter = Meter()
    try:
        value = work.call(*work.args, **work.kwargs)
    except KeyboardInterrupt as error:
        problem = error
    except SystemExit as error:
        problem, error_type = ExecutionError(f"The task called sys.exit({error.code!r})."), "SystemExit"
    except Exception as error:  # whatever the task raises is its result
        problem, trace = error, traceback.format_exc()
    wall_s, cpu_s, peak_bytes = meter.read()
    if work.timeout_s is not None and wall_s > work.timeout_s and problem is None:
        value, problem = None, _late(work.timeout_s, wall_s)
    return Outcome(
        value=value,
        error=problem,
        error_type=error_type,
        traceback=trace,
        started_at_us=started_at_us,
        wall_s=wall_s,
        cpu_s=cpu_s,
        peak_bytes=peak_bytes,
        worker_pid=os.getpid(),
    )


def _late(limit_s: float, wall_s: float) -> TaskTimeoutError:
    return TaskTimeoutError(
        f"The task took {wall_s:.3g} s and its limit was {limit_s:g} s. In the calling process "
        "(max_workers=0) it could not be stopped.",
        limit_s=limit_s,
    )
