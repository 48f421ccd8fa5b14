"""What the history has, in words: tables, views, columns, meanings, units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmos_nb.history.views import VIEWS

if TYPE_CHECKING:
    import pandas as pd

_UNITS = (
    ("_s", "s"),
    ("_bytes", "bytes"),
    ("_mb", "MB"),
    ("_ms", "ms"),
    ("_usd", "USD"),
    ("_pct", "%"),
    ("_percent", "%"),
    ("_time", "s"),
    ("_at", "UTC"),
)
# Tables that no query can name.
INNER = ("meta", "blobs", "tombstones", "sync_state", "alembic_version")


def describe() -> pd.DataFrame:
    """Return one row a column that a query can name: `name, kind, column, meaning, unit`."""
    import pandas as pd  # noqa: PLC0415 - 0.2 s; only who asks pays

    from kosmos_nb.history.tables import Base  # noqa: PLC0415 - SQLAlchemy takes 0.3 s

    rows = [
        (name, "view", column.name, column.meaning, unit_of(column.name))
        for name, view in VIEWS.items()
        for column in view.columns
    ]
    for name, table in Base.metadata.tables.items():
        if name in INNER:
            continue
        for column in table.columns:
            shown = column.name.removesuffix("_us") if column.name.endswith("_at_us") else column.name
            rows.append((name, "table", shown, column.comment or "", unit_of(shown)))
    return pd.DataFrame(rows, columns=["name", "kind", "column", "meaning", "unit"])


def unit_of(column: str) -> str:
    """Return the unit that a column's name ends in, empty where it has none."""
    return next((unit for ending, unit in _UNITS if column.endswith(ending)), "")
