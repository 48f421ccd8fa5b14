"""The child's side of `CodeExecutor`: run code that somebody typed, and pack what came of it."""

from __future__ import annotations

import builtins
import dataclasses
import os
import pickle
import sys
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from kosmos_nb.core import ExecutionError
from kosmos_nb.core.program import Program, compile_program, end_threads, without_frames_outside
from kosmos_nb.execution.carry_out import described, message
from kosmos_nb.execution.fork import exit_code_of, leave_if_forked

if TYPE_CHECKING:
    from kosmos_nb.history import ProfileResult

FILENAME = "<code>"
_MOST_CHARS = 20_000


class ProfilesCode(Protocol):
    """What runs a program under a profile. Made in the child, by what travels there."""

    def profile_program(
        self,
        program: Program,
        namespace: dict[str, Any],
        *,
        label: str | None = None,
        experiment_id: str | None = None,
        then: Callable[[], object] | None = None,
    ) -> Any:
        """Run the program, and `then` however it ends; return its value, raise what it raised."""
        ...

    def get_result(self) -> ProfileResult:
        """Return the newest profile."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the child is to do; it travels by pickle.

    Attributes:
        source: The code.
        names: Pickled namespace for it.
        returns: Names whose values go back.
        outlets: Where standard output and standard error go.
        profiler: Makes what profiles it; None for no profile.
        label, experiment_id: Of the profile.
    """

    source: str
    names: bytes
    returns: tuple[str, ...]
    outlets: tuple[str, str]
    profiler: Callable[[], ProfilesCode] | None
    label: str | None = None
    experiment_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Ran:
    """What came of it; `value` and `variables` are pickled each for itself."""

    status: Literal["ok", "failed", "interrupted"] = "ok"
    error: str | None = None
    error_type: str | None = None
    traceback: str = ""
    exit_code: int = 0
    value: bytes | None = None
    variables: dict[str, bytes] = field(default_factory=dict)
    profile: ProfileResult | None = None
    notes: list[str] = field(default_factory=list)


def run_code(order: Order) -> Ran:
    """Run the code as `__main__` of this process, which is used for nothing else.

    Raises:
        ExecutionError: What the code was given cannot be read here.
    """
    own_pid = os.getpid()
    _redirect(order.outlets)
    namespace = _main_namespace(order.names)
    profiler = order.profiler() if order.profiler is not None else None
    ran = Ran()
    try:
        program = compile_program(order.source, FILENAME, with_value=True)
    except SyntaxError as error:
        _tell(ran, error)
        return ran
    # The door of the child: whatever the code raises, SystemExit included, is its result.
    try:
        value = _run(program, namespace, profiler, order)
    except BaseException as error:
        leave_if_forked(own_pid, error, without_frames_outside(error.__traceback__, FILENAME))
        _tell(ran, error)
    else:
        leave_if_forked(own_pid)
        _pack(ran, value, namespace, order.returns)
    if profiler is not None:
        ran.profile = dataclasses.replace(profiler.get_result(), value=None)
    return ran


def _run(program: Program, namespace: dict[str, Any], profiler: ProfilesCode | None, order: Order) -> Any:
    if profiler is not None:
        return profiler.profile_program(
            program, namespace, label=order.label, experiment_id=order.experiment_id, then=end_threads
        )
    try:
        return program.run(namespace)
    finally:
        end_threads()


def _redirect(outlets: tuple[str, str]) -> None:
    """Send what is printed, also by compiled code and child processes, to the caller."""
    sys.argv[:] = [FILENAME]
    for fd, path in zip((1, 2), outlets, strict=True):
        outlet = os.open(path, os.O_WRONLY)
        os.dup2(outlet, fd)
        os.close(outlet)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed before a crash


def _main_namespace(names: bytes) -> dict[str, Any]:
    # A module, as a script has: what the code defines can be found, by pickle for one.
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    try:
        vars(main).update(pickle.loads(names))  # noqa: S301 - from our own parent
    except Exception as error:  # unpickling runs the classes of the caller
        raise ExecutionError(
            f"local_vars cannot be read in the child process: {described(error)}."
        ) from error
    return vars(main)


def _pack(ran: Ran, value: Any, namespace: dict[str, Any], returns: tuple[str, ...]) -> None:
    ran.value = _pickled(value, "The value of the last line", ran.notes)
    for name in returns:
        if name not in namespace:
            ran.notes.append(f"The code left no variable {name!r}.")
            continue
        packed = _pickled(namespace[name], f"The variable {name!r}", ran.notes)
        if packed is not None:
            ran.variables[name] = packed


def _pickled(value: Any, what: str, notes: list[str]) -> bytes | None:
    try:
        if value is None or type(value) in (bool, int, float, str, bytes):
            return pickle.dumps(value)
        import cloudpickle  # noqa: PLC0415 - 15 ms that plain values do not need

        return bytes(cloudpickle.dumps(value))  # by value: the caller has no such `__main__`
    except Exception as error:  # pickling runs the classes of the user
        notes.append(f"{what}, of type {type(value).__qualname__}, cannot be sent back: {described(error)}.")
        return None


def _tell(ran: Ran, error: BaseException) -> None:
    ran.exit_code = exit_code_of(error)
    if isinstance(error, SystemExit):
        if ran.exit_code == 0:
            return
        if not isinstance(error.code, int):
            print(error.code, file=sys.stderr)  # as Python does
    ran.status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    ran.error_type = type(error).__name__
    if isinstance(error, SystemExit):
        ran.error = f"The code called sys.exit({error.code!r})."
    else:
        ran.error = message(error)
    trace = without_frames_outside(error.__traceback__, FILENAME)
    ran.traceback = "".join(traceback.format_exception(type(error), error, trace))[-_MOST_CHARS:]
