"""What the lists of some days asked to be called, and what was recorded at their places.

Each function reads within the transaction of its connection.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from serving.store.night_tables import assignment as _assignment
from serving.store.night_tables import entry as _entry
from serving.store.night_tables import gone as _gone
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score
from serving.store.people import IN_PANEL, PLACE_MANAGER, PUBLISHED
from serving.store.record_tables import action as _action


class DueCall(NamedTuple):
    """A call after a discharge that a list asked for: one a patient and discharge, by the newest
    list that told it. `due_at` is UTC; `manager` is the number of the panel whose it is (of who was
    moved, the one that has him now); `first_run` is the first of these lists that told it."""

    patient_id: str
    discharged_on: date
    due_at: datetime
    manager: int
    first_run: str


class RecordedCall(NamedTuple):
    """An action at a place of a list that was not taken back. `at` is UTC; `run_id` and `manager`
    are those of the place."""

    patient_id: str
    kind: str
    at: datetime
    run_id: str
    manager: int


def due_calls(connection: sa.Connection, since: date) -> list[DueCall]:
    """The calls that the lists as of a day and later asked for, by patient and discharge."""
    same = (_entry.c.run_id == _score.c.run_id) & (_entry.c.patient_id == _score.c.patient_id)
    query = (
        sa.select(
            _entry.c.patient_id, _score.c.discharged_on, _entry.c.due_at, PLACE_MANAGER,
            _entry.c.run_id,
        )
        .select_from(
            sa.join(_entry, _run, _entry.c.run_id == _run.c.run_id)
            .join(_score, same)
            .outerjoin(_assignment, IN_PANEL)
        )
        .where(_run.c.status.in_(PUBLISHED), _run.c.as_of >= since, _entry.c.due_at.is_not(None),
               _score.c.discharged_on.is_not(None))
        .order_by(_entry.c.patient_id, _score.c.discharged_on, _run.c.started_at, _run.c.run_id)
    )  # fmt: skip
    newest: dict[tuple[str, date], DueCall] = {}
    for patient, left, due_at, manager, run_id in connection.execute(query):
        first = newest[patient, left].first_run if (patient, left) in newest else run_id
        due = datetime.fromisoformat(due_at)
        newest[patient, left] = DueCall(patient, left, due, manager, first)
    return [*newest.values()]


def recorded_calls(connection: sa.Connection, since: date) -> list[RecordedCall]:
    """What was recorded at places of the lists as of a day and later, in the order of recording;
    undoings, and what they took back, are left out."""
    undoing = _action.alias("undoing")
    undone = sa.exists().where(undoing.c.undoes == _action.c.action_id)
    place = (_entry.c.run_id == _action.c.run_id) & (_entry.c.rank == _action.c.rank)
    query = (
        sa.select(
            _action.c.patient_id, _action.c.kind, _action.c.at, _action.c.run_id, _entry.c.manager
        )
        .select_from(sa.join(_run, _action, _run.c.run_id == _action.c.run_id).join(_entry, place))
        .where(_run.c.as_of >= since, _action.c.kind != "undo", ~undone)
        .order_by(_action.c.place)
    )
    return [
        RecordedCall(*row)._replace(at=row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC))
        for row in connection.execute(query)
    ]


def gone_since(connection: sa.Connection, since: date) -> list[tuple[str, str, str]]:
    """Who was no longer on a list as of a day or later, in the order of the runs: patient, run and
    why."""
    query = (
        sa.select(_gone.c.patient_id, _gone.c.run_id, _gone.c.why)
        .select_from(sa.join(_gone, _run, _gone.c.run_id == _run.c.run_id))
        .where(_run.c.status.in_(PUBLISHED), _run.c.as_of >= since)
        .order_by(_run.c.started_at, _gone.c.run_id, _gone.c.patient_id)
    )
    return [tuple(row) for row in connection.execute(query)]
