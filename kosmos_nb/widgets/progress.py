"""A progress bar for a terminal, while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kosmos_nb.core import units
from kosmos_nb.widgets.publisher import Publisher

if TYPE_CHECKING:
    from kosmos_nb.history import RunSnapshot
    from kosmos_nb.widgets.publisher import LiveRun


def show_progress(run: LiveRun, console: Console | None = None) -> None:
    """Show how far the run is until it ends; may be interrupted."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        bar = progress.add_task("starting", total=None, done="")

        def draw(picture: RunSnapshot) -> None:
            total, tested = len(picture.progress), picture.tested
            left = f", about {units.seconds(picture.eta_s)} left" if picture.eta_s else ""
            progress.update(
                bar,
                description=picture.step or "starting",
                total=total or None,
                completed=tested,
                done=f"{tested} of {total} tested{left}" if total else "",
            )

        Publisher(run, draw).draw_until_end()
