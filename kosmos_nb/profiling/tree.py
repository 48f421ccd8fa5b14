"""The call tree and the passes over sampled paths. Pure: paths in, records out.

A path is what one stack weighs: frames from the root inwards, wall and CPU seconds, samples. All
paths of a profile begin with the same root, the cell's (or the function's) own frame, so shares
are shares of its time and the self times add up to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kosmos_nb.history import CallNode, FunctionStat, LineStat
from kosmos_nb.profiling.frames import Function, WeightedPath

MAX_DEPTH = 100  # a record is a nested value: deeper trees pass Python's recursion limit as JSON
MAX_NODES = 2_000


@dataclass(slots=True)
class _Node:
    function: Function
    self_s: float = 0.0
    self_cpu_s: float = 0.0
    samples: int = 0
    children: "dict[Function, _Node]" = field(default_factory=dict)
    total_s: float = 0.0
    size: int = 1


def build_tree(paths: Sequence[WeightedPath], *, max_nodes: int = MAX_NODES) -> CallNode | None:
    """Merge the paths into one tree; None where there are no samples.

    Frames deeper than `MAX_DEPTH`, and the smallest branches of a tree above `max_nodes`, are
    counted to the node above them.
    """
    if not paths:
        return None
    root = _Node(paths[0].frames[0].function)
    for path in paths:
        node = root
        for frame in path.frames[1:MAX_DEPTH]:
            function = frame.function
            child = node.children.get(function)
            if child is None:
                child = node.children[function] = _Node(function)
            node = child
        node.self_s += path.wall_s
        node.self_cpu_s += path.cpu_s
        node.samples += path.samples
    _sum_up(root)
    threshold_s = root.total_s / 10_000
    while root.size > max_nodes:
        _fold(root, threshold_s)
        threshold_s *= 2
    return _freeze(root)


def function_stats(paths: Iterable[WeightedPath]) -> tuple[FunctionStat, ...]:
    """Return time by function, most self time first; a recursive call counts once in the total."""
    own: dict[Function, list[float]] = {}
    for path in paths:
        for function in {frame.function for frame in path.frames}:
            total = own.setdefault(function, [0.0, 0.0, 0.0, 0.0, 0])
            total[1] += path.wall_s
            total[3] += path.cpu_s
        inner = own[path.frames[-1].function]
        inner[0] += path.wall_s
        inner[2] += path.cpu_s
        inner[4] += path.samples
    stats = [
        FunctionStat(
            name=function.name,
            file=function.file,
            line=function.line,
            self_s=self_s,
            total_s=total_s,
            self_cpu_s=self_cpu_s,
            total_cpu_s=total_cpu_s,
            samples=int(samples),
        )
        for function, (self_s, total_s, self_cpu_s, total_cpu_s, samples) in own.items()
    ]
    return tuple(sorted(stats, key=lambda stat: (-stat.self_s, -stat.total_s, stat.name)))


def line_stats(paths: Iterable[WeightedPath], source: Sequence[str]) -> tuple[LineStat, ...]:
    """Return time by line of the cell, in order, each with what it called; recursion counts once.

    Args:
        paths: Paths whose frames know their line of the cell.
        source: The cell's lines as the editor shows them.
    """
    times: dict[int, list[float]] = {}
    for path in paths:
        for line in {frame.cell_line for frame in path.frames if frame.cell_line}:
            time = times.setdefault(line, [0.0, 0.0, 0])
            time[0] += path.wall_s
            time[1] += path.cpu_s
            time[2] += path.samples
    return tuple(
        LineStat(
            line=line,
            source=source[line - 1] if 0 < line <= len(source) else "",
            wall_s=wall_s,
            cpu_s=cpu_s,
            samples=int(samples),
        )
        for line, (wall_s, cpu_s, samples) in sorted(times.items())
    )


def _sum_up(root: _Node) -> None:
    # Children before parents, without recursion: trees can be deep.
    order = [root]
    for node in order:
        order.extend(node.children.values())
    for node in reversed(order):
        node.total_s = node.self_s + sum(child.total_s for child in node.children.values())
        node.size = 1 + sum(child.size for child in node.children.values())


def _fold(root: _Node, threshold_s: float) -> None:
    order = [root]
    for node in order:
        order.extend(node.children.values())
    for node in reversed(order):
        for function, child in list(node.children.items()):
            if child.total_s <= threshold_s and not child.children:
                node.self_s += child.self_s
                node.self_cpu_s += child.self_cpu_s
                node.samples += child.samples
                del node.children[function]
    _sum_up(root)


def _freeze(node: _Node) -> CallNode:
    children = sorted(node.children.values(), key=lambda child: (-child.total_s, child.function))
    return CallNode(
        name=node.function.name,
        file=node.function.file,
        line=node.function.line,
        self_s=node.self_s,
        total_s=node.total_s,
        self_cpu_s=node.self_cpu_s,
        samples=node.samples,
        children=tuple(_freeze(child) for child in children),
    )
