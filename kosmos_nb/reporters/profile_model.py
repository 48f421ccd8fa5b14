"""What a profile says, as plain words and rows: the one source of its text, HTML and widget."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import CallNode, FunctionStat, LineStat, ProfileResult
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.places import NAME_CHARACTERS, function_name, place, short_id

MOST_READINGS = 3
MOST_NOTES = 8
LINE_CHARACTERS = 120
NOTE_CHARACTERS = 240
TREE_DEPTH = 24
TREE_SHARE = 0.005
SHORT_S = 0.02


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of time: seconds computing and waiting, and their shares of the longest row."""

    wall_s: float
    cpu_s: float
    share: float
    computing: float
    waiting: float


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of the cell. `memory` is empty where it was not measured."""

    line: int
    source: str
    bar: Bar
    memory: str


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function: `bar` is its self time, `total_s` with what it called."""

    name: str
    place: str
    bar: Bar
    total_s: float
    calls: str


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One frame of the call tree at its depth; `bar` is its total time."""

    depth: int
    name: str
    place: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class ProfileModel:
    """All that the views of a profile show.

    Attributes:
        title: What was profiled.
        failure: What went wrong, empty where nothing did.
        big: The headline numbers: value, label.
        reading: Sentences, the answer first.
        lines, functions, tree: Rows; lines in order of the cell, functions by self time.
        facts: Clocks, memory, I/O: name, value.
        foot: The fine print.
        notes: What could not be measured, and why.
    """

    title: str
    failure: str
    big: tuple[tuple[str, str], ...]
    reading: tuple[str, ...]
    lines: tuple[LineRow, ...]
    functions: tuple[FunctionRow, ...]
    tree: tuple[TreeRow, ...]
    facts: tuple[tuple[str, str], ...]
    foot: tuple[str, ...]
    notes: tuple[str, ...]


def profile_model(result: ProfileResult) -> ProfileModel:
    """Return what the views of `result` show."""
    return ProfileModel(
        title=_title(result),
        failure=_failure(result),
        big=_big(result),
        reading=_reading(result),
        lines=_lines(result),
        functions=_functions(result),
        tree=_tree(result),
        facts=_facts(result),
        foot=_foot(result),
        notes=tuple(clean(note, NOTE_CHARACTERS) for note in result.notes[:MOST_NOTES]),
    )


def _title(result: ProfileResult) -> str:
    count = f" [{result.execution_count}]" if result.execution_count is not None else ""
    label = f" “{clean(result.label, NAME_CHARACTERS)}”" if result.label else ""
    experiment = (
        f", experiment {clean(result.experiment_id, NAME_CHARACTERS)}" if result.experiment_id else ""
    )
    return f"Profile of {result.kind}{count}{label}{experiment}"


def _failure(result: ProfileResult) -> str:
    if result.status == "ok":
        return ""
    kind = f" with {clean(result.exception_type, NAME_CHARACTERS)}" if result.exception_type else ""
    return f"{result.status}{kind} after {units.seconds(result.wall_s)}"


def _big(result: ProfileResult) -> tuple[tuple[str, str], ...]:
    above = max(0, result.peak_bytes - result.rss_start_bytes)
    cores = f", {result.cpu_s / result.wall_s:.2f} cores" if result.wall_s > 0.001 else ""
    return (
        (units.seconds(result.wall_s), "wall"),
        (units.seconds(result.cpu_s), f"CPU{cores}"),
        (units.size(result.peak_bytes), f"peak memory, {units.size(above)} above start"),
        (units.size_change(result.rss_end_bytes - result.rss_start_bytes), "kept"),
    )


def _reading(result: ProfileResult) -> tuple[str, ...]:
    told = tuple(_sentence(b.reading) for b in result.bottlenecks[:MOST_READINGS] if b.reading)
    if told:
        more = len(result.bottlenecks) - len(told)
        return (*told, f"{more} smaller: result.bottlenecks.") if more > 0 else told
    if result.mode == "light":
        return ("Clocks and memory only; --mode standard also says which lines and functions took the time.",)
    if result.samples == 0:
        return ("Too short for a sample: no line or function can be named.",)
    return (f"No single line or function took more than {result.threshold_pct:g} % of the time.",)


def _sentence(reading: str) -> str:
    text = clean(reading, NOTE_CHARACTERS)
    return text if text.endswith((".", "…", "!", "?")) else text + "."


def _bar(wall_s: float, cpu_s: float, whole_s: float, longest_s: float) -> Bar:
    wall, cpu = max(0.0, wall_s), max(0.0, min(cpu_s, wall_s))
    scale = longest_s or 1.0
    share = min(1.0, wall / whole_s) if whole_s > 0 else 0.0
    return Bar(wall, cpu, share, min(1.0, cpu / scale), min(1.0, (wall - cpu) / scale))


def _own_s(result: ProfileResult) -> float:
    """Return the cell's own time, of which shares are taken: what the samples stand for."""
    return result.tree.total_s if result.tree is not None else result.wall_s


