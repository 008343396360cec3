"""The worklist over HTTP: read it in order, and record what was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from data.errors import InputError, RefusalError
from serving.access.roles import Principal
from serving.answer_schemas import Listed
from serving.answers import published_places
from serving.api.problems import Refused
from serving.api.pseudonyms import pseudonymous
from serving.api.recording import not_recorded
from serving.api.rules import RULES, GuardedRoute, may_ask_about, whose_panel
from serving.api.state import Service, models_of
from serving.masking import masked
from serving.schemas import Day, Note
from serving.store import actions, idempotency, lists
from serving.store.actions import KINDS, STATUSES, ActionKind, NewAction, Status, StatusName
from serving.store.audit import Entry
from serving.store.database import DatabaseError

router = APIRouter(route_class=GuardedRoute, prefix="/v1/worklist", tags=["worklist"])

Order = Literal["rank", "readmission_risk", "high_cost_risk", "expected_cost", "discharged_on"]
_COLUMN = {
    "readmission_risk": "readmission_risk",
    "high_cost_risk": "high_cost_risk",
    "expected_cost": "high_cost_expected_dollars",
    "discharged_on": "discharged_on",
}
_ACTIONS = RULES["POST", "/v1/worklist/{entry_id}/actions"]


class Standing(BaseModel):
    """Where a patient stands: what was recorded last and not undone."""

    status: Annotated[StatusName, Field(examples=["no answer"])]
    since: Annotated[datetime | None, Field(examples=["2025-01-02T15:04:05Z"])]
    who: Annotated[str | None, Field(description="who recorded it", examples=["r.gomez"])]
    until: Annotated[
        date | None, Field(description="first day of the next call, while deferred",
                           examples=["2025-01-09"])
    ]  # fmt: skip
    override_tier: Annotated[
        str | None, Field(description="the tier that a case manager holds to be right",
                          examples=["high"])
    ]  # fmt: skip
    override_reason: Annotated[str | None, Field(examples=["lives alone, stairs, no telephone"])]
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


class WorklistPage(BaseModel):
    """A part of the published list."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    models: Annotated[dict[str, str], Field(examples=[{"readmission": "0f8fad5bd9cb469f"}])]
    capacity: Annotated[dict[str, int], Field(examples=[{"managers": 4, "slots": 25}])]
    found: Annotated[int, Field(description="places that fit the filters", examples=[25])]
    patients: list[ListedNow]
    next_offset: Annotated[int | None, Field(description="null on the last page", examples=[20])]
    warnings: Annotated[list[str], Field(examples=[["without a feed of admissions nobody counts "
                                                    "as recently discharged"]])]  # fmt: skip


def standing(now: Status) -> Standing:
    """A patient's status as it is answered."""
    return Standing(
        status=now.name,
        since=now.since,
        who=now.who,
        until=now.until,
        override_tier=now.override.tier if now.override else None,
        override_reason=now.override.reason if now.override else None,
        newest_action=now.newest or "none",
    )


def statuses(service: Service, patients: Sequence[str]) -> dict[str, Status]:
    """Where each of some patients stands today."""
    with service.database.reading() as connection:
        found = actions.of_patients(connection, patients)
    today = service.today
    return {patient: actions.status(found.get(patient, ()), today) for patient in patients}


