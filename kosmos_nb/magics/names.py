"""The tables among the notebook's variables, told by their types and touched no further.

Asking a polars LazyFrame for its columns would resolve its whole plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PACKAGES = {"pandas", "polars", "pyarrow"}
_TYPES = {"DataFrame", "Table", "RecordBatch"}


def is_frame(value: object) -> bool:
    """Whether this is a pandas or polars DataFrame or an Arrow table, or of a type made from one."""
    return any(
        kind.__name__ in _TYPES and kind.__module__.split(".", 1)[0] in _PACKAGES
        for kind in type(value).__mro__
    )


def frame_names(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of the tables that the user made, in order."""
    # A copy: another thread may bind a name meanwhile.
    return sorted(
        name for name, value in dict(namespace).items() if not name.startswith("_") and is_frame(value)
    )


def column_names(frame: Any) -> list[str]:
    """Return the names of a table's columns."""
    columns = frame.schema.names if type(frame).__module__.startswith("pyarrow") else frame.columns
    return [str(column) for column in columns]
