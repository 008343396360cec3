"""What is wrong with a request is told by field and in a sentence of ours, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import serving
from serving.api.problems import field_errors
from tests.serving.client import Client

SECRET = "Gomez-1947"
CALL = {
    "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"userId": "Practitioner/p", "patientId": "a1"},
}  # fmt: skip
TOLD = {"card": CALL["hookInstance"], "outcome": "overridden",
        "outcomeTimestamp": "2021-12-11T10:05:31Z"}  # fmt: skip
VIEW = "/cds-services/firstcall-patient-view"


def context(**changed: Any) -> dict[str, Any]:
    return CALL | {"context": {"userId": "Practitioner/p", "patientId": "a1"} | changed}


def feedback(**changed: Any) -> dict[str, Any]:
    return {"feedback": [TOLD | changed]}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (VIEW, context(userId=SECRET), "context.userId must be of the form Practitioner/ID"),
        (VIEW, context(patientId=" "), "context.patientId must be an id"),
        (VIEW, context(patientId=["1"]), "context.patientId must be a text"),
        (VIEW, context(patientId=SECRET * 99),
         "context.patientId must not be longer than 256 characters"),
        (VIEW, {**CALL, "hookInstance": SECRET}, "hookInstance must be a UUID"),
        (VIEW, {**CALL, "prefetch": [SECRET]}, "prefetch must be an object"),
        (VIEW, {**CALL, "hook": "encounter-discharge"},
         "(request) context.encounterId is required for encounter-discharge"),
        (VIEW, {**CALL, "fhirAuthorization": {"access_token": SECRET}},
         "(request) fhirServer is required with fhirAuthorization"),
        (f"{VIEW}/feedback", feedback(outcomeTimestamp="2021-12-11T10:05:31+02:00"),
         "feedback.0.outcomeTimestamp must be a date and time in UTC"),
        (f"{VIEW}/feedback", feedback(outcomeTimestamp=SECRET),
         "feedback.0.outcomeTimestamp must be a date and time"),
        (f"{VIEW}/feedback", feedback(outcome="accepted"),
         "feedback.0 acceptedSuggestions is required where the outcome is accepted"),
        (f"{VIEW}/feedback", feedback(outcome="accepted", acceptedSuggestions=[{"id": ""}]),
         "feedback.0.acceptedSuggestions.0.id must not be empty"),
        (f"{VIEW}/feedback", feedback(overrideReason={"reason": {"code": SECRET}}),
         "feedback.0.overrideReason.reason.system is missing"),
        (f"{VIEW}/feedback", {"feedback": []}, "feedback must not be empty"),
        (f"{VIEW}/feedback", {"feedback": [TOLD] * 101},
         "feedback must have at most 100 entries"),
        ("/v1/sign-in", {"name": SECRET, "password": "x" * 1001},
         "password must not be longer than 1000 characters"),
        ("/v1/sign-in", {"name": "", "password": SECRET}, "name must not be empty"),
    ],
)  # fmt: skip
def test_an_integrator_is_told_what_is_wrong_and_where(client: Client, path, body, said) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == said
    assert SECRET not in answer.text


def test_a_header_of_ours_is_named(client: Client, staff) -> None:
    for key, said in (
        ("short", "must have at least 8 characters"),
        (f"{SECRET} {SECRET}", "has not the form that /openapi.json gives it"),
    ):
        answer = client.post(
            "/v1/worklist/2024-12-31.1:1/actions", json={"kind": "contacted"},
            headers=staff.header("ann") | {"idempotency-key": key},
        )  # fmt: skip
        assert answer.json()["detail"] == f"header.idempotency-key {said}"
        assert SECRET not in answer.text


def test_every_name_in_a_request_of_ours_is_told_and_no_other_is(client: Client) -> None:
    document = client.get("/openapi.json").json()
    schemas, names = document["components"]["schemas"], set()
    for operations in document["paths"].values():
        for operation in operations.values():
            names |= {one["name"].lower() for one in operation.get("parameters", ())
                      if ":" not in one["name"] and not one["name"].startswith("_")}  # fmt: skip
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            names |= _fields_within(body.get("schema", {}), schemas)
    assert {"userId", "outcomeTimestamp", "idempotency-key", "patient_id", "password"} <= names
    for name in names:
        [told] = field_errors([{"type": "missing", "loc": ("body", name), "msg": ""}])
        assert told.field == name
    for name in (SECRET, "Gomez", "Idempotency-Key", "userid2", "x-forwarded-for", "userId.Gomez"):
        [told] = field_errors([{"type": "missing", "loc": ("body", name), "msg": ""}])
        assert told.field == "(unknown)"


def _fields_within(schema: Any, schemas: dict[str, Any]) -> set[str]:
    """Names of fields in a schema and in all that it refers to."""
    names, waiting, seen = set(), [schema], set()
    while waiting:
        one = waiting.pop()
        for reference in re.findall(r"'#/components/schemas/([^']+)'", str(one)):
            if reference not in seen:
                seen.add(reference)
                waiting.append(schemas[reference])
        names |= set(one.get("properties", {}))
    return names


def test_every_kind_of_fault_that_we_tell_has_its_sentence() -> None:
    """A kind that nobody maps would be answered "is not valid", without its sentence."""
    made = re.compile(r'PydanticCustomError\(\s*"(\w+)",\s*"([^"]+)"')
    found = {
        kind: said
        for source in Path(serving.__path__[0]).rglob("*.py")
        for kind, said in made.findall(source.read_text(encoding="utf-8"))
    }
    assert {"user", "utc", "encounter", "fhir_server", "accepted", "id", "day"} <= set(found)
    for kind, said in found.items():
        [told] = field_errors([{"type": kind, "loc": ("x",), "msg": said}])
        assert told.reason == said
