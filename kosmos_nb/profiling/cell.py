"""The hook into IPython's own run path, so that a profiled cell is an ordinary cell.

IPython runs the cell; we only look on. A pure input transformer blanks the `%%kosmos_profile`
line (it is called twice a cell, and line numbers stay). Then, in IPython's order:

    pre_run_cell     is this cell ours? then put a marker among the AST transformers
    the marker       changes nothing; the code is about to run, so start
    showtraceback    after an error: stop, before IPython spends its time on the traceback
    post_execute     stop, before anybody else's callbacks
    post_run_cell    the outcome is known: make the profile and hand it on

What cannot go this way, because another cell is already running (a nested `run_cell`, the body of
another cell magic), is left to the registered magic. Cells of other threads (ipykernel's
subshells) are kept apart by thread. While a cell waits at an `await`, the kernel handles the
messages of widgets, and each of them triggers `post_execute`, too: those are told by their task.
"""

import ast
import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from IPython.core.inputtransformer2 import cell_magic, leading_indent
from IPython.core.interactiveshell import InteractiveShell

from kosmos_nb.history import InputData, ProfileResult
from kosmos_nb.profiling import identity
from kosmos_nb.profiling.analysis.frames import CellPlace, Function
from kosmos_nb.profiling.analysis.subject import Subject, after_call_of, times_on_stack
from kosmos_nb.profiling.inputs import inputs_of
from kosmos_nb.profiling.modes import new_session
from kosmos_nb.profiling.profiler import Ending, outcome
from kosmos_nb.profiling.sampling.awaiting import current_task, suspended_frames
from kosmos_nb.profiling.session import Identity, ProfileSession
from kosmos_nb.profiling.traceback_shadow import TracebackShadow

RUN_CODE: CodeType = InteractiveShell.run_code.__code__
# It runs the statements of a cell one by one; an interrupt may come between two of them.
_RUN_STATEMENTS: CodeType = InteractiveShell.run_ast_nodes.__code__


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOptions:
    """How a cell is to be profiled, and what is to be done with the result.

    With a `problem` it is not profiled, and the user is told why; the cell runs all the same.
    """

    mode: str
    threshold_pct: float = 5.0
    label: str | None = None
    experiment_id: str | None = None
    quiet: bool = False
    variable: str | None = None
    is_always: bool = False
    trace_calls: bool = False
    trace_memory: bool = False
    problem: str | None = None


ReadLine = Callable[[str], CellOptions | None]
Always = Callable[[str], CellOptions | None]
Finish = Callable[[ProfileResult, CellOptions], None]


@dataclass(slots=True)
class _Active:
    """A cell that is being profiled."""

    session: ProfileSession
    options: CellOptions
    source: str
    cell_id: str | None
    process: int
    task: Any  # an asyncio.Task, or None: what runs the cell
    inputs: tuple[InputData, ...]
    is_started: bool = False

    @property
    def is_suspended(self) -> bool:
        """Whether the cell waits at an `await` while another task of its thread has its turn."""
        task = self.task
        if task is None or task.done() or current_task() is task:
            return False
        return bool(task.get_loop().is_running())  # else an interrupt has ended the loop under it


