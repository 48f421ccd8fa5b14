"""A profile as self-contained HTML: no script, no request, a table where styles are stripped."""

from collections.abc import Sequence

from kosmos_nb.core import units
from kosmos_nb.history import MemorySnapshot, ProfileResult
from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.profile_model import Bar, LineRow, ProfileModel, profile_model
from kosmos_nb.reporters.profile_text import profile_text
from kosmos_nb.reporters.style import PROFILE_CSS

PROFILE_WIDGET_BYTES = 18_000  # what the live view may add to a saved notebook; kosmos_nb.widgets keeps to it
MOST_ROWS = 400
BAR_WIDTH = 120


def profile_html(result: ProfileResult, limit_bytes: int | None = 40_000) -> str:
    """Return an HTML fragment of a profile.

    Args:
        result: The profile.
        limit_bytes: Most that a saved notebook keeps of this profile: this HTML, its text form and
            the state of its live view together. Rows that took least time give way. None for no limit.
    """
    model = profile_model(result)
    room = (
        None
        if limit_bytes is None
        else limit_bytes - PROFILE_WIDGET_BYTES - saved_bytes(profile_text(result))
    )
    most = max(len(model.lines), len(model.functions), len(model.tree))
    most = most if limit_bytes is None else min(most, MOST_ROWS)
    spark = _sparkline(result.memory_snapshots)
    return most_that_fit(lambda rows: _fragment(model, spark, rows), most, room)


def _fragment(model: ProfileModel, spark: Markup, rows: int) -> Markup:
    tables = join((_lines(model, 2 * rows), _functions(model, rows), _tree(model, rows)))
    failure = tag("p", tag("b", f"✗ {model.failure}"), class_="k-bad") if model.failure else Markup()
    first, *others = model.reading
    reading = tag("p", tag("b", first), *(join((" ", other)) for other in others))
    notes = (
        tag("ul", *(tag("li", note) for note in model.notes), class_="k-notes") if model.notes else Markup()
    )
    return tag(
        "div",
        Markup(f"<style>{PROFILE_CSS}</style>"),
        tag("div", tag("h3", model.title, class_="k-title"), _big(model), spark, class_="k-top"),
        failure,
        reading,
        tables,
        _facts(model),
        notes,
        _foot(model),
        class_="kosmos-view k-profile",
    )


def _big(model: ProfileModel) -> Markup:
    return join(
        tag("div", tag("b", value), Markup(" "), tag("span", label), class_="k-big")
        for value, label in model.big
    )


def _foot(model: ProfileModel) -> Markup:
    legend = Markup()
    if model.lines or model.functions:
        legend = tag("span", _key(1, 0), " computing ", _key(0, 1), " off CPU")
    return tag("div", legend, Markup(" "), tag("span", " · ".join(model.foot)), class_="k-foot")


def _key(computing: float, waiting: float) -> Markup:
    return _picture(11, computing * 10, waiting * 10)


def bar(value: Bar) -> Markup:
    """Return a bar: filled while computing, an outlined pale part while waiting."""
    return _picture(BAR_WIDTH, value.computing * (BAR_WIDTH - 1), value.waiting * (BAR_WIDTH - 1))


def _picture(width: int, computing: float, waiting: float) -> Markup:
    # A bar repeats what the cells beside it say in numbers, so it is hidden from screen readers.
    parts = []
    if computing > 0.05:
        long = max(1, computing)
        parts.append(f"<path class=k-cpu d='M0 0h{long:.0f}v10h-{long:.0f}z'/>")
    if waiting > 0.05:
        start, long = computing + 0.5, max(1, waiting - 0.5)
        parts.append(
            "<path class=k-wait fill=currentColor fill-opacity=.2 stroke=currentColor "
            f"d='M{start:.1f} .5h{long:.1f}v9h-{long:.1f}z'/>"
        )
    return Markup(f"<svg width={width} height=10 aria-hidden=true>{''.join(parts)}</svg>")


def _number(text: str, key: str = "") -> Markup:
    return tag("td", text, class_="k-n", data_k=key or None)


def _times(value: Bar) -> Markup:
    wall, waiting = units.seconds(value.wall_s), units.seconds(value.wall_s - value.cpu_s)
    return join(
        (
            tag("td", bar(value), Markup(" "), tag("span", wall), class_="k-b"),
            _number(units.share(value.share)),
            _number(waiting if value.waiting > 0 else "0", "off CPU"),
        )
    )


def _head(*names: tuple[str, bool]) -> Markup:
    cells = (tag("th", name, scope="col", class_="k-n" if numeric else None) for name, numeric in names)
    return tag("thead", tag("tr", *cells), class_="k-h")


