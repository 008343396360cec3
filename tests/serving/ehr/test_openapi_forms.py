"""What the OpenAPI document says of FHIR and CDS Hooks is what is answered."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from serving.api import ehr_examples
from serving.api.problems import PROBLEMS
from serving.ehr import cds_forms, fhir_forms
from serving.ehr.capability import capability_statement
from serving.ehr.cds_requests import Feedback, HookRequest
from serving.ehr.cds_services import discovery
from serving.ehr.operation_outcome import FHIR_JSON
from serving.ehr.settings import FhirSettings

JSON = "application/json"


def as_published(form: Any, sent: Any) -> Any:
    return form.model_validate(sent).model_dump(mode="json", by_alias=True, exclude_none=True)


@pytest.mark.parametrize(
    ("form", "told", "kind"),
    [
        (fhir_forms.Bundle, ehr_examples.BUNDLE, FHIR_JSON),
        (fhir_forms.CapabilityStatement, ehr_examples.CAPABILITY, FHIR_JSON),
        (cds_forms.Cards, ehr_examples.CARDS, JSON),
        (cds_forms.Discovery, ehr_examples.DISCOVERY, JSON),
    ],
)
def test_the_example_of_an_answer_has_its_form(form, told, kind) -> None:
    example = told[200]["content"][kind]["example"]
    assert as_published(form, example) == example
    if kind == FHIR_JSON:
        get_fhir_model_class(example["resourceType"]).model_validate(example)


def test_the_forms_hold_all_that_the_services_and_the_statement_say() -> None:
    assert as_published(cds_forms.Discovery, discovery()) == discovery()
    made = capability_statement("https://x.example/fhir", "1", date(2025, 1, 2), FhirSettings())
    assert as_published(fhir_forms.CapabilityStatement, made) == made


@pytest.mark.parametrize(
    ("form", "told"), [(HookRequest, ehr_examples.HOOK), (Feedback, ehr_examples.FEEDBACK)]
)
def test_the_example_of_a_request_is_taken(form, told) -> None:
    form.model_validate(told["requestBody"]["content"][JSON]["example"])


def test_a_fhir_client_is_told_of_every_refusal_as_an_operation_outcome() -> None:
    told = ehr_examples.fhir_refusals()
    assert "406" in told
    assert {"400", "401", "403", "404", "413", "415", "422", "429", "500", "503"} <= set(told)
    assert set(told) <= {"406", *(str(status) for status, _ in PROBLEMS.values())}
    for response in told.values():
        assert response["description"]
        assert set(response["content"]) == {FHIR_JSON}
        examples = response["content"][FHIR_JSON]["examples"]
        assert examples
        for example in examples.values():
            get_fhir_model_class("OperationOutcome").model_validate(example["value"])
            assert as_published(fhir_forms.OperationOutcome, example["value"]) == example["value"]


def test_every_field_has_an_example_refers_to_one_of_the_schemas_and_is_never_null() -> None:
    schemas = ehr_examples.schemas()
    assert all(name.startswith(("Fhir", "Cds")) for name in schemas)
    whole = json.dumps(schemas)
    for reference in whole.split('"#/components/schemas/')[1:]:
        assert reference.partition('"')[0] in schemas
    for name, schema in schemas.items():
        assert schema["properties"], name
        for field, about in schema["properties"].items():
            refers = "$ref" in about or "$ref" in about.get("items", {}) or "anyOf" in about
            assert refers or {"examples", "enum", "const"} & set(about), f"{name}.{field}"
    assert '"null"' not in whole


def test_the_form_of_a_search_names_what_can_be_asked() -> None:
    form = ehr_examples.FORM["requestBody"]["content"]["application/x-www-form-urlencoded"]
    names = {one["name"] for one in ehr_examples.SEARCH["parameters"]}
    assert set(form["schema"]["properties"]) == names
    assert {"patient", "patient:identifier", "subject", "date", "_count", "_format"} == names
