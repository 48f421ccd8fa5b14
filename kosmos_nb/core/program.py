"""Source text that is run as a program: compiled in one place, in one namespace, with its lines known.

Profiles and child processes both run code that somebody typed. It gets one dictionary for its
globals and locals, as a module has: functions can then call each other and see what was imported.
"""

import ast
import linecache
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from types import CodeType, TracebackType
from typing import Any

from kosmos_nb.core.errors import ConfigError

_MOST_KEPT = 256  # sources whose lines tracebacks can show
_kept: "OrderedDict[str, None]" = OrderedDict()


@dataclass(frozen=True, slots=True)
class Program:
    """Code that is ready to run.

    Attributes:
        source: As typed; its line 1 is the first line. May be empty where only the code is known.
        filename: What tracebacks call it.
        codes: To be run in order; the value of the last one is the program's.
    """

    source: str = field(repr=False)
    filename: str
    codes: tuple[CodeType, ...] = field(repr=False)

    def run(self, namespace: dict[str, Any]) -> Any:
        """Run it and return the value of its last expression, None where it ends otherwise."""
        value: Any = None
        for code in self.codes:
            value = eval(code, namespace)  # noqa: S307 - the caller's own code
        return value


def compile_program(source: str, filename: str, *, with_value: bool = False) -> Program:
    """Compile source text, and let tracebacks show its lines.

    Args:
        source: Python, one or more lines.
        filename: What tracebacks call it, such as `<experiment exp_123>`.
        with_value: Whether a last line that is an expression gives the program's value.

    Raises:
        ConfigError: `source` is no text.
        SyntaxError: It is not Python; also for what Python itself calls a ValueError.
    """
    if not isinstance(source, str):
        raise ConfigError(f"Code is given as text, not as {type(source).__name__}.")
    _keep_lines(source, filename)
    try:
        tree = ast.parse(source, filename)
        last = tree.body.pop() if with_value and tree.body and isinstance(tree.body[-1], ast.Expr) else None
        codes = [compile(tree, filename, "exec", dont_inherit=True)]
        if isinstance(last, ast.Expr):
            codes.append(compile(ast.Expression(last.value), filename, "eval", dont_inherit=True))
    except SyntaxError as error:
        error.filename = error.filename or filename  # null bytes are told without a place
        raise
    except ValueError as error:  # lone surrogates
        raise SyntaxError(str(error), (filename, 1, 0, "")) from None
    return Program(source, filename, tuple(codes))


def without_frames_outside(trace: TracebackType | None, filename: str) -> TracebackType | None:
    """Return a traceback from the first frame in `filename`; None where there is none."""
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    return trace


def end_threads() -> None:
    """Wait for the threads that are no daemons, as Python does at a program's end.

    The idle threads of executors are told to end first, which only Python's own function does;
    `multiprocessing` calls it for the same reason. Afterwards this process starts no executor.
    """
    shutdown = getattr(threading, "_shutdown", None)
    if shutdown is not None:
        shutdown()


def _keep_lines(source: str, filename: str) -> None:
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    _kept[filename] = None
    _kept.move_to_end(filename)
    while len(_kept) > _MOST_KEPT:
        linecache.cache.pop(_kept.popitem(last=False)[0], None)
