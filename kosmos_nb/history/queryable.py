"""The names that a query can use, told in milliseconds: for the Tab key.

`describe` tells more, and imports SQLAlchemy for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

from kosmos_nb.history.describe import INNER
from kosmos_nb.history.views import VIEWS

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


@cache
def queryable() -> Mapping[str, tuple[str, ...]]:
    """Return the columns of every view and table that a query can name, the views first."""
    views = {name: tuple(column.name for column in view.columns) for name, view in VIEWS.items()}
    return {**views, **_tables()}


def _tables() -> dict[str, tuple[str, ...]]:
    """Read the names from the history's own schema, made anew in memory."""
    schema = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        names = [name for (name,) in connection.execute(_TABLES) if name not in INNER]
        return {
            name: tuple(
                column.removesuffix("_us") if column.endswith("_at_us") else column
                for _, column, *_ in connection.execute(f"PRAGMA table_info({name})")
            )
            for name in names
        }
