"""Sources and environments kept once; cells across renames; labels given later; erasure; checksums.

Sources move out of `executions`, masked on the way: rows of the first versions were not. Older rows have
no checksum. A cell's key is the id of its first run.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

from kosmos_nb.core.masking import mask

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT, BIG, FLOAT, BOOL = sa.Text, sa.BigInteger, sa.Float, sa.Boolean

_EXECUTIONS = ("cell_key", "source_hash", "environment_hash", "checksum")
_OLD_INDEXES = (("cell_id", "started_at_us"), ("code_hash", "started_at_us"))
_NEW_INDEXES = (("notebook", "started_at_us"), ("cell_id", "seq"), ("cell_key", "seq"), ("code_hash", "seq"))
# Where users had their say; sources are masked as they move.
_SPOKEN = (
    ("executions", ("label",), ("id",)),
    ("line_stats", ("source",), ("execution_id", "position")),
    ("bottlenecks", ("name", "reading"), ("execution_id", "position")),
    ("runs", ("question", "error"), ("id",)),
    ("hypotheses", ("statement", "reason"), ("run_id", "position")),
    ("experiments", ("error",), ("run_id", "position")),
    ("verdicts", ("statement", "reason"), ("run_id", "position")),
)

_LABEL = """nullif(coalesce((SELECT a.value FROM annotations a WHERE a.entity_id = e.id AND a.field = 'label'
            ORDER BY a.at_us DESC, a.id DESC LIMIT 1), e.label), '')"""
_NOTE = """nullif((SELECT a.value FROM annotations a WHERE a.entity_id = e.id AND a.field = 'note'
            ORDER BY a.at_us DESC, a.id DESC LIMIT 1), '')"""

_OLD_VIEWS = {
    "execution_profiles": """
      SELECT
        e.id AS profile_id,
        strftime('%Y-%m-%d %H:%M:%f', e.started_at_us / 1e6, 'unixepoch') AS started_at,
        e.kind AS profile_type,
        e.mode AS mode,
        e.status AS status,
        e.label AS label,
        e.experiment_id AS experiment_id,
        e.wall_s AS execution_time,
        e.cpu_s AS cpu_time,
        e.peak_bytes / 1e6 AS memory_peak_mb,
        CASE WHEN e.peak_bytes > e.rss_start_bytes
            THEN (e.peak_bytes - e.rss_start_bytes) / 1e6 ELSE 0.0 END AS memory_delta_peak_mb,
        e.overhead_s * 1e3 AS profiler_overhead_ms,
        e.samples AS sample_count,
        e.exception_type AS exception_type,
        e.notebook AS notebook,
        e.cell_id AS cell_id,
        e.code_hash AS code_hash,
        e.code AS code,
        e.host AS host,
        e.python AS python
      FROM executions e
    """,
    "profiling_bottlenecks": """
      SELECT
        e.id AS profile_id,
        b.position + 1 AS bottleneck_rank,
        b.kind AS bottleneck_type,
        b.name AS function_name,
        b.file AS module_name,
        b.line AS line_number,
        b.severity AS severity,
        b.share * 100.0 AS time_percent,
        b.wall_s AS cumulative_time,
        b.cpu_s AS cpu_time,
        b.reading AS reading,
        e.label AS label,
        strftime('%Y-%m-%d %H:%M:%f', e.started_at_us / 1e6, 'unixepoch') AS started_at
      FROM bottlenecks b JOIN executions e ON e.id = b.execution_id
    """,
}
_NEW_VIEWS = {
    "execution_profiles": _OLD_VIEWS["execution_profiles"]
    .replace("e.label AS label,", f"{_LABEL} AS label,\n        {_NOTE} AS note,")
    .replace("e.code_hash AS code_hash,", "e.cell_key AS cell_key,\n        e.code_hash AS code_hash,")
    .replace("e.code AS code,", "c.code AS code,")
    .replace("e.host AS host,", "e.host AS host,\n        n.host_class AS host_class,")
    .replace(
        "FROM executions e",
        "FROM executions e LEFT JOIN codes c ON c.hash = e.source_hash\n"
        "        LEFT JOIN environments n ON n.hash = e.environment_hash",
    ),
    "profiling_bottlenecks": _OLD_VIEWS["profiling_bottlenecks"].replace("e.label AS", f"{_LABEL} AS"),
}


def upgrade() -> None:
    """Add the tables and columns, and move the sources."""
    for name in reversed(_OLD_VIEWS):
        op.execute(f"DROP VIEW {name}")
    _new_tables()
    for name in _EXECUTIONS:
        op.add_column("executions", sa.Column(name, TEXT, nullable=True))
    op.add_column("runs", sa.Column("checksum", TEXT, nullable=True))
    _move_sources()
    _mask_what_was_said()
    _name_cells()
    for columns in _OLD_INDEXES:
        op.drop_index(f"ix_executions_{'_'.join(columns)}", "executions")
    for columns in _NEW_INDEXES:
        op.create_index(f"ix_executions_{'_'.join(columns)}", "executions", list(columns))
    op.drop_column("executions", "code")
    for name, query in _NEW_VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    """Remove them again, and move the sources back."""
    for name in reversed(_NEW_VIEWS):
        op.execute(f"DROP VIEW {name}")
    op.add_column("executions", sa.Column("code", TEXT, nullable=False, server_default=""))
    op.execute(
        "UPDATE executions SET code = coalesce("
        "(SELECT code FROM codes WHERE hash = executions.source_hash), '')"
    )
    for columns in _NEW_INDEXES:
        op.drop_index(f"ix_executions_{'_'.join(columns)}", "executions")
    for columns in _OLD_INDEXES:
        op.create_index(f"ix_executions_{'_'.join(columns)}", "executions", list(columns))
    op.drop_column("runs", "checksum")
    for name in reversed(_EXECUTIONS):
        op.drop_column("executions", name)
    for name in ("sync_state", "tombstones", "annotations", "llm_calls", "environments", "codes"):
        op.drop_table(name)
    for name, query in _OLD_VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def _table(name: str, key: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column(key, TEXT, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("seq", name=f"pk_{name}"),
        sa.UniqueConstraint(key, name=f"uq_{name}_{key}"),
        sqlite_autoincrement=True,
    )


def _said(name: str, kind: type = TEXT) -> "sa.Column[object]":
    return sa.Column(name, kind, nullable=False)


def _maybe(name: str, kind: type = TEXT) -> "sa.Column[object]":
    return sa.Column(name, kind, nullable=True)


def _new_tables() -> None:
    _table("codes", "hash", _said("code"))
    _table(
        "environments",
        "hash",
        *(_said(name) for name in ("host", "host_class", "system", "python")),
        _said("packages", sa.JSON),
    )
    _table(
        "llm_calls",
        "id",
        _said("origin"),
        _said("record_version", BIG),
        _maybe("run_id"),
        *(_said(name) for name in ("role", "model", "status")),
        _said("started_at_us", BIG),
        *(_maybe(name, FLOAT) for name in ("wall_s", "waited_s")),
        *(_said(name, BIG) for name in ("input_tokens", "output_tokens")),
        _maybe("cost_usd", FLOAT),
        _said("attempts", BIG),
        _said("is_cached", BOOL),
        *(_maybe(name) for name in ("stop_reason", "error_type", "checksum")),
    )
    op.create_index("ix_llm_calls_run_id", "llm_calls", ["run_id"])
    _table(
        "annotations",
        "id",
        *(_said(name) for name in ("origin", "entity_id", "field", "value")),
        _said("at_us", BIG),
        _said("author"),
    )
    op.create_index("ix_annotations_entity_id_field", "annotations", ["entity_id", "field"])
    _table("tombstones", "id", _said("origin"), _said("at_us", BIG))
    op.create_table(
        "sync_state",
        _said("remote"),
        _said("epoch"),
        *(_said(name, BIG) for name in ("pushed_seq", "pulled_xid", "synced_at_us")),
        sa.PrimaryKeyConstraint("remote", "epoch", name="pk_sync_state"),
    )


def _move_sources() -> None:
    connection = op.get_bind()
    keep = sa.text("INSERT INTO codes (hash, code) VALUES (:hash, :code) ON CONFLICT (hash) DO NOTHING")
    link = sa.text("UPDATE executions SET source_hash = :hash WHERE seq = :seq")
    for seq, code in connection.execute(sa.text("SELECT seq, code FROM executions WHERE code <> ''")).all():
        masked = mask(code)
        named = hashlib.sha256(masked.encode()).hexdigest()
        connection.execute(keep, {"hash": named, "code": masked})
        connection.execute(link, {"hash": named, "seq": seq})


def _mask_what_was_said() -> None:
    connection = op.get_bind()
    for table, names, keys in _SPOKEN:
        listed = ", ".join((*keys, *names))
        where = " AND ".join(f"{key} = :{key}" for key in keys)
        for row in connection.execute(sa.text(f"SELECT {listed} FROM {table}")).mappings().all():  # noqa: S608
            masked = {name: mask(row[name]) for name in names if row[name]}
            changed = {name: text for name, text in masked.items() if text != row[name]}
            if changed:
                what = ", ".join(f"{name} = :{name}" for name in changed)
                query = f"UPDATE {table} SET {what} WHERE {where}"  # noqa: S608 - names of this file only
                connection.execute(sa.text(query), {**changed, **{key: row[key] for key in keys}})


def _name_cells() -> None:
    # An id that VS Code made up for a notebook without any is none, see `history/cells.py`.
    op.execute(
        "CREATE TEMPORARY TABLE first_runs AS SELECT cell_id, coalesce(notebook, '') AS notebook, host, "
        "min(id) AS id FROM executions WHERE kind = 'cell' AND cell_id <> '' "
        "AND cell_id NOT LIKE 'vscode-notebook-cell:%' GROUP BY cell_id, coalesce(notebook, ''), host"
    )
    op.execute("CREATE INDEX ix_first_runs ON first_runs (cell_id, notebook, host)")
    op.execute(
        "UPDATE executions SET cell_key = coalesce((SELECT f.id FROM first_runs f "
        "WHERE executions.kind = 'cell' AND f.cell_id = executions.cell_id AND f.host = executions.host "
        "AND f.notebook = coalesce(executions.notebook, '')), nullif(code_hash, ''))"
    )
    op.execute("DROP TABLE first_runs")
