"""The history's tables as Arrow, kept in memory and brought up to date by what is new.

Records never change, and numbers in order of commit say which are new: a refresh reads those
rows only, and only of the tables that a query names.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

# Child table: (its record's table, its column of the record's id).
OWNERS = {
    "function_stats": ("executions", "execution_id"),
    "line_stats": ("executions", "execution_id"),
    "bottlenecks": ("executions", "execution_id"),
    "child_processes": ("executions", "execution_id"),
    "allocation_sites": ("executions", "execution_id"),
    "inputs": ("executions", "execution_id"),
    "hypotheses": ("runs", "run_id"),
    "experiments": ("runs", "run_id"),
    "verdicts": ("runs", "run_id"),
}
TABLES = tuple(
    name
    for main in ("executions", "codes", "environments", "annotations", "runs", "llm_calls")
    for name in (main, *(one for one in OWNERS if OWNERS[one][0] == main))
)

_BATCH_ROWS = 50_000
_MANY_CHUNKS = 64
_ARROW = {
    "TEXT": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: pa.DataType
    convert: Callable[[Iterable[Any]], list[Any]] = list


@dataclass(slots=True)
class _Copy:
    """What is here of one table: records up to number `mark`, which were `n_records`."""

    mark: int = 0
    n_records: int = 0
    columns: list[_Column] = field(default_factory=list)
    table: pa.Table | None = None


class Mirror:
    """Arrow copies of the store's tables."""

    def __init__(self) -> None:
        self._origin: str | None = None
        self._copies: dict[str, _Copy] = {}

    def refresh(self, connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, pa.Table]:
        """Bring the named tables up to date.

        Args:
            connection: On the store, within a transaction.
            names: Out of `TABLES`.

        Returns:
            Each table as the transaction sees it. Stamps are UTC timestamps without a zone, under
            their name without `_us`; lists are joined with `;`.
        """
        connection.row_factory = None
        (origin,) = connection.execute("SELECT content FROM meta WHERE key = 'origin'").fetchone()
        if origin != self._origin:
            self._origin, self._copies = origin, {}
        return {name: self._refresh(connection, name) for name in names}

    def _refresh(self, connection: sqlite3.Connection, name: str) -> pa.Table:
        main, owner = OWNERS.get(name, (name, ""))
        columns = _columns(connection, name)
        copy = self._copies.get(name, _Copy())
        count = f"SELECT count(*) FROM {main} WHERE seq <= ?"  # noqa: S608 - a name of ours
        is_whole = connection.execute(count, (copy.mark,)).fetchone()[0] == copy.n_records
        if not is_whole or copy.columns != columns:  # records were erased; the store was migrated
            copy = _Copy()
        if copy.table is None:
            copy.columns = columns
            copy.table = pa.schema([(c.name, c.kind) for c in copy.columns]).empty_table()
        high, total = connection.execute(f"SELECT coalesce(max(seq), 0), count(*) FROM {main}").fetchone()  # noqa: S608
        if high > copy.mark:
            rows = connection.execute(_query(name, main, owner), (copy.mark, high))
            batches = []
            while some := rows.fetchmany(_BATCH_ROWS):
                batches.append(_batch(copy.columns, some))
            copy.table = pa.concat_tables([copy.table, pa.Table.from_batches(batches, copy.table.schema)])
            if copy.table.column(0).num_chunks > _MANY_CHUNKS:
                copy.table = copy.table.combine_chunks()
        copy.mark, copy.n_records = high, total
        self._copies[name] = copy
        return copy.table


def _query(name: str, main: str, owner: str) -> str:
    if not owner:
        return f"SELECT * FROM {name} WHERE seq > ? AND seq <= ? ORDER BY seq"  # noqa: S608
    # CROSS JOIN makes SQLite begin with the few new records, not with the many child rows.
    return (
        f"SELECT c.* FROM {main} m CROSS JOIN {name} c ON c.{owner} = m.id "  # noqa: S608
        "WHERE m.seq > ? AND m.seq <= ? ORDER BY m.seq, c.position"
    )


def _columns(connection: sqlite3.Connection, name: str) -> list[_Column]:
    columns = []
    for _, column, declared, *_ in connection.execute(f"PRAGMA table_info({name})"):
        if column.endswith("_at_us"):
            columns.append(_Column(column.removesuffix("_us"), pa.timestamp("us")))
        elif declared == "JSON":
            columns.append(_Column(column, pa.string(), _joined))
        elif declared == "BOOLEAN":
            columns.append(_Column(column, pa.bool_(), _booleans))
        else:
            columns.append(_Column(column, _ARROW[declared]))
    return columns


def _joined(values: Iterable[Any]) -> list[Any]:
    return [";".join(json.loads(value)) if value.startswith("[") else value for value in values]


def _booleans(values: Iterable[Any]) -> list[Any]:
    return [None if value is None else bool(value) for value in values]


def _batch(columns: list[_Column], rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    arrays = [
        pa.array(column.convert(values), column.kind)
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    return pa.record_batch(arrays, schema=pa.schema([(c.name, c.kind) for c in columns]))
