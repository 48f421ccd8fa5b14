"""Room for threads, waiting, sampling errors, child processes and traced memory.

Every new column has a default: rows of the first version keep their meaning, and a kernel that
still runs the older kosmos_nb can go on saving.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT, BIG, FLOAT, BOOL = sa.Text, sa.BigInteger, sa.Float, sa.Boolean

# Table, column, kind, what older rows say; None says that there is nothing.
_NEW = (
    ("executions", "children_cpu_s", FLOAT, "0.0"),
    ("executions", "traces", sa.JSON, "'[]'"),
    ("executions", "heap_peak_bytes", BIG, None),
    ("function_stats", "calls_capped", BOOL, "0"),
    ("function_stats", "self_error_s", FLOAT, "0.0"),
    ("function_stats", "self_lock_s", FLOAT, "0.0"),
    ("function_stats", "self_await_s", FLOAT, "0.0"),
    ("function_stats", "threads", BIG, "1"),
    ("line_stats", "self_s", FLOAT, "0.0"),
    ("line_stats", "error_s", FLOAT, "0.0"),
    ("line_stats", "lock_s", FLOAT, "0.0"),
    ("line_stats", "await_s", FLOAT, "0.0"),
    ("bottlenecks", "share_error", FLOAT, "0.0"),
)


def _of_profile(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("execution_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name=f"fk_{name}_execution_id_executions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "position", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    """Add the columns and tables."""
    for table, name, kind, default in _NEW:
        # What is not a number is kept as NULL: a double may always be.
        nullable = default is None or kind is FLOAT
        said = None if default is None else sa.text(default)
        op.add_column(table, sa.Column(name, kind, nullable=nullable, server_default=said))
    _of_profile(
        "child_processes",
        sa.Column("pid", BIG, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("cpu_s", FLOAT, nullable=True),
        sa.Column("peak_bytes", BIG, nullable=True),
        sa.Column("wall_s", FLOAT, nullable=True),
        sa.Column("is_running", BOOL, nullable=False),
    )
    _of_profile(
        "allocation_sites",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("peak_bytes", BIG, nullable=False),
        sa.Column("peak_blocks", BIG, nullable=False),
        sa.Column("cell_line", BIG, nullable=True),
    )


def downgrade() -> None:
    """Remove them again."""
    op.drop_table("allocation_sites")
    op.drop_table("child_processes")
    for table, name, _, _ in reversed(_NEW):
        op.drop_column(table, name)
