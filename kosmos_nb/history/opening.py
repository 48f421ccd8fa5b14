"""Opening the database: its settings, its version, its first day and its worst day.

An up-to-date database is recognised by one read with `sqlite3`; all else is in `upgrading.py`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from kosmos_nb.core import HistoryError
from kosmos_nb.history import damage, failures
from kosmos_nb.history.failures import Connection, DamagedError, StoreUnavailableError
from kosmos_nb.history.files import make_private, private_folder
from kosmos_nb.history.filesystem import network_mount
from kosmos_nb.history.upgrading import Upgrade, bring_up_to_date, is_empty, migrate, version

FILE_NAME = "history.sqlite"
HEAD = "0004"
KNOWN = frozenset({"0001", "0002", "0003", HEAD})
BUSY_S = 5.0

__all__ = [
    "BUSY_S",
    "FILE_NAME",
    "HEAD",
    "KNOWN",
    "DamagedError",
    "StoreUnavailableError",
    "Upgrade",
    "connect",
    "connect_to_read",
    "explain",
    "is_up_to_date",
    "migrated_copy",
    "set_aside",
    "upgrade_database",
    "was_made",
]


def connect(folder: Path) -> sqlite3.Connection:
    """Open the history in `folder` for writing, made or brought up to date where needed.

    Raises:
        DamagedError: The file is damaged.
        StoreUnavailableError: It cannot be opened or written, a newer kosmos_nb made it, or it is
            on a network file system.
    """
    connection, _ = _connect(folder)
    return connection


def upgrade_database(folder: Path) -> Upgrade | None:
    """Make the history in `folder`, or bring it up to date, as saving the next record would.

    Returns:
        What was done; None where it is up to date already.

    Raises:
        StoreUnavailableError: It cannot be done; nothing has changed.
    """
    connection, done = _connect(folder)
    connection.close()
    return done


def _connect(folder: Path) -> tuple[sqlite3.Connection, Upgrade | None]:
    path = folder / FILE_NAME
    connection: sqlite3.Connection | None = None
    done: Upgrade | None = None
    try:
        private_folder(folder)
        _refuse_network(path)
        make_private(path)
        _refuse_read_only(path)
        # One connection is used by the background thread and, for `save`, by the caller: the
        # store holds a lock around each use.
        connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False, factory=Connection
        )
        _use_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if not is_up_to_date(connection):
            done = bring_up_to_date(connection, path, HEAD, KNOWN)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, (sqlite3.Error, OSError)):
            raise explain(error, path) from error
        raise
    return connection, done


def connect_to_read(folder: Path, *, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the history in `folder` for reading only; wait no longer than `busy_s` for another's lock.

    Raises:
        StoreUnavailableError: There is none, it cannot be read, or it is on a network file system.
        DamagedError: The file is damaged.
    """
    path = folder / FILE_NAME
    connection = _connect_to_read(path, busy_s)
    if is_empty(connection):
        connection.close()
        raise StoreUnavailableError(
            f"The history {path} is empty: it could not be made when it was begun. Free some space on its "
            "disk, and make its folder writable."
        )
    return connection


def was_made(folder: Path) -> bool:
    """Return whether there is something to be read: more than a file that nothing could be made in."""
    path = folder / FILE_NAME
    if not path.is_file():
        return False
    with suppress(HistoryError), closing(_connect_to_read(path, BUSY_S)) as connection:
        return not is_empty(connection)
    return True


def _connect_to_read(path: Path, busy_s: float) -> sqlite3.Connection:
    # Not even to read: without the log's index the newest records would be missing unsaid, and
    # what another machine is writing just then would look like damage, and be set aside.
    _refuse_network(path)
    address = "file:" + quote(str(path.absolute()))
    try:
        try:
            return _read_only(f"{address}?mode=ro", busy_s)
        except sqlite3.OperationalError as error:
            # A folder that cannot be written has no place for the index of the WAL. The file
            # is then read as it lies there; a lock, or anything else, is an error.
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            _refuse_log(path)
            return _read_only(f"{address}?mode=ro&immutable=1", busy_s)
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _read_only(address: str, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address,
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    connection.row_factory = sqlite3.Row
    # A byte that is damaged makes a text that is none: the others can be read, and checksums find it.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        version(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _refuse_network(path: Path) -> None:
    mount = network_mount(path)
    if mount is not None:
        raise StoreUnavailableError(
            f"The history {path.parent} is on a network file system ({mount}), where SQLite cannot share "
            "a database between processes. Set KOSMOS_HOME to a local folder, and move what lies in "
            f"{path.parent} there."
        )


def _refuse_log(path: Path) -> None:
    """Do not read beside a log: what was saved last is in it, and would be missing unsaid."""
    log = Path(os.path.realpath(path) + "-wal")
    if log.exists() and log.stat().st_size:
        raise StoreUnavailableError(
            f"The history {path} cannot be read where it lies: its newest records are in {log.name}, which "
            "SQLite opens only in a folder that it can write to. Make the folder writable, or set "
            "KOSMOS_HOME to a copy of it."
        )


def _refuse_read_only(path: Path) -> None:
    """Without this SQLite opens it to read, and goes on saying so when it can be written again."""
    if path.exists() and not os.access(path, os.W_OK):  # a link may lead to nothing yet
        raise StoreUnavailableError(
            f"The history {path} is read-only. Make it and its folder writable, or set KOSMOS_HOME to a "
            "folder that is."
        )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait for a lock here, so we do."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            # A file system without shared memory: SQLite stays with a rollback journal, which
            # is as safe, and slower.
            connection.execute("PRAGMA journal_mode=DELETE")
        return


def migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return an older history brought up to date in memory: for one that is there only to be read.

    Args:
        connection: On it, for reading; it is closed. One of this version, or of a newer one, is returned.
    """
    before = version(connection)
    if before == HEAD or before not in KNOWN:
        return connection
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Connection)
    connection.backup(copy)
    connection.close()
    copy.execute("BEGIN IMMEDIATE")
    migrate(copy, HEAD)
    copy.execute("COMMIT")
    copy.row_factory = sqlite3.Row
    return copy


def is_up_to_date(connection: sqlite3.Connection) -> bool:
    """Return whether the database has the tables of this version."""
    return version(connection) == HEAD


def set_aside(folder: Path) -> Path | None:
    """Give a damaged database a new name, so that a new one can begin.

    Returns:
        The new path; None where another process was quicker and the history works again.

    Raises:
        StoreUnavailableError: The files cannot be renamed.
    """
    path = folder / FILE_NAME
    try:
        return damage.set_aside(path, HEAD)
    except OSError as error:
        raise failures.explain(error, path) from error


def explain(error: BaseException, path: Path) -> HistoryError:
    """Turn what `sqlite3` or the system raised into the error of this room.

    What SQLite says of statements that were always valid, it says of damaged tables.
    """
    if failures.is_odd(error) and damage.is_damaged(path, HEAD):
        return failures.damaged(path, " ".join(str(error).split()))
    return failures.explain(error, path)
