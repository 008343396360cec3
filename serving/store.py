"""What the nights said: runs, scores, reasons and lists. The only door to the database.

A run is written whole in one transaction, the pointer to it included. A reader asks for the
pointer first and then reads rows of that run, which nobody changes any more: whoever reads sees
the whole old list or the whole new one. A night that is killed leaves at most its row in `run`;
the next night marks that row abandoned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import event

from data.home import Home
from serving.night_lock import held
from serving.randomised import told
from serving.run_rows import records

_metadata = sa.MetaData()

_run = sa.Table(
    "run",
    _metadata,
    sa.Column("run_id", sa.String(40), primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("status", sa.String(12), nullable=False),  # running | published | abandoned
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("manifest", sa.Text),
)


def _of_run() -> sa.Column[str]:
    return sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), primary_key=True)


_score = sa.Table(
    "score",
    _metadata,
    _of_run(),
    sa.Column("patient_id", sa.Text, primary_key=True),
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
)
_reason = sa.Table(
    "reason",
    _metadata,
    _of_run(),
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("task", sa.String(12), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("concept", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("direction", sa.String(8), nullable=False),
    sa.Column("actionable", sa.Boolean, nullable=False),
)
_entry = sa.Table(
    "worklist",
    _metadata,
    _of_run(),
    sa.Column("rank", sa.Integer, primary_key=True),
    sa.Column("manager", sa.Integer, nullable=False),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("tier", sa.String(8), nullable=False),
    sa.Column("queue", sa.String(20), nullable=False),
    sa.UniqueConstraint("run_id", "patient_id"),
)
_known = sa.Table(
    "known_score",  # a table of its own: stores of before it get it as they are opened
    _metadata,
    _of_run(),
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("score", sa.String(24), primary_key=True),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("lacking", sa.Text, nullable=False),
)
_allocation = sa.Table(
    "allocation",  # whom the draw of the last places reached; younger than known_score
    _metadata,
    _of_run(),
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("queue", sa.String(20), nullable=False),
    sa.Column("allocation", sa.String(16), nullable=False),
)
_published = sa.Table(
    "published",
    _metadata,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.String(40), sa.ForeignKey("run.run_id"), nullable=False),
    sa.CheckConstraint("only = 1"),
)

SCORE_COLUMNS = tuple(c.name for c in _score.columns if c.name != "run_id")
REASON_COLUMNS = tuple(c.name for c in _reason.columns if c.name != "run_id")
ENTRY_COLUMNS = tuple(c.name for c in _entry.columns if c.name != "run_id")
KNOWN_COLUMNS = tuple(c.name for c in _known.columns if c.name != "run_id")
ALLOCATION_COLUMNS = tuple(c.name for c in _allocation.columns if c.name != "run_id")
QUEUE_TASK = {"recently discharged": "readmission", "high cost": "high-cost"}


@dataclass(frozen=True)
class Run:
    """One night's scoring. `manifest` names models, data cut and settings; {} until published."""

    run_id: str
    as_of: date
    status: str
    manifest: Mapping[str, Any]


def _as_run(row: sa.Row[Any]) -> Run:
    return Run(row.run_id, row.as_of, row.status, json.loads(row.manifest or "{}"))


def _of_patients(
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[str],
    run_id: str,
    patients: Sequence[str],
) -> dict[str, list[dict[str, Any]]]:
    """The rows of a run's table apart by patient, each patient's in the order of its key."""
    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(patients), 500):
        rows = connection.execute(
            sa.select(*(table.c[name] for name in columns))
            .where(table.c.run_id == run_id, table.c.patient_id.in_(patients[start : start + 500]))
            .order_by(*table.primary_key.columns)
        )
        for row in rows:
            one = dict(row._mapping)
            found.setdefault(one.pop("patient_id"), []).append(one)
    return found


def _connected_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, for reads too
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _younger_columns(connection: sa.Connection) -> list[sa.Column[Any]]:
    """The score columns that the database does not have, because it was made before them."""
    there = {column["name"] for column in sa.inspect(connection).get_columns(_score.name)}
    return [column for column in _score.columns if column.name not in there]


def _lacks(connection: sa.Connection) -> bool:
    """Whether a table or a score column is not there yet."""
    there = set(sa.inspect(connection).get_table_names())
    return not there.issuperset(_metadata.tables) or bool(_younger_columns(connection))


