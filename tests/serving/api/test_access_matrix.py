"""Who may what: every role and every scope at every route, about patients of the own panel and of
another, from the routes themselves."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI

from data.home import Home
from serving.api.app import create_app
from serving.api.rules import RULES, GuardedRoute, refuse_without_rules
from tests.serving.api.manned import Manned
from tests.serving.client import Client
from tests.serving.test_api import patient, request

PEOPLE = ("ann", "bob", "sue", "ida", "max")
SCOPES = tuple(
    f"scope {s}"
    for s in ("score", "patients", "worklist", "actions", "fhir", "cds", "metrics", "runs", "team")
)
NOBODY = "nobody"

# who is answered about patients of both panels, and who about those of his own alone;
# written out, so that a rule that is changed by mistake is found here
BOTH, OWN = (
    {
        "GET /health": (*PEOPLE, *SCOPES, NOBODY),
        "POST /v1/sign-in": (*PEOPLE, *SCOPES, NOBODY),
        "POST /v1/sign-out": PEOPLE,
        "GET /v1/me": (*PEOPLE, *SCOPES),
        "GET /openapi.json": (*PEOPLE, *SCOPES),
        "POST /v1/score": ("ida", "scope score"),
        "GET /v1/patients": ("sue", "scope patients"),
        "GET /v1/patients/{patient_id}": ("sue", "scope patients"),
        "GET /v1/patients/{patient_id}/evidence": ("sue", "scope patients"),
        "POST /v1/patients/{patient_id}/rescore": ("sue", "scope patients"),
        "GET /v1/worklist": ("sue", "ida", "scope worklist"),
        "POST /v1/worklist/{entry_id}/actions": ("sue", "scope actions"),
        "POST /v1/panel-moves": ("sue", "scope team"),
        "POST /v1/panel-moves/{move_id}/undo": ("sue", "scope team"),
        "GET /v1/team": ("sue", "scope team"),
        "GET /v1/team/unlisted": ("sue", "scope team"),
        "GET /v1/runs": ("sue", "ida", "max", "scope runs"),
        "GET /v1/model": (*PEOPLE, "scope runs"),
        "GET /v1/metrics": ("max", "scope metrics"),
        "GET /fhir/R4/metadata": ("sue", "max", "scope fhir"),
        "GET /fhir/R4/RiskAssessment": ("sue", "scope fhir"),
        "POST /fhir/R4/RiskAssessment/_search": ("sue", "scope fhir"),
        "GET /cds-services": ("scope cds",),
        "POST /cds-services/{service_id}": ("scope cds",),
        "POST /cds-services/{service_id}/feedback": ("scope cds",),
    },
    {
        "GET /v1/patients": ("ann", "bob"),
        "GET /v1/patients/{patient_id}": ("ann", "bob"),
        "GET /v1/patients/{patient_id}/evidence": ("ann", "bob"),
        "POST /v1/patients/{patient_id}/rescore": ("ann", "bob"),
        "GET /v1/worklist": ("ann", "bob"),
        "POST /v1/worklist/{entry_id}/actions": ("ann", "bob"),
    },
)
MANAGER = {"ann": 1, "bob": 2}
ENTRY = {1: "2024-12-31.1:1", 2: "2024-12-31.1:2"}
PATIENT = {1: "a1", 2: "b1"}


def routes() -> list[str]:
    app = create_app(Home(Path("nowhere")))
    return [
        f"{method} {route.path}"
        for route in app.routes if isinstance(route, GuardedRoute)
        for method in sorted(route.methods or ())
    ]  # fmt: skip


def hook(panel: int) -> dict[str, object]:
    return {
        "hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/p", "patientId": PATIENT[panel]}, "prefetch": {},
    }  # fmt: skip


def feedback() -> dict[str, object]:
    return {"feedback": [{"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "outcome": "overridden",
                          "outcomeTimestamp": "2021-12-11T10:05:31Z"}]}  # fmt: skip


def asked(client: Client, route: str, panel: int, headers: dict[str, str]):
    """One question at a route about somebody of a panel, right in itself."""
    method, path = route.split(" ", 1)
    path = path.format(patient_id=PATIENT[panel], entry_id=ENTRY[panel],
                       service_id="firstcall-patient-view", move_id="0" * 32)  # fmt: skip
    query, body = {}, None
    if route in ("GET /v1/worklist", "GET /v1/patients"):
        query = {"manager": panel}
    if path.endswith("/evidence"):
        query = {"concept": "emergency visits"}
    if path.endswith("/RiskAssessment"):
        query = {"patient": f"Patient/{PATIENT[panel]}"}
    if path.endswith("/score"):
        body = request(patient())
    elif path.endswith("/actions"):
        body = {"kind": "no_answer"}
    elif path.endswith("/panel-moves"):
        body = {"from": 3 - panel, "to": panel, "patients": ["nobody"]}
    elif path.endswith("/sign-in"):
        body = {"name": "nobody", "password": "something wrong"}
    elif path.endswith("/feedback"):
        body = feedback()
    elif "/cds-services/" in path:
        body = hook(panel)
    if path.endswith("/_search"):
        return client.post(path, data={"patient": f"Patient/{PATIENT[panel]}"}, headers=headers)
    if method == "GET":
        return client.get(path, params=query, headers=headers)
    return client.post(path, json=body, headers=headers)


def test_the_table_above_and_the_rules_name_the_very_routes_that_there_are() -> None:
    assert sorted(routes()) == sorted(BOTH) == sorted(f"{m} {p}" for m, p in RULES)
    assert set(OWN) == {f"{m} {p}" for (m, p), rule in RULES.items() if rule.own_panel}


_OF_ROWS = (
    "GET /v1/patients/{patient_id}/evidence", "POST /v1/patients/{patient_id}/rescore",
)  # fmt: skip
"""503 to whoever may ask: nothing was taken in here."""


@pytest.mark.parametrize("route", BOTH)
def test_who_is_answered_at_a_route(client: Client, staff: Manned, route: str) -> None:
    for who, panel in itertools.product((*PEOPLE, *SCOPES, NOBODY), (1, 2)):
        if route == "POST /v1/sign-out":
            continue  # ends the session: below
        headers = {"authorization": ""} if who == NOBODY else staff.header(who)
        answer = asked(client, route, panel, headers)
        may = who in BOTH[route] or (who in OWN.get(route, ()) and MANAGER[who] == panel)
        signs_in = route == "POST /v1/sign-in"  # everybody may try, and this password is wrong
        refused = answer.status_code in (401, 403) and not signs_in
        assert refused != may, (who, panel, answer.status_code, answer.text)
        assert answer.status_code < (504 if route in _OF_ROWS else 500)
        if refused:
            assert answer.status_code == (401 if who == NOBODY else 403), (who, panel)
            assert not {"a1", "a2", "b1", "b2"} & set(json.dumps(answer.json()).split('"'))


def test_whoever_signs_out_is_out(anew: Client, fresh: Manned) -> None:
    for who in PEOPLE:
        assert anew.post("/v1/sign-out", headers=fresh.header(who)).status_code == 204
        assert anew.get("/v1/me", headers=fresh.header(who)).status_code == 401
    assert anew.post("/v1/sign-out", headers={"authorization": ""}).status_code == 401
    for scope in SCOPES:
        assert anew.post("/v1/sign-out", headers=fresh.header(scope)).status_code == 403


def test_a_patient_of_another_panel_and_one_that_nobody_knows_are_refused_alike(
    client: Client, staff: Manned
) -> None:
    for path in ("/v1/patients/{}", "/v1/patients/{}/evidence?concept=x"):
        other, unknown = (
            client.get(path.format(one), headers=staff.header("ann")) for one in ("b1", "nobody")
        )
        assert other.status_code == unknown.status_code == 403
        same = ("type", "title", "detail", "errors")
        assert [other.json()[k] for k in same] == [unknown.json()[k] for k in same]
    place, none = (
        client.post(f"/v1/worklist/2024-12-31.1:{rank}/actions", json={"kind": "no_answer"},
                    headers=staff.header("ann"))
        for rank in (2, 999)
    )  # fmt: skip
    assert place.status_code == none.status_code == 403


def test_a_route_without_a_rule_does_not_come_up() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(ValueError, match="GET /v1/secrets has no rule"):

        @router.get("/v1/secrets")
        def secrets() -> None: ...

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/v1/runs")
    def runs() -> None: ...

    with pytest.raises(ValueError, match="/v1/runs is not guarded"):
        refuse_without_rules(app)


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/redoc", "/docs.json", "/metrics", "/livez", "/readyz", "/schema.json",
     "/static_content/index.css", "/nothing", "/a/b/c"],
)  # fmt: skip
def test_nothing_else_is_there_for_anybody(client: Client, staff: Manned, path: str) -> None:
    assert client.get(path, headers={"authorization": ""}).status_code == 401
    assert client.get(path, headers=staff.header("max")).status_code == 404
    assert client.get(path, headers=staff.header("scope runs")).status_code == 404
