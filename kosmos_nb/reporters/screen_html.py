"""A screening as self-contained HTML: how the rows hang together, what is odd, the columns."""

from __future__ import annotations

from collections.abc import Sequence

from kosmos_nb.history.records import Screening
from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.screen_model import CHANGES, ColumnRow, NoticeRow, ScreenModel, screen_model
from kosmos_nb.reporters.screen_text import left_out, screen_text
from kosmos_nb.reporters.style import SCREEN_CSS

MOST_ROWS = 400  # more than fit into the limit, however short they are


def screen_html(screening: Screening, limit_bytes: int | None = 40_000) -> str:
    """Return an HTML fragment of a screening.

    Args:
        screening: The first look.
        limit_bytes: Most that a saved notebook keeps of it: this HTML and its text form together.
            The last columns give way, then the least notices. None for no limit.
    """
    model = screen_model(screening)
    rows = len(model.notices) + len(model.columns)
    if limit_bytes is None:
        return _fragment(model, rows)
    room = limit_bytes - saved_bytes(screen_text(screening))
    return most_that_fit(lambda most: _fragment(model, most), min(MOST_ROWS, rows), room)


def _fragment(model: ScreenModel, most: int) -> Markup:
    notices = model.notices[:most]
    kept = model.columns[: max(0, most - len(notices))]
    title = tag("div", tag("h3", model.title), tag("p", model.shape, class_="k-soft"), class_="k-title")
    return tag(
        "div",
        Markup(f"<style>{SCREEN_CSS}</style>"),
        tag("div", title, class_="k-top"),
        tag("p", tag("b", model.rows_are)),
        tag("p", model.verdict, class_="k-soft"),
        tag("table", tag("tbody", *map(_notice, notices)), aria_label="what is odd") if notices else Markup(),
        join((tag("h4", "Columns"), _columns(kept))) if kept else Markup(),
        _list(left_out(model, len(notices), len(kept))),
        join((tag("h4", CHANGES), _list(model.dropped))) if model.dropped else Markup(),
        tag("p", " · ".join(model.legend), class_="k-legend") if model.legend else Markup(),
        tag("div", tag("span", model.foot), class_="k-foot") if model.foot else Markup(),
        class_="kosmos-view k-screen",
    )


def _list(lines: Sequence[str]) -> Markup:
    return tag("ul", *(tag("li", line) for line in lines), class_="k-notes") if lines else Markup()


def _notice(row: NoticeRow) -> Markup:
    return tag(
        "tr",
        tag("td", f"{row.sign.mark} {row.sign.word}", class_=f"k-v k-{row.sign.tone}"),
        tag("td", _badge(row.code, row.sign.tone), class_="k-c"),
        tag("td", row.sentence, class_="k-s"),
        class_="k-r",
    )


def _columns(rows: Sequence[ColumnRow]) -> Markup:
    """Return the table of the columns; without codes, where nothing is odd, no column for them."""
    has_codes = any(row.codes for row in rows)
    return tag("table", _head(has_codes), tag("tbody", *(_column(row, has_codes) for row in rows)))


def _head(has_codes: bool) -> Markup:
    names = ("column", "kind", "missing", "values", *(["codes"] if has_codes else []))
    cells = (tag("th", name, scope="col", class_="k-n" if name == "missing" else None) for name in names)
    return tag("thead", tag("tr", *cells), class_="k-h")


def _column(row: ColumnRow, has_codes: bool) -> Markup:
    return tag(
        "tr",
        tag("td", tag("b", row.name)),
        tag("td", row.kind, class_="k-soft"),
        tag("td", row.missing, class_="k-n", data_k="missing"),
        tag("td", row.summary, class_="k-s"),
        tag("td", *_badges(row)) if has_codes else Markup(),
        class_="k-r",
    )


def _badges(row: ColumnRow) -> list[Markup]:
    """Return the badges of a column's codes, with spaces between for who reads without styles."""
    return [join((_badge(code, tone), " ")) for code, tone in row.codes]


def _badge(code: str, tone: str) -> Markup:
    return tag("span", code, class_=f"k-code k-{tone}")
