"""A profile as self-contained HTML: no script, no request, tables where styles are stripped."""

from __future__ import annotations

from collections.abc import Callable

from kosmos_nb.history import CallNode, ProfileResult
from kosmos_nb.reporters.bar_svg import legend
from kosmos_nb.reporters.document import document
from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.flame import flame_boxes
from kosmos_nb.reporters.flame_svg import flame_svg
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.profile_model import ProfileModel, profile_model
from kosmos_nb.reporters.profile_tables import (
    bottleneck_table,
    child_table,
    fact_table,
    function_table,
    line_table,
    site_table,
    tree_table,
)
from kosmos_nb.reporters.profile_text import profile_text
from kosmos_nb.reporters.style import PROFILE_CSS, STATIC_CSS
from kosmos_nb.reporters.timeline import Timeline, join_words, timeline, timeline_html

PROFILE_WIDGET_BYTES = 18_000  # what the live view may add to a saved notebook; kosmos_nb.widgets keeps to it
MOST_ROWS = 40  # as many as one reads without losing the thread; the files and DataFrames have all
NO_LIMIT = 1_000_000
CSS = PROFILE_CSS + STATIC_CSS
MOST_BOXES_ON_A_PAGE = 600

Section = Callable[[str, Markup], Markup]


def profile_html(result: ProfileResult, limit_bytes: int | None = 40_000) -> str:
    """Return an HTML fragment of a profile.

    Args:
        result: The profile.
        limit_bytes: Most that a saved notebook keeps of this profile: this HTML, its text form and
            the state of its live view together. Rows that took least time give way. None for no limit.
    """
    model, course = profile_model(result), timeline(result.memory_snapshots)

    def draw(rows: int) -> Markup:
        return _fragment(model, result.tree, course, rows, _folded, CSS)

    if limit_bytes is None:
        return draw(NO_LIMIT)
    return most_that_fit(
        draw, MOST_ROWS, limit_bytes - PROFILE_WIDGET_BYTES - saved_bytes(profile_text(result))
    )


def profile_page(result: ProfileResult) -> str:
    """Return a whole HTML document of a profile: everything open, nothing left out, ready to print."""
    model = profile_model(result)
    course = timeline(result.memory_snapshots)
    return document(model.title, _fragment(model, result.tree, course, NO_LIMIT, _open, ""), CSS)


def _folded(title: str, content: Markup) -> Markup:
    return tag("details", tag("summary", title), content)


def _open(title: str, content: Markup) -> Markup:
    return tag("section", tag("h4", title), content)


def _fragment(
    model: ProfileModel, tree: CallNode | None, course: Timeline | None, rows: int, section: Section, css: str
) -> Markup:
    failure = tag("p", tag("b", f"✗ {model.failure}"), class_="k-bad") if model.failure else Markup()
    first, *others = model.reading
    reading = tag("p", tag("b", first), *(join((" ", other)) for other in others))
    notes = (
        tag("ul", *(tag("li", note) for note in model.notes), class_="k-notes") if model.notes else Markup()
    )
    return tag(
        "div",
        Markup(f"<style>{css}</style>" if css else ""),
        tag("div", tag("h3", model.title, class_="k-title"), _big(model), class_="k-top"),
        failure,
        reading,
        _lines(model, rows),
        _flame(tree, rows),
        _rest(model, course, rows, section),
        notes,
        _foot(model),
        class_="kosmos-view k-profile",
    )


def _big(model: ProfileModel) -> Markup:
    return join(
        tag("div", tag("b", value), Markup(" "), tag("span", label), class_="k-big")
        for value, label in model.big
    )


def _lines(model: ProfileModel, rows: int) -> Markup:
    if not model.lines:
        return Markup()
    shown = _shown(min(rows, len(model.lines)), len(model.lines), "slowest", "result.lines")
    return join((tag("h4", f"Lines{shown}"), line_table(model.lines, rows)))


def _flame(tree: CallNode | None, rows: int) -> Markup:
    boxes = flame_boxes(tree, min(2 * rows, MOST_BOXES_ON_A_PAGE)) if tree is not None else ()
    if len(boxes) < 2:  # the root alone says nothing
        return Markup()
    return tag("details", tag("summary", "Flame graph"), flame_svg(boxes), open=True)


def _rest(model: ProfileModel, course: Timeline | None, rows: int, section: Section) -> Markup:
    """Return what is looked up rather than read; a few rows of each before many of any."""
    few = max(1, rows // 2)
    parts = []
    if course is not None:
        parts.append(section(f"Timeline · {join_words(course)}", timeline_html(course)))
    if model.bottlenecks:
        title = f"Bottlenecks ({len(model.bottlenecks)})"
        parts.append(section(title, bottleneck_table(model.bottlenecks, few)))
    if model.functions:
        shown = _shown(min(few, len(model.functions)), len(model.functions), "slowest", "result.functions")
        title = f"Functions ({len(model.functions)}), by self time{shown}"
        parts.append(section(title, function_table(model.functions, few)))
    if model.children:
        shown = _shown(min(few, len(model.children)), len(model.children), "busiest", "result.children")
        parts.append(
            section(f"Child processes ({len(model.children)}){shown}", child_table(model.children, few))
        )
    if model.sites:
        shown = _shown(min(few, len(model.sites)), len(model.sites), "largest", "result.allocation_sites")
        parts.append(section(f"Memory at the heap's peak{shown}", site_table(model.sites, few)))
    if model.tree and section is _open:  # in a notebook the flame graph must do
        parts.append(section("Call tree", tree_table(model.tree)))
    return join((*parts, section("Clocks, memory and I/O", fact_table(model))))


def _shown(shown: int, there: int, which: str, where: str) -> str:
    return f" · the {shown} {which} of {there}; all in {where}" if shown < there else ""


def _foot(model: ProfileModel) -> Markup:
    bars = [line.bar for line in model.lines] + [function.bar for function in model.functions]
    return tag(
        "div", tag("span", legend(bars)), Markup(" "), tag("span", " · ".join(model.foot)), class_="k-foot"
    )
