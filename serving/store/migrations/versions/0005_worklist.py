"""What a list tells beside its order: by when outreach is due, what changed and why, who is gone;
and which discharges the runs told, apart from their rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_PATIENT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ADDED = (("due_at", sa.String(32)), ("change", sa.String(8)), ("change_why", sa.Text),
          ("rose_from", sa.Double))  # fmt: skip

# What differs from the run before, of those that told any; the newest published last.
_TOLD = """
INSERT INTO told_discharge (patient_id, told_at, discharged_on)
SELECT patient_id, told_at, discharged_on
FROM (
    SELECT score.patient_id, coalesce(run.finished_at, run.started_at) AS told_at,
           score.discharged_on,
           lag(score.discharged_on) OVER (
               PARTITION BY score.patient_id
               ORDER BY coalesce(run.finished_at, run.started_at), run.run_id
           ) AS before_it
    FROM score JOIN run ON run.run_id = score.run_id
    WHERE score.discharged_on IS NOT NULL AND run.status IN ('published', 'retired')
) AS each_run
WHERE before_it IS NULL OR before_it <> discharged_on
ON CONFLICT DO NOTHING
"""


def _tables() -> sa.MetaData:
    made = sa.MetaData(naming_convention=op.get_context().opts["target_metadata"].naming_convention)
    sa.Table("run", made, sa.Column("run_id", sa.String(40), primary_key=True))
    sa.Table(
        "list_gone",
        made,
        sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), primary_key=True),
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("manager", sa.Integer, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    sa.Table(
        "told_discharge",
        made,
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("told_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("discharged_on", sa.Date, nullable=False),
    )
    return made


def upgrade() -> None:
    """Adds the columns, makes the tables, and fills in what the runs of before told."""
    for name, type_ in _ADDED:
        op.add_column("worklist", sa.Column(name, type_))
    made = _tables()
    for name in ("list_gone", "told_discharge"):
        made.tables[name].create(op.get_bind())
    op.execute(_TOLD)


def downgrade() -> None:
    """Drops both tables and the columns."""
    op.drop_table("told_discharge")
    op.drop_table("list_gone")
    for name, _ in reversed(_ADDED):
        op.drop_column("worklist", name)
