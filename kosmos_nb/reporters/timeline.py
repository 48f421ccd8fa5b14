"""CPU and memory over the time of a cell: the points, and small pictures of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import MEGABYTE, MemorySnapshot
from kosmos_nb.reporters.markup import Markup, tag

WIDTH, HEIGHT = 600, 40
MOST_POINTS = 60
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Timeline:
    """CPU and memory of the process from the start of a profile to its end.

    Attributes:
        end_s: Time of the last point.
        memory: (seconds, bytes) in order; the highest of each stretch.
        cores: (seconds, cores) in order: CPU seconds per second since the point before. Empty
            where CPU was not recorded over time.
    """

    end_s: float
    memory: tuple[tuple[float, float], ...]
    cores: tuple[tuple[float, float], ...]

    @property
    def memory_words(self) -> str:
        """`memory 822 MB to 1.22 GB`."""
        low, high = min(size for _, size in self.memory), max(size for _, size in self.memory)
        return f"memory {units.size(low)} to {units.size(high)}"

    @property
    def cores_words(self) -> str:
        """`CPU 0 to 1.02 cores`: the scale begins at zero."""
        return f"CPU 0 to {max(cores for _, cores in self.cores):.2f} cores"

    @property
    def words(self) -> str:
        """Both, for a heading."""
        return ", ".join(([self.cores_words] if self.cores else []) + [self.memory_words])


def timeline(snapshots: Sequence[MemorySnapshot], most: int = MOST_POINTS) -> Timeline | None:
    """Return the course of a profile in at most `most` points; None below three snapshots."""
    points = sorted(snapshots, key=lambda point: point.timestamp)
    if len(points) < FEWEST or points[-1].timestamp <= points[0].timestamp:
        return None
    first, parts = points[0], _stretches(points, most)
    memory = tuple((part[-1].timestamp, max(p.current_mb for p in part) * MEGABYTE) for part in parts)
    start = (first.timestamp, first.current_mb * MEGABYTE)
    return Timeline(points[-1].timestamp, (start, *memory), _cores(first, parts))


def _stretches(points: Sequence[MemorySnapshot], most: int) -> list[list[MemorySnapshot]]:
    """Return the points after the first in stretches of time, none shorter than a `most`-th of the whole.

    The rate of CPU over a shorter time would be noise.
    """
    first_s = points[0].timestamp
    least_s = (points[-1].timestamp - first_s) / most
    parts: list[list[MemorySnapshot]] = []
    current: list[MemorySnapshot] = []
    for point in points[1:]:
        current.append(point)
        if point.timestamp - first_s >= least_s * 0.999:
            parts.append(current)
            first_s, current = point.timestamp, []
    if current:  # too short for a stretch of its own
        parts[-1:] = [[*parts[-1], *current]] if parts else [current]
    return parts


def _cores(
    first: MemorySnapshot, parts: Sequence[Sequence[MemorySnapshot]]
) -> tuple[tuple[float, float], ...]:
    ends = [(first.timestamp, first.cpu_s), *((part[-1].timestamp, part[-1].cpu_s) for part in parts)]
    found = []
    for (before, cpu_before), (after, cpu_after) in itertools.pairwise(ends):
        if cpu_before is None or cpu_after is None:
            return ()
        found.append((after, max(0.0, cpu_after - cpu_before) / (after - before)))
    return tuple(found)


def memory_path(snapshots: Sequence[MemorySnapshot]) -> tuple[str, str] | None:
    """Return resident memory over time as a path, 110 by 26, and in words; None below three snapshots."""
    drawn = timeline(snapshots, 60)
    if drawn is None:
        return None
    return line_path(drawn.memory, 110, 26), f"{drawn.memory_words} over time"


def line_path(
    points: Sequence[tuple[float, float]], width: int, height: int, low: float | None = None
) -> str:
    """Return points as an SVG path that fills the width; `low` is the value at the foot."""
    first, last = points[0][0], points[-1][0]
    least = min(value for _, value in points) if low is None else low
    span, rise = (last - first) or 1.0, (max(value for _, value in points) - least) or 1.0
    return "M" + "L".join(
        f"{(at - first) / span * width:.0f} {height - 2 - (value - least) / rise * (height - 4):.0f}"
        for at, value in points
    )


def timeline_html(course: Timeline) -> Markup:
    """Return both courses as pictures of the full width, with their least and largest value."""
    low, high = min(size for _, size in course.memory), max(size for _, size in course.memory)
    rows = []
    if course.cores:
        most = max(cores for _, cores in course.cores)
        # Each value stands for the stretch that ends at its point: the first one also begins it.
        steps = [(0.0, course.cores[0][1]), *course.cores]
        path = f"M0 {HEIGHT}L{line_path(steps, WIDTH, HEIGHT, low=0.0)[1:]}V{HEIGHT}"
        rows.append(_strip("CPU, cores", f"{most:.2f}", "0", path, course.cores_words, is_filled=True))
    path = line_path(course.memory, WIDTH, HEIGHT)
    rows.append(_strip("memory", units.size(high), units.size(low), path, course.memory_words))
    ends = tag(
        "div", tag("span", "0 s"), Markup(" "), tag("span", units.seconds(course.end_s)), class_="k-ends"
    )
    return tag("div", *rows, ends, class_="k-course")


def _strip(name: str, high: str, low: str, path: str, label: str, *, is_filled: bool = False) -> Markup:
    fill = "currentColor fill-opacity=.2" if is_filled else "none"
    line = f"<path d='{path}' fill={fill} stroke=currentColor vector-effect=non-scaling-stroke />"
    picture = tag(
        "svg", Markup(line), class_="k-cpu" if is_filled else None, viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width="100%", height=HEIGHT, preserveAspectRatio="none", role="img", aria_label=f"{label} over time",
    )  # fmt: skip
    scale = tag("span", tag("i", high), Markup(" "), tag("i", low), class_="k-scale")
    return tag("div", tag("span", name), Markup(" "), scale, picture, class_="k-strip")
