"""Overhead against accuracy, as an SVG that stands alone and reads in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.profiler import ratios, roster
from benchmarks.profiler.accuracy import BAR_POINTS, worst
from benchmarks.profiler.overhead import paired
from benchmarks.profiler.results import Results

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 64, 70
LABEL_HEIGHT, LETTER = 16, 7.2
OVERHEADS = (1.0, 1.2, 1.5, 2.0, 3.0, 5.0)
POINTS = (1, 2, 5, 10, 20, 50)

_STYLE = """
svg { font: 13px system-ui, sans-serif; background: #fff; }
text { fill: #24292f; } .quiet { fill: #57606a; } .grid { stroke: #d0d7de; } .good { fill: #1a7f3714; }
.ours { fill: #0b62c4; } .peer { fill: #8a5a00; } .lead { stroke: #8c959f; } .name { font-weight: 600; }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; } .grid { stroke: #30363d; }
.good { fill: #3fb95022; } .ours { fill: #58a6ff; } .peer { fill: #d29922; } .lead { stroke: #6e7681; } }
"""


@dataclass(frozen=True)
class Point:
    """One engine: its overhead (geometric mean of CPU ratios) and its error at the worst truth, in points."""

    name: str
    overhead: float
    points: float


def points(results: Results) -> list[Point]:
    """Return the engines that have both; the error is the largest of the medians over the truths.

    What cProfile says is also what it says beside tracemalloc, which only makes it slower.
    """
    found = []
    for engine in roster.ENGINES[2:]:
        cpu = paired(results.runs, engine, "cpu_s")
        errors = worst(results.judged, engine.partition(" + ")[0])
        if cpu and errors:
            mean = ratios.geometric(list(cpu.values())).value
            found.append(Point(engine, mean, max(median for median, *_ in errors.values())))
    return found


def svg(results: Results) -> str:
    """Return the chart."""
    shown = points(results)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(_alternative(shown))}">',
        f"<style>{_STYLE}</style>",
        _text(LEFT, 26, "What a profiler costs, and how far off it is", "name"),
        _text(LEFT, 46, f"Python {results.python}, logarithmic; down and to the left is better", "quiet"),
        *_grid(),
        *_marks(shown),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid() -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    good = _y(BAR_POINTS)
    size = f'width="{right - LEFT}" height="{bottom - good:.1f}"'
    parts = [f'<rect class="good" x="{LEFT}" y="{good:.1f}" {size}/>']
    parts.append(_text(right - 4, good + 16, "within 5 points in every truth", "quiet", "end"))
    for value in OVERHEADS:
        x = _x(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 18, f"×{value:g}", "quiet", "middle"))
    for value in POINTS:
        y = _y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{value:g}", "quiet", "end"))
    middle = (TOP + bottom) / 2
    across = (LEFT + right) / 2
    parts.append(_text(across, HEIGHT - 22, "CPU with it over CPU without, geometric mean", "", "middle"))
    parts.append(
        f'<text transform="translate(22 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        "points off, at its worst truth</text>"
    )
    return parts


def _marks(shown: Sequence[Point]) -> list[str]:
    parts: list[str] = []
    taken = [(_x(at.overhead) - 7, _y(at.points) - 7, _x(at.overhead) + 7, _y(at.points) + 7) for at in shown]
    for at in shown:
        x, y = _x(at.overhead), _y(at.points)
        label = f"{at.name}: ×{at.overhead:.2f}, {at.points:.1f}"
        left, top, box = _place(x, y, len(label) * LETTER, taken)
        taken.append(box)
        kind = "ours" if at.name in roster.OURS else "peer"
        if abs(top + LABEL_HEIGHT / 2 - y) > LABEL_HEIGHT:
            parts.append(f'<line class="lead" x1="{x:.1f}" y1="{y:.1f}" x2="{left:.1f}" y2="{top + 8:.1f}"/>')
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
        parts.append(_text(left, top + 12, label, "name" if kind == "ours" else ""))
    return parts


def _place(
    x: float, y: float, width: float, taken: Sequence[tuple[float, float, float, float]]
) -> tuple[float, float, tuple[float, float, float, float]]:
    """Return a place for a label beside its point where nothing else is: left, top, box."""
    for step in range(30):
        shift = (step + 1) // 2 * (LABEL_HEIGHT + 2) * (-1 if step % 2 else 1)
        for left in (x + 11, x - 11 - width):
            top = y - LABEL_HEIGHT / 2 + shift
            box = (left, top, left + width, top + LABEL_HEIGHT)
            inside = left >= LEFT and box[2] <= WIDTH - 4 and top >= TOP - 12 and box[3] <= HEIGHT - BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                return left, top, box
    return x + 11, y, (x + 11, y, x + 11 + width, y + LABEL_HEIGHT)


def _overlap(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _x(overhead: float) -> float:
    low, high = math.log(0.96), math.log(6.0)
    share = (math.log(min(max(overhead, 0.96), 6.0)) - low) / (high - low)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    low, high = math.log(0.7), math.log(90)
    share = (math.log(min(max(value, 0.7), 90)) - low) / (high - low)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _alternative(shown: Sequence[Point]) -> str:
    said = ", ".join(f"{at.name} ×{at.overhead:.2f} and {at.points:.1f} points" for at in shown)
    return f"Overhead and error of profilers: {said}"
