"""The list of one night: scores, what was recorded, and the lists before it, put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from data.errors import InputError
from serving.eligibility import LEFT_OUT_BY, WITHOUT_PLACE, with_standings
from serving.list_changes import Before, Changes, changes
from serving.panels import Panel
from serving.population import DIED, NOT_COVERED, NOT_KNOWN
from serving.settings import ServiceSettings
from serving.store import Store, last_lists, panel_moves, standings
from serving.store.standings import Status
from serving.worklist import Capacity, Knowledge, Worklist, worklist

_NOT_HERE = (DIED, NOT_COVERED, NOT_KNOWN)
"""Whoever is left out for one of these is nobody's patient any more."""


def capacity_said(
    panels: tuple[Panel, ...],
    managers: int | None = None,
    slots: int | None = None,
    randomised_share: float = 0.0,
    kept_for_discharged: float = 0.5,
) -> Capacity:
    """The places of the site's own panels, or of as many equal ones as were asked for. Raises
    InputError where both are told."""
    if panels and (managers or slots):
        raise InputError(
            "service.toml names the panels and their slots: leave out --managers and --slots."
        )
    usual = Capacity()
    return Capacity(
        managers or usual.managers, slots or usual.slots, kept_for_discharged, randomised_share,
        of_panels=panels,
    )  # fmt: skip


@dataclass(frozen=True)
class NightList:
    """`listed` is the list, `changes` its places with what changed since the one before, with
    `rose_from` where the high-cost risk of whoever has the place rises, and who is gone;
    `begins_at` (UTC) is when the day begins on which it is called by; `enrolled` counts whoever is
    somebody's patient by what was recorded, by the number of the panel; `unlisted` counts the
    recently discharged who may be called and have no place (`people`), and for how many of them
    the time is over by which they should have been (`overdue`); and those who rest because they
    were tried on several days and not reached (`not_reached`)."""

    listed: Worklist
    changes: Changes
    begins_at: datetime
    enrolled: Mapping[int, int] = field(default_factory=dict)
    unlisted: Mapping[str, int] = field(default_factory=dict)

    @property
    def gone(self) -> dict[str, int]:
        """How many are gone, where any are."""
        count = len(self.changes.gone)
        return {"gone": count} if count else {}

    @property
    def overdue(self) -> int:
        """For how many outreach is late already as the day begins on which the list is used."""
        due = self.changes.entries["due_at"].dropna()
        return sum(datetime.fromisoformat(one) < self.begins_at for one in due)


def list_of_night(
    scores: pd.DataFrame,
    store: Store,
    settings: ServiceSettings,
    capacity: Capacity,
    as_of: date,
    high_cost_version: str | None,
    worked_on: date | None = None,
) -> NightList:
    """The list of a day, to be called by on `worked_on`: the day after, unless told. `scores` has
    one row a person, the store's score columns, `left_out` as the population says it."""
    worked_on = worked_on or as_of + timedelta(days=1)
    rules, wanted = settings.rules, settings.worklist
    of_these_days = scores.set_index("patient_id")["discharged_on"].dropna()
    discharged = {str(p): pd.Timestamp(day).date() for p, day in of_these_days.items()}
    first, last = wanted.rising.span(as_of)
    with store.database.reading() as connection:
        stands = standings.of_everybody(connection, worked_on, rules, discharged)
        known_to = last_lists.panels_of_patients(connection)
        by_hand = panel_moves.put_by_hand(connection)
        risks: Mapping[str, float] = {}
        if high_cost_version is not None:
            risks = last_lists.high_cost_risks(connection, first, last, high_cost_version)
    people = _people(scores, stands)
    now = people.set_index("patient_id")["high_cost_risk"]
    rose_from = wanted.rising.rose_from(now, risks)
    people["rising"] = rose_from.notna().to_numpy()
    knowledge = Knowledge(wanted.outreach, settings.zone, known_to, by_hand, worked_on)
    listed = worklist(people, capacity, as_of, knowledge)
    entries = listed.entries
    entries = entries.assign(rose_from=rose_from.reindex(entries["patient_id"]).to_numpy())
    told = changes(entries, listed.left_out, discharged, _before(store, entries, as_of), as_of)
    begins_at = datetime.combine(worked_on, time(), settings.zone).astimezone(UTC)
    followed = set(scores["patient_id"][~scores["left_out"].isin(_NOT_HERE)])
    enrolled = Counter(
        known_to[patient]
        for patient, one in stands.items()
        if one.name == "enrolled" and patient in known_to and patient in followed
    )
    unlisted = _unlisted(listed, discharged, knowledge, begins_at)
    return NightList(listed, told, begins_at, enrolled, unlisted)


def _unlisted(
    listed: Worklist, discharged: Mapping[str, date], knowledge: Knowledge, begins_at: datetime
) -> dict[str, int]:
    without_place = listed.left_out[listed.left_out["reason"].isin(WITHOUT_PLACE)]
    days = [discharged[one] for one in without_place["patient_id"] if one in discharged]
    clock = knowledge.clock
    overdue = sum(clock.due_at(day, knowledge.zone) <= begins_at for day in days)
    resting = listed.left_out[listed.left_out["reason"] == LEFT_OUT_BY["not reached"]]
    not_reached = sum(one in discharged for one in resting["patient_id"])
    return {"people": len(days), "overdue": overdue, "not_reached": not_reached}


def _people(scores: pd.DataFrame, stands: Mapping[str, Status]) -> pd.DataFrame:
    return with_standings(scores.rename(columns={"left_out": "excluded"}), stands)


def _before(store: Store, entries: pd.DataFrame, as_of: date) -> Before | None:
    with store.database.reading() as connection:
        run_id = last_lists.list_before(connection, as_of)
        if run_id is None:
            return None
        listed = last_lists.listed_in(connection, run_id)
        wanted = sorted({*listed, *entries["patient_id"]})
        return Before(last_lists.stood(connection, run_id, wanted))
