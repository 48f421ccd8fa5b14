"""The first tables and views of the history.

A migration is frozen: it repeats what the models and views said when it was written.
"""

import sqlalchemy as sa
from alembic import op

from kosmos_nb.core import uuid7

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


TEXT, BIG, FLOAT, JSON = sa.Text, sa.BigInteger, sa.Float, sa.JSON


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _executions() -> None:
    op.create_table(
        "executions",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("record_version", BIG, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("mode", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_at_us", BIG, nullable=False),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("cpu_s", FLOAT, nullable=True),
        sa.Column("user_s", FLOAT, nullable=True),
        sa.Column("system_s", FLOAT, nullable=True),
        sa.Column("main_thread_cpu_s", FLOAT, nullable=True),
        sa.Column("rss_start_bytes", BIG, nullable=False),
        sa.Column("rss_end_bytes", BIG, nullable=False),
        sa.Column("peak_bytes", BIG, nullable=False),
        sa.Column("peak_method", TEXT, nullable=False),
        sa.Column("minor_faults", BIG, nullable=False),
        sa.Column("major_faults", BIG, nullable=False),
        sa.Column("voluntary_switches", BIG, nullable=False),
        sa.Column("involuntary_switches", BIG, nullable=False),
        sa.Column("read_bytes", BIG, nullable=True),
        sa.Column("written_bytes", BIG, nullable=True),
        sa.Column("gc_runs", BIG, nullable=False),
        sa.Column("gc_s", FLOAT, nullable=True),
        sa.Column("overhead_s", FLOAT, nullable=True),
        sa.Column("samples", BIG, nullable=False),
        sa.Column("interval_s", FLOAT, nullable=True),
        sa.Column("exception_type", TEXT, nullable=True),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("code_hash", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=True),
        sa.Column("experiment_id", TEXT, nullable=True),
        sa.Column("notebook", TEXT, nullable=True),
        sa.Column("cell_id", TEXT, nullable=True),
        sa.Column("execution_count", BIG, nullable=True),
        sa.Column("kernel_id", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("python", TEXT, nullable=False),
        sa.Column("threshold_pct", FLOAT, nullable=True),
        sa.Column("notes", JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_executions"),
        sa.UniqueConstraint("id", name="uq_executions_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_executions_cell_id_started_at_us", "executions", ["cell_id", "started_at_us"])
    op.create_index("ix_executions_code_hash_started_at_us", "executions", ["code_hash", "started_at_us"])
    op.create_index("ix_executions_started_at_us", "executions", ["started_at_us"])


def _function_stats() -> None:
    op.create_table(
        "function_stats",
        sa.Column("execution_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("self_s", FLOAT, nullable=True),
        sa.Column("total_s", FLOAT, nullable=True),
        sa.Column("self_cpu_s", FLOAT, nullable=True),
        sa.Column("total_cpu_s", FLOAT, nullable=True),
        sa.Column("samples", BIG, nullable=False),
        sa.Column("calls", BIG, nullable=True),
        sa.PrimaryKeyConstraint("execution_id", "position", name="pk_function_stats"),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.id"],
            name="fk_function_stats_execution_id_executions",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )


def _line_stats() -> None:
    op.create_table(
        "line_stats",
        sa.Column("execution_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("cpu_s", FLOAT, nullable=True),
        sa.Column("samples", BIG, nullable=False),
        sa.Column("memory_growth_mb", FLOAT, nullable=True),
        sa.PrimaryKeyConstraint("execution_id", "position", name="pk_line_stats"),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.id"],
            name="fk_line_stats_execution_id_executions",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )


def _bottlenecks() -> None:
    op.create_table(
        "bottlenecks",
        sa.Column("execution_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("share", FLOAT, nullable=True),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("cpu_s", FLOAT, nullable=True),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("reading", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("execution_id", "position", name="pk_bottlenecks"),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["executions.id"],
            name="fk_bottlenecks_execution_id_executions",
            ondelete="CASCADE",
        ),
        sqlite_with_rowid=False,
    )


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("execution_id", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("execution_id", "part", name="pk_blobs"),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="fk_blobs_execution_id_executions", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("record_version", BIG, nullable=False),
        sa.Column("question", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_at_us", BIG, nullable=False),
        sa.Column("data_name", TEXT, nullable=False),
        sa.Column("data_hash", TEXT, nullable=False),
        sa.Column("n_rows", BIG, nullable=False),
        sa.Column("n_columns", BIG, nullable=False),
        sa.Column("seed", BIG, nullable=False),
        sa.Column("alpha", FLOAT, nullable=True),
        sa.Column("smallest", FLOAT, nullable=True),
        sa.Column("workers", BIG, nullable=False),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("cpu_s", FLOAT, nullable=True),
        sa.Column("peak_bytes", BIG, nullable=False),
        sa.Column("slowest_step", TEXT, nullable=False),
        sa.Column("slowest_step_s", FLOAT, nullable=True),
        sa.Column("notes", JSON, nullable=False),
        sa.Column("versions", JSON, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("picture_seq", BIG, nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("eta_s", FLOAT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_started_at_us", "runs", ["started_at_us"])


def _hypotheses() -> None:
    op.create_table(
        "hypotheses",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("hypothesis_id", TEXT, nullable=False),
        sa.Column("statement", TEXT, nullable=False),
        sa.Column("family", TEXT, nullable=False),
        sa.Column("x", TEXT, nullable=False),
        sa.Column("y", TEXT, nullable=False),
        sa.Column("given", JSON, nullable=False),
        sa.Column("registered_hash", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("effect", FLOAT, nullable=True),
        sa.Column("ci_low", FLOAT, nullable=True),
        sa.Column("ci_high", FLOAT, nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_hypotheses"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_hypotheses_run_id_runs", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("hypothesis_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_at_us", BIG, nullable=False),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("cpu_s", FLOAT, nullable=True),
        sa.Column("peak_bytes", BIG, nullable=False),
        sa.Column("worker_pid", BIG, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_experiments"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_experiments_run_id_runs", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("hypothesis_id", TEXT, nullable=False),
        sa.Column("statement", TEXT, nullable=False),
        sa.Column("family", TEXT, nullable=False),
        sa.Column("x", TEXT, nullable=False),
        sa.Column("y", TEXT, nullable=False),
        sa.Column("given", TEXT, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("p", FLOAT, nullable=True),
        sa.Column("p_adj", FLOAT, nullable=True),
        sa.Column("effect", FLOAT, nullable=True),
        sa.Column("effect_metric", TEXT, nullable=False),
        sa.Column("ci_low", FLOAT, nullable=True),
        sa.Column("ci_high", FLOAT, nullable=True),
        sa.Column("sign", TEXT, nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.Column("caveats", JSON, nullable=False),
        sa.Column("evidence", TEXT, nullable=False),
        sa.Column("cost_usd", FLOAT, nullable=True),
        sa.Column("effect_raw", FLOAT, nullable=True),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("detectable", FLOAT, nullable=True),
        sa.Column("m", BIG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_verdicts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_verdicts_run_id_runs", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


_VIEWS = {
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


def upgrade() -> None:
    """Create everything."""
    for create in (
        _meta,
        _executions,
        _function_stats,
        _line_stats,
        _bottlenecks,
        _blobs,
        _runs,
        _hypotheses,
        _experiments,
        _verdicts,
    ):
        create()
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
    meta = sa.table("meta", sa.column("key"), sa.column("content"))
    op.bulk_insert(meta, [{"key": "origin", "content": uuid7()}])


def downgrade() -> None:
    """Remove everything."""
    for name in reversed(_VIEWS):
        op.execute(f"DROP VIEW {name}")
    for name in (
        "verdicts",
        "experiments",
        "hypotheses",
        "runs",
        "blobs",
        "bottlenecks",
        "line_stats",
        "function_stats",
        "executions",
        "meta",
    ):
        op.drop_table(name)
