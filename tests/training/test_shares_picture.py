"""The picture of the shares, and the shares themselves beside shap's own tree walk."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest

from data.home import Home
from features.as_of import features_as_of
from features.history import Histories
from serving.model import RiskModel
from serving.reasons import reasons
from training.explained import MOST_ROWS, explain
from training.shares_picture import draw_shares


@pytest.fixture(scope="module")
def asked(small_home: Home) -> tuple[RiskModel, pd.DataFrame]:
    model = RiskModel.load(small_home.models / "high-cost")
    histories = Histories.open(small_home.histories)
    people = histories.patients()[:300]
    index = pd.DataFrame({"patient_id": people, "as_of": pd.Timestamp("2024-06-30")})
    return model, features_as_of(histories, index)


def days_of(X: pd.DataFrame) -> np.ndarray:
    return np.full(len(X), np.datetime64("2024-06-30").astype(np.int64))


def test_the_same_rows_give_the_same_pictures(
    asked: tuple[RiskModel, pd.DataFrame], tmp_path: Path
) -> None:
    model, X = asked
    for folder in ("one", "two"):
        draw_shares(tmp_path / folder, explain(model, X, days_of(X)), "Invented")
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("one", "two")
    )
    assert sorted(one) == [
        "dependence.png", "dependence.svg", "importance.png", "importance.svg", "shares.png",
        "shares.svg",
    ]  # fmt: skip
    assert one["shares.png"].startswith(b"\x89PNG")
    assert b"<svg" in one["importance.svg"]
    assert one == two


def test_a_population_is_explained_by_the_shares_of_its_reasons(
    asked: tuple[RiskModel, pd.DataFrame],
) -> None:
    model, X = asked
    told = explain(model, X, days_of(X))
    table = told.importance.set_index("concept")
    each = reasons(model, X, date(2024, 6, 30), top=1000, lowering=1000, with_sensitive=True)
    # of each row the worklist's own reasons, whose shares add up to nearly the whole margin
    for row in range(0, len(X), 37):
        for reason in each[row]:
            place = told.shares.concepts.index(reason.concept)
            assert told.shares.of_concept[row, place] == reason.share
    first = [row[0].concept for row in each if row and row[0].direction == "raises"]
    for concept in set(first):
        assert table.loc[concept, "first_reason"] == first.count(concept) / len(X)
    margins = model.margin(X) - model.contributions(X)[:, -1]
    assert np.abs(told.shares.of_concept.sum(axis=1) - margins).max() < 1e-6
    assert table["mean_size"].is_monotonic_decreasing
    assert table["features"].sum() == len(model.features)


def test_a_large_population_is_explained_by_evenly_spaced_rows(
    asked: tuple[RiskModel, pd.DataFrame],
) -> None:
    model, X = asked
    many = pd.concat([X] * 15, ignore_index=True)  # 4,500 rows: every third of them
    told = explain(model, many, days_of(many))
    assert told.X.index.tolist() == list(range(0, len(many), 3))
    assert len(told.X) <= MOST_ROWS


def test_shap_walks_the_trees_to_the_same_shares(asked: tuple[RiskModel, pd.DataFrame]) -> None:
    """LightGBM computes our shares; shap's own C code, told the bare trees, is the reference."""
    model, X = asked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        booster = lightgbm.Booster(model_str=model.booster.model_to_string())
        explainer = shap.TreeExplainer(booster)
        explainer.model.model_type = "internal"  # else shap asks LightGBM for the answer
        rows = X[model.features].to_numpy(dtype=np.float64)
        reference = explainer.shap_values(rows, check_additivity=False)
    ours = model.contributions(X)[:, :-1]
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(np.asarray(reference).reshape(ours.shape), ours, atol=1e-6)
