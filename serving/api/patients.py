"""One patient over HTTP: found, looked at, scored anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from data.errors import FirstcallError, InputError, RefusalError
from data.generation import Taken
from data.intake import current
from data.patient_rows import patient_rows
from features.history import carries_of
from serving.access.roles import Principal
from serving.answer_schemas import PatientScore, PublishedPatient
from serving.answers import published_patient
from serving.api.looks import looked_at_list
from serving.api.problems import Refused, not_fitting
from serving.api.rules import RULES, GuardedRoute, may_ask_about, whose_panel
from serving.api.state import Service, models_of, versions_of
from serving.api.worklist import Standing, standing
from serving.horizons import days_left, horizons_of_run
from serving.masking import masked
from serving.models.strangers import origin_of_rows, refuse_strangers
from serving.schemas import LONGEST_TEXT, Day, Text
from serving.sight import Sight
from serving.stale_data import STALE_AFTER_DAYS
from serving.store import actions, standings
from serving.store.nights import Run

router = APIRouter(route_class=GuardedRoute, prefix="/v1/patients", tags=["patients"])

_PATIENT = RULES["GET", "/v1/patients/{patient_id}"]
MOST_DAYS = 3660

PatientId = Annotated[
    str,
    Path(min_length=1, max_length=LONGEST_TEXT, description="as the source calls the patient",
         examples=["P0000017"]),
]  # fmt: skip


class Found(BaseModel):
    """One person of the published run, in brief."""

    patient_id: Annotated[str, Field(examples=["P0000017"])]
    readmission_risk: Annotated[
        float | None, Field(description="of the days that are left", examples=[0.11])
    ]
    readmission_all_days_risk: Annotated[
        float | None, Field(description="of all days after the discharge", examples=[0.21])
    ]
    readmission_tier: Annotated[str | None, Field(examples=["high"])]
    high_cost_risk: Annotated[float | None, Field(examples=[0.08])]
    high_cost_tier: Annotated[str | None, Field(examples=["moderate"])]
    discharged_on: Annotated[date | None, Field(examples=["2024-12-20"])]
    left_out: Annotated[str | None, Field(examples=["in hospital now"])]
    manager: Annotated[int | None, Field(description="whose panel", examples=[2])]


class FoundPatients(BaseModel):
    """People of the published run whose id begins as asked, ordered by id."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    patients: list[Found]
    after: Annotated[
        str | None, Field(description="send it as `after` for the next page; null on the last",
                          examples=["P0000017"])
    ]  # fmt: skip


class PastRisk(BaseModel):
    """What one night said of a patient. Of the days that were left of the window alone, the risk
    of a readmission falls with every day: for a curve take that over all days, and begin anew where
    `discharged_on` changes, as each discharge is a question of its own."""

    run_id: Annotated[str, Field(examples=["2024-12-30.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-30"])]
    discharged_on: Annotated[
        date | None,
        Field(
            description="the discharge that the readmission is asked about", examples=["2024-12-18"]
        ),
    ]
    readmission_risk: Annotated[float | None, Field(examples=[0.11])]
    readmission_days_left: Annotated[int | None, Field(examples=[18])]
    readmission_all_days_risk: Annotated[float | None, Field(examples=[0.19])]
    readmission_tier: Annotated[str | None, Field(examples=["moderate"])]
    high_cost_risk: Annotated[float | None, Field(examples=[0.08])]
    high_cost_tier: Annotated[str | None, Field(examples=["moderate"])]
    high_cost_expected_dollars: Annotated[float | None, Field(examples=[18412.7])]
    models: Annotated[
        dict[str, str],
        Field(description="whose numbers these are: where they change, so may the risk",
              examples=[{"readmission": "0f8fad5bd9cb469f"}]),
    ]  # fmt: skip


class Happened(BaseModel):
    """One fact of a patient's history, as it was known at the end of as_of."""

    happened_on: Annotated[date, Field(examples=["2024-12-14"])]
    known_on: Annotated[date, Field(examples=["2024-12-20"])]
    kind: Annotated[str, Field(examples=["stay"])]
    words: Annotated[str, Field(examples=["acute inpatient; left: home"])]
    ended_on: Annotated[date | None, Field(examples=["2024-12-20"])]
    code_system: Annotated[str | None, Field(examples=[None])]
    code: Annotated[str | None, Field(examples=[None])]
    facility: Annotated[str | None, Field(examples=["H071"])]
    cents: Annotated[int | None, Field(description="allowed amount", examples=[None])]
    source_row: Annotated[str, Field(examples=["encounter.csv@1a2b3c4d:17"])]


