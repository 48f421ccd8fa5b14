"""Erasing: rows, and then the text itself, out of every file of the history.

SQLite forgets a row by no longer pointing to it. So what goes is overwritten (`secure_delete`); the file is
rewritten, because SQLite's own moving about leaves copies of rows in its pages that nothing overwrites; and
the log, which holds the pages as they were, is emptied. The last has to wait for whoever still reads the
history as it was.

Of each record a tombstone stays, its id alone, so that no spool and no server brings it back.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kosmos_nb.core import HistoryError, SystemClock
from kosmos_nb.history.choosing import Choice, Chosen, choose
from kosmos_nb.history.opening import DamagedError, set_aside
from kosmos_nb.history.records import Erased
from kosmos_nb.history.spool import Spool
from kosmos_nb.history.store import Store, patiently
from kosmos_nb.history.stored import MAIN

# Copies of the whole history: from before an upgrade, and of when it was damaged.
_COPIES = ("history.backup-*", "history.damaged-*")

_BURY = """
INSERT INTO tombstones (id, origin, at_us)
SELECT id, (SELECT content FROM meta WHERE key = 'origin'), ? FROM chosen WHERE true
ON CONFLICT (id) DO NOTHING
"""
_FORGET = (
    "DELETE FROM annotations WHERE entity_id IN (SELECT id FROM chosen)",
    *(f"DELETE FROM {table} WHERE id IN (SELECT id FROM chosen)" for table in MAIN.values()),  # noqa: S608
    "DELETE FROM codes WHERE hash NOT IN (SELECT source_hash FROM executions WHERE source_hash IS NOT NULL)",
    "DELETE FROM environments WHERE hash NOT IN "
    "(SELECT environment_hash FROM executions WHERE environment_hash IS NOT NULL)",
    "DROP TABLE chosen",
)


def erase(store: Store, spool: Spool, choice: Choice, *, dry_run: bool) -> Erased:
    """Erase what is chosen, or count it.

    Args:
        store: The history.
        spool: Its spool, after what could be saved of it was saved.
        choice: What is meant.
        dry_run: Whether to change nothing.

    Raises:
        HistoryError: The choice makes no sense, or the history cannot be written: nothing was erased.
    """
    choice.check()
    if dry_run:
        with store.reading() as connection:
            chosen = choose(connection, choice, spool.records())
        holders = _holders(store, spool)
        return _told(chosen, holders, holders if choice.everything else ())
    before_bytes = _disk_bytes(store, spool)
    try:
        chosen = _erase_rows(store, spool, choice)
    except DamagedError:
        if not choice.everything:
            raise
        store.close()
        set_aside(store.folder)  # it becomes one of the copies that are deleted
        chosen = _erase_rows(store, spool, choice)
    # From here on it is erased; what fails now is told, not raised.
    trouble = _wipe(store)
    holders = _holders(store, spool)
    try:
        spool.drop(chosen.waiting, unreadable=choice.everything)
    except (HistoryError, OSError) as error:
        trouble = trouble or f"the spool cannot be rewritten ({error})"
    if choice.everything:
        _delete_copies(store)
    deleted = [file for file in holders if choice.everything and not file.exists()]
    freed = max(0, before_bytes - _disk_bytes(store, spool))
    return dataclasses.replace(_told(chosen, holders, deleted), bytes_freed=freed, trouble=trouble)


def _erase_rows(store: Store, spool: Spool, choice: Choice) -> Chosen:
    """Take the rows out, and put a tombstone for each record, in one transaction."""
    with store.connected() as connection:
        connection.execute("PRAGMA secure_delete=ON")
    with store.writing() as connection:
        chosen = choose(connection, choice, spool.records())
        connection.row_factory = None  # as it was before something was looked up
        connection.execute(_BURY, (SystemClock().utc_us(),))
        for statement in _FORGET:
            connection.execute(statement)
        if choice.everything:
            connection.execute("DELETE FROM annotations")  # also of what another store has
    return chosen


def _wipe(store: Store) -> str:
    """Rewrite the file without what is no longer in it, and empty the log; return why that failed, if so."""
    trouble = ""
    with store.connected() as connection:
        # First the file, which goes through the log; then the log.
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            try:
                row = patiently(connection, statement)
            except sqlite3.Error as error:  # another process writes all the while; or the disk is full
                trouble = f"the file cannot be rewritten now ({error})"
            else:
                if row is not None and row[0]:
                    trouble = trouble or "another process reads the history as it was before"
    return trouble


def _holders(store: Store, spool: Spool) -> tuple[Path, ...]:
    """Return the files from which single records cannot be taken out."""
    copies = [file for file in _copies(store) if not file.name.endswith(("-wal", "-shm"))]
    return (*copies, *spool.unreadable())


def _copies(store: Store) -> list[Path]:
    return sorted(file for pattern in _COPIES for file in store.folder.glob(pattern))


def _delete_copies(store: Store) -> None:
    for file in _copies(store):
        with suppress(OSError):  # what is still there is said to be
            file.unlink()


def _disk_bytes(store: Store, spool: Spool) -> int:
    total = spool.disk_bytes()
    for file in store.folder.glob("history.*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def _told(chosen: Chosen, holders: Sequence[Path], deleted: Sequence[Path]) -> Erased:
    return Erased(
        profiles=chosen.counts["profile"],
        runs=chosen.counts["run"],
        llm_calls=chosen.counts["llm_call"],
        named=chosen.named,
        deleted=tuple(deleted),
        left=tuple(file for file in holders if file not in deleted),
    )
