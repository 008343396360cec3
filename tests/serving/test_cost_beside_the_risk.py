"""Expected cost wherever a person sees the risk of high cost: scored, stored, answered, printed."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data.home import Home
from data.intake import current
from features.as_of import features_as_of
from features.writing import current_histories
from serving.api.app import create_app
from serving.cost_words import COLUMN, WHAT_IT_IS, cost_in_words, cost_of_row
from serving.horizons import horizons_of_run
from serving.nightly import run_night
from serving.population import population
from serving.printed import print_worklist
from serving.scoring import Models, Scored, score
from serving.store import SCORE_COLUMNS, Run, Store
from serving.worklist import Capacity, worklist
from tests.serving.a_night import NIGHT, a_night
from tests.serving.client import Client
from tests.serving.list_bytes import list_bytes
from tests.serving.store.stores_of_before import made_before
from tests.serving.test_api import patient, request
from tests.serving.test_nightly import rows_of

NEW_YEARS_EVE = date(2009, 12, 31)


@pytest.mark.parametrize(
    ("dollars", "horizon", "told_on", "words"),
    [
        (18_412.7, 365, NEW_YEARS_EVE, "Expected cost of the next 12 months $18,400"),
        (18_450.1, 365, NEW_YEARS_EVE, "Expected cost of the next 12 months $18,500"),
        (1_234_567.0, 365, NEW_YEARS_EVE, "Expected cost of the next 12 months $1,230,000"),
        (412.7, 365, NEW_YEARS_EVE, "Expected cost of the next 12 months $413"),
        (412.7, 180, NEW_YEARS_EVE, "Expected cost of the next 180 days $413"),
        (412.7, 365, date(2010, 3, 31),
         "Expected cost of the 12 months after 31 December 2009 $413"),
    ],
)  # fmt: skip
def test_in_words(dollars: float, horizon: int, told_on: date, words: str) -> None:
    assert cost_in_words(dollars, horizon, NEW_YEARS_EVE, told_on) == words
    row = {COLUMN: dollars, "high_cost_asked_on": NEW_YEARS_EVE}
    horizons = {"high-cost": horizon}
    assert cost_of_row(row, horizons, told_on) == words
    assert cost_of_row(row | {COLUMN: None}, horizons, told_on) is None


@pytest.fixture(scope="module")
def home(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("cost")
    shutil.copytree(small_home.root, folder / "home", symlinks=True)
    home = Home(folder / "home")
    run_night(home, NIGHT, Capacity(managers=2, slots=20))
    return home


@pytest.fixture(scope="module")
def scored(small_home: Home) -> Scored:
    taken = current(small_home)
    people = population(taken.tables, taken.manifest["carries"], NIGHT)
    return score(people, current_histories(small_home), Models.load(small_home), NIGHT)


def published(home: Home) -> tuple[Run, list[dict[str, Any]], bytes]:
    store = Store.of_home(home)
    run = store.published()
    assert run is not None
    found = store.worklist(run.run_id), list_bytes(store, run.run_id)
    store.close()
    return run, *found


def test_it_is_there_where_the_risk_is_and_it_is_the_models(
    small_home: Home, scored: Scored
) -> None:
    scores = scored.scores
    risk, dollars = scores["high_cost_risk"], scores[COLUMN]
    assert risk.notna().sum() > 1000
    assert risk.isna().any()
    assert (risk.notna() == dollars.notna()).all()
    assert (dollars.dropna() > 0).all()

    model = Models.load(small_home).by_task["high-cost"]
    asked = scores.loc[risk.notna(), ["patient_id"]].assign(as_of=NIGHT)
    X = features_as_of(current_histories(small_home), asked, model.features, cuts=model.cuts)
    assert dollars.dropna().tolist() == model.expected_dollars(X).tolist()
    assert set(SCORE_COLUMNS) <= set(scores)


def test_it_orders_nothing(scored: Scored) -> None:
    scores = scored.scores.rename(columns={"left_out": "excluded"})
    capacity = Capacity(managers=2, slots=20)
    other = scores.assign(**{COLUMN: -scores[COLUMN]})
    first, second = worklist(scores, capacity).entries, worklist(other, capacity).entries
    pd.testing.assert_frame_equal(first, second)


def test_the_night_keeps_it_to_the_last_bit(home: Home, scored: Scored) -> None:
    run, rows, text = published(home)
    assert horizons_of_run(run.manifest) == {"readmission": 30, "high-cost": 365}
    told = scored.scores.set_index("patient_id")[COLUMN]
    assert [row[COLUMN] for row in rows] == told[[row["patient_id"] for row in rows]].tolist()
    written = [json.loads(line) for line in text.splitlines()]
    assert [line[COLUMN] for line in written] == [row[COLUMN] for row in rows]


def test_the_api_answers_it_as_the_night_did(home: Home) -> None:
    _, rows, _ = published(home)
    chosen = [row["patient_id"] for row in rows]
    with Client(create_app(home)) as client:
        listed = client.get("/v1/worklist?top=500").json()["patients"]
        one = client.get(f"/v1/patients/{chosen[0]}").json()
        sent = rows_of(current(home), pa.array(chosen))
        sent |= {"as_of": NIGHT.isoformat()}
        asked = client.post("/v1/score", json=sent).json()["patients"]
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for person, row in zip(listed, rows, strict=True):
        assert person["high_cost"]["expected_cost"] == {
            "dollars": row[COLUMN],
            "words": cost_in_words(row[COLUMN], 365, NIGHT, NIGHT),
        }
        assert "expected_cost" not in person["readmission"]
    assert one["high_cost"] == listed[0]["high_cost"]
    costs = {person["patient_id"]: person["high_cost"]["expected_cost"] for person in asked}
    assert [person["high_cost"]["expected_cost"] for person in listed] == [
        costs[patient_id] for patient_id in chosen
    ]
    assert "no measure of need" in schemas["ExpectedCost"]["description"]


def test_the_printed_list_says_it(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    _, rows, _ = published(home)
    print_worklist(home, top=500)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("Expected cost of the next 12 months $") == len(rows)
    assert WHAT_IT_IS in said


def test_a_model_that_says_none_has_none_anywhere(
    quick_home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with Client(create_app(quick_home)) as client:
        [asked] = client.post("/v1/score", json=request(patient())).json()["patients"]
        told = client.get("/v1/patients/a").json()
    assert asked["high_cost"]["risk"] is not None
    assert asked["high_cost"]["expected_cost"] is None
    assert told["high_cost"]["expected_cost"] is None
    print_worklist(quick_home, top=5)
    assert "xpected cost" not in capsys.readouterr().out


def test_without_a_risk_there_is_none(home: Home) -> None:
    with Client(create_app(home)) as client:
        sent = request(patient(), as_of="2019-01-01")
        [person] = client.post("/v1/score", json=sent).json()["patients"]
    assert person["high_cost"]["not_scored"] == "nothing was known of this person"
    assert person["high_cost"]["expected_cost"] is None


def test_the_service_answers_from_a_store_of_before(quick_home: Home, tmp_path: Path) -> None:
    shutil.copytree(quick_home.root, tmp_path / "home", symlinks=True)
    home = Home(tmp_path / "home")
    home.store_database.unlink()
    (home.root / "audit.begun").unlink(missing_ok=True)  # of the database that was here
    made_before(home.store_database)
    with Client(create_app(home)) as client:
        told = client.get("/v1/patients/old").json()
    assert told["high_cost"]["risk"] == 0.25
    assert told["high_cost"]["expected_cost"] is None


def test_missing_is_stored_as_missing(tmp_path: Path) -> None:
    store = Store.of_home(Home(tmp_path))
    scores, *others = a_night("a", "b")
    run_id = store.start(NIGHT)
    store.publish(run_id, scores.assign(**{COLUMN: [np.nan, 7.5]}), *others)
    assert [row[COLUMN] for row in store.worklist(run_id)] == [None, 7.5]
    store.close()
