"""Sessions of whoever signs in with the site's identity provider, and everybody's own time zone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _table() -> sa.Table:
    made = sa.MetaData(naming_convention=op.get_context().opts["target_metadata"].naming_convention)
    return sa.Table(
        "provider_session", made,
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("called", sa.Text),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("manager", sa.Integer),
        sa.Column("matters", sa.Text, nullable=False),
        sa.Column("time_zone", sa.String(64)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('case_manager', 'supervisor', 'analyst', 'admin')", name="role_of_a_person"
        ),
        sa.CheckConstraint(
            "(role = 'case_manager') = (manager IS NOT NULL)", name="panel_of_a_case_manager"
        ),
    )  # fmt: skip


def upgrade() -> None:
    """Makes the table, where nobody is signed in yet, and the column: all have the site's zone."""
    op.add_column("account", sa.Column("time_zone", sa.String(64)))
    _table().create(op.get_bind())


def downgrade() -> None:
    """Drops both; whoever was signed in so signs in anew."""
    _table().drop(op.get_bind())
    op.drop_column("account", "time_zone")
