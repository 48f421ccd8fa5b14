"""The rows of a profile's tables: what each view shows of a line, a function, a process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history import (
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    FunctionStat,
    LineStat,
    ProfileResult,
)
from kosmos_nb.reporters.bar import Bar, make_bar
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.numbers import share_within
from kosmos_nb.reporters.places import function_name, place
from kosmos_nb.reporters.words import SEVERITIES, Sign

LINE_CHARACTERS = 120
READING_CHARACTERS = 240
PROGRAM_CHARACTERS = 40
_LEADING_SHARE = re.compile(r"[0-9.]+( ± [0-9.]+)? %( ± [0-9.]+)?\s+")
_SHARE_WITHIN = re.compile(r"\b([0-9.]+) ± ([0-9.]+) %")
TREE_DEPTH = 24
TREE_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of the cell. Its bar is empty where it took no time that was seen.

    `memory` is empty where it was not measured.
    """

    line: int
    source: str
    bar: Bar
    memory: str


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function: `bar` is its self time, `total_s` with what it called.

    `calls` is empty where they were not counted, `10 000+` where counting stopped.
    """

    name: str
    place: str
    bar: Bar
    total_s: float
    calls: str
    threads: int = 1


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One frame of the call tree at its depth; `bar` is its total time."""

    depth: int
    name: str
    place: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One thread; `bar` is the time in which it was active."""

    name: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class BottleneckRow:
    """One bottleneck: how severe, its share with the uncertainty, and in words what it is."""

    sign: Sign
    reading: str
    share: str


@dataclass(frozen=True, slots=True)
class ChildRow:
    """One child process; `state` says whether it outlived the cell."""

    name: str
    pid: str
    cpu: str
    peak: str
    wall: str
    state: str


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One line of code that held memory at the high-water mark."""

    name: str
    place: str
    peak: str
    share: str
    blocks: str


def own_s(result: ProfileResult) -> float:
    """Return the cell's own time, of which shares are taken: what the samples stand for."""
    return result.tree.total_s if result.tree is not None else result.wall_s


def sentence(reading: str) -> str:
    """Return a reading as one clean sentence, shares written as in the tables: `33 % ± 15`."""
    text = _SHARE_WITHIN.sub(r"\1 % ± \2", clean(reading, READING_CHARACTERS))
    return text if text.endswith((".", "…", "!", "?")) else text + "."


def bottleneck_rows(found: Sequence[Bottleneck]) -> tuple[BottleneckRow, ...]:
    """Return the bottlenecks as they come: largest first."""

    def row(one: Bottleneck) -> BottleneckRow:
        # The share stands beside it, with its uncertainty.
        told = _LEADING_SHARE.match(one.reading)
        reading = one.reading[told.end() :] if told else one.reading
        sign = SEVERITIES.get(one.severity, SEVERITIES["low"])
        return BottleneckRow(sign, sentence(reading or one.name), share_within(one.share, one.share_error))

    return tuple(row(one) for one in found)


def function_rows(result: ProfileResult) -> tuple[FunctionRow, ...]:
    """Return the functions, most self time first."""
    ordered = sorted(result.function_stats, key=lambda f: (-f.self_s, -f.total_s, f.name))
    whole = own_s(result)
    longest = max((f.self_s for f in ordered), default=0.0)

    def row(stat: FunctionStat) -> FunctionRow:
        calls = "" if stat.calls is None else units.count(stat.calls) + ("+" if stat.calls_capped else "")
        bar = make_bar(
            stat.self_s, stat.self_cpu_s, whole, longest,
            error_s=stat.self_error_s, lock_s=stat.self_lock_s, await_s=stat.self_await_s,
        )  # fmt: skip
        name, where = function_name(stat.name), place(stat.file, stat.line)
        return FunctionRow(name, where, bar, max(0.0, stat.total_s), calls, stat.threads)

    return tuple(row(stat) for stat in ordered)


def line_rows(result: ProfileResult) -> tuple[LineRow, ...]:
    """Return the lines of the cell in order: all of them where the source is at hand.

    Without the source, or where it is not the one that was measured, those that took time.
    """
    whole = own_s(result)
    longest = max((line.wall_s for line in result.line_stats), default=0.0)

    def timed(stat: LineStat) -> LineRow:
        grown = stat.memory_growth_mb
        bar = make_bar(
            stat.wall_s, stat.cpu_s, whole, longest,
            error_s=stat.error_s, lock_s=stat.lock_s, await_s=stat.await_s,
        )  # fmt: skip
        return LineRow(
            stat.line, _shown(stat.source), bar, "" if grown is None else units.size_change(grown * 1e6)
        )

    found = {stat.line: timed(stat) for stat in result.line_stats}
    rest = {
        number: LineRow(number, _shown(source), make_bar(0.0, 0.0, whole, longest), "")
        for number, source in enumerate(_source(result), 1)
        if number not in found
    }
    return tuple(row for _, row in sorted((found | rest).items()))


