"""Where patients stand: what the newest action that was not undone says, and for how long.

What was recorded keeps a patient from further calls as long as the site's guideline says
(`serving.guidelines`). Whoever was discharged since, as far as runs told it, is to be called again
whatever was done before, and an override from before it stands no more: what counts is what was
known when somebody acted. "Do not contact" stands until it is undone, whatever else is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from serving.guidelines import Guidelines
from serving.store import discharges
from serving.store.actions import BESIDE, Action, of_told
from serving.store.record_tables import action as _action

StatusName = Literal[
    "open", "contacted", "no answer", "not reached", "enrolled", "declined", "deferred",
    "do not contact", "closed",
]  # fmt: skip
OpenedBy = Literal["deferral", "guideline", "discharge"]
STATUSES: tuple[StatusName, ...] = get_args(StatusName)
TO_BE_CALLED = ("open", "no answer")
"""Whoever is in one of these still waits for a call."""

SAID: Mapping[str, StatusName] = {
    "contacted": "contacted", "no_answer": "no answer", "enrolled": "enrolled",
    "declined": "declined", "deferred": "deferred", "do_not_contact": "do not contact",
    "closed": "closed",
}  # fmt: skip
"""What each kind of action says of a patient."""


@dataclass(frozen=True)
class Status:
    """Where a patient stands. `name` is "open" where nothing was recorded, or what was recorded
    holds no longer: a deferred call is due, the guideline's days are over, or a new discharge
    opened him again; of these `before` is the action that stood until then, and `opened_by` tells
    which it was. `until` is the first
    day of the next call while it is deferred, `again_on` the day on which the guideline brings him
    back; `override` is the newest override that stands, whatever else was done; `newest` is the id
    of the newest action of all, undone ones and undoings included: whoever acts on what he saw
    names it."""

    name: StatusName = "open"
    since: datetime | None = None
    who: str | None = None
    until: date | None = None
    override: Action | None = None
    newest: str | None = None
    before: Action | None = None
    again_on: date | None = None
    opened_by: OpenedBy | None = None

    @property
    def waits_for_a_call(self) -> bool:
        """Whether somebody is still to reach him."""
        return self.name in TO_BE_CALLED


@dataclass(frozen=True)
class Rules:
    """By which a site tells where patients stand: its guidelines, and the zone of its days."""

    guidelines: Guidelines = field(default_factory=Guidelines)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def day(self, moment: datetime) -> date:
        """The site's day of a moment (with its zone)."""
        return moment.astimezone(self.zone).date()


USUAL = Rules()


def standings(
    connection: sa.Connection, patients: Collection[str], today: date, rules: Rules = USUAL
) -> dict[str, Status]:
    """Where each of some patients stands on a day."""
    wanted = sorted(patients)
    told = discharges.told_of(connection, wanted)
    return _by_actions(of_told(connection, wanted, told), told, patients, today, rules)


def of_everybody(
    connection: sa.Connection, today: date, rules: Rules, tonight: Mapping[str, date]
) -> dict[str, Status]:
    """Where everybody stands about whom anything was ever recorded, with the discharges that a run
    tells which is not published yet."""
    query = sa.select(_action.c.patient_id).distinct().order_by(_action.c.patient_id)
    wanted = list(connection.scalars(query))
    told = discharges.told_of(connection, wanted)
    return _by_actions(of_told(connection, wanted, told), told, wanted, today, rules, tonight)


def standings_by(
    connection: sa.Connection,
    taken: Mapping[str, Sequence[Action]],
    patients: Collection[str],
    today: date,
    rules: Rules = USUAL,
) -> dict[str, Status]:
    """The same, by the actions that `serving.store.actions.of_patients` found."""
    told = discharges.told_of(connection, sorted(taken))
    return _by_actions(taken, told, patients, today, rules)


def _by_actions(
    taken: Mapping[str, Sequence[Action]],
    told: discharges.Told,
    patients: Collection[str],
    today: date,
    rules: Rules,
    tonight: Mapping[str, date] = MappingProxyType({}),
) -> dict[str, Status]:
    newest = {p: discharges.known_at(told.get(p, ()), None) for p in patients} | dict(tonight)
    return {p: status(taken.get(p, ()), today, newest[p], rules) for p in patients}


def status(
    actions: Sequence[Action],
    today: date,
    discharged_on: date | None = None,
    rules: Rules = USUAL,
) -> Status:
    """Where a patient stands on a day, from all actions about him, the oldest first;
    `discharged_on` is his discharge as the newest run told it that told any. An action from a list
    that did not tell this discharge stands behind those that knew of it, whenever it was recorded.
    """

    def knew(one: Action) -> bool:
        return discharged_on is None or discharged_on <= (one.known_up_to or date.min)

    undone = {one.undoes for one in actions if one.undoes}
    standing = [one for one in actions if one.kind != "undo" and one.action_id not in undone]
    override = next((o for o in reversed(standing) if o.kind == "override" and knew(o)), None)
    done = [one for one in standing if one.kind not in BESIDE]
    newest = actions[-1].action_id if actions else None
    stops = [one for one in done if one.kind == "do_not_contact"]
    if stops:
        last = stops[-1]
        return Status("do not contact", last.at, last.who, None, override, newest)
    # outreach after a discharge is due to an enrolled patient too, and ends with its 30 days
    is_past = discharged_on is not None and discharged_on <= today - discharges.TOLD_FOR
    known = [one for one in done if knew(one) or (is_past and one.kind == "enrolled")]
    if not known:
        again: OpenedBy | None = "discharge" if done else None
        return Status(
            override=override, newest=newest, before=done[-1] if done else None, opened_by=again
        )
    last = known[-1]
    name, again_on = SAID[last.kind], last.until
    if last.kind == "no_answer":
        again_on = rules.guidelines.rests_until(_tries(known, rules))
        name = "no answer" if again_on is None else "not reached"
    elif last.kind != "deferred":
        again_on = rules.guidelines.again_on(last.kind, rules.day(last.at))
    if again_on is not None and again_on <= today:
        by: OpenedBy = "deferral" if last.kind == "deferred" else "guideline"
        return Status(override=override, newest=newest, before=last, opened_by=by)
    return Status(
        name, last.at, last.who, last.until, override, newest,
        again_on=None if last.kind == "deferred" else again_on,
    )  # fmt: skip


def _tries(known: Sequence[Action], rules: Rules) -> list[date]:
    """The days of the tries that nobody answered, since anything else was recorded."""
    days: list[date] = []
    for one in reversed(known):
        if one.kind != "no_answer":
            break
        days.append(rules.day(one.at))
    return days
