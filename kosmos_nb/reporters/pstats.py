"""A profile for Python's own `pstats`, and for what reads its files (snakeviz, gprof2dot).

Times are wall seconds of the sampled tree. `pstats` wants numbers of calls, which a sampler does
not see: where they were not counted, the number of samples stands for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kosmos_nb.history import CallNode, ProfileResult
from kosmos_nb.reporters.threads import seconds

if TYPE_CHECKING:
    import pstats

Key = tuple[str, int, str]
Sums = list[float]  # samples, own seconds, seconds with what it called


class _Tree:
    """What `pstats.Stats` takes: it asks for `create_stats()` and reads `stats`."""

    def __init__(self, stats: dict[Key, Any]) -> None:
        self.stats = stats

    def create_stats(self) -> None:
        """Nothing is left to do."""


def pstats_stats(profile: ProfileResult) -> pstats.Stats:
    """Return the profile's tree as `pstats.Stats`.

    A function that calls itself counts once in its total. `ncalls` is the exact number where the
    profile has one, otherwise the number of samples in which the function was on the stack.
    """
    import pstats  # noqa: PLC0415 - a few milliseconds beside every first display; only who asks pays

    assert profile.tree is not None
    totals, callers = _sums(profile.tree)
    counted: dict[Key, int] = {}
    for stat in profile.function_stats:
        if stat.calls is not None:
            key = (stat.file, stat.line, stat.name)
            counted[key] = counted.get(key, 0) + stat.calls
    stats = {}
    for key, sums in totals.items():
        number = counted.get(key, int(sums[0]))
        from_whom = {
            caller: (int(seen), int(seen), own_s, total_s)
            for caller, (seen, own_s, total_s) in callers.get(key, {}).items()
        }
        stats[key] = (number, number, sums[1], sums[2], from_whom)
    return pstats.Stats(_Tree(stats))  # type: ignore[arg-type]  # typeshed knows its profilers only


def _sums(root: CallNode) -> tuple[dict[Key, Sums], dict[Key, dict[Key, Sums]]]:
    """Add up functions, and functions by caller, over the tree."""
    below = _samples_below(root)
    totals: dict[Key, Sums] = {}
    callers: dict[Key, dict[Key, Sums]] = {}
    for node, caller, is_outermost, is_first_call in _calls(root):
        key = _key(node)
        found = [(totals.setdefault(key, [0, 0.0, 0.0]), is_outermost)]
        if caller is not None:
            found.append((callers.setdefault(key, {}).setdefault(caller, [0, 0.0, 0.0]), is_first_call))
        for sums, is_new in found:
            sums[1] += seconds(node.self_s)
            if is_new:  # else it is in the total of the same function further up
                sums[0] += below[id(node)]
                sums[2] += seconds(node.total_s)
    return totals, callers


def _calls(root: CallNode) -> Iterator[tuple[CallNode, Key | None, bool, bool]]:
    """Give each node with its caller, and whether it, and the pair, are not further up already."""
    on_stack: dict[object, int] = {}
    waiting: list[tuple[CallNode, Key | None, bool]] = [(root, None, False)]
    while waiting:
        node, caller, is_seen = waiting.pop()
        key = _key(node)
        if is_seen:
            on_stack[key] -= 1
            on_stack[caller, key] -= 1
            continue
        yield node, caller, not on_stack.get(key), not on_stack.get((caller, key))
        on_stack[key] = on_stack.get(key, 0) + 1
        on_stack[caller, key] = on_stack.get((caller, key), 0) + 1
        waiting.append((node, caller, True))
        waiting.extend((child, key, False) for child in reversed(node.children))


def _samples_below(root: CallNode) -> dict[int, int]:
    """Return for each node, by identity, its samples and those of what it called."""
    order = [root]
    for node in order:
        order.extend(node.children)
    below: dict[int, int] = {}
    for node in reversed(order):
        below[id(node)] = node.samples + sum(below[id(child)] for child in node.children)
    return below


def _key(node: CallNode) -> Key:
    return (node.file, node.line, node.name)
