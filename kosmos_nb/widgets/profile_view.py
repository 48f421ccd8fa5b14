"""The live view of a profile: lines, functions and call tree as tabs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from kosmos_nb.core import units
from kosmos_nb.history import ProfileResult
from kosmos_nb.reporters import (
    PROFILE_CSS,
    PROFILE_WIDGET_BYTES,
    Bar,
    ProfileModel,
    hottest,
    memory_path,
    most_that_fit,
    profile_model,
)
from kosmos_nb.widgets import assets

MOST_ROWS = 200
FIXED_BYTES = 10_900  # script, style sheet and ipywidgets' own state; a test holds them to it

Row = list[Any]


class ProfileView(anywidget.AnyWidget):
    """A view of one profile."""

    _esm = assets.module("dom.js", "profile.js")
    _css = PROFILE_CSS + assets.style("profile.css")

    data = traitlets.Dict().tag(sync=True)

    def __init__(self, result: ProfileResult) -> None:
        super().__init__(data=view_data(result))
        self.layout.width = "100%"


def view_data(result: ProfileResult) -> dict[str, Any]:
    """Return what the view shows, within what it may add to a saved notebook."""
    model = profile_model(result)
    fixed = {
        "title": model.title,
        "failure": model.failure,
        "big": model.big,
        "spark": memory_path(result.memory_snapshots),
        "reading": model.reading,
        "facts": model.facts,
        "notes": model.notes,
        "foot": " · ".join(model.foot),
    }
    most = min(MOST_ROWS, max(len(model.lines), len(model.functions), len(model.tree)))
    room = PROFILE_WIDGET_BYTES - FIXED_BYTES
    return most_that_fit(lambda rows: {**fixed, "tabs": _tabs(model, rows)}, most, room)


def _tabs(model: ProfileModel, most: int) -> list[dict[str, Any]]:
    lines = _lines_tab(model, 2 * most), len(model.lines), "slowest", "result.lines"
    functions = _functions_tab(model, most), len(model.functions), "slowest", "result.functions"
    tree = _tree_tab(model, most), len(model.tree), "first", "result.tree"
    made = []
    for tab, there, which, where in (lines, functions, tree):
        kept = len(tab["rows"])
        tab["shown"] = f"the {kept} {which} of {there}; all in {where}" if kept < there else ""
        if there:
            made.append(tab)
    return made


def _tab(name: str, columns: Sequence[str], rows: list[Row]) -> dict[str, Any]:
    words = {"source", "function", "frame"}
    return {"name": name, "head": [[column, column not in words] for column in columns], "rows": rows}


def _lines_tab(model: ProfileModel, most: int) -> dict[str, Any]:
    measured = any(row.memory for row in model.lines)
    rows = [
        [str(row.line), row.source, "", *_times(row.bar), *([row.memory] if measured else [])]
        for row in hottest(model.lines, most)
    ]
    columns = ["line", "source", "total", "share", "off CPU", *(["memory"] if measured else [])]
    return _tab("Lines", columns, rows)


def _functions_tab(model: ProfileModel, most: int) -> dict[str, Any]:
    counted = any(row.calls for row in model.functions)
    rows = [
        [
            None,
            row.name,
            row.place,
            *_times(row.bar),
            units.seconds(row.total_s),
            *([row.calls] if counted else []),
        ]
        for row in model.functions[:most]
    ]
    columns = ["function", "self", "share", "off CPU", "total", *(["calls"] if counted else [])]
    return _tab("Functions", columns, rows)


def _tree_tab(model: ProfileModel, most: int) -> dict[str, Any]:
    rows = [
        [None, "\u00a0\u00a0" * row.depth + row.name, row.place, *_times(row.bar)]
        for row in model.tree[:most]
    ]
    return _tab("Call tree", ["frame", "total", "share", "off CPU"], rows)


def _times(bar: Bar) -> Row:
    """Return computing and waiting as parts of the longest bar, then time, share and waiting."""
    waiting = bar.wall_s - bar.cpu_s
    return [
        round(bar.computing, 4),
        round(bar.waiting, 4),
        units.seconds(bar.wall_s),
        units.share(bar.share),
        units.seconds(waiting) if waiting > 0 else "0",
    ]
