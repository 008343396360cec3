"""The worklist over HTTP, read in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from serving.access.roles import Principal
from serving.answer_schemas import Listed
from serving.answers import published_places
from serving.api.looks import looked_at_list, looked_for
from serving.api.problems import Refused
from serving.api.pseudonyms import pseudonymous
from serving.api.rules import GuardedRoute, whose_panel
from serving.api.state import Service, models_of
from serving.masking import masked
from serving.store import lists, standings
from serving.store.nights import Run
from serving.store.standings import SAID, STATUSES, TO_BE_CALLED, OpenedBy, Status, StatusName

router = APIRouter(route_class=GuardedRoute, prefix="/v1/worklist", tags=["worklist"])

Order = Literal["rank", "readmission_risk", "high_cost_risk", "expected_cost", "discharged_on"]
_COLUMNS = {
    # over all days after the discharge: of the days left alone, whoever waits would fall
    "readmission_risk": ("readmission_all_days_risk", "readmission_risk"),
    "high_cost_risk": ("high_cost_risk",),
    "expected_cost": ("high_cost_expected_dollars",),
    "discharged_on": ("discharged_on",),
}
"""What each order goes by: the first of these that is known."""


EntryName = Annotated[
    str,
    StringConstraints(
        min_length=14, max_length=60, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]{1,6}:[0-9]{1,7}$"
    ),
]


class StoodBefore(BaseModel):
    """What stood of a patient who is to be called again: a call that was deferred is due, the days
    of the guideline are over, or he was discharged again."""

    status: Annotated[StatusName, Field(examples=["declined"])]
    since: Annotated[datetime, Field(examples=["2024-11-20T15:04:05Z"])]
    who: Annotated[str, Field(description="who recorded it", examples=["r.gomez"])]
    opened_by: Annotated[
        OpenedBy,
        Field(description="the deferred call is due, the days of the guideline are over, or he was "
              "discharged since", examples=["guideline"]),
    ]  # fmt: skip


class Standing(BaseModel):
    """Where a patient stands: what was recorded last and not undone, as far as it still holds."""

    status: Annotated[StatusName, Field(examples=["no answer"])]
    since: Annotated[datetime | None, Field(examples=["2025-01-02T15:04:05Z"])]
    who: Annotated[str | None, Field(description="who recorded it", examples=["r.gomez"])]
    until: Annotated[
        date | None, Field(description="first day of the next call, while deferred",
                           examples=["2025-01-09"])
    ]  # fmt: skip
    again_on: Annotated[
        date | None,
        Field(description="the day on which the guideline brings the patient back, unless "
              "something else is recorded, or he is discharged again, before", examples=[None]),
    ] = None  # fmt: skip
    override_tier: Annotated[
        str | None, Field(description="the tier that a case manager holds to be right",
                          examples=["high"])
    ]  # fmt: skip
    override_reason: Annotated[str | None, Field(examples=["lives alone, stairs, no telephone"])]
    before: Annotated[
        StoodBefore | None,
        Field(description="what stood until the patient was opened again",
              examples=[{"status": "declined", "since": "2024-11-20T15:04:05Z", "who": "r.gomez",
                         "opened_by": "discharge"}]),
    ]  # fmt: skip
    newest_action: Annotated[
        str,
        Field(description="send it as `seen` with the next action, so that nobody overwrites what "
              "he did not see", examples=["none"]),
    ]  # fmt: skip


class ListedNow(Listed):
    """One place on the list, and where the patient stands now."""

    entry_id: Annotated[
        str, Field(description="names this place in POST /v1/worklist/{entry_id}/actions",
                   examples=["2024-12-31.1:17"])
    ]  # fmt: skip
    standing: Standing


class Gone(BaseModel):
    """Somebody who stood on the newest list of an earlier day and does not on this one."""

    patient_id: Annotated[str, Field(examples=["P0000017"])]
    manager: Annotated[int, Field(description="in whose panel he stood", examples=[2])]
    why: Annotated[str, Field(examples=["in hospital now"])]


class WorklistPage(BaseModel):
    """A part of the published list."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    models: Annotated[dict[str, str], Field(examples=[{"readmission": "0f8fad5bd9cb469f"}])]
    capacity: Annotated[dict[str, int], Field(examples=[{"managers": 4, "slots": 25}])]
    found: Annotated[
        int, Field(description="places that fit the filters, from this page on", examples=[25])
    ]
    patients: list[ListedNow]
    gone: Annotated[
        list[Gone],
        Field(description="on the first page, where neither tier nor queue is chosen: who stood on "
              "the newest list of an earlier day and is on this one no more"),
    ]  # fmt: skip
    next_after: Annotated[
        str | None, Field(description="send it as `after` for the next page; null on the last",
                          examples=["2024-12-31.1:17"])
    ]  # fmt: skip
    warnings: Annotated[list[str], Field(examples=[["without a feed of admissions nobody counts "
                                                    "as recently discharged"]])]  # fmt: skip


