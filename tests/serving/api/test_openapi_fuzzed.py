"""Every operation of the OpenAPI document, asked with what it allows and with what it does not: no
answer is a 5xx, and each is one that the document describes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from data.home import Home
from data.intake import take_in
from features.writing import current_histories
from serving.api.app import create_app
from serving.api.rules import RULES
from serving.settings import RateLimits, ServiceSettings
from tests.serving.api.manned import manned
from tests.serving.client import Client

CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
)  # fmt: skip
_NO_LIMIT = RateLimits(person_per_minute=10**9, service_per_minute=10**9, unknown_per_minute=10**9)


_SOURCE = {
    "source.json": '{"origin": "invented", "data_through": "2024-12-31"}',
    "member.csv": "record_id,patient_id,birth_on,known_on\nm1,a1,1950-01-01,2020-01-01\n",
    "coverage.csv": "record_id,patient_id,start_on,known_on\nc1,a1,2020-01-01,2020-01-01\n",
    "encounter.csv": "record_id,patient_id,kind,started_on,ended_on,known_on\n"
                     "e1,a1,emergency,2024-12-05,2024-12-05,2024-12-15\n",
}  # fmt: skip


def _take_in(home: Home, source: Path) -> None:
    source.mkdir()
    for name, text in _SOURCE.items():
        (source / name).write_text(text, encoding="utf-8")
    take_in(home, "canonical", source)
    current_histories(home)


class _Sender(Client):
    """Sends a case as it is, within the one start of the app."""

    def send(self, case: schemathesis.Case, headers: dict[str, str]) -> httpx.Response:
        made = requests.Request(**case.as_transport_kwargs(base_url=HERE, headers=headers))
        sent = made.prepare()
        raw = [(name.encode(), _bytes(value)) for name, value in sent.headers.items()]
        request = httpx.Request(str(sent.method), str(sent.url), headers=raw, content=sent.body)
        return self._runner.run(self._http.send(request))


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The app, started over a1's rows, and the headers of everybody who may ask something."""
    folder = tmp_path_factory.mktemp("fuzzed")
    staff = manned(Home(folder / "home"))
    _take_in(staff.home, folder / "source")
    app = create_app(staff.home, ServiceSettings(rates=_NO_LIMIT))
    with _Sender(app) as client:
        yield client, staff


@pytest.fixture(scope="module")
def operations(served):
    client, staff = served
    told = client.get("/openapi.json", headers=staff.header("max")).json()
    schema = schemathesis.openapi.from_dict(told)
    found = (operation.ok() for operation in schema.get_all_operations())
    return {f"{one.method.upper()} {one.path}": one for one in found}


def test_every_route_is_described(operations) -> None:
    described = {f"{method} {path}" for method, path in RULES}
    assert set(operations) == described - {"GET /openapi.json"}


HERE = "http://127.0.0.1"
_KNOWN = {
    "patient_id": "a1", "entry_id": "2024-12-31.1:1", "service_id": "firstcall-patient-view",
    "patient": "Patient/a1", "from": 1, "to": 2, "patients": ["a1"],
}  # fmt: skip
"""What names something here; a made-up name would be answered 404 alone."""
_OF_OTHER_SITES = ("patient:identifier", "subject")
"""Other ways to name a patient: beside the first one, or where no identifier system is configured,
they are refused."""
_OF_ONE_KIND = {"until": "deferred", "tier": "override", "undoes": "undo"}
"""Fields of an action that belong to one kind of it, and are refused with any other."""
_NEVER_RIGHT = {
    "POST /v1/sign-in",  # nobody guesses a password
    "POST /v1/score",  # rows that fit each other: test_api_fuzzed.py
    "POST /v1/panel-moves/{move_id}/undo",  # nobody guesses a move
}


_ROUTES = sorted({f"{method} {path}" for method, path in RULES} - {
    "GET /openapi.json",  # describes, and is not described
    "POST /v1/sign-out",  # would end the session that asks
})  # fmt: skip
_ASKED = [
    (route, mode)
    for route in _ROUTES
    for mode in GenerationMode
    if (route, mode) != ("GET /health", GenerationMode.NEGATIVE)  # nothing about it can be wrong
]


def _name_something_here(case: schemathesis.Case) -> None:
    for sent in (case.path_parameters, case.query, case.body):
        if isinstance(sent, dict):
            sent.update({name: known for name, known in _KNOWN.items() if name in sent})
            for name in _OF_OTHER_SITES:
                sent.pop(name, None)
            for name, kind in _OF_ONE_KIND.items():
                if sent.get("kind", kind) != kind:
                    sent.pop(name, None)


@pytest.mark.parametrize(("route", "mode"), _ASKED)
def test_whatever_is_asked_is_answered_as_the_document_says(
    operations, served, route: str, mode: GenerationMode
) -> None:
    client, staff = served
    operation = operations[route]
    statuses: set[int] = set()

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case) -> None:
        if mode == GenerationMode.POSITIVE:
            _name_something_here(case)
        for who in ("all", "ann"):
            answer = client.send(case, staff.header(who))
            case.validate_response(answer, checks=list(CHECKS))
            statuses.add(answer.status_code)
            assert "host name" not in answer.text  # or nothing of this would have been asked

    ask()
    if mode == GenerationMode.POSITIVE and route not in _NEVER_RIGHT:
        assert any(200 <= status < 300 for status in statuses), statuses
