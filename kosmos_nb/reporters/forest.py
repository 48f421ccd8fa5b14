"""A forest plot: effects with their intervals on one shared axis from −1 to 1.

Each row of a table carries its own small picture of the same width, so that the dots line up
under one axis and a reader without pictures still has a table of numbers. The pictures draw in
`currentColor` and hold no text: they take the row's colour and leave nothing odd behind where
a viewer strips them.
"""

import math

from kosmos_nb.reporters.markup import Markup, tag

WIDTH, HEIGHT = 150, 16
TICKS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def position(effect: float) -> float:
    """Return where an effect lies on the axis, in pixels from the left; beyond ±1 at the edge."""
    return round((min(1.0, max(-1.0, effect)) + 1) / 2 * WIDTH, 1)


def drawable(value: float | None) -> bool:
    """Whether there is a number to draw."""
    return value is not None and math.isfinite(value)


def row(
    effect: float | None, low: float | None, high: float | None, *, smallest: float, label: str
) -> Markup:
    """Return one row's picture: zero line, band of ±`smallest`, interval and dot.

    Args:
        effect, low, high: Effect and its interval, -1 to 1; None draws nothing of it.
        smallest: Smallest effect of interest, half the width of the grey band.
        label: What the picture says, for readers who cannot see it.

    Returns:
        An `<svg role=img>` of 150 by 16 pixels.
    """
    left, right, middle = position(-smallest), position(smallest), HEIGHT / 2
    parts = [
        _path(
            f"M{left:g} 0H{right:g}V{HEIGHT}H{left:g}z", class_="k-band", opacity=".2", fill="currentColor"
        ),
        _path(f"M{position(0):g} 0V{HEIGHT}", class_="k-band", opacity=".6"),
    ]
    if low is not None and high is not None and drawable(low) and drawable(high):
        start, end = position(low), position(high)
        ends = "".join(f"M{x:g} {middle - 3:g}v6" for x in (start, end)) if end - start > 8 else ""
        parts.append(_path(f"M{start:g} {middle:g}H{end:g}{ends}", stroke_width="2"))
    if effect is not None and drawable(effect):
        parts.append(
            tag("circle", cx=f"{position(effect):g}", cy=f"{middle:g}", r="3.6", fill="currentColor")
        )
    return tag(
        "svg",
        *parts,
        class_="k-forest",
        width=WIDTH,
        height=HEIGHT,
        stroke="none",
        role="img",
        aria_label=label,
    )


def axis() -> Markup:
    """Return the axis labels as plain text, for the head of the column."""
    names = ("−1", "−0.5", "0", "+0.5", "+1")
    return tag("div", *(Markup(f"<span>{name}</span> ") for name in names), class_="k-axis")


def _path(d: str, **attributes: str) -> Markup:
    attributes.setdefault("stroke", "none" if "fill" in attributes else "currentColor")
    return tag("path", d=d, **attributes)
