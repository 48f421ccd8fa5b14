"""Cells that became slower for good, and what else was new when they did.

The runs of one cell, in one mode, cold or warm, are one series, across edits of its code: `steps` says where
its level rose. What was new is what the first run at the new level had and the last one before had not. That
is when, not why.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kosmos_nb.history.annotations import said
from kosmos_nb.history.earlier import SAME_SIZE
from kosmos_nb.history.listing import CHOICES, CHOSEN
from kosmos_nb.history.steps import find_steps

if TYPE_CHECKING:
    import pandas as pd

_RUNS = f"""
SELECT * FROM (
  SELECT e.id, e.started_at_us, e.cell_key, e.cell_id, e.kind, e.mode, e.traces, e.is_warm, e.wall_s,
         e.code_hash, e.environment_hash, e.host, e.python, e.input_cells, e.notebook, e.source_hash,
         e.experiment_id,
         {said("label", "e.label")} AS label
  FROM executions e
  WHERE e.status = 'ok' AND e.wall_s > 0 AND e.cell_key IS NOT NULL
  ORDER BY e.seq
)
WHERE {CHOSEN}
"""  # noqa: S608 - constants only
_PLACES = "SELECT hash, host_class, packages FROM environments"
_SOURCE = "SELECT code FROM codes WHERE hash = ?"

_COLUMNS = (
    "started_at", "cell", "notebook", "mode", "before_s", "after_s", "ratio", "runs_before", "runs_after",
    "p", "what_changed", "is_last", "id", "cell_key",
)  # fmt: skip
_NAMED = 3
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class _Place:
    host_class: str
    packages: Mapping[str, str]


def regressions(connection: sqlite3.Connection, chosen: Mapping[str, str | None]) -> pd.DataFrame:
    """Return the steps up, the newest first, one row each; see `History.regressions`.

    Args:
        connection: On the store, with `sqlite3.Row` rows, within a transaction.
        chosen: What the runs must have, as in `listing.profiles`.
    """
    import pandas as pd  # noqa: PLC0415 - 0.2 s; only who asks for a DataFrame pays

    series: dict[tuple[object, ...], list[sqlite3.Row]] = defaultdict(list)
    asked = dict.fromkeys(CHOICES) | dict(chosen)
    for run in connection.execute(_RUNS, asked):
        # A run whose warmth is not known is like a warm one: first runs are the few.
        series[run["cell_key"], run["kind"], run["mode"], run["traces"], run["is_warm"] == 0].append(run)
    places = {
        name: _Place(host_class, dict(one.rpartition(" ")[::2] for one in json.loads(packages)))
        for name, host_class, packages in connection.execute(_PLACES)
    }
    rows = [row for runs in series.values() for row in _rows(connection, runs, places)]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    frame["started_at"] = pd.to_datetime(frame["started_at"].astype("int64"), unit="us")
    return frame.sort_values("started_at", ascending=False, kind="stable").reset_index(drop=True)


def _rows(
    connection: sqlite3.Connection, runs: Sequence[sqlite3.Row], places: Mapping[str, _Place]
) -> Iterator[tuple[object, ...]]:
    """Give a row for each step up of one series."""
    steps = find_steps([run["wall_s"] for run in runs])
    ends = [*(step.index for step in steps[1:]), len(runs)]
    starts = [0, *(step.index for step in steps)]
    for start, step, end in zip(starts, steps, ends, strict=False):
        if step.after_s > step.before_s:
            first, last = runs[step.index], runs[step.index - 1]
            yield (
                first["started_at_us"],
                _name(connection, first),
                first["notebook"],
                first["mode"],
                step.before_s,
                step.after_s,
                step.after_s / step.before_s,
                step.index - start,
                end - step.index,
                step.p,
                "; ".join(_changes(last, first, places)) or "nothing that is known",
                end == len(runs),
                first["id"],
                first["cell_key"],
            )


def _changes(before: sqlite3.Row, after: sqlite3.Row, places: Mapping[str, _Place]) -> Iterator[str]:
    if before["code_hash"] != after["code_hash"]:
        yield "code"
    least, most = sorted((before["input_cells"], after["input_cells"]))
    if most > least * SAME_SIZE:
        yield f"data {before['input_cells']:,} → {after['input_cells']:,} values"
    old, new = (places.get(run["environment_hash"]) for run in (before, after))
    if old is not None and new is not None:
        if old.host_class != new.host_class:
            yield f"machine {old.host_class} → {new.host_class}"
        yield from _packages(old.packages, new.packages)
    elif before["host"] != after["host"]:
        yield f"machine {before['host']} → {after['host']}"
    if before["python"] != after["python"]:
        yield f"Python {before['python']} → {after['python']}"


def _packages(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    for name in names[:_NAMED]:
        yield f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}"
    if len(names) > _NAMED:
        yield f"{len(names) - _NAMED} other packages"


def _name(connection: sqlite3.Connection, run: sqlite3.Row) -> str:
    """Return how a person would call the cell: its label, or the first line of its code."""
    if run["label"]:
        return str(run["label"])
    found = connection.execute(_SOURCE, (run["source_hash"],)).fetchone()
    lines = [line.strip() for line in (found[0] if found else "").splitlines()]
    told = next((line for line in lines if line and not line.startswith(("%%", "#"))), run["cell_key"][:8])
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
