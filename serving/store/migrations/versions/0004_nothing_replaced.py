"""SQLite refuses to replace a row of `audit`, `action` and `consent`: INSERT OR REPLACE removes the
older row without firing a DELETE trigger.

PostgreSQL needs nothing: its triggers of UPDATE are fired by INSERT ... ON CONFLICT DO UPDATE and
by MERGE too.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_KEYS = {"audit": ("seq",), "action": ("place", "action_id", "undoes"), "consent": ("place",)}


def upgrade() -> None:
    """Makes the triggers. A row that is given no rowid has -1 for it before it is inserted."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, keys in _KEYS.items():
        same = " OR ".join(f"{key} = NEW.{key}" for key in (*keys, "rowid"))
        op.execute(
            f"CREATE TRIGGER {table}_stays_INSERT BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            "BEGIN SELECT RAISE(ABORT, 'rows of this table are never changed'); END"
        )


def downgrade() -> None:
    """Drops the triggers."""
    if op.get_bind().dialect.name == "sqlite":
        for table in _KEYS:
            op.execute(f"DROP TRIGGER {table}_stays_INSERT")
