"""A record's rows as they lie in the tables, and whether they are still what was saved."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from kosmos_nb.history.checksum import checksum, environment_hash, text_hash
from kosmos_nb.history.rows import Kind, Row, Rows

# The table of each kind of record, those of its parts, and their column of its id.
MAIN: Mapping[Kind, str] = {"profile": "executions", "run": "runs", "llm_call": "llm_calls"}
CHILDREN: Mapping[Kind, tuple[str, ...]] = {
    "profile": (
        "function_stats",
        "line_stats",
        "bottlenecks",
        "child_processes",
        "allocation_sites",
        "inputs",
        "blobs",
    ),
    "run": ("hypotheses", "experiments", "verdicts"),
    "llm_call": (),
}
OWNER: Mapping[Kind, str] = {"profile": "execution_id", "run": "run_id", "llm_call": ""}
# Rows that records share, by the column of the record that names theirs.
SHARED = {"source_hash": "codes", "environment_hash": "environments"}


def rows_of(connection: sqlite3.Connection, kind: Kind, record_id: str) -> Rows | None:
    """Return the rows of one record, with those that it shares; None where there is none.

    Args:
        connection: On the store, with `sqlite3.Row` rows, within a transaction.
        kind: What the record is.
        record_id: Its id.
    """
    main = _rows(connection, f"SELECT * FROM {MAIN[kind]} WHERE id = ?", record_id)  # noqa: S608
    if not main:
        return None
    rows: Rows = {MAIN[kind]: main}
    for child in CHILDREN[kind]:
        order = "part" if child == "blobs" else "position"
        query = f"SELECT * FROM {child} WHERE {OWNER[kind]} = ? ORDER BY {order}"  # noqa: S608
        rows[child] = _rows(connection, query, record_id)
    query = "SELECT * FROM annotations WHERE entity_id = ? ORDER BY at_us, id"
    rows["annotations"] = _rows(connection, query, record_id)
    for column, table in SHARED.items():
        if main[0].get(column):
            query = f"SELECT * FROM {table} WHERE hash = ?"  # noqa: S608
            rows[table] = _rows(connection, query, main[0][column])
    return rows


def is_intact(rows: Rows) -> bool:
    """Whether a record is what was saved; true of records from before there were checksums."""
    main = next(iter(rows.values()))[0]
    if not main.get("checksum"):
        return True
    for column, table in SHARED.items():
        if main.get(column) and not (rows.get(table) and is_sound(table, rows[table][0])):
            return False
    return bool(checksum(rows) == main["checksum"])


def is_sound(table: str, row: Row) -> bool:
    """Whether a row that records share is what its hash says."""
    return bool(row["hash"] == (text_hash(row["code"]) if table == "codes" else environment_hash(row)))


def _rows(connection: sqlite3.Connection, query: str, record_id: str) -> list[Row]:
    return [dict(row) for row in connection.execute(query, (record_id,))]
