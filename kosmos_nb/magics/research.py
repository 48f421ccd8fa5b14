"""`%kosmos_research`: ask a question about a DataFrame, watch the tests, get verdicts."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from kosmos_nb.core import ResearchError, render, units
from kosmos_nb.magics.frontend import is_live, is_terminal
from kosmos_nb.magics.names import column_names, frame_names, is_frame
from kosmos_nb.magics.options import OptionParser, documented_by, one_line_errors, variable_name, whole_number
from kosmos_nb.runtime import runtime

if TYPE_CHECKING:
    from kosmos_nb.inquiry import ResearchRun

CANCEL_WITHIN_S = 5.0
FLUSH_WITHIN_S = 5.0
NEWEST = "newest"


def _between_0_and_1(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from zero on")
    return int(text)


PARSER = OptionParser(
    "%kosmos_research",
    "Test which columns of a table go together, concurrently, in the background.\n"
    "Returns a ResearchRun at once: run.verdicts waits for the verdicts, run.cancel() stops it.",
    [
        '%kosmos_research "What drives flipper length?" --data penguins',
        'run = %kosmos_research "What drives price?" --data df --target price --alpha 0.01',
        "%kosmos_research --data df --hypotheses 50 --seed 7 --wait -o run",
        "%kosmos_research --status",
        "%kosmos_research --cancel",
    ],
)
PARSER.add_argument("question", nargs="*", help="In words; a column that it names is tested first.")
PARSER.add_argument("--data", metavar="DF", help="Name of a pandas or polars DataFrame or an Arrow table.")
PARSER.add_argument("--target", metavar="COL", help="Test only what touches this column.")
PARSER.add_argument(
    "--hypotheses",
    type=whole_number,
    metavar="N",
    help="Test at most N, chosen before any outcome is seen. Default: all.",
)
PARSER.add_argument("--seed", type=_seed, metavar="S", help="Seed of permutations. Default: Kosmos.seed.")
PARSER.add_argument(
    "--alpha", type=_between_0_and_1, metavar="A", help="False discovery rate. Default: Kosmos.alpha."
)
PARSER.add_argument("--wait", action="store_true", help="Return when the run has ended.")
PARSER.add_argument("-o", dest="variable", type=variable_name, metavar="VAR", help="Also keep the run here.")
PARSER.add_argument("--status", action="store_true", help="Say where this kernel's five newest runs stand.")
PARSER.add_argument("--list", action="store_true", help="Return the runs in the history as a DataFrame.")
PARSER.add_argument(
    "--cancel", nargs="?", const=NEWEST, metavar="RUN", help="Stop the newest run, or the one with this id."
)


def _columns(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Offer the columns of the frame that the line names, quoted where they must be."""
    data = words[words.index("--data") + 1 :][:1] if "--data" in words else []
    frame = names.get(data[0]) if data else None
    return [shlex.quote(name) for name in column_names(frame)] if is_frame(frame) else []


def _running(names: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    return [run.id for run in runtime().runs.values() if run.status == "running"]


PARSER.offer("--data", lambda names, words: frame_names(names))
PARSER.offer("--target", _columns)
PARSER.offer("--cancel", _running)


@magics_class
class ResearchMagics(Magics):
    """The magic of research runs."""

    shell: Any
    _shown: tuple[str, int] | None = None

    @no_var_expand
    @line_magic
    @documented_by(PARSER)
    @one_line_errors
    def kosmos_research(self, line: str = "") -> Any:
        """Read the line and do what it asks; its page is the parser's."""
        options = PARSER.parse(line)
        if options.help:
            return None
        if options.list:
            return _list()
        if options.status:
            return _status()
        if options.cancel is not None:
            return _cancel(options.cancel)
        return self._start(options)

    def _start(self, options: argparse.Namespace) -> ResearchRun:
        from kosmos_nb.inquiry import Question, ResearchRun  # noqa: PLC0415 - numpy, only when a run starts

        data = self._variable(options.data)
        kosmos = runtime().kosmos
        question = Question(
            text=" ".join(options.question),
            target=options.target,
            cap=options.hypotheses,
            alpha=kosmos.alpha if options.alpha is None else options.alpha,
            smallest=kosmos.smallest,
            seed=kosmos.seed if options.seed is None else options.seed,
        )
        run = runtime().research(data, question, data_name=options.data)
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

    def _variable(self, name: str | None) -> object:
        namespace = self.shell.user_ns
        frames = frame_names(namespace)
        if name is None:
            known = f" Tables here: {', '.join(frames)}." if frames else ""
            raise ResearchError(f"Which data? Name a DataFrame with --data.{known}")
        if name in namespace:
            return namespace[name]
        near = difflib.get_close_matches(name, frames, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Load the data into a DataFrame of that name first."
        raise ResearchError(f"--data names {name!r}, but there is no such variable. {hint}")

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
