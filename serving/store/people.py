"""What a run says of people: one person whole, some people's details, a search, one over time.

Each function reads within the transaction of its connection.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from serving.store.night_tables import KNOWN_COLUMNS, SCORE_COLUMNS
from serving.store.night_tables import assignment as _assignment
from serving.store.night_tables import entry as _entry
from serving.store.night_tables import known as _known
from serving.store.night_tables import reason as _reason
from serving.store.night_tables import run as _run
from serving.store.night_tables import score as _score

PUBLISHED = ("published", "retired")
"""The statuses of the runs whose lists were called by."""

_REASON_KEYS = tuple(c.name for c in _reason.columns if c.name != "run_id")
_PLACE_KEYS = ("rank", "manager", "tier", "queue")
IN_PANEL = _assignment.c.patient_id == _entry.c.patient_id
"""Joins a place with the panel in which its patient is now."""
PLACE_MANAGER = sa.case(
    (_assignment.c.run_id == _entry.c.run_id, _assignment.c.manager), else_=_entry.c.manager
).label("manager")
"""Whose place it is: as the night dealt it, unless the patient was moved since, as long as this is
his newest place."""
_AT_ONCE = 500


def can_be_an_id(text: str) -> bool:
    """Whether a database can hold a text at all: PostgreSQL refuses NUL, both half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def one(connection: sa.Connection, run_id: str, patient_id: str) -> dict[str, Any] | None:
    """One person of a run: `SCORE_COLUMNS`, reasons, known_scores and place, or None."""
    if not can_be_an_id(patient_id):
        return None
    row = connection.execute(
        sa.select(_score).where(_score.c.run_id == run_id, _score.c.patient_id == patient_id)
    ).one_or_none()
    if row is None:
        return None
    place = connection.execute(
        sa.select(*(PLACE_MANAGER if n == "manager" else _entry.c[n] for n in _PLACE_KEYS))
        .select_from(sa.outerjoin(_entry, _assignment, IN_PANEL))
        .where(_entry.c.run_id == run_id, _entry.c.patient_id == patient_id)
    ).one_or_none()
    found = {name: row._mapping[name] for name in SCORE_COLUMNS}
    found["warnings"] = json.loads(found["warnings"])
    found["reasons"] = reasons(connection, run_id, [patient_id]).get(patient_id, [])
    found["known_scores"] = known_scores(connection, run_id, [patient_id]).get(patient_id, [])
    found["place"] = None if place is None else dict(place._mapping)
    return found


