"""The tables of a profile as HTML: each readable by itself, also without styles and pictures."""

from collections.abc import Iterable, Sequence

from kosmos_nb.core import units
from kosmos_nb.reporters.bar import Bar
from kosmos_nb.reporters.bar_svg import bar_svg
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.profile_model import ProfileModel
from kosmos_nb.reporters.profile_rows import (
    BottleneckRow,
    ChildRow,
    FunctionRow,
    LineRow,
    SiteRow,
    ThreadRow,
    TreeRow,
    hottest,
)

Column = tuple[str, bool]  # name, and whether it holds numbers


def line_table(rows: Sequence[LineRow], most: int, title: str = "source") -> Markup:
    """Return the source with what each line took; lines left out leave a mark."""
    measured = any(row.memory for row in rows)
    kept = hottest(rows, most)
    places = {row.line: at for at, row in enumerate(rows)}
    body, before = [], -1
    columns = 6 if measured else 5
    for row in kept:
        at = places[row.line]
        if at - before > 1:
            body.append(_gap(at - before - 1, columns))
        body.append(_line(row, measured))
        before = at
    if len(rows) - 1 > before:
        body.append(_gap(len(rows) - 1 - before, columns))
    head: list[Column] = [
        ("line", True),
        (title, False),
        ("time", True),
        ("share", True),
        ("off CPU", True),
    ]
    return _table([*head, ("memory", True)] if measured else head, body)


def _gap(lines: int, columns: int) -> Markup:
    said = f"⋯ {units.count(lines)} line{'' if lines == 1 else 's'}"
    return tag("tr", tag("td", said, colspan=columns, class_="k-gap"))


def _line(row: LineRow, measured: bool) -> Markup:
    memory = _number(row.memory, "memory") if measured else Markup()
    start = (tag("td", str(row.line)), tag("td", row.source, class_="k-src"))
    if row.bar.wall_s <= 0:
        rest = tag("td", colspan=3) + (_number(row.memory) if measured else "")
        return tag("tr", *start, Markup(rest), class_="k-l k-none")
    return tag("tr", *start, _times(row.bar), memory, class_="k-l")


def function_table(rows: Sequence[FunctionRow], most: int) -> Markup:
    """Return functions by self time, with calls and threads where there is something to say."""
    counted, threaded = any(row.calls for row in rows), any(row.threads > 1 for row in rows)
    body = [
        tag(
            "tr",
            _named(row.name, row.place),
            _times(row.bar),
            _number(units.seconds(row.total_s), "total"),
            _number(row.calls, "calls") if counted else Markup(),
            _number(str(row.threads), "threads") if threaded else Markup(),
            class_="k-l",
        )
        for row in rows[:most]
    ]
    head: list[Column] = [
        ("function", False),
        ("self", True),
        ("share", True),
        ("off CPU", True),
        ("total", True),
    ]
    head += [("calls", True)] if counted else []
    return _table([*head, ("threads", True)] if threaded else head, body)


def tree_table(rows: Sequence[TreeRow]) -> Markup:
    """Return the call tree as indented rows: the flame graph in numbers."""
    body = [
        tag("tr", _named("\u00a0\u00a0" * row.depth + row.name, row.place), _times(row.bar), class_="k-l")
        for row in rows
    ]
    return _table([("frame", False), ("total", True), ("share", True), ("off CPU", True)], body)


def thread_table(rows: Sequence[ThreadRow], most: int) -> Markup:
    """Return the threads with the time in which each was active."""
    body = [
        tag("tr", tag("td", row.name, class_="k-src"), _times(row.bar), class_="k-l") for row in rows[:most]
    ]
    return _table([("thread", False), ("active", True), ("share", True), ("off CPU", True)], body)


def bottleneck_table(rows: Sequence[BottleneckRow], most: int) -> Markup:
    """Return the bottlenecks with severity as sign and word."""
    body = [
        tag(
            "tr",
            tag("td", f"{row.sign.mark} {row.sign.word}", class_=f"k-v k-{row.sign.tone}"),
            tag("td", row.reading),
            tag("td", row.share, class_="k-n"),
        )
        for row in rows[:most]
    ]
    return _table([("severity", False), ("what", False), ("share", True)], body)


def child_table(rows: Sequence[ChildRow], most: int) -> Markup:
    """Return the child processes."""
    names = ("CPU", "peak memory", "seen for")
    body = [
        tag(
            "tr",
            tag("td", row.name, " ", tag("span", row.pid, class_="k-soft"), class_="k-src"),
            *(_number(text, name) for text, name in zip((row.cpu, row.peak, row.wall), names, strict=True)),
            tag("td", row.state),
            class_="k-l",
        )
        for row in rows[:most]
    ]
    head: list[Column] = [
        ("process", False),
        ("CPU", True),
        ("peak memory", True),
        ("seen for", True),
        ("then", False),
    ]
    return _table(head, body)


def site_table(rows: Sequence[SiteRow], most: int) -> Markup:
    """Return who held memory at the high-water mark of the heap."""
    body = [
        tag(
            "tr",
            _named(row.name, row.place),
            _number(row.peak),
            _number(row.share),
            _number(row.blocks, "blocks"),
            class_="k-l",
        )
        for row in rows[:most]
    ]
    return _table([("allocated in", False), ("held", True), ("share", True), ("blocks", True)], body)


def fact_table(model: ProfileModel) -> Markup:
    """Return clocks, memory and I/O by name."""
    rows = (tag("tr", tag("td", name), tag("td", value)) for name, value in model.facts)
    return tag("table", tag("tbody", *rows), class_="k-facts")


def _table(columns: Iterable[Column], body: Iterable[Markup]) -> Markup:
    head = (tag("th", name, scope="col", class_="k-n" if numeric else None) for name, numeric in columns)
    return tag("table", tag("thead", tag("tr", *head), class_="k-h"), tag("tbody", *body))


def _named(name: str, place: str) -> Markup:
    return tag("td", name, " ", tag("span", place, class_="k-soft"), class_="k-src")


def _number(text: str, key: str = "") -> Markup:
    return tag("td", text, data_k=key or None if text else None)


def _times(bar: Bar) -> Markup:
    return join(
        (
            tag("td", bar_svg(bar), Markup(" "), tag("span", bar.wall), class_="k-b"),
            _number(bar.percent),
            _number("" if bar.off_cpu == "0" else bar.off_cpu, "off CPU"),
        )
    )
