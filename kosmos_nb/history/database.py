"""What lies in a history's folder: the database, its revision, and what is kept beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kosmos_nb.history.backup import BACKUPS
from kosmos_nb.history.damage import DAMAGED
from kosmos_nb.history.failures import StoreUnavailableError
from kosmos_nb.history.opening import FILE_NAME, HEAD, KNOWN, connect_to_read, explain, was_made
from kosmos_nb.history.spool import Spool
from kosmos_nb.history.upgrading import version

_PARTS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file beside the database.

    Attributes:
        path: Where it is.
        disk_bytes: Its size, with that of its log.
    """

    path: Path
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The database of a history, as it lies there.

    Attributes:
        path: Where it is, or will be.
        is_there: Whether it was made.
        revision: The revision of its tables; None where there is none, or it cannot be read.
        head: The revision that this kosmos_nb writes.
        is_newer: Whether a newer kosmos_nb made it, so that this one can only read.
        disk_bytes: Its size, with that of its log.
        spool_bytes: The size of what waits to be saved, or could not be.
        backups: What it was before upgrades, oldest first.
        damaged: Databases that were set aside, oldest first.
        trouble: Why it cannot be read; None where it can.
    """

    path: Path
    is_there: bool
    revision: str | None
    head: str
    is_newer: bool
    disk_bytes: int
    spool_bytes: int
    backups: tuple[KeptFile, ...]
    damaged: tuple[KeptFile, ...]
    trouble: str | None

    @property
    def is_up_to_date(self) -> bool:
        """Whether this kosmos_nb can write to it as it is."""
        return self.revision == self.head


def database_state(folder: Path) -> DatabaseState:
    """Look at the history in `folder`; nothing is made, upgraded or set aside."""
    path = folder / FILE_NAME
    is_there = was_made(folder)
    revision = trouble = None
    if is_there:
        try:
            revision = _revision(folder)
        except StoreUnavailableError as error:
            trouble = str(error)
    return DatabaseState(
        path=path,
        is_there=is_there,
        revision=revision,
        head=HEAD,
        is_newer=revision is not None and revision not in KNOWN,
        disk_bytes=_disk_bytes(path),
        spool_bytes=Spool(folder).disk_bytes(),
        backups=_kept(folder, BACKUPS),
        damaged=_kept(folder, DAMAGED),
        trouble=trouble,
    )


def _revision(folder: Path) -> str | None:
    try:
        with closing(connect_to_read(folder)) as connection:
            return version(connection)
    except sqlite3.Error as error:
        raise explain(error, folder / FILE_NAME) from error


def _kept(folder: Path, pattern: str) -> tuple[KeptFile, ...]:
    found = sorted(folder.glob(pattern), key=lambda file: file.stat().st_mtime)
    return tuple(KeptFile(file, _disk_bytes(file)) for file in found)


def _disk_bytes(path: Path) -> int:
    parts = [path.with_name(path.name + part) for part in _PARTS]
    return sum(part.stat().st_size for part in parts if part.is_file())
