"""Showing a research run in a cell: live where somebody looks, its end where somebody records."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from IPython.display import display

from kosmos_nb.core import render
from kosmos_nb.widgets.board import Board
from kosmos_nb.widgets.mime import board_of, view_mime

if TYPE_CHECKING:
    from collections.abc import Callable

    from kosmos_nb.history import RunSnapshot

LEAST_S = 0.1


class LiveRun(Protocol):
    """What a view needs to know of a run."""

    def snapshot(self) -> RunSnapshot:
        """Return the run as it is now."""
        ...

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call back after every change, from any thread."""
        ...

    def cancel(self) -> None:
        """Stop the run."""
        ...


def show_live(run: LiveRun) -> None:
    """Display the run's board in this cell and keep it up to date, from a thread, until the end.

    The cell's saved output is replaced at the end, so that the notebook keeps the verdicts.
    """
    board = board_of(run.snapshot())
    board.on_cancel(run.cancel)
    changed = threading.Event()
    run.listen(changed.set)
    handle = display(_bundle(run.snapshot(), board), raw=True, display_id=True)
    follower = threading.Thread(
        target=_follow, args=(run, board, handle, changed, os.getpid()), name="kosmos-board", daemon=True
    )
    follower.start()


def show_ended(run: LiveRun) -> None:
    """Display a run that has ended: text and HTML, no widget."""
    display(_bundle(run.snapshot(), None), raw=True)


def _follow(run: LiveRun, board: Board, handle: Any, changed: threading.Event, pid: int) -> None:
    snapshot = run.snapshot()
    while snapshot.run.status == "running" and os.getpid() == pid:
        changed.wait()
        changed.clear()
        snapshot = run.snapshot()
        board.show(snapshot)
        changed.wait(0 if snapshot.run.status != "running" else LEAST_S)
    board.finish(snapshot)
    handle.update(_bundle(snapshot, board), raw=True)


def _bundle(snapshot: RunSnapshot, board: Board | None) -> dict[str, Any]:
    drawn = {mime: render.render(snapshot, mime) for mime in (render.TEXT, render.HTML)}
    bundle = {mime: data for mime, data in drawn.items() if data is not None}
    return {**bundle, render.WIDGET: view_mime(board)} if board is not None else bundle
