"""A profile in the file format of speedscope (https://www.speedscope.app).

The format: https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources. A sampled
tree has no order in time, so its frames lie side by side, the largest first: what speedscope
calls "Time Order" and "Left Heavy" look alike. One profile a thread and clock; wall comes first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kosmos_nb.history import CallNode, ProfileResult
from kosmos_nb.reporters.threads import seconds, split_threads

SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def speedscope(profile: ProfileResult) -> str:
    """Return the JSON text of a speedscope file; the profile has a call tree."""
    assert profile.tree is not None
    frames = _Frames()
    threads = split_threads(profile.tree)
    profiles = [
        _evented(name if len(threads) > 1 else clock, root, own_s, frames, clock)
        for clock, own_s in (("wall", _wall_s), ("CPU", _cpu_s))
        for name, root in threads
    ]
    file = {
        "$schema": SCHEMA,
        "exporter": "kosmos_nb",
        "name": profile.label or f"{profile.kind} {profile.id}",
        "activeProfileIndex": 0,
        "shared": {"frames": frames.rows},
        "profiles": profiles,
    }
    return json.dumps(file, allow_nan=False)


def _wall_s(node: CallNode) -> float:
    return seconds(node.self_s)


def _cpu_s(node: CallNode) -> float:
    return seconds(node.self_cpu_s)


class _Frames:
    """The frames that all profiles of the file share, each once."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._places: dict[tuple[str, str, int], int] = {}

    def index(self, node: CallNode) -> int:
        key = (node.name, node.file, node.line)
        if key not in self._places:
            self._places[key] = len(self.rows)
            row: dict[str, Any] = {"name": node.name}
            if not node.is_thread:
                row |= {"file": node.file, "line": node.line}
            self.rows.append(row)
        return self._places[key]


def _evented(
    name: str, root: CallNode, own_s: Callable[[CallNode], float], frames: _Frames, clock: str
) -> dict[str, Any]:
    """Open each frame, then what it called, then close it after its own time."""
    events: list[dict[str, Any]] = []
    now_s = 0.0
    waiting = [(root, False)]
    while waiting:
        node, is_seen = waiting.pop()
        if not is_seen:
            events.append({"type": "O", "frame": frames.index(node), "at": now_s})
            waiting.append((node, True))
            waiting.extend((child, False) for child in reversed(node.children))
            continue
        now_s += own_s(node)
        events.append({"type": "C", "frame": frames.index(node), "at": now_s})
    title = name if name == clock else f"{name}, {clock}"
    return {
        "type": "evented",
        "name": title,
        "unit": "seconds",
        "startValue": 0,
        "endValue": now_s,
        "events": events,
    }
