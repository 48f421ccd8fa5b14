"""Salvage: every record of a damaged history that is still what was saved, into the present one.

The rows that are left of the damaged file are put into a scratch database, each in the table that it
fits; so they can be asked as ever. A record whose checksum agrees is then saved like any other: one that
is there already changes nothing, and one that was erased does not come back. The damaged file is read only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kosmos_nb.core import HistoryError
from kosmos_nb.history.damage import DAMAGED
from kosmos_nb.history.failures import Connection, explain
from kosmos_nb.history.files import identity
from kosmos_nb.history.opening import HEAD, KNOWN, migrated_copy
from kosmos_nb.history.pages import PageRows, Pages, Value
from kosmos_nb.history.records import Salvaged, Watch
from kosmos_nb.history.rows import Bundle, Kind
from kosmos_nb.history.store import Store
from kosmos_nb.history.stored import CHILDREN, MAIN, OWNER, is_intact, rows_of

_FITS: dict[str, tuple[type, ...]] = {
    "TEXT": (str,),
    "JSON": (str,),
    "BIGINT": (int,),
    "INTEGER": (int,),
    "BOOLEAN": (int,),
    "FLOAT": (float, int),  # SQLite writes a whole number as one
    "BLOB": (bytes,),
}
_BURY = "INSERT INTO tombstones (id, origin, at_us) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that rows may belong to.

    Attributes:
        name: Its name.
        has_numbers: Whether its rows have numbers, which SQLite keeps apart from the values.
        names: Its columns.
        kinds: What each may hold.
        least: So many values each row has; the columns after them have a default.
    """

    name: str
    has_numbers: bool
    names: tuple[str, ...]
    kinds: tuple[tuple[type, ...], ...]
    least: int

    def fits(self, row: tuple[Value, ...]) -> bool:
        return self.least <= len(row) <= len(self.names) and all(map(isinstance, row, self.kinds))


def salvage(store: Store, file: Path, watch: Watch) -> Salvaged:
    """Copy what is sound of a damaged history into the present one.

    Args:
        store: The present history.
        file: The damaged database; its log, if it has one, lies beside it.
        watch: Told of pages read, and of records checked.

    Raises:
        HistoryError: The file cannot be read, or the present history cannot be written.
    """
    if identity(file) is None or identity(file) == identity(store.path):
        what = "is the history in use, not a damaged copy of it" if file.is_file() else "is not there"
        raise HistoryError(
            f"{file} {what}; `kosmos history salvage` without a file takes all damaged copies."
        )
    scratch = _like(store, file)
    try:
        _fill(scratch, file, watch)
        scratch = migrated_copy(scratch)
        return _copy(scratch, store, file, watch)
    except OSError as error:
        raise explain(error, file) from error
    finally:
        scratch.close()


def damaged_copies(folder: Path) -> list[Path]:
    """Return the databases that were set aside in a history's folder, oldest first."""
    return sorted(folder.glob(DAMAGED))


def _like(store: Store, file: Path) -> sqlite3.Connection:
    """Return an empty database with the damaged one's tables: on the disk, and gone when it is closed."""
    version, statements = _told(file)
    if version not in KNOWN - {HEAD}:  # one that does not say is taken for one of this version
        with store.connected() as present:
            version, statements = HEAD, _statements(present)
    scratch = sqlite3.connect("", isolation_level=None)
    scratch.row_factory = sqlite3.Row
    for statement in statements:
        scratch.execute(statement)
    scratch.execute("INSERT INTO alembic_version VALUES (?)", (version,))
    return scratch


def _told(file: Path) -> tuple[str, list[str]]:
    """Return version and tables, where the damaged file still tells them."""
    address = f"file:{quote(str(file.absolute()))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True, factory=Connection)) as damaged:
            (version,) = damaged.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(version), _statements(damaged)
    except (sqlite3.Error, TypeError):
        return "", []


