"""Profiles, runs and calls of models as DataFrames: what is asked most, without SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import HistoryError
from kosmos_nb.history.annotations import said

if TYPE_CHECKING:
    import pandas as pd

CHOICES = ("label", "cell", "experiment", "mode", "notebook")
# What a profile must have to be chosen; each is a parameter, NULL where it was not asked.
CHOSEN = """(:label IS NULL OR label = :label)
  AND (:experiment IS NULL OR experiment_id = :experiment)
  AND (:mode IS NULL OR mode = :mode)
  AND (:notebook IS NULL OR notebook = :notebook
       OR replace(substr(notebook, -length(:notebook) - 1), '\\', '/') = '/' || :notebook)
  AND (:cell IS NULL OR cell_id = :cell OR cell_key = :cell
       OR (code_hash <> '' AND substr(code_hash, 1, length(:cell)) = :cell))"""
_PROFILES = f"""
SELECT * FROM (
  SELECT e.id, e.started_at_us, {said("label", "e.label")} AS label,
         {said("note", "''")} AS note, e.kind, e.mode, e.status, e.wall_s, e.cpu_s,
         e.peak_bytes / 1e6 AS peak_mb, e.overhead_s, e.exception_type, e.execution_count,
         e.notebook, e.cell_id, e.cell_key, e.experiment_id, e.code_hash, coalesce(c.code, '') AS code
  FROM executions e LEFT JOIN codes c ON c.hash = e.source_hash
  ORDER BY e.started_at_us DESC, e.seq DESC
)
WHERE {CHOSEN}
LIMIT :n
"""  # noqa: S608 - constants only
_RUNS = """
SELECT r.id, r.started_at_us, r.question, r.target, r.data_name, r.status, count(h.position) AS hypotheses,
       coalesce(sum(v.verdict = 'supported'), 0) AS supported,
       coalesce(sum(v.verdict = 'refuted'), 0) AS refuted,
       coalesce(sum(v.verdict = 'inconclusive'), 0) AS inconclusive,
       coalesce(sum(v.verdict = 'not_testable'), 0) AS not_testable,
       r.wall_s, r.cpu_s, r.peak_bytes / 1e6 AS peak_mb
FROM runs r
LEFT JOIN hypotheses h ON h.run_id = r.id
LEFT JOIN verdicts v ON v.run_id = h.run_id AND v.position = h.position
GROUP BY r.seq
ORDER BY r.started_at_us DESC, r.seq DESC
LIMIT :n
"""
_CALLS = """
SELECT id, started_at_us, run_id, role, model, status, wall_s, waited_s, input_tokens, output_tokens,
       cost_usd, attempts, is_cached, stop_reason, error_type
FROM llm_calls
WHERE (:run IS NULL OR run_id = :run) AND (:role IS NULL OR role = :role)
ORDER BY started_at_us, seq
"""
ALL = -1


def profiles(connection: sqlite3.Connection, n: int, chosen: Mapping[str, str | None]) -> pd.DataFrame:
    """Return the newest profiles, newest first, one row each.

    Args:
        connection: On the store, within a transaction.
        n: How many at most, or `ALL`.
        chosen: What they must have, of `label`, `cell`, `experiment`, `mode` and `notebook`.
    """
    return _frame(connection, _PROFILES, dict.fromkeys(CHOICES) | dict(chosen) | {"n": n})


def runs(connection: sqlite3.Connection, n: int) -> pd.DataFrame:
    """Return the newest research runs, newest first, one row each with its verdicts counted."""
    return _frame(connection, _RUNS, {"n": n})


def llm_calls(connection: sqlite3.Connection, run: str | None, role: str | None) -> pd.DataFrame:
    """Return the calls of language models, oldest first, one row each."""
    kinds = {"is_cached": "bool", "wall_s": "float64", "waited_s": "float64", "cost_usd": "float64"}
    return _frame(connection, _CALLS, {"run": run, "role": role}).astype(kinds)


def check_count(n: int) -> None:
    """Refuse what is no number of rows.

    Raises:
        HistoryError: It is below zero.
    """
    if n < 0:
        raise HistoryError(f"n is a number of rows and cannot be {n}.")


def check_choices(chosen: Iterable[str]) -> None:
    """Refuse what profiles cannot be chosen by.

    Raises:
        HistoryError: There is such a name.
    """
    unknown = sorted(set(chosen) - set(CHOICES))
    if unknown:
        raise HistoryError(f"Profiles are chosen by {', '.join(CHOICES)}; not by {unknown[0]!r}.")


def _frame(connection: sqlite3.Connection, query: str, asked: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - 0.2 s; only who asks for a DataFrame pays

    cursor = connection.execute(query, asked)
    names = [column[0] for column in cursor.description]
    frame = pd.DataFrame([tuple(row) for row in cursor], columns=names)
    position = names.index("started_at_us")
    stamps = pd.to_datetime(frame.pop("started_at_us").astype("int64"), unit="us")
    frame.insert(position, "started_at", stamps)
    return frame
