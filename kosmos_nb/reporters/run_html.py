"""A run as self-contained HTML: the answer, a forest plot in a real table, the fine print."""

from collections.abc import Sequence

from kosmos_nb.core import units
from kosmos_nb.history import RunSnapshot
from kosmos_nb.reporters import forest, words
from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.run_model import RunModel, RunRow, run_model
from kosmos_nb.reporters.run_text import run_text, shown
from kosmos_nb.reporters.style import RUN_CSS

RUN_WIDGET_BYTES = 60_000  # what the live board may add to a saved notebook; kosmos_nb.widgets keeps to it
MOST_ROWS = 400  # more than fit into the limit, however short they are
COLUMNS = 6


def run_html(snapshot: RunSnapshot, limit_bytes: int | None = 150_000) -> str:
    """Return an HTML fragment of a run.

    Args:
        snapshot: The run, live or ended.
        limit_bytes: Most that a saved notebook keeps of this run: this HTML, its text form and the
            state of its live board together. The last rows give way. None for no limit.
    """
    model = run_model(snapshot, None if limit_bytes is None else MOST_ROWS)
    room = None if limit_bytes is None else limit_bytes - RUN_WIDGET_BYTES - saved_bytes(run_text(snapshot))
    return most_that_fit(lambda rows: _fragment(model, rows), len(model.rows), room)


def _fragment(model: RunModel, most: int) -> Markup:
    kept = model.rows[:most]
    error = tag("p", tag("b", f"✗ {model.error}"), class_="k-bad") if model.error else Markup()
    answer = tag("p", tag("b", model.answer)) if model.answer else Markup()
    return tag(
        "div",
        Markup(f"<style>{RUN_CSS}</style>"),
        _top(model),
        error,
        answer,
        tag("p", _counts(model), tag("span", shown(model, len(kept)), class_="k-soft"), class_="k-counts"),
        tag("table", _head(), *_groups(model, kept)) if kept else Markup(),
        tag("p", _band(), " · ".join(model.legend), class_="k-legend"),
        _caveats(model),
        tag("ul", *(tag("li", note) for note in model.notes), class_="k-notes") if model.notes else Markup(),
        _foot(model),
        class_="kosmos-view k-run",
    )


def _top(model: RunModel) -> Markup:
    title = tag("div", tag("h3", model.question), tag("p", model.data, class_="k-soft"), class_="k-title")
    number = tag(
        "div",
        tag("b", f"{model.done} / {model.total}"),
        Markup(" "),
        tag("span", model.status),
        class_="k-big",
    )
    return tag("div", title, Markup(" "), number, class_="k-top")


def _counts(model: RunModel) -> Markup:
    return join(
        join((tag("span", f"{word} {number}", class_=_tone(key)), " · "))
        for key, word, number in model.counts
    )


def _tone(key: str) -> str | None:
    signs = {str(name): sign for name, sign in words.VERDICTS.items()}
    return f"k-{signs[key].tone}" if key in signs else None


def _head() -> Markup:
    def cell(name: str, kind: str | None = None) -> Markup:
        return tag("th", name, scope="col", class_=kind)

    effect = tag("th", f"effect, {words.INTERVAL}", forest.axis(), scope="col", class_="k-f")
    first = (cell("hypothesis, caveats, reason"), cell("verdict"), effect, cell("in units", "k-n"))
    return tag(
        "thead",
        tag("tr", *first, cell("p, corrected", "k-n"), cell("n", "k-n")),
        class_="k-h",
    )


def _groups(model: RunModel, rows: Sequence[RunRow]) -> list[Markup]:
    """Return one tbody a group, with a heading where there are two."""
    found = []
    for group in sorted({row.group for row in rows}):
        body = [_row(row) for row in rows if row.group == group]
        if model.groups[0] != model.groups[1]:
            heading = tag("th", model.groups[group], colspan=COLUMNS, scope="rowgroup")
            body.insert(0, tag("tr", heading))
        found.append(tag("tbody", *body))
    return found


def _row(row: RunRow) -> Markup:
    corrected = [row.p_adj] if row.p_adj else []
    raw_p = join((Markup(" "), tag("small", f"raw {row.p}"))) if row.p else Markup()
    verdict = " ".join(part for part in (row.sign.mark, row.sign.word, row.detail) if part)
    doubt = join((Markup(" "), tag("small", "with caveats"))) if row.in_doubt else Markup()
    picture = Markup()
    if row.effect is not None:
        drawn = forest.row(row.effect, row.low, row.high, smallest=row.smallest, label=row.picture)
        picture = join((drawn, Markup(" "), tag("small", f"{row.effect_text} {row.interval_text}".strip())))
    return tag(
        "tr",
        tag("td", tag("small", row.id, class_="k-soft"), " ", row.statement, _why(row), class_="k-s"),
        tag("td", verdict, doubt, class_=f"k-v k-{row.sign.tone}"),
        tag("td", picture, class_=f"k-f k-{row.sign.tone}"),
        tag("td", row.raw_text, class_="k-n k-u", data_k="in units"),
        tag("td", *corrected, raw_p, class_="k-n", data_k="p"),
        tag("td", units.count(row.n) if row.n else "", class_="k-n", data_k="n"),
        class_="k-r",
    )


def _why(row: RunRow) -> Markup:
    if not row.why:
        return Markup()
    caveats = tag("i", ", ".join(row.caveats)) if row.caveats else Markup()
    between = " · " if row.caveats and row.reason else ""
    return tag("div", caveats, between, row.reason, class_="k-why")


def _band() -> Markup:
    path = "<path d='M0 0h14v10h-14z' fill=currentColor opacity=.18 />"
    box = Markup(f"<svg width=14 height=10 aria-hidden=true>{path}</svg>")
    return join((box, " grey band: too small to matter · "))


def _caveats(model: RunModel) -> Markup:
    if not model.caveats:
        return Markup()
    rows = (tag("tr", tag("td", code), tag("td", meaning)) for code, meaning in model.caveats)
    return tag("details", tag("summary", "What the caveats mean"), tag("table", tag("tbody", *rows)))


def _foot(model: RunModel) -> Markup:
    cost = "cost: " + " · ".join(f"{name} {value}" for name, value in model.cost)
    return tag("div", tag("span", cost), Markup(" "), tag("span", " · ".join(model.foot)), class_="k-foot")
