"""One patient: why to call, what to do, what is known; and what was done is recorded from here."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from serving.access.roles import Principal
from serving.api.patients import MOST_DAYS, PatientId, Whole, in_panel, whole
from serving.api.problems import Refused
from serving.api.state import Service
from serving.api.worklist import Asked, EntryName, places
from serving.eligibility import OF_THE_LIST
from serving.pages.happened import story_of
from serving.pages.layout import page
from serving.pages.listed_rows import due, out_since, status_words
from serving.pages.one_risk import BAR, MIDDLE, OneRisk, risks_of, steps_of
from serving.pages.own_paths import HOME, own_path, patient_path, with_query
from serving.pages.own_zone import zone_of
from serving.pages.page_route import form_of, router
from serving.pages.panel_moves import moved_just_now, panels_to_choose
from serving.pages.patient_form import Wrong, asked_by, typed_in, wrong_of
from serving.pages.recorded_actions import lines_of, newer_than
from serving.pages.recorded_before import stop_of
from serving.pages.recording_forms import just_recorded, place_of, record_once
from serving.pages.rules import PAGE_RULES
from serving.pages.words import WORDS, day, in_100, say, sentence
from serving.schemas import LONGEST_NOTE
from serving.store import lists
from serving.store.actions import FURTHEST, Action
from serving.store.lists import NewestPlace
from serving.store.standings import TO_BE_CALLED
from serving.timeline import KINDS as HAPPENED
from serving.worklist import BEYOND_CAPACITY

patient = router()

_ACTIONS = PAGE_RULES["POST", "/patients/{patient_id}/actions"]
_SPANS = (90, 365, 1096, MOST_DAYS)
"""How far the timeline may go back, in days."""


class Choice(BaseModel):
    """What of a patient is to be shown: facts of one `kind`, of so many `days`; the list to which
    one goes `back`; what was `recorded` just now `at` which place, and which move was made."""

    kind: Annotated[str, Field(pattern=f"^({'|'.join(HAPPENED)})?$")] = ""
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 365
    back: Annotated[str, Field(max_length=500)] = HOME
    at: EntryName | None = None
    recorded: Annotated[str | None, Field(max_length=32, pattern="^[0-9a-f]{32}$")] = None
    moved: Annotated[str | None, Field(max_length=32, pattern="^[0-9a-f]{32}$")] = None

    @property
    def kept(self) -> dict[str, str]:
        """What a link or a form of the page takes along."""
        told = {"kind": self.kind, "days": str(self.days), "back": own_path(self.back)}
        usual = {"kind": "", "days": "365", "back": HOME}
        return {name: held for name, held in told.items() if held != usual[name]}


@patient.get("/patients/{patient_id}")
def sheet(request: Request, patient_id: PatientId, choice: Annotated[Choice, Query()]) -> Response:
    """Everything about one patient, the most urgent first."""
    return _sheet(request, patient_id, choice)


@patient.post("/patients/{patient_id}/actions")
def record(request: Request, patient_id: PatientId, choice: Annotated[Choice, Query()]) -> Response:
    """Records what was done, once however often the form is sent, then leads back to the page.
    What cannot be recorded is said on the form, which keeps what was typed."""
    service: Service = request.app.state.service
    form = form_of(request)
    in_panel(service, request.state.principal, patient_id)
    entry_id = form.get("entry_id", "")
    place = place_of(service, entry_id)
    if place is None or place.patient_id != patient_id:
        raise Refused("not-valid", "a field of the form is wrong: open the page again")
    try:
        made = record_once(request, entry_id, asked_by(form, entry_id))
    except RequestValidationError as error:
        return _sheet(request, patient_id, choice, form, wrong_of(error, form))
    except Refused as refused:
        if refused.kind not in ("moved-on", "key-reused") or form.get("kind") == "undo":
            raise
        return _sheet(request, patient_id, choice, form, has_moved_on=True)
    path = with_query(patient_path(patient_id), **choice.kept)
    return RedirectResponse(with_query(path, at=entry_id, recorded=made), 303)


def _sheet(
    request: Request,
    patient_id: str,
    choice: Choice,
    form: Mapping[str, str] | None = None,
    wrong: Wrong | None = None,
    has_moved_on: bool = False,
) -> Response:
    """The page; with what was typed into a `form` that was `wrong`, or that came too late."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    found = whole(service, principal, patient_id, choice.days)
    told, run = found.page, found.run
    with service.database.reading() as connection:
        place = lists.newest_place(connection, patient_id)
    if has_moved_on:
        wrong = _moved_on(service, principal, found.taken, form or {})
    status = 409 if has_moved_on else 422 if wrong else 200
    path, today, stop = patient_path(patient_id), service.today_of(run), stop_of(found.taken)
    risks = risks_of(told, run)
    said = just_recorded(service, principal, choice.at, choice.recorded)
    if said is not None and said["patient_id"] != patient_id:
        said = None
    is_on_list = place is not None and place.run_id == run.run_id
    back = own_path(choice.back)
    return page(
        request, "patient.html", status, principal=principal, warnings=told.run_warnings, told=told,
        path=path, kept=choice.kept, choice=choice, back="", back_to_list=back,
        records_at=with_query(f"{path}/actions", **choice.kept), risks=risks, lead=risks[0],
        steps=steps_of(risks), tier=_tier(found, risks[0]), override=_override(found),
        place=place, is_on_list=is_on_list, not_listed="" if told.place else _not_listed(told),
        tomorrow=today + timedelta(days=1), furthest=today + FURTHEST, wrong=wrong,
        key=secrets.token_hex(16), typed=typed_in(form or {}, bool(stop)), most=LONGEST_NOTE,
        may_record=_ACTIONS.permits(principal), done=said,
        next_up=_next_up(service, principal, found, place) if said and is_on_list else None,
        story=story_of(told.timeline, choice.kind), has_timeline=found.has_timeline, spans=_SPANS,
        stop=stop, bar=BAR, middle=MIDDLE, this_page=with_query(path, **choice.kept),
        moved=moved_just_now(service, principal, choice.moved),
        panels=panels_to_choose(principal, run),
        **_of_the_moment(service, principal, found, place if is_on_list else None),
    )  # fmt: skip


