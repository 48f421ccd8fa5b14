"""The live view of a profile: lines, flame graph and comparison as tabs, the rest under "more"."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from kosmos_nb.history import ProfileDiff, ProfileResult
from kosmos_nb.reporters import (
    KINDS,
    PROFILE_CSS,
    PROFILE_WIDGET_BYTES,
    ProfileModel,
    kinds_seen,
    most_that_fit,
    profile_model,
    saved_bytes,
)
from kosmos_nb.widgets import assets
from kosmos_nb.widgets.profile_parts import parts_of

TABS = ("Lines", "Flame", "Compare")
MOST_ROWS = 100
WHOLE_CELL = 40  # a cell of so many lines is shown whole while there is room
FIXED_BYTES = 18_400  # script, style sheet and ipywidgets' own state; a test holds them to it


class ProfileView(anywidget.AnyWidget):
    """A view of one profile.

    Args:
        result: The profile.
        earlier: How it differs from the run of this cell before; None where there was none.
    """

    _esm = assets.module("dom.js", "flame.js", "profile.js")
    _css = PROFILE_CSS + assets.style("profile.css")

    data = traitlets.Dict().tag(sync=True)

    def __init__(self, result: ProfileResult, earlier: ProfileDiff | None = None) -> None:
        super().__init__(data=view_data(result, earlier))
        self.layout.width = "100%"


def view_data(result: ProfileResult, earlier: ProfileDiff | None = None) -> dict[str, Any]:
    """Return what the view shows, within what it may add to a saved notebook."""
    model = profile_model(result)
    seen = kinds_seen([row.bar for row in model.lines] + [row.bar for row in model.functions])
    fixed = {
        "title": model.title,
        "failure": model.failure,
        "big": model.big,
        "reading": model.reading,
        "legend": [[KINDS.index(kind), kind] for kind in seen],
        "notes": model.notes,
        "foot": " · ".join(model.foot),
    }

    def with_parts(most: int, fewest_lines: int) -> dict[str, Any]:
        parts = parts_of(result, model, earlier, most, fewest_lines)
        return {**fixed, "parts": parts, "first": sum(part["name"] in TABS for part in parts)}

    room = PROFILE_WIDGET_BYTES - FIXED_BYTES
    drawn = most_that_fit(lambda most: with_parts(most, WHOLE_CELL), _most(model), room)
    if saved_bytes(drawn) <= room:
        return drawn
    return most_that_fit(lambda most: with_parts(most, 0), _most(model), room)


def _most(model: ProfileModel) -> int:
    return min(MOST_ROWS, max(1, len(model.lines), len(model.functions), len(model.tree)))
