"""What is withheld: sensitive reasons by right and consent, ids from analysts; and the same neutral
line on everything."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from serving.reasons import WITHHELD
from serving.store import ENTRY_COLUMNS, REASON_COLUMNS, Store, consents
from tests.serving.a_night import NIGHT, a_night
from tests.serving.api.manned import Manned, manifest
from tests.serving.client import Client, a_token

REASONS = [
    # concept,              words,                                what makes it sensitive
    ("emergency visits", "4 emergency visits", None),
    ("psychiatric stays", "2 psychiatric stays", "mental health"),
    ("drugs", "12 drugs", None),
    ("alcohol", "alcohol dependence", "substance use"),
    ("chronic conditions", "6 chronic conditions", None),
    ("office visits", "1 office visit", None),
]
PLAIN = ["4 emergency visits", "12 drugs", "6 chronic conditions"]


@pytest.fixture
def asked(anew: Client, fresh: Manned) -> Any:
    """A published night of a1 (ann's panel), with sensitive reasons among the stored ones."""
    service = anew.app.state.service
    rows = [
        dict(zip(REASON_COLUMNS, ("a1", "high-cost", n, concept, words, 0.9 - n / 10, "raises",
                                  True), strict=True)) | {"sensitive": matter}
        for n, (concept, words, matter) in enumerate(REASONS, 1)
    ]  # fmt: skip
    scores, _, _, _, known = a_night("a1")
    entries = pd.DataFrame([(1, 1, "a1", "high", "high cost")], columns=list(ENTRY_COLUMNS))
    store = Store(service.database)
    store.publish(store.start(NIGHT), scores, pd.DataFrame(rows), entries, manifest(), known)

    def ask(who: str, path: str, **query: object) -> Any:
        return anew.get(path, params=query, headers=fresh.header(who)).json()

    return ask


def consent(client: Client, given: bool) -> None:
    service = client.app.state.service
    with service.database.writing() as connection:
        consents.declare(connection, service.audit, "a1", "substance use", given, "test", "admin")


def words(person: dict[str, Any]) -> list[str]:
    return [reason["words"] for reason in person["high_cost"]["reasons"]]


def test_without_the_right_other_reasons_take_the_place_of_sensitive_ones(asked) -> None:
    [listed] = asked("ann", "/v1/worklist")["patients"]
    page = asked("ann", "/v1/patients/a1")
    assert words(listed) == words(page) == PLAIN
    assert listed["why"] == PLAIN
    assert listed["withheld"] == page["withheld"] == WITHHELD
    assert "psychiatric" not in str([listed, page])
    assert "alcohol" not in str([listed, page])


def test_with_the_right_and_where_it_turns_on_it_the_consent_they_are_shown(
    asked, anew: Client
) -> None:
    first = ["4 emergency visits", "2 psychiatric stays", "12 drugs"]
    assert words(asked("eva", "/v1/patients/a1")) == first
    [listed] = asked("eva", "/v1/worklist")["patients"]
    assert listed["why"] == first
    consent(anew, True)
    assert words(asked("eva", "/v1/patients/a1")) == first  # three are told, and it is the fourth


def test_consent_alone_or_right_alone_shows_nothing_of_substance_use(
    asked, anew: Client, fresh: Manned
) -> None:
    service = anew.app.state.service
    only = a_token(service.database, "patients", matters=("substance use",))

    def told() -> list[str]:
        header = {"authorization": f"Bearer {only}"}
        return words(anew.get("/v1/patients/a1", headers=header).json())

    assert told() == PLAIN
    consent(anew, True)
    assert told() == ["4 emergency visits", "12 drugs", "alcohol dependence"]
    assert words(asked("ann", "/v1/patients/a1")) == PLAIN
    consent(anew, False)
    assert told() == PLAIN


def test_fhir_and_cards_are_masked_as_the_page_is(asked, anew: Client, fresh: Manned) -> None:
    plain, seeing = (
        "scope fhir",
        a_token(anew.app.state.service.database, "fhir", "cds", matters=("mental health",)),
    )
    risk = "/fhir/R4/RiskAssessment?patient=Patient/a1"
    told = anew.get(risk, headers=fresh.header(plain)).text
    assert "12 drugs" in told
    assert "psychiatric" not in told
    assert WITHHELD in told
    header = {"authorization": f"Bearer {seeing}"}
    assert "2 psychiatric stays" in anew.get(risk, headers=header).text
    hook = {
        "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/p", "patientId": "a1"}, "prefetch": {},
    }  # fmt: skip
    card = "/cds-services/firstcall-patient-view"
    told = anew.post(card, json=hook, headers=fresh.header("scope cds")).text
    assert "12 drugs" in told
    assert "psychiatric" not in told
    assert WITHHELD.rstrip(".") in told
    assert "2 psychiatric stays" in anew.post(card, json=hook, headers=header).text


def test_an_analyst_reads_figures_and_no_id(asked) -> None:
    [one] = asked("ida", "/v1/worklist")["patients"]
    again = asked("ida", "/v1/worklist")["patients"][0]["patient_id"]
    assert one["patient_id"] == again
    assert one["patient_id"].startswith("x-")
    assert "'a1'" not in str(one)
    assert one["high_cost"]["risk"] == 0.25


def test_an_analyst_reads_nothing_that_was_written_about_a_patient(
    asked, anew: Client, fresh: Manned
) -> None:
    done = anew.post(
        "/v1/worklist/2024-12-31.2:1/actions", headers=fresh.header("ann"),
        json={"kind": "override", "tier": "low", "reason": "Mrs Gomez, 12 Elm St, moved away"},
    )  # fmt: skip
    assert done.status_code == 201
    [seen] = asked("ann", "/v1/worklist")["patients"]
    assert seen["standing"]["override_reason"] == "Mrs Gomez, 12 Elm St, moved away"
    [one] = asked("ida", "/v1/worklist")["patients"]
    assert one["standing"]["override_tier"] == "low"
    assert "Gomez" not in str(one)
    assert "'ann'" not in str(one)


def test_an_analyst_does_not_read_who_acted_before_a_call_fell_due(
    asked, anew: Client, fresh: Manned, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = date.today() + timedelta(days=3)
    done = anew.post(
        "/v1/worklist/2024-12-31.2:1/actions", headers=fresh.header("ann"),
        json={"kind": "deferred", "until": soon.isoformat()},
    )  # fmt: skip
    assert done.status_code == 201
    monkeypatch.setattr(type(anew.app.state.service), "today", property(lambda _: soon))
    [seen] = asked("ann", "/v1/worklist")["patients"]
    assert seen["standing"]["before"]["who"] == "ann"
    [one] = asked("ida", "/v1/worklist")["patients"]
    assert one["standing"]["status"] == "open"
    assert "'ann'" not in str(one)


def test_who_is_told_that_something_may_be_withheld_learns_nothing_by_it(asked) -> None:
    """The same line stands on a patient of whom nothing is."""
    plain = asked("bob", "/v1/patients/b1")
    assert plain.get("withheld", WITHHELD) == WITHHELD
