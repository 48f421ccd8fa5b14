"""Which functions and lines took a large share of the time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kosmos_nb.history import Bottleneck, Severity
from kosmos_nb.profiling.analysis import readings
from kosmos_nb.profiling.analysis.frames import Function, WeightedPath
from kosmos_nb.profiling.analysis.readings import Use
from kosmos_nb.profiling.analysis.uncertainty import Grain

# From here on a function and a line say the same thing: each has that much of the other's time.
SAME = 0.9
# A function below a line is named where it has more than this share of the line's time.
MOST = 0.5


@dataclass(slots=True)
class _Part:
    """The own time of one function or line, and where it went: lines of it, functions of it."""

    use: Use = field(default_factory=Use)
    grain_s: float = 0.0
    within: dict[object, float] = field(default_factory=dict)

    def add(self, path: WeightedPath, other: object) -> None:
        self.use.add(path)
        self.grain_s += path.grain_s
        self.within[other] = self.within.get(other, 0.0) + path.wall_s

    def most(self) -> tuple[object, float]:
        """Return the line, or function, that has most of it, and its share of it."""
        other = max(self.within, key=lambda key: self.within[key])
        return other, self.within[other] / self.use.wall_s if self.use.wall_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Found:
    """A function, or a line where that is None, with its own time and its share of all."""

    function: Function | None
    line: int
    part: _Part
    share: float

    @property
    def order(self) -> tuple[float, str, int]:
        kind = "function" if self.function is not None else "line"
        return -self.share, kind, self.function.line if self.function is not None else self.line


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
        threshold_pct: In percent of the cell's time, other threads' time included.
    """
    total_s = sum(path.wall_s for path in paths)
    if total_s <= 0:
        return ()
    functions, lines = _parts(paths)

    def large(part: _Part) -> bool:
        return part.use.wall_s / total_s * 100 > threshold_pct

    found = [
        _Found(function, _line_of(part), part, part.use.wall_s / total_s)
        for function, part in functions.items()
        # The cell's top level is no function of the user's: its lines speak for it.
        if large(part) and not (source and function.name == "<module>")
    ]
    found += [
        _Found(None, line, part, part.use.wall_s / total_s) for line, part in lines.items() if large(part)
    ]
    found.sort(key=lambda item: item.order)
    return tuple(_bottlenecks(found, Grain.of(paths), total_s, source, cell))


def severity(share: float) -> Severity:
    """Return the word for a share of the cell's time: above 30, 15 and 5 percent."""
    if share > 0.30:
        return "critical"
    if share > 0.15:
        return "high"
    return "medium" if share > 0.05 else "low"


def _parts(paths: Iterable[WeightedPath]) -> tuple[dict[Function, _Part], dict[int, _Part]]:
    functions: dict[Function, _Part] = {}
    lines: dict[int, _Part] = {}
    for path in paths:
        function, line = path.frames[-1].function, path.innermost_line or 0
        part = functions.get(function)
        if part is None:
            part = functions[function] = _Part()
        part.add(path, line)
        if line:
            part = lines.get(line)
            if part is None:
                part = lines[line] = _Part()
            part.add(path, function)
    return functions, lines


def _line_of(part: _Part) -> int:
    line, _ = part.most()
    return line if isinstance(line, int) else 0


def _bottlenecks(
    found: Sequence[_Found], grain: Grain, total_s: float, source: Sequence[str], cell: str
) -> Iterable[Bottleneck]:
    said: list[_Found] = []
    for item in found:
        twin = next((other for other in said if _is_same(other, item)), None)
        said.append(item)
        share_error = min(1.0, grain.error_s(item.part.grain_s) / total_s)
        share = readings.share(item.share, share_error)
        text = source[item.line - 1].strip() if 0 < item.line <= len(source) else ""
        function, use = item.function, item.part.use
        if function is not None:
            is_of_cell = bool(item.line) and function.file == cell
            where = readings.in_function(function, item.line, text, is_of_cell=is_of_cell)
        else:
            where = readings.at_line(item.line, text)
        yield Bottleneck(
            kind="line" if function is None else "function",
            name=text if function is None else function.name,
            file=cell if function is None else function.file,
            line=item.line if function is None else function.line,
            share=item.share,
            wall_s=use.wall_s,
            cpu_s=use.cpu_s,
            severity=severity(item.share),
            reading=f"{share} {where}{_rest(item, twin)}",
            share_error=share_error,
        )


def _rest(item: _Found, twin: _Found | None) -> str:
    """Return how the time was spent; or, where that has been said, whose time it is."""
    if twin is not None:
        whose = readings.called(twin.function) if twin.function is not None else f"line {twin.line}"
        return f", nearly all the time of {whose}"
    inner, its_share = item.part.most()
    most = ""
    if (
        item.function is None
        and isinstance(inner, Function)
        and its_share > MOST
        and inner.name != "<module>"
    ):
        most = f", most of it in {readings.called(inner)}"
    return f"{most}: {readings.spent(item.part.use)}"


def _is_same(one: _Found, other: _Found) -> bool:
    if (one.function is None) == (other.function is None):
        return False
    function, line = (one, other) if one.function is not None else (other, one)
    shared_s = function.part.within.get(line.line, 0.0)
    return shared_s > SAME * max(function.part.use.wall_s, line.part.use.wall_s)
