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
_GIVEN = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)")
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
    for name in _read(source):
        value = names.get(name)
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


def _read(source: str) -> list[str]:
    """Return the names in a source, without those that get a new value before the old one is read."""
    is_read: dict[str, bool] = {}
    for line in source.split("\n"):
        given = _GIVEN.match(line)
        for name in _NAME.findall(line, given.end() if given is not None else 0):
            is_read.setdefault(name, True)
        if given is not None:
            is_read.setdefault(given[1], False)
    return sorted(name for name in is_read if is_read[name])


def _size(value: Any) -> tuple[int, int] | None:
    try:
        shape = tuple(value.shape)
        return (int(shape[0]), int(prod(shape[1:]))) if shape else (1, 1)  # some arrays have no dimension
    except Exception:  # a door: a user's subclass may do as it likes
        return None
