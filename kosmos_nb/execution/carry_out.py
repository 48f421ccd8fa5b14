"""Making one call in the worker and packing what came of it."""

import contextlib
import os
import pickle
import sys
import time
from typing import Any

from kosmos_nb.core import ExecutionError
from kosmos_nb.execution.fork import leave_if_forked
from kosmos_nb.execution.meter import Meter

Reply = tuple[bytes, bytes]

_OUTPUT_BYTES = 8_000
_MESSAGE_CHARS = 4_000
_TRACEBACK_CHARS = 20_000


def carry_out(context: tuple[str | None, list[str]], body: bytes | bytearray) -> Reply:
    """Make the call in `body` and return the reply: a header with its figures, and the value.

    Args:
        context: Working directory and `sys.path` of the parent, which the call shall find here.
        body: The pickled call, arguments and keyword arguments.
    """
    own_pid = os.getpid()
    started_at_us = time.time_ns() // 1000
    meter = Meter()
    # The door of the worker: whatever a task raises, SystemExit included, is its result.
    try:
        call, args, kwargs = _read(context, body)
        meter = Meter()
        value = call(*args, **kwargs)
        leave_if_forked(own_pid)
        cost = meter.read()
        kind, about, payload = _pack_value(value)
    except BaseException as error:
        trace = error.__traceback__
        leave_if_forked(own_pid, error, trace and trace.tb_next)
        cost = meter.read()
        kind, about, payload = _pack_error(error)
    return pickle.dumps((kind, about, started_at_us, *cost, _take_output())), payload


def _read(context: tuple[str | None, list[str]], body: bytes | bytearray) -> Any:
    directory, path = context
    if directory is not None:
        with contextlib.suppress(OSError):  # removed meanwhile: the task stays where it is
            os.chdir(directory)
    sys.path[:] = path
    try:
        return pickle.loads(body)  # noqa: S301 - from our own parent
    except Exception as error:
        raise ExecutionError(f"The worker cannot read the task: {described(error)}") from error


def _pack_value(value: object) -> tuple[str, tuple[str, str, str], bytes]:
    try:
        return "value", ("", "", ""), dumps(value)
    except Exception as error:
        raise ExecutionError(
            f"The task's value, of type {type(value).__qualname__}, cannot be sent back: "
            f"{described(error)}. Return plain data instead."
        ) from error


def _pack_error(error: BaseException) -> tuple[str, tuple[str, str, str], bytes]:
    import traceback  # noqa: PLC0415 - 5 ms that only a failing task pays

    trace = error.__traceback__
    lines = traceback.format_exception(type(error), error, trace and trace.tb_next)  # without our own frame
    about = (type(error).__name__, message(error), "".join(lines)[-_TRACEBACK_CHARS:])
    if not isinstance(error, Exception):
        return "left", about, b""
    error.__traceback__ = None
    try:
        payload = dumps(error)
        pickle.loads(payload)  # noqa: S301 - some exceptions go in but do not come out
    except Exception:  # it is the user's class; its text still goes back
        payload = b""
    return "raised", about, payload


def message(error: BaseException) -> str:
    """Return what an exception says, cut where it is long; never raises."""
    if isinstance(error, SystemExit):
        return f"The task called sys.exit({'' if error.code is None else repr(error.code)})."
    if isinstance(error, KeyboardInterrupt):
        return "The task raised KeyboardInterrupt."
    try:
        return str(error)[:_MESSAGE_CHARS] or type(error).__name__
    except Exception:  # a class of the user whose own text fails
        return f"{type(error).__name__}, which cannot be shown as text"


def described(error: Exception) -> str:
    """Return class and message of an exception in one line, without a full stop."""
    return f"{type(error).__name__}: {message(error)}".rstrip(".")


def dumps(value: object) -> bytes:
    """Pickle by reference where that works, else with the definitions (what notebooks need)."""
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError):
        import cloudpickle  # noqa: PLC0415 - 15 ms that plain values do not need

        return bytes(cloudpickle.dumps(value))


def _take_output() -> str:
    """Return the end of what the task printed, and empty the file for the next one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # the task may have closed its own output
        sys.stdout.flush()
        sys.stderr.flush()
        size = os.fstat(2).st_size
        if size:
            os.lseek(2, max(0, size - _OUTPUT_BYTES), os.SEEK_SET)
            text = os.read(2, _OUTPUT_BYTES).decode(errors="replace")
            os.ftruncate(2, 0)
            os.lseek(2, 0, os.SEEK_SET)
            return text
    return ""
