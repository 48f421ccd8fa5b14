"""Making a database, or bringing an old one up to date, with a backup before that.

The write lock is held all the while. SQLAlchemy and Alembic (0.5 s of CPU, which the
user's first cells would feel) are imported only where there is something to migrate; a new
database is made from `schema.sql`.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from kosmos_nb.core import uuid7
from kosmos_nb.history.backup import back_up
from kosmos_nb.history.failures import StoreUnavailableError, damaged, is_damage, reason

# Alembic keeps the migration under way in names of its module: one at a time.
_migrating = Lock()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What was done to a database so that this version can write to it.

    Attributes:
        before: Its revision before; None where it was made anew.
        after: Its revision now.
        backup: What it was before; None where it was made anew.
    """

    before: str | None
    after: str
    backup: Path | None


def version(connection: sqlite3.Connection) -> str | None:
    """Return Alembic's stamp, None for a database without one."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(query).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether nothing was ever made in the database."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def make(connection: sqlite3.Connection, head: str) -> None:
    """Make everything in an empty database, as the migrations up to `head` would."""
    text = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
    for statement in text.split("\n;\n"):
        connection.execute(statement)  # not `executescript`, which would end the transaction
    connection.execute("INSERT INTO alembic_version VALUES (?)", (head,))
    connection.execute("INSERT INTO meta VALUES ('origin', ?)", (uuid7(),))


def migrate(connection: sqlite3.Connection, head: str) -> None:
    """Run the migrations up to `head` in the transaction that is open on `connection`.

    Raises:
        sqlite3.Error: One of them failed.
    """
    # These take half a second to import: only an old database needs them.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("sqlite://", creator=lambda: Borrowed(connection), poolclass=StaticPool)
    with _migrating, engine.connect() as borrowed:
        config.attributes["connection"] = borrowed
        try:
            command.upgrade(config, head)
        except DBAPIError as error:
            if error.orig is None:
                raise
            raise error.orig from error


class Borrowed:
    """The open connection, lent to SQLAlchemy without the right to end its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave it to the owner."""

    def rollback(self) -> None:
        """Leave it to the owner, who rolls back when an error passes."""

    def close(self) -> None:
        """Leave it to the owner."""


def bring_up_to_date(
    connection: sqlite3.Connection, path: Path, head: str, known: frozenset[str]
) -> Upgrade | None:
    """Make, or back up and migrate, within one immediate transaction; who comes second finds it done.

    Args:
        connection: On the database, outside a transaction.
        path: The database.
        head: The revision to reach.
        known: The revisions that can be migrated, and `head`.

    Returns:
        What was done; None where nothing was to be done.

    Raises:
        StoreUnavailableError: It cannot be done, or a newer kosmos_nb made it; nothing has changed.
        OSError, sqlite3.Error: A new one cannot be made, or the database is damaged.
    """
    before = backup = done = None
    connection.execute("BEGIN IMMEDIATE")
    try:
        before = version(connection)
        if before == head:
            return None
        if before is not None and before not in known:
            raise StoreUnavailableError(
                f"The history {path} was written by a newer kosmos_nb (revision {before}, "
                f"this one knows {head}). Upgrade kosmos_nb to write to it."
            )
        if is_empty(connection):
            make(connection, head)
        elif before is None:
            raise damaged(path, "it has tables, but no revision")
        else:
            backup = back_up(path, before)
            migrate(connection, head)
        connection.execute("COMMIT")
        done = Upgrade(before, head, backup)
        return done
    except (sqlite3.Error, OSError) as error:
        if is_damage(error) or before is None:
            raise
        what = "backup before it" if backup is None else "migration"
        raise StoreUnavailableError(
            f"The history {path} is not upgraded from revision {before} to {head}, because the {what} "
            f"failed: {reason(error)}"
        ) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if backup is not None and done is None:
            _forget(backup, connection, before)


def _forget(backup: Path, connection: sqlite3.Connection, revision: str | None) -> None:
    """Remove the backup of what did not change; else each try of a failing migration leaves one."""
    with suppress(sqlite3.Error, OSError):
        if version(connection) == revision:
            backup.unlink()
