"""Discovery, calls and feedback of CDS Hooks 2.0."""

import json
import re
from uuid import uuid4

import pytest
from pydantic import ValidationError

from serving.ehr.cds_requests import Feedback, HookRequest
from serving.ehr.cds_services import SERVICES, addresses, discovery
from tests.serving.ehr.people import empties

CALL = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"userId": "Practitioner/abc", "patientId": "1288992"},
}
DISCHARGE = {
    **CALL,
    "hook": "encounter-discharge",
    "context": {"userId": "PractitionerRole/1", "patientId": "1288992", "encounterId": "456"},
}
TOLD = {
    "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
    "outcome": "overridden",
    "outcomeTimestamp": "2021-12-11T10:05:31Z",
}


def test_the_discovery_document_describes_both_services_as_the_specification_says():
    told = json.loads(json.dumps(discovery()))
    assert empties(told) == []
    assert [(one["id"], one["hook"]) for one in told["services"]] == [
        ("firstcall-patient-view", "patient-view"),
        ("firstcall-encounter-discharge", "encounter-discharge"),
    ]
    known = {"hook", "title", "description", "id", "prefetch", "usageRequirements"}
    for one in told["services"]:
        assert set(one) == known
        assert all(isinstance(one[name], str) for name in known - {"prefetch"})


def test_prefetch_asks_for_what_the_context_of_the_hook_can_fill_in():
    allowed = {"patient-view": {"patientId"}, "encounter-discharge": {"patientId", "encounterId"}}
    for service in SERVICES.values():
        for template in dict(service.prefetch).values():
            # a read of one resource, which every client can do
            token = re.fullmatch(r"(?:Patient|Encounter)/\{\{context\.(\w+)\}\}", template)
            assert token is not None
            assert token[1] in allowed[service.hook]


@pytest.mark.parametrize(
    ("arguments", "urls"),
    [
        ((), ["https://x.example/cds-services"]),
        (("a",), ["https://x.example/cds-services/a"]),
        (("a", True), ["https://x.example/cds-services/a",
                       "https://x.example/cds-services/a/feedback"]),
    ],
)  # fmt: skip
def test_a_token_is_made_for_the_address_that_is_called(arguments, urls):
    assert addresses("https://x.example", *arguments) == urls


def test_a_call_is_read_and_what_is_not_known_is_dropped():
    sent = {
        **DISCHARGE,
        "fhirServer": "https://ehr.example/fhir",
        "fhirAuthorization": {"access_token": "sesame", "token_type": "Bearer", "expires_in": 300},
        "extension": {"com.example.timestamp": "2017-11-27"},
        "prefetch": {"patient": None},
    }
    call = HookRequest.model_validate(sent)
    assert call.context.patient_id == "1288992"
    assert call.context.encounter_id == "456"
    assert call.prefetch == {"patient": None}
    kept = repr(call) + json.dumps(call.model_dump(mode="json"))
    assert "sesame" not in kept
    assert "ehr.example" not in kept


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"hook": "order-sign"}, ("hook",)),
        ({"hook": None}, ("hook",)),
        ({"hookInstance": "17"}, ("hookInstance",)),
        ({"hookInstance": None}, ("hookInstance",)),
        ({"context": None}, ("context",)),
        ({"context": {"patientId": "1"}}, ("context", "userId")),
        ({"context": {"userId": "abc", "patientId": "1"}}, ("context", "userId")),
        ({"context": {"userId": "Device/1", "patientId": "1"}}, ("context", "userId")),
        ({"context": {"userId": "Practitioner/1\n", "patientId": "1"}}, ("context", "userId")),
        ({"context": {"userId": "Practitioner/1"}}, ("context", "patientId")),
        ({"context": {"userId": "Practitioner/1", "patientId": " "}}, ("context", "patientId")),
        ({"context": {"userId": "Practitioner/1", "patientId": 7}}, ("context", "patientId")),
        ({"context": {"userId": "Practitioner/1", "patientId": "x" * 257}},
         ("context", "patientId")),
        ({"prefetch": []}, ("prefetch",)),
        ({"hook": "encounter-discharge"}, ()),  # without its encounter
        ({"fhirAuthorization": {"access_token": "sesame"}}, ()),  # without fhirServer
    ],
)  # fmt: skip
def test_a_call_that_breaks_the_specification_is_refused_by_its_place(changed, place):
    with pytest.raises(ValidationError) as refused:
        HookRequest.model_validate({**CALL, **changed})
    assert refused.value.errors()[0]["loc"] == place
    assert "sesame" not in str(refused.value)
    assert "input_value" not in str(refused.value)


@pytest.mark.parametrize("sent", [None, 3, "x", [], [CALL]])
def test_what_is_no_object_is_refused(sent):
    with pytest.raises(ValidationError):
        HookRequest.model_validate(sent)


@pytest.mark.parametrize(
    ("user", "of_staff"),
    [("Practitioner/1", True), ("PractitionerRole/1", True), ("Patient/1", False),
     ("RelatedPerson/1", False)],
)  # fmt: skip
def test_a_patient_and_a_proxy_are_told_from_staff(user, of_staff):
    call = HookRequest.model_validate({**CALL, "context": {"userId": user, "patientId": "1"}})
    assert call.context.of_staff is of_staff


def test_feedback_is_read_as_the_specification_gives_it():
    reason = {
        "reason": {"code": "declined", "system": "urn:uuid:x"},
        "userComment": "Moved to his daughter's.",
    }
    (told,) = Feedback.model_validate({"feedback": [{**TOLD, "overrideReason": reason}]}).feedback
    assert str(told.card) == TOLD["card"]
    assert told.override_reason is not None
    assert told.override_reason.reason is not None
    assert told.override_reason.reason.code == "declined"
    assert told.outcome_timestamp.isoformat() == "2021-12-11T10:05:31+00:00"
    accepted = {**TOLD, "outcome": "accepted", "acceptedSuggestions": [{"id": str(uuid4())}]}
    assert Feedback.model_validate({"feedback": [accepted]}).feedback[0].outcome == "accepted"


@pytest.mark.parametrize(
    "changed",
    [
        {"card": None},
        {"card": "of another service"},
        {"outcome": "ignored"},
        {"outcome": "accepted"},  # without what was accepted
        {"outcomeTimestamp": None},
        {"outcomeTimestamp": "2021-12-11"},
        {"outcomeTimestamp": "2021-12-11T10:05:31"},  # of no zone
        {"outcomeTimestamp": "2021-12-11T10:05:31+02:00"},  # not UTC
        {"outcomeTimestamp": 1639217131},
        {"overrideReason": {"reason": {"code": "declined"}}},
        {"overrideReason": {"userComment": "x" * 2001}},
    ],
)
def test_feedback_that_breaks_the_specification_is_refused(changed):
    with pytest.raises(ValidationError):
        Feedback.model_validate({"feedback": [{**TOLD, **changed}]})


@pytest.mark.parametrize("sent", [{}, {"feedback": []}, {"feedback": [TOLD] * 101}, [TOLD]])
def test_feedback_is_a_list_of_1_to_100_in_an_object(sent):
    with pytest.raises(ValidationError):
        Feedback.model_validate(sent)
