"""Patients moved to another panel by a supervisor: at once on the list that is shown, and kept by
the nights as long as that panel has room.

A move is of one patient or of many at once. It tells from which panel each is moved: who is in
another one by now stays there, since somebody moved him before. Each patient that is moved has an
entry in the audit record. A move is taken back by another one that names it, once.

Each function works within the transaction of its connection.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from data.errors import RefusalError
from serving.store import advisory_lock
from serving.store.audit import Audit, Entry
from serving.store.night_tables import assignment as _assignment
from serving.store.record_tables import panel_move as _move

MOVED = "moved"
"""`what` of the entry of a patient who was moved to another panel."""
MOST_AT_ONCE = 5000
"""Patients of one move: while it is recorded nobody else's look is."""
_AT_ONCE = 500
_is_there = sa.and_(
    _move.c.patient_id == _assignment.c.patient_id,
    _move.c.manager == _assignment.c.manager,
    _move.c.undoes.is_(None),
)


class TooManyError(RefusalError):
    """More patients than are moved at once."""


class MovedOnError(RefusalError):
    """Nobody is where he was when the caller looked, or the move was taken back before."""


@dataclass(frozen=True)
class Move:
    """A move that was made: whom it moved (patient → from and to which panel), and how many of
    those whom it was to move were in another panel by then."""

    move_id: str
    moved: Mapping[str, tuple[int, int]]
    stayed: int = 0


@dataclass(frozen=True)
class _Step:
    patient_id: str
    moved_from: int
    manager: int
    by_hand: bool = True


def move(
    connection: sa.Connection,
    audit: Audit,
    where_to: Mapping[str, tuple[int, int]],
    since: date,
    who: str,
    role: str,
) -> Move:
    """Moves each patient of `where_to` from the one panel to the other; `since` is the day of the
    list that is shown. Raises MovedOnError where nobody of them is in the panel that was told,
    TooManyError of more than MOST_AT_ONCE, and what `Audit.append` raises."""
    steps = [_Step(patient, *told) for patient, told in sorted(where_to.items())]
    return _done(connection, audit, steps, since, who, role)


def take_back(
    connection: sa.Connection, audit: Audit, move_id: str, since: date, who: str, role: str
) -> Move:
    """Moves back whoever is still where a move put him. Raises MovedOnError where nobody is, where
    it was taken back before, where it took back another one, or where there is no such move."""
    query = sa.select(_move).where(_move.c.move_id == move_id)
    rows = list(connection.execute(query.order_by(_move.c.patient_id)))
    undone = connection.scalar(sa.select(_move.c.move_id).where(_move.c.undoes == move_id).limit(1))
    if not rows or undone is not None or rows[0].undoes is not None:
        raise MovedOnError("There is no such move that could be taken back.")
    rows.sort(key=lambda row: row.patient_id)  # as `move` does: by code points
    steps = [_Step(r.patient_id, r.manager, r.moved_from, r.was_by_hand) for r in rows]
    return _done(connection, audit, steps, since, who, role, move_id)


def _done(
    connection: sa.Connection,
    audit: Audit,
    steps: Sequence[_Step],
    since: date,
    who: str,
    role: str,
    undoes: str | None = None,
) -> Move:
    if len(steps) > MOST_AT_ONCE:
        raise TooManyError(
            f"{len(steps):,} patients are more than are moved at once ({MOST_AT_ONCE:,}): move "
            "them in parts, by naming them."
        )
    taken_by_one(connection)
    before = _panels(connection, [step.patient_id for step in steps])
    here = [step for step in steps if before.get(step.patient_id, (0,))[0] == step.moved_from]
    if not here:
        raise MovedOnError(
            "Nobody is in that panel any more whom you wanted to move: look again, then decide."
        )
    made = Move(
        secrets.token_hex(16), {s.patient_id: (s.moved_from, s.manager) for s in here},
        len(steps) - len(here),
    )  # fmt: skip
    _put(connection, here, since)
    at = datetime.now(UTC)
    connection.execute(
        sa.insert(_move),
        [
            {
                "move_id": made.move_id, "patient_id": step.patient_id, "undoes": undoes,
                "moved_from": step.moved_from, "manager": step.manager,
                "was_by_hand": before[step.patient_id][1], "who": who, "at": at,
            }
            for step in here
        ],
    )  # fmt: skip
    # last, since nobody else can record anything from here to the commit
    audit.append(connection, [_entry(step, made.move_id, undoes, who, role) for step in here])
    return made


def taken_by_one(connection: sa.Connection) -> None:
    """Panels change by one transaction after the other: a move, or the publication of a list.
    (SQLite has one writer.)"""
    if connection.dialect.name == "postgresql":
        advisory_lock.taken_until_commit(connection, "panels")


