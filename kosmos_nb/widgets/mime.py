"""The widget part of a result's mimebundle, for ipywidgets 7 and 8 alike."""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakValueDictionary

from kosmos_nb.history import ProfileResult, RunSnapshot, compare
from kosmos_nb.runtime import runtime
from kosmos_nb.widgets.board import Board
from kosmos_nb.widgets.profile_view import ProfileView

# ipywidgets keeps every open widget alive; once closed, it leaves these tables by itself.
_profiles: WeakValueDictionary[str, ProfileView] = WeakValueDictionary()
_boards: WeakValueDictionary[str, Board] = WeakValueDictionary()


def in_kernel() -> bool:
    """Whether a Jupyter kernel runs this code, so that a widget could have a front end."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def view_mime(widget: Board | ProfileView) -> dict[str, Any]:
    """Return the view data of `application/vnd.jupyter.widget-view+json`."""
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


def profile_widget_mime(result: ProfileResult) -> dict[str, Any] | None:
    """Return the view data of a profile's widget, the same each time; None outside a kernel."""
    if not in_kernel():
        return None
    view = _profiles.get(result.id)
    if view is None or view.comm is None:
        before = runtime().previous(result)
        earlier = None if before is None else compare(before, result)
        view = _profiles[result.id] = ProfileView(result, earlier)
    return view_mime(view)


def board_of(snapshot: RunSnapshot) -> Board:
    """Return the board of this picture's run: the one that already follows it, else a new one."""
    board = _boards.get(snapshot.run.id)
    if board is None or board.comm is None:
        board = _boards[snapshot.run.id] = Board(snapshot)
    return board


def run_widget_mime(snapshot: RunSnapshot) -> dict[str, Any] | None:
    """Return the view data of a run's board; None outside a kernel."""
    return view_mime(board_of(snapshot)) if in_kernel() else None
