"""What case managers did and decided about patients: append-only, undone by a row of its own.

One row is one action about one patient, taken at a place of a published list. Nothing is changed
or removed: an action that was a mistake is undone by another one that names it, once. What stands
of a patient is told by `serving.store.standings`. Each has an entry in the audit record, which
carries a digest of the whole row.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa

from data.errors import InputError, RefusalError
from serving.store import discharges
from serving.store.audit import Audit, Entry
from serving.store.audit_verify import ACTION
from serving.store.night_tables import run as _run
from serving.store.record_tables import action as _action
from serving.store.row_digest import row_digest

ActionKind = Literal[
    "contacted", "no_answer", "enrolled", "declined", "deferred", "do_not_contact", "closed",
    "override", "note", "undo",
]  # fmt: skip
KINDS: tuple[ActionKind, ...] = get_args(ActionKind)
_list = _run.alias("list")
_AT_ONCE = 500
_NEEDS_REASON = ("override", "closed")
BESIDE: tuple[ActionKind, ...] = ("override", "note")
"""What is told beside a call, and changes nothing of where the patient stands."""
FURTHEST = timedelta(days=365)
"""How far ahead a call may be deferred: a year that was mistyped would hide a patient for good."""


@dataclass(frozen=True)
class NewAction:
    """What somebody wants to record.

    `until` belongs to "deferred" alone, the first day on which the patient is to be called again;
    `tier` to "override" alone, the tier that the case manager holds to be right; `undoes` to
    "undo" alone. "override" and "closed" need a `reason`, "note" a `note`, which every other kind
    may carry too.
    """

    kind: ActionKind
    until: date | None = None
    tier: str | None = None
    reason: str | None = None
    note: str | None = None
    undoes: str | None = None


@dataclass(frozen=True)
class Action:
    """An action as it was recorded. `place` orders all of them; `at` is UTC; `known_up_to` is the
    day up to which a discharge is no news to it, where that is asked for: the newest discharge that
    was known by the list at whose place it was recorded, or 30 days before that list."""

    place: int
    action_id: str
    patient_id: str
    run_id: str
    rank: int
    kind: ActionKind
    until: date | None
    tier: str | None
    reason: str | None
    note: str | None
    undoes: str | None
    who: str
    at: datetime
    known_up_to: date | None = None


class MovedOnError(RefusalError):
    """Something was recorded about this patient since the caller looked."""


def fitting(new: NewAction, today: date) -> None:
    """Raises InputError where an action lacks what it needs, or holds what is not its own."""
    if new.kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}.")
    if (new.kind == "deferred") != (new.until is not None):
        raise InputError("until: belongs to a deferred action, which needs it, and to no other.")
    if new.until is not None and new.until <= today:
        raise InputError("until: must be a day after today.")
    if new.until is not None and new.until > today + FURTHEST:
        raise InputError("until: must be within a year.")
    if (new.kind == "override") != (new.tier is not None):
        raise InputError("tier: belongs to an override, which needs it, and to no other action.")
    if (new.kind == "undo") != (new.undoes is not None):
        raise InputError("undoes: belongs to an undo, which needs it, and to no other action.")
    if new.kind in _NEEDS_REASON and not (new.reason or "").strip():
        raise InputError(f"reason: is needed for {new.kind}.")
    if new.kind == "note" and not (new.note or "").strip():
        raise InputError("note: is needed for a note alone.")


def take(
    connection: sa.Connection,
    audit: Audit,
    new: NewAction,
    patient_id: str,
    run_id: str,
    rank: int,
    who: str,
    role: str,
    seen: str | None = None,
    at: datetime | None = None,
) -> Action:
    """Records an action and its entry in the audit record, within one writing transaction.

    It is of now; `at` (UTC) is given of invented people alone, who live in the days of their data.
    `seen` is the newest action that the caller knew of ("none": that there was none); None where he
    does not ask for this check. Raises MovedOnError where there is a newer one, InputError where
    an undo names no action of this patient, an undo, or one that is undone already, and what
    `Audit.append` raises.
    """
    made = _made(connection, new, patient_id, run_id, rank, who, seen, at or datetime.now(UTC))
    row = {column.name: getattr(made, column.name) for column in _action.columns}
    digest = row_digest("action", row)
    about = {"action": made.action_id, "kind": made.kind, "place": made.place, "sha256": digest}
    audit.append(connection, [Entry(who, role, ACTION, patient_id, run_id, about)])
    connection.execute(sa.insert(_action).values(row))
    return made


def _made(
    connection: sa.Connection,
    new: NewAction,
    patient_id: str,
    run_id: str,
    rank: int,
    who: str,
    seen: str | None,
    at: datetime,
) -> Action:
    """The row that is to be written, where nothing speaks against it."""
    place = _next_place(connection)
    before = of_patients(connection, [patient_id]).get(patient_id, [])
    newest = before[-1].action_id if before else "none"
    if seen is not None and seen != newest:
        raise MovedOnError(
            "An action about this patient was recorded since you looked (it may be your own): look "
            "again, then record yours if it is not there."
        )
    if new.kind == "undo":
        _may_be_undone(before, new.undoes)
    return Action(
        place, secrets.token_hex(16), patient_id, run_id, rank, new.kind, new.until, new.tier,
        new.reason, new.note, new.undoes, who, at,
    )  # fmt: skip


def _may_be_undone(before: Sequence[Action], undoes: str | None) -> None:
    named = next((one for one in before if one.action_id == undoes), None)
    if named is None or named.kind == "undo":
        raise InputError("undoes: names no action of this patient that could be undone.")
    if any(one.undoes == undoes for one in before):
        raise InputError("undoes: names an action that is undone already.")


def _next_place(connection: sa.Connection) -> int:
    if connection.dialect.name == "postgresql":
        # one writer at a time, so that places follow the order of commits; readers go on
        connection.execute(sa.text("LOCK TABLE action IN SHARE ROW EXCLUSIVE MODE"))
    return (connection.scalar(sa.select(sa.func.max(_action.c.place))) or 0) + 1


def of_patients(connection: sa.Connection, patients: Collection[str]) -> dict[str, list[Action]]:
    """The actions about each of some patients, with what was known of discharges by their lists,
    the oldest first; nobody without any."""
    wanted = sorted(patients)
    return of_told(connection, wanted, discharges.told_of(connection, wanted))


def of_told(
    connection: sa.Connection, patients: Sequence[str], told: discharges.Told
) -> dict[str, list[Action]]:
    """The same, by what the runs told of these patients."""
    listed_at = sa.func.coalesce(_list.c.finished_at, _list.c.started_at).label("listed_at")
    joined = sa.outerjoin(_action, _list, _list.c.run_id == _action.c.run_id)
    found: dict[str, list[Action]] = {}
    for start in range(0, len(patients), _AT_ONCE):
        query = (
            sa.select(_action, listed_at, _list.c.as_of)
            .select_from(joined)
            .where(_action.c.patient_id.in_(patients[start : start + _AT_ONCE]))
            .order_by(_action.c.place)
        )
        for row in connection.execute(query):
            one = _as_action(row, told.get(row.patient_id, ()))
            found.setdefault(one.patient_id, []).append(one)
    return found


def _as_action(row: sa.Row[Any], told: Sequence[tuple[datetime, date]]) -> Action:
    held = dict(row._mapping)
    listed_at, as_of = held.pop("listed_at"), held.pop("as_of")
    known = None
    if listed_at is not None:
        of_list = discharges.known_at(told, listed_at) or date.min
        known = max(of_list, as_of - discharges.TOLD_FOR)
    if held["at"].tzinfo is None:  # SQLite keeps no zone
        held["at"] = held["at"].replace(tzinfo=UTC)
    return Action(**held, known_up_to=known)
