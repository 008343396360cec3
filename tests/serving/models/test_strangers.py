"""Models of made-up people and rows of real ones."""

from __future__ import annotations

import json
from itertools import product

import pytest

from data.errors import RefusalError
from data.home import Home
from serving.api.app import create_app
from serving.model import RiskModel
from serving.models.strangers import SAY_SO, origin_of_home, origin_of_rows, refuse_strangers
from serving.scoring import Models
from serving.settings import ServiceSettings
from tests.serving.client import Client
from tests.serving.models.pairs import promoted
from tests.serving.quick import write_quick_model
from tests.serving.test_api import patient, request

ORIGINS = ("own", "invented", "public_synthetic")
REFUSED = {("invented", "own", False), ("public_synthetic", "own", False)}
"""Whose model, whose rows, and whether other origins are allowed: all else is scored."""


@pytest.fixture(scope="module")
def of_origin(tmp_path_factory):
    made = {}
    for origin in ORIGINS:
        folder = tmp_path_factory.mktemp(origin)
        write_quick_model(folder, "readmission", origin=origin)
        made[origin] = Models({"readmission": RiskModel.load(folder)})
    return made


@pytest.mark.parametrize(("model", "rows", "allowed"), [*product(ORIGINS, ORIGINS, (True, False))])
def test_only_real_people_by_a_model_of_others_without_leave_are_refused(
    of_origin, model, rows, allowed
):
    if (model, rows, allowed) not in REFUSED:
        refuse_strangers(of_origin[model], rows, allowed)
        return
    with pytest.raises(RefusalError) as refused:
        refuse_strangers(of_origin[model], rows, allowed)
    assert str(refused.value) == (
        f"The readmission model was trained on data of origin {model} and must not score real "
        "people: train it on your own data with `firstcall train --task readmission`."
    )


def taken_in(home, origin):
    """As far as it is asked here: the manifest of what was taken in."""
    home.tables.mkdir(parents=True)
    manifest = {"generation": "g", "origin": origin}
    (home.tables / "current.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("held", "said", "origin"),
    [
        (None, None, "own"),  # nobody tells: they may be real
        (None, "invented", "invented"),
        ("invented", None, "invented"),
        ("invented", "own", "own"),
        ("own", None, "own"),
        ("own", "public_synthetic", "public_synthetic"),
    ],
)
def test_rows_are_of_whom_the_request_says_else_of_whom_the_home_holds(
    tmp_path, held, said, origin
):
    home = Home(tmp_path)
    if held:
        taken_in(home, held)
    assert origin_of_home(home) == held
    assert origin_of_rows(home, said) == origin


@pytest.fixture(scope="module")
def invented_home(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("invented") / "home")
    promoted(home, "one")
    return home


def test_the_service_refuses_rows_that_may_be_of_real_people_and_says_what_to_do(invented_home):
    told = request(patient(), origin="invented")
    untold = {name: value for name, value in told.items() if name != "origin"}
    with Client(create_app(invented_home, ServiceSettings())) as client:
        for body in (untold, told | {"origin": "own"}):
            refused = client.post("/v1/score", json=body)
            assert refused.status_code == 422
            assert refused.headers["content-type"] == "application/problem+json"
            assert SAY_SO in refused.json()["detail"]
        assert client.post("/v1/score", json=told).status_code == 200
        assert client.post("/v1/score", json=told | {"origin": "martian"}).status_code == 422
    allowing = ServiceSettings(other_origin=True)
    with Client(create_app(invented_home, allowing)) as client:
        assert client.post("/v1/score", json=untold).status_code == 200


def test_a_service_on_invented_people_scores_such_rows_without_more(tmp_path):
    home = Home(tmp_path / "home")
    promoted(home, "one")
    taken_in(home, "invented")
    body = request(patient())
    body.pop("origin", None)
    with Client(create_app(home, ServiceSettings())) as client:
        assert client.post("/v1/score", json=body).status_code == 200
        assert client.post("/v1/score", json=body | {"origin": "own"}).status_code == 422
