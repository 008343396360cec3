"""An EHR that comes with tokens of its own: who looked is recorded, and it learns nothing about
whom it may not see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import event

from serving.api.app import create_app
from serving.settings import settings_of
from serving.store import ENTRY_COLUMNS, REASON_COLUMNS, Store, consents
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest
from tests.serving.client import Client
from tests.serving.ehr.client_keys import ISSUER, KEYS, jwk, token

SERVICE = "/cds-services/firstcall-patient-view"
MRN = "https://hospital.example/mrn"
NOBODY = '{"cards":[]}'
USER = "Practitioner/dr-7"


class Calls:
    """Calls for the cards of whoever has these identifiers."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, *ids: str, user: str = USER, tenant: str = "north") -> str:
        sent = {
            "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": user, "patientId": "R1"},
            "prefetch": {"patient": {
                "resourceType": "Patient", "id": "R1",
                "identifier": [{"system": MRN, "value": one} for one in ids],
            }},
        }  # fmt: skip
        bearer = token(aud=f"http://127.0.0.1{SERVICE}", tenant=tenant)
        answer = self.client.post(SERVICE, json=sent, headers={"authorization": f"Bearer {bearer}"})
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
def calls(fresh: Manned, tmp_path: Path) -> Iterator[Calls]:
    """Of an EHR whose users see ann's panel alone, and which knows patients by an identifier."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [jwk(KEYS["ES384"], "ES384")]}))
    ehr = {
        "issuer": ISSUER, "jwks_file": str(keys), "tenants": ["north", "south"], "manager": 1,
        "patient_system": MRN, "matters": ["substance use"],
    }  # fmt: skip
    with Client(create_app(fresh.home, settings_of({"cds_clients": [ehr]}))) as client:
        yield Calls(client)


def looks(client: Client, patient: str) -> list[tuple[str, dict[str, Any]]]:
    rows = client.app.state.service.audit.of_patient(patient)
    return [(one["what"], one["detail"]) for one in reversed(rows) if one["who"] == ISSUER]


def test_a_look_says_which_user_of_which_tenant_looked(calls: Calls) -> None:
    assert calls("a1") != NOBODY
    assert calls("a1", user="PractitionerRole/n-9", tenant="south") != NOBODY
    of = [(what, told["user"], told["tenant"]) for what, told in looks(calls.client, "a1")]
    assert of == [
        ("firstcall-patient-view", USER, "north"),
        ("firstcall-patient-view", "PractitionerRole/n-9", "south"),
    ]


def test_whom_it_may_not_see_and_whom_nobody_knows_are_answered_alike_and_recorded(
    calls: Calls,
) -> None:
    """In the same words, by as many statements of the database, each recorded with who looked."""
    calls("b2")  # what is done once and for all is done
    work: list[str] = []
    engine = calls.client.app.state.service.database._engine
    event.listen(engine, "before_cursor_execute", lambda *about: work.append(about[2]))
    done = []
    for patient in ("b1", "nobody-knows"):
        work.clear()
        done.append((calls(patient), list(work)))
    assert done[0] == done[1]
    assert done[0][0] == NOBODY
    about = {"route": "POST /cds-services/{service_id}", "service": "firstcall-patient-view",
             "user": USER, "tenant": "north"}  # fmt: skip
    for patient in ("b1", "nobody-knows"):
        assert looks(calls.client, patient) == [("refused", {"why": "not-in-panel"} | about)]
    assert calls.client.app.state.service.audit.verify()


def test_nobody_is_guessed_at_from_two_identifiers_or_none(calls: Calls) -> None:
    alike = {calls(*ids) for ids in ((), ("a1", "a2"), ("nobody-knows",))}
    assert alike == {NOBODY}
    assert looks(calls.client, "a1") == looks(calls.client, "a2") == []


def test_a_consent_that_was_taken_back_reads_as_one_that_was_never_given(calls: Calls) -> None:
    """To whoever has the right to what turns on it."""
    service = calls.client.app.state.service
    reasons = [
        dict(zip(REASON_COLUMNS, ("a1", "high-cost", n, words, words, 0.9 - n / 10, "raises", True),
                 strict=True)) | {"sensitive": matter}
        for n, (words, matter) in enumerate([("drugs", None), ("alcohol", "substance use")], 1)
    ]  # fmt: skip
    scores, _, _, _, known = a_night("a1")
    entries = pd.DataFrame([(1, 1, "a1", "high", "high cost")], columns=list(ENTRY_COLUMNS))
    store = Store(service.database)
    store.publish(store.start(NIGHT), scores, pd.DataFrame(reasons), entries, manifest(), known)

    def told(given: bool | None = None) -> str:
        if given is not None:
            with service.database.writing() as connection:
                consents.declare(
                    connection, service.audit, "a1", "substance use", given, "max", "admin"
                )
        return calls("a1")

    never, given, taken_back = told(), told(True), told(False)
    assert "alcohol" in given
    assert "alcohol" not in never
    assert taken_back == never
