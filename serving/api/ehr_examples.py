"""What the OpenAPI document says of FHIR and CDS Hooks: their forms as schemas, an example of each,
and how a FHIR client is told what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.api.problems import PROBLEMS
from serving.ehr import cds_forms, fhir_forms
from serving.ehr.cds_requests import Feedback, HookRequest
from serving.ehr.operation_outcome import FHIR_JSON, operation_outcome

_REFERENCE = "#/components/schemas/"
_ID = "4e0a3a1e-3283-5575-ab82-028d55fe2719"
_FORM = "application/x-www-form-urlencoded"


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas of FHIR and CDS Hooks by their names among the document's components."""
    return _named(
        "Fhir", fhir_forms.Bundle, fhir_forms.CapabilityStatement, fhir_forms.OperationOutcome
    ) | _named("Cds", HookRequest, Feedback, cds_forms.Discovery, cds_forms.Cards)


def _named(prefix: str, *forms: type[BaseModel]) -> dict[str, dict[str, Any]]:
    _, told = models_json_schema(
        [(form, "validation") for form in forms], ref_template=f"{_REFERENCE}{prefix}{{model}}"
    )
    for schema in told["$defs"].values():
        for field in schema.get("properties", {}).values():
            _left_out_and_not_null(field)
    return {f"{prefix}{name}": schema for name, schema in told["$defs"].items()}


def _left_out_and_not_null(field: dict[str, Any]) -> None:
    """Neither FHIR nor CDS Hooks know null: what has no value is left out."""
    kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del field["anyOf"]
        field |= kinds[0]
    if field.get("default", ...) in (None, ()):
        field.pop("default", None)


def _of(name: str, media_type: str, /, **example: Any) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": f"{_REFERENCE}{name}"}, "example": example}}


def _answer(what: str, content: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": what, "content": content}}


CAPABILITY = _answer("what this server can do (CapabilityStatement, FHIR R4)", _of(
    "FhirCapabilityStatement", FHIR_JSON, resourceType="CapabilityStatement", status="active",
    date="2024-12-31", publisher="firstcall", kind="instance",
    software={"name": "firstcall", "version": "0.6.0"},
    implementation={"description": "Risks of readmission and of high cost, for outreach",
                    "url": "https://hospital.example/firstcall/fhir/R4"},
    fhirVersion="4.0.1", format=["json", "application/fhir+json"],
    rest=[{
        "mode": "server",
        "security": {"description": "TLS, and a bearer token with the scope fhir."},
        "resource": [{
            "type": "RiskAssessment",
            "documentation": "probabilityDecimal is a fraction from 0 to 1.",
            "interaction": [{"code": "search-type"}], "versioning": "no-version",
            "searchParam": [{"name": "patient", "type": "reference",
                             "documentation": "Whom it is about: patient=Patient/ID."}],
        }],
    }],
))  # fmt: skip
_OUTCOME = {"text": "unplanned readmission to an acute hospital within 30 days"}
_TIER = {"text": "high tier"}
_ASSESSMENT = {
    "resourceType": "RiskAssessment", "id": _ID, "status": "final",
    "method": {"text": "firstcall readmission model, version 0f8fad5bd9cb469f"},
    "code": {"text": f"Risk of {_OUTCOME['text']}"},
    "subject": {"reference": "Patient/P0000017", "type": "Patient"},
    "occurrenceDateTime": "2024-12-31", "performer": {"display": "firstcall"},
    "basis": [{"display": "3 emergency visits in the last 90 days"}],
    "prediction": [
        {"outcome": _OUTCOME, "probabilityDecimal": 0.21,
         "qualitativeRisk": {"text": "high tier by all 30 days after the discharge"},
         "whenPeriod": {"start": "2025-01-01", "end": "2025-01-19"},
         "rationale": "25% over the 30 days after the discharge on 20 December, 21% in the 19 days "
                      "left. Some information may be withheld."},
        {"outcome": _OUTCOME, "probabilityDecimal": 0.25, "qualitativeRisk": _TIER,
         "whenPeriod": {"start": "2024-12-21", "end": "2025-01-19"},
         "rationale": "25% over the 30 days after the discharge on 20 December, as if all of them "
                      "were left: the tier goes by it."},
    ],
    "note": [{"text": "The patient was contacted: recorded in care management on 30 December."}],
}  # fmt: skip
_SEARCHED = "https://hospital.example/firstcall/fhir/R4/RiskAssessment"
BUNDLE = _answer("the risks that were found (Bundle, FHIR R4)", _of(
    "FhirBundle", FHIR_JSON, resourceType="Bundle", type="searchset", total=1,
    link=[{"relation": "self", "url": f"{_SEARCHED}?patient=Patient/P0000017"}],
    entry=[{"fullUrl": f"{_SEARCHED}/{_ID}", "resource": _ASSESSMENT,
            "search": {"mode": "match"}}],
))  # fmt: skip

_DATE = r"^(eq|ne|gt|lt|ge|le|sa|eb|ap)?[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"
_TEXT = {"type": "string", "minLength": 1, "maxLength": 300}
_PARAMETERS: tuple[tuple[str, dict[str, Any], str, Any], ...] = (
    ("patient", _TEXT, "Patient/ID, where no identifier system is configured", "Patient/P0000017"),
    ("patient:identifier", _TEXT, "SYSTEM|VALUE, where one is configured",
     "https://hospital.example/mrn|P0000017"),
    ("subject", _TEXT, "as patient", "Patient/P0000017"),
    ("date", {"type": "string", "pattern": _DATE},
     "the day of the assessment, with a prefix of FHIR's", "le2024-12-31"),
    ("_count", {"type": "integer", "minimum": 0, "maximum": 999_999}, "resources on a page", 1),
    ("_format", {"type": "string", "enum": ["json", "application/json", "application/fhir+json"]},
     "JSON is all that there is", "json"),
)  # fmt: skip
SEARCH: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": meaning,
         "example": example}
        for name, schema, meaning, example in _PARAMETERS
    ]
}  # fmt: skip
FORM: dict[str, Any] = {
    "requestBody": {"required": True, "content": {_FORM: {
        "schema": {"type": "object", "properties": {
            name: schema | {"description": meaning, "examples": [example]}
            for name, schema, meaning, example in _PARAMETERS
        }},
        "example": {"patient": "Patient/P0000017"},
    }}}
}  # fmt: skip

