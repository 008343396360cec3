"""What earlier nights leave to the next one: the list before, panels, and risks of a month ago.

Each function reads within the transaction of its connection.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from serving.store.night_tables import assignment as _assignment
from serving.store.night_tables import entry as _entry
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score
from serving.store.people import IN_PANEL, PLACE_MANAGER, PUBLISHED

_AT_ONCE = 500
_PLACE = ("manager", "tier", "queue")
_SCORED = ("discharged_on", "left_out", "readmission_tier", "high_cost_tier")


def list_before(connection: sa.Connection, as_of: date) -> str | None:
    """The run whose list is the one before that of a day: of those of earlier days the newest one,
    of two of one day that which was begun later. None where there is none."""
    query = (
        sa.select(_run.c.run_id)
        .where(_run.c.status.in_(PUBLISHED), _run.c.as_of < as_of)
        .order_by(_run.c.as_of.desc(), _run.c.started_at.desc(), _run.c.run_id.desc())
        .limit(1)
    )
    return connection.scalar(query)


def listed_in(connection: sa.Connection, run_id: str) -> list[str]:
    """Who has a place on the list of a run, by id."""
    query = sa.select(_entry.c.patient_id).where(_entry.c.run_id == run_id)
    return list(connection.scalars(query.order_by(_entry.c.patient_id)))


def stood(connection: sa.Connection, run_id: str, patients: Sequence[str]) -> pd.DataFrame:
    """One row a person of a run, of some patients, by patient_id: manager, tier and queue of the
    place there, missing without one; discharged_on, left_out, readmission_tier, high_cost_tier."""
    same = sa.and_(_entry.c.run_id == _score.c.run_id, _entry.c.patient_id == _score.c.patient_id)
    query = (
        sa.select(
            _score.c.patient_id,
            *(PLACE_MANAGER if name == "manager" else _entry.c[name] for name in _PLACE),
            *(_score.c[name] for name in _SCORED),
        )
        .select_from(sa.outerjoin(_score, _entry, same).outerjoin(_assignment, IN_PANEL))
        .where(_score.c.run_id == run_id)
    )
    rows: list[sa.Row[Any]] = []
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        rows += connection.execute(query.where(_score.c.patient_id.in_(some)))
    columns = ["patient_id", *_PLACE, *_SCORED]
    return pd.DataFrame(rows, columns=columns, dtype=object).set_index("patient_id")


def panels_of_patients(connection: sa.Connection) -> dict[str, int]:
    """In whose panel each patient was last, of whoever was ever in one."""
    query = sa.select(_assignment.c.patient_id, _assignment.c.manager)
    return {row.patient_id: row.manager for row in connection.execute(query)}


def high_cost_risks(
    connection: sa.Connection, first: date, last: date, version: str
) -> dict[str, float]:
    """The high-cost risks of the newest run of a span of days (both included), by patient; none
    where there is no such run, or another version of the model made it."""
    query = (
        sa.select(_run.c.run_id, _run.c.manifest)
        .where(_run.c.status == "published", _run.c.as_of.between(first, last))
        .order_by(_run.c.as_of.desc(), _run.c.started_at.desc(), _run.c.run_id.desc())
        .limit(1)
    )
    run = connection.execute(query).one_or_none()
    if run is None:
        return {}
    models = json.loads(run.manifest or "{}").get("models", {})
    if models.get("high-cost", {}).get("version") != version:
        return {}
    risks = sa.select(_score.c.patient_id, _score.c.high_cost_risk).where(
        _score.c.run_id == run.run_id, _score.c.high_cost_risk.is_not(None)
    )
    return {row.patient_id: row.high_cost_risk for row in connection.execute(risks)}