class CellHook:
    """Profiles those cells of a shell that ask for it.

    Args:
        shell: The IPython shell.
        magic: Name of the cell magic whose line asks.
        read: Turns the rest of that line into options; None where the registered magic is to
            answer instead (an error, or `--help`). It must be pure.
        always: Given the source, says whether any other cell is to be profiled.
        finish: Takes the profile, after the cell.
        complain: Takes one line about a failure of ours; the user's cell is never touched by it.
    """

    def __init__(
        self,
        shell: Any,
        *,
        magic: str,
        read: ReadLine,
        always: Always,
        finish: Finish,
        complain: Callable[[str], None],
    ) -> None:
        self._shell = shell
        self._prefix = f"%%{magic}"
        self._magic = magic
        self._read, self._always = read, always
        self._finish, self._complain = finish, complain
        self._active: dict[int, _Active] = {}
        self._has_run: set[str] = set()  # hashes of code that ran to its end
        self._marker = _Marker(self._mark)
        self._shadow = TracebackShadow(shell, (RUN_CODE, _RUN_STATEMENTS), self._stop_at_error)

    def install(self) -> None:
        """Begin to look at the shell's cells."""
        self._shell.input_transformers_cleanup.append(self.blank_magic_line)
        self._shell.events.register("pre_run_cell", self._before)
        # First in the row: what others do after a cell (drawing figures) is not the cell's.
        self._shell.events.callbacks["post_execute"].insert(0, self._stop)
        self._shell.events.register("post_run_cell", self._after)

    def uninstall(self) -> None:
        """Leave nothing of ours in the shell; a cell that is being profiled just runs on."""
        with contextlib.ExitStack() as steps:  # an interrupt in one of them does not keep the others
            for event, callback in (
                ("pre_run_cell", self._before),
                ("post_execute", self._stop),
                ("post_run_cell", self._after),
            ):
                steps.callback(self._unregister, event, callback)
            steps.callback(_without, self._shell.input_transformers_cleanup, self.blank_magic_line)
            steps.callback(self._shadow.remove)
            steps.callback(_without, self._shell.ast_transformers, self._marker)
            steps.callback(self._active.clear)
            for active in self._active.values():
                steps.callback(active.session.stop)

    def _unregister(self, event: str, callback: Callable[..., None]) -> None:
        if callback in self._shell.events.callbacks[event]:
            self._shell.events.unregister(event, callback)

    @property
    def is_active(self) -> bool:
        """Whether the cell that this thread runs is being profiled."""
        active = self._active.get(threading.get_ident())
        return active is not None and active.process == os.getpid()

    def blank_magic_line(self, lines: list[str]) -> list[str]:
        """Take the magic's line out of a cell that is run as a whole; pure."""
        if not lines or self._options(lines[0]) is None or self._is_nested():
            return lines
        return ["\n", *_first_of_all(lines[1:])]

    # IPython asks it whether the typed text is complete; a terminal would otherwise take the
    # magic's line alone for a whole cell.
    blank_magic_line.has_side_effects = True  # type: ignore[attr-defined]

    def _options(self, line: str) -> CellOptions | None:
        text = line.strip()
        if not text.startswith(self._prefix):
            return None
        rest = text[len(self._prefix) :]
        return None if rest[:1].strip() else self._read(rest.strip())

    def _before(self, info: Any = None) -> None:
        if self._is_nested():
            return
        with self._door("this cell is not profiled"):
            self._discard()
            source = str(info.raw_cell)
            options = self._options(source.lstrip().split("\n", 1)[0]) or self._always(source)
            if options is not None and options.problem is not None:
                self._complain(f"this cell is not profiled: {options.problem}")
            elif options is not None:
                self._prepare(source, options, info)

    def _prepare(self, source: str, options: CellOptions, info: Any) -> None:
        shell = self._shell
        session = new_session(
            options.mode,
            threshold_pct=options.threshold_pct,
            trace_calls=options.trace_calls,
            trace_memory=options.trace_memory,
        )
        cell_id = identity.cell_id(shell, info)
        self._active[threading.get_ident()] = _Active(
            session,
            options,
            source,
            cell_id,
            os.getpid(),
            current_task(),
            inputs_of(source, shell.user_ns),
        )
        shell.ast_transformers.append(self._marker)

    def _start(self) -> None:
        active = self._active.get(threading.get_ident())
        if active is None or active.is_started or self._is_nested():
            return
        active.is_started = True
        with self._door("this cell is not profiled"):
            self._shadow.install()
            active.session.start(suspended_frames(RUN_CODE))

    def _stop_at_error(self) -> None:
        """End the measurement of a cell whose code has just failed; `_stop` does the rest."""
        active = self._active.get(threading.get_ident())
        if active is None or active.process != os.getpid():
            return
        if active.is_suspended or times_on_stack(RUN_CODE) > 1 or times_on_stack(_RUN_STATEMENTS) > 1:
            return
        with self._door("this cell's profile is lost"):
            active.session.stop()

    def _stop(self) -> None:
        active = self._active.get(threading.get_ident())
        if active is None or self._is_nested():
            return
        if active.process != os.getpid():
            self._active.clear()  # the child of a fork came to the end of its parent's cell
            self._shadow.remove()
            return
        with self._door("this cell's profile is lost"):
            if not active.is_started:  # a syntax error: there was nothing to run
                active.is_started = True
                active.session.start()
            active.session.stop()
            self._remove_marker()

    def _after(self, result: Any = None) -> None:
        if self._is_nested():
            return
        active = self._pop()
        if active is None or active.process != os.getpid():
            return
        with self._door("this cell's profile is lost"):
            status, exception_type = _outcome(result)
            count = result.execution_count if result.info.store_history else None
            profile = active.session.result(
                self._subject(active, count),
                self._identity(active, count),
                status=status,
                exception_type=exception_type,
            )
            if status == "ok":
                self._has_run.add(profile.code_hash)
            self._finish(profile, active.options)

    @contextlib.contextmanager
    def _door(self, what: str) -> Iterator[None]:
        """Let no failure of ours out to the user's cell: nothing of ours stays, and one line says so."""
        try:
            yield
        except Exception as error:
            self._give_up()
            with contextlib.suppress(Exception):  # the user may have closed the stream it goes to
                self._complain(f"{what}: {_line(error)}")
        except BaseException:  # an interrupt is the user's
            self._give_up()
            raise

    def _give_up(self) -> None:
        with contextlib.suppress(Exception):  # the failure that led here is the one to tell
            self._discard()

    def _identity(self, active: _Active, count: int | None) -> Identity:
        code_hash = identity.code_hash(active.source, self._magic)
        return Identity(
            label=active.options.label,
            experiment_id=active.options.experiment_id,
            notebook=identity.notebook(self._shell),
            cell_id=active.cell_id,
            execution_count=count,
            kernel_id=identity.kernel_id(self._shell),
            code=active.source,
            code_hash=code_hash,
            inputs=active.inputs,
            is_warm=code_hash in self._has_run,
        )

    def _subject(self, active: _Active, count: int | None) -> Subject:
        shown = f"In[{count}]" if count is not None else "<cell>"
        lines = active.source.split("\n")
        blank = next((index for index, line in enumerate(lines) if line.strip()), 0)
        return Subject(
            kind="cell",
            root=Function("<module>", shown, 1),
            first=after_call_of(RUN_CODE, 0),
            cell=CellPlace("", shown, blank),
            source=tuple(lines),
            cells=OtherCells(self._shell),
        )

    def _is_nested(self) -> bool:
        """Whether the shell is called from within a cell that is not at its end."""
        active = self._active.get(threading.get_ident())
        return times_on_stack(RUN_CODE) > 0 or (active is not None and active.is_suspended)

    def _pop(self) -> _Active | None:
        active = self._active.pop(threading.get_ident(), None)
        if not self._active:
            self._shadow.remove()
        return active

    def _discard(self) -> None:
        active = self._active.get(threading.get_ident())
        try:
            if active is not None and active.process == os.getpid():
                active.session.stop()
        finally:
            self._pop()
            self._remove_marker()

    def _remove_marker(self) -> None:
        if not self._active_unstarted():
            _without(self._shell.ast_transformers, self._marker)

    def _mark(self) -> None:
        self._start()
        # IPython walks the whole tree once more where it has transformers when they are through:
        # milliseconds in a long cell. It is going through the list now; only its end may go.
        # IPython itself removes one that fails, so ours goes last of all.
        transformers = self._shell.ast_transformers
        if transformers and transformers[-1] is self._marker:
            self._remove_marker()

    def _active_unstarted(self) -> bool:
        return any(not active.is_started for active in self._active.values())


