"""The tables of what people did: the audit record, actions, moves between panels, consents, answers
to keyed requests."""

from __future__ import annotations

import sqlalchemy as sa

from serving.store.metadata import PatientId, metadata

audit = sa.Table(
    "audit",  # append-only: triggers of the database refuse to change or remove a row
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),  # as it was hashed: UTC, ISO 8601
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("what", sa.String(40), nullable=False),
    sa.Column("patient_id", PatientId),
    sa.Column("run_id", sa.String(40)),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("chain", sa.String(64), nullable=False),
    sa.Index("audit_of_patient", "patient_id", "seq"),
)
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("chain", sa.String(64), nullable=False),
    sa.Column("seal", sa.String(64), nullable=False),
    sa.CheckConstraint("one = 1", name="only_one"),
)
action = sa.Table(
    "action",  # append-only too; its row in `audit` carries the digest of the whole row
    metadata,
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("action_id", sa.String(32), nullable=False, unique=True),
    sa.Column("patient_id", PatientId, nullable=False),
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
    sa.Index("action_of_run", "run_id", "rank"),
)
panel_move = sa.Table(
    "panel_move",  # one row a patient whom a supervisor moved to another panel; told in `audit` too
    metadata,
    sa.Column("move_id", sa.String(32), primary_key=True),  # of all who were moved at once
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("moved_from", sa.Integer, nullable=False),
    sa.Column("manager", sa.Integer, nullable=False),  # where to
    sa.Column("was_by_hand", sa.Boolean, nullable=False),
    sa.Column("undoes", sa.String(32)),  # the move that this one takes back
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("panel_move_at", "at"),
)
consent = sa.Table(
    "consent",  # as `action`
    metadata,
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("patient_id", PatientId, nullable=False),
    sa.Column("matter", sa.String(24), nullable=False),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("consent_of_patient", "patient_id", "place"),
)
keyed_answer = sa.Table(
    "keyed_answer",  # what a request with an Idempotency-Key was answered
    metadata,
    sa.Column("who", sa.Text, primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("asked", sa.String(64), nullable=False),  # sha256 of route and body
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("keyed_answer_at", "at"),
)
seen_token = sa.Table(
    "seen_token",  # the jti of every EHR's token until it expires: none is taken twice
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Index("seen_token_until", "until"),
)
