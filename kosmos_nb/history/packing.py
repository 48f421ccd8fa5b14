"""Bulk that is only read as a whole: JSON column by column, so that depth costs no recursion, then zstd."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from kosmos_nb.history.records import CallNode, walk

_TREE = ("name", "file", "line", "self_s", "total_s", "self_cpu_s", "samples")
_ZSTD = b"\x28\xb5\x2f\xfd"


def pack(plain: Any) -> bytes:
    """Return compressed JSON."""
    import zstandard  # noqa: PLC0415 - 10 ms; only who saves pays

    return zstandard.compress(json.dumps(plain, separators=(",", ":")).encode())


def unpack(data: bytes) -> Any:
    """Read what `pack` made, here or in the versions that used zlib.

    Raises:
        ValueError: The data are damaged.
    """
    import zstandard  # noqa: PLC0415 - as above

    try:
        return json.loads(zstandard.decompress(data) if data.startswith(_ZSTD) else zlib.decompress(data))
    except (zstandard.ZstdError, zlib.error) as error:
        raise ValueError(f"this cannot be unpacked: {error}") from error


def columns(items: Iterable[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the fields `names` of all items, each as one list."""
    items = list(items)
    return {name: [getattr(item, name) for item in items] for name in names}


def tree_columns(root: CallNode) -> dict[str, list[Any]]:
    """Return the tree's nodes, each before its children, with how many children each has."""
    nodes = [node for _, node in walk(root)]
    return columns(nodes, _TREE) | {"n_children": [len(node.children) for node in nodes]}


def tree_from_columns(found: dict[str, list[Any]]) -> CallNode:
    """Read what `tree_columns` made."""
    built: list[CallNode] = []
    for n in reversed(range(len(found["name"]))):
        children = tuple(built.pop() for _ in range(found["n_children"][n]))
        built.append(CallNode(**{name: found[name][n] for name in _TREE}, children=children))
    (root,) = built
    return root
