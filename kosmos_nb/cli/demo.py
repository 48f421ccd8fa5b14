"""`kosmos demo`: a question, its verdicts, what they cost, and a notebook that shows how."""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from kosmos_nb import reporters
from kosmos_nb.cli.first_steps import execute
from kosmos_nb.cli.tables import penguins, read_table
from kosmos_nb.core import HistoryError, ResearchError, units
from kosmos_nb.inquiry import Question
from kosmos_nb.profiling import ExecutionProfiler
from kosmos_nb.runtime import runtime
from kosmos_nb.widgets.progress import show_progress

if TYPE_CHECKING:
    import pandas as pd

    from kosmos_nb.history import ProfileResult
    from kosmos_nb.inquiry import ResearchRun

QUESTION = "What drives flipper length?"
SAVED_WITHIN_S = 10.0
CANCEL_WITHIN_S = 5.0


def demo(
    *, data: Path | None, question: str | None, target: str | None, results: Path, with_notebook: bool
) -> None:
    """Answer one question on one table and leave the results in a new folder.

    Args:
        data: CSV or Parquet; None for the Palmer penguins.
        question: In words. target: Test only what touches this column.
        results: A new folder is made inside it. with_notebook: Execute the first notebook, too.

    Raises:
        ResearchError: The data or the target make no sense.
    """
    console = Console()
    frame = penguins() if data is None else read_table(data)
    name = "penguins" if data is None else data.name
    asked = question if question is not None else (QUESTION if data is None else "")
    console.print(
        f"[bold]kosmos_nb[/bold] · {escape(name)}: {len(frame):,} rows, {len(frame.columns)} columns"
    )
    folder = _new_folder(results)
    run, profile = _research(console, frame, name, _question(asked, target))
    picture = run.snapshot()
    console.print(reporters.run_table(picture))
    console.print(reporters.why_table(picture))
    console.print("\n[bold]What it cost[/bold]")
    console.print(reporters.cost_table(picture))
    console.print(_profiled(profile))
    run.verdicts.to_csv(folder / "verdicts.csv", index=False)
    (folder / "report.html").write_text(_page(asked, run.to_html()), encoding="utf-8")
    if with_notebook:
        with console.status("Executing the first notebook on this data …"):
            execute(frame, asked, target, name, folder / "01_first_steps.ipynb")
    _farewell(console, folder, saved=_saved(), with_notebook=with_notebook, is_own=data is not None)


def _question(text: str, target: str | None) -> Question:
    kosmos = runtime().kosmos
    return Question(text=text, target=target, alpha=kosmos.alpha, smallest=kosmos.smallest, seed=kosmos.seed)


def _research(
    console: Console, frame: pd.DataFrame, name: str, question: Question
) -> tuple[ResearchRun, ProfileResult]:
    profiler = ExecutionProfiler(mode="light")
    with profiler.profile_context():
        run = runtime().research(frame, question, data_name=name)
        try:
            show_progress(run, console)
            run.result()
        except KeyboardInterrupt:
            run.cancel()
            with contextlib.suppress(TimeoutError, ResearchError):
                run.result(CANCEL_WITHIN_S)
            runtime().history.flush(CANCEL_WITHIN_S)
            raise
    profile = profiler.get_result()
    return run, runtime().remember(profile)


def _profiled(profile: ProfileResult) -> str:
    return (
        f"[dim]of which this process: {units.seconds(profile.cpu_s)} CPU, "
        f"peak {units.size(profile.peak_bytes)}; measuring it took {units.seconds(profile.overhead_s)}[/dim]"
    )


def _new_folder(results: Path) -> Path:
    stamp = dt.datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S")
    for attempt in range(100):
        folder = results / (stamp if attempt == 0 else f"{stamp}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise HistoryError(
                f"The folder {folder} for the results cannot be made: {error.strerror}."
            ) from error
        return folder
    raise HistoryError(f"{results} has a hundred results of this second already. Try again.")


def _saved() -> bool:
    return runtime().history.flush(SAVED_WITHIN_S)


def _page(title: str, body: str) -> str:
    import html  # noqa: PLC0415 - next to its only use

    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title or 'Verdicts')}</title><body>{body}</body></html>\n"
    )


def _farewell(console: Console, folder: Path, *, saved: bool, with_notebook: bool, is_own: bool) -> None:
    location = runtime().history.location
    console.print(
        f"\n[bold]Results[/bold]   {escape(str(folder))}/ (verdicts.csv, report.html", end="", soft_wrap=True
    )
    console.print(", 01_first_steps.ipynb)" if with_notebook else ")", soft_wrap=True)
    console.print(
        f"[bold]History[/bold]   {escape(str(location))}" + ("" if saved else "  (still being written)"),
        soft_wrap=True,
    )
    console.print("[bold]Next[/bold]      make lab, or in any notebook: %load_ext kosmos_nb", soft_wrap=True)
    if not is_own:
        console.print('          kosmos demo --data FILE.csv --question "…" asks about your own table')
