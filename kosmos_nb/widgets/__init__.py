"""Live views: the board of a research run and the view of a profile.

Importing this room imports anywidget and ipywidgets, so nothing imports it when the extension
is loaded: the magics do when the first result is shown.
"""

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
