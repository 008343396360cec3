"""The CapabilityStatement, and errors as OperationOutcome."""

import json
from datetime import date

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from serving.ehr.capability import capability_statement
from serving.ehr.identifiers import MODEL_SYSTEM, OVERRIDE_SYSTEM, stable_uuid
from serving.ehr.operation_outcome import FHIR_JSON, operation_outcome
from serving.ehr.settings import FhirSettings
from tests.serving.ehr.people import BASE, empties


@pytest.mark.parametrize(
    ("fhir", "by", "scale"),
    [
        (FhirSettings(), "patient=Patient/ID", "a fraction from 0 to 1"),
        (FhirSettings(patient_system="urn:oid:1.2.3", probability="percent"),
         "patient:identifier=urn:oid:1.2.3|VALUE", "per cent"),
    ],
)  # fmt: skip
def test_the_statement_follows_fhir_and_tells_what_can_be_asked(fhir, by, scale):
    told = capability_statement(BASE, "0.1.0", date(2026, 11, 28), fhir)
    CapabilityStatement.model_validate(json.loads(json.dumps(told)))
    assert empties(told) == []
    assert (told["kind"], told["fhirVersion"], told["date"]) == ("instance", "4.0.1", "2026-11-28")
    (resource,) = told["rest"][0]["resource"]
    assert resource["type"] == "RiskAssessment"
    assert resource["interaction"] == [{"code": "search-type"}]
    assert [one["name"] for one in resource["searchParam"]] == ["patient", "subject", "date"]
    assert by in resource["documentation"]
    assert f"probabilityDecimal is {scale}" in resource["documentation"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid"), (401, "login"), (403, "forbidden"), (404, "not-found"), (405,
     "not-supported"), (406, "not-supported"), (422, "processing"), (429, "throttled"),
     (418, "processing"), (500, "exception"), (502, "exception"), (503, "transient")],
)  # fmt: skip
def test_an_error_is_told_as_an_outcome_that_follows_fhir(status, code):
    told = operation_outcome(status, "Ask again in a minute.")
    OperationOutcome.model_validate(told)
    (issue,) = told["issue"]
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert issue["details"]["text"] == "Ask again in a minute."
    assert FHIR_JSON == "application/fhir+json"


def test_names_of_ours_never_change_because_others_keep_them():
    assert MODEL_SYSTEM == "urn:uuid:d19e3a82-0a19-5d4d-9e29-b3dba11c42bc"
    assert OVERRIDE_SYSTEM == "urn:uuid:be642772-b494-5f07-832a-942b13bf890d"
    assert stable_uuid("a", "b") == "a3b8ae7e-7011-56ff-b496-3dba5c037da9"
    assert stable_uuid("a", "b") != stable_uuid("ab")