def reasons(
    connection: sa.Connection, run_id: str, patients: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Each patient's reasons, ordered by task and position."""
    return _of_patients(connection, _reason, _REASON_KEYS, run_id, patients)


def known_scores(
    connection: sa.Connection, run_id: str, patients: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Each patient's scores that clinicians know, ordered by score."""
    return _of_patients(connection, _known, KNOWN_COLUMNS, run_id, patients)


def _of_patients(
    connection: sa.Connection,
    table: sa.Table,
    columns: Sequence[str],
    run_id: str,
    patients: Sequence[str],
) -> dict[str, list[dict[str, Any]]]:
    """The rows of a run's table apart by patient, each patient's in the order of its key."""
    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        rows = connection.execute(
            sa.select(*(table.c[name] for name in columns))
            .where(table.c.run_id == run_id, table.c.patient_id.in_(some))
            .order_by(*table.primary_key.columns)
        )
        for row in rows:
            held = dict(row._mapping)
            found.setdefault(held.pop("patient_id"), []).append(held)
    return found


def over_time(connection: sa.Connection, patient_id: str, most: int) -> list[dict[str, Any]]:
    """One row a day of a published run that scored a patient, of the newest `most` runs (of two of
    one day the one that began later): as_of, run_id, of its manifest the models, the discharge and
    the day of its question, both risks (that of a readmission also over all days) and tiers, the
    expected dollars; ordered by the day, the newest last.

    Retired runs are left out: they keep the scores of whom they listed, so that of each patient the
    high ones alone would be left.
    """
    if not can_be_an_id(patient_id):
        return []
    order = (_run.c.as_of, _run.c.started_at, _run.c.run_id)
    query = (
        sa.select(
            _run.c.as_of, _run.c.run_id, _models(connection), _score.c.discharged_on,
            _score.c.readmission_asked_on, _score.c.readmission_risk, _score.c.readmission_tier,
            _score.c.readmission_all_days_risk, _score.c.high_cost_risk, _score.c.high_cost_tier,
            _score.c.high_cost_expected_dollars,
        )
        .select_from(sa.join(_score, _run, _score.c.run_id == _run.c.run_id))
        .where(_score.c.patient_id == patient_id, _run.c.status == "published")
        .order_by(*(column.desc() for column in order))
        .limit(most)
    )  # fmt: skip
    newest: dict[date, dict[str, Any]] = {}
    for row in connection.execute(query):
        told = dict(row._mapping)
        newest.setdefault(told["as_of"], told | {"manifest": {"models": told["manifest"] or {}}})
    return [*newest.values()][::-1]


def _models(connection: sa.Connection) -> sa.ColumnElement[Any]:
    """The models of a run's manifest: to read a year of whole ones takes longer than all else."""
    is_text = connection.dialect.name != "postgresql"
    whole: Any = (sa.type_coerce if is_text else sa.cast)(_run.c.manifest, sa.JSON)
    return whole["models"].label("manifest")


def search(
    connection: sa.Connection,
    run_id: str,
    prefix: str | None,
    tier: str | None,
    queue: str | None,
    manager: int | None,
    patients: Collection[str] | None,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """People of a run ordered by patient_id: see `Store.search`."""
    query = _searched(run_id, tier, queue, manager)
    if not all(can_be_an_id(text) for text in (prefix, after) if text is not None):
        return []
    if prefix:
        query = query.where(_begins_with(_score.c.patient_id, prefix))
    if after is not None:
        query = query.where(_score.c.patient_id > after)
    if patients is None:
        return [_person(row) for row in connection.execute(query.limit(limit))]
    wanted = sorted({p for p in patients if can_be_an_id(p) and p > (after or "")})
    found: list[dict[str, Any]] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = _score.c.patient_id.in_(wanted[start : start + _AT_ONCE])
        rows = connection.execute(query.where(some).limit(limit - len(found)))
        found += [_person(row) for row in rows]
        if len(found) == limit:
            break
    return found


def discharged_without_place(
    connection: sa.Connection, run_id: str, why: Collection[str], limit: int
) -> list[dict[str, Any]]:
    """The recently discharged of a run who were left out for one of these reasons, the highest
    tier of a readmission first, then who left first: as `search` tells people."""
    of_tier = {"high": 0, "moderate": 1, "low": 2}
    query = (
        _searched(run_id, None, None, None)
        .where(_score.c.discharged_on.is_not(None), _score.c.left_out.in_(sorted(why)))
        .order_by(None)
        .order_by(
            sa.case(of_tier, value=_score.c.readmission_tier, else_=3), _score.c.discharged_on,
            _score.c.patient_id,
        )
        .limit(limit)
    )  # fmt: skip
    return [_person(row) for row in connection.execute(query)]


def _searched(
    run_id: str, tier: str | None, queue: str | None, manager: int | None
) -> sa.Select[Any]:
    place = sa.and_(_entry.c.run_id == _score.c.run_id, _entry.c.patient_id == _score.c.patient_id)
    panel = _assignment.c.patient_id == _score.c.patient_id
    joined = sa.outerjoin(_score, _entry, place).outerjoin(_assignment, panel)
    query = (
        sa.select(
            *(_score.c[name] for name in SCORE_COLUMNS),
            *(
                (PLACE_MANAGER if name == "manager" else _entry.c[name]).label(f"place_{name}")
                for name in _PLACE_KEYS
            ),
            _assignment.c.manager.label("panel"),
        )
        .select_from(joined)
        .where(_score.c.run_id == run_id)
        .order_by(_score.c.patient_id)
    )
    if tier is not None:
        query = query.where(
            sa.or_(_score.c.readmission_tier == tier, _score.c.high_cost_tier == tier)
        )
    if queue is not None:
        query = query.where(_entry.c.queue == queue)
    if manager is not None:
        query = query.where(_assignment.c.manager == manager)
    return query


def _person(row: sa.Row[Any]) -> dict[str, Any]:
    held = row._mapping
    found = {name: held[name] for name in SCORE_COLUMNS}
    found["warnings"] = json.loads(found["warnings"])
    place = {name: held[f"place_{name}"] for name in _PLACE_KEYS}
    found["place"] = None if place["rank"] is None else place
    found["panel"] = held["panel"]
    return found


def _begins_with(column: sa.ColumnElement[str], prefix: str) -> sa.ColumnElement[bool]:
    """As a range, which the index of both databases answers; LIKE is of neither."""
    below = _next_after(prefix)
    return column >= prefix if below is None else sa.and_(column >= prefix, column < below)


def _next_after(prefix: str) -> str | None:
    """The first text, by code points, after all that begin with `prefix`; None: there is none."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    last = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if last == 0xD800 else last)  # between them lie half characters
