"""What went wrong with the database, said in one line: what happened, and what to do.

HistoryError
├── StoreUnavailableError    the store cannot be used now; records can wait in a spool
│   └── DamagedError         the file is damaged, or no database at all
└── RecordRefusedError       the store works, but does not take this record
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Any

from kosmos_nb.core import HistoryError

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NO_TEXT = "Could not decode to UTF-8"
_FULL = "Free some space on its disk."
_NOT_WRITABLE = "Make its folder writable, or set KOSMOS_HOME to one that is."
_TAKEN = "Another program keeps it locked; end that one's transaction."
_ADVICE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_BUSY: _TAKEN,
    sqlite3.SQLITE_IOERR: "Its disk may be full or failing.",
}
_SYSTEM_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _NOT_WRITABLE,
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.ENOTDIR: "Set KOSMOS_HOME to a folder.",
    errno.EEXIST: "Set KOSMOS_HOME to a folder.",
}


class StoreUnavailableError(HistoryError):
    """The store cannot be opened or written now; the record can wait in a spool."""


class DamagedError(StoreUnavailableError):
    """SQLite says that the file is damaged, or no database at all."""


class RecordRefusedError(HistoryError):
    """The store works, but does not take this record; waiting would not help."""


class Connection(sqlite3.Connection):
    """SQLite's connection, but that damage which cannot be put into words is told as damage.

    SQLite quotes what it found in a damaged schema, and Python cannot decode that.
    """

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement."""
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise _beyond_words() from error

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement for each row."""
        try:
            return super().executemany(*arguments)
        except UnicodeDecodeError as error:
            raise _beyond_words() from error


def _beyond_words() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("malformed database schema")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def explain(error: BaseException, path: Path) -> HistoryError:
    """Turn what `sqlite3` or the system raised into the error of this room."""
    said = _said(error)
    if is_damage(error):
        return damaged(path, said)
    if "has no column named" in said:
        return RecordRefusedError(f"A newer kosmos_nb than that of {path} made this record: {said}.")
    if isinstance(error, (sqlite3.OperationalError, OSError)):
        return StoreUnavailableError(f"The history {path} cannot be used: {reason(error)}")
    return RecordRefusedError(f"The history {path} does not take this record: {said}.")


def damaged(path: Path, said: str) -> DamagedError:
    """Return the error for a file that SQLite calls damaged."""
    return DamagedError(
        f"The history {path} is damaged: {said}. What is damaged is set aside, never deleted, and a new "
        "history begins."
    )


def reason(error: BaseException) -> str:
    """Return what was raised as a sentence, and the advice that goes with it as another."""
    if str(error).startswith(_NO_TEXT):
        advice = "A value in it is damaged."
    elif isinstance(error, OSError):
        advice = _SYSTEM_ADVICE.get(error.errno or 0, "")
    else:
        advice = _ADVICE.get(_code(error), "")
    return f"{_said(error)}. {advice}".rstrip()


def is_damage(error: BaseException) -> bool:
    """Return whether SQLite says that the file is damaged, or no database."""
    return _code(error) in _DAMAGED or str(error) == "unsupported file format"


def is_odd(error: BaseException) -> bool:
    """Return whether it is said of a statement of ours, as of one that is not valid."""
    return isinstance(error, sqlite3.OperationalError) and _code(error) == sqlite3.SQLITE_ERROR


def _said(error: BaseException) -> str:
    said = " ".join(str(error).split()).removesuffix(".")
    return said.partition(" with text ")[0] if said.startswith(_NO_TEXT) else said


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
