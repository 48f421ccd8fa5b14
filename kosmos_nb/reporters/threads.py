"""What the exports share: a tree taken apart by thread, numbers that every reader takes."""

from __future__ import annotations

import dataclasses
import math

from kosmos_nb.history import CallNode

MAIN_THREAD = "main thread"


def split_threads(root: CallNode) -> list[tuple[str, CallNode]]:
    """Return one tree a thread, by name: first the one that ran the code, then the others."""
    others = [child for child in root.children if child.is_thread]
    if not others:
        return [(MAIN_THREAD, root)]
    kept = tuple(child for child in root.children if not child.is_thread)
    own = dataclasses.replace(
        root, children=kept, total_s=root.self_s + math.fsum(child.total_s for child in kept)
    )
    return [(MAIN_THREAD, own), *((child.name, child) for child in others)]


def seconds(value: float) -> float:
    """Return the value, or 0 where it is no time: other programs know no NaN and no infinity."""
    return value if math.isfinite(value) and value > 0 else 0.0
