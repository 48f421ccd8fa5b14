"""A profile as folded stacks: `a;b;c 123` a line, in microseconds of wall time.

The form that Brendan Gregg's flamegraph.pl reads (https://github.com/brendangregg/FlameGraph),
and with it speedscope, inferno and others.
"""

from __future__ import annotations

import re

from kosmos_nb.history import CallNode, ProfileResult
from kosmos_nb.reporters.threads import seconds, split_threads

_NOT_SAFE = re.compile(r"[\x00-\x20\x7f\x85\xa0\u2028\u2029]+")


def collapsed(profile: ProfileResult) -> str:
    """Return one line for each stack that took half a microsecond or more, as text.

    Where other threads were seen, each line begins with the thread's name.
    """
    assert profile.tree is not None
    threads = split_threads(profile.tree)
    lines: list[str] = []
    for name, root in threads:
        above = [_safe(name)] if len(threads) > 1 and not root.is_thread else []
        lines += _lines(root, above)
    return "".join(f"{line}\n" for line in lines)


def _lines(root: CallNode, above: list[str]) -> list[str]:
    lines = []
    stack = list(above)
    waiting = [(len(above), root)]
    while waiting:
        depth, node = waiting.pop()
        del stack[depth:]
        stack.append(_shown(node))
        weight_us = round(seconds(node.self_s) * 1e6)
        if weight_us:
            lines.append(f"{';'.join(stack)} {weight_us}")
        waiting.extend((depth + 1, child) for child in reversed(node.children))
    return lines


def _shown(node: CallNode) -> str:
    return _safe(node.name if node.is_thread else f"{node.name} ({node.file}:{node.line})")


def _safe(name: str) -> str:
    """Return the name without what would end a frame or a line."""
    return _NOT_SAFE.sub(" ", name).replace(";", ":").strip() or "?"
