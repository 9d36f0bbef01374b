"""What Alembic runs to migrate: on the connection that `hub.migrations.schema` hands over, inside its transaction."""

from alembic import context

given = context.config.attributes
# SQLite changes a table by writing it anew, which is what Alembic calls a batch.
context.configure(connection=given["connection"], version_table=given["version_table"], render_as_batch=True)
context.run_migrations()
