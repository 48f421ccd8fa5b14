"""Which tables and arrays a cell reads, and how large they are when it begins.

By the names in its text, which may be a few too many: what a function of another cell reads is not
seen, and a word in a comment is. Values are asked for their shape, and nothing is imported.
"""

import re
import sys
from collections.abc import Mapping
from math import prod
from typing import Any

from kosmos_nb.history import InputData

MOST_INPUTS = 20
_NAME = re.compile(r"[^\W\d]\w*")
# Module and types; what has not been imported has no values.
_KINDS = (
    ("pandas", ("DataFrame", "Series")),
    ("numpy", ("ndarray",)),
    ("polars", ("DataFrame", "Series")),
    ("pyarrow", ("Table", "RecordBatch")),
)


def inputs_of(source: str, names: Mapping[str, Any]) -> tuple[InputData, ...]:
    """Return the tables and arrays that a source names, by name; the 20 largest of them.

    Args:
        source: Of the cell.
        names: The namespace in which it runs.
    """
    kinds = _kinds()
    if not kinds:
        return ()
    found = []
    for name in sorted(set(_NAME.findall(source))):
        value = names.get(name)
        if value is None or _is_made(name, source):
            continue
        # By its real type: `isinstance` may run code of the value's.
        kind = next((shown for shown, kind in kinds if issubclass(type(value), kind)), None)
        size = _size(value) if kind is not None else None
        if kind is not None and size is not None:
            found.append(InputData(name=name, kind=kind, rows=size[0], columns=size[1]))
    largest = sorted(found, key=lambda one: -one.rows * one.columns)[:MOST_INPUTS]
    return tuple(sorted(largest, key=lambda one: one.name))


def _kinds() -> list[tuple[str, type]]:
    kinds = []
    for module, types in _KINDS:
        loaded = sys.modules.get(module)
        for name in types if loaded is not None else ():
            kind = getattr(loaded, name, None)  # while it is being imported it has not everything yet
            if isinstance(kind, type):
                kinds.append((f"{module}.{name}", kind))
    return kinds


def _is_made(name: str, source: str) -> bool:
    """Return whether a cell gives the name a new value before it reads the old one."""
    at = re.search(rf"^.*?\b{name}\b", source, re.MULTILINE)
    if at is None:
        return False
    line = source[at.start() :].split("\n", 1)[0].strip()
    given = re.match(rf"{name}\s*=(?!=)(.*)", line)
    return given is not None and re.search(rf"\b{name}\b", given[1]) is None


def _size(value: Any) -> tuple[int, int] | None:
    try:
        shape = tuple(value.shape)
        return (int(shape[0]), int(prod(shape[1:]))) if shape else (1, 1)  # some arrays have no dimension
    except Exception:  # a door: a user's subclass may do as it likes
        return None
