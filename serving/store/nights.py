"""What the nights said: runs, scores, reasons and lists.

A run is written whole in one transaction, the pointer to it included. A reader asks for the
pointer first and then reads rows of that run, which nobody changes any more: whoever reads sees
the whole old list or the whole new one. A night that is killed leaves at most its row in `run`;
the next night marks that row abandoned. Old runs are dropped by `serving.store.retention`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from data.home import Home
from serving import night_lock
from serving.randomised import told
from serving.store import advisory_lock, discharges, lists, panel_moves, people
from serving.store.bulk_load import load
from serving.store.database import Database, database_url
from serving.store.night_tables import (
    ALLOCATION_COLUMNS,
    ENTRY_COLUMNS,
    ENTRY_DETAILS,
    GONE_COLUMNS,
    KNOWN_COLUMNS,
    QUEUE_TASK,
    REASON_COLUMNS,
    SCORE_COLUMNS,
)
from serving.store.night_tables import allocation as _allocation
from serving.store.night_tables import assignment as _assignment
from serving.store.night_tables import entry as _entry
from serving.store.night_tables import gone as _gone
from serving.store.night_tables import known as _known
from serving.store.night_tables import published as _published
from serving.store.night_tables import reason as _reason
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score
from serving.store.record_tables import panel_move as _move


@dataclass(frozen=True)
class Run:
    """One night's scoring. `manifest` names models, data cut and settings; {} until published.
    Clock times are UTC; `finished_at` is None of a run that was neither published nor abandoned by
    itself."""

    run_id: str
    as_of: date
    status: str
    manifest: Mapping[str, Any]
    started_at: datetime | None = None
    finished_at: datetime | None = None


def _as_run(row: sa.Row[Any]) -> Run:
    manifest = json.loads(row.manifest or "{}")
    times = (_aware(row.started_at), _aware(row.finished_at))
    return Run(row.run_id, row.as_of, row.status, manifest, *times)


def _aware(moment: datetime | None) -> datetime | None:
    """In UTC: SQLite keeps no zone."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _of_one_person(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return (one.c.run_id == other.c.run_id) & (one.c.patient_id == other.c.patient_id)


