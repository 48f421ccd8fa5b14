"""Room for the data that cells read, and for whether a kernel had run the code before.

Every new column has a default, or may be NULL: older rows keep their meaning, and a kernel that still
runs an older kosmos_nb can go on saving.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("executions", sa.Column("is_warm", sa.Boolean, nullable=True))
    zero = sa.text("0")
    op.add_column("executions", sa.Column("input_cells", sa.BigInteger, nullable=False, server_default=zero))
    op.create_table(
        "inputs",
        sa.Column("execution_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="fk_inputs_execution_id_executions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("execution_id", "position", name="pk_inputs"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove them again."""
    op.drop_table("inputs")
    op.drop_column("executions", "input_cells")
    op.drop_column("executions", "is_warm")
