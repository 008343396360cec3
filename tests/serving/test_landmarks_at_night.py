"""The readmission risk on the nights after a discharge: what passing days may change, and what not.

The discharge is on 1 May 2024; nothing else happens unless it is said.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.as_of import fingerprint
from features.history import Histories
from serving.horizons import days_left, horizons_of_run
from serving.model import RiskModel, read_model_files, write_model
from serving.population import population
from serving.scoring import Models, score
from serving.worklist import Capacity, worklist
from tests.serving.quick import write_quick_model
from tests.serving.test_population import CARRIES, cover, member, stay, tables

LEFT = date(2024, 5, 1)
USUAL = np.linspace(0.15, 0.005, 30)
"""The usual risk of whoever is not back on day 0 to 29."""
LOG_ODDS = np.log(USUAL / (1 - USUAL))


def on(day: int) -> date:
    return LEFT + timedelta(day)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder: Path = tmp_path_factory.mktemp("model")
    write_quick_model(folder, "readmission", landmark_log_odds=LOG_ODDS.tolist())
    return Models({"readmission": RiskModel.load(folder)})


CLOCKS = ["emergency_visits_days_since", "emergency_visits_count_30", "emergency_visits_count_90"]


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """A model of features that all move as days pass."""
    folder: Path = tmp_path_factory.mktemp("clocks")
    rng = np.random.default_rng(5)
    X = np.column_stack([rng.integers(0, 100, 2000), *rng.integers(0, 3, (2, 2000))])
    y = rng.random(2000) < 1 / (1 + np.exp(X[:, 0] / 20 - X[:, 1] - X[:, 2]))
    data = lightgbm.Dataset(X.astype(np.float32), y.astype(float), feature_name=CLOCKS)
    told = {"objective": "binary", "num_threads": 1, "seed": 1, "verbose": -1}
    booster = lightgbm.train(told, data, num_boost_round=40)
    write_quick_model(folder, "readmission", features=CLOCKS, fingerprint=fingerprint(CLOCKS),
                      landmark_log_odds=LOG_ODDS.tolist())  # fmt: skip
    _, about = read_model_files(folder)
    write_model(folder, booster.model_to_string(), about)
    return Models({"readmission": RiskModel.load(folder)})


def test_until_there_is_news_no_window_moves(clocks: Models) -> None:
    """Visits 25 and 80 days before the discharge: without care they would leave the last 30 and
    the last 90 days on days 5 and 10, and lie further back each night."""
    told = people(visit(-25), visit(-80), visit(12, known=20))
    nights = [night(told, clocks, day).loc["p"] for day in range(30)]
    margins = [n["readmission_margin"] for n in nights]
    assert set(margins[:20]) == {margins[0]}
    assert set(margins[20:]) == {margins[20]} != {margins[0]}
    assert len({n["readmission_tier"] for n in nights[:20]}) == 1
    assert [n["readmission_asked_on"] for n in nights] == [on(day) for day in range(30)]


def visit(day: int, known: int | None = None, **row: Any) -> dict[str, Any]:
    return {"kind": "emergency", "started_on": on(day), "ended_on": on(day),
            "known_on": on(day if known is None else known), **row}  # fmt: skip


def people(*encounters: dict[str, Any]) -> dict[str, pa.Table]:
    """Patient p, in hospital until the day LEFT, and what else is told of p or of another."""
    others = sorted({row.get("patient_id", "p") for row in encounters})
    named = [{"patient_id": patient} for patient in {"p", *others}]
    stays = [stay(started=on(-4), ended=LEFT), *encounters]
    return tables(
        member=[member(**row) for row in named], coverage=[cover(**row) for row in named],
        encounter=stays,
    )  # fmt: skip


def night(told: dict[str, pa.Table], models: Models, day: int) -> pd.DataFrame:
    """The scores of the night so many days after LEFT, by patient."""
    carries = (*CARRIES, "emergency_visits")
    known = Histories.of_tables(told, carries)
    scored = score(population(told, carries, on(day)), known, models, on(day))
    return scored.scores.set_index("patient_id")


def test_without_news_the_risk_falls_and_neither_margin_nor_tier_moves(models: Models) -> None:
    nights = [night(people(), models, day).loc["p"] for day in range(30)]
    assert {n["readmission_margin"] for n in nights} == {nights[0]["readmission_margin"]}
    assert {n["readmission_tier"] for n in nights} == {nights[0]["readmission_tier"]}
    assert [n["readmission_asked_on"] for n in nights] == [on(day) for day in range(30)]
    assert {n["readmission_all_days_risk"] for n in nights} == {nights[0]["readmission_risk"]}
    # the odds of each day are the usual ones times what this person adds to them
    odds = np.array([n["readmission_risk"] / (1 - n["readmission_risk"]) for n in nights])
    added = np.exp(nights[0]["readmission_margin"])
    assert odds == pytest.approx(added * USUAL / (1 - USUAL))


def test_after_thirty_days_nothing_is_asked(models: Models) -> None:
    found = night(people(), models, 30).loc["p"]
    assert np.isnan(found["readmission_risk"])
    assert found["readmission_null_reason"] == "no discharge in the last 30 days"


def test_news_counts_from_the_night_on_which_it_is_known(models: Models) -> None:
    told = people(*(visit(day, known=10) for day in (1, 2, 3)))
    margins = [night(told, models, day).loc["p", "readmission_margin"] for day in (3, 9, 10, 20)]
    assert margins[0] == margins[1]
    assert margins[2] == margins[3] > margins[1]


def test_whoever_left_earlier_is_not_called_later_for_it(models: Models) -> None:
    """q left on the day before the list, p 20 days earlier; both else alike, and p comes first."""
    alike = [stay(started=on(15), ended=on(19), patient_id="q", record_id="q")]
    scores = night(people(*alike), models, 20)
    assert scores["readmission_margin"].nunique() == 1
    assert scores.loc["p", "readmission_risk"] < scores.loc["q", "readmission_risk"] / 2
    asked = scores.reset_index().rename(columns={"left_out": "excluded"})
    assert worklist(asked, Capacity()).entries["patient_id"].tolist() == ["p", "q"]


def test_a_model_without_landmarks_is_asked_once(tmp_path: Path) -> None:
    write_quick_model(tmp_path, "readmission")
    old = Models({"readmission": RiskModel.load(tmp_path)})
    nights = [night(people(visit(3)), old, day).loc["p"] for day in (0, 9)]
    assert [n["readmission_asked_on"] for n in nights] == [LEFT, LEFT]
    assert nights[0]["readmission_risk"] == nights[1]["readmission_risk"]


@pytest.mark.parametrize(
    ("risk", "asked", "left"),
    [(0.1, 0, 30), (0.1, 1, 29), (0.1, 29, 1), (0.1, 40, 0), (None, None, None)],
)
def test_the_days_that_are_left(risk: float | None, asked: int | None, left: int | None) -> None:
    asked_on = None if asked is None else on(asked)
    row = {"readmission_risk": risk, "readmission_asked_on": asked_on, "discharged_on": LEFT}
    assert days_left(row, horizons_of_run({})) == left
    longer = horizons_of_run({"models": {"readmission": {"horizon_days": 90}}})
    assert days_left(row, longer) == (None if left is None or asked is None else 90 - asked)