@router.get("")
def worklist(
    request: Request,
    top: Annotated[int, Query(ge=1, le=1000, description="places on a page")] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="places before the page")] = 0,
    manager: Annotated[
        int | None, Query(ge=1, le=10_000, description="whose panel", examples=[2])
    ] = None,
    tier: Annotated[Literal["high", "moderate", "low"] | None, Query(examples=["high"])] = None,
    queue: Annotated[
        Literal["recently discharged", "high cost"] | None, Query(examples=["high cost"])
    ] = None,
    status: Annotated[
        list[
            Literal[
                "open",
                "contacted",
                "no answer",
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
) -> WorklistPage:
    """The published list: whom to call first, and why. A case manager sees his own panel."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    manager = whose_panel(principal, manager, "you may see the list of your own panel alone")
    run = service.published(principal)
    with service.database.reading() as connection:
        entries = lists.entries(connection, run.run_id, manager, tier, queue)
    stands = statuses(service, [entry["patient_id"] for entry in entries])
    wanted = set(status or actions.TO_BE_CALLED)
    if "any" in wanted:
        wanted = set(STATUSES)
    entries = [entry for entry in entries if stands[entry["patient_id"]].name in wanted]
    if order != "rank":
        entries = _falling(entries, _COLUMN[order])
    page = entries[offset : offset + top]
    with service.database.reading() as connection:
        rows = lists.listed(connection, run.run_id, [entry["patient_id"] for entry in page])
    sights = service.sights(principal, [row["patient_id"] for row in rows])
    told = [masked(row, sights[row["patient_id"]], service.next_step) for row in rows]
    service.looked(principal, "worklist", [row["patient_id"] for row in rows], run)
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
    rest = offset + top < len(entries)
    return WorklistPage(
        run_id=run.run_id,
        as_of=run.as_of,
        models=models_of(run),
        capacity=dict(run.manifest["capacity"]),
        found=len(entries),
        patients=found,
        next_offset=offset + top if rest else None,
        warnings=list(run.manifest["warnings"]),
    )


def _for_analysts(one: ListedNow) -> ListedNow:
    """A place without what somebody wrote about the patient, which may name him, and without who
    did."""
    nobody = {"who": None, "override_reason": None}
    return one.model_copy(update={"standing": one.standing.model_copy(update=nobody)})


def _falling(entries: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """By a column from its highest value down, then by rank; where it is missing, last."""
    known = [entry for entry in entries if entry[column] is not None]
    missing = [entry for entry in entries if entry[column] is None]
    return sorted(known, key=lambda entry: entry[column], reverse=True) + missing


class ActionRequest(BaseModel):
    """What was done or decided about a patient of the list."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[ActionKind, Field(examples=["deferred"])]
    until: Annotated[
        Day | None, Field(description="of a deferred call: the day of the next one",
                          examples=["2025-01-09"])
    ] = None  # fmt: skip
    tier: Annotated[
        Literal["high", "moderate", "low"] | None,
        Field(description="of an override: the tier that is right", examples=[None]),
    ] = None
    reason: Annotated[
        Note | None, Field(description="needed by an override and by a closure", examples=[None])
    ] = None
    note: Annotated[Note | None, Field(examples=["asks to be called in the afternoon"])] = None
    undoes: Annotated[
        str | None, Field(max_length=32, pattern="^[0-9a-f]{32}$", examples=[None],
                          description="of an undo: the action_id that it takes back")
    ] = None  # fmt: skip
    seen: Annotated[
        str | None, Field(max_length=32, pattern="^([0-9a-f]{32}|none)$", examples=["none"],
                          description="`newest_action` as you last saw it: refused where somebody "
                          "recorded another one since; unchecked where it is left out")
    ] = None  # fmt: skip


class RecordedAction(BaseModel):
    """An action as it was recorded, and where the patient stands with it."""

    action_id: Annotated[str, Field(examples=["9b2f0c3d5e6a7788990011aabbccddee"])]
    kind: Annotated[str, Field(examples=list(KINDS[:1]))]
    who: Annotated[str, Field(examples=["r.gomez"])]
    at: Annotated[datetime, Field(examples=["2025-01-02T15:04:05Z"])]
    standing: Standing


EntryId = Annotated[
    str,
    Path(
        min_length=14, max_length=60, pattern=r"^\d{4}-\d{2}-\d{2}\.\d{1,6}:\d{1,7}$",
        description="`entry_id` of a place on the list", examples=["2024-12-31.1:17"],
    ),
]  # fmt: skip
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$",
        description="your own name for this request: sent again with the same one, it is done "
        "once and answered the same", examples=["5b1f9a4e-2f0e-4c5e-9d53-2c4c1b9d7a10"],
    ),
]  # fmt: skip


