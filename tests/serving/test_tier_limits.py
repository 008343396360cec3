"""Where tiers begin: as the model brings it, or as service.toml says; everywhere alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from data.home import Home
from serving.api.app import create_app
from serving.list_settings import TierSettings, WorklistSettings
from serving.model import OF_TRAINING, RiskModel
from serving.models.in_use import ModelsInUse
from serving.scoring import Models
from serving.settings import settings_of
from serving.worklist import TIERS, Capacity
from tests.serving.api.manned import manned
from tests.serving.client import Client
from tests.serving.models.pairs import asked, body, promoted, versions
from tests.serving.quick import write_quick_model

BOARD = {"high": 0.999, "moderate": 0.001, "owner": "Dr A. Rivera, quality board"}
"""With these nearly everybody is in the tier moderate."""


def said(**tiers: Any) -> dict[str, Any]:
    return {"worklist": {"tiers": {task.replace("_", "-"): told for task, told in tiers.items()}}}


def log_odds(*risks: float) -> np.ndarray:
    p = np.array(risks)
    return np.log(p / (1 - p))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Models:
    home = Home(tmp_path_factory.mktemp("limits"))
    for task in ("readmission", "high-cost"):
        write_quick_model(home.models / task, task)
    return Models.load(home)


WRONG = [
    (BOARD | {"moderate": 0.999}, "readmission: moderate must be less than high."),
    (BOARD | {"high": 1.0}, "readmission.high: input should be less than 1."),
    (BOARD | {"high": float("nan")}, "readmission.high: input should be a finite number."),
    (BOARD | {"moderate": 0}, "readmission.moderate: input should be greater than 0."),
    ({"high": 0.3, "moderate": 0.1}, "readmission.owner: field required."),
    ({"moderate": 0.1, "owner": "board"}, "readmission.high: field required."),
    (BOARD | {"owner": "  "}, "readmission.owner: string should have at least 1 character."),
    (BOARD | {"owner": "b" * 81}, "readmission.owner: string should have at most 80 characters."),
    (BOARD | {"low": 0.0}, "readmission.low: is no setting."),
]


@pytest.mark.parametrize(("told", "sentence"), WRONG)
def test_limits_that_make_no_sense_are_refused_in_one_sentence(told, sentence) -> None:
    with pytest.raises(InputError) as refused:
        settings_of(said(readmission=told))
    assert str(refused.value) == f"service.toml: worklist.tiers.{sentence}"


def test_an_unknown_task_and_a_share_that_is_none_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"worklist\.tiers\.sepsis\..*'readmission' or 'high-cost'"
    ):
        settings_of(said(sepsis=BOARD))
    with pytest.raises(
        InputError, match=r"worklist\.kept_for_discharged: .*less than or equal to 1"
    ):
        settings_of({"worklist": {"kept_for_discharged": 1.5}})
    assert WorklistSettings().kept_for_discharged == Capacity().kept_for_discharged


def test_the_sites_limits_take_the_place_of_the_models_own(models: Models) -> None:
    own = models.by_task["high-cost"]
    assert (own.limits.high, own.limits.moderate, own.limits.owner) == (0.5, 0.2, OF_TRAINING)
    tiers = settings_of(said(**{"high_cost": BOARD | {"high": 0.6, "moderate": 0.4}}))
    changed = models.of_site(tiers.worklist.tiers)
    model = changed.by_task["high-cost"]
    assert model.tier(log_odds(0.59, 0.6000001, 0.4000001, 0.39)).tolist() == [
        "moderate", "high", "moderate", "low"
    ]  # fmt: skip
    assert own.tier(log_odds(0.59, 0.49, 0.19)).tolist() == ["high", "moderate", "low"]
    assert model.limits.owner == BOARD["owner"]
    assert changed.by_task["readmission"] is models.by_task["readmission"]
    assert changed.versions == models.versions
    assert model.metadata is own.metadata
    only = Models({"readmission": models.by_task["readmission"]})
    assert only.of_site(tiers.worklist.tiers).by_task == only.by_task, "that model is not there"


limits = st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)).filter(lambda two: two[0] < two[1])


@given(limits, limits, st.lists(st.floats(0.001, 0.999), min_size=1, max_size=20))
def test_higher_thresholds_raise_nobodys_tier(models, one, other, risks: list[float]) -> None:
    def tiers_by(moderate: float, high: float) -> list[int]:
        told = TierSettings(high=high, moderate=moderate, owner="board")
        model = models.of_site({"readmission": told}).by_task["readmission"]
        return [TIERS.index(tier) for tier in model.tier(log_odds(*risks)).tolist()]

    lower = tiers_by(min(one[0], other[0]), min(one[1], other[1]))
    higher = tiers_by(max(one[0], other[0]), max(one[1], other[1]))
    assert all(after >= before for before, after in zip(lower, higher, strict=True))


def test_a_model_that_is_promoted_later_keeps_the_sites_limits(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    promoted(home, "one")
    models = ModelsInUse(home, settings_of(said(readmission=BOARD, high_cost=BOARD)))
    models.look()
    assert models.scorer().answer(asked()).patients[0].high_cost.tier == "moderate"
    promoted(home, "two")
    assert models.look()
    assert models.versions == versions("two"), "a limit changes no version"
    assert models.scorer().answer(asked()).patients[0].high_cost.tier == "moderate"
    by_task = models.scorer().models.by_task
    assert {one.limits.owner for one in by_task.values()} == {BOARD["owner"]}


def test_the_api_scores_by_the_sites_limits_and_says_whose_they_are(tmp_path: Path) -> None:
    own = manned(Home(tmp_path / "home"))
    of_models = RiskModel.load(own.home.models / "high-cost")
    settings = settings_of(said(high_cost=BOARD))
    with Client(create_app(own.home, settings)) as client:
        answer = client.post(
            "/v1/score", json=body() | {"origin": "invented"}, headers=own.header("scope score")
        )
        assert answer.json()["patients"][0]["high_cost"]["tier"] == "moderate"
        told = {
            one["task"]: one
            for one in client.get("/v1/model", headers=own.header("max")).json()["models"]
        }
    assert told["high-cost"]["tiers"] == {"high": 0.999, "moderate": 0.001}
    assert told["high-cost"]["tiers_owner"] == BOARD["owner"]
    assert told["high-cost"]["tiers_of_model"] == {"high": 0.5, "moderate": 0.2}
    assert told["high-cost"]["version"] == of_models.version
    assert told["readmission"]["tiers"] == {"high": 0.5, "moderate": 0.2}
    assert told["readmission"]["tiers_owner"] == OF_TRAINING


def test_it_is_noticed_that_a_run_went_by_other_limits_of_the_same_model(models: Models) -> None:
    model = models.by_task["high-cost"]
    same = {"version": model.version, "tiers": {"high": 0.5, "moderate": 0.2}}
    assert not model.limits.differ_from(same, model.version)
    assert model.limits.differ_from(same | {"tiers": {"high": 0.6, "moderate": 0.2}}, model.version)
    assert not model.limits.differ_from(same | {"tiers": {"high": 0.6}, "version": "another"},
                                        model.version)  # fmt: skip
    assert not model.limits.differ_from({"version": model.version}, model.version), "of before"
    assert not model.limits.differ_from({}, model.version)
