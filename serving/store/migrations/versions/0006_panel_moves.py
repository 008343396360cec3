"""Who moved whom from one panel to another, and which patients are where they are by a move."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_PATIENT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table of moves; nobody was moved by hand before."""
    moved = sa.Column("by_hand", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("assignment", moved)
    with op.batch_alter_table("assignment") as assignment:
        assignment.alter_column("by_hand", server_default=None)
    op.create_table(
        "panel_move",
        sa.Column("move_id", sa.String(32), primary_key=True),
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("moved_from", sa.Integer, nullable=False),
        sa.Column("manager", sa.Integer, nullable=False),
        sa.Column("was_by_hand", sa.Boolean, nullable=False),
        sa.Column("undoes", sa.String(32)),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("panel_move_at", "panel_move", ["at"])
    is_there = sa.text("discharged_on IS NOT NULL")
    op.create_index(
        "score_of_discharged", "score", ["run_id", "discharged_on"],
        postgresql_where=is_there, sqlite_where=is_there,
    )  # fmt: skip
    op.create_index("action_of_run", "action", ["run_id", "rank"])


def downgrade() -> None:
    """Drops the moves; whoever was moved stays where he is."""
    op.drop_index("score_of_discharged", "score")
    op.drop_index("action_of_run", "action")
    op.drop_index("panel_move_at", "panel_move")
    op.drop_table("panel_move")
    op.drop_column("assignment", "by_hand")
