"""Opening the database: its settings, its version, its first day and its worst day.

An up-to-date database is recognised by one read with `sqlite3`, and a new one is made from
`schema.sql`: Alembic and SQLAlchemy (0.5 s of CPU, which the user's first cells would feel) are
imported only to bring an old one up to date.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history.files import exclusive, make_lasting, make_private, private_folder

FILE_NAME = "history.sqlite"
HEAD = "0004"
KNOWN = frozenset({"0001", "0002", "0003", HEAD})
BUSY_S = 5.0

# Alembic keeps the migration under way in names of its module: one at a time.
_migrating = Lock()

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class StoreUnavailableError(HistoryError):
    """The store cannot be opened or written now; the record can wait in a spool."""


class DamagedError(StoreUnavailableError):
    """SQLite says that the file is damaged, or no database at all."""


class RecordRefusedError(HistoryError):
    """The store works, but does not take this record; waiting would not help."""


def explain(error: BaseException, path: Path) -> HistoryError:
    """Turn what `sqlite3` or the system raised into the error of this room."""
    said = " ".join(str(error).split())
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _DAMAGED:
        return DamagedError(f"The history {path} is damaged: {said}.")
    if isinstance(error, (sqlite3.OperationalError, OSError)):
        return StoreUnavailableError(f"The history {path} cannot be used: {said}.")
    return RecordRefusedError(f"The history {path} does not take this record: {said}.")


def connect(folder: Path) -> sqlite3.Connection:
    """Open the history in `folder` for writing, made or brought up to date where needed.

    Raises:
        DamagedError: The file is damaged.
        StoreUnavailableError: It cannot be opened or written, or a newer kosmos_nb made it.
    """
    path = folder / FILE_NAME
    connection: sqlite3.Connection | None = None
    try:
        private_folder(folder)
        make_private(path)
        # One connection is used by the background thread and, for `save`, by the caller: the
        # store holds a lock around each use.
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        _use_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if not is_up_to_date(connection):
            _bring_up_to_date(connection, path)
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        raise explain(error, path) from error
    except HistoryError:
        if connection is not None:
            connection.close()
        raise
    return connection


def connect_to_read(folder: Path, *, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the history in `folder` for reading only; wait no longer than `busy_s` for another's lock.

    Raises:
        StoreUnavailableError: There is none, or it cannot be read.
        DamagedError: The file is damaged.
    """
    path = folder / FILE_NAME
    address = "file:" + quote(str(path.absolute()))
    try:
        try:
            return _read_only(f"{address}?mode=ro", busy_s)
        except sqlite3.OperationalError as error:
            # A folder that cannot be written has no place for the index of the WAL. The file
            # is then read as it lies there; a lock, or anything else, is an error.
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            return _read_only(f"{address}?mode=ro&immutable=1", busy_s)
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _read_only(address: str, busy_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        _version(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


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


def _version(connection: sqlite3.Connection) -> str | None:
    """Return Alembic's stamp, None for a database without one."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(query).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return an older history brought up to date in memory: for one that is there only to be read.

    Args:
        connection: On it, for reading; it is closed. One of this version, or of a newer one, is returned.
    """
    version = _version(connection)
    if version == HEAD or version not in KNOWN:
        return connection
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(copy)
    connection.close()
    copy.execute("BEGIN IMMEDIATE")
    _migrate(copy)
    copy.execute("COMMIT")
    copy.row_factory = sqlite3.Row
    return copy


def is_up_to_date(connection: sqlite3.Connection) -> bool:
    """Return whether the database has the tables of this version."""
    return _version(connection) == HEAD


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Migrate within one immediate transaction; who comes second finds it done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version is not None and version not in KNOWN:
            raise StoreUnavailableError(
                f"The history {path} was written by a newer kosmos_nb (revision {version}, "
                f"this one knows {HEAD}). Upgrade kosmos_nb to write to it."
            )
        if _is_empty(connection):
            _make(connection)
        elif version != HEAD:
            _migrate(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def _make(connection: sqlite3.Connection) -> None:
    """Make everything in an empty database, as the migrations would."""
    text = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")
    for statement in text.split("\n;\n"):
        connection.execute(statement)  # not `executescript`, which would end the transaction
    connection.execute("INSERT INTO alembic_version VALUES (?)", (HEAD,))
    connection.execute("INSERT INTO meta VALUES ('origin', ?)", (uuid7(),))


def _migrate(connection: sqlite3.Connection) -> None:
    # These take half a second to import: only an old database needs them.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("sqlite://", creator=lambda: _Borrowed(connection), poolclass=StaticPool)
    with _migrating, engine.connect() as borrowed:
        config.attributes["connection"] = borrowed
        command.upgrade(config, HEAD)


class _Borrowed:
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


def set_aside(folder: Path) -> Path | None:
    """Give a damaged database a new name, together with its log, so that a new one can begin.

    Returns:
        The new path; None where another process was quicker and the history works again.

    Raises:
        StoreUnavailableError: The files cannot be renamed.
    """
    path = folder / FILE_NAME
    try:
        with exclusive(folder / "history.lock"):
            if not _is_damaged(path):
                return None
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S_%f")
            target = folder / f"history.damaged-{stamp}.sqlite"
            for suffix in ("-wal", "-shm", ""):
                part = path.with_name(path.name + suffix)
                if part.exists():
                    part.rename(target.with_name(target.name + suffix))
            make_lasting(folder)
            return target
    except OSError as error:
        raise explain(error, path) from error


def _is_damaged(path: Path) -> bool:
    """Ask SQLite; only who was told of damage comes here, so a full check may take its time."""
    if not path.exists():
        return False
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
