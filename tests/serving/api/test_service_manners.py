"""How the service behaves to everybody: signing in, limits, silence, one form of error, metrics."""

from __future__ import annotations

import logging
import uuid

import pytest

from serving.api.app import create_app
from serving.api.problems import PROBLEMS
from serving.api.request_log import ON_EVERY_ANSWER
from serving.settings import RateLimits, ServiceSettings, settings_of
from tests.serving.api.manned import PASSWORD, Manned
from tests.serving.client import Client

NOBODY = {"authorization": ""}


def sign_in(client: Client, name: str, password: str):
    return client.post("/v1/sign-in", json={"name": name, "password": password}, headers=NOBODY)


def test_a_case_manager_signs_in_works_and_signs_out(anew: Client) -> None:
    done = sign_in(anew, "ann", PASSWORD)
    assert done.status_code == 200
    header = {"authorization": f"Bearer {done.json()['token']}"}
    me = anew.get("/v1/me", headers=header).json()
    assert me == {"name": "ann", "role": "case_manager", "manager": 1, "scopes": [], "matters": []}
    assert anew.get("/v1/worklist", headers=header).status_code == 200
    assert anew.post("/v1/sign-out", headers=header).status_code == 204
    assert anew.get("/v1/worklist", headers=header).status_code == 401


def test_a_wrong_password_an_unknown_name_and_a_locked_account_read_alike(
    anew: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [sign_in(anew, "ann", f"wrong password {n}") for n in range(6)]
    answers += [sign_in(anew, "ann", PASSWORD), sign_in(anew, "who", "wrong password 1")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert PASSWORD not in caplog.text
    assert "wrong password 1" not in caplog.text
    assert sign_in(anew, "bob", PASSWORD).status_code == 200


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer ", "Bearer fcs_x", "Bearer a.b.c"])
def test_who_is_not_signed_in_is_told_how_to_come_in(client: Client, header: str) -> None:
    answer = client.get("/v1/worklist", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:firstcall:problem:not-signed-in"


def test_whoever_asks_too_often_is_told_when_to_go_on(fresh: Manned) -> None:
    rates = RateLimits(person_per_minute=3, unknown_per_minute=2)
    with Client(create_app(fresh.home, ServiceSettings(rates=rates))) as client:
        asked = [client.get("/v1/me", headers=fresh.header("ann")) for _ in range(5)]
        assert [answer.status_code for answer in asked] == [200, 200, 200, 429, 429]
        assert 0 < int(asked[-1].headers["retry-after"]) <= 60
        assert client.get("/v1/me", headers=fresh.header("bob")).status_code == 200
        tries = [sign_in(client, "who", "wrong password") for _ in range(3)]
        assert [answer.status_code for answer in tries] == [401, 401, 429]
        assert client.get("/health", headers=NOBODY).status_code == 200


def test_a_silent_service_scores_and_records_and_shows_nothing(fresh: Manned) -> None:
    with Client(create_app(fresh.home, settings_of({"silent": True}))) as client:
        for who in ("ann", "sue", "scope patients", "scope worklist", "scope fhir"):
            for path in ("/v1/worklist", "/v1/patients/a1", "/v1/patients",
                         "/fhir/R4/RiskAssessment?patient=Patient/a1"):  # fmt: skip
                answer = client.get(path, headers=fresh.header(who))
                assert answer.status_code in (403, 404), (who, path)
                assert "emergency" not in answer.text
            done = client.post("/v1/worklist/2024-12-31.1:1/actions", json={"kind": "contacted"},
                               headers=fresh.header(who))  # fmt: skip
            assert done.status_code in (403, 404), who
        hook = {
            "hook": "patient-view", "hookInstance": str(uuid.uuid4()), "prefetch": {},
            "context": {"userId": "Practitioner/p", "patientId": "a1"},
        }  # fmt: skip
        card = client.post("/cds-services/firstcall-patient-view", json=hook,
                           headers=fresh.header("scope cds"))  # fmt: skip
        assert card.json() == {"cards": []}
        assert client.get("/health", headers=fresh.header("max")).json()["silent"] is True
        whole = client.get("/v1/worklist", headers=fresh.header("ida")).json()
        assert whole["found"] == 4  # whoever tries it out sees figures


def test_every_problem_has_one_form_and_names_its_line_in_the_log(
    client: Client, staff: Manned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    asked = [
        client.get("/v1/worklist", headers=NOBODY),
        client.get("/v1/patients/b1", headers=staff.header("ann")),
        client.get("/v1/worklist?top=0", headers=staff.header("ann")),
        client.get("/nothing", headers=staff.header("ann")),
        client.post("/v1/score", content=b"{", headers=staff.header("ida")),
    ]
    for answer in asked:
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert set(told) == {"type", "title", "status", "detail", "instance", "errors"}
        assert told["status"] == answer.status_code
        kind = told["type"].removeprefix("urn:firstcall:problem:")
        assert PROBLEMS[kind][0] == answer.status_code
        assert told["instance"].removeprefix("urn:uuid:") in caplog.text
        assert ON_EVERY_ANSWER.items() <= dict(answer.headers).items()
    assert "/b1" not in str([one.getMessage() for one in caplog.records if one.name != "httpx"])


def test_an_ehr_reads_errors_as_fhir_says_them(client: Client, staff: Manned) -> None:
    for path, who, status in (
        ("/fhir/R4/RiskAssessment?patient=a1", "ann", 403),
        ("/fhir/R4/RiskAssessment", "scope fhir", 400),
    ):
        answer = client.get(path, headers=staff.header(who))
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_metrics_count_by_template_and_hold_no_id(client: Client, staff: Manned) -> None:
    client.get("/v1/patients/a1", headers=staff.header("ann"))
    told = client.get("/v1/metrics", headers=staff.header("max")).text
    assert 'route="/v1/patients/{patient_id}",status="200"' in told
    assert "firstcall_ready 1.0" in told
    assert "a1" not in told


def test_the_model_is_told_with_what_it_must_not_be_used_for(client: Client, staff) -> None:
    told = client.get("/v1/model", headers=staff.header("ann")).json()
    assert {one["task"] for one in told["models"]} == {"readmission", "high-cost"}
    assert "deny" in told["not_for"]
    assert any("invented population" in said for said in told["warnings"])


def test_the_nights_are_told_the_newest_first(anew: Client, fresh: Manned) -> None:
    from tests.serving.api.manned import publish

    publish(anew.app.state.service.database, {"a1": 1})
    runs = anew.get("/v1/runs", headers=fresh.header("max")).json()["runs"]
    assert [(one["run_id"], one["is_shown"]) for one in runs] == [
        ("2024-12-31.2", True), ("2024-12-31.1", False),
    ]  # fmt: skip
    assert runs[0]["finished_at"] is not None


def test_the_openapi_document_has_an_example_of_every_field_and_error(client: Client) -> None:
    told = client.get("/openapi.json").json()
    for name, schema in told["components"]["schemas"].items():
        for field, about in schema.get("properties", {}).items():
            refers = "$ref" in str(about) or "const" in about
            said = {"examples", "example", "enum", "default"} & set(about)
            assert refers or said, f"{name}.{field} has no example"
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"]
            assert operation.get("security") or path in ("/health", "/v1/sign-in"), path
            for status in ("401", "403", "422", "429", "500", "503"):
                form = "fhir" if path.startswith("/fhir/") else "problem"
                kind = operation["responses"][status]["content"][f"application/{form}+json"]
                assert kind["examples"], (method, path, status)
