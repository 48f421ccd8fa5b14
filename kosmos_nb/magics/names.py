"""The tables among the notebook's variables, told by their types and touched no further.

Asking a polars LazyFrame for its columns would resolve its whole plan.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from kosmos_nb.core import ResearchError

_PACKAGES = {"pandas", "polars", "pyarrow"}
_TYPES = {"DataFrame", "Table", "RecordBatch"}
ROWS_FOR_LEVELS, MOST_LEVELS = 1_000, 30


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


def frame_named(name: str | None, namespace: Mapping[str, Any], *, how: str) -> Any:
    """Return the notebook's variable of that name.

    Args:
        name: As it was typed, None where it was not. namespace: The notebook's variables.
        how: What to type, for the message.

    Raises:
        ResearchError: There is none; the message suggests what there is.
    """
    frames = frame_names(namespace)
    if name is None:
        known = f" Tables here: {', '.join(frames)}." if frames else ""
        raise ResearchError(f"Which data? Name a DataFrame: {how}.{known}")
    if name in namespace:
        return namespace[name]
    near = difflib.get_close_matches(name, frames, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "Load the data into a DataFrame of that name first."
    raise ResearchError(f"The data are to be {name!r}, but there is no such variable. {hint}")


def names_in(values: Sequence[str] | None, frame: Any) -> list[str]:
    """Return the columns that `A,B` names, of each value of a repeated option; a comma may be in a name."""
    known = set(column_names(frame)) if is_frame(frame) else set()
    found = []
    for value in values or ():
        several = (name if name in known else name.strip() for name in value.split(","))
        found += [value] if value in known else [name for name in several if name]
    return found


def level_names(frame: Any) -> list[str]:
    """Return the texts among the first rows of each column that has few of them, as a `--reference`."""
    is_arrow = type(frame).__module__.startswith("pyarrow")
    first = frame.slice(0, ROWS_FOR_LEVELS).to_pydict() if is_arrow else frame.head(ROWS_FOR_LEVELS)
    found: dict[str, None] = {}
    for column in first if is_arrow else first.columns:
        levels = {value for value in first[column] if isinstance(value, str)}
        if len(levels) <= MOST_LEVELS:
            found.update(dict.fromkeys(sorted(levels)))
    return list(found)
