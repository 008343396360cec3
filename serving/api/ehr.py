"""What EHRs ask: FHIR R4 RiskAssessment and CDS Hooks 2.0."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from data.errors import InputError
from serving.access.roles import Principal
from serving.answer_schemas import PublishedPatient
from serving.answers import published_patient
from serving.api import ehr_examples as examples
from serving.api.looks import refused_look
from serving.api.problems import Refused, not_fitting
from serving.api.pseudonyms import pseudonym
from serving.api.rules import GuardedRoute
from serving.api.score import body_of
from serving.api.state import Service
from serving.api.worklist import statuses
from serving.ehr.capability import capability_statement
from serving.ehr.cds_cards import OVERRIDE_REASONS, cards, no_cards
from serving.ehr.cds_prefetch import PrefetchError, patient_asked
from serving.ehr.cds_requests import CardFeedback, Feedback, HookRequest
from serving.ehr.cds_services import SERVICES, discovery
from serving.ehr.operation_outcome import FHIR_JSON
from serving.ehr.risk_assessment import nobody_found, risk_assessments
from serving.ehr.risk_search import risk_search
from serving.ehr.settings import CdsClient
from serving.ehr.standing import StandingTold
from serving.ehr.told import ModelTold, Task
from serving.masking import masked
from serving.release import RELEASED_ON
from serving.store.audit import Entry
from serving.store.nights import Run

fhir = APIRouter(route_class=GuardedRoute, prefix="/fhir/R4", tags=["FHIR"])
cds = APIRouter(route_class=GuardedRoute, prefix="/cds-services", tags=["CDS Hooks"])


def _release() -> str:
    try:
        return version("firstcall")
    except PackageNotFoundError:
        return "not installed"


class FhirResponse(JSONResponse):
    """An answer in FHIR's JSON."""

    media_type = FHIR_JSON


def _models(run: Run) -> dict[Task, ModelTold]:
    return {
        task: ModelTold(about["version"], about["horizon_days"])
        for task, about in run.manifest["models"].items()
    }


def _is_invented(run: Run) -> bool:
    return run.manifest["data"]["origin"] != "own"


def _told(
    service: Service, principal: Principal, run: Run, patient_id: str, what: str, **detail: object
) -> PublishedPatient | None:
    """One person of the run as the principal may see him, and recorded that he did; `detail` goes
    into the record."""
    row = service.store.patient(run.run_id, patient_id)
    if row is None:
        return None
    sight = service.sights(principal, [patient_id])[patient_id]
    service.looked(principal, what, [patient_id], run, **detail)
    told = published_patient(masked(row, sight, service.next_step), run)
    return told.model_copy(update={"warnings": [*told.warnings, *service.warnings_of(run)]})


def _standing(service: Service, run: Run, patient_id: str) -> StandingTold:
    """What case managers decided about one person, as an EHR is told it."""
    now = statuses(service, run, [patient_id])[patient_id]
    return StandingTold.of(now, service.settings.zone)


@fhir.get("/metadata", response_class=FhirResponse, responses=examples.CAPABILITY)
def metadata(request: Request) -> Response:
    """What this FHIR server can do (CapabilityStatement)."""
    service: Service = request.app.state.service
    return FhirResponse(
        capability_statement(
            f"{service.base_url(request)}/fhir/R4", _release(), RELEASED_ON, service.settings.fhir
        )
    )


@fhir.get(
    "/RiskAssessment",
    response_class=FhirResponse,
    responses=examples.BUNDLE,
    openapi_extra=examples.SEARCH,
)
def risk_assessment(request: Request) -> Response:
    """The risks of one patient of the published run (`patient=Patient/ID` or
    `patient:identifier=SYSTEM|VALUE`), as a Bundle of RiskAssessment resources."""
    return _searched(request, request.query_params.multi_items())


