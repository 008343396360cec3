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
from data.small_cells import SMALLEST_SHOWN, Counts
from features.as_of import features_as_of
from features.history import Histories
from serving.model import RiskModel
from serving.reasons import ConceptShares, reasons
from training.evaluation.explained import MOST_ROWS, Explained, explain
from training.pictures.shares_picture import draw_shares, groups_of_people


@pytest.fixture(scope="module")
def asked(small_home: Home) -> tuple[RiskModel, pd.DataFrame]:
    model = RiskModel.load(small_home.models / "high-cost")
    histories = Histories.open(small_home.histories)
    people = histories.patients()[:300]
    index = pd.DataFrame({"patient_id": people, "as_of": pd.Timestamp("2024-06-30")})
    return model, features_as_of(histories, index)


def days_of(X: pd.DataFrame) -> np.ndarray:
    return np.full(len(X), np.datetime64("2024-06-30").astype(np.int64))


@pytest.mark.parametrize("origin", ["invented", "own"])
def test_the_same_rows_give_the_same_pictures(
    asked: tuple[RiskModel, pd.DataFrame], tmp_path: Path, origin: str
) -> None:
    model, X = asked
    told = explain(model, X, days_of(X), X.index)
    for folder in ("one", "two"):
        draw_shares(tmp_path / folder, told, "Invented", Counts(origin))
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
    told = explain(model, X, days_of(X), X.index)
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
    told = explain(model, many, days_of(many), many.index)
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


def test_groups_are_of_eleven_people_or_more_and_split_no_value():
    # 240 rows of 120 people: a twelfth is 20 rows, but those of value 1 are of ten people alone
    person = np.repeat(np.arange(120), 2)
    values = np.r_[np.zeros(100), np.ones(20), np.arange(2.0, 112.0), np.full(10, np.nan)]
    found = groups_of_people(values, person)
    assert sorted(np.concatenate(found).tolist()) == list(range(230))
    assert all(len(np.unique(person[rows])) >= SMALLEST_SHOWN for rows in found)
    assert found[0].tolist() == list(range(100)), "all that are 0"
    # 20 rows of 1 are 10 people: one row more is of an eleventh
    assert found[1].tolist() == list(range(100, 121))
    assert [len(rows) for rows in found[2:]] == [20, 20, 20, 20, 29], "the last takes the 9 left"
    assert groups_of_people(values[:20], person[:20]) == []
    assert groups_of_people(np.full(30, np.nan), np.arange(30)) == []


def made_up(values: np.ndarray, share: np.ndarray) -> Explained:
    """Of one feature, one row a person."""
    table = pd.DataFrame({
        "concept": ["age", "few"], "features": [1, 1], "mean_size": [0.5, 0.1],
        "raises": [0.5, 0.5], "lowers": [0.5, 0.5], "first_reason": [0.5, 0.02],
    })  # fmt: skip
    of = share[:, None]
    shares = ConceptShares(of, of, ["age"], [np.array([0])])
    return Explained(pd.DataFrame({"age": values}), np.arange(len(values)), shares, table)


def test_no_picture_of_real_people_shows_one_of_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values, share = np.sort(rng.normal(75, 8, 220)), rng.normal(size=220)
    share[-1] = 5.0
    values[:7] = np.nan  # of seven people nothing is known
    moved_values, moved_share = values.copy(), share.copy()
    moved_values[-1], moved_share[-1] = 119, 9.0  # the oldest, far from all others
    moved_share[3] = -9.0  # one of whom nothing is known
    drawn = {}
    for origin in ("own", "invented"):
        for name, told in (("one", (values, share)), ("other", (moved_values, moved_share))):
            folder = tmp_path / origin / name
            draw_shares(folder, made_up(*told), "Readmission", Counts(origin))
            drawn[origin, name] = {p.name: p.read_bytes() for p in folder.glob("*.svg")}
    for name in ("shares.svg", "dependence.svg"):
        assert drawn["invented", "one"][name] != drawn["invented", "other"][name]
    own = drawn["own", "one"]["dependence.svg"]
    assert own == drawn["own", "other"]["dependence.svg"]
    assert b"not known" not in own
    assert b"not known (3% of rows)" in drawn["invented", "one"]["dependence.svg"]
    assert b"<image" not in own, "no dots"
    importance = drawn["own", "one"]["importance.svg"]
    # 2 % of 220 are four
    assert b"first reason of 50%" in importance
    assert b"first reason of 2%" not in importance
    assert b"first reason of 2%" in drawn["invented", "one"]["importance.svg"]
