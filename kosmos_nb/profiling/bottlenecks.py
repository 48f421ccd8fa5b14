"""Which functions and lines took a large share, and a sentence that says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import Bottleneck, Severity
from kosmos_nb.profiling.frames import Function, WeightedPath

# Shares of wall time that are CPU time. A machine with other work lowers the share of code that
# only computes, hence the wide middle: off the CPU is not yet waiting for something.
COMPUTING = 0.6
WAITING = 0.1


@dataclass(slots=True)
class _Part:
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, path: WeightedPath) -> None:
        self.wall_s += path.wall_s
        self.cpu_s += path.cpu_s


def find_bottlenecks(
    paths: Sequence[WeightedPath], source: Sequence[str], cell: str, threshold_pct: float
) -> tuple[Bottleneck, ...]:
    """Return functions and lines whose own share of the time is above the threshold, largest first.

    A function's own time is where it was the innermost frame. A line's is where it was the
    innermost line of the cell, whatever it called elsewhere: so `main()` at the foot of a cell is
    no bottleneck because of what `main` does.

    Args:
        paths: Sampled paths.
        source: The cell's lines as the editor shows them; empty where no cell was profiled.
        cell: The cell's name in `file`.
        threshold_pct: In percent of the cell's time.
    """
    total_s = sum(path.wall_s for path in paths)
    if total_s <= 0:
        return ()
    found = []
    for function, part, line in _by_function(paths):
        share = part.wall_s / total_s
        # The cell's top level is no function of the user's: its lines speak for it.
        if share * 100 > threshold_pct and not (source and function.name == "<module>"):
            found.append(_function(function, part, line, share))
    for line, part in _by_line(paths).items():
        share = part.wall_s / total_s
        if share * 100 > threshold_pct:
            found.append(_line(line, source, cell, part, share))
    return tuple(sorted(found, key=lambda item: (-item.share, item.kind, item.line)))


def severity(share: float) -> Severity:
    """Return the word for a share of the cell's time: above 30, 15 and 5 percent."""
    if share > 0.30:
        return "critical"
    if share > 0.15:
        return "high"
    return "medium" if share > 0.05 else "low"


def activity(wall_s: float, cpu_s: float) -> str:
    """Say how the time was spent, by the thread's CPU clock: computing, off the CPU, or waiting."""
    busy = cpu_s / wall_s if wall_s > 0 else 1.0
    if busy >= COMPUTING:
        return "computing"
    if busy < WAITING:
        return "waiting"
    return f"{units.share(busy)} computing, the rest off CPU"


def _by_function(paths: Iterable[WeightedPath]) -> list[tuple[Function, _Part, int]]:
    """Return each function's own time and the line of the cell where most of it went, or 0."""
    parts: dict[Function, _Part] = {}
    lines: dict[Function, dict[int, float]] = {}
    for path in paths:
        function = path.frames[-1].function
        parts.setdefault(function, _Part()).add(path)
        at = lines.setdefault(function, {})
        line = _innermost_line(path) or 0
        at[line] = at.get(line, 0.0) + path.wall_s
    return [
        (function, part, max(lines[function], key=lambda line: lines[function][line]))
        for function, part in parts.items()
    ]


def _by_line(paths: Iterable[WeightedPath]) -> dict[int, _Part]:
    parts: dict[int, _Part] = {}
    for path in paths:
        line = _innermost_line(path)
        if line is not None:
            parts.setdefault(line, _Part()).add(path)
    return parts


def _innermost_line(path: WeightedPath) -> int | None:
    return next((frame.cell_line for frame in reversed(path.frames) if frame.cell_line), None)


def _function(function: Function, part: _Part, line: int, share: float) -> Bottleneck:
    where = f" at line {line}" if line else f" ({function.file}:{function.line})"
    name = function.name if function.name.startswith("<") else f"{function.name}()"
    return Bottleneck(
        kind="function",
        name=function.name,
        file=function.file,
        line=function.line,
        share=share,
        wall_s=part.wall_s,
        cpu_s=part.cpu_s,
        severity=severity(share),
        reading=f"{units.share(share)} in {name}{where}: {activity(part.wall_s, part.cpu_s)}",
    )


def _line(line: int, source: Sequence[str], cell: str, part: _Part, share: float) -> Bottleneck:
    text = source[line - 1].strip() if 0 < line <= len(source) else ""
    return Bottleneck(
        kind="line",
        name=text,
        file=cell,
        line=line,
        share=share,
        wall_s=part.wall_s,
        cpu_s=part.cpu_s,
        severity=severity(share),
        reading=f"{units.share(share)} at line {line}: {activity(part.wall_s, part.cpu_s)}",
    )
