"""Bars and their legend as small SVG pictures; the kinds of time differ in form, not only in colour."""

from collections.abc import Iterable, Sequence

from kosmos_nb.reporters.bar import KINDS, Bar, kinds_seen
from kosmos_nb.reporters.markup import Markup, join

BAR_WIDTH = 120
KEY_WIDTH = 11
LEAST = 0.05  # of a pixel: shorter parts are not drawn


def bar_svg(bar: Bar) -> Markup:
    """Return a bar: filled while computing, outlined while waiting, striped for a lock, thin for an await."""
    return _picture(BAR_WIDTH, [part * (BAR_WIDTH - 1) for part in bar.parts]) if bar.wall_s > 0 else Markup()


def legend(bars: Iterable[Bar]) -> Markup:
    """Return what the forms stand for, of those that the bars show."""
    words = {
        "computing": "computing",
        "waiting": "off CPU",
        "lock": "waiting for a lock",
        "await": "awaiting",
    }
    return join(
        Markup(f"{_picture(KEY_WIDTH, [10 if kind == seen else 0 for kind in KINDS])} {words[seen]} ")
        for seen in kinds_seen(bars)
    )


def _picture(width: int, lengths: Sequence[float]) -> Markup:
    # A bar repeats what the cells beside it say in numbers, so it is hidden from screen readers.
    drawn, start = "", 0.0
    for kind, length in zip(KINDS, lengths, strict=True):
        if length > LEAST:
            drawn += _part(kind, start, max(1.0, length))
            start += max(1.0, length)
    return Markup(f"<svg width={width} height=10 aria-hidden=true>{drawn}</svg>")


def _part(kind: str, start: float, length: float) -> str:
    at, long = f"{start:.3g}", f"{length:.3g}"
    if kind == "computing":
        return f"<rect class=k-cpu x={at} width={long} height=10 />"
    if kind == "waiting":
        return f"<rect class=k-wait x={at} width={long} height=10 />"
    return f"<path class=k-{kind} d='M{at} 5h{long}'/>"
