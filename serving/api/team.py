"""The team over HTTP, for supervisors: how much work each panel has, and how outreach went."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from serving.access.accounts import accounts
from serving.access.roles import Principal
from serving.api.looks import looked_at_list
from serving.api.patients import Found, in_brief
from serving.api.rules import GuardedRoute
from serving.api.state import Service
from serving.api.worklist import ListNow, is_late, list_now
from serving.eligibility import OF_THE_LIST, WITHOUT_PLACE
from serving.outreach_figures import ALL_PANELS, Outreach, outreach
from serving.panels import panels_of_run
from serving.store import outreach as calls
from serving.store import people
from serving.store.nights import Run
from serving.store.outreach import RecordedCall

router = APIRouter(route_class=GuardedRoute, tags=["worklist"])

OUTREACH_DAYS = 30
"""Of the calls that became due in so many days it is told how outreach went."""
_LOOK_BACK = timedelta(days=40)
"""Further back lists are read, so that a call's first list and the discharge before are known."""


class OutreachTold(BaseModel):
    """What became of the calls after a discharge that were due in these days, and what was recorded
    at the places of their lists."""

    due: Annotated[int, Field(description="calls after a discharge that were due", examples=[40])]
    outcomes: Annotated[
        dict[str, int],
        Field(description="what became of them: reached in time, tried in time, set aside in time "
              "(deferred, closed, not to be contacted), no longer to be called (back in hospital, "
              "dead, opted out), reached late, not reached (tried or set aside late), called after "
              "a list that came too late (due before it was listed), nobody called",
              examples=[{"reached in time": 31, "tried in time": 6, "nobody called": 3}]),
    ]  # fmt: skip
    recorded: Annotated[
        dict[str, int],
        Field(description="by kind of action", examples=[{"contacted": 52, "no_answer": 17}]),
    ]


class PanelNow(BaseModel):
    """The work of one case manager today."""

    number: Annotated[int, Field(examples=[2])]
    name: Annotated[str, Field(description="as the site calls it", examples=["North"])]
    people: Annotated[
        list[str], Field(description="whose accounts have this panel", examples=[["r.gomez"]])
    ]
    places: Annotated[
        int | None, Field(description="on a list; null: the night did not tell", examples=[25])
    ]
    enrolled: Annotated[
        int | None,
        Field(description="patients whom the panel had enrolled, and not closed, as the list was "
              "made; null: the night did not tell", examples=[12]),
    ]  # fmt: skip
    listed: Annotated[int, Field(description="patients on the list that is shown", examples=[25])]
    to_call: Annotated[int, Field(description="of them are still to be called", examples=[18])]
    overdue: Annotated[
        int, Field(description="of these the call after the discharge is overdue", examples=[2])
    ]
    outreach: OutreachTold


class TeamTold(BaseModel):
    """All panels of the list that is shown."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    panels: list[PanelNow]
    outreach_days: Annotated[int, Field(description="`outreach` is of so many", examples=[30])]
    outreach: Annotated[OutreachTold, Field(description="of all panels together")]
    has_admissions: Annotated[
        bool, Field(description="whether the lists tell by when a call is due", examples=[True])
    ]


@router.get("/v1/team")
def team(request: Request) -> TeamTold:
    """How much work each panel has today against its places, how much of it is overdue, and how
    outreach went of late. No patient is named."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    run = service.published(principal)
    return team_of(service, list_now(service, run))


class Unlisted(BaseModel):
    """The recently discharged who may be called and have no place on the list."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    patients: Annotated[
        list[Found], Field(description="the highest tier first, then who left first")
    ]
    has_more: Annotated[
        bool, Field(description="whether there are more than these", examples=[False])
    ]


@router.get("/v1/team/unlisted")
def unlisted(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 100) -> Unlisted:
    """Who was discharged lately, may be called, and found no place on the list: so that nobody is
    forgotten."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    run = service.published(principal)
    with service.database.reading() as connection:
        rows = people.discharged_without_place(connection, run.run_id, WITHOUT_PLACE, limit + 1)
    found = [in_brief(row) for row in rows[:limit]]
    looked_at_list(service, principal, "unlisted", [one.patient_id for one in found], run)
    return Unlisted(run_id=run.run_id, as_of=run.as_of, patients=found, has_more=len(rows) > limit)