def _shown(source: str) -> str:
    return clean(source.rstrip(), LINE_CHARACTERS)


def _source(result: ProfileResult) -> list[str]:
    """Return the cell's lines, none where the measured lines are not among them."""
    lines = result.code.rstrip().split("\n")
    for stat in result.line_stats:
        if not 0 < stat.line <= len(lines) or lines[stat.line - 1].rstrip() != stat.source.rstrip():
            return []
    return lines if result.line_stats else []


def hottest(rows: Sequence[LineRow], most: int) -> list[LineRow]:
    """Return the rows that took most time, then those nearest to them, still in order of the cell."""
    if len(rows) <= most:
        return list(rows)
    by_time = sorted(range(len(rows)), key=lambda at: (-rows[at].bar.wall_s, at))
    hot = {at for at in by_time[:most] if rows[at].bar.wall_s > 0}
    by_distance = sorted(set(range(len(rows))) - hot, key=lambda at: (_distance(at, hot), at))
    return [rows[at] for at in sorted([*hot, *by_distance[: most - len(hot)]])]


def _distance(at: int, hot: set[int]) -> int:
    return min((abs(at - other) for other in hot), default=at)


def child_rows(children: Sequence[ChildProcess]) -> tuple[ChildRow, ...]:
    """Return the child processes, most CPU first."""
    return tuple(
        ChildRow(
            clean(child.name, PROGRAM_CHARACTERS),
            str(child.pid),
            units.seconds(child.cpu_s),
            "unknown" if child.peak_bytes is None else units.size(child.peak_bytes),
            units.seconds(child.wall_s),
            "still running" if child.is_running else "ended",
        )
        for child in sorted(children, key=lambda child: (-child.cpu_s, child.pid))
    )


def site_rows(result: ProfileResult) -> tuple[SiteRow, ...]:
    """Return who held memory at the high-water mark of the heap, most first."""
    heap = result.heap_peak_bytes or sum(site.peak_bytes for site in result.allocation_sites)

    def row(site: AllocationSite) -> SiteRow:
        share = units.share(site.peak_bytes / heap) if heap > 0 else ""
        where = place(site.file, site.line)
        if site.cell_line is not None and site.cell_line != site.line:
            where += f", for line {site.cell_line}"
        return SiteRow(
            function_name(site.name), where, units.size(site.peak_bytes), share, units.count(site.peak_blocks)
        )

    return tuple(row(site) for site in sorted(result.allocation_sites, key=lambda site: -site.peak_bytes))


def tree_rows(result: ProfileResult) -> tuple[TreeRow, ...]:
    """Return the frames of the call tree that took a share worth a row, depth first."""
    if result.tree is None:
        return ()
    whole = result.tree.total_s
    return tuple(
        TreeRow(
            depth,
            function_name(node.name),
            place(node.file, node.line),
            make_bar(node.total_s, _cpu_s(node), whole, whole),
        )
        for depth, node in _walk(result.tree, whole * TREE_SHARE)
    )


def thread_rows(result: ProfileResult) -> tuple[ThreadRow, ...]:
    """Return the threads, the one that ran the code first; none where it was alone."""
    others = [child for child in result.tree.children if child.is_thread] if result.tree is not None else []
    if result.tree is None or not others:
        return ()
    times = [(function_name(one.name), one.total_s, _cpu_s(one)) for one in others]
    times.sort(key=lambda one: (-one[1], one[0]))
    own = result.tree.total_s - sum(one.total_s for one in others)
    own_cpu = _cpu_s(result.tree) - sum(cpu for _, _, cpu in times)
    times.insert(0, ("the code's own thread", own, own_cpu))
    longest = max(wall for _, wall, _ in times)
    return tuple(ThreadRow(name, make_bar(wall, cpu, own_s(result), longest)) for name, wall, cpu in times)


def _cpu_s(node: CallNode) -> float:
    """Return CPU seconds of the node with its children, without recursion: trees can be deep."""
    total, waiting = 0.0, [node]
    while waiting:
        one = waiting.pop()
        total += one.self_cpu_s
        waiting.extend(one.children)
    return total


def _walk(root: CallNode, least_s: float) -> Iterator[tuple[int, CallNode]]:
    """Yield the frames that took at least `least_s`, depth first, the longest child first."""
    waiting = [(0, root)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        if depth < TREE_DEPTH:
            kept = [child for child in node.children if child.total_s >= least_s]
            waiting.extend((depth + 1, child) for child in sorted(kept, key=lambda c: c.total_s))
