"""Whoever asks for people that are not his to see, or that nobody knows, stands in the record by
what he was refused; and learns nothing from how."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event

from data.tables import LONGEST_TEXT
from serving.access.roles import Principal
from serving.api.app import create_app
from serving.api.looks import looked_at_list
from serving.api.rules import RULES
from serving.settings import settings_of
from serving.store.record_tables import audit
from tests.serving.api.manned import Manned, rows
from tests.serving.client import Client

ONE = "/v1/patients/{}"
EVIDENCE = "/v1/patients/{}/evidence?concept=drugs"
RESCORE = "/v1/patients/{}/rescore"
ACTIONS = "/v1/worklist/2024-12-31.1:{}/actions"
FHIR = "/fhir/R4/RiskAssessment"
CARD = "/cds-services/firstcall-patient-view"


def refused(client: Client) -> list[dict[str, Any]]:
    """The rows of refused looks so far: who, role, patient and detail of each."""
    service = client.app.state.service
    return [
        {"who": row["who"], "role": row["role"], "patient": row["patient_id"]}
        | json.loads(str(row["detail"]))
        for row in sorted(rows(service.database, audit), key=lambda row: int(str(row["seq"])))
        if row["what"] == "refused"
    ]


def hook(patient: str, user: str = "Practitioner/p7", **more: object) -> dict[str, object]:
    return {
        "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": user, "patientId": patient}, "prefetch": {},
    } | more  # fmt: skip


def alike(answers: list[Any]) -> None:
    """They differ in the id of the answer alone."""
    told = [dict(answer.json(), instance="") for answer in answers]
    assert all(one == told[0] for one in told)
    assert len({answer.status_code for answer in answers}) == 1
    assert (
        len(
            {
                tuple(sorted(set(answer.headers) - {"content-length", "connection"}))
                for answer in answers
            }
        )
        == 1
    )


def test_a_case_manager_who_asks_for_others_is_recorded_with_whom_he_asked_for(
    anew: Client, fresh: Manned
) -> None:
    ann = fresh.header("ann")
    for asked in ("b1", "nobody-knows"):
        answers = [
            anew.get(ONE.format(asked), headers=ann),
            anew.get(EVIDENCE.format(asked), headers=ann),
            anew.post(RESCORE.format(asked), headers=ann),
        ]
        assert [answer.status_code for answer in answers] == [403] * 3
    who = {"who": "ann", "role": "case_manager", "why": "not-in-panel"}
    routes = ["GET /v1/patients/{patient_id}", "GET /v1/patients/{patient_id}/evidence",
              "POST /v1/patients/{patient_id}/rescore"]  # fmt: skip
    assert refused(anew) == [
        who | {"patient": asked, "route": route}
        for asked in ("b1", "nobody-knows")
        for route in routes
    ]
    of_b1 = anew.app.state.service.audit.of_patient("b1")
    assert [(one["who"], one["what"]) for one in of_b1] == [("ann", "refused")] * 3


def test_an_action_at_a_place_of_another_panel_is_recorded_with_who_stands_there(
    anew: Client, fresh: Manned
) -> None:
    for rank in (2, 99, 9_999_999):
        done = anew.post(
            ACTIONS.format(rank), json={"kind": "no_answer"}, headers=fresh.header("ann")
        )
        assert done.status_code == 403
    about = {"who": "ann", "role": "case_manager", "why": "not-in-panel",
             "route": "POST /v1/worklist/{entry_id}/actions"}  # fmt: skip
    assert refused(anew) == [
        about | {"patient": "b1", "entry": "2024-12-31.1:2"},
        about | {"patient": None, "entry": "2024-12-31.1:99"},
        about | {"patient": None, "entry": "2024-12-31.1:9999999"},
    ]


def test_another_panel_is_recorded_by_its_number(anew: Client, fresh: Manned) -> None:
    for path in ("/v1/worklist", "/v1/patients"):
        answer = anew.get(path, params={"manager": 2}, headers=fresh.header("ann"))
        assert answer.status_code == 403
    assert refused(anew) == [
        {"who": "ann", "role": "case_manager", "patient": None, "why": "not-in-panel",
         "route": f"GET {path}", "panel": 2}
        for path in ("/v1/worklist", "/v1/patients")
    ]  # fmt: skip


def test_who_is_of_another_panel_and_who_is_unknown_are_refused_by_the_same_words_and_work(
    anew: Client, fresh: Manned
) -> None:
    """The work: as many statements of the database, and as many rows of the record."""
    counted: list[str] = []
    engine = anew.app.state.service.database._engine
    event.listen(engine, "before_cursor_execute", lambda *about: counted.append(about[2]))
    impossible = ["x" * LONGEST_TEXT, quote("\x00"), quote("a\x00b"), quote("é" * LONGEST_TEXT)]
    for ask in (
        lambda asked: anew.get(ONE.format(asked), headers=fresh.header("ann")),
        lambda asked: anew.get(EVIDENCE.format(asked), headers=fresh.header("ann")),
        lambda asked: anew.post(RESCORE.format(asked), headers=fresh.header("ann")),
    ):
        ask("b2")  # what is done once and for all is done
        answers, work = [], []
        for asked in ("b1", "nobody-knows", *impossible):
            counted.clear()
            answers.append(ask(asked))
            work.append(list(counted))
        alike(answers)
        assert answers[0].status_code == 403
        assert work[0] == work[1]
        assert len(work[0]) > 3
    kept = refused(anew)
    assert [row["patient"] for row in kept[1:7]] == [
        "b1", "nobody-knows", "x" * LONGEST_TEXT, None, None, "é" * LONGEST_TEXT,
    ]  # fmt: skip
    assert [row.get("asked") for row in kept[1:7]].count("what cannot be an id") == 2
    assert anew.app.state.service.audit.verify().rows == len(
        rows(anew.app.state.service.database, audit)
    )


def test_somebody_of_whom_nothing_is_known_is_recorded_for_whoever_sees_all(
    anew: Client, fresh: Manned
) -> None:
    for who in ("sue", "scope patients"):
        assert anew.get(ONE.format("nobody-knows"), headers=fresh.header(who)).status_code == 404
        assert anew.get(ONE.format("x" * 300), headers=fresh.header(who)).status_code == 422
    assert [(row["role"], row["patient"], row["why"]) for row in refused(anew)] == [
        ("supervisor", "nobody-knows", "not-found"), ("service", "nobody-knows", "not-found"),
    ]  # fmt: skip


def test_what_cannot_be_recorded_is_not_refused_either(
    anew: Client, fresh: Manned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(anew.app.state.service.audit, "write", broken)
    ann, fhir, cds = (fresh.header(who) for who in ("ann", "scope fhir", "scope cds"))
    answers = [anew.get(ONE.format(asked), headers=ann) for asked in ("b1", "nobody-knows")]
    answers += [
        anew.get(FHIR, params={"patient": "Patient/nobody-knows"}, headers=fhir),
        anew.post(CARD, json=hook("nobody-knows"), headers=cds),
    ]
    assert [answer.status_code for answer in answers] == [503] * 4


def test_a_search_by_an_ehr_that_finds_nobody_is_recorded(anew: Client, fresh: Manned) -> None:
    fhir = fresh.header("scope fhir")
    for patient in ("Patient/nobody-knows", "https://other.example/fhir/Patient/a1"):
        answer = anew.get(FHIR, params={"patient": patient}, headers=fhir)
        assert answer.json()["total"] == 0
    form = anew.post(f"{FHIR}/_search", data={"patient": "Patient/nobody-knows"}, headers=fhir)
    assert form.json()["total"] == 0
    assert anew.get(FHIR, params={"patient": "Patient/a1"}, headers=fhir).json()["total"] > 0
    kept = [(row["route"], row["patient"], row["why"]) for row in refused(anew)]
    assert kept == [
        (f"GET {FHIR}", "nobody-knows", "not-found"),
        (f"GET {FHIR}", None, "not-found"),
        (f"POST {FHIR}/_search", "nobody-knows", "not-found"),
    ]


def test_a_call_for_cards_that_shows_nobody_is_recorded_with_who_looked(
    anew: Client, fresh: Manned
) -> None:
    cds = fresh.header("scope cds")
    for sent in (hook("nobody-knows"), hook("a1", "Patient/a1")):
        assert anew.post(CARD, json=sent, headers=cds).json() == {"cards": []}
    about = {"role": "service", "route": "POST /cds-services/{service_id}",
             "service": "firstcall-patient-view"}  # fmt: skip
    kept = [{name: of for name, of in row.items() if name != "who"} for row in refused(anew)]
    assert kept == [
        about | {"patient": "nobody-knows", "why": "not-found", "user": "Practitioner/p7"},
        about | {"patient": "a1", "why": "not-staff", "user": "Patient/a1"},
    ]
    assert anew.post(CARD, json=hook("a1"), headers=cds).json()["cards"] != []
    assert len(refused(anew)) == 2
    [seen] = [one for one in anew.app.state.service.audit.of_patient("a1")
              if one["what"] == "firstcall-patient-view"]  # fmt: skip
    assert seen["detail"]["user"] == "Practitioner/p7"


def test_a_silent_service_records_what_it_does_not_show(fresh: Manned) -> None:
    with Client(create_app(fresh.home, settings_of({"silent": True}))) as client:
        client.post(CARD, json=hook("a1"), headers=fresh.header("scope cds"))
        client.get(ONE.format("a1"), headers=fresh.header("ann"))
        kept = [(row["patient"], row["why"]) for row in refused(client)]
        assert kept == [("a1", "silent"), ("a1", "not-found")]


def test_what_a_role_may_not_ask_of_a_patient_is_recorded(anew: Client, fresh: Manned) -> None:
    for who in ("ida", "max", "scope runs"):
        assert anew.get(ONE.format("a1"), headers=fresh.header(who)).status_code == 403
        assert anew.get("/v1/me", headers=fresh.header(who)).status_code in (200, 403)
    kept = [(row["role"], row["patient"], row["why"]) for row in refused(anew)]
    assert kept == [(role, "a1", "not-permitted") for role in ("analyst", "admin", "service")]
    assert anew.get(ONE.format("a1"), headers={"authorization": ""}).status_code == 401
    assert len(refused(anew)) == 3  # of nobody there is nothing to record


def test_a_list_is_recorded_by_whom_it_shows_and_where_it_shows_nobody_by_that(
    anew: Client, fresh: Manned
) -> None:
    service = anew.app.state.service
    run, ann = service.store.published(), Principal("ann", "case_manager", 1)
    looked_at_list(service, ann, "search", ["a1", "a2"], run, id_begins="a")
    looked_at_list(service, ann, "search", [], run, id_begins="zz\x00")
    kept = [
        (row["patient_id"], row["run_id"], json.loads(str(row["detail"])))
        for row in rows(service.database, audit)
        if row["what"] == "search"
    ]
    assert [(patient, run_id, told.get("found"), told["id_begins"])
            for patient, run_id, told in kept] == [
        ("a1", "2024-12-31.1", None, "a"), ("a2", "2024-12-31.1", None, "a"),
        (None, "2024-12-31.1", 0, "zz\x00"),
    ]  # fmt: skip


def test_a_search_that_finds_nobody_is_recorded_with_what_was_sought(
    anew: Client, fresh: Manned
) -> None:
    for begins in ({"id_begins": "b1"}, {}):
        anew.get("/v1/patients", params=begins | {"tier": "low"}, headers=fresh.header("ann"))
    kept = [json.loads(str(row["detail"])) for row in rows(anew.app.state.service.database, audit)]
    assert [(told["found"], told.get("id_begins")) for told in kept] == [(0, "b1"), (0, None)]


def test_every_route_that_tells_of_patients_is_said_to(client: Client) -> None:
    """Written out, so that a rule that forgets it is found here."""
    assert {f"{method} {path}" for (method, path), rule in RULES.items() if rule.of_patients} == {
        "GET /v1/patients", "GET /v1/patients/{patient_id}",
        "GET /v1/patients/{patient_id}/evidence", "POST /v1/patients/{patient_id}/rescore",
        "GET /v1/worklist", "POST /v1/worklist/{entry_id}/actions",
        "GET /v1/team/unlisted", "POST /v1/panel-moves", "POST /v1/panel-moves/{move_id}/undo",
        f"GET {FHIR}", f"POST {FHIR}/_search", "POST /cds-services/{service_id}",
    }  # fmt: skip
