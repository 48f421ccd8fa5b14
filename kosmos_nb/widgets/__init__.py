"""Live views: the board of a research run and the view of a profile.

The names load when they are first used: a command's progress bar lives here too, and anywidget
with ipywidgets takes longer to import than the whole command.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kosmos_nb.widgets.board import Board
    from kosmos_nb.widgets.mime import board_of, in_kernel, profile_widget_mime, run_widget_mime, view_mime
    from kosmos_nb.widgets.profile_view import ProfileView
    from kosmos_nb.widgets.publisher import Publisher

__all__ = [
    "Board",
    "ProfileView",
    "Publisher",
    "board_of",
    "in_kernel",
    "profile_widget_mime",
    "run_widget_mime",
    "view_mime",
]

_HOMES = {"Board": "board", "ProfileView": "profile_view", "Publisher": "publisher"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'mime')}"), name)
    globals()[name] = value
    return value
