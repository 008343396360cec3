"""The tables of the nights: runs, scores, reasons, lists, and whose panel a patient is in."""

from __future__ import annotations

import sqlalchemy as sa

from serving.store.metadata import PatientId, metadata

run = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    # running | published | abandoned | retired: published, and most of its rows dropped since
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("manifest", sa.Text),
)


def _of_run(*reference: sa.ForeignKey) -> sa.Column[str]:
    """The large tables go without a reference to `run`, which PostgreSQL would look up row by row:
    they are written in the transaction that finds the run open, and by nothing else."""
    return sa.Column("run_id", sa.String(40), *reference, primary_key=True)


score = sa.Table(
    "score",
    metadata,
    _of_run(),
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("discharged_on", sa.Date),
    sa.Column("left_out", sa.Text),
    sa.Column("warnings", sa.Text, nullable=False),
    *(
        sa.Column(f"{task}_{name}", type_)
        for task in ("readmission", "high_cost")
        for name, type_ in (
            ("risk", sa.Double),
            ("margin", sa.Double),
            ("tier", sa.String(8)),
            ("asked_on", sa.Date),
            ("null_reason", sa.Text),
        )
    ),
    sa.Column("high_cost_expected_dollars", sa.Double),  # the allowed amount of the outcome window
    sa.Column("readmission_all_days_risk", sa.Double),  # as if all days were left: gives the tier
    sa.Index("score_of_patient", "patient_id", "run_id"),
    sa.Index(
        "score_of_discharged",
        "run_id",
        "discharged_on",
        postgresql_where=sa.text("discharged_on IS NOT NULL"),
        sqlite_where=sa.text("discharged_on IS NOT NULL"),
    ),
)
reason = sa.Table(
    "reason",
    metadata,
    _of_run(),
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("task", sa.String(12), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("concept", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("direction", sa.String(8), nullable=False),
    sa.Column("actionable", sa.Boolean, nullable=False),
    sa.Column("sensitive", sa.Text),  # what makes it a sensitive matter; NULL: nothing
)
entry = sa.Table(
    "worklist",
    metadata,
    _of_run(sa.ForeignKey("run.run_id")),
    sa.Column("rank", sa.Integer, primary_key=True),
    sa.Column("manager", sa.Integer, nullable=False),
    sa.Column("patient_id", PatientId, nullable=False),
    sa.Column("tier", sa.String(8), nullable=False),
    sa.Column("queue", sa.String(20), nullable=False),
    sa.UniqueConstraint("run_id", "patient_id"),
    sa.Column("due_at", sa.String(32)),  # by when outreach is due: UTC, ISO 8601
    sa.Column("change", sa.String(8)),  # new | changed since the list before; NULL: neither
    sa.Column("change_why", sa.Text),
    sa.Column("rose_from", sa.Double),  # the high-cost risk a month ago, where it rises
)
gone = sa.Table(
    "list_gone",  # who stood on the list before this one and does not on this one
    metadata,
    _of_run(sa.ForeignKey("run.run_id")),
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("manager", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
known = sa.Table(
    "known_score",
    metadata,
    _of_run(),
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("score", sa.String(24), primary_key=True),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("lacking", sa.Text, nullable=False),
)
allocation = sa.Table(
    "allocation",  # whom the draw of the last places reached
    metadata,
    _of_run(sa.ForeignKey("run.run_id")),
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("queue", sa.String(20), nullable=False),
    sa.Column("allocation", sa.String(16), nullable=False),
)
published = sa.Table(
    "published",
    metadata,
    sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), nullable=False),
    sa.CheckConstraint('"only" = 1', name="only_one"),
)
assignment = sa.Table(
    "assignment",  # whose panel a patient is in: of who was never on a list there is no row
    metadata,
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("manager", sa.Integer, nullable=False),
    sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), nullable=False),  # newest place
    sa.Column("since", sa.Date, nullable=False),  # as_of of the first list with this manager
    # whether a supervisor put him there, so that the nights keep to it
    sa.Column("by_hand", sa.Boolean, nullable=False, default=False),
    sa.Index("assignment_of_manager", "manager", "patient_id"),
)

told_discharge = sa.Table(
    "told_discharge",  # see serving.store.discharges
    metadata,
    sa.Column("patient_id", PatientId, primary_key=True),
    sa.Column("told_at", sa.DateTime(timezone=True), primary_key=True),  # by a run's publication
    sa.Column("discharged_on", sa.Date, nullable=False),
)

REASON_COLUMNS = (
    "patient_id", "task", "position", "concept", "words", "share", "direction", "actionable",
)  # fmt: skip
"""What every frame of reasons holds; it may hold `sensitive` too."""


def _columns(table: sa.Table) -> tuple[str, ...]:
    return tuple(c.name for c in table.columns if c.name != "run_id")


SCORE_COLUMNS = _columns(score)
ENTRY_COLUMNS = ("rank", "manager", "patient_id", "tier", "queue")
"""What every frame of places holds; it may hold ENTRY_DETAILS too."""
ENTRY_DETAILS = ("due_at", "change", "change_why", "rose_from")
GONE_COLUMNS = _columns(gone)
KNOWN_COLUMNS = _columns(known)
ALLOCATION_COLUMNS = _columns(allocation)
QUEUE_TASK = {"recently discharged": "readmission", "high cost": "high-cost"}
