"""The flame graph as boxes: where each frame of a call tree lies, for whoever draws it.

A box is as wide as its share of the whole, its callees lie below it from left to right, the
longest first; what is left of a box's width without a callee is its own time. Trees may be deep:
nothing here recurses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kosmos_nb.history import CallNode, DiffNode
from kosmos_nb.reporters.places import function_name, place

Node = TypeVar("Node", CallNode, DiffNode)


@dataclass(frozen=True, slots=True)
class Box:
    """One frame of a call tree.

    Attributes:
        depth: 0 for the root.
        start, width: Its place from left to right, as shares of the whole width, 0 to 1.
        name, place: Function, and where it is.
        self_s, total_s: Seconds in it alone, and with what it called.
        computing: Share of `total_s` on the CPU, 0 to 1; the rest is waiting of any kind.
        share: `total_s` as a share of the root's, 0 to 1.
        parent: Index of the caller's box; -1 for the root.
    """

    depth: int
    start: float
    width: float
    name: str
    place: str
    self_s: float
    total_s: float
    computing: float
    share: float
    parent: int


@dataclass(frozen=True, slots=True)
class DiffBox:
    """One frame of two call trees laid over each other.

    Attributes:
        before_s, after_s: Seconds with what it called, in each.
        change: -1 (gone) over 0 (as it was) to 1 (new): the change as a share of the larger of
            both; 0 where sampling alone may explain it.
        depth, start, width, name, place, parent: As in `Box`. The width stands for the larger of
            both own times, so that what has gone is still seen.
    """

    depth: int
    start: float
    width: float
    name: str
    place: str
    before_s: float
    after_s: float
    change: float
    parent: int


def flame_boxes(tree: CallNode, most: int) -> tuple[Box, ...]:
    """Lay out a call tree; the boxes come depth first, callers before their callees.

    Args:
        tree: Sampled call tree.
        most: Most boxes; the smallest are left out first, and never a caller before its callee.
    """

    def own(node: CallNode) -> tuple[float, float]:
        return node.self_s, min(node.self_cpu_s, node.self_s)

    return tuple(
        Box(
            depth=spot.depth,
            start=spot.start,
            width=spot.width,
            name=function_name(spot.node.name),
            place=place(spot.node.file, spot.node.line),
            self_s=spot.node.self_s,
            total_s=spot.node.total_s,
            computing=min(1.0, spot.computing_s / spot.weight_s) if spot.weight_s else 0.0,
            share=spot.width,
            parent=spot.parent,
        )
        for spot in _placed(tree, own, most)
    )


def diff_boxes(tree: DiffNode, most: int, grain_s: float = 0.0) -> tuple[DiffBox, ...]:
    """Lay out two call trees over each other; order and limit as in `flame_boxes`.

    Args:
        tree: Both trees.
        most: Most boxes.
        grain_s: Seconds that one sample stands for. Seconds that were counted in such grains vary
            by the square root of their number; a change within twice that is no change.
    """

    def own(node: DiffNode) -> tuple[float, float]:
        return max(node.before_self_s, node.after_self_s), 0.0

    return tuple(
        DiffBox(
            depth=spot.depth,
            start=spot.start,
            width=spot.width,
            name=function_name(spot.node.name),
            place=place(spot.node.file, spot.node.line),
            before_s=spot.node.before_s,
            after_s=spot.node.after_s,
            change=_change(spot.node, grain_s),
            parent=spot.parent,
        )
        for spot in _placed(tree, own, most)
    )


def _change(node: DiffNode, grain_s: float) -> float:
    larger_s = max(node.before_s, node.after_s)
    change_s = node.after_s - node.before_s
    if larger_s <= 0 or abs(change_s) <= 2 * math.sqrt(max(0.0, grain_s * (node.before_s + node.after_s))):
        return 0.0
    return max(-1.0, min(1.0, change_s / larger_s))


@dataclass(slots=True, eq=False)
class _Spot(Generic[Node]):
    """A node on its way to a box. `weight_s`: own seconds and those of all below; `computing_s` of them."""

    node: Node
    caller: _Spot[Node] | None
    depth: int
    weight_s: float = 0.0
    computing_s: float = 0.0
    start: float = 0.0
    width: float = 0.0
    parent: int = -1


def _flat(root: Node) -> list[_Spot[Node]]:
    """Return all nodes, callers before callees."""
    found, waiting = [], [_Spot(root, None, 0)]
    while waiting:
        spot = waiting.pop()
        found.append(spot)
        waiting.extend(_Spot(child, spot, spot.depth + 1) for child in reversed(spot.node.children))
    return found


def _placed(root: Node, own: Callable[[Node], tuple[float, float]], most: int) -> list[_Spot[Node]]:
    spots = _flat(root)
    for spot in reversed(spots):
        own_s, computing_s = own(spot.node)
        spot.weight_s += max(0.0, own_s)
        spot.computing_s += max(0.0, computing_s)
        if spot.caller is not None:
            spot.caller.weight_s += spot.weight_s
            spot.caller.computing_s += spot.computing_s
    if spots[0].weight_s <= 0:
        return []
    # The sort is stable: of two that weigh the same, the caller stays before its callee.
    kept = sorted(spots, key=lambda spot: -spot.weight_s)[: max(1, most)]
    below: dict[int, list[_Spot[Node]]] = {}
    for spot in kept:
        if spot.caller is not None:
            below.setdefault(id(spot.caller), []).append(spot)
    return _from_left(spots[0], below)


def _from_left(root: _Spot[Node], below: dict[int, list[_Spot[Node]]]) -> list[_Spot[Node]]:
    """Give every spot its place, depth first; `below` holds callees by caller, heaviest first."""
    whole_s, waiting = root.weight_s, [root]
    placed: list[_Spot[Node]] = []
    while waiting:
        spot = waiting.pop()
        spot.width = spot.weight_s / whole_s
        at, start = len(placed), spot.start
        placed.append(spot)
        callees = below.get(id(spot), [])
        for callee in callees:
            callee.start, callee.parent = start, at
            start += callee.weight_s / whole_s
        waiting.extend(reversed(callees))
    return placed
