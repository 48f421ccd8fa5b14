"""Which records are meant: named, or chosen by what they have in common, in the store and in the spool."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kosmos_nb.core import HistoryError
from kosmos_nb.history.annotations import said
from kosmos_nb.history.finding import find, find_run
from kosmos_nb.history.listing import CHOICES, CHOSEN
from kosmos_nb.history.rows import Bundle, Kind
from kosmos_nb.history.stored import MAIN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_US = 2**63 - 1

# What a choice can ask of a profile.
_ASKED = ("experiment_id", "mode", "notebook", "cell_id", "cell_key", "code_hash", "started_at_us")
_PROFILES = (
    f"SELECT e.id, {said('label', 'e.label')} AS label, {', '.join(f'e.{name}' for name in _ASKED)} "  # noqa: S608
    "FROM executions e"
)
_ONE = f"SELECT {', '.join(f':its_{name} AS {name}' for name in ('label', *_ASKED))}"
_BEFORE = "(:before_us IS NULL OR started_at_us < :before_us)"

_TABLE = "CREATE TEMP TABLE chosen (id TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID"
_ADD = "INSERT OR IGNORE INTO chosen VALUES (?, ?)"
_ADD_CALLS = """
INSERT OR IGNORE INTO chosen SELECT id, 'llm_call' FROM llm_calls
WHERE run_id IN (SELECT id FROM chosen WHERE kind = 'run')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which records are meant.

    Attributes:
        references: Profiles as in `find`; of `runs`, their ids or the beginnings of these.
        by: What profiles have in common, by the names in `listing.CHOICES`.
        before: Only what began before that, ISO 8601; UTC unless it says otherwise.
        runs: Research runs, with the calls of models that worked for them, and no profiles.
        everything: The whole history.
    """

    references: tuple[str, ...] = ()
    by: Mapping[str, str | None] = field(default_factory=dict)
    before: str | date | None = None
    runs: bool = False
    everything: bool = False

    def check(self) -> None:
        """Refuse what is no clear choice.

        Raises:
            HistoryError: Nothing is chosen, or things that exclude each other; a text is empty, a date none.
        """
        for name, value in self.by.items():
            if value is not None and not value.strip():
                raise HistoryError(f"The {name} that is to be chosen by is empty.")
        has_by = any(value is not None for value in self.by.values())
        ways = (bool(self.references), has_by or self.before is not None, self.everything)
        if not any(ways) and not self.runs:
            raise HistoryError(
                "Nothing says what is meant: name profiles; or choose them by notebook, label, cell, "
                "experiment or date; or take all research runs, or everything."
            )
        if sum(ways) > 1 or (self.runs and (has_by or self.everything)):
            raise HistoryError(
                "Profiles are either named, or chosen by what they have in common, or everything is meant; "
                "research runs are named, or chosen by date, or all of them are meant."
            )
        _stamp_us(self.before)

    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of records that are meant."""
        if self.everything:
            return tuple(MAIN)
        return ("run",) if self.runs else ("profile",)

    def where(self) -> str:
        """Return the condition in SQL."""
        return f"{CHOSEN} AND {_BEFORE}" if self.kinds() == ("profile",) else _BEFORE

    def params(self) -> dict[str, Any]:
        """Return the condition's values."""
        return {**dict.fromkeys(CHOICES), **self.by, "before_us": _stamp_us(self.before)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a choice came to; the ids are in the temporary table `chosen`.

    Attributes:
        named: Ids of what was named.
        waiting: Ids of those that are in the spool.
        counts: How many there are of each kind.
    """

    named: tuple[str, ...]
    waiting: frozenset[str]
    counts: Mapping[Kind, int]


def choose(connection: sqlite3.Connection, choice: Choice, spooled: Iterable[Bundle]) -> Chosen:
    """Put the ids of what is chosen into the new temporary table `chosen (id, kind)`.

    Args:
        connection: On the store, within a transaction.
        choice: What is meant; it was checked.
        spooled: What lies in the spool.

    Raises:
        HistoryError: What is named is not there.
    """
    connection.execute(_TABLE)
    look = find_run if choice.runs else find
    named = tuple(dict.fromkeys(look(connection, reference) for reference in choice.references))
    connection.executemany(_ADD, [(one, *choice.kinds()) for one in named])
    waiting = set()
    if named:
        waiting = {bundle.id for bundle in spooled if bundle.id in named}
    else:
        for kind in choice.kinds():
            rows = _PROFILES if kind == "profile" else f"SELECT id, started_at_us FROM {MAIN[kind]}"  # noqa: S608
            query = f"INSERT INTO chosen SELECT id, '{kind}' FROM ({rows}) WHERE {choice.where()}"  # noqa: S608
            connection.execute(query, choice.params())
        for bundle in spooled:
            if bundle.kind in choice.kinds() and _is_meant(connection, choice, bundle):
                waiting.add(bundle.id)
                connection.execute(_ADD, (bundle.id, bundle.kind))
    connection.execute(_ADD_CALLS)
    counted = dict(connection.execute("SELECT kind, count(*) FROM chosen GROUP BY kind").fetchall())
    return Chosen(named, frozenset(waiting), {kind: counted.get(kind, 0) for kind in MAIN})


def _is_meant(connection: sqlite3.Connection, choice: Choice, bundle: Bundle) -> bool:
    (main,) = bundle.rows[MAIN[bundle.kind]]
    its = {f"its_{name}": main.get(name) for name in ("label", *_ASKED)}
    its["its_started_at_us"] = min(main["started_at_us"], _MOST_US)  # the store refuses a longer number
    query = f"SELECT 1 FROM ({_ONE}) WHERE {choice.where()}"  # noqa: S608 - names of ours only
    return connection.execute(query, {**choice.params(), **its}).fetchone() is not None


def _stamp_us(when: str | date | None) -> int | None:
    """Return microseconds since 1970.

    Raises:
        HistoryError: It is no date.
    """
    if when is None:
        return None
    try:
        found = datetime.fromisoformat(when.strip()) if isinstance(when, str) else when
        if not isinstance(found, datetime):
            found = datetime.combine(found, time())
    except (TypeError, ValueError) as error:
        raise HistoryError(f"A date is written like 2026-01-31 or 2026-01-31T12:00, not {when!r}.") from error
    utc = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return (utc - _EPOCH) // timedelta(microseconds=1)
