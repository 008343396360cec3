"""What the OpenAPI document says of FHIR and CDS Hooks: forms that other specifications define, an
example each."""

from __future__ import annotations

from typing import Any

from serving.ehr.cds_requests import Feedback, HookRequest
from serving.ehr.operation_outcome import FHIR_JSON

_OBJECT = {"type": "object"}


def _of(model: Any) -> dict[str, Any]:
    """The JSON schema of a request, whole in itself."""
    told = model.model_json_schema(ref_template="#/components/schemas/Cds{model}")
    return {"type": "object", "description": told.get("description", ""),
            "required": told.get("required", []), "additionalProperties": True}  # fmt: skip


def fhir_answer(resource: str, **example: Any) -> dict[int | str, dict[str, Any]]:
    """An answer in FHIR's JSON, of one kind of resource."""
    told = {"schema": _OBJECT, "example": {"resourceType": resource} | example}
    return {200: {"description": f"a {resource} (FHIR R4)", "content": {FHIR_JSON: told}}}


CAPABILITY = fhir_answer("CapabilityStatement", status="active", kind="instance",
                         fhirVersion="4.0.1", format=["json"])  # fmt: skip
BUNDLE = fhir_answer("Bundle", type="searchset", total=1, entry=[{"resource": {
    "resourceType": "RiskAssessment", "status": "final",
    "subject": {"reference": "Patient/P0000017"},
    "prediction": [{"outcome": {"text": "Unplanned readmission"}, "probabilityDecimal": 0.21}],
}}])  # fmt: skip

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": _OBJECT, "example": {"patient": "Patient/P0000017"}
            }
        },
    }
}  # fmt: skip
SEARCH: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"},
         "description": meaning, "example": example}
        for name, meaning, example in (
            ("patient", "Patient/ID, where no identifier system is configured", "Patient/P0000017"),
            ("patient:identifier", "SYSTEM|VALUE, where one is configured",
             "https://hospital.example/mrn|P0000017"),
            ("subject", "as patient", "Patient/P0000017"),
            ("date", "the day of the assessment, with a prefix of FHIR's", "le2024-12-31"),
            ("_count", "resources on a page", "1"),
        )
    ]
}  # fmt: skip


def _body(model: Any, example: dict[str, Any]) -> dict[str, Any]:
    told = {"schema": _of(model), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": told}}}


HOOK = _body(
    HookRequest,
    {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/abc", "patientId": "P0000017"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "P0000017"}},
    },
)
FEEDBACK = _body(
    Feedback,
    {
        "feedback": [
            {
                "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
                "outcome": "overridden",
                "outcomeTimestamp": "2021-12-11T10:05:31Z",
            }
        ]
    },
)
_CARD = {
    "uuid": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
    "summary": "Risk of readmission 21 % (high)",
    "indicator": "warning",
    "source": {"label": "firstcall"},
}
CARDS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "cards (CDS Hooks 2.0)",
        "content": {"application/json": {"schema": _OBJECT, "example": {"cards": [_CARD]}}},
    }
}
NOTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "noted",
        "content": {"application/json": {"schema": _OBJECT, "example": {}}},
    }
}