def hottest(rows: Sequence[LineRow], most: int) -> list[LineRow]:
    """Return the rows that took most time, still in order of the cell."""
    kept = sorted(rows, key=lambda row: (-row.bar.wall_s, row.line))[:most]
    return sorted(kept, key=lambda row: row.line)


def _lines(model: ProfileModel, most: int) -> Markup:
    if not model.lines:
        return Markup()
    measured = any(row.memory for row in model.lines)
    memory = (("memory", True),) if measured else ()
    kept = hottest(model.lines, most)
    body = tag(
        "tbody",
        *(
            tag(
                "tr",
                tag("td", str(row.line), class_="k-n"),
                tag("td", row.source, class_="k-src"),
                _times(row.bar),
                _number(row.memory) if measured else Markup(),
                class_="k-l",
            )
            for row in kept
        ),
    )
    names = (("line", True), ("source", False), ("total", True), ("share", True), ("off CPU", True))
    title = "Lines" + _shown(len(kept), len(model.lines), "slowest", "result.lines")
    return join((tag("h4", title), tag("table", _head(*names, *memory), body)))


def _shown(shown: int, there: int, which: str, where: str) -> str:
    return f" · the {shown} {which} of {there}; all in {where}" if shown < there else ""


def _functions(model: ProfileModel, most: int) -> Markup:
    if not model.functions:
        return Markup()
    kept = model.functions[:most]
    counted = any(row.calls for row in model.functions)
    body = tag(
        "tbody",
        *(
            tag(
                "tr",
                tag("td", row.name, " ", tag("span", row.place, class_="k-soft"), class_="k-src"),
                _times(row.bar),
                _number(units.seconds(row.total_s), "total"),
                _number(row.calls, "calls") if counted else Markup(),
                class_="k-l",
            )
            for row in kept
        ),
    )
    names = (("function", False), ("self", True), ("share", True), ("off CPU", True))
    calls = (("calls", True),) if counted else ()
    shown = _shown(len(kept), len(model.functions), "slowest", "result.functions")
    title = f"Functions ({len(model.functions)}), by self time{shown}"
    return tag("details", tag("summary", title), tag("table", _head(*names, ("total", True), *calls), body))


def _tree(model: ProfileModel, most: int) -> Markup:
    if not model.tree:
        return Markup()
    kept = model.tree[:most]
    body = tag(
        "tbody",
        *(
            tag(
                "tr",
                tag(
                    "td",
                    "\u00a0\u00a0" * row.depth,
                    row.name,
                    " ",
                    tag("span", row.place, class_="k-soft"),
                    class_="k-src",
                ),
                _times(row.bar),
                class_="k-l",
            )
            for row in kept
        ),
    )
    names = (("frame", False), ("total", True), ("share", True), ("off CPU", True))
    shown = _shown(len(kept), len(model.tree), "first", "result.tree")
    return tag("details", tag("summary", f"Call tree{shown}"), tag("table", _head(*names), body))


def _facts(model: ProfileModel) -> Markup:
    body = tag("tbody", *(tag("tr", tag("td", name), tag("td", value)) for name, value in model.facts))
    return tag("details", tag("summary", "Clocks, memory and I/O"), tag("table", body))


def memory_path(snapshots: Sequence[MemorySnapshot]) -> tuple[str, str] | None:
    """Return resident memory over time as an SVG path, 110 by 26, and in words.

    None below three snapshots. At most about 60 points.
    """
    if len(snapshots) < 3:
        return None
    points = [*snapshots[:: max(1, len(snapshots) // 60)], snapshots[-1]]
    low = min(point.current_mb for point in points)
    high = max(point.current_mb for point in points)
    first, last = points[0].timestamp, points[-1].timestamp
    span, rise = (last - first) or 1.0, (high - low) or 1.0
    path = "L".join(
        f"{(p.timestamp - first) / span * 110:.0f} {24 - (p.current_mb - low) / rise * 22:.0f}"
        for p in points
    )
    return f"M{path}", f"memory {units.size(low * 1e6)} to {units.size(high * 1e6)} over time"


def _sparkline(snapshots: Sequence[MemorySnapshot]) -> Markup:
    drawn = memory_path(snapshots)
    if drawn is None:
        return Markup()
    path, label = drawn
    line = Markup(f"<path fill=none stroke=currentColor stroke-width=1.5 d='{path}'/>")
    picture = tag("svg", line, width=110, height=26, viewBox="0 0 110 26", role="img", aria_label=label)
    return tag("div", picture, Markup(" "), tag("span", label), class_="k-big")
