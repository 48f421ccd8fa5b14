"""The copy of a database that is made before it is migrated."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from kosmos_nb.core import units
from kosmos_nb.history.failures import Connection, damaged
from kosmos_nb.history.files import make_lasting, make_private

BACKUPS = "history.backup-*.sqlite"
_HALF = ".partial"


def back_up(path: Path, revision: str) -> Path:
    """Copy the database beside itself: checked, on the disk, whole or not there at all.

    Args:
        path: The database. Who calls holds its write lock, and has not written yet.
        revision: What goes into the copy's name.

    Returns:
        The copy, `history.backup-<revision>-<stamp>.sqlite`; one file, this user's alone.

    Raises:
        DamagedError: What was copied is damaged.
        OSError, sqlite3.Error: It cannot be copied; nothing of it is left.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S_%f")
    target = path.with_name(f"history.backup-{revision}-{stamp}.sqlite")
    half = target.with_name(target.name + _HALF)
    try:
        _sweep(path.parent)
        _check_room(path)
        make_private(half)
        _copy(path, half)
        _write_through(half)
        half.rename(target)
        make_lasting(path.parent)
    except BaseException:
        with suppress(OSError):
            _sweep(path.parent)
        raise
    return target


def _sweep(folder: Path) -> None:
    """Remove halves that a crash left: with the write lock held, nobody is making one."""
    for file in folder.glob(f"{BACKUPS}{_HALF}*"):
        file.unlink(missing_ok=True)


def _check_room(path: Path) -> None:
    """Refuse at once what would fill the disk; a store that is down is tried every few seconds.

    Raises:
        OSError: The folder's disk has no room for a second database.
    """
    log = path.with_name(path.name + "-wal")
    needed = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"it needs {units.size(needed)}, and {units.size(free)} are free")


def _copy(path: Path, half: Path) -> None:
    # Not through the connection that holds the lock: SQLite refuses to copy through a writer.
    with (
        closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(half, isolation_level=None, factory=Connection)) as copy,
    ):
        # What a crash leaves is thrown away: no journal, and one fsync in the end.
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # out of WAL, so that one file is all of it
        (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise damaged(path, " ".join(said.split()))


def _write_through(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
