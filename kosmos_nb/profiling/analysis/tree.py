"""The call tree and the passes over sampled paths. Pure: paths in, records out.

A path is what one stack weighs: frames from the root inwards, wall and CPU seconds, samples. All
paths of a profile begin with the same root, the cell's (or the function's) own frame, so shares
are shares of its time and the self times add up to it. Other threads are below the root as well.
"""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kosmos_nb.history import MEGABYTE, CallNode, FunctionStat, LineStat
from kosmos_nb.profiling.analysis.frames import Function, WeightedPath
from kosmos_nb.profiling.analysis.uncertainty import Grain

MAX_DEPTH = 100  # a record is a nested value: deeper trees pass Python's recursion limit as JSON
MAX_NODES = 2_000


@dataclass(slots=True)
class _Node:
    function: Function
    depth: int
    self_s: float = 0.0
    self_cpu_s: float = 0.0
    samples: int = 0
    children: "list[_Node]" = field(default_factory=list)
    total_s: float = 0.0

    def add(self, path: WeightedPath) -> None:
        """Count a path as its own time."""
        self.self_s += path.wall_s
        self.self_cpu_s += path.cpu_s
        self.samples += path.samples


# Minus its time, a running number, the node that calls it, the function, and the paths through it.
_Branch = tuple[float, int, _Node, Function, list[WeightedPath]]


def build_tree(paths: Sequence[WeightedPath], *, max_nodes: int = MAX_NODES) -> CallNode | None:
    """Merge the paths into one tree; None where there are no samples.

    Frames deeper than `MAX_DEPTH`, and the smallest branches of a tree above `max_nodes`, are
    counted to the node above them.
    """
    if not paths:
        return None
    root = _Node(paths[0].frames[0].function, 1)
    nodes = [root]
    order = itertools.count()  # where branches are equal, the one that was seen first
    branches = _branches(root, paths, order)
    heapq.heapify(branches)
    while branches:
        _, _, caller, function, below = heapq.heappop(branches)  # the largest
        if len(nodes) >= max_nodes:
            for path in below:
                caller.add(path)
            continue
        node = _Node(function, caller.depth + 1)
        caller.children.append(node)
        nodes.append(node)
        for branch in _branches(node, below, order):
            heapq.heappush(branches, branch)
    for node in reversed(nodes):  # children before those that called them
        node.total_s = node.self_s + sum([child.total_s for child in node.children])
    return _freeze(root)


def _branches(node: _Node, paths: Iterable[WeightedPath], order: Iterator[int]) -> list[_Branch]:
    """Give a node what is its own of the paths through it; return the rest, by what it called."""
    depth = node.depth
    called: dict[Function, list[WeightedPath]] = {}
    for path in paths:
        frames = path.frames
        if len(frames) <= depth or depth >= MAX_DEPTH:
            node.add(path)
        else:
            called.setdefault(frames[depth].function, []).append(path)
    return [
        (-sum([path.wall_s for path in below]), next(order), node, function, below)
        for function, below in called.items()
    ]


@dataclass(slots=True)
class _Sums:
    """What the paths that show one function, or one line, add up to."""

    total_s: float = 0.0
    total_cpu_s: float = 0.0
    self_s: float = 0.0
    self_cpu_s: float = 0.0
    lock_s: float = 0.0
    await_s: float = 0.0
    grain_s: float = 0.0
    memory_bytes: int = 0
    samples: int = 0
    threads: set[int] = field(default_factory=set)

    def add(self, path: WeightedPath) -> None:
        """Add what is told apart: of a function where it was innermost, of a line everywhere."""
        self.lock_s += path.lock_s
        self.await_s += path.await_s
        self.grain_s += path.grain_s
        self.memory_bytes += path.memory_bytes
        self.samples += path.samples


def function_stats(paths: Sequence[WeightedPath]) -> tuple[FunctionStat, ...]:
    """Return time by function, most self time first; a recursive call counts once in the total."""
    grain = Grain.of(paths)
    own: dict[Function, _Sums] = {}
    for path in paths:
        for function in dict.fromkeys([frame.function for frame in path.frames]):
            sums = own.get(function)
            if sums is None:
                sums = own[function] = _Sums()
            sums.total_s += path.wall_s
            sums.total_cpu_s += path.cpu_s
            sums.threads.add(path.thread_id)
        inner = own[path.frames[-1].function]
        inner.self_s += path.wall_s
        inner.self_cpu_s += path.cpu_s
        inner.add(path)
    stats = [
        FunctionStat(
            name=function.name,
            file=function.file,
            line=function.line,
            self_s=sums.self_s,
            total_s=sums.total_s,
            self_cpu_s=sums.self_cpu_s,
            total_cpu_s=sums.total_cpu_s,
            samples=sums.samples,
            self_error_s=grain.error_s(sums.grain_s),
            self_lock_s=sums.lock_s,
            self_await_s=sums.await_s,
            threads=len(sums.threads),
        )
        for function, sums in own.items()
    ]
    return tuple(sorted(stats, key=lambda stat: (-stat.self_s, -stat.total_s, stat.name)))


def line_stats(
    paths: Sequence[WeightedPath], source: Sequence[str], *, has_memory: bool = False
) -> tuple[LineStat, ...]:
    """Return time by line of the cell, in order, each with what it called; recursion counts once.

    Growth of memory counts like `wall_s`, while the line was being executed with what it called.

    Args:
        paths: Paths whose frames know their line of the cell.
        source: The cell's lines as the editor shows them.
        has_memory: Whether memory was read at each sample.
    """
    grain = Grain.of(paths)
    lines: dict[int, _Sums] = {}
    for path in paths:
        for line in {frame.cell_line for frame in path.frames if frame.cell_line}:
            sums = lines.get(line)
            if sums is None:
                sums = lines[line] = _Sums()
            sums.total_s += path.wall_s
            sums.total_cpu_s += path.cpu_s
            sums.add(path)
        innermost = path.innermost_line
        if innermost is not None:
            lines[innermost].self_s += path.wall_s
    return tuple(
        LineStat(
            line=line,
            source=source[line - 1] if 0 < line <= len(source) else "",
            wall_s=sums.total_s,
            cpu_s=sums.total_cpu_s,
            samples=sums.samples,
            memory_growth_mb=sums.memory_bytes / MEGABYTE if has_memory else None,
            self_s=sums.self_s,
            error_s=grain.error_s(sums.grain_s),
            lock_s=sums.lock_s,
            await_s=sums.await_s,
        )
        for line, sums in sorted(lines.items())
    )


def _freeze(node: _Node) -> CallNode:
    children = sorted(node.children, key=lambda child: (-child.total_s, child.function))
    return CallNode(
        name=node.function.name,
        file=node.function.file,
        line=node.function.line,
        self_s=node.self_s,
        total_s=node.total_s,
        self_cpu_s=node.self_cpu_s,
        samples=node.samples,
        children=tuple([_freeze(child) for child in children]),
    )
