"""The runs that a run can be held against: same code, machine, mode, Python, warmth and size of data."""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
import statistics
from collections import defaultdict
from typing import Any

from kosmos_nb.history.cells import cell_key
from kosmos_nb.history.records import ProfileResult, Standing
from kosmos_nb.history.standing import ENOUGH_CALM, LOOKS_BACK, MOST_RUNS, is_calm, judge

# Data of other sizes takes other times; a quarter more or less is the same size.
SAME_SIZE = 1.25
# A function is named where it has at least this share of the difference.
EXPLAINS = 0.3

# What is profiled with its source and its data; a function or a script may be called with anything.
KINDS = ("cell",)

# Runs of one code that are looked through for those of one kind: a cell waits for it.
SEARCHES = 1_000
_NEWER_THAN_ALL = 2**62

_PLACE_OF = "SELECT seq FROM executions WHERE id = :id"
# The newest first; whether each is of the kind that is asked for, but for the machine.
_OF_ITS_CODE = """
SELECT id, wall_s, environment_hash, host,
       kind = :kind AND mode = :mode AND python LIKE :python AND traces = :traces
       AND status = 'ok' AND is_warm IS :is_warm AND wall_s > 0 AND input_cells BETWEEN :least AND :most
FROM executions WHERE code_hash = :code_hash AND seq < :seq
ORDER BY seq DESC LIMIT :searches
"""
_HOST_CLASS = "SELECT host_class FROM environments WHERE hash = ?"
_BEFORE_IN_THE_CELL = """
SELECT code_hash, wall_s FROM executions
WHERE cell_key = :cell_key AND kind = :kind AND mode = :mode AND host = :host AND status = 'ok' AND seq < :seq
ORDER BY seq DESC LIMIT 1
"""
_FUNCTIONS = "SELECT execution_id, name, self_s FROM function_stats WHERE execution_id IN ({marks})"


def standing_of(
    connection: sqlite3.Connection, profile: ProfileResult, *, is_new: bool = False
) -> Standing | None:
    """Say how a run stands; None where it did not come to its end, or where it is no cell.

    Args:
        connection: On the store, within a transaction.
        profile: The run; it may be in the store, or not yet.
        is_new: That it is not, for who knows it.
    """
    if profile.kind not in KINDS or profile.status != "ok" or not profile.code_hash or not profile.wall_s > 0:
        return None
    connection.row_factory = None
    asked = _asked(profile)
    saved = None if is_new else connection.execute(_PLACE_OF, asked).fetchone()
    asked["seq"] = saved[0] if saved else _NEWER_THAN_ALL
    rows = _of_its_kind(connection, asked)
    standing = judge([*(wall_s for _, wall_s, _ in reversed(rows)), profile.wall_s])
    found: dict[str, Any] = {"reads_data": profile.input_cells > 0}
    if standing.state == "first" and profile.cell_id is not None:
        key = cell_key(connection, asked)
        before = connection.execute(_BEFORE_IN_THE_CELL, asked | {"cell_key": key}).fetchone()
        if before is not None and before[0] != profile.code_hash:
            found["before_edit_s"] = before[1]
    elif standing.state in ("slower", "slower once", "faster", "faster once"):
        usual = [row for row in rows if _is_usual(row[1], standing)][:MOST_RUNS]
        found["grown"], found["grown_s"] = _grown(connection, profile, [row[0] for row in usual], standing)
        found["new_packages"] = _new_packages(connection, profile, {row[2] for row in usual})
    return dataclasses.replace(standing, **found)


def _of_its_kind(
    connection: sqlite3.Connection, asked: dict[str, Any]
) -> list[tuple[str, float, str | None]]:
    """Return id, seconds and environment of the newest runs of its kind, the newest first.

    They are read one by one: mostly the newest are of its kind and hardly differ, and a cell waits for it.
    """
    found: list[tuple[str, float, str | None]] = []
    classes: dict[str, str] = {}
    runs = connection.execute(_OF_ITS_CODE, asked)
    for run_id, wall_s, environment, host, is_of_kind in runs:
        if not is_of_kind:
            continue
        if environment is None or asked["host_class"] is None:
            is_here = host == asked["host"]
        else:
            if environment not in classes:
                (classes[environment],) = connection.execute(_HOST_CLASS, (environment,)).fetchone() or ("",)
            is_here = classes[environment] == asked["host_class"]
        if is_here:
            found.append((run_id, wall_s, environment))
        n = len(found)
        if n == LOOKS_BACK - 1 or (n == ENOUGH_CALM and is_calm([wall_s for _, wall_s, _ in found])):
            break
    runs.close()  # one that was not read to its end would hold the transaction
    return found


def _asked(profile: ProfileResult) -> dict[str, Any]:
    cells = profile.input_cells
    major, _, rest = profile.python.partition(".")
    return {
        "id": profile.id,
        "code_hash": profile.code_hash,
        "kind": profile.kind,
        "mode": profile.mode,
        "host": profile.host,
        "host_class": profile.environment.host_class if profile.environment else None,
        "python": f"{major}.{rest.partition('.')[0]}.%",
        "traces": json.dumps(list(profile.traces)),
        "is_warm": profile.is_warm,
        "least": math.ceil(cells / SAME_SIZE),
        "most": int(cells * SAME_SIZE),
        "cell_id": profile.cell_id,
        "notebook": profile.notebook,
        "searches": SEARCHES,
    }


def _new_packages(
    connection: sqlite3.Connection, profile: ProfileResult, environments: set[str | None]
) -> tuple[str, ...]:
    """Return the packages, with versions, that none of the usual runs had; none where that is not known."""
    if profile.environment is None or None in environments:
        return ()
    query = f"SELECT packages FROM environments WHERE hash IN ({', '.join('?' * len(environments))})"  # noqa: S608
    listed = [json.loads(packages) for (packages,) in connection.execute(query, [*environments])]
    known = {package for packages in listed for package in packages}
    return tuple(package for package in profile.environment.packages if package not in known)


def _is_usual(wall_s: float, standing: Standing) -> bool:
    low_s, high_s = standing.low_s, standing.high_s
    return low_s is not None and high_s is not None and low_s * 0.999 <= wall_s <= high_s * 1.001


def _grown(
    connection: sqlite3.Connection, profile: ProfileResult, usual: list[str], standing: Standing
) -> tuple[str, float]:
    """Return the function whose own time has changed most, against the median of the usual runs."""
    before: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(usual, 0.0))
    query = _FUNCTIONS.format(marks=", ".join("?" * len(usual)))
    for run_id, name, self_s in connection.execute(query, usual):
        before[name][run_id] += self_s or 0.0
    now: dict[str, float] = defaultdict(float)
    for stat in profile.function_stats:
        now[stat.name] += stat.self_s
    change = profile.wall_s - (standing.usual_s or 0.0)
    changes = {
        name: now.get(name, 0.0) - (statistics.median(before[name].values()) if name in before else 0.0)
        for name in {*before, *now}
        if name != "<module>"
    }
    name = max(changes, key=lambda one: changes[one] / change, default="")
    if not name or changes[name] / change < EXPLAINS:
        return "", 0.0
    return f"{name.rpartition('<locals>.')[2]}()", changes[name]