def _statements(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    return [sql for name, sql in rows if not name.startswith("sqlite_")]


def _fill(scratch: sqlite3.Connection, file: Path, watch: Watch) -> None:
    """Put every row that is left into the table that it fits."""
    tables = sorted(_tables(scratch), key=lambda table: len(table.names))
    scratch.execute("BEGIN")
    with Pages(file) as pages:
        for n, page in enumerate(pages.rows()):
            if page is not None:
                _insert(scratch, tables, page)
            watch("pages read", n + 1, len(pages))
    scratch.execute("COMMIT")


def _tables(scratch: sqlite3.Connection) -> Iterator[_Table]:
    wanted = {*MAIN.values(), *(child for some in CHILDREN.values() for child in some)}
    for name in (*wanted, "codes", "environments", "annotations", "tombstones"):
        columns = scratch.execute(f"PRAGMA table_info({name})").fetchall()
        if not columns:
            continue
        kinds = []
        for column in columns:
            # SQLite keeps the row's number for its first column, which then is empty.
            is_number = column["name"] == "seq"
            may_miss = (type(None),) if is_number or not column["notnull"] else ()
            kinds.append(may_miss if is_number else (*_FITS[column["type"]], *may_miss))
        least = len(columns)
        while columns[least - 1]["dflt_value"] is not None or not columns[least - 1]["notnull"]:
            least -= 1
        names = tuple(column["name"] for column in columns)
        yield _Table(name, "seq" in names, names, tuple(kinds), least)


def _insert(scratch: sqlite3.Connection, tables: list[_Table], page: PageRows) -> None:
    for row in page.rows:
        # The table with the fewest columns that a row fits is its own: only some have a default.
        for table in tables:
            if table.has_numbers == page.of_table and table.fits(row):
                names = ", ".join(table.names[: len(row)])
                marks = ", ".join("?" * len(row))
                scratch.execute(f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES ({marks})", row)  # noqa: S608
                break


def _copy(scratch: sqlite3.Connection, store: Store, file: Path, watch: Watch) -> Salvaged:
    erased = _erased(scratch, store)
    known = [
        (kind, record_id) for kind in MAIN for record_id in _ids(scratch, kind) if record_id not in erased
    ]
    copied = there = unverified = 0
    for n, (kind, record_id) in enumerate(known):
        rows = rows_of(scratch, kind, record_id)
        if rows is not None and is_intact(rows):
            plain = {
                table: [{name: value for name, value in row.items() if name != "seq"} for row in some]
                for table, some in rows.items()
            }
            is_new = store.save(Bundle(kind, record_id, plain))
            copied += is_new
            there += not is_new
            unverified += is_new and not rows[MAIN[kind]][0]["checksum"]
        watch("records checked", n + 1, len(known))
    return Salvaged(
        file=file, records=len(known), copied=copied, present=there, unverified=unverified, erased=len(erased)
    )


def _ids(scratch: sqlite3.Connection, kind: Kind) -> list[str]:
    """Return the ids of all records of which anything is left, in the order in which they were made.

    An id that a single part of a record has may be a damaged one: it does not count.
    """
    seen = [f"SELECT id, 2 AS n FROM {MAIN[kind]}"]  # noqa: S608 - names of ours only
    seen += [f"SELECT {OWNER[kind]}, 1 FROM {child}" for child in CHILDREN[kind]]  # noqa: S608
    query = f"SELECT id FROM ({' UNION ALL '.join(seen)}) GROUP BY id HAVING sum(n) > 1 ORDER BY id"  # noqa: S608
    return [row[0] for row in scratch.execute(query)]


def _erased(scratch: sqlite3.Connection, store: Store) -> set[str]:
    """Let the present history know what was erased from the damaged one; return all that was from either."""
    with store.writing() as connection:
        rows: list[Any] = scratch.execute("SELECT id, origin, at_us FROM tombstones").fetchall()
        connection.executemany(_BURY, [tuple(row) for row in rows])
        return {row[0] for row in connection.execute("SELECT id FROM tombstones")}
