"""The SQL views, with the predecessor's names and columns.

Two dialects show them: SQLite, where the first migration created them for whoever opens the
file, and DuckDB for `%%kosmos_sql`, where a stamp is a TIMESTAMP in UTC. The expressions are
the same but for the stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kosmos_nb.history.annotations import said


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of a view: its name, how it is computed, what it means."""

    name: str
    expression: str
    meaning: str


@dataclass(frozen=True, slots=True)
class View:
    """A view over `tables`.

    Attributes:
        source: What follows FROM.
        tables: Base tables that it reads.
        columns: In order.
        comment: What a row is.
    """

    source: str
    tables: tuple[str, ...]
    columns: tuple[ViewColumn, ...]
    comment: str


_PROFILES = (
    ViewColumn("profile_id", "e.id", "Id of the profile (UUIDv7)"),
    ViewColumn("started_at", "e.started_at", "Begin (UTC)"),
    ViewColumn("profile_type", "e.kind", "cell, expression, function, block or run"),
    ViewColumn("mode", "e.mode", "Profiling mode: light, standard or full"),
    ViewColumn("status", "e.status", "ok, failed or interrupted"),
    ViewColumn("label", said("label", "e.label"), "Label, as it was given last"),
    ViewColumn("note", said("note", "''"), "Note, as it was given last"),
    ViewColumn("experiment_id", "e.experiment_id", "Experiment given with --experiment"),
    ViewColumn("execution_time", "e.wall_s", "Elapsed time, in seconds"),
    ViewColumn("cpu_time", "e.cpu_s", "CPU time of the process, in seconds"),
    ViewColumn("memory_peak_mb", "e.peak_bytes / 1e6", "Highest resident memory of the process"),
    ViewColumn(
        "memory_delta_peak_mb",
        "CASE WHEN e.peak_bytes > e.rss_start_bytes "
        "THEN (e.peak_bytes - e.rss_start_bytes) / 1e6 ELSE 0.0 END",
        "The peak above the cell's start",
    ),
    ViewColumn("profiler_overhead_ms", "e.overhead_s * 1e3", "What the profiler itself took"),
    ViewColumn("sample_count", "e.samples", "Stack samples taken"),
    ViewColumn("exception_type", "e.exception_type", "Exception that ended the cell"),
    ViewColumn("notebook", "e.notebook", "Path of the notebook, where known"),
    ViewColumn("cell_id", "e.cell_id", "Jupyter's id of the cell"),
    ViewColumn("cell_key", "e.cell_key", "The cell, across edits and renames of its notebook"),
    ViewColumn("code_hash", "e.code_hash", "Hash of the normalised source"),
    ViewColumn("code", "c.code", "Source as typed, secrets masked"),
    ViewColumn("host", "e.host", "Machine that ran it"),
    ViewColumn("host_class", "n.host_class", "Kind of machine: processor, cores, memory"),
    ViewColumn("python", "e.python", "Version of Python"),
)
_BOTTLENECKS = (
    ViewColumn("profile_id", "e.id", "Id of the profile (UUIDv7)"),
    ViewColumn("bottleneck_rank", "b.position + 1", "1 for the largest"),
    ViewColumn("bottleneck_type", "b.kind", "function or line"),
    ViewColumn("function_name", "b.name", "Function's qualified name, or the line's text"),
    ViewColumn("module_name", "b.file", "Where it is"),
    ViewColumn("line_number", "b.line", "Where it is"),
    ViewColumn("severity", "b.severity", "critical > 30 %, high > 15 %, medium > 5 %, low below"),
    ViewColumn("time_percent", "b.share * 100.0", "Share of the cell's time, in percent"),
    ViewColumn("cumulative_time", "b.wall_s", "Wall time, in seconds"),
    ViewColumn("cpu_time", "b.cpu_s", "CPU time, in seconds"),
    ViewColumn("reading", "b.reading", "One sentence in plain words"),
    ViewColumn("label", said("label", "e.label"), "Label of the profile"),
    ViewColumn("started_at", "e.started_at", "Begin of the profile (UTC)"),
)

VIEWS: Mapping[str, View] = {
    "execution_profiles": View(
        "executions e LEFT JOIN codes c ON c.hash = e.source_hash "
        "LEFT JOIN environments n ON n.hash = e.environment_hash",
        ("executions", "codes", "environments", "annotations"),
        _PROFILES,
        "Profiles in the predecessor's columns",
    ),
    "profiling_bottlenecks": View(
        "bottlenecks b JOIN executions e ON e.id = b.execution_id",
        ("executions", "bottlenecks", "annotations"),
        _BOTTLENECKS,
        "Bottlenecks in the predecessor's columns",
    ),
}


def duckdb_select(view: View) -> str:
    """Return the view's query for DuckDB, over the tables as queries see them."""
    columns = ", ".join(f"{column.expression} AS {column.name}" for column in view.columns)
    return f"SELECT {columns} FROM {view.source}"  # noqa: S608 - every part is a constant of this file


def sqlite_select(view: View) -> str:
    """Return the view's query for SQLite, where a stamp becomes text in UTC."""
    stamp = "strftime('%Y-%m-%d %H:%M:%f', e.started_at_us / 1e6, 'unixepoch')"
    return duckdb_select(view).replace("e.started_at AS", f"{stamp} AS")
