"""`ExecutionProfiler`: profile a function, a block or code, in a script, a worker or a notebook."""

import contextlib
import dataclasses
import hashlib
import inspect
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from kosmos_nb.core import ConfigError, ProfilingError
from kosmos_nb.core.program import Program, compile_program
from kosmos_nb.history import ProfileResult, Status
from kosmos_nb.profiling.analysis.frames import CellPlace, Function, short_file
from kosmos_nb.profiling.analysis.subject import Subject, above, after_call_of, stack_depth, times_on_stack
from kosmos_nb.profiling.block import OWN_FRAMES, Block
from kosmos_nb.profiling.identity import code_hash
from kosmos_nb.profiling.modes import ProfilingMode, new_session
from kosmos_nb.profiling.session import Identity, ProfileSession

P = ParamSpec("P")
T = TypeVar("T")
Ending = tuple[Status, str | None]  # status, and the type of what was raised

_RUN = Program.run.__code__


class ExecutionProfiler:
    """Profiles functions, blocks and code.

    It works in scripts, notebooks and worker processes, in any thread, nested, and in several
    threads at once. A profile made so is not in the history until `History().save(profile)`.

    Args:
        mode: `light` (clocks and memory), `standard` (with a sampled call tree) or `full`
            (sampled twice as often, with memory by line and counted calls).
        bottleneck_threshold: A function or line above this share of the time, in percent, is a
            bottleneck.
        enable_memory_tracking: Whether to find the peak of memory.
        trace_calls: Whether to count every call; call-heavy code runs 2-6 times slower.
        trace_memory: Whether to follow every allocation with memray; 40 ms, and 1.2-3 times slower.

    Raises:
        ConfigError: There is no such mode, or the threshold is no percentage.
        MissingExtraError: What is to be traced needs a library that is not installed.
        ProfilingError: It cannot be traced now.
    """

    _newest: ProfileResult | None

    def __init__(
        self,
        mode: ProfilingMode | str = ProfilingMode.STANDARD,
        bottleneck_threshold: float = 5.0,
        enable_memory_tracking: bool = True,
        *,
        trace_calls: bool = False,
        trace_memory: bool = False,
    ) -> None:
        # Says now what would fail later.
        new_session(
            mode, threshold_pct=bottleneck_threshold, trace_calls=trace_calls, trace_memory=trace_memory
        )
        self.mode = ProfilingMode(mode)
        self.bottleneck_threshold = bottleneck_threshold
        self.enable_memory_tracking = enable_memory_tracking
        self.trace_calls = trace_calls
        self.trace_memory = trace_memory
        self._forget()

    def profile_function(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, ProfileResult]:
        """Call the function; return its value and the profile.

        A coroutine function is profiled as `profile_function(asyncio.run, f())`.

        Raises:
            ConfigError: It is a coroutine function, whose call alone runs nothing.
            BaseException: What the function raised; `get_result()` then has the profile.
        """
        _check_callable(function)
        subject = _function_subject(function, stack_depth(sys._getframe()))
        session = self._session(_file_of(function))
        try:
            try:
                session.start()
                value = function(*args, **kwargs)
            finally:
                session.stop()
        except BaseException as error:
            session.stop()  # an interrupt may have come before the line above
            self._finish_failed(session, subject, outcome(error))
            raise
        return value, self._finish(session, subject, ("ok", None), value)

    def profile_context(self) -> AbstractContextManager[None]:
        """Profile the block; `get_result()` has the profile afterwards, also when it raised.

        Inside a coroutine the block may await: the time goes to the line that awaits, with what
        other tasks of the loop did meanwhile. Clocks and memory are those of the whole process.
        """
        file = sys._getframe(1).f_code.co_filename
        return Block(lambda: self._session(file), self._end_block)

    def profile_experiment(
        self, experiment_id: str, code: str, local_vars: dict[str, Any] | None = None
    ) -> ProfileResult:
        """Run code in one namespace, as a script has, and return the profile with its lines.

        Args:
            experiment_id: Found in the history by it, and named in tracebacks.
            code: Python; its first line is line 1 of the profile. The value of a last line that
                is an expression is the profile's `value`.
            local_vars: The namespace: what the code may use, and where it leaves its names.

        Raises:
            ConfigError: `code` is no text, or `local_vars` no dict.
            SyntaxError: The code is not Python.
            BaseException: What the code raised; `get_result()` then has the profile.
        """
        namespace = {} if local_vars is None else local_vars
        if not isinstance(namespace, dict):
            raise ConfigError(f"local_vars is a dict of names, not {type(namespace).__name__}.")
        shown = f"<experiment {experiment_id}>"
        try:
            program = compile_program(code, shown, with_value=True)
        except SyntaxError as error:
            self._not_begun(Program(code, shown, ()), str(experiment_id), outcome(error))
            raise
        added = {"__name__", "__builtins__"} - namespace.keys()  # the code's own names are what stays
        namespace.setdefault("__name__", "__main__")
        try:
            self.profile_program(program, namespace, experiment_id=str(experiment_id))
        finally:
            for name in added:
                namespace.pop(name, None)
        return self.get_result()

    def profile_program(
        self,
        program: Program,
        namespace: dict[str, Any],
        *,
        label: str | None = None,
        experiment_id: str | None = None,
        then: Callable[[], object] | None = None,
    ) -> Any:
        """Run a compiled program and return its value; `get_result()` has the profile.

        Args:
            program: What to run.
            namespace: Its globals and locals.
            label, experiment_id: Of the profile.
            then: Called under the same profile, however the program ended.

        Raises:
            BaseException: What the program raised. `SystemExit` without a code is an ordinary end.
        """
        subject = _program_subject(program, times_on_stack(_RUN))
        session = self._session(program.filename)
        owner = _owner(program, label, experiment_id)
        try:
            try:
                session.start()
                try:
                    value = program.run(namespace)
                finally:
                    if then is not None:
                        then()
            finally:
                session.stop()
        except BaseException as error:
            session.stop()  # an interrupt may have come before the line above
            ended: Ending = ("ok", None) if _is_ordinary_exit(error) else outcome(error)
            self._finish_failed(session, subject, ended, owner)
            raise
        self._finish(session, subject, ("ok", None), value, owner)
        return value

    def get_result(self) -> ProfileResult:
        """Return the newest profile of this thread; of any, where this one has made none.

        Raises:
            ProfilingError: Nothing has been profiled yet.
        """
        result = getattr(self._of_thread, "result", None) or self._newest
        if result is None:
            raise ProfilingError(
                "Nothing has been profiled yet: call profile_function, profile_context or profile_experiment."
            )
        return result

    def __getstate__(self) -> dict[str, Any]:
        # A worker process gets the settings; results are this process's.
        return {k: v for k, v in vars(self).items() if k not in ("_of_thread", "_newest")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()

    def _session(self, own_file: str | None = None) -> ProfileSession:
        return new_session(
            self.mode,
            threshold_pct=self.bottleneck_threshold,
            track_memory=self.enable_memory_tracking,
            trace_calls=self.trace_calls,
            trace_memory=self.trace_memory,
            own_file=own_file,
        )

    def _not_begun(self, program: Program, experiment_id: str, ended: Ending) -> ProfileResult:
        session = self._session()
        try:
            session.start()
        finally:
            session.stop()
        return self._finish(
            session, _program_subject(program, 0), ended, None, _owner(program, None, experiment_id)
        )

    def _end_block(self, session: ProfileSession, subject: Subject, error: BaseException | None) -> None:
        self._finish(session, subject, outcome(error), None)

    def _finish_failed(
        self, session: ProfileSession, subject: Subject, ended: Ending, owner: Identity | None = None
    ) -> None:
        """Make the profile of what has raised; where it was not even started there is none."""
        if session.has_measured:
            with contextlib.suppress(Exception):  # a door: the user's error is what is told
                self._finish(session, subject, ended, None, owner)

    def _finish(
        self,
        session: ProfileSession,
        subject: Subject,
        ended: Ending,
        value: Any,
        owner: Identity | None = None,
    ) -> ProfileResult:
        identity = owner or Identity(label=subject.root.name, code_hash=_hash_of(subject.root))
        status, exception_type = ended
        result = session.result(subject, identity, status=status, exception_type=exception_type, value=value)
        note = _has_not_run(value)
        return self._keep(dataclasses.replace(result, notes=(*result.notes, note)) if note else result)

    def _keep(self, result: ProfileResult) -> ProfileResult:
        self._of_thread.result = self._newest = result
        return result

    def _forget(self) -> None:
        self._of_thread = threading.local()
        self._newest = None


def outcome(error: BaseException | None) -> Ending:
    """Return the status and the exception's type name for how something ended."""
    if error is None:
        return "ok", None
    # Python 3.13 has private kinds of SyntaxError; readers know the public one.
    names = [
        kind.__qualname__
        for kind in type(error).__mro__
        if not (kind.__module__ == "builtins" and kind.__name__.startswith("_"))
    ]
    name = names[0]
    return ("interrupted" if isinstance(error, KeyboardInterrupt) else "failed"), name


def _check_callable(function: object) -> None:
    name = getattr(function, "__name__", type(function).__name__)
    if not callable(function):
        raise ConfigError(f"profile_function takes a function and its arguments, not {name!r}.")
    if inspect.iscoroutinefunction(function):
        raise ConfigError(
            f"{name} is a coroutine function; calling it runs nothing yet. "
            f"Use profile_function(asyncio.run, {name}(…)), or put `with profiler.profile_context():` "
            "around the await."
        )


def _has_not_run(value: object) -> str | None:
    """Say that what was called only made something that is to be run."""
    if inspect.iscoroutine(value):
        return "It returned a coroutine, which has not run: profile asyncio.run with it."
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return "It returned a generator, whose code runs when it is iterated; that is not in this profile."
    return None


def _is_ordinary_exit(error: BaseException) -> bool:
    return isinstance(error, SystemExit) and error.code in (None, 0)


def _owner(program: Program, label: str | None, experiment_id: str | None) -> Identity:
    return Identity(
        label=label, experiment_id=experiment_id, code=program.source, code_hash=code_hash(program.source)
    )


def _file_of(function: Callable[..., Any]) -> str | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else code.co_filename


def _function_subject(function: Callable[..., Any], depth: int) -> Subject:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        name = getattr(function, "__qualname__", type(function).__qualname__)
        root = Function(name, str(getattr(function, "__module__", "")), 0)
    else:
        root = Function(code.co_qualname, short_file(code.co_filename), code.co_firstlineno)
    return Subject(kind="function", root=root, first=above(depth), root_is_frame=False, hidden=OWN_FRAMES)


def _program_subject(program: Program, occurrence: int) -> Subject:
    shown = short_file(program.filename)
    return Subject(
        kind="run",
        root=Function("<module>", shown, 1),
        first=after_call_of(_RUN, occurrence),
        cell=CellPlace(program.filename, shown),
        source=tuple(program.source.split("\n")),
        hidden=OWN_FRAMES,
    )


def _hash_of(function: Function) -> str:
    return hashlib.sha256(repr(function).encode()).hexdigest()