def _moved_on(
    service: Service, principal: Principal, taken: Sequence[Action], form: Mapping[str, str]
) -> Wrong:
    """What was recorded since somebody looked, so that it is read before anything is sent again."""
    zone, now = zone_of(service, principal), datetime.now(UTC)
    newer = newer_than(form.get("seen", ""), taken, zone, now)
    return Wrong(say("wrong.moved_on", what="; ".join(newer)))


def _tier(found: Whole, lead: OneRisk) -> str | None:
    """The tier by which somebody is called: a case manager's judgement, else the list's, else that
    of the higher risk."""
    told = found.page
    return told.standing.override_tier or (told.place.tier if told.place else lead.tier)


def _override(found: Whole) -> str:
    """Whose judgement the tier is, and what the models say; "" where it is theirs."""
    standing = found.page.standing
    if standing.override_tier is None:
        return ""
    tiers = dict.fromkeys(
        WORDS[f"tier.{tier}"].lower()
        for tier in (found.page.readmission.tier, found.page.high_cost.tier) if tier
    )  # fmt: skip
    words = say("patient.override", models=", ".join(tiers) or say("patient.none"))
    why = say("patient.override_why", reason=sentence(standing.override_reason or ""))
    return f"{words} {why}"


def _not_listed(told: Any) -> str:
    """Why somebody is not on the list, as far as the list knows."""
    why = told.left_out or say("patient.unknown")
    if why == BEYOND_CAPACITY:
        why = say("patient.no_place")
    elif why not in OF_THE_LIST:
        return say("patient.not_to_be_called", day=day(told.as_of), why=why)
    return say("patient.not_listed", day=day(told.as_of), why=why)


def _of_the_moment(
    service: Service, principal: Principal, found: Whole, place: NewestPlace | None
) -> dict[str, Any]:
    """What turns on the time of the look: what is due, where the patient stands, since when."""
    now, zone = datetime.now(UTC), zone_of(service, principal)
    calls_at, standing = service.moment_of(found.run), found.page.standing
    waits = standing.status in TO_BE_CALLED
    due_at = place.due_at if place is not None and waits else None
    told = None if due_at is None else due(due_at, zone, calls_at)
    return {
        "due": told, "out_since": out_since(found.page.discharged_on, told, found.taken),
        "stands": status_words(standing, zone, now), "waits": waits,
        "change": "" if place is None or place.change is None else WORDS[f"change.{place.change}"],
        "change_why": "" if place is None else sentence(place.change_why or ""),
        "rising": "" if place is None or place.rose_from is None
        else say("list.rising", before=in_100(place.rose_from)),
        "actions": lines_of(found.taken, principal.name, zone, now),
        "as_if": calls_at.astimezone(zone) if calls_at < now - timedelta(days=1) else None,
        "zone": zone.key, "printed": now.astimezone(zone),
    }  # fmt: skip


def _next_up(
    service: Service, principal: Principal, found: Whole, place: NewestPlace | None
) -> str | None:
    """Who stands next on the same panel's list and is to be called, once something was recorded."""
    told = found.page
    if place is None or told.place is None:
        return None
    manager = None if principal.role == "case_manager" else told.place.manager
    try:
        after = places(service, principal, Asked(1, place.entry_id, manager)).page.patients
    except Refused as refused:
        if refused.kind not in ("not-found", "moved-on"):  # he was moved, or a list published
            raise
        return None
    return after[0].patient_id if after else None