def standing(now: Status) -> Standing:
    """A patient's status as it is answered."""
    return Standing(
        status=now.name,
        since=now.since,
        who=now.who,
        until=now.until,
        again_on=now.again_on,
        override_tier=now.override.tier if now.override else None,
        override_reason=now.override.reason if now.override else None,
        before=_stood(now),
        newest_action=now.newest or "none",
    )


def _stood(now: Status) -> StoodBefore | None:
    if now.before is None or now.opened_by is None:
        return None
    return StoodBefore(
        status=SAID[now.before.kind], since=now.before.at, who=now.before.who,
        opened_by=now.opened_by,
    )  # fmt: skip


def statuses(service: Service, run: Run, patients: Sequence[str]) -> dict[str, Status]:
    """Where each of some patients of a run stands on the day that it is for them."""
    today = service.today_of(run)
    with service.database.reading() as connection:
        return standings.standings(connection, patients, today, service.settings.rules)


@router.get("")
def worklist(
    request: Request,
    top: Annotated[int, Query(ge=1, le=1000, description="places on a page")] = 20,
    after: Annotated[
        EntryName | None,
        Query(description="`next_after` of the page before", examples=["2024-12-31.1:17"]),
    ] = None,
    manager: Annotated[
        int | None, Query(ge=1, le=10_000, description="whose panel", examples=[2])
    ] = None,
    tier: Annotated[
        Literal["high", "moderate", "low"] | None,
        Query(
            description="the tier that a case manager gave (`standing.override_tier`), where "
            "that stands, else that of the place",
            examples=["high"],
        ),
    ] = None,
    queue: Annotated[
        Literal["recently discharged", "high cost"] | None, Query(examples=["high cost"])
    ] = None,
    status: Annotated[
        list[
            Literal[
                "open",
                "contacted",
                "no answer",
                "not reached",
                "enrolled",
                "declined",
                "deferred",
                "do not contact",
                "closed",
                "any",
            ]
        ]
        | None,
        Query(
            description="where patients stand; those who wait for a call unless told otherwise",
            examples=[["open", "no answer"]],
        ),
    ] = None,
    order: Annotated[Order, Query(description="rank is the list's own; others fall")] = "rank",
    overdue: Annotated[
        bool, Query(description="only those whose call after the discharge is overdue")
    ] = False,
) -> WorklistPage:
    """The published list: whom to call first, and why. A case manager sees his own panel."""
    service: Service = request.app.state.service
    asked = Asked(top, after, manager, tier, queue, status, order, overdue=overdue)
    return places(service, request.state.principal, asked).page


@dataclass(frozen=True)
class Asked:
    """Which places of the list are asked for, as the route says it. `named` is a part of a
    patient's id, of whatever case; `tier` goes by `tier_of`; `overdue`: only those who wait for a
    call that is overdue."""

    top: int = 20
    after: str | None = None
    manager: int | None = None
    tier: str | None = None
    queue: str | None = None
    status: Sequence[str] | None = None
    order: Order = "rank"
    named: str = ""
    overdue: bool = False


@dataclass(frozen=True)
class Places:
    """A page of the places that were asked for, and figures of all its pages together: `total` fit,
    `passed` of them before this page, `overdue` of them wait for a call that is due; `listed` fit
    wherever the patients stand."""

    page: WorklistPage
    total: int
    passed: int
    overdue: int
    listed: int


@dataclass(frozen=True)
class ListNow:
    """The list of a run, or those of its places that belong to one panel or queue, in brief
    (`serving.store.lists.entries`), and where each patient stands."""

    run: Run
    entries: list[dict[str, Any]]
    stands: Mapping[str, Status]


def list_now(
    service: Service, run: Run, manager: int | None = None, queue: str | None = None
) -> ListNow:
    """Reads them."""
    with service.database.reading() as connection:
        entries = lists.entries(connection, run.run_id, manager, queue=queue)
    return ListNow(run, entries, statuses(service, run, [one["patient_id"] for one in entries]))