@router.post("/{entry_id}/actions", status_code=201, response_model=RecordedAction)
def act(
    request: Request,
    entry_id: EntryId,
    body: ActionRequest,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Record what was done about the patient at a place of a published list, today's or an older
    one. Nothing is overwritten: an action is undone by another one."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    service.published(principal)  # a silent service takes no action either
    run_id, _, rank = entry_id.rpartition(":")
    keyed = None
    if idempotency_key:
        who = f"{principal.role} {principal.name}"
        sent = body.model_dump_json().encode()
        keyed = idempotency.KeyedRequest.of(who, idempotency_key, f"actions {entry_id}", sent)
        if before := _answered(service, keyed):  # whatever changed since: the panel, the day
            return _said(*before)
    with service.database.reading() as connection:
        patient_id = lists.patient_at(connection, run_id, int(rank))
    manager = None if patient_id is None else service.store.manager_of(patient_id)
    may_ask_about(_ACTIONS, principal, manager)
    if patient_id is None:
        raise Refused("not-found", "there is no such place on a list")
    new = NewAction(body.kind, body.until, body.tier, body.reason, body.note, body.undoes)
    try:
        actions.fitting(new, service.today)
    except InputError as error:
        raise not_fitting(error) from None
    return _recorded(service, principal, (run_id, int(rank), patient_id), new, body.seen, keyed)


def _answered(service: Service, keyed: idempotency.KeyedRequest | None) -> tuple[int, str] | None:
    """What the same request was answered before. It told nothing that its sender did not write, so
    that it is no look of its own. Raises Refused where the key was used for another one."""
    if keyed is None:
        return None
    try:
        with service.database.asking() as connection:
            return idempotency.answered(connection, keyed)
    except idempotency.OtherRequestError as error:
        raise Refused("key-reused", str(error)) from None


def not_fitting(error: InputError) -> RequestValidationError:
    """ "reason: is needed for closed." as what is wrong with a field."""
    name, _, said = str(error).partition(": ")
    about = {"type": "action", "loc": (name,), "msg": said.rstrip(".")}
    return RequestValidationError([about])


def _recorded(
    service: Service,
    principal: Principal,
    place: tuple[str, int, str],
    new: NewAction,
    seen: str | None,
    keyed: idempotency.KeyedRequest | None,
) -> Response:
    """Records the action, its audit row and the keyed answer in one transaction."""
    run_id, rank, patient_id = place
    for _ in range(2):
        try:
            with service.database.writing() as connection:
                before = keyed and idempotency.answered(connection, keyed)
                if before:
                    return _said(*before)
                made = actions.record(
                    connection, new, patient_id, run_id, rank, principal.name, seen
                )
                about = {"action": made.action_id, "kind": made.kind}
                service.audit.append(
                    connection,
                    [Entry(principal.name, principal.role, "action", patient_id, run_id, about)],
                )
                every = actions.of_patients(connection, [patient_id])[patient_id]
                now = actions.status(every, service.today)
                said = RecordedAction(
                    action_id=made.action_id, kind=made.kind, who=made.who, at=made.at,
                    standing=standing(now),
                ).model_dump_json()  # fmt: skip
                if keyed:
                    idempotency.keep(connection, keyed, 201, said)
            return _said(201, said)
        except actions.MovedOnError as error:
            if before := _answered(service, keyed):  # it was this very request, sent twice at once
                return _said(*before)
            raise Refused("moved-on", str(error)) from None
        except idempotency.OtherRequestError as error:
            raise Refused("key-reused", str(error)) from None
        except DatabaseError as error:
            raise not_recorded(error) from None
        except InputError as error:
            if before := _answered(service, keyed):
                return _said(*before)
            raise not_fitting(error) from None
        except RefusalError as error:
            raise not_recorded(error) from None
        except idempotency.ConflictError:
            continue  # the same key, or the same undo, was kept in this very moment: look again
    raise Refused("moved-on", "this was asked twice at the same moment: look again")


def _said(status: int, body: str) -> Response:
    return Response(body, status, media_type="application/json")
