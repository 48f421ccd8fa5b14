"""`CodeExecutor`: run code in a child process, and say what came of it."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from kosmos_nb.core import ConfigError, ExecutionError, SandboxUnavailableError, parts, units
from kosmos_nb.execution.carry_out import described
from kosmos_nb.execution.code_child import Order, ProfilesCode, Ran, run_code
from kosmos_nb.execution.outlet import Outlets
from kosmos_nb.execution.pool import ParallelExperimentExecutor
from kosmos_nb.execution.task import ExperimentResult, ExperimentTask

if TYPE_CHECKING:
    from kosmos_nb.history import ProfileResult

Sandbox = Literal["auto", "required", "none"]

_SHOWN_LINES = 20
_SHOWN_CHARACTERS = 500  # of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeResult:
    """What became of one piece of code. A failure is a result, never an exception.

    Attributes:
        status: `ok`; `failed` (it raised, left by `sys.exit` with a code, passed its time limit,
            or its process died); `interrupted` (it raised KeyboardInterrupt).
        value: Of a last line that is an expression; None where there is none, or `notes` say why.
        variables: Values of the names that were asked for by `returns`.
        stdout, stderr: What it printed, also from compiled code and child processes. Of more than
            the limit the beginning and the end are kept, and a line tells what is missing.
        error, error_type: Message and class name of what went wrong; None when `ok`.
        traceback: As Python would print it, from the first line of the code; empty without one.
        exit_code: As of a script: 0, 1 after an exception, the code of `sys.exit`, negative for
            the signal that killed it.
        profile_result: What it cost; None without profiling, and where the process ended first.
        started_at_us: UTC microseconds.
        wall_s, cpu_s: Seconds of the code alone, without the start of its process.
        peak_bytes: Highest resident memory of its process; 0 where it ended first.
        notes: What could not be sent back, and why.
    """

    status: Literal["ok", "failed", "interrupted"]
    value: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    stdout: str = field(default="", repr=False)
    stderr: str = field(default="", repr=False)
    error: str | None = None
    error_type: str | None = None
    traceback: str = field(default="", repr=False)
    exit_code: int = 0
    profile_result: ProfileResult | None = field(default=None, repr=False)
    started_at_us: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the result to be read by people; of a failure also the end of what it said of it."""
        seconds = units.seconds(self.wall_s)
        if self.status == "ok":
            value = "" if self.value is None else f", value of type {type(self.value).__qualname__}"
            head = f"ok in {seconds}{value}"
        else:
            kind = f" with {self.error_type}" if self.error_type else ""
            head = f"{self.status}{kind} after {seconds}, exit code {self.exit_code}: {self.error}"
        parts = [head, *(f"note: {note}" for note in self.notes)]
        if self.status != "ok":
            parts += [_end_of("stderr", self.stderr), _end_of("traceback", self.traceback)]
        return "\n".join(part for part in parts if part)


def _end_of(name: str, text: str) -> str:
    lines = text.rstrip().splitlines()
    if not lines:
        return ""
    left_out = max(0, len(lines) - _SHOWN_LINES)
    title = f"{name}, last {_SHOWN_LINES} of {len(lines)} lines:" if left_out else f"{name}:"
    return "\n".join([title, *(f"  {line[:_SHOWN_CHARACTERS]}" for line in lines[left_out:])])


