"""Labels and notes that are given to a profile later: rows of their own, of which the newest counts.

A record never changes. What is said of it is added, with who said it and when; taking it back adds an
empty text. The stamp is later than every one before it of the same record, whatever the clock says.
"""

from __future__ import annotations

import getpass
import sqlite3
from typing import Literal

from kosmos_nb.core import HistoryError, SystemClock, uuid7
from kosmos_nb.core.masking import mask

Field = Literal["label", "note"]
LONGEST: dict[Field, int] = {"label": 200, "note": 20_000}  # characters

_LATEST = "SELECT coalesce(max(at_us), 0) FROM annotations WHERE entity_id = ?"
_ADD = (
    "INSERT INTO annotations (id, origin, entity_id, field, value, at_us, author) "
    "VALUES (?, (SELECT content FROM meta WHERE key = 'origin'), ?, ?, ?, ?, ?)"
)


def said(field: Field, first: str) -> str:
    """Return SQL, for SQLite and DuckDB, for what was said last of the execution `e`; NULL if taken back.

    Args:
        field: What is asked.
        first: SQL for what was said when the profile was taken.
    """
    newest = (
        "SELECT a.value FROM annotations a WHERE a.entity_id = e.id "  # noqa: S608 - constants only
        f"AND a.field = '{field}' ORDER BY a.at_us DESC, a.id DESC LIMIT 1"
    )
    return f"nullif(coalesce(({newest}), {first}), '')"


def annotate(connection: sqlite3.Connection, entity_id: str, field: Field, value: str) -> None:
    """Add what was said of a record, within the caller's transaction.

    Raises:
        HistoryError: The text is too long, or no text.
    """
    if not isinstance(value, str):
        raise HistoryError(f"A {field} is a text, not a {type(value).__name__}.")
    if len(value) > LONGEST[field]:
        raise HistoryError(
            f"A {field} has at most {LONGEST[field]:,} characters; this one has {len(value):,}."
        )
    (latest,) = connection.execute(_LATEST, (entity_id,)).fetchone()
    at_us = max(SystemClock().utc_us(), latest + 1)
    text = mask(value).encode("utf-8", "backslashreplace").decode("utf-8")
    connection.execute(_ADD, (uuid7(), entity_id, field, text, at_us, _author()))


def _author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a name for its user
        return ""
