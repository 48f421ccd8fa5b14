"""How far a task is that takes its time: on stderr, where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

# What is done sooner needs no bar.
AFTER_S = 1.0


@contextmanager
def patience() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that is told what is being done, how much of it is done, and how much there is."""
    start_s = time.monotonic()
    shown: Progress | None = None

    def watch(what: str, done: int, total: int) -> None:
        nonlocal shown
        if shown is None and sys.stderr.isatty() and time.monotonic() - start_s > AFTER_S:
            shown = _bar()
        if shown is not None:
            shown.update(shown.task_ids[0], description=what, completed=done, total=total)

    try:
        yield watch
    finally:
        if shown is not None:
            shown.stop()


def _bar() -> Progress:
    from rich.console import Console  # noqa: PLC0415 - 50 ms, for who waits longer than that
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=None)
    bar.start()
    return bar