class CodeExecutor:
    """Runs code in a child process that is used once.

    The code runs as a script would: as `__main__`, with this process's folder, import path and
    environment, one BLAS thread, and no standard input. It can do what you can do; a sandbox for
    code that you have not read does not exist yet, and nothing stands in for it.

    Args:
        enable_profiling: Whether results have a `profile_result`.
        sandbox: `none` runs your own code without a cage. `auto` and `required` run it in one or
            not at all.
        timeout_s: After this many seconds the process and all its children are killed.
        mode: Of the profile: `light`, `standard` or `full`.
        bottleneck_threshold: Share of the time, in percent, that makes a bottleneck.
        trace_calls, trace_memory: Count every call; follow every allocation. Slow.
        output_bytes: Most of each stream that is kept.
        profiler: Makes what profiles the code; it travels to the child, and is called there with
            the mode, the threshold and the traces. Default: `ExecutionProfiler`.

    Raises:
        ConfigError: An argument makes no sense.
        MissingExtraError: A trace needs a library that is not installed.
    """

    def __init__(
        self,
        enable_profiling: bool = False,
        sandbox: Sandbox = "auto",
        timeout_s: float | None = None,
        mode: str = "standard",
        *,
        bottleneck_threshold: float = 5.0,
        trace_calls: bool = False,
        trace_memory: bool = False,
        output_bytes: int = 1_000_000,
        profiler: Callable[..., ProfilesCode] | None = None,
    ) -> None:
        if sandbox not in get_args(Sandbox):
            raise ConfigError(f"sandbox is one of {', '.join(get_args(Sandbox))}, not {sandbox!r}.")
        if timeout_s is not None and not timeout_s > 0:
            raise ConfigError(f"timeout_s is a number of seconds above 0, not {timeout_s!r}.")
        if output_bytes < 2:
            raise ConfigError(f"output_bytes is a number of bytes from 2 up, not {output_bytes!r}.")
        self.sandbox = sandbox
        self.timeout_s = timeout_s
        self.output_bytes = output_bytes
        make = functools.partial(
            profiler or parts.maker(parts.PROFILER),
            mode=mode,
            bottleneck_threshold=bottleneck_threshold,
            trace_calls=trace_calls,
            trace_memory=trace_memory,
        )
        self._profiler: Callable[[], ProfilesCode] | None = make if enable_profiling else None
        if enable_profiling:
            make()  # says now what would fail later

    def execute(
        self,
        code: str,
        local_vars: Mapping[str, Any] | None = None,
        *,
        returns: Iterable[str] = (),
        label: str | None = None,
        experiment_id: str | None = None,
    ) -> CodeResult:
        """Run the code and return what came of it.

        An interrupt (Ctrl-C, the notebook's stop button) kills the child with all its processes
        and goes on to the caller.

        Args:
            code: Python.
            local_vars: Names that it may use; copies travel to the child.
            returns: Names whose values are to come back.
            label, experiment_id: Of the profile.

        Raises:
            SandboxUnavailableError: `sandbox` is not `none`.
            ConfigError: `code` is no text, or `local_vars` cannot travel.
            ExecutionError: The child process could not be started.
        """
        self._check_sandbox()
        if not isinstance(code, str):
            raise ConfigError(f"Code is given as text, not as {type(code).__name__}.")
        names = _packed(dict(local_vars or {}))
        wanted = (returns,) if isinstance(returns, str) else tuple(returns)
        with Outlets(self.output_bytes) as outlets:
            order = Order(
                source=code,
                names=names,
                returns=wanted,
                outlets=outlets.paths,
                profiler=self._profiler,
                label=label,
                experiment_id=experiment_id,
            )
            result = _in_child(ExperimentTask("code", run_code, (order,), timeout_s=self.timeout_s))
        return _code_result(result, outlets)

    def _check_sandbox(self) -> None:
        if self.sandbox != "none":
            raise SandboxUnavailableError(
                f"sandbox={self.sandbox!r} runs code in a cage only, and this version has none yet. "
                "If the code is your own, say sandbox='none': it runs in a child process, with your rights."
            )


def _packed(names: dict[str, Any]) -> bytes:
    import cloudpickle  # noqa: PLC0415 - 15 ms that only who runs code pays

    try:
        return bytes(cloudpickle.dumps(names))
    except Exception:  # pickling runs the classes of the caller; which of them it was is told below
        for name, value in names.items():
            try:
                cloudpickle.dumps(value)
            except Exception as error:  # as above
                raise ConfigError(
                    f"local_vars[{name!r}] cannot be sent to the child process: {described(error)}."
                ) from error
        raise


def _in_child(task: ExperimentTask) -> ExperimentResult:
    """Run the task in a pool of one worker, which ends with it."""
    pool = ParallelExperimentExecutor(1)
    try:
        (result,) = pool.execute_batch([task])
    except BaseException:
        pool.kill()
        raise
    pool.shutdown()
    return result


def _code_result(result: ExperimentResult, outlets: Outlets) -> CodeResult:
    if isinstance(result.value, Ran):
        return _of_ran(result.value, result, outlets)
    if result.error_type not in ("WorkerDiedError", "TaskTimeoutError"):
        raise ExecutionError(f"The code could not be run: {result.error}")
    return CodeResult(
        status="failed",
        stdout=outlets.stdout.text(),
        stderr=outlets.stderr.text(),
        error=result.error,
        error_type=result.error_type,
        exit_code=-9 if result.exit_code is None else result.exit_code,
        started_at_us=result.started_at_us,
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        notes=("The process ended before the code did: no value, no variables, no profile.",),
    )


def _of_ran(ran: Ran, result: ExperimentResult, outlets: Outlets) -> CodeResult:
    notes = list(ran.notes)
    value = None if ran.value is None else _read(ran.value, "The value of the last line", notes)
    variables = {name: _read(body, f"The variable {name!r}", notes) for name, body in ran.variables.items()}
    return CodeResult(
        status=ran.status,
        value=value,
        variables=variables,
        stdout=outlets.stdout.text(),
        stderr=outlets.stderr.text(),
        error=ran.error,
        error_type=ran.error_type,
        traceback=ran.traceback,
        exit_code=ran.exit_code,
        profile_result=ran.profile,
        started_at_us=result.started_at_us,
        wall_s=result.wall_s,
        cpu_s=result.cpu_s,
        peak_bytes=result.peak_bytes,
        notes=tuple(notes),
    )


def _read(body: bytes, what: str, notes: list[str]) -> Any:
    try:
        return pickle.loads(body)  # noqa: S301 - our own child, and the caller's own code
    except Exception as error:  # unpickling runs the classes of the user
        notes.append(f"{what} cannot be read here: {described(error)}.")
        return None
