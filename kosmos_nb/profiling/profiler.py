"""`ExecutionProfiler`: profile a function or a block, in a script, a worker or a notebook."""

import hashlib
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from kosmos_nb.core import ProfilingError
from kosmos_nb.history import ProfileResult, Status
from kosmos_nb.profiling.frames import Function, short_file
from kosmos_nb.profiling.modes import ProfilingMode, new_session
from kosmos_nb.profiling.session import Identity, ProfileSession
from kosmos_nb.profiling.subject import Subject, above, stack_depth

P = ParamSpec("P")
T = TypeVar("T")
Ending = tuple[Status, str | None]  # status, and the type of what was raised

_OWN_FRAMES = ("kosmos_nb.profiling",)


class ExecutionProfiler:
    """Profiles functions and blocks.

    Args:
        mode: `light` (clocks and memory) or `standard` (with a sampled call tree).
        bottleneck_threshold: A function above this share of the time, in percent, is a bottleneck.
        enable_memory_tracking: Whether to find the peak of memory.

    Raises:
        ConfigError: There is no such mode, or the threshold is no percentage.
    """

    def __init__(
        self,
        mode: ProfilingMode | str = ProfilingMode.STANDARD,
        bottleneck_threshold: float = 5.0,
        enable_memory_tracking: bool = True,
    ) -> None:
        new_session(mode, threshold_pct=bottleneck_threshold)  # says now what would fail later
        self.mode = ProfilingMode(mode)
        self.bottleneck_threshold = bottleneck_threshold
        self.enable_memory_tracking = enable_memory_tracking
        self._result: ProfileResult | None = None

    def profile_function(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, ProfileResult]:
        """Call the function; return its value and the profile.

        Raises:
            BaseException: What the function raised; `get_result()` then has the profile.
        """
        subject = _function_subject(function, stack_depth(sys._getframe()))
        session = self._session()
        value: Any = None
        ended: Ending = ("ok", None)
        session.start()
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            ended = outcome(error)
            raise
        finally:
            session.stop()
            self._result = _finish(session, subject, ended, value)
        return value, self._result

    def profile_context(self) -> AbstractContextManager[None]:
        """Profile the block; `get_result()` has the profile afterwards, also when it raised."""
        return _Block(self._session, self._keep)

    def _keep(self, result: ProfileResult) -> None:
        self._result = result

    def get_result(self) -> ProfileResult:
        """Return the newest profile.

        Raises:
            ProfilingError: Nothing has been profiled yet.
        """
        if self._result is None:
            raise ProfilingError("Nothing has been profiled yet: call profile_function or profile_context.")
        return self._result

    def _session(self) -> ProfileSession:
        return new_session(
            self.mode, threshold_pct=self.bottleneck_threshold, track_memory=self.enable_memory_tracking
        )


class _Block:
    """A `with` block under a session.

    A class of this room, whose frames are hidden; those of contextlib would be the user's.
    """

    def __init__(self, new: Callable[[], ProfileSession], keep: Callable[[ProfileResult], None]) -> None:
        self._session = new()
        self._keep = keep

    def __enter__(self) -> None:
        frame = sys._getframe(1)  # the user's, whose lines are the block
        code = frame.f_code
        root = Function(code.co_qualname, short_file(code.co_filename), code.co_firstlineno)
        self._subject = Subject(
            kind="block", root=root, first=above(stack_depth(frame) - 1), hidden=_OWN_FRAMES
        )
        self._session.start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._session.stop()
        self._keep(_finish(self._session, self._subject, outcome(error), None))


def _finish(session: ProfileSession, subject: Subject, ended: Ending, value: Any) -> ProfileResult:
    identity = Identity(label=subject.root.name, code_hash=_hash_of(subject.root))
    status, exception_type = ended
    return session.result(subject, identity, status=status, exception_type=exception_type, value=value)


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


def _function_subject(function: Callable[..., Any], depth: int) -> Subject:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        name = getattr(function, "__qualname__", type(function).__qualname__)
        root = Function(name, str(getattr(function, "__module__", "")), 0)
    else:
        root = Function(code.co_qualname, short_file(code.co_filename), code.co_firstlineno)
    return Subject(kind="function", root=root, first=above(depth), root_is_frame=False, hidden=_OWN_FRAMES)


def _hash_of(function: Function) -> str:
    return hashlib.sha256(repr(function).encode()).hexdigest()
