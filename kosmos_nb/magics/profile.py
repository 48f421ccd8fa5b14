"""`%%kosmos_profile` and `%kosmos_profile`: what a cell or an expression costs."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand
from IPython.display import display

from kosmos_nb.core import KosmosError
from kosmos_nb.magics.always import StatusLine, always_mode
from kosmos_nb.magics.options import (
    OptionParser,
    documented_by,
    one_line_errors,
    percentage,
    variable_name,
)
from kosmos_nb.profiling import CellHook, CellOptions, CodeProfiler, check_traces
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    from types import CodeType

    from kosmos_nb.config import Kosmos
    from kosmos_nb.history import ProfileResult


def _variable(text: str) -> str:
    try:
        return variable_name(text)
    except ArgumentTypeError as error:
        if "/" not in text and "." not in text:
            raise
        raise ArgumentTypeError(f'{error}; to write a file: -o r, then r.save("{text}")') from None


PARSER = OptionParser(
    "%%kosmos_profile",
    "Measure what a cell costs: wall and CPU time, peak memory and, from standard mode on, the functions\n"
    "and lines that took the time. As a line magic it measures one expression and returns the\n"
    "ProfileResult. The --trace options see every call or every allocation, and slow the cell down.\n"
    "kosmos_nb.last() is the newest profile, also of a cell that failed or was interrupted, which shows\n"
    "its error alone. All of them are in %kosmos_history.",
    [
        "%%kosmos_profile                          as the first line of a cell",
        "%%kosmos_profile --mode light --label load -o cost",
        "%%kosmos_profile --mode full               also memory by line, calls of your functions",
        "%%kosmos_profile --trace-memory            also who held the memory at its peak",
        "r = %kosmos_profile clean(df)             then r.value, r.wall_s, r.functions, r.lines",
        "%kosmos_profile --always light            every cell from now on; --always off ends it",
    ],
)
PARSER.add_argument(
    "--mode",
    choices=["light", "standard", "full"],
    help="light: clocks and memory; standard: also where (default); full: twice as close, with memory "
    "by line and, on Python 3.12 or newer, calls of the notebook's functions.",
)
PARSER.add_argument(
    "--trace-memory",
    action="store_true",
    help="Follow every allocation with memray, in any mode; takes 0.1 s and x1.2-3 the time.",
)
PARSER.add_argument(
    "--trace-calls",
    action="store_true",
    help="Count every call with cProfile, in any mode; x2-6 the time where calls are many.",
)
PARSER.add_argument("--label", metavar="NAME", help="A name to find the profile by.")
PARSER.add_argument("--experiment", metavar="ID", help="The experiment that the cell belongs to.")
PARSER.add_argument(
    "--threshold", type=percentage, metavar="PCT", help="A share above this is a bottleneck; 5."
)
PARSER.add_argument("--quiet", action="store_true", help="Show nothing; keep the profile.")
PARSER.add_argument(
    "-o",
    "--output",
    type=_variable,
    metavar="VAR",
    help='Put the profile into VAR; VAR.save("x.html") writes a file.',
)
PARSER.add_argument(
    "--always",
    choices=["off", "light", "standard"],
    help="Profile every cell, or no longer; alone on a line.",
)
LINE_PARSER = PARSER.called("%kosmos_profile")


@magics_class
class ProfileMagics(Magics):
    """Profiling of cells and expressions."""

    def __init__(self, shell: Any, kosmos: Kosmos) -> None:
        super().__init__(shell)
        self._shell = shell
        self._kosmos = kosmos
        self._status = StatusLine(shell)
        self.hook = CellHook(
            shell,
            magic="kosmos_profile",
            read=self._read,
            always=self._always,
            finish=self._finish,
            complain=complain,
        )

    @no_var_expand
    @needs_local_scope
    @line_cell_magic
    @documented_by(PARSER)
    @one_line_errors
    def kosmos_profile(
        self, line: str = "", cell: str | None = None, local_ns: dict[str, Any] | None = None
    ) -> Any:
        """Replace this by the parser's own page."""
        __tracebackhide__ = True  # IPython shows the user's frames
        if cell is not None:
            return self._nested_cell(line, cell)
        options, expression = LINE_PARSER.parse_head(line)
        if options.help:
            return None
        if options.always is not None:
            if expression.strip():
                LINE_PARSER.error("--always goes alone on its line")
            self._set_always(options.always)
            return None
        if not expression.strip():
            LINE_PARSER.error("there is nothing to profile; give an expression, or put %% before a cell")
        return self._expression(self._options(options), expression.strip(), local_ns)

    def _read(self, line: str) -> CellOptions | None:
        """Turn a cell's magic line into options; None where the magic itself is to answer."""
        options = _checked(line)
        if options is None or options.always is not None or not self._can_trace(options):
            return None
        try:
            return self._options(options)
        except KosmosError as error:  # a setting that makes no sense is no reason not to run the cell
            return CellOptions(mode="light", problem=str(error))

    @staticmethod
    def _can_trace(options: Namespace) -> bool:
        try:
            check_traces(calls=options.trace_calls, memory=options.trace_memory)
        except KosmosError:
            return False
        return True

    def _options(self, options: Namespace) -> CellOptions:
        kosmos = self._kosmos
        return CellOptions(
            mode=options.mode or kosmos.mode,
            threshold_pct=options.threshold or kosmos.threshold_pct,
            label=options.label,
            experiment_id=options.experiment,
            quiet=options.quiet,
            variable=options.output,
            trace_calls=options.trace_calls,
            trace_memory=options.trace_memory,
        )

    def _always(self, source: str) -> CellOptions | None:
        text = source.strip()
        if not text or text.startswith(("%kosmos_", "%%kosmos_")):
            return None
        mode = always_mode(self._kosmos)
        if mode == "off":
            return None
        return CellOptions(mode=mode, threshold_pct=self._kosmos.threshold_pct, is_always=True, quiet=True)

    def _set_always(self, mode: str) -> None:
        self._kosmos.always = mode
        self._status.show(mode)

    def _finish(self, profile: ProfileResult, options: CellOptions) -> None:
        profile = runtime().remember(profile)
        if options.is_always:
            self._status.add(profile)
        if options.variable is not None:
            self._shell.user_ns[options.variable] = profile
        # After an error the user sees what IPython shows and nothing else.
        if not options.quiet and profile.status == "ok":
            display(profile)

    def _expression(
        self, options: CellOptions, expression: str, local_ns: dict[str, Any] | None
    ) -> ProfileResult | None:
        __tracebackhide__ = True  # as above
        code = self._compiled(expression)
        profiler = CodeProfiler(self._shell, options)
        try:
            profile = profiler.run([code], expression, local_ns)
        finally:
            if profiler.profile is not None:
                profile = runtime().remember(profiler.profile)
        if options.variable is not None:
            self._shell.user_ns[options.variable] = profile
        return None if options.quiet and options.variable is not None else profile

    def _compiled(self, expression: str) -> CodeType:
        source = self._shell.transform_cell(expression).strip()
        try:
            return compile(source, "<expression>", "eval", dont_inherit=True)
        except SyntaxError:
            pass  # a statement, or wrong
        try:
            return compile(source, "<expression>", "exec", dont_inherit=True)
        except SyntaxError as error:
            hint = " Put code that awaits into a %%kosmos_profile cell." if "await" in source else ""
            raise UsageError(f"%kosmos_profile: {error.msg}: {expression}.{hint}") from None

    def _nested_cell(self, line: str, cell: str) -> Any:
        """Run a cell that IPython gave to the magic itself: called by hand, or inside another magic."""
        __tracebackhide__ = True  # as above
        parsed = PARSER.parse(line)
        if parsed.help:
            return None
        if parsed.always is not None:
            PARSER.error("--always goes alone on a line, as %kosmos_profile --always light")
        if self.hook.is_active:
            raise UsageError(
                "This cell is being profiled already; %%kosmos_profile cannot be used inside it. "
                "For a part of it use `r = %kosmos_profile expression`."
            )
        options = self._options(parsed)
        check_traces(calls=options.trace_calls, memory=options.trace_memory)
        codes = self._body(cell)
        profiler = CodeProfiler(self._shell, options)
        try:
            value = profiler.run(
                codes, f"%%kosmos_profile {line}".rstrip() + "\n" + cell, None, is_cell=True
            ).value
        finally:
            if profiler.profile is not None:
                self._finish(profiler.profile, options)
        return value

    def _body(self, cell: str) -> list[CodeType]:
        # One line above, so that lines count as in the editor, where the magic's own line is first.
        source = "\n" + self._shell.transform_cell(cell)
        compiler = self._shell.compile
        name = compiler.cache(source, self._shell.execution_count)
        body: list[ast.stmt] = compiler.ast_parse(source, filename=name).body
        flags = int(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | compiler.flags)
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        codes = [compile(ast.Module(body=body, type_ignores=[]), name, "exec", flags=flags)]
        if isinstance(last, ast.Expr):  # its value is the cell's
            codes.append(compile(ast.Expression(body=last.value), name, "eval", flags=flags))
        if any(code.co_flags & inspect.CO_COROUTINE for code in codes):
            raise UsageError(
                "await at the top level of a profiled cell works only where %%kosmos_profile is the "
                "first line of the cell."
            )
        return codes


def complain(text: str) -> None:
    """Write one line about a failure of ours below the user's cell."""
    print(f"kosmos_nb: {text}", file=sys.stderr)


@functools.lru_cache(maxsize=32)
def _checked(line: str) -> Namespace | None:
    # A cell's line is asked for three times: by the two transforms and at its start.
    return PARSER.check(line)