def _put(connection: sa.Connection, steps: Sequence[_Step], since: date) -> None:
    alike: dict[tuple[int, bool], list[str]] = {}
    for step in steps:
        alike.setdefault((step.manager, step.by_hand), []).append(step.patient_id)
    for (manager, by_hand), patients in sorted(alike.items()):
        for start in range(0, len(patients), _AT_ONCE):
            some = patients[start : start + _AT_ONCE]
            connection.execute(
                sa.update(_assignment)
                .where(_assignment.c.patient_id.in_(some))
                .values(manager=manager, since=since, by_hand=by_hand)
            )


def _entry(step: _Step, move_id: str, undoes: str | None, who: str, role: str) -> Entry:
    about = {"move": move_id, "from": step.moved_from, "to": step.manager}
    detail = about if undoes is None else about | {"undoes": undoes}
    return Entry(who, role, MOVED, step.patient_id, detail=detail)


def _panels(connection: sa.Connection, patients: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """In whose panel each is, and whether by a move."""
    found: dict[str, tuple[int, bool]] = {}
    columns = (_assignment.c.patient_id, _assignment.c.manager, _assignment.c.by_hand)
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        query = sa.select(*columns).where(_assignment.c.patient_id.in_(some))
        query = query.order_by(_assignment.c.patient_id)
        for row in connection.execute(query):
            found[row.patient_id] = (row.manager, row.by_hand)
    return found


def who_is_in(connection: sa.Connection, manager: int) -> list[str]:
    """Everybody in a panel, listed today or not, by id."""
    query = sa.select(_assignment.c.patient_id).where(_assignment.c.manager == manager)
    return list(connection.scalars(query.order_by(_assignment.c.patient_id)))


def put_by_hand(connection: sa.Connection) -> dict[str, int]:
    """The panel of each patient who is there by a move that stands."""
    query = sa.select(_assignment.c.patient_id, _assignment.c.manager)
    rows = connection.execute(query.where(_assignment.c.by_hand))
    return {row.patient_id: row.manager for row in rows}


class Moved(NamedTuple):
    """Who was moved, from and to which panel, and which move that took back, if it did."""

    patient_id: str
    came_from: int
    went_to: int
    undoes: str | None


def moved_by(connection: sa.Connection, move_id: str) -> list[Moved]:
    """Whom a move moved, by id; nobody where there is no such move or it was taken back."""
    undone = sa.select(_move.c.undoes).where(_move.c.undoes == move_id)
    query = (
        sa.select(_move.c.patient_id, _move.c.moved_from, _move.c.manager, _move.c.undoes)
        .where(_move.c.move_id == move_id, ~sa.exists(undone))
        .order_by(_move.c.patient_id)
    )
    return [Moved(*row) for row in connection.execute(query)]


def newest_moves(connection: sa.Connection, most: int) -> list[dict[str, Any]]:
    """The newest moves but those that took another one back, the newest first: move_id, who, at
    (UTC), how many `patients`, `came_from` and `went_to` (the number of the panel; None: several),
    and whether it `stands` or was taken back."""
    undoing = _move.alias("undoing")
    undone = sa.exists().where(undoing.c.undoes == _move.c.move_id)
    first_from, first_to = sa.func.min(_move.c.moved_from), sa.func.min(_move.c.manager)
    query = (
        sa.select(
            _move.c.move_id, _move.c.who, _move.c.at, sa.func.count().label("patients"),
            sa.case((first_from == sa.func.max(_move.c.moved_from), first_from)).label("came_from"),
            sa.case((first_to == sa.func.max(_move.c.manager), first_to)).label("went_to"),
            (~undone).label("stands"),
        )
        .where(_move.c.undoes.is_(None))
        .group_by(_move.c.move_id, _move.c.who, _move.c.at)
        .order_by(_move.c.at.desc(), _move.c.move_id)
        .limit(most)
    )  # fmt: skip
    found = [dict(row._mapping) for row in connection.execute(query)]
    for one in found:
        one["at"] = one["at"] if one["at"].tzinfo else one["at"].replace(tzinfo=UTC)
    return found


class CameBy(NamedTuple):
    """The move by which a patient came to the panel that he is in. `at` is UTC."""

    came_from: int
    who: str
    at: datetime


def came_by(
    connection: sa.Connection, patients: Sequence[str], since: datetime
) -> dict[str, CameBy]:
    """How each of some patients came to where he is, of whoever was moved there after a moment; not
    who was moved back."""
    found: dict[str, CameBy] = {}
    for start in range(0, len(patients), _AT_ONCE):
        some = patients[start : start + _AT_ONCE]
        query = (
            sa.select(_move.c.patient_id, _move.c.moved_from, _move.c.who, _move.c.at)
            .select_from(sa.join(_move, _assignment, _is_there))
            .where(_move.c.patient_id.in_(some), _move.c.at > since, _assignment.c.by_hand)
            .order_by(_move.c.at, _move.c.move_id)
        )
        for patient, came_from, who, at in connection.execute(query):
            found[patient] = CameBy(came_from, who, at if at.tzinfo else at.replace(tzinfo=UTC))
    return found
