"""Append and fetch: one transaction a record, on SQLite in WAL mode, synchronous=FULL.

Rows are written with plain `sqlite3`. Measured (benchmarks/history/, 1 + 30 rows and a call
tree): a save takes 0.8 ms so and 0.9 ms through SQLAlchemy Core, which would not decide it.
But importing SQLAlchemy and the models takes 0.3 s of CPU in every kernel, in the background
of the user's first cells, where opening and the first save now take 3 ms. The models in
`tables.py` stay the truth about the tables: a test compares them with rows and migrations.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from kosmos_nb.core import HistoryError
from kosmos_nb.history.cells import cell_key
from kosmos_nb.history.files import identity
from kosmos_nb.history.opening import (
    BUSY_S,
    FILE_NAME,
    DamagedError,
    StoreUnavailableError,
    connect,
    connect_to_read,
    explain,
    is_up_to_date,
    migrated_copy,
    set_aside,
)
from kosmos_nb.history.rows import Bundle, Kind, Row, Rows, of_this_version
from kosmos_nb.history.stored import MAIN, SHARED, is_intact, rows_of

GLANCE_S = 0.01
_PAUSE_S = (0.002, 0.006)  # while another writes
_draw = random.Random()  # noqa: S311 - of our own: the user's draws must stay the same
_IS_ERASED = "SELECT 1 FROM tombstones WHERE id = ?"


class Store:
    """The database file of one history folder.

    Args:
        folder: Where `history.sqlite` lies, or will.
        say: Called with one line when a damaged database was set aside.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self._say = say
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._schema = 0
        self._origin = ""
        self._is_unsafe = False

    def save(self, bundle: Bundle) -> bool:
        """Write the record; durable when this returns.

        Returns:
            Whether it was new. An id that is there already changes nothing.

        Raises:
            StoreUnavailableError: The store cannot be opened or written.
            RecordRefusedError: The store does not take this record.
        """
        with self._lock:
            for _ in range(2):
                connection = self._open()
                try:
                    is_new = self._insert(connection, bundle)
                except (sqlite3.Error, OverflowError) as error:
                    failure = explain(error, self.path)
                    if not isinstance(failure, DamagedError):
                        raise failure from error
                    self._begin_anew()
                    continue
                # Another process may have set this file aside while we wrote to it.
                if identity(self.path) == self._opened:
                    return is_new
            raise StoreUnavailableError(f"The history {self.path} was replaced twice during one save.")

    def fetch(self, kind: Kind, record_id: str) -> Rows:
        """Return the rows of one record.

        Raises:
            HistoryError: There is no such record, it is damaged, or the store cannot be read.
        """
        with self.reading() as connection:
            rows = rows_of(connection, kind, record_id)
        if rows is None:
            raise HistoryError(f"The history {self.path} has no {kind} with the id {record_id!r}.")
        if not is_intact(rows):
            raise HistoryError(
                f"The {kind} {record_id} is damaged in {self.path}: it is not what was saved. "
                "`kosmos history verify` says what else is."
            )
        return rows

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a read-only connection within one transaction: one picture of everything.

        Raises:
            HistoryError: The store cannot be read; a damaged one was set aside.
        """
        # The lock is held throughout, so that no connection of ours is open across a fork.
        with self._lock:
            self._prepare_to_read()
            connection = connect_to_read(self.folder)
            try:
                connection = migrated_copy(connection)
                connection.execute("BEGIN")
                yield connection
            except sqlite3.DatabaseError as error:
                failure = explain(error, self.path)
                if isinstance(failure, DamagedError):
                    self._begin_anew()
                raise failure from error
            finally:
                connection.close()

    @contextmanager
    def glance(self) -> Iterator[sqlite3.Connection | None]:
        """Give what `reading` gives, for who must not wait: None where it cannot be had at once.

        So it is while a save is under way, and until the store was made or brought up to date. It is
        the connection that saves, once there is one: to open another takes 0.5 ms.
        """
        if not self._lock.acquire(timeout=GLANCE_S):
            yield None
            return
        connection: sqlite3.Connection | None = None
        has_begun = False
        try:
            there = identity(self.path)
            if there is not None and there == self._opened:
                connection = self._connection
            elif there is not None and not self._is_unsafe:
                with suppress(HistoryError):
                    connection = connect_to_read(self.folder, busy_s=GLANCE_S)
            # The one that saves was brought up to date when it was opened; it may be in use by the caller.
            is_ours = connection is not None and connection is self._connection
            if connection is None or connection.in_transaction:
                yield None
                return
            has_begun = True
            connection.execute(f"PRAGMA busy_timeout = {GLANCE_S * 1000:.0f}")
            yield connection if _is_ready(connection, is_known=is_ours) else None
        except sqlite3.Error as error:
            raise explain(error, self.path) from error
        finally:
            try:
                if connection is not None and connection is not self._connection:
                    connection.close()
                elif connection is not None and has_begun:
                    _end(connection)
                    connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")
            finally:
                self._lock.release()

    @contextmanager
    def inspecting(self) -> Iterator[sqlite3.Connection]:
        """Give a read-only connection to the file as it is: nothing is made, migrated or set aside.

        Raises:
            HistoryError: There is none, or it cannot be opened. What comes after that is `sqlite3`'s own.
        """
        with self._lock, closing(connect_to_read(self.folder)) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within one transaction, which ends with the block: all or nothing.

        Raises:
            HistoryError: The store cannot be written; nothing was.
        """
        with self.connected() as connection:
            patiently(connection, "BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Give the connection that writes, in no transaction; one that is left open is rolled back.

        Raises:
            HistoryError: The store cannot be written.
        """
        with self._lock:
            connection = self._open()
            try:
                yield connection
            except sqlite3.Error as error:
                raise explain(error, self.path) from error
            finally:
                _end(connection)

    def open(self) -> None:
        """Make sure that the store can be written.

        Raises:
            StoreUnavailableError: It cannot.
        """
        with self._lock:
            self._open()

    def set_aside_if_damaged(self) -> None:
        """Keep a damaged database under another name, say so, and let the next call begin a new one.

        Raises:
            StoreUnavailableError: The file cannot be renamed.
        """
        with self._lock:
            if self.path.is_file():
                self._begin_anew()

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        with self._lock:
            self._disconnect()

    def before_fork(self) -> None:
        """Close, and stay closed until the fork is over: SQLite must not be carried across.

        A writer that holds the store longer than it may wait for a lock leaves the child
        without the right to use SQLite; the child's records then go to the spool.
        """
        if self._lock.acquire(timeout=BUSY_S):
            self._disconnect()
        else:
            self._is_unsafe = True

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._is_unsafe:
            self._is_unsafe = False
        else:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin with a lock of our own; the connection was closed before the fork."""
        self._lock = RLock()
        self._opened = None

    def _open(self) -> sqlite3.Connection:
        if self._is_unsafe:
            raise StoreUnavailableError(f"The history {self.path} was in use while this process was forked.")
        if self._connection is not None:
            if identity(self.path) == self._opened and _schema(self._connection) == self._schema:
                return self._connection
            self._disconnect()  # another file, or another version has changed its tables
        try:
            self._connect()
        except DamagedError:
            self._begin_anew()
            self._connect()
        assert self._connection is not None
        return self._connection

    def _connect(self) -> None:
        connection = connect(self.folder)
        try:
            (self._origin,) = connection.execute("SELECT content FROM meta WHERE key = 'origin'").fetchone()
        except (sqlite3.Error, TypeError) as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise explain(error, self.path) from error
            raise StoreUnavailableError(f"The history {self.path} has lost its origin.") from error
        self._connection, self._opened = connection, identity(self.path)
        self._schema = _schema(connection)

    def _disconnect(self) -> None:
        connection, self._connection, self._opened = self._connection, None, None
        if connection is not None:
            connection.close()

    def _prepare_to_read(self) -> None:
        """Make or migrate the store where that is possible; a read-only one is read as it is."""
        try:
            self._open()
        except StoreUnavailableError:
            if self._is_unsafe or not self.path.is_file():
                raise

    def _begin_anew(self) -> None:
        self._disconnect()
        target = set_aside(self.folder)
        if target is not None:
            self._say(
                f"The history was damaged. It is kept as {target}, and a new one has begun. "
                "`kosmos history salvage` copies back what is still sound."
            )

    def _insert(self, connection: sqlite3.Connection, bundle: Bundle) -> bool:
        main = MAIN[bundle.kind]
        patiently(connection, "BEGIN IMMEDIATE")
        try:
            is_new = not connection.execute(_IS_ERASED, (bundle.id,)).fetchone()
            for table, rows in of_this_version(bundle.rows).items() if is_new else ():
                # What was said of a record may be new where the record is not.
                if not rows or not (is_new or table == "annotations"):
                    continue
                stamped = [self._stamped(connection, bundle.kind, rows[0])] if table == main else rows
                cursor = connection.executemany(_insert_sql(table, stamped[0]), stamped)
                if table == main and cursor.rowcount == 0:
                    is_new = False
            connection.execute("COMMIT")
            return is_new
        finally:
            _end(connection)

    def _stamped(self, connection: sqlite3.Connection, kind: Kind, row: Row) -> Row:
        """Add to a record's own row what only the store can know."""
        stamped = {**row, "origin": self._origin}
        if kind == "profile" and not row.get("cell_key"):  # a record that was salvaged has one
            stamped["cell_key"] = cell_key(connection, row)
        return stamped


def _is_ready(connection: sqlite3.Connection, *, is_known: bool) -> bool:
    """Begin a transaction; return whether the store is known to have, or has, the tables of this version."""
    with suppress(sqlite3.Error):
        connection.execute("BEGIN")
        if is_known or is_up_to_date(connection):
            return True
        connection.execute("ROLLBACK")
    return False


def _schema(connection: sqlite3.Connection) -> int:
    """Return SQLite's own number, which grows with every change of the tables; microseconds."""
    try:
        return int(connection.execute("PRAGMA schema_version").fetchone()[0])
    except sqlite3.Error:  # what is to be done with the connection will say why
        return -1


def _end(connection: sqlite3.Connection) -> None:
    """Take back a transaction that is open; SQLite itself has done so after some errors."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def patiently(connection: sqlite3.Connection, statement: str) -> Any:
    """Carry out a statement that no other process may disturb; others are waited for as long as `BUSY_S`.

    SQLite's own waiting lets its pauses grow to 100 ms, so that with eight writers at once some are
    passed over: one save of a hundred took 1 s, and 5 s on a machine with much else to do. With short
    pauses of random length it takes 0.15 s, and 0.5 s.

    Returns:
        Its first row; None where it has none. That of a checkpoint says whether it was kept from its end.

    Raises:
        sqlite3.OperationalError: The time was up first, or something else is wrong.
    """
    deadline = time.monotonic() + BUSY_S
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                row = connection.execute(statement).fetchone()
                if row is None or not row[0] or time.monotonic() > deadline:
                    return row
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(_draw.uniform(*_PAUSE_S))
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")


def _insert_sql(table: str, row: Row) -> str:
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    twice = ""
    if table in (*MAIN.values(), *SHARED.values(), "annotations"):
        twice = f" ON CONFLICT ({'id' if 'id' in row else 'hash'}) DO NOTHING"
    return f"INSERT INTO {table} ({names}) VALUES ({marks}){twice}"  # noqa: S608 - names of ours only
