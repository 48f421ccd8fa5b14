"""Showing a research run in a cell: live where somebody looks, its end where somebody records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from kosmos_nb.core import render
from kosmos_nb.widgets.mime import board_of, view_mime

if TYPE_CHECKING:
    from kosmos_nb.history import RunSnapshot
    from kosmos_nb.widgets.board import Board
    from kosmos_nb.widgets.publisher import LiveRun


def show_live(run: LiveRun) -> None:
    """Display the run's board in this cell and keep it up to date, from a thread, until the end.

    A run has one board and one thread, however often it is shown. The saved output of every cell
    that shows it is replaced at the end, so that the notebook keeps the verdicts.
    """
    snapshot = run.snapshot()
    board = board_of(snapshot)
    handle: Any = display(_bundle(snapshot, board), raw=True, display_id=True)
    board.follow(run, on_end=lambda last: handle.update(_bundle(last, board), raw=True))


def show_ended(run: LiveRun) -> None:
    """Display a run that has ended: text and HTML, no widget."""
    display(_bundle(run.snapshot(), None), raw=True)


def _bundle(snapshot: RunSnapshot, board: Board | None) -> dict[str, Any]:
    drawn = {mime: render.render(snapshot, mime) for mime in (render.TEXT, render.HTML)}
    bundle = {mime: data for mime, data in drawn.items() if data is not None}
    return {**bundle, render.WIDGET: view_mime(board)} if board is not None else bundle
