"""The call tree and the passes over sampled paths. Pure: paths in, records out.

A path is what one stack weighs: frames from the root inwards, wall and CPU seconds, samples. All
paths of a profile begin with the same root, the cell's (or the function's) own frame, so shares
are shares of its time and the self times add up to it. Other threads are below the root as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kosmos_nb.history import MEGABYTE, CallNode, FunctionStat, LineStat
from kosmos_nb.profiling.frames import Function, WeightedPath
from kosmos_nb.profiling.uncertainty import Grain

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
        for function in {frame.function for frame in path.frames}:
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