class _Marker(ast.NodeTransformer):
    """Stands among the AST transformers to learn when the code is about to run."""

    def __init__(self, mark: Callable[[], None]) -> None:
        self._mark = mark

    def visit(self, node: ast.AST) -> Any:
        """Return the tree untouched."""
        self._mark()
        return node


class OtherCells(Mapping[str, str]):
    """Compile names of the notebook's cells with their names for readers, made when asked for."""

    def __init__(self, shell: Any) -> None:
        self._counts: dict[str, int] = getattr(shell.compile, "_filename_map", {})  # not before IPython 8

    def __getitem__(self, filename: str) -> str:
        return f"In[{self._counts[filename]}]"

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._counts))

    def __len__(self) -> int:
        return len(self._counts)


def _first_of_all(lines: list[str]) -> list[str]:
    """Do what IPython does where a cell begins: below our line it would not see that it does.

    An indented cell is dedented, and a second magic takes the rest. Blank lines before it stay,
    for the numbers of the lines.
    """
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    body = cell_magic(leading_indent(lines[first:]))  # type: ignore[no-untyped-call]  # IPython's
    return [*lines[:first], *body]


def _without(members: list[Any], member: object) -> None:
    if member in members:
        members.remove(member)


def _outcome(result: Any) -> Ending:
    if result is None:  # ipykernel has none to give when an awaiting cell was cancelled
        return "interrupted", "KeyboardInterrupt"
    error = result.error_before_exec or result.error_in_exec
    # An interrupt reaches a cell that awaits as the cancellation of its task.
    if type(error).__name__ == "CancelledError":
        return "interrupted", "CancelledError"
    return outcome(error)


def _line(error: Exception) -> str:
    return " ".join(f"{error}".split()) or type(error).__name__
