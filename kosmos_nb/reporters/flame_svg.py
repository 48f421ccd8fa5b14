"""Flame graphs as SVG that needs no script: boxes in percent of the width, each clipping its own text."""

from collections.abc import Sequence
from typing import TypeVar

from kosmos_nb.core import units
from kosmos_nb.reporters.flame import Box, DiffBox
from kosmos_nb.reporters.markup import Markup, join, tag
from kosmos_nb.reporters.places import THREAD

AnyBox = TypeVar("AnyBox", Box, DiffBox)
ROW = 18
DEEPEST = 30  # rows; deeper frames are in result.tree
LEAST = 0.003  # of the width: a box too thin to be seen
NARROW = 0.03  # of the width: a box without room for its name
IDLE = 0.04
NAME_CHARACTERS = 48


def flame_svg(boxes: Sequence[Box], deepest: int = DEEPEST) -> Markup:
    """Return the boxes as an icicle, the root on top.

    A box is filled as far as it computed, and left open for what it waited.
    """
    if not boxes:
        return Markup()
    shown = _seen(boxes, deepest)
    top = ", ".join(f"{box.name} {units.share(box.share)}" for box in _telling(shown))
    return _svg(shown, [_box(box) for box in shown], f"Flame graph: {top}")


def diff_flame_svg(boxes: Sequence[DiffBox], deepest: int = DEEPEST) -> Markup:
    """Return the boxes of a difference: `▲` and red where it took longer, `▼` and green where less."""
    if not boxes:
        return Markup()
    shown = _seen(boxes, deepest)
    changed = sorted(shown, key=lambda box: -abs(box.after_s - box.before_s) * (box.change != 0))[:3]
    told = ", ".join(
        f"{box.name} {units.seconds(box.before_s)} → {units.seconds(box.after_s)}" for box in changed
    )
    return _svg(shown, [_diff_box(box) for box in shown], f"Flame graph of the change: {told}")


def _seen(boxes: Sequence[AnyBox], deepest: int) -> list[AnyBox]:
    # Rows below the last name would be a high tower of lines.
    named = max((box.depth for box in boxes if box.width > NARROW), default=0)
    return [box for box in boxes if box.depth <= min(named, deepest) and box.width >= LEAST]


def _telling(boxes: Sequence[Box]) -> list[Box]:
    return sorted(boxes, key=lambda box: -box.self_s)[:3]


def _svg(shown: Sequence[Box | DiffBox], drawn: Sequence[Markup], label: str) -> Markup:
    height = ROW * (max(box.depth for box in shown) + 1)
    return tag("svg", *drawn, class_="k-icicle", width="100%", height=height, role="img", aria_label=label)


def _box(box: Box) -> Markup:
    told = (
        f"{box.name} · {box.place} · {units.seconds(box.total_s)}, {units.share(box.share)} · "
        f"itself {units.seconds(box.self_s)} · {units.share(box.computing)} computing"
    )
    filled = 1.0 if box.computing > 1 - IDLE else box.computing if box.computing > IDLE else 0.0
    ground = "" if filled == 1 else f"<rect class=k-wait width=100% height={ROW - 1} />"
    if filled:
        ground += f"<rect class=k-cpu width={filled:.0%} height={ROW - 1} />"
    return _frame(box, told, Markup(ground), "thread " if box.place == THREAD else "")


def _diff_box(box: DiffBox) -> Markup:
    told = f"{box.name} · {box.place} · {units.seconds(box.before_s)} → {units.seconds(box.after_s)}"
    strength = 0.12 + 0.4 * abs(box.change)
    tone, sign = ("k-bad", "▲ ") if box.change > 0 else ("k-ok", "▼ ") if box.change < 0 else ("k-off", "")
    ground = (
        f"<rect class={tone} width=100% height={ROW - 1} fill=currentColor fill-opacity={strength:.2g} />"
    )
    return _frame(box, told, Markup(ground), sign)


def _frame(box: Box | DiffBox, told: str, ground: Markup, sign: str) -> Markup:
    parts = [tag("title", told), ground]
    if box.width > NARROW:
        parts.append(tag("text", sign + box.name[:NAME_CHARACTERS], x=4, y=13))
    place = f"x={100 * box.start:.4g}% y={box.depth * ROW} width={100 * box.width:.3g}% height={ROW - 1}"
    return Markup(f"<svg {place}>{join(parts)}</svg>")
