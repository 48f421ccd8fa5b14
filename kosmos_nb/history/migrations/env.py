"""Run by Alembic: bring the database on the connection that it was given up to date.

The caller has begun an immediate transaction on that connection, so that of two processes
which open a new history at once, one migrates and the other finds it done.
"""

from alembic import context

from kosmos_nb.history.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