def _of_one_person(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return (one.c.run_id == other.c.run_id) & (one.c.patient_id == other.c.patient_id)


class Store:
    """The nights, over one database. Safe for several readers beside one writing night."""

    def __init__(self, path: Path) -> None:
        """Opens the SQLite file at `path`, or makes it. One that was made before a table or a score
        column was declared is given it here; its runs of before hold nothing in it."""
        Home(path.parent).make()
        self._path = path
        self._engine = sa.create_engine(f"sqlite:///{path}", hide_parameters=True)
        event.listen(self._engine, "connect", _connected_sqlite)
        event.listen(self._engine, "begin", _begin)
        with self._engine.begin() as connection:
            lacks = _lacks(connection)
        if lacks:  # whoever comes second waits for the first, and finds nothing to do
            # a reader that turns writer does not wait: it fails where another writes
            alone = self._engine.execution_options(begin="BEGIN IMMEDIATE")
            with alone.begin() as connection:
                _metadata.create_all(connection)
                for column in _younger_columns(connection):
                    added = sa.schema.CreateColumn(column).compile(connection)
                    connection.execute(sa.text(f"ALTER TABLE {_score.name} ADD COLUMN {added}"))

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def night(self) -> Iterator[None]:
        """Holds the right to write a night; the system frees it when the process dies.

        Raises RefusalError where another process holds it.
        """
        with held(self._path.with_suffix(".night")):
            yield

    def start(self, as_of: date) -> str:
        """Opens a run and returns its id; runs that were never finished become abandoned.

        Call it within `night()`: only there is it certain that nobody else is still running.
        """
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(_run).where(_run.c.status == "running").values(status="abandoned")
            )
            before = connection.scalar(
                sa.select(sa.func.count()).select_from(_run).where(_run.c.as_of == as_of)
            )
            run_id = f"{as_of.isoformat()}.{(before or 0) + 1}"
            connection.execute(
                sa.insert(_run).values(
                    run_id=run_id, as_of=as_of, status="running", started_at=datetime.now(UTC)
                )
            )
        return run_id

    def abandon(self, run_id: str) -> None:
        """Says that a run ended without a list; what was published stays."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(_run)
                .where(_run.c.run_id == run_id, _run.c.status == "running")
                .values(status="abandoned", finished_at=datetime.now(UTC))
            )

    def publish(
        self,
        run_id: str,
        scores: pd.DataFrame,
        reasons: pd.DataFrame,
        entries: pd.DataFrame,
        manifest: Mapping[str, Any],
        known: pd.DataFrame,
        allocations: pd.DataFrame | None = None,
    ) -> None:
        """Writes a whole run and makes it the published one, in one transaction.

        `scores` has one row a person (`SCORE_COLUMNS`), `reasons` one row a reason
        (`REASON_COLUMNS`), `entries` one row a place on the list (`ENTRY_COLUMNS`), `known` one
        row a person and score that clinicians know (`KNOWN_COLUMNS`), `allocations` one row a
        person whom the draw of the last places reached (`ALLOCATION_COLUMNS`).
        Raises ValueError where the run is not open.
        """
        with self._engine.begin() as connection:
            done = connection.execute(
                sa.update(_run)
                .where(_run.c.run_id == run_id, _run.c.status == "running")
                .values(
                    status="published",
                    finished_at=datetime.now(UTC),
                    manifest=json.dumps(manifest, sort_keys=True),
                )
            )
            if done.rowcount != 1:
                raise ValueError("only an open run can be published")
            for table, frame, columns in (
                (_score, scores, SCORE_COLUMNS),
                (_reason, reasons, REASON_COLUMNS),
                (_entry, entries, ENTRY_COLUMNS),
                (_known, known, KNOWN_COLUMNS),
                (_allocation, allocations, ALLOCATION_COLUMNS),
            ):
                for batch in records(frame, columns, run_id):
                    connection.execute(sa.insert(table), batch)
            connection.execute(sa.delete(_published))
            connection.execute(sa.insert(_published).values(only=1, run_id=run_id))

    def published(self) -> Run | None:
        """The run that readers see, or None before the first night."""
        with self._engine.begin() as connection:
            row = connection.execute(sa.select(_run).join(_published)).one_or_none()
        return None if row is None else _as_run(row)

    def runs(self) -> list[Run]:
        """Every run, the oldest first."""
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(_run).order_by(_run.c.started_at, _run.c.run_id))
            return [_as_run(row) for row in rows]

    def allocations(self) -> pd.DataFrame:
        """One row a person and published list that he was on, or kept off by the draw, in the order
        of publication; its columns are told in `serving.randomised.told`."""
        both = (sa.select(t.c.run_id, t.c.patient_id) for t in (_entry, _allocation))
        who = sa.union(*both).subquery()
        joined = sa.join(who, _run, _run.c.run_id == who.c.run_id)
        joined = joined.join(_score, _of_one_person(who, _score))
        joined = joined.outerjoin(_entry, _of_one_person(who, _entry))
        joined = joined.outerjoin(_allocation, _of_one_person(who, _allocation))
        query = (
            sa.select(
                _run.c.run_id, _run.c.as_of, _run.c.started_at, _score.c.patient_id,
                _allocation.c.allocation,
                sa.func.coalesce(_allocation.c.queue, _entry.c.queue).label("queue"),
                _entry.c.rank.is_not(None).label("listed"), _score.c.discharged_on,
                _score.c.readmission_risk, _score.c.high_cost_risk,
            )
            .select_from(joined)
            .where(_run.c.status == "published")
            .order_by(_run.c.started_at, _run.c.run_id, _score.c.patient_id)
        )  # fmt: skip
        with self._engine.begin() as connection:
            found = connection.execute(query)
            return told(pd.DataFrame(found, columns=list(found.keys())))

    def worklist(
        self, run_id: str, top: int | None = None, manager: int | None = None
    ) -> list[dict[str, Any]]:
        """The list of a run in order: one dictionary a place, with the patient's scores, `reasons`,
        `known_scores`, and `why`: the words of the reasons that raise the risk of the queue that
        he stands in."""
        joined = sa.join(_entry, _score, _of_one_person(_entry, _score))
        query = (
            sa.select(
                _entry.c.rank, _entry.c.manager, _entry.c.tier, _entry.c.queue,
                *(_score.c[name] for name in SCORE_COLUMNS),
            )
            .select_from(joined)
            .where(_entry.c.run_id == run_id)
            .order_by(_entry.c.rank)
        )  # fmt: skip
        if manager is not None:
            query = query.where(_entry.c.manager == manager)
        if top is not None:
            query = query.limit(top)
        with self._engine.begin() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
            patients = [row["patient_id"] for row in rows]
            reasons = self._reasons(connection, run_id, patients)
            known = self._known_scores(connection, run_id, patients)
        for row in rows:
            row["warnings"] = json.loads(row["warnings"])
            row["reasons"] = reasons.get(row["patient_id"], [])
            row["known_scores"] = known.get(row["patient_id"], [])
            row["why"] = [
                reason["words"]
                for reason in row["reasons"]
                if reason["task"] == QUEUE_TASK[row["queue"]] and reason["direction"] == "raises"
            ]
        return rows

    def patient(self, run_id: str, patient_id: str) -> dict[str, Any] | None:
        """One person's scores, reasons, known_scores and place (rank, manager, tier, queue, or
        None) in a run; None for who was not known then."""
        with self._engine.begin() as connection:
            row = connection.execute(
                sa.select(_score).where(
                    _score.c.run_id == run_id, _score.c.patient_id == patient_id
                )
            ).one_or_none()
            if row is None:
                return None
            place = connection.execute(
                sa.select(_entry.c.rank, _entry.c.manager, _entry.c.tier, _entry.c.queue).where(
                    _entry.c.run_id == run_id, _entry.c.patient_id == patient_id
                )
            ).one_or_none()
            reasons = self._reasons(connection, run_id, [patient_id])
            known = self._known_scores(connection, run_id, [patient_id])
        found = {name: row._mapping[name] for name in SCORE_COLUMNS}
        found["warnings"] = json.loads(found["warnings"])
        found["reasons"] = reasons.get(patient_id, [])
        found["known_scores"] = known.get(patient_id, [])
        found["place"] = None if place is None else dict(place._mapping)
        return found

    def _reasons(
        self, connection: sa.Connection, run_id: str, patients: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Each patient's reasons, ordered by task and position."""
        return _of_patients(connection, _reason, REASON_COLUMNS, run_id, patients)

    def _known_scores(
        self, connection: sa.Connection, run_id: str, patients: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Each patient's scores that clinicians know, ordered by score."""
        return _of_patients(connection, _known, KNOWN_COLUMNS, run_id, patients)
