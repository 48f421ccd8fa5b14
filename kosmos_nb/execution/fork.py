"""A child that a task forked and that came back from the task: it ends as a plain script's would."""

import os
import sys
from types import TracebackType


def leave_if_forked(
    own_pid: int, error: BaseException | None = None, trace: TracebackType | None = None
) -> None:
    """Leave a process other than `own_pid`; in that one do nothing. Only the worker itself answers.

    Args:
        own_pid: The process that was given the task.
        error: What the task raised there, if anything; told as Python tells it.
        trace: Its traceback, without frames of ours.

    Raises:
        SystemExit: With the exit code of a script that ends so.
    """
    if os.getpid() == own_pid:
        return
    if isinstance(error, SystemExit):
        raise error.with_traceback(None) from None
    if error is None:
        sys.exit(0)
    told = type(error), error.with_traceback(trace), trace
    if sys.excepthook is sys.__excepthook__:
        import traceback  # noqa: PLC0415 - 5 ms that only a failing task pays

        traceback.print_exception(*told)  # shows the lines of code that is in no file, too
    else:
        sys.excepthook(*told)
    sys.exit(exit_code_of(error))


def exit_code_of(error: BaseException) -> int:
    """Return the exit code with which Python would end after this."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1