_NOT_OF_FHIR = {"moved-on", "prefetch-needed", "key-reused", "not-in-panel", "old-form"}
_OF_SEARCH: dict[str, tuple[int, str, str]] = {
    # kind: status, code of FHIR's issue-type, in words
    "no-patient": (400, "required", "Name the patient: patient=Patient/ID."),
    "not-read": (400, "value", "The date parameter holds no date of the form [prefix]YYYY-MM-DD."),
    "not-supported": (400, "not-supported", "Not supported: parameter _sort."),
    "too-many": (400, "too-costly", "At most 50 parameters in one search."),
    "not-json": (406, "not-supported", "Answers are given as JSON alone."),
}


def fhir_refusals() -> dict[str, dict[str, Any]]:
    """Of every status by which FHIR is refused, the response with an example of each kind."""
    told: dict[int, dict[str, tuple[str, dict[str, Any]]]] = {}
    for kind, (status, words) in PROBLEMS.items():
        if kind not in _NOT_OF_FHIR:
            said = operation_outcome(status, words)
            told.setdefault(status, {})[kind] = (words, said)
    for kind, (status, code, words) in _OF_SEARCH.items():
        said = operation_outcome(status, words, code)
        told.setdefault(status, {})[f"search-{kind}"] = (words, said)
    return {str(status): _refusal(told[status]) for status in sorted(told)}


def _refusal(kinds: Mapping[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return {
        "description": _joined(words for words, _ in kinds.values()),
        "content": {
            FHIR_JSON: {
                "schema": {"$ref": f"{_REFERENCE}FhirOperationOutcome"},
                "examples": {kind: {"value": said} for kind, (_, said) in kinds.items()},
            }
        },
    }


def _joined(words: Iterable[str]) -> str:
    return "; ".join(one.rstrip(".") for one in words)


def _body(name: str, /, **example: Any) -> dict[str, Any]:
    content = _of(name, "application/json", **example)
    return {"requestBody": {"required": True, "content": content}}


HOOK = _body(
    "CdsHookRequest",
    hook="patient-view",
    hookInstance="d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    context={"userId": "Practitioner/abc", "patientId": "P0000017"},
    prefetch={"patient": {"resourceType": "Patient", "id": "P0000017"}},
)
FEEDBACK = _body(
    "CdsFeedback",
    feedback=[
        {"card": _ID, "outcome": "overridden", "outcomeTimestamp": "2021-12-11T10:05:31Z"},
    ],
)
_CODING = {"system": "urn:uuid:6f1f2a52-5a0e-4b43-9d0a-2c6f0f1f7c55", "code": "arranged",
           "display": "Follow-up is already arranged"}  # fmt: skip
CARDS = _answer("cards (CDS Hooks 2.0)", _of("CdsCards", "application/json", cards=[{
    "uuid": _ID,
    "summary": "Readmission risk 25% over the 30 days after discharge, 21% in the 19 days left "
               "(high tier)",
    "detail": "**Readmission:** 25% over the 30 days after the discharge on 20 December, 21% in "
              "the 19 days left (high tier).",
    "indicator": "warning",
    "source": {"label": "firstcall", "topic": _CODING | {
        "code": "outreach", "display": "Outreach after discharge"}},
    "overrideReasons": [_CODING],
}]))  # fmt: skip
DISCOVERY = _answer("the services (CDS Hooks 2.0)", _of("CdsDiscovery", "application/json",
    services=[{
        "hook": "patient-view", "title": "Risk of readmission and of high cost",
        "description": "The patient's risks as of last night's run.",
        "id": "firstcall-patient-view",
        "prefetch": {"patient": "Patient/{{context.patientId}}"},
        "usageRequirements": "They are for staff: a patient or a proxy gets none.",
    }]))  # fmt: skip
NOTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "noted",
        "content": {"application/json": {"schema": {"type": "object", "maxProperties": 0},
                                         "example": {}}},
    }
}  # fmt: skip
