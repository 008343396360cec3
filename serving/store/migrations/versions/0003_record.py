"""The record: the audit's chained rows, actions, consents, answers to keyed requests, EHRs' tokens
that were seen.

The database itself refuses to change or remove a row of `audit`, `action` and `consent`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_PATIENT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_APPEND_ONLY = ("audit", "action", "consent")


def _tables() -> sa.MetaData:
    made = sa.MetaData(naming_convention=op.get_context().opts["target_metadata"].naming_convention)
    sa.Table(
        "audit",
        made,
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),  # as it was hashed: UTC, ISO 8601
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("patient_id", _PATIENT),
        sa.Column("run_id", sa.String(40)),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Index("audit_of_patient", "patient_id", "seq"),
    )
    sa.Table(
        "audit_head",
        made,
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.CheckConstraint("one = 1", name="only_one"),
    )
    sa.Table(
        "action",
        made,
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("action_id", sa.String(32), nullable=False, unique=True),
        sa.Column("patient_id", _PATIENT, nullable=False),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("tier", sa.String(8)),
        sa.Column("reason", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("undoes", sa.String(32), unique=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("action_of_patient", "patient_id", "place"),
    )
    sa.Table(
        "consent",
        made,
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("patient_id", _PATIENT, nullable=False),
        sa.Column("matter", sa.String(24), nullable=False),
        sa.Column("given", sa.Boolean, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("consent_of_patient", "patient_id", "place"),
    )
    sa.Table(
        "keyed_answer",
        made,
        sa.Column("who", sa.Text, primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("asked", sa.String(64), nullable=False),  # sha256 of route and body
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("keyed_answer_at", "at"),
    )
    sa.Table(
        "seen_token",
        made,
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("token_id", sa.Text, primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Index("seen_token_until", "until"),
    )
    return made


def upgrade() -> None:
    """Makes the tables and what keeps them append-only."""
    connection = op.get_bind()
    _tables().create_all(connection)
    if connection.dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of this table are never changed'; END $$"
        )
    for table in _APPEND_ONLY:
        for statement in _triggers(table, connection.dialect.name):
            op.execute(statement)


def _triggers(table: str, dialect: str) -> list[str]:
    if dialect == "postgresql":
        return [
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ]
    return [
        f"CREATE TRIGGER {table}_stays_{what} BEFORE {what} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'rows of this table are never changed'); END"
        for what in ("UPDATE", "DELETE")
    ]


def downgrade() -> None:
    """Drops all of it: whoever goes back keeps a copy of the record first."""
    connection = op.get_bind()
    _tables().drop_all(connection)
    if connection.dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
