"""Which profile or run a user means: by id, the beginning of one, a label, or `last` and `previous`."""

from __future__ import annotations

import re
import sqlite3

from kosmos_nb.core import HistoryError
from kosmos_nb.history.annotations import said

LAST, PREVIOUS = "last", "previous"
_SHORT = re.compile(r"([0-9a-f-]{4,})(?:…|\.\.\.)([0-9a-f]{2,})")
_ID = re.compile(r"[0-9a-f-]{4,36}")

_NEWEST = """
SELECT id, cell_key, seq FROM executions WHERE :last IS NULL OR id = :last
ORDER BY started_at_us DESC, seq DESC LIMIT 1
"""
_BEFORE = """
SELECT id FROM executions WHERE seq < :seq AND cell_key = :cell_key ORDER BY seq DESC LIMIT 1
"""
_LABELLED = f"""
SELECT e.id FROM executions e
WHERE (e.label = :label OR e.id IN (SELECT entity_id FROM annotations WHERE value = :label))
  AND {said("label", "e.label")} = :label
ORDER BY e.started_at_us DESC, e.seq DESC LIMIT 1
"""  # noqa: S608 - constants only
_NEWEST_RUNS = "SELECT id FROM runs ORDER BY started_at_us DESC, seq DESC LIMIT 2"
_PROFILES = "SELECT id FROM executions"
# A run that still works, or whose kernel was killed, is known by its calls.
_RUNS = "SELECT id FROM runs UNION SELECT run_id FROM llm_calls WHERE run_id IS NOT NULL"
_BEGINS_AND_ENDS = "substr(id, 1, ?) = ? AND substr(id, length(id) + 1 - ?) = ? LIMIT 3"


def find(connection: sqlite3.Connection, reference: str, *, last: str | None = None) -> str:
    """Return the id of the profile that is meant.

    Args:
        connection: On the store, within a transaction.
        reference: An id, its beginning or its short form as views show it (`01a20860…85f9`), a label (the
            newest profile that has it), `last`, or `previous` (the run before it of the same cell).
        last: Id of the profile that is the last one; by default the newest of all kernels.

    Raises:
        HistoryError: There is none, or there are several.
    """
    connection.row_factory = sqlite3.Row
    reference = reference.strip()
    if reference in (LAST, PREVIOUS):
        return _newest(connection, reference, last)
    labelled = connection.execute(_LABELLED, {"label": reference}).fetchone()
    if labelled is not None:
        return str(labelled["id"])
    found = _by_id(connection, _PROFILES, reference, "profiles")
    if found is None:
        raise HistoryError(
            f"The history has no profile with the id or label {reference!r}. See %kosmos_history, or in a "
            "shell: kosmos history list"
        )
    return found


def find_run(connection: sqlite3.Connection, reference: str) -> str:
    """Return the id of the research run that is meant.

    Args:
        connection: On the store, within a transaction.
        reference: An id, its beginning or its short form as views show it, `last` (the newest), or
            `previous` (the one before it).

    Raises:
        HistoryError: There is none, or there are several.
    """
    connection.row_factory = sqlite3.Row
    reference = reference.strip()
    if reference in (LAST, PREVIOUS):
        newest = [str(row["id"]) for row in connection.execute(_NEWEST_RUNS)]
        if not newest:
            raise HistoryError("The history has no research run yet.")
        if reference == PREVIOUS and len(newest) == 1:
            raise HistoryError("The history has no research run before the last one.")
        return newest[0 if reference == LAST else 1]
    found = _by_id(connection, _RUNS, reference, "research runs")
    if found is None:
        raise HistoryError(
            f"The history has no research run with the id {reference!r}. See them in a shell: "  # noqa: S608
            'kosmos history sql "SELECT id, question FROM runs"'
        )
    return found


def _by_id(connection: sqlite3.Connection, ids: str, reference: str, kinds: str) -> str | None:
    """Return the one of `ids`, a query, that begins (and ends) like this; None where none does."""
    begins, ends = _parts(reference.lower())
    if not begins:
        return None
    query = f"SELECT id FROM ({ids}) WHERE {_BEGINS_AND_ENDS}"  # noqa: S608 - constants only
    rows = connection.execute(query, (len(begins), begins, len(ends), ends)).fetchall()
    if len(rows) > 1:
        raise HistoryError(f"Several {kinds} have an id that begins with {begins!r}; give more of it.")
    return str(rows[0]["id"]) if rows else None


def _newest(connection: sqlite3.Connection, which: str, last: str | None) -> str:
    newest = connection.execute(_NEWEST, {"last": last}).fetchone()
    if newest is None:
        raise HistoryError("The history has no profile yet.")
    if which == LAST:
        return str(newest["id"])
    before = connection.execute(_BEFORE, dict(newest)).fetchone()
    if before is None:
        raise HistoryError("The cell of the last profile was never profiled before.")
    return str(before["id"])


def _parts(reference: str) -> tuple[str, str]:
    short = _SHORT.fullmatch(reference)
    if short is not None:
        return short[1], short[2]
    return (reference, "") if _ID.fullmatch(reference) else ("", "")
