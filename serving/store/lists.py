"""Places of a published list: in brief, to choose from; whole, to be shown; by their rank.

Each function reads within the transaction of its connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from serving.store import people
from serving.store.night_tables import ENTRY_DETAILS, GONE_COLUMNS, SCORE_COLUMNS
from serving.store.night_tables import assignment as _assignment
from serving.store.night_tables import entry as _entry
from serving.store.night_tables import gone as _gone
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score

_PLACE = ("rank", "manager", "tier", "queue")
_WHOLE = (*_PLACE, *ENTRY_DETAILS)
_SORTED_BY = (
    "readmission_risk", "readmission_all_days_risk", "high_cost_risk",
    "high_cost_expected_dollars", "discharged_on",
)  # fmt: skip
_AT_ONCE = 500


def _joined() -> sa.FromClause:
    same = (_entry.c.run_id == _score.c.run_id) & (_entry.c.patient_id == _score.c.patient_id)
    return sa.join(_entry, _score, same).outerjoin(_assignment, people.IN_PANEL)


def _columns(*names: str) -> list[sa.ColumnElement[Any]]:
    return [people.PLACE_MANAGER if name == "manager" else _entry.c[name] for name in names]


def entries(
    connection: sa.Connection,
    run_id: str,
    manager: int | None = None,
    tier: str | None = None,
    queue: str | None = None,
) -> list[dict[str, Any]]:
    """Every place of a run's list in order, in brief: rank, manager, tier, queue, patient_id, by
    when outreach is due, both risks (that of a readmission also over all days), expected dollars,
    day of discharge; those of one manager, tier, queue."""
    query = (
        sa.select(
            *_columns(*_PLACE, "patient_id", "due_at"),
            *(_score.c[name] for name in _SORTED_BY),
        )
        .select_from(_joined())
        .where(_entry.c.run_id == run_id)
        .order_by(_entry.c.rank)
    )
    for column, wanted in (
        (people.PLACE_MANAGER.element, manager), (_entry.c.tier, tier), (_entry.c.queue, queue)
    ):  # fmt: skip
        if wanted is not None:
            query = query.where(column == wanted)
    return [dict(row._mapping) for row in connection.execute(query)]


def listed(connection: sa.Connection, run_id: str, patients: Sequence[str]) -> list[dict[str, Any]]:
    """The places of some patients, in the order in which they are named: rank, manager, tier,
    queue, `ENTRY_DETAILS`, `SCORE_COLUMNS`, reasons and known_scores."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        query = (
            sa.select(*_columns(*_WHOLE), *(_score.c[name] for name in SCORE_COLUMNS))
            .select_from(_joined())
            .where(_entry.c.run_id == run_id, _entry.c.patient_id.in_(some))
        )
        for row in connection.execute(query):
            found[row.patient_id] = dict(row._mapping)
    reasons = people.reasons(connection, run_id, patients)
    known = people.known_scores(connection, run_id, patients)
    for patient, row in found.items():
        row["warnings"] = json.loads(row["warnings"])
        row["reasons"] = reasons.get(patient, [])
        row["known_scores"] = known.get(patient, [])
    return [found[patient] for patient in patients if patient in found]


def gone(
    connection: sa.Connection, run_id: str, manager: int | None = None
) -> list[dict[str, Any]]:
    """Who stood on the list before that of a run and is not on it, by id: patient_id, manager (who
    had him then), why; those of one manager."""
    query = sa.select(*(_gone.c[name] for name in GONE_COLUMNS)).where(_gone.c.run_id == run_id)
    if manager is not None:
        query = query.where(_gone.c.manager == manager)
    return [dict(row._mapping) for row in connection.execute(query.order_by(_gone.c.patient_id))]


class Place(NamedTuple):
    """A place of a published list: who stood there, in whose panel, as of which day."""

    patient_id: str
    manager: int
    as_of: date


def place_at(connection: sa.Connection, run_id: str, rank: int) -> Place | None:
    """A place of a published list, today's or an earlier one."""
    query = (
        sa.select(_entry.c.patient_id, _entry.c.manager, _run.c.as_of)
        .select_from(sa.join(_entry, _run, _entry.c.run_id == _run.c.run_id))
        .where(
            _entry.c.run_id == run_id,
            _entry.c.rank == rank,
            _run.c.status.in_(people.PUBLISHED),
        )
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Place(*row)


class NewestPlace(NamedTuple):
    """The place of a patient on the newest list that he stood on, today's or an older one, with
    what the list told of it (as in ENTRY_DETAILS); `entry_id` names the place."""

    entry_id: str
    run_id: str
    as_of: date
    due_at: datetime | None
    change: str | None
    change_why: str | None
    rose_from: float | None


def newest_place(connection: sa.Connection, patient_id: str) -> NewestPlace | None:
    """Where what is done about a patient is recorded, whether or not he is on today's list; None of
    whom no list ever named."""
    query = (
        sa.select(
            _entry.c.run_id, _entry.c.rank, _run.c.as_of,
            *(_entry.c[name] for name in ENTRY_DETAILS),
        )
        .select_from(
            sa.join(_assignment, _entry, people.IN_PANEL).join(
                _run, _run.c.run_id == _entry.c.run_id
            )
        )
        .where(_assignment.c.patient_id == patient_id, _entry.c.run_id == _assignment.c.run_id)
    )  # fmt: skip
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return NewestPlace(
        f"{row.run_id}:{row.rank}", row.run_id, row.as_of,
        None if row.due_at is None else datetime.fromisoformat(row.due_at),
        row.change, row.change_why, row.rose_from,
    )  # fmt: skip
