"""What was done about a patient, recorded over HTTP: once, undone, never overwritten."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from data.errors import InputError, RefusalError
from serving.access.roles import Principal
from serving.api.problems import Refused, not_fitting
from serving.api.recording import not_recorded
from serving.api.rules import RULES, GuardedRoute, may_ask_about
from serving.api.state import Service
from serving.api.worklist import EntryName, Standing, standing
from serving.schemas import Day, Note
from serving.store import actions, idempotency, lists, standings
from serving.store.actions import KINDS, ActionKind, NewAction
from serving.store.database import DatabaseError
from serving.store.nights import Run
from serving.store.standings import Status

router = APIRouter(route_class=GuardedRoute, prefix="/v1/worklist", tags=["worklist"])

_STILL_OPEN = timedelta(days=7)
"""How long a list that newer ones replaced may lie open on somebody's desk."""
_ACTIONS = RULES["POST", "/v1/worklist/{entry_id}/actions"]


class ActionRequest(BaseModel):
    """What was done or decided about a patient of the list."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[ActionKind, Field(examples=["deferred"])]
    until: Annotated[
        Day | None, Field(description="of a deferred call: the day of the next one, within a year",
                          examples=["2025-01-09"])
    ] = None  # fmt: skip
    tier: Annotated[
        Literal["high", "moderate", "low"] | None,
        Field(description="of an override: the tier that is right", examples=[None]),
    ] = None
    reason: Annotated[
        Note | None, Field(description="needed by an override and by a closure", examples=[None])
    ] = None
    note: Annotated[
        Note | None, Field(description="needed by a note alone; every other kind may carry one",
                           examples=["asks to be called in the afternoon"])
    ] = None  # fmt: skip
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
    standing: Annotated[
        Standing, Field(description="without override_reason, unless it is of this very action")
    ]


EntryId = Annotated[
    EntryName,
    Path(description="`entry_id` of a place on the list", examples=["2024-12-31.1:17"]),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$",
        description="your own name for this request: sent again with the same one within 7 days, "
        "it is done once and answered the same", examples=["5b1f9a4e-2f0e-4c5e-9d53-2c4c1b9d7a10"],
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
    one. Nothing is overwritten: an action is undone by another one, and "do not contact" stands
    until it is undone, whatever else is recorded. Where a newer run tells a discharge that the list
    of this place did not, the patient stays to be called, and `before` tells what was recorded."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    run = service.published(principal)  # a silent service takes no action either
    run_id, _, rank = entry_id.rpartition(":")
    keyed = None
    if idempotency_key:
        # a name is an account's or a program's; the role may change between a request and its retry
        who = f"{'program' if principal.role == 'service' else 'person'} {principal.name}"
        sent = body.model_dump_json().encode()
        keyed = idempotency.KeyedRequest.of(who, idempotency_key, f"actions {entry_id}", sent)
        if before := _answered(service, keyed):  # whatever changed since: the panel, the day
            return _said(*before)
    with service.database.reading() as connection:
        place = lists.place_at(connection, run_id, int(rank))
    may_ask_about(_ACTIONS, principal, _whose(service, principal, place, run))
    if place is None:
        raise Refused("not-found", "there is no such place on a list")
    patient_id = place.patient_id
    new = NewAction(body.kind, body.until, body.tier, body.reason, body.note, body.undoes)
    try:
        actions.fitting(new, service.today_of(run))
    except InputError as error:
        raise not_fitting(error) from None
    to = (run_id, int(rank), patient_id)
    return _recorded(service, principal, to, new, body.seen, keyed, service.today_of(run))


def _whose(
    service: Service, principal: Principal, place: lists.Place | None, run: Run
) -> int | None:
    """In whose panel the patient of a place is. Each night deals the panels anew: whoever called
    him from a list of the last days still has him, to record the call, or to undo it."""
    if place is None:
        return None
    is_of_late = run.as_of - place.as_of <= _STILL_OPEN
    if is_of_late and place.manager == principal.manager:
        return place.manager
    return service.store.manager_of(place.patient_id)


def _answered(service: Service, keyed: idempotency.KeyedRequest | None) -> tuple[int, str] | None:
    """What the same request was answered before. It tells its sender no more than it told him
    then, so that it is no look of its own. Raises Refused where the key was used for another one.
    """
    if keyed is None:
        return None
    try:
        with service.database.asking() as connection:
            return idempotency.answered(connection, keyed)
    except idempotency.OtherRequestError as error:
        raise Refused("key-reused", str(error)) from None


def _recorded(
    service: Service,
    principal: Principal,
    place: tuple[str, int, str],
    new: NewAction,
    seen: str | None,
    keyed: idempotency.KeyedRequest | None,
    today: date,
) -> Response:
    """Records the action, its audit row and the keyed answer in one transaction."""
    run_id, rank, patient_id = place
    for _ in range(2):
        try:
            with service.database.writing() as connection:
                before = keyed and idempotency.answered(connection, keyed)
                if before:
                    return _said(*before)
                made = actions.take(
                    connection, service.audit, new, patient_id, run_id, rank,
                    principal.name, principal.role, seen,
                )  # fmt: skip
                stands = standings.standings(
                    connection, [patient_id], today, service.settings.rules
                )
                said = RecordedAction(
                    action_id=made.action_id, kind=made.kind, who=made.who, at=made.at,
                    standing=_own_words_alone(stands[patient_id], made),
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


def _own_words_alone(now: Status, made: actions.Action) -> Standing:
    """Without what somebody else wrote: the answer is kept for retries, which ask for no panel."""
    told = standing(now)
    if now.override is not None and now.override.action_id == made.action_id:
        return told
    return told.model_copy(update={"override_reason": None})


def _said(status: int, body: str) -> Response:
    return Response(body, status, media_type="application/json")
