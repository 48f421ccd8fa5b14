"""Verifying: what SQLite says of the file, and the checksum of every record in it.

SQLite sees damage to its own structure; a number that was changed within a row it does not see, and the
checksums do. The file is read only, and nothing is set aside: who asks what is damaged may still want to
read the rest.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any, Literal, ParamSpec, TypeVar

from kosmos_nb.core import HistoryError
from kosmos_nb.history.checksum import checksum
from kosmos_nb.history.failures import DamagedError, explain
from kosmos_nb.history.opening import is_up_to_date, migrated_copy
from kosmos_nb.history.records import Damage, Verified, Watch
from kosmos_nb.history.rows import Row
from kosmos_nb.history.store import Store
from kosmos_nb.history.stored import MAIN, SHARED, is_sound, rows_of

P = ParamSpec("P")
T = TypeVar("T")

MOST_COMPLAINTS = 100
# SQLite asks whether to go on after so many of its steps: so Ctrl-C is heard within a long one.
_STEPS = 100_000


def verify(store: Store, watch: Watch) -> Verified:
    """Check the whole history of a store.

    Args:
        store: Its file is read as it is.
        watch: Told of records checked.

    Raises:
        HistoryError: The history cannot be opened, or a newer kosmos_nb made it.
    """
    if not store.path.is_file():
        return Verified(records=0, sound=0, unverified=0, damage=(), complaints=())
    try:
        with store.inspecting() as connection:
            connection.set_progress_handler(lambda: 0, _STEPS)
            connection.execute("BEGIN")
            complaints = _complaints(connection)
            with closing(migrated_copy(connection)) as whole:
                if not is_up_to_date(whole):
                    raise HistoryError(
                        f"A newer kosmos_nb made the history {store.path}; verify it with that."
                    )
                return _records(whole, complaints, watch)
    except (DamagedError, sqlite3.Error) as error:
        failure = explain(error, store.path) if isinstance(error, sqlite3.Error) else error
        if not isinstance(failure, DamagedError):
            raise failure from error
        return Verified(records=0, sound=0, unverified=0, damage=(), complaints=(str(failure),))


def _complaints(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite has to say of the file; nothing where it is sound."""
    said = _ask(_all, connection, f"PRAGMA integrity_check({MOST_COMPLAINTS})")
    told = ["SQLite cannot check the file"] if said is None else [row[0] for row in said if row[0] != "ok"]
    strays = Counter(row[0] for row in _ask(_all, connection, "PRAGMA foreign_key_check") or ())
    return told + [f"{count:,} rows of {table} belong to no record" for table, count in strays.items()]


def _records(connection: sqlite3.Connection, complaints: list[str], watch: Watch) -> Verified:
    damage: list[Damage] = []
    shared = {table: _shared(connection, table, damage) for table in SHARED.values()}
    known = [(kind, record_id) for kind, table in MAIN.items() for record_id in _ids(connection, table, "id")]
    sound = unverified = 0
    for n, (kind, record_id) in enumerate(known):
        rows = _ask(rows_of, connection, kind, record_id)
        main = rows[MAIN[kind]][0] if rows else {}
        if rows is None:
            damage.append(Damage(kind=kind, id=record_id, reason="unreadable"))
        elif not main["checksum"]:
            unverified += 1
        elif checksum(rows) != main["checksum"] or not _has_all(main, shared):
            damage.append(Damage(kind=kind, id=record_id, reason="changed"))
        else:
            sound += 1
        watch("records checked", n + 1, len(known))
    return Verified(
        records=len(known),
        sound=sound,
        unverified=unverified,
        damage=tuple(damage),
        complaints=tuple(complaints),
    )


def _shared(connection: sqlite3.Connection, table: str, damage: list[Damage]) -> set[str]:
    """Return the hashes of the sound rows of a table that records share."""
    sound: set[str] = set()
    kind: Literal["code", "environment"] = "code" if table == "codes" else "environment"
    for named in _ids(connection, table, "hash"):
        rows = _ask(_all, connection, f"SELECT * FROM {table} WHERE hash = ?", named)  # noqa: S608
        if not rows:
            damage.append(Damage(kind=kind, id=named, reason="unreadable"))
        elif is_sound(table, dict(rows[0])):
            sound.add(named)
        else:
            damage.append(Damage(kind=kind, id=named, reason="changed"))
    return sound


def _has_all(main: Row, shared: dict[str, set[str]]) -> bool:
    return all(not main.get(column) or main[column] in shared[table] for column, table in SHARED.items())


def _ids(connection: sqlite3.Connection, table: str, name: str) -> list[str]:
    """Return what names the rows of a table, also past damaged pages.

    Table and index lie in pages of their own, and each can be read from both ends up to the damage.
    """
    found: dict[str, None] = {}

    def take(query: str) -> bool:
        for row in connection.execute(query):
            found[row[0]] = None
        return True

    index = f"INDEXED BY sqlite_autoindex_{table}_1"
    for source, order in (("NOT INDEXED", "seq"), (index, name)):
        for direction in ("ASC", "DESC"):
            if _ask(take, f"SELECT {name} FROM {table} {source} ORDER BY {order} {direction}"):  # noqa: S608
                return list(found)
    return list(found)


def _all(connection: sqlite3.Connection, query: str, *params: str) -> list[Any]:
    return connection.execute(query, params).fetchall()


def _ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Return the answer; None where the damage is such that there is none."""
    try:
        return question(*args, **kwargs)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None  # a progress handler cannot raise it
        return None
