"""The list of one night: scores, what was recorded, and the lists before it, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from data.errors import InputError
from serving.eligibility import with_standings
from serving.list_changes import Before, Changes, changes
from serving.panels import Panel
from serving.settings import ServiceSettings
from serving.store import Store, last_lists, standings
from serving.store.standings import Status
from serving.worklist import Capacity, Knowledge, Worklist, worklist


def capacity_said(
    panels: tuple[Panel, ...],
    managers: int | None = None,
    slots: int | None = None,
    randomised_share: float = 0.0,
) -> Capacity:
    """The places of the site's own panels, or of as many equal ones as were asked for. Raises
    InputError where both are told."""
    if panels and (managers or slots):
        raise InputError(
            "service.toml names the panels and their slots: leave out --managers and --slots."
        )
    usual = Capacity()
    return Capacity(
        managers or usual.managers, slots or usual.slots, randomised_share=randomised_share,
        of_panels=panels,
    )  # fmt: skip


@dataclass(frozen=True)
class NightList:
    """`listed` is the list, `changes` its places with what changed since the one before, with
    `rose_from` where the high-cost risk of whoever has the place rises, and who is gone;
    `begins_at` (UTC) is when the day begins on which it is called by."""

    listed: Worklist
    changes: Changes
    begins_at: datetime

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
        risks: Mapping[str, float] = {}
        if high_cost_version is not None:
            risks = last_lists.high_cost_risks(connection, first, last, high_cost_version)
    people = _people(scores, stands)
    now = people.set_index("patient_id")["high_cost_risk"]
    rose_from = wanted.rising.rose_from(now, risks)
    people["rising"] = rose_from.notna().to_numpy()
    knowledge = Knowledge(wanted.outreach, settings.zone, known_to, worked_on)
    listed = worklist(people, capacity, as_of, knowledge)
    entries = listed.entries
    entries = entries.assign(rose_from=rose_from.reindex(entries["patient_id"]).to_numpy())
    told = changes(entries, listed.left_out, discharged, _before(store, entries, as_of), as_of)
    begins_at = datetime.combine(worked_on, time(), settings.zone).astimezone(UTC)
    return NightList(listed, told, begins_at)


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
