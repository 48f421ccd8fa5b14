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
    kinds_seen,
    most_that_fit,
    profile_model,
)
from kosmos_nb.widgets import assets
from kosmos_nb.widgets.profile_parts import parts_of

TABS = ("Lines", "Flame", "Compare")
MOST_ROWS, MOST_LINES = 200, 400
FIXED_BYTES = 18_900  # script, style sheet and ipywidgets' own state; a test holds them to it


class ProfileView(anywidget.AnyWidget):
    """A view of one profile.

    A notebook that keeps its widgets' state keeps `data`, which is small. Where that is not all,
    the view asks for the rest as long as the kernel is there.

    Args:
        result: The profile.
        earlier: How it differs from the run of this cell before; None where there was none.
    """

    _esm = assets.module("dom.js", "flame.js", "profile.js")
    _css = PROFILE_CSS + assets.style("profile.css")

    data = traitlets.Dict().tag(sync=True)

    def __init__(self, result: ProfileResult, earlier: ProfileDiff | None = None) -> None:
        super().__init__(data=view_data(result, earlier))
        self._profile, self._earlier = result, earlier
        self.layout.width = "100%"
        self.on_msg(self._answer)

    def _answer(self, _widget: object, content: object, _buffers: object) -> None:
        if content == "whole":
            self.send({"whole": view_data(self._profile, self._earlier, whole=True)})


def view_data(
    result: ProfileResult, earlier: ProfileDiff | None = None, *, whole: bool = False
) -> dict[str, Any]:
    """Return what the view shows.

    Args:
        result: The profile.
        earlier: Its difference to the run before.
        whole: Whether all is shown, or what may be added to a saved notebook; `cut` says which.
    """
    model = profile_model(result)
    seen = kinds_seen([row.bar for row in model.lines] + [row.bar for row in model.functions])
    fixed = {
        "title": model.title,
        "failure": model.failure,
        "big": model.big,
        "reading": model.reading,
        "standing": model.standing,
        "legend": [[KINDS.index(kind), kind] for kind in seen],
        "notes": model.notes,
        "foot": " · ".join(model.foot),
    }

    def with_parts(most: int) -> dict[str, Any]:
        parts = parts_of(result, model, earlier, most, MOST_LINES if whole else 2 * most)
        first = sum(part["name"] in TABS for part in parts)
        return {**fixed, "parts": parts, "first": first, "cut": most < there}

    there = min(MOST_ROWS, max(1, len(model.lines), len(model.functions), len(model.tree)))
    limit = None if whole else PROFILE_WIDGET_BYTES - FIXED_BYTES
    return most_that_fit(with_parts, there, limit)
