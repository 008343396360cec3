"""Places of a published list: in brief, to choose from; whole, to be shown; by their rank.

Each function reads within the transaction of its connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from serving.store import people
from serving.store.night_tables import ENTRY_DETAILS, GONE_COLUMNS, SCORE_COLUMNS
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
    return sa.join(_entry, _score, same)


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
            *(_entry.c[name] for name in (*_PLACE, "patient_id", "due_at")),
            *(_score.c[name] for name in _SORTED_BY),
        )
        .select_from(_joined())
        .where(_entry.c.run_id == run_id)
        .order_by(_entry.c.rank)
    )
    for column, wanted in (("manager", manager), ("tier", tier), ("queue", queue)):
        if wanted is not None:
            query = query.where(_entry.c[column] == wanted)
    return [dict(row._mapping) for row in connection.execute(query)]


def listed(connection: sa.Connection, run_id: str, patients: Sequence[str]) -> list[dict[str, Any]]:
    """The places of some patients, in the order in which they are named: rank, manager, tier,
    queue, `ENTRY_DETAILS`, `SCORE_COLUMNS`, reasons and known_scores."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        query = (
            sa.select(
                *(_entry.c[name] for name in _WHOLE), *(_score.c[name] for name in SCORE_COLUMNS)
            )
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
