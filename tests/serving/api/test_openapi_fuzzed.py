"""Every operation of the OpenAPI document, asked with what it allows and with what it does not: no
answer is a 5xx, and each is one that the document describes."""

from __future__ import annotations

import pytest
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


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The app, started, and the headers of everybody who may ask something."""
    staff = manned(Home(tmp_path_factory.mktemp("fuzzed") / "home"))
    app = create_app(staff.home, ServiceSettings(rates=_NO_LIMIT))
    with Client(app) as client:
        yield app, client, staff


@pytest.fixture(scope="module")
def operations(served):
    app, client, staff = served
    told = client.get("/openapi.json", headers=staff.header("max")).json()
    schema = schemathesis.openapi.from_dict(told)
    schema.app = app
    found = (operation.ok() for operation in schema.get_all_operations())
    return {f"{one.method.upper()} {one.path}": one for one in found}


def test_every_route_is_described(operations) -> None:
    described = {f"{method} {path}" for method, path in RULES}
    assert set(operations) == described - {"GET /openapi.json"}


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


@pytest.mark.parametrize(("route", "mode"), _ASKED)
def test_whatever_is_asked_is_answered_as_the_document_says(
    operations, served, route: str, mode: GenerationMode
) -> None:
    _, _, staff = served
    operation = operations[route]

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case) -> None:
        for who in ("all", "ann"):
            answer = case.call(headers=staff.header(who))
            case.validate_response(answer, checks=list(CHECKS))

    ask()
