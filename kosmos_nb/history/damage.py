"""A damaged database: being sure of it, and setting it aside so that a new one can begin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kosmos_nb.history.failures import Connection, is_damage, is_odd
from kosmos_nb.history.files import exclusive, make_lasting
from kosmos_nb.history.upgrading import is_empty, make, version

DAMAGED = "history.damaged-*.sqlite"
_WAIT_S = 5.0
_NUMBERS = ("BIGINT", "BOOLEAN", "FLOAT", "INTEGER")


def is_damaged(path: Path, head: str) -> bool:
    """Ask SQLite, and try what is usually done: not all damage is seen by looking.

    This takes its time, so only who was told of damage, or of something that cannot be, asks.

    Args:
        path: The database.
        head: The revision of this kosmos_nb, whose tables are known.
    """
    if not path.exists():
        return False
    try:
        with closing(_connect(path)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                return True
            revision = version(connection)
            _try_to_write(connection, head if revision == head else None)
            return revision is None and not is_empty(connection)
    except sqlite3.Error as error:
        return is_damage(error) or is_odd(error)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, factory=Connection)


def _try_to_write(connection: sqlite3.Connection, revision: str | None) -> None:
    """Write, and take it back: into a new table, and with a revision into each of its tables.

    Raises:
        sqlite3.Error: It cannot be done.
    """
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA defer_foreign_keys=ON")
    connection.execute("CREATE TABLE trial (content)")
    connection.execute("INSERT INTO trial VALUES (zeroblob(50000))")  # takes free pages
    for table, row in _trial_rows(revision) if revision is not None else ():
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])  # noqa: S608
    connection.execute("ROLLBACK")


def _trial_rows(revision: str) -> list[tuple[str, dict[str, object]]]:
    """Return a row of nothing for each table of the revision."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        make(model, revision)
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        tables = [name for (name,) in model.execute(query)]
        return [(table, _trial_row(model, table)) for table in tables]


def _trial_row(model: sqlite3.Connection, table: str) -> dict[str, object]:
    columns = model.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
    # A number of order is given by SQLite.
    return {name: None if name == "seq" else 0 if kind in _NUMBERS else "trial" for name, kind in columns}


def set_aside(path: Path, head: str) -> Path | None:
    """Give a damaged database a new name, together with its log.

    Returns:
        The new path; None where another process was quicker and the history works again.

    Raises:
        OSError: The files cannot be renamed.
    """
    folder = path.parent
    with exclusive(folder / "history.lock"):
        if not is_damaged(path, head):
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S_%f")
        target = folder / DAMAGED.replace("*", stamp)
        for suffix in ("-wal", "-shm", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(target.with_name(target.name + suffix))
        make_lasting(folder)
        return target