def _lines(result: ProfileResult) -> tuple[LineRow, ...]:
    whole = _own_s(result)
    longest = max((line.wall_s for line in result.line_stats), default=0.0)

    def row(line: LineStat) -> LineRow:
        grown = line.memory_growth_mb
        return LineRow(
            line.line,
            clean(line.source.rstrip(), LINE_CHARACTERS),
            _bar(line.wall_s, line.cpu_s, whole, longest),
            "" if grown is None else units.size_change(grown * 1e6),
        )

    return tuple(row(line) for line in sorted(result.line_stats, key=lambda line: line.line))


def _functions(result: ProfileResult) -> tuple[FunctionRow, ...]:
    ordered = sorted(result.function_stats, key=lambda f: (-f.self_s, -f.total_s, f.name))
    whole = _own_s(result)
    longest = max((f.self_s for f in ordered), default=0.0)

    def row(function: FunctionStat) -> FunctionRow:
        return FunctionRow(
            function_name(function.name),
            place(function.file, function.line),
            _bar(function.self_s, function.self_cpu_s, whole, longest),
            max(0.0, function.total_s),
            "" if function.calls is None else units.count(function.calls),
        )

    return tuple(row(function) for function in ordered)


def _tree(result: ProfileResult) -> tuple[TreeRow, ...]:
    if result.tree is None:
        return ()
    whole = result.tree.total_s

    def cpu_s(node: CallNode) -> float:
        """CPU seconds of the node with its children, without recursion: trees can be deep."""
        total, waiting = 0.0, [node]
        while waiting:
            one = waiting.pop()
            total += one.self_cpu_s
            waiting.extend(one.children)
        return total

    return tuple(
        TreeRow(
            depth,
            function_name(node.name),
            place(node.file, node.line),
            _bar(node.total_s, cpu_s(node), whole, whole),
        )
        for depth, node in _walk(result.tree, whole * TREE_SHARE)
    )


def _walk(root: CallNode, least_s: float) -> Iterator[tuple[int, CallNode]]:
    """Yield the frames that took at least `least_s`, depth first, the longest child first."""
    waiting = [(0, root)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        if depth < TREE_DEPTH:
            kept = [child for child in node.children if child.total_s >= least_s]
            waiting.extend((depth + 1, child) for child in sorted(kept, key=lambda c: c.total_s))


def _facts(result: ProfileResult) -> tuple[tuple[str, str], ...]:
    facts = [
        ("CPU, user and system", f"{units.seconds(result.user_s)} + {units.seconds(result.system_s)}"),
        ("CPU of the cell's thread", units.seconds(result.main_thread_cpu_s)),
        (
            "memory before and after",
            f"{units.size(result.rss_start_bytes)} → {units.size(result.rss_end_bytes)}",
        ),
        ("peak found by", clean(result.peak_method, 40)),
        (
            "page faults from memory, from disk",
            f"{units.count(result.minor_faults)}, {units.count(result.major_faults)}",
        ),
        (
            "context switches, waiting and forced",
            f"{units.count(result.voluntary_switches)}, {units.count(result.involuntary_switches)}",
        ),
        ("garbage collections", f"{units.count(result.gc_runs)} in {units.seconds(result.gc_s)}"),
    ]
    if result.read_bytes is not None and result.written_bytes is not None:
        facts.append(
            ("read, written", f"{units.size(result.read_bytes)}, {units.size(result.written_bytes)}")
        )
    where = [
        clean(text, 60) for text in (f"Python {result.python}" if result.python else "", result.host) if text
    ]
    return (*facts, ("ran on", ", ".join(where))) if where else tuple(facts)


def _foot(result: ProfileResult) -> tuple[str, ...]:
    sampled = ""
    if result.samples:
        every = f" every {units.seconds(result.interval_s)}" if result.interval_s else ""
        sampled = f"{units.count(result.samples)} sample{'' if result.samples == 1 else 's'}{every}"
    ratio = result.overhead_s / result.wall_s if result.wall_s > 0 else math.inf
    share = units.share(ratio) if ratio < 10 else "over 1000 %"
    spent = units.seconds(result.overhead_s)
    # Of a short cell a share would only frighten: the profiler's fixed cost is a millisecond or so.
    cost = f"profiler {spent}" if result.wall_s < SHORT_S else f"profiler {share} ({spent})"
    return tuple(
        part for part in (result.mode, sampled, cost, f"id {short_id(clean(result.id, 40))}") if part
    )
