"""A progress bar for a terminal, while a run goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kosmos_nb.core import units

if TYPE_CHECKING:
    from kosmos_nb.widgets.live import LiveRun

LOOK_S = 0.1
_BEFORE_THE_TEST = frozenset({"proposed", "registered", "queued", "running"})


def show_progress(run: LiveRun, console: Console | None = None) -> None:
    """Show how far the run is until it ends; may be interrupted."""
    changed = threading.Event()
    run.listen(changed.set)
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
        while (picture := run.snapshot()).run.status == "running":
            total = len(picture.progress)
            tested = sum(p.state not in _BEFORE_THE_TEST for p in picture.progress)
            left = f", about {units.seconds(picture.eta_s)} left" if picture.eta_s else ""
            progress.update(
                bar,
                description=picture.step or "starting",
                total=total or None,
                completed=tested,
                done=f"{tested} of {total} tested{left}" if total else "",
            )
            changed.wait(LOOK_S)
            changed.clear()
