"""Two profiles side by side as self-contained HTML: no script, no request."""

from __future__ import annotations

from collections.abc import Sequence

from kosmos_nb.history import DiffNode, ProfileDiff
from kosmos_nb.reporters.diff_model import ChangeRow, DiffModel, diff_model
from kosmos_nb.reporters.diff_text import diff_text, largest
from kosmos_nb.reporters.document import document
from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.flame import diff_boxes
from kosmos_nb.reporters.flame_svg import diff_flame_svg
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.style import PROFILE_CSS, STATIC_CSS

MOST_ROWS = 40
MOST_BOXES = 400
NO_LIMIT = 1_000_000
HALF = 59  # of a bar, in pixels
CSS = PROFILE_CSS + STATIC_CSS


def diff_html(diff: ProfileDiff, limit_bytes: int | None = 40_000) -> str:
    """Return an HTML fragment of a difference.

    Args:
        diff: Two profiles.
        limit_bytes: Most that a saved notebook keeps of it: this HTML and its text form together.
            The smallest changes give way. None for no limit.
    """
    model, grain_s = diff_model(diff), _grain_s(diff)
    if limit_bytes is None:
        return _fragment(model, diff.tree, grain_s, NO_LIMIT, CSS)
    return most_that_fit(
        lambda rows: _fragment(model, diff.tree, grain_s, rows, CSS),
        MOST_ROWS,
        limit_bytes - saved_bytes(diff_text(diff)),
    )


def diff_page(diff: ProfileDiff) -> str:
    """Return a whole HTML document of a difference, nothing left out, ready to print."""
    model = diff_model(diff)
    return document(model.title, _fragment(model, diff.tree, _grain_s(diff), NO_LIMIT, ""), CSS)


def _grain_s(diff: ProfileDiff) -> float:
    """Return what one sample stands for, the coarser of the two."""
    return max(diff.before.interval_s or 0.0, diff.after.interval_s or 0.0)


def _fragment(model: DiffModel, tree: DiffNode | None, grain_s: float, rows: int, css: str) -> Markup:
    notes = tag("ul", *(tag("li", note) for note in model.notes), class_="k-notes")
    headline = tag("b", model.headline, class_=f"k-{model.tone}")
    return tag(
        "div",
        Markup(f"<style>{css}</style>" if css else ""),
        tag("div", tag("h3", model.title, class_="k-title"), class_="k-top"),
        tag("p", headline, Markup(" · "), model.reading),
        _numbers(model),
        _changes("Functions, by their own time", model.functions, "function", rows, "diff.functions"),
        _flame(tree, grain_s, rows),
        _changes("Lines", model.lines, "line", rows // 2, "diff.lines"),
        notes,
        tag("div", *(tag("span", part, " ") for part in model.foot), class_="k-foot"),
        class_="kosmos-view k-diff",
    )


def _numbers(model: DiffModel) -> Markup:
    head = tag("tr", tag("th", Markup("<span hidden>clock</span>")), *_heads("before", "after", "change"))
    body = (
        tag("tr", tag("td", name), *(tag("td", text, class_="k-n") for text in texts))
        for name, *texts in model.numbers
    )
    return tag("table", tag("thead", head), tag("tbody", *body))


def _heads(*names: str) -> list[Markup]:
    return [tag("th", name, scope="col", class_="k-n") for name in names]


def _changes(title: str, rows: Sequence[ChangeRow], what: str, most: int, where: str) -> Markup:
    kept = largest(rows, max(1, most))
    if not kept:
        return Markup()
    shown = f" · the {len(kept)} largest of {len(rows)}; all in {where}" if len(kept) < len(rows) else ""
    head = (tag("th", what, scope="col"), *_heads("before", "after", "change"), tag("th", "", scope="col"))
    table = tag(
        "table",
        tag("thead", tag("tr", *head), class_="k-h"),
        tag("tbody", *(_change(row) for row in kept)),
    )
    return join((tag("h4", title, shown), table))


def _change(row: ChangeRow) -> Markup:
    return tag(
        "tr",
        tag("td", row.name, " ", tag("span", row.place, class_="k-soft"), class_="k-src"),
        tag("td", row.before, data_k="before"),
        tag("td", row.after, data_k="after"),
        tag("td", _bar(row), Markup(" "), tag("span", row.change), class_="k-b"),
        tag("td", f"{row.mark} {row.clear}", class_=f"k-v k-{row.tone}"),
        class_="k-l",
    )


def _bar(row: ChangeRow) -> Markup:
    """Return a bar that grows from the middle: right where it got slower, left where faster."""
    long = abs(row.length) * HALF
    if long < 0.5:
        return Markup(f"<svg width={2 * HALF + 2} height=10 aria-hidden=true></svg>")
    start = HALF + 1 if row.length > 0 else HALF + 1 - long
    look = (
        "fill=currentColor" if row.tone != "off" else "fill=currentColor fill-opacity=.2 stroke=currentColor"
    )
    return Markup(
        f"<svg width={2 * HALF + 2} height=10 class=k-{row.tone} aria-hidden=true>"
        f"<path {look} d='M{start:.1f} .5h{long:.1f}v9h-{long:.1f}z'/></svg>"
    )


def _flame(tree: DiffNode | None, grain_s: float, rows: int) -> Markup:
    boxes = diff_boxes(tree, min(2 * rows, MOST_BOXES), grain_s) if tree is not None else ()
    if len(boxes) < 2:
        return Markup()
    said = Markup(
        "<span class=k-bad>▲</span> took longer, <span class=k-ok>▼</span> took less, the fuller the more; "
    )
    legend = tag(
        "p", said, "no sign: as before, or within the noise. Width: the longer of both.", class_="k-note"
    )
    return tag(
        "details", tag("summary", "Flame graph of the change"), diff_flame_svg(boxes), legend, open=True
    )