class ActionTaken(BaseModel):
    """One action about a patient, as it was recorded."""

    action_id: Annotated[str, Field(examples=["9b2f0c3d5e6a7788990011aabbccddee"])]
    kind: Annotated[str, Field(examples=["no_answer"])]
    until: Annotated[date | None, Field(examples=[None])]
    tier: Annotated[str | None, Field(examples=[None])]
    reason: Annotated[str | None, Field(examples=[None])]
    note: Annotated[str | None, Field(examples=["call in the afternoon"])]
    undoes: Annotated[str | None, Field(examples=[None])]
    who: Annotated[str, Field(examples=["r.gomez"])]
    at: Annotated[datetime, Field(examples=["2025-01-02T15:04:05Z"])]


class PatientPage(PublishedPatient):
    """Everything about one person of the published run."""

    models: Annotated[dict[str, str], Field(examples=[{"readmission": "0f8fad5bd9cb469f"}])]
    run_warnings: Annotated[
        list[str],
        Field(description="what holds of everybody on the list, its age among it",
              examples=[["without a feed of admissions nobody counts as recently discharged"]]),
    ]  # fmt: skip
    manager: Annotated[int | None, Field(description="whose panel", examples=[2])]
    standing: Standing
    actions: Annotated[list[ActionTaken], Field(description="the newest first")]
    over_time: Annotated[list[PastRisk], Field(description="a row a published run, oldest first")]
    timeline: Annotated[list[Happened], Field(description="the newest first")]


def in_panel(service: Service, principal: Principal, patient_id: str) -> int | None:
    """The manager who has a patient. Raises Refused where the principal may not ask about him."""
    manager = service.store.manager_of(patient_id)
    may_ask_about(_PATIENT, principal, manager)
    return manager


def in_brief(row: Mapping[str, Any]) -> Found:
    """One person as `serving.store.people.search` found him."""
    told = {name: row[name] for name in Found.model_fields if name != "manager"}
    return Found(**told, manager=row["panel"])


@router.get("")
def search(
    request: Request,
    id_begins: Annotated[Text | None, Query(description="how the patient's id begins",
                                            examples=["P00000"])] = None,
    tier: Annotated[Literal["high", "moderate", "low"] | None,
                    Query(description="of either risk", examples=["high"])] = None,
    manager: Annotated[int | None, Query(ge=1, le=10_000, description="whose panel",
                                             examples=[2])] = None,
    after: Annotated[Text | None, Query(description="`after` of the page before",
                                        examples=["P0000017"])] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FoundPatients:  # fmt: skip
    """Find people of the published run. A case manager finds those of his own panel."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    manager = whose_panel(principal, manager, "you may search your own panel alone")
    run = service.published(principal)
    rows = service.store.search(
        run.run_id, prefix=id_begins, tier=tier, manager=manager, after=after, limit=limit + 1
    )
    found = [in_brief(row) for row in rows[:limit]]
    asked = {} if id_begins is None else {"id_begins": id_begins}
    looked_at_list(service, principal, "search", [one.patient_id for one in found], run, **asked)
    more = found[-1].patient_id if len(rows) > limit else None
    return FoundPatients(run_id=run.run_id, as_of=run.as_of, patients=found, after=more)


@router.get("/{patient_id}")
def patient(
    request: Request,
    patient_id: PatientId,
    days: Annotated[
        int, Query(ge=0, le=MOST_DAYS, description="how far the timeline goes back")
    ] = 365,
) -> PatientPage:
    """One person: both risks now and over time, reasons, what clinicians know beside, what was
    recorded, and the timeline."""
    return whole(request.app.state.service, request.state.principal, patient_id, days).page


class Whole(NamedTuple):
    """One person with what it is told by: the run, and all that was recorded, the oldest first;
    whether the timeline could be read."""

    page: PatientPage
    run: Run
    taken: Sequence[actions.Action]
    has_timeline: bool


def whole(service: Service, principal: Principal, patient_id: str, days: int) -> Whole:
    """The same for whoever asks, the look recorded. Raises Refused where he may not see him."""
    manager = in_panel(service, principal, patient_id)
    run = service.published(principal)
    row = service.store.patient(run.run_id, patient_id)
    if row is None:
        raise Refused("not-found", "nobody of that id is in the published run")
    sight = service.sights(principal, [patient_id])[patient_id]
    told = published_patient(masked(row, sight, service.next_step), run)
    with service.database.reading() as connection:
        found = actions.of_patients(connection, [patient_id])
        now = standings.standings_by(
            connection, found, [patient_id], service.today_of(run), service.settings.rules
        )[patient_id]
    over_time = service.store.patient_over_time(patient_id)
    happened, unreadable = _timeline(service, patient_id, run, days, sight)
    service.looked(principal, "patient", [patient_id], run)
    person: dict[str, Any] = dict(told)
    person["warnings"] = [*told.warnings, *unreadable]
    taken = found.get(patient_id, [])
    page = PatientPage(
        **person,
        models=models_of(run),
        run_warnings=service.warnings_of(run),
        manager=manager,
        standing=standing(now),
        actions=[
            ActionTaken(**{name: getattr(one, name) for name in ActionTaken.model_fields})
            for one in reversed(taken)
        ],
        over_time=[_past_risk(one) for one in over_time],
        timeline=happened,
    )
    return Whole(page, run, taken, not unreadable)


def _past_risk(row: Mapping[str, Any]) -> PastRisk:
    manifest = row["manifest"]
    told = {name: row[name] for name in PastRisk.model_fields if name in row}
    left = days_left(row, horizons_of_run(manifest))
    return PastRisk(**told, readmission_days_left=left, models=versions_of(manifest))


def _timeline(
    service: Service, patient_id: str, run: Run, days: int, sight: Sight
) -> tuple[list[Happened], list[str]]:
    """What happened, and a warning where that cannot be read: a service apart from the night's
    files has none, and nobody is to take that for a patient to whom nothing happened."""
    from serving.timeline import timeline

    if days == 0:
        return [], []
    try:
        tables = current(service.home).tables
    except FirstcallError:
        return [], ["the timeline cannot be read here: what was taken in is not at hand"]
    rows = patient_rows(tables, patient_id)
    since = run.as_of - timedelta(days=days)
    return [Happened(**vars(one)) for one in timeline(rows, run.as_of, since, sight)], []


def taken_in(service: Service) -> Taken:
    """What was taken in. Raises Refused (503) where nothing is at hand: whoever asks cannot help
    it."""
    try:
        return current(service.home)
    except FirstcallError as error:
        raise Refused("not-ready", service.home.left_out_of(str(error))) from None


class RescoreRequest(BaseModel):
    """As of which day a stored patient is scored anew."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[
        Day | None,
        Field(description="the day at whose end the question is asked; where it is left out, the "
              "last day of the data that were taken in", examples=["2024-12-31"]),
    ] = None  # fmt: skip


