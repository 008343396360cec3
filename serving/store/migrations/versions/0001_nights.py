"""The nights: runs, scores, reasons, lists, panels.

Stores that were made before there were revisions hold some of these tables, on SQLite: they are
given what they lack. Their runs of before hold nothing in a younger column or table, but for
`assignment`, which their lists tell.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_PATIENT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_YOUNGER = {
    "score": ("high_cost_expected_dollars", "readmission_all_days_risk"),
    "reason": ("sensitive",),
}


def _tables() -> sa.MetaData:
    made = sa.MetaData(naming_convention=op.get_context().opts["target_metadata"].naming_convention)

    def of_run(*reference: sa.ForeignKey) -> sa.Column[str]:
        return sa.Column("run_id", sa.String(40), *reference, primary_key=True)

    sa.Table(
        "run", made,
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("manifest", sa.Text),
    )  # fmt: skip
    sa.Table(
        "score", made, of_run(),
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("discharged_on", sa.Date),
        sa.Column("left_out", sa.Text),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("readmission_risk", sa.Double),
        sa.Column("readmission_margin", sa.Double),
        sa.Column("readmission_tier", sa.String(8)),
        sa.Column("readmission_asked_on", sa.Date),
        sa.Column("readmission_null_reason", sa.Text),
        sa.Column("high_cost_risk", sa.Double),
        sa.Column("high_cost_margin", sa.Double),
        sa.Column("high_cost_tier", sa.String(8)),
        sa.Column("high_cost_asked_on", sa.Date),
        sa.Column("high_cost_null_reason", sa.Text),
        sa.Column("high_cost_expected_dollars", sa.Double),
        sa.Column("readmission_all_days_risk", sa.Double),
        sa.Index("score_of_patient", "patient_id", "run_id"),
    )  # fmt: skip
    sa.Table(
        "reason", made, of_run(),
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("task", sa.String(12), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("concept", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("share", sa.Double, nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("actionable", sa.Boolean, nullable=False),
        sa.Column("sensitive", sa.Text),
    )  # fmt: skip
    sa.Table(
        "worklist", made, of_run(sa.ForeignKey("run.run_id")),
        sa.Column("rank", sa.Integer, primary_key=True),
        sa.Column("manager", sa.Integer, nullable=False),
        sa.Column("patient_id", _PATIENT, nullable=False),
        sa.Column("tier", sa.String(8), nullable=False),
        sa.Column("queue", sa.String(20), nullable=False),
        sa.UniqueConstraint("run_id", "patient_id"),
    )  # fmt: skip
    sa.Table(
        "known_score", made, of_run(),
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("score", sa.String(24), primary_key=True),
        sa.Column("low", sa.Double),
        sa.Column("high", sa.Double),
        sa.Column("lacking", sa.Text, nullable=False),
    )  # fmt: skip
    sa.Table(
        "allocation", made, of_run(sa.ForeignKey("run.run_id")),
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("queue", sa.String(20), nullable=False),
        sa.Column("allocation", sa.String(16), nullable=False),
    )  # fmt: skip
    sa.Table(
        "published", made,
        sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), nullable=False),
        sa.CheckConstraint('"only" = 1', name="only_one"),
    )  # fmt: skip
    sa.Table(
        "assignment", made,
        sa.Column("patient_id", _PATIENT, primary_key=True),
        sa.Column("manager", sa.Integer, nullable=False),
        sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Index("assignment_of_manager", "manager", "patient_id"),
    )  # fmt: skip
    return made


def upgrade() -> None:
    """Makes what is not there yet."""
    connection, made = op.get_bind(), _tables()
    adopted = sa.inspect(connection).has_table("worklist")
    made.create_all(connection)
    if not adopted:
        return
    for table, columns in _YOUNGER.items():
        there = {column["name"] for column in sa.inspect(connection).get_columns(table)}
        for column in columns:
            if column not in there:
                op.add_column(table, sa.Column(column, made.tables[table].c[column].type))
    for index in made.tables["score"].indexes:
        index.create(connection, checkfirst=True)
    op.execute(_PANELS)


# Each patient's newest place, and the first day of the lists since then on which he was the same
# manager's without a break.
_PANELS = """
INSERT INTO assignment (patient_id, manager, run_id, since)
WITH place AS (
    SELECT patient_id, manager, run_id, as_of, row_number() OVER newest_first AS age,
           first_value(manager) OVER newest_first AS newest
    FROM worklist JOIN run USING (run_id)
    WHERE status = 'published'
    WINDOW newest_first AS (PARTITION BY patient_id ORDER BY started_at DESC, run_id DESC)
), counted AS (
    SELECT place.*, sum(CASE WHEN manager = newest THEN 0 ELSE 1 END)
           OVER (PARTITION BY patient_id ORDER BY age) AS others
    FROM place
)
SELECT patient_id, newest, max(CASE WHEN age = 1 THEN run_id END), min(as_of)
FROM counted
WHERE others = 0
GROUP BY patient_id, newest
"""


def downgrade() -> None:
    """Drops every table of the nights."""
    _tables().drop_all(op.get_bind())