def places(
    service: Service, principal: Principal, asked: Asked, read: ListNow | None = None
) -> Places:
    """The places that somebody asked for, each look recorded; of all panels and queues they are
    told from what was `read` before, where that is given. Raises Refused where he may not see them,
    or there is no list."""
    if asked.named and principal.role == "analyst":  # it would say which pseudonym is whose
        raise Refused("not-permitted", "your role sees no names, so that none can be looked for")
    refusal = "you may see the list of your own panel alone"
    manager = whose_panel(principal, asked.manager, refusal)
    if read is None or manager is not None or asked.queue is not None:
        read = list_now(service, service.published(principal), manager, asked.queue)
    run, stands = read.run, read.stands
    entries = [o for o in read.entries if asked.named.lower() in o["patient_id"].lower()]
    if asked.order != "rank":
        entries = _falling(entries, _COLUMNS[asked.order])
    wanted = set(asked.status or TO_BE_CALLED)
    if "any" in wanted:
        wanted = set(STATUSES)

    now = service.moment_of(run)

    def chosen(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """By tier and by whether a call is overdue: both change while somebody turns the pages."""
        return [
            one for one in some
            if asked.tier in (None, _tier_now(one, stands[one["patient_id"]]))
            and not (asked.overdue and not is_late(one, stands[one["patient_id"]], now))
        ]  # fmt: skip

    def fitting(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [entry for entry in chosen(some) if stands[entry["patient_id"]].name in wanted]

    listed, fit = len(chosen(entries)), fitting(entries)
    overdue = sum(is_late(one, stands[one["patient_id"]], now) for one in fit)
    entries = fit if asked.after is None else fitting(_behind(asked.after, run.run_id, entries))
    page = entries[: asked.top]
    with service.database.reading() as connection:
        rows = lists.listed(connection, run.run_id, [entry["patient_id"] for entry in page])
    sights = service.sights(principal, [row["patient_id"] for row in rows])
    told = [masked(row, sights[row["patient_id"]], service.next_step) for row in rows]
    whole = not (asked.after or asked.tier or asked.queue or asked.named or asked.overdue)
    gone = _gone(service, run, manager) if whole else []
    seen = [*(row["patient_id"] for row in rows), *(one.patient_id for one in gone)]
    find = looked_for("find", asked.named) if asked.named else {}
    looked_at_list(service, principal, "worklist", seen, run, **find)
    found = [
        ListedNow(
            **dict(one),
            entry_id=f"{run.run_id}:{one.rank}",
            standing=standing(stands[one.patient_id]),
        )
        for one in published_places(told, run)
    ]
    if principal.role == "analyst":
        found = [_for_analysts(pseudonymous(one, service.key)) for one in found]
        gone = [pseudonymous(one, service.key) for one in gone]
    answer = WorklistPage(
        run_id=run.run_id,
        as_of=run.as_of,
        models=models_of(run),
        capacity=dict(run.manifest["capacity"]),
        found=len(entries),
        patients=found,
        gone=gone,
        next_after=f"{run.run_id}:{page[-1]['rank']}" if len(entries) > asked.top else None,
        warnings=service.warnings_of(run),
    )
    return Places(answer, len(fit), len(fit) - len(entries), overdue, listed)


def tier_of(of_place: str, given: str | None) -> str:
    """The tier by which somebody is told to be called: the one that a case manager gave, as long
    as that stands, else that of his place. The place itself changes with the next list."""
    return given or of_place


def _tier_now(entry: Mapping[str, Any], stands: Status) -> str:
    return tier_of(entry["tier"], stands.override.tier if stands.override else None)


def is_late(entry: Mapping[str, Any], stands: Status, now: datetime) -> bool:
    """Whether whoever is at a place waits for a call that is overdue."""
    return stands.waits_for_a_call and _is_overdue(entry, now)


def _is_overdue(entry: Mapping[str, Any], now: datetime) -> bool:
    """Whether the call of a place (`serving.store.lists.entries`) was due by a moment."""
    return entry["due_at"] is not None and datetime.fromisoformat(entry["due_at"]) <= now


def _gone(service: Service, run: Run, manager: int | None) -> list[Gone]:
    with service.database.reading() as connection:
        return [Gone(**one) for one in lists.gone(connection, run.run_id, manager)]


def _for_analysts(one: ListedNow) -> ListedNow:
    """A place without what somebody wrote about the patient, which may name him, and without who
    did."""
    nobody = {"who": None, "override_reason": None, "before": None}
    return one.model_copy(update={"standing": one.standing.model_copy(update=nobody)})


def _falling(entries: list[dict[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    """By the first of some columns that is known, from its highest value down, then by rank; where
    none is, last."""

    def value(entry: dict[str, Any]) -> Any:
        return next((entry[name] for name in columns if entry[name] is not None), None)

    known = [entry for entry in entries if value(entry) is not None]
    missing = [entry for entry in entries if value(entry) is None]
    return sorted(known, key=value, reverse=True) + missing


def _behind(after: str, run_id: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The places behind one of them, in their order, wherever its patient stands now: who is called
    while somebody turns the pages moves nobody else. Raises Refused where the place is not on this
    list."""
    of_run, _, rank = after.rpartition(":")
    if of_run != run_id:
        raise Refused("moved-on", "another list was published since: begin with its first page")
    at = next((n for n, entry in enumerate(entries) if entry["rank"] == int(rank)), None)
    if at is None:
        raise Refused("not-found", "there is no such place among those that were asked for")
    return entries[at + 1 :]