class Rescored(BaseModel):
    """A stored patient as scored just now; the published list stays as it is."""

    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    data_through: Annotated[date, Field(examples=["2024-12-31"])]
    models: Annotated[dict[str, str], Field(examples=[{"readmission": "0f8fad5bd9cb469f"}])]
    patient: PatientScore
    warnings: Annotated[list[str], Field(examples=[["2 of 31 diagnosis codes are not known"]])]


@router.post("/{patient_id}/rescore")
def rescore(
    request: Request, patient_id: PatientId, body: RescoreRequest | None = None
) -> Rescored:
    """Score a stored patient anew, from what has been taken in since the night. Nothing is changed
    by it, so that it may be sent again as it is."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    in_panel(service, principal, patient_id)
    service.published(principal)
    scorer = service.scorer()
    other_origin = service.settings.other_origin
    try:
        refuse_strangers(scorer.models, origin_of_rows(service.home, None), other_origin)
    except RefusalError as error:  # whoever asks cannot help it
        raise Refused("not-ready", str(error)) from None
    taken = taken_in(service)
    through = date.fromisoformat(str(taken.manifest["data_through"]))
    as_of = body.as_of if body and body.as_of else through
    if (as_of - through).days > STALE_AFTER_DAYS:
        raise not_fitting(InputError(
            f"as_of: lies more than {STALE_AFTER_DAYS} days after {through}, on which the data "
            "end: nothing of what happened since would be seen."
        ))  # fmt: skip
    sight = service.sights(principal, [patient_id])[patient_id]
    rows = patient_rows(taken.tables, patient_id)
    if not any(table.num_rows for table in rows.values()):
        raise Refused("not-found", "nobody of that id is in what was taken in")
    scored = scorer.answer_rows(
        rows, carries_of(service.home.histories), as_of, sight, through,
        str(taken.manifest["cost_covers"]),
    )  # fmt: skip
    about = {"models": scored.models, "as_of": as_of.isoformat()}
    service.looked(principal, "rescore", [patient_id], None, **about)
    return Rescored(
        as_of=as_of, data_through=through, models=scored.models, patient=scored.patients[0],
        warnings=scored.warnings,
    )  # fmt: skip
