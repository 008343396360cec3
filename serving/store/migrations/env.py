"""What Alembic runs: the migrations on the connection that `serving.store.revisions` has open."""

from __future__ import annotations

from alembic import context

from serving.store.revisions import VERSION_TABLE
from serving.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,  # for the names of constraints; the migrations spell out the rest
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
