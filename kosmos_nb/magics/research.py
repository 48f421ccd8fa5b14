"""`%kosmos_research` and `%%kosmos_research`: ask about a DataFrame, watch the tests, get verdicts."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from kosmos_nb.core import ResearchError, render, units
from kosmos_nb.magics.frontend import is_live, is_terminal
from kosmos_nb.magics.names import frame_named, names_in
from kosmos_nb.magics.options import documented_by, one_line_errors
from kosmos_nb.magics.research_options import CELL_PARSER, NEWEST, PARSER
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    from kosmos_nb.inquiry import Question, ResearchRun

CANCEL_WITHIN_S = 5.0
FLUSH_WITHIN_S = 5.0


@magics_class
class ResearchMagics(Magics):
    """The magic of research runs."""

    shell: Any
    _shown: tuple[str, int] | None = None

    @no_var_expand
    @line_cell_magic
    @documented_by(PARSER)
    @one_line_errors
    def kosmos_research(self, line: str = "", cell: str | None = None) -> Any:
        """Read the line and do what it asks; its page is the parser's."""
        options = (PARSER if cell is None else CELL_PARSER).parse(line)
        if options.help:
            return None
        if options.list or options.status or options.cancel is not None:
            if cell is not None:
                raise UsageError("%%kosmos_research tests the hypotheses below it. Use % for other requests.")
            return _list() if options.list else _status() if options.status else _cancel(options.cancel)
        return self._start(options, cell)

    def _start(self, options: argparse.Namespace, cell: str | None) -> ResearchRun:
        from kosmos_nb.inquiry import ResearchRun  # noqa: PLC0415 - numpy, only when a run starts

        data = frame_named(options.data, self.shell.user_ns, how="--data df")
        question = _question(options, data, cell)
        run = runtime().research(data, question, data_name=options.data, workers=options.workers)
        if options.variable is not None:
            self.shell.user_ns[options.variable] = run
        self._shown = (run.id, self.shell.execution_count)
        render.register(ResearchRun, render.DISPLAY, self._display)
        try:
            self._show(run, wait=options.wait)
        except KeyboardInterrupt:
            run.cancel()
            with contextlib.suppress(TimeoutError, ResearchError):
                run.result(CANCEL_WITHIN_S)
            raise
        return run

    def _display(self, run: ResearchRun) -> bool:
        """Show a run that is a cell's value; not twice in the cell that started it."""
        if self._shown != (run.id, self.shell.execution_count):
            self._show(run, wait=False)
        return True

    def _show(self, run: ResearchRun, *, wait: bool) -> None:
        """Show the run live where somebody looks, else wait and show its end."""
        from kosmos_nb.widgets import live as views  # noqa: PLC0415 - anywidget, only when a run starts
        from kosmos_nb.widgets.progress import show_progress  # noqa: PLC0415

        live = is_live(self.shell)
        if live:
            views.show_live(run)
        if live and not wait:
            return
        if is_terminal(self.shell):
            show_progress(run)
        run.result()
        if not live:
            views.show_ended(run)


def _question(options: argparse.Namespace, data: object, cell: str | None) -> Question:
    from kosmos_nb.inquiry import ask  # noqa: PLC0415 - as above

    if cell is not None and options.hypotheses is not None:
        raise UsageError("%%kosmos_research: --hypotheses limits what a table gives; the cell has its own.")
    kosmos = runtime().kosmos
    return ask(
        data, options.data, text=" ".join(options.question), target=options.target,
        hypotheses=options.hypotheses if cell is None else cell, engine=options.engine,
        alpha=kosmos.alpha if options.alpha is None else options.alpha,
        smallest=kosmos.smallest if options.smallest is None else options.smallest,
        seed=kosmos.seed if options.seed is None else options.seed,
        unit=options.unit, time=options.time, control=names_in(options.control, data),
        ignore=names_in(options.ignore, data), reference=options.reference, allow=options.allow or (),
        families=options.family or (), split=options.split,
    )  # fmt: skip


def _list() -> Any:
    """Return the runs of this kernel and of the history, newest first."""
    history = runtime().history
    history.flush(FLUSH_WITHIN_S)
    return history.runs()


def _status() -> None:
    runs = list(runtime().runs.values())
    if not runs:
        print("No run was started in this kernel.")
    for run in runs[-5:]:
        picture = run.snapshot()
        about = f"{picture.run.question or picture.run.data_name}"
        left = f", about {units.seconds(picture.eta_s)} left" if picture.eta_s is not None else ""
        print(
            f"{run.id}  {picture.run.status}: {picture.tested} of {len(picture.progress)} hypotheses"
            f", {units.seconds(picture.run.wall_s)}{left}  {about}"
        )


def _cancel(which: str) -> None:
    runs = runtime().runs
    running = [run for run in runs.values() if run.status == "running"]
    if which == NEWEST:
        if not running:
            raise ResearchError("No run is going on in this kernel.")
        chosen = running[-1]
    else:
        named = [
            run for run in runs.values() if which in (run.id, run.id[: len(which)], run.id[-len(which) :])
        ]
        if not named:
            raise ResearchError(f"There is no run {which!r} in this kernel. See: %kosmos_research --status")
        chosen = named[-1]
    chosen.cancel()
    try:
        chosen.result(CANCEL_WITHIN_S)
    except TimeoutError:
        print(f"{chosen.id} is being cancelled.")
        return
    picture = chosen.snapshot()
    judged = f"{len(picture.verdicts)} of {len(picture.progress)} have a verdict"
    print(f"{chosen.id}  {picture.run.status}: {judged}.")
