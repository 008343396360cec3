"""What EHRs are answered over HTTP: what case managers decided, searches by form, errors."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.serving.api.manned import Manned
from tests.serving.client import Client

REASON = "Mrs Gomez, 12 Elm St, moved away"
SEARCH = "/fhir/R4/RiskAssessment"
HOOK = {
    "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"userId": "Practitioner/p", "patientId": "a1"}, "prefetch": {},
}  # fmt: skip


def record(client: Client, staff: Manned, **action: Any) -> dict[str, Any]:
    """Records what ann did about a1."""
    done = client.post("/v1/worklist/2024-12-31.1:1/actions", headers=staff.header("ann"),
                       json=action)  # fmt: skip
    assert done.status_code == 201
    return done.json()


def card_of(client: Client) -> dict[str, Any]:
    [card] = client.post("/cds-services/firstcall-patient-view", json=HOOK).json()["cards"]
    return card


def assessment_of(client: Client) -> dict[str, Any]:
    entry = client.get(SEARCH, params={"patient": "Patient/a1"}).json()["entry"]
    [found] = [one["resource"] for one in entry if one["search"]["mode"] == "match"]
    return found


def test_what_case_managers_decided_reaches_the_ehr_and_is_undone_there_too(
    anew: Client, fresh: Manned
) -> None:
    before, assessed = card_of(anew), assessment_of(anew)
    assert "Suggestions" in before["detail"]
    assert before["indicator"] == "warning"
    assert "mitigation" in assessed
    made = record(anew, fresh, kind="do_not_contact")
    card = card_of(anew)
    zone = anew.app.state.service.settings.zone
    at = datetime.fromisoformat(made["standing"]["since"]).astimezone(zone)
    said = f"Do not contact this patient: recorded in care management on {at:%-d %B %Y}."
    assert card["summary"].startswith("Invented data · Do not contact · High cost risk 25%")
    assert said in card["detail"]
    assert "Suggestions" not in card["detail"]
    assert card["indicator"] == "info"
    now = assessment_of(anew)
    assert now["note"][0]["text"] == said
    assert "mitigation" not in now
    record(anew, fresh, kind="undo", undoes=made["action_id"])
    assert (card_of(anew), assessment_of(anew)) == (before, assessed)


@pytest.mark.parametrize("done", ["contacted", "enrolled", "no_answer"])
def test_what_was_done_is_told_with_its_day_and_without_its_note(
    anew: Client, fresh: Manned, done: str
) -> None:
    record(anew, fresh, kind=done, note=REASON)
    card, assessed = card_of(anew), assessment_of(anew)
    assert "recorded in care management on" in card["detail"]
    assert "Suggestions" in card["detail"]
    assert "recorded in care management on" in assessed["note"][0]["text"]
    for told in (card, assessed):
        assert "Gomez" not in json.dumps(told)
        assert '"ann"' not in json.dumps(told)


def test_an_override_is_told_with_both_tiers_and_never_in_its_words(
    anew: Client, fresh: Manned
) -> None:
    record(anew, fresh, kind="override", tier="low", reason=REASON)
    card, assessed = card_of(anew), assessment_of(anew)
    assert "Overridden: low tier" in card["summary"]
    assert "(high tier)" in card["summary"]
    assert card["indicator"] == "info"
    for told in (card["detail"], assessed["note"][0]["text"]):
        assert "Low tier by the judgement of care management" in told
        assert "by the models: high cost high." in told
    assert "Gomez" not in json.dumps([card, assessed])


@pytest.mark.parametrize(
    ("address", "form", "status", "total"),
    [
        ({}, {"patient": "Patient/a1"}, 200, 1),
        ({"patient": "Patient/a1"}, {"_count": "5"}, 200, 1),
        ({"patient": "Patient/a1"}, {"patient": "Patient/a1"}, 200, 1),
        ({"_count": "0"}, {"patient": "Patient/a1"}, 200, 1),
        ({"date": "2023"}, {"patient": "Patient/a1"}, 200, 0),
        ({"patient": "Patient/b1"}, {"patient": "Patient/a1"}, 400, None),
        ({"_format": "xml"}, {"patient": "Patient/a1"}, 406, None),
        ({}, {"patient": "Patient/a1", "_format": "xml"}, 406, None),
        ({}, {"_count": "1"}, 400, None),
    ],
)
def test_a_search_by_form_takes_what_stands_in_the_address_too(
    client: Client, address, form, status, total
) -> None:
    answer = client.post(f"{SEARCH}/_search", params=address, data=form)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/fhir+json"
    told = answer.json()
    assert told["resourceType"] == ("Bundle" if status == 200 else "OperationOutcome")
    assert told.get("total") == total
    if "_count" in address:
        assert "_count=0" in told["link"][0]["url"]