class Store:
    """The nights, over one database. Safe for several readers beside one writing night."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def of_home(cls, home: Home) -> Store:
        """The nights of a home: in the database of FIRSTCALL_DATABASE, else in the home's file.

        Raises what `Database.open` raises.
        """
        return cls(Database.open(database_url(home)))

    def close(self) -> None:
        self.database.close()

    @contextmanager
    def night(self) -> Iterator[None]:
        """Holds the right to write a night; the system frees it when the process dies, PostgreSQL
        when its connection does.

        Raises RefusalError where another process holds it.
        """
        file = self.database.file
        if file is None:
            with advisory_lock.held(self.database, "night", night_lock.REFUSAL):
                yield
        else:
            with night_lock.held(file.with_suffix(".night")):
                yield

    def start(self, as_of: date) -> str:
        """Opens a run and returns its id; runs that were never finished become abandoned.

        Call it within `night()`: only there is it certain that nobody else is still running.
        """
        with self.database.writing() as connection:
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
        with self.database.writing() as connection:
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
        gone: pd.DataFrame | None = None,
    ) -> None:
        """Writes a whole run and makes it the published one, in one transaction.

        `scores` has one row a person (`SCORE_COLUMNS`), `reasons` one row a reason
        (`REASON_COLUMNS`, and `sensitive` where it is told), `entries` one row a place on the list
        (`ENTRY_COLUMNS`, and those of `ENTRY_DETAILS` that are told), `known` one row a person and
        score that clinicians know (`KNOWN_COLUMNS`), `allocations` one row a person whom the draw
        of the last places reached (`ALLOCATION_COLUMNS`), `gone` one row a person who stood on the
        list before and does not on this one (`GONE_COLUMNS`). Whoever is listed is from now on in
        the panel of that manager. Raises ValueError where the run is not open.
        """
        told_of = REASON_COLUMNS + (("sensitive",) if "sensitive" in reasons else ())
        details = tuple(name for name in ENTRY_DETAILS if name in entries)
        now = datetime.now(UTC)
        with self.database.writing() as connection:
            if self.database.is_postgresql:
                no_limit = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
                connection.execute(sa.text(no_limit))
            done = connection.execute(
                sa.update(_run)
                .where(_run.c.run_id == run_id, _run.c.status == "running")
                .values(
                    status="published",
                    finished_at=now,
                    manifest=json.dumps(manifest, sort_keys=True),
                )
            )
            if done.rowcount != 1:
                raise ValueError("only an open run can be published")
            for table, frame, columns in (
                (_score, scores, SCORE_COLUMNS),
                (_reason, reasons, told_of),
                (_entry, entries, (*ENTRY_COLUMNS, *details)),
                (_known, known, KNOWN_COLUMNS),
                (_allocation, allocations, ALLOCATION_COLUMNS),
                (_gone, gone, GONE_COLUMNS),
            ):
                if frame is not None:
                    load(connection, table, frame, columns, run_id=run_id)
            discharges.tell(connection, run_id, now)
            panel_moves.taken_by_one(connection)
            connection.execute(_into_panels(connection, run_id))
            connection.execute(sa.delete(_published))
            connection.execute(sa.insert(_published).values(only=1, run_id=run_id))

    def published(self) -> Run | None:
        """The run that readers see, or None before the first night."""
        with self.database.reading() as connection:
            row = connection.execute(sa.select(_run).join(_published)).one_or_none()
        return None if row is None else _as_run(row)

    def runs(self, since: date = date.min) -> list[Run]:
        """Every run as of a day or later, the oldest first."""
        query = sa.select(_run).where(_run.c.as_of >= since)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(_run.c.started_at, _run.c.run_id))
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
            .where(_run.c.status.in_(people.PUBLISHED))
            .order_by(_run.c.started_at, _run.c.run_id, _score.c.patient_id)
        )  # fmt: skip
        with self.database.reading() as connection:
            found = connection.execute(query)
            return told(pd.DataFrame(found, columns=list(found.keys())))

    def worklist(
        self,
        run_id: str,
        top: int | None = None,
        manager: int | None = None,
        tier: str | None = None,
        queue: str | None = None,
        after: int | None = None,
    ) -> list[dict[str, Any]]:
        """The list of a run in order: one dictionary a place, with the patient's scores, `reasons`,
        `known_scores`, and `why`: the words of the reasons that raise the risk of the queue that
        he stands in. Only the first `top` places behind rank `after`, of one manager, tier, queue.
        """
        with self.database.reading() as connection:
            places = lists.entries(connection, run_id, manager, tier, queue)
            chosen = [one["patient_id"] for one in places if after is None or one["rank"] > after]
            rows = lists.listed(connection, run_id, chosen[:top])
        for row in rows:
            row["why"] = [
                reason["words"]
                for reason in row["reasons"]
                if reason["task"] == QUEUE_TASK[row["queue"]] and reason["direction"] == "raises"
            ]
        return rows

    def patient(self, run_id: str, patient_id: str) -> dict[str, Any] | None:
        """One person's scores, reasons, known_scores and place (rank, manager, tier, queue, or
        None) in a run; None for who was not known then."""
        with self.database.reading() as connection:
            return people.one(connection, run_id, patient_id)

    def patient_over_time(self, patient_id: str, most: int = 400) -> list[dict[str, Any]]:
        """One row a published run that scored a patient, of the newest `most`: as_of, run_id, both
        risks and tiers, the expected dollars; ordered by the day, the newest last."""
        with self.database.reading() as connection:
            return people.over_time(connection, patient_id, most)

    def search(
        self,
        run_id: str,
        prefix: str | None = None,
        tier: str | None = None,
        queue: str | None = None,
        manager: int | None = None,
        patients: Collection[str] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """People of a run in the order of patient_id: one dictionary a person, `SCORE_COLUMNS`,
        `place` as `patient` tells it, and `panel`, the manager in whose panel he is now, or None.

        Only the first `limit` behind the id `after`: those whose id begins with `prefix`, who are
        in `tier` by either risk, stand in `queue` of the run's list, are in the panel of
        `manager`, are among `patients`.
        """
        with self.database.reading() as connection:
            return people.search(
                connection, run_id, prefix, tier, queue, manager, patients, after, limit
            )

    def manager_of(self, patient_id: str) -> int | None:
        """In whose panel a patient is: the manager of his newest place on a published list, today's
        or an earlier one; None for who was never on one."""
        if not people.can_be_an_id(patient_id):
            return None
        with self.database.reading() as connection:
            return connection.scalar(
                sa.select(_assignment.c.manager).where(_assignment.c.patient_id == patient_id)
            )


def _into_panels(connection: sa.Connection, run_id: str) -> sa.Executable:
    """Whoever is on a list belongs to its manager, unless a supervisor moved him since the night
    began; `since` stays where he did so before, and so does that a supervisor put him there."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    listed = (
        sa.select(_entry.c.patient_id, _entry.c.manager, _entry.c.run_id, _run.c.as_of, sa.false())
        .select_from(sa.join(_entry, _run, _entry.c.run_id == _run.c.run_id))
        .where(_entry.c.run_id == run_id)
    )
    columns = ["patient_id", "manager", "run_id", "since", "by_hand"]
    put = insert(_assignment).from_select(columns, listed, include_defaults=False)
    new, old = put.excluded, _assignment.c
    began = sa.select(_run.c.started_at).where(_run.c.run_id == run_id).scalar_subquery()
    is_moved = old.patient_id.in_(sa.select(_move.c.patient_id).where(_move.c.at > began))
    manager = sa.case((is_moved, old.manager), else_=new.manager)
    stays = sa.and_(old.manager == manager, old.since < new.since)
    return put.on_conflict_do_update(
        index_elements=["patient_id"],
        set_={
            "manager": manager,
            "run_id": new.run_id,
            "since": sa.case((stays, old.since), else_=new.since),
            "by_hand": sa.and_(old.by_hand, old.manager == manager),
        },
    )