def team_of(service: Service, read: ListNow) -> TeamTold:
    """The team by the whole list of a published run."""
    run = read.run
    listed, to_call, overdue = _work(service, read)
    went = _outreach(service, run)
    who: dict[int, list[str]] = {}
    for account in accounts(service.database):
        if account.manager is not None and not account.disabled:
            who.setdefault(account.manager, []).append(account.name)
    panels = {one.number: one for one in panels_of_run(run.manifest)}
    enrolled = run.manifest.get("enrolled")
    numbers = sorted({*panels, *listed, *went} - {ALL_PANELS})
    nothing = Outreach(0, {}, {})
    carries = run.manifest.get("data", {}).get("carries", ["encounter"])
    return TeamTold(
        run_id=run.run_id,
        as_of=run.as_of,
        panels=[
            PanelNow(
                number=number, name=panels[number].name if number in panels else "",
                people=who.get(number, []),
                places=panels[number].slots if number in panels else None,
                enrolled=None if enrolled is None else enrolled.get(str(number), 0),
                listed=listed[number], to_call=to_call[number], overdue=overdue[number],
                outreach=OutreachTold(**vars(went.get(number, nothing))),
            )
            for number in numbers
        ],
        outreach_days=OUTREACH_DAYS,
        outreach=OutreachTold(**vars(went[ALL_PANELS])),
        has_admissions="encounter" in carries,
    )  # fmt: skip


def _work(service: Service, read: ListNow) -> tuple[Counter[int], Counter[int], Counter[int]]:
    """By panel: how many are listed, of them are to be called, of these are overdue."""
    now, entries, stands = service.moment_of(read.run), read.entries, read.stands
    waiting = [one for one in entries if stands[one["patient_id"]].waits_for_a_call]
    late = [one for one in entries if is_late(one, stands[one["patient_id"]], now)]
    listed, to_call, overdue = (
        Counter(one["manager"] for one in some) for some in (entries, waiting, late)
    )
    return listed, to_call, overdue


def _outreach(service: Service, run: Run) -> dict[int, Outreach]:
    now, zone = service.moment_of(run), service.settings.zone
    after = now - timedelta(days=OUTREACH_DAYS)
    since = (after - _LOOK_BACK).astimezone(zone).date()
    with service.database.reading() as connection:
        due = calls.due_calls(connection, since)
        recorded = calls.recorded_calls(connection, since)
        gone = calls.gone_since(connection, since)
    runs = {one.run_id: one for one in service.store.runs(since)}
    lived = [_as_lived(service, runs.get(one.run_id), one) for one in recorded]
    listed_at = {run_id: _listed_at(service, one) for run_id, one in runs.items()}
    ended: dict[str, list[str]] = {}
    for patient, run_id, why in gone:
        if why not in OF_THE_LIST:
            ended.setdefault(patient, []).append(run_id)
    return outreach(due, lived, ended, listed_at, (after, now), zone)


def _listed_at(service: Service, run: Run) -> datetime:
    """When a list came to those who call."""
    if service.is_invented(run):
        return service.moment_of(run)
    return run.finished_at or run.started_at or datetime.now(UTC)


def _as_lived(service: Service, run: Run | None, call: RecordedCall) -> RecordedCall:
    """A call with the moment that counts. Invented people live in the days of their data: whoever
    calls one from a list in days that are not theirs calls at noon of the day that it is for."""
    if run is None or not service.is_invented(run):
        return call
    begins = service.moment_of(run)
    if begins <= call.at < begins + timedelta(days=1):
        return call
    noon = datetime.combine(begins.astimezone(service.settings.zone).date(), time(12))
    return call._replace(at=noon.replace(tzinfo=service.settings.zone).astimezone(UTC))
