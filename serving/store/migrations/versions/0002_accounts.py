"""The way in: accounts, attempts to sign in, sessions, service tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _tables() -> sa.MetaData:
    made = sa.MetaData(naming_convention=op.get_context().opts["target_metadata"].naming_convention)
    sa.Table(
        "account", made,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("manager", sa.Integer),
        sa.Column("matters", sa.Text, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('case_manager', 'supervisor', 'analyst', 'admin')", name="role_of_a_person"
        ),
        sa.CheckConstraint(
            "(role = 'case_manager') = (manager IS NOT NULL)", name="panel_of_a_case_manager"
        ),
    )  # fmt: skip
    sa.Table(
        "sign_in_attempt", made,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("forgiven", sa.BigInteger, nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True)),
    )  # fmt: skip
    sa.Table(
        "session", made,
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column(
            "name", sa.String(64), sa.ForeignKey("account.name", ondelete="CASCADE"),
            nullable=False, index=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
    )  # fmt: skip
    sa.Table(
        "service_token", made,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("matters", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.Column("last_used_on", sa.Date),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )  # fmt: skip
    return made


def upgrade() -> None:
    """Makes the tables, and the row that counts for names that are no account's."""
    made = _tables()
    made.create_all(op.get_bind())
    op.execute(sa.insert(made.tables["sign_in_attempt"]).values(name="", begun=0, forgiven=0))


def downgrade() -> None:
    """Drops them; whoever was signed in has to be given an account anew."""
    _tables().drop_all(op.get_bind())
