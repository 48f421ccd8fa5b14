"""A profile as self-contained HTML: no script, no request, tables where styles are stripped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
    thread_table,
    tree_table,
)
from kosmos_nb.reporters.profile_text import profile_text
from kosmos_nb.reporters.style import PROFILE_CSS, STATIC_CSS
from kosmos_nb.reporters.timeline import Timeline, timeline, timeline_html

PROFILE_WIDGET_BYTES = 24_300  # what the live view may add to a saved notebook; kosmos_nb.widgets keeps to it
MOST_LINES = 40  # as many as one reads without losing the thread; `result.lines` has all
MOST_SECTIONS = 6
MOST_ROWS = 30
CSS = PROFILE_CSS + STATIC_CSS

Section = Callable[[str, Markup], Markup]


class Amount(NamedTuple):
    """How much a view shows: source lines, boxes of the flame graph, further sections, rows of each."""

    lines: int
    boxes: int
    sections: int
    rows: int


EVERYTHING = Amount(lines=1_000_000, boxes=600, sections=99, rows=1_000_000)


def profile_html(
    result: ProfileResult, limit_bytes: int | None = 40_000, beside_bytes: int = PROFILE_WIDGET_BYTES
) -> str:
    """Return an HTML fragment of a profile.

    Args:
        result: The profile.
        limit_bytes: Most that a saved notebook keeps of this profile: this HTML, its text form and
            the state of its live view together. Rows that took least time give way. None for no limit.
        beside_bytes: What of it the live view may take; 0 where there is none.
    """
    model, course = profile_model(result), timeline(result.memory_snapshots)
    if limit_bytes is None:
        return _fragment(model, result.tree, course, EVERYTHING, _folded, CSS)
    lines = min(MOST_LINES, len(model.lines))

    def draw(size: int) -> Markup:
        # The source lines come first, with a small flame graph; then a little of each section.
        rest = max(0, size - lines)
        more = max(0, rest - MOST_SECTIONS)
        amount = Amount(min(size, lines), min(2 * size, 6) + 2 * more, min(rest, MOST_SECTIONS), 3 + more)
        return _fragment(model, result.tree, course, amount, _folded, CSS)

    room = limit_bytes - beside_bytes - saved_bytes(profile_text(result))
    return most_that_fit(draw, lines + MOST_SECTIONS + MOST_ROWS, room)


def profile_page(result: ProfileResult) -> str:
    """Return a whole HTML document of a profile: everything open, nothing left out, ready to print."""
    model = profile_model(result)
    course = timeline(result.memory_snapshots)
    return document(model.title, _fragment(model, result.tree, course, EVERYTHING, _open, ""), CSS)


def _folded(title: str, content: Markup) -> Markup:
    return tag("details", tag("summary", title), content)


def _open(title: str, content: Markup) -> Markup:
    return tag("section", tag("h4", title), content)


def _fragment(
    model: ProfileModel,
    tree: CallNode | None,
    course: Timeline | None,
    amount: Amount,
    section: Section,
    css: str,
) -> Markup:
    failure = tag("p", tag("b", f"✗ {model.failure}"), class_="k-bad") if model.failure else Markup()
    first, *others = model.reading
    standing = tag("p", model.standing, class_="k-standing") if model.standing else Markup()
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
        standing,
        _lines(model, amount.lines),
        _flame(tree, amount.boxes, section),
        _rest(model, course, amount, section),
        notes,
        _foot(model),
        class_="kosmos-view k-profile",
    )


def _big(model: ProfileModel) -> Markup:
    return join(
        tag("div", tag("b", value), Markup(" "), tag("span", label), class_="k-big")
        for value, label in model.big
    )


def _lines(model: ProfileModel, most: int) -> Markup:
    if not model.lines or not most:
        return Markup()
    shown = _shown(min(most, len(model.lines)), len(model.lines), "slowest", "result.lines")
    return line_table(model.lines, most, f"source{shown}")


def _flame(tree: CallNode | None, most: int, section: Section) -> Markup:
    boxes = flame_boxes(tree, most) if tree is not None else ()
    if len(boxes) < 2:  # the root alone says nothing
        return Markup()
    if section is _open:
        return section("Flame graph", flame_svg(boxes))
    return tag("details", tag("summary", "Flame graph"), flame_svg(boxes), open=True)


def _rest(model: ProfileModel, course: Timeline | None, amount: Amount, section: Section) -> Markup:
    """Return what is looked up rather than read, in the order in which it gives way."""
    few = amount.rows

    def titled(title: str, rows: Sequence[object], which: str, where: str) -> str:
        return f"{title} ({len(rows)}){_shown(min(few, len(rows)), len(rows), which, where)}"

    parts: list[tuple[str, Markup]] = []
    if model.bottlenecks:
        title = titled("Bottlenecks", model.bottlenecks, "largest", "result.bottlenecks")
        parts.append((title, bottleneck_table(model.bottlenecks, few)))
    if model.functions:
        title = titled("Functions", model.functions, "slowest", "result.functions")
        parts.append((title, function_table(model.functions, few)))
    if course is not None:
        parts.append((f"Timeline · {course.words}", timeline_html(course)))
    if model.threads:
        title = titled("Threads", model.threads, "busiest", "result.tree")
        parts.append((title, thread_table(model.threads, few)))
    if model.children:
        title = titled("Child processes", model.children, "busiest", "result.children")
        parts.append((title, child_table(model.children, few)))
    if model.sites:
        title = titled("Memory at the heap's peak", model.sites, "largest", "result.allocation_sites")
        parts.append((title, site_table(model.sites, few)))
    parts = parts[: amount.sections]
    if model.tree and section is _open:  # in a notebook the flame graph must do
        parts.append(("Call tree", tree_table(model.tree)))
    return join(section(*part) for part in (*parts, ("Clocks, memory and I/O", fact_table(model))))


def _shown(shown: int, there: int, which: str, where: str) -> str:
    return f" · the {shown} {which} of {there}; all in {where}" if shown < there else ""


def _foot(model: ProfileModel) -> Markup:
    bars = [line.bar for line in model.lines] + [function.bar for function in model.functions]
    return tag(
        "div", tag("span", legend(bars)), Markup(" "), tag("span", " · ".join(model.foot)), class_="k-foot"
    )