@fhir.post(
    "/RiskAssessment/_search",
    response_class=FhirResponse,
    responses=examples.BUNDLE,
    openapi_extra=examples.FORM,
)
async def risk_assessment_by_form(request: Request) -> Response:
    """The same search, by a form: no id of a patient stands in an address. Parameters that stand in
    the address all the same are taken with those of the form (FHIR R4, RESTful search)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused("not-json-type", "the search must be sent as a form (urlencoded)")
    async with request.form(max_files=0, max_fields=50) as form:
        sent = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    asked = [*request.query_params.multi_items(), *sent]
    return await to_thread.run_sync(_searched, request, asked)


def _searched(request: Request, parameters: list[tuple[str, str]]) -> Response:
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    settings = service.settings
    base = f"{service.base_url(request)}/fhir/R4"
    search = risk_search(parameters, settings.fhir, base, request.headers.get("prefer"))
    run = service.published(principal)
    whom = search.subject.patient_id if search.subject else None  # or of another server
    told = None if whom is None else _told(service, principal, run, whom, "fhir")
    if told is None:
        route = f"{request.method} {request.scope['route'].path}"
        refused_look(service, principal, whom, "not-found", route=route)
        return FhirResponse(nobody_found(search, base))
    return FhirResponse(
        risk_assessments(
            told, search, _models(run), base, opaque=pseudonym(told.patient_id, service.key),
            settings=settings.fhir, next_step=service.next_step, invented=_is_invented(run),
            standing=_standing(service, run, told.patient_id),
        )
    )  # fmt: skip


@cds.get("", responses=examples.DISCOVERY)
def services(request: Request) -> dict[str, Any]:
    """The CDS Hooks services that there are."""
    return discovery()


_CALL = "POST /cds-services/{service_id}"
ServiceId = Annotated[str, Path(max_length=60, examples=["firstcall-patient-view"])]


@cds.post("/{service_id}", responses=examples.CARDS, openapi_extra=examples.HOOK)
async def call(request: Request, service_id: ServiceId) -> Response:
    """The cards about the patient in context: one, or none where there is nothing to tell."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    asked = SERVICES.get(service_id)
    if asked is None:
        raise Refused("not-found", "there is no such CDS service")
    sent = _parsed(HookRequest, await body_of(request))
    if sent.hook != asked.hook:
        raise not_fitting(InputError(f"hook: must be {asked.hook}, which this service is for."))
    tenant: str | None = getattr(request.state, "tenant", None)
    looking = {"user": sent.context.user_id, **({} if tenant is None else {"tenant": tenant})}
    return await to_thread.run_sync(_cards, service, principal, service_id, sent, looking)


def _cards(
    service: Service,
    principal: Principal,
    service_id: str,
    sent: HookRequest,
    looking: dict[str, str],
) -> Response:
    """`looking` is who looks, as the EHR says: it goes into the record with every look, and with
    each that shows nobody."""
    system = service.patient_system_of(principal)
    try:
        patient_id = patient_asked(sent, system, service.today)
    except PrefetchError as error:
        kind = "prefetch-needed" if error.status == 412 else "not-json"
        raise Refused(kind, error.sentence) from None
    client = service.cds_client_of(principal)
    run = service.store.published()
    why, told = _why_nobody(service, client, patient_id, sent), None
    if why is None and run is not None and patient_id is not None:
        told = _told(service, principal, run, patient_id, service_id, **looking)
    if run is None or patient_id is None or told is None:
        # whoever is in another panel and whoever is nowhere cost the same, this row included
        about = {"route": _CALL, "service": service_id} | looking
        refused_look(service, principal, patient_id, why or "not-found", **about)
        return JSONResponse(no_cards())
    return JSONResponse(
        cards(
            told, SERVICES[service_id], _models(run), opaque=pseudonym(patient_id, service.key),
            next_step=service.next_step, page_url=service.settings.page_url,
            least_tier=client.least_tier if client else "low", invented=_is_invented(run),
            standing=_standing(service, run, patient_id),
        )
    )  # fmt: skip


def _why_nobody(
    service: Service, client: CdsClient | None, patient_id: str | None, sent: HookRequest
) -> str | None:
    """Why nobody is shown, whoever the patient is; None where he may be."""
    if service.settings.silent:
        return "silent"
    if not sent.context.of_staff:
        return "not-staff"
    if patient_id is None:
        return "not-found"
    if client is not None and client.manager not in (None, service.store.manager_of(patient_id)):
        return "not-in-panel"
    return None


@cds.post("/{service_id}/feedback", responses=examples.NOTED, openapi_extra=examples.FEEDBACK)
async def feedback(request: Request, service_id: ServiceId) -> Response:
    """What became of cards: kept in the record."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    if service_id not in SERVICES:
        raise Refused("not-found", "there is no such CDS service")
    sent = _parsed(Feedback, await body_of(request))
    entries = [
        Entry(principal.name, principal.role, "cds feedback", detail={
            "service": service_id, "card": str(one.card), "outcome": one.outcome,
            "reason": _reason(one),
            "at": one.outcome_timestamp.isoformat(),
        })
        for one in sent.feedback
    ]  # fmt: skip
    await to_thread.run_sync(service.recorder.kept, entries)
    return JSONResponse({})


def _reason(card: CardFeedback) -> str | None:
    """Why a card was set aside, where it is one of our reasons: what a person wrote is not kept."""
    told = card.override_reason.reason if card.override_reason else None
    return told.code if told is not None and told.code in OVERRIDE_REASONS else None


def _parsed(form: Any, body: bytes) -> Any:
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(found) from None
