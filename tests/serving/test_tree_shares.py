"""SHAP values by tables: LightGBM's own, and those of the definition; margins to the bit."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from data.home import Home
from serving.scoring import Models
from serving.tree_shares import TreeShares

COLUMNS = 6
ODD = np.array([0.0, -0.0, 1e-36, -1e-36, 1e-35, 2e-35, -2e-35, 1e-44, np.inf, -np.inf, np.nan, 1.0,
                -1.0, 3.0], np.float32)  # fmt: skip
"""Values at which LightGBM decides by rules of its own."""


def drawn(rows: int, seed: int, columns: int = COLUMNS) -> np.ndarray:
    """Counts, amounts and measurements, many of them missing, zero, or odd."""
    rng = np.random.default_rng(seed)
    X = rng.poisson(1.0, (rows, columns)).astype(np.float32)
    X[:, 1::3] = rng.normal(0, 2, X[:, 1::3].shape)
    X[:, 2::3] *= rng.lognormal(6, 1, X[:, 2::3].shape)
    X[rng.random(X.shape) < 0.2] = np.nan
    odd = rng.random(X.shape) < 0.05
    X[odd] = rng.choice(ODD, odd.sum())
    return X


def fitted(seed: int = 1, rounds: int = 25, rows: int = 1500, **given: Any) -> lightgbm.Booster:
    rng = np.random.default_rng(seed + 1000)
    columns = given.pop("columns", COLUMNS)
    X = drawn(rows, seed, columns)
    X[~np.isfinite(X)] = np.nan
    known = np.nan_to_num(X)
    odds = known[:, 0] - np.isnan(X[:, 1]) + known[:, 1] * (known[:, 3] > 0) - 0.5
    y = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)
    settings_ = {
        "objective": "binary", "max_depth": 5, "num_leaves": 20, "min_data_in_leaf": 5,
        "num_threads": 1, "seed": 1, "verbose": -1,
    } | given  # fmt: skip
    categories = settings_.pop("categories", "auto")
    data = lightgbm.Dataset(X, y, categorical_feature=categories, params=settings_)
    return lightgbm.train(settings_, data, rounds)


def trees_of(booster: lightgbm.Booster) -> TreeShares:
    trees = TreeShares.of(booster)
    assert trees is not None
    return trees


def assert_alike(trees: TreeShares, booster: lightgbm.Booster, X: np.ndarray) -> None:
    margin = booster.predict(X, raw_score=True, num_threads=1)
    theirs = np.asarray(booster.predict(X, pred_contrib=True, num_threads=1))
    ours = trees.contributions(X)
    assert trees.margin(X).tobytes() == np.asarray(margin).tobytes()
    assert np.abs(ours - theirs).max() < 1e-9
    assert np.abs(ours.sum(axis=1) - margin).max() < 1e-6


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"use_missing": False},
        {"zero_as_missing": True},
        {"max_depth": 1},
        {"max_depth": 7, "num_leaves": 60, "columns": 14},
        {"objective": "regression"},
        {"objective": "tweedie"},
        {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
        {"monotone_constraints": [1, 0, 0, 0, 0, -1]},
        {"boosting": "dart"},
        {"min_data_in_leaf": 2000},  # no tree has a split
    ],
    ids=str,
)
def test_shares_are_lightgbms_and_margins_are_to_the_bit(given: dict[str, Any]) -> None:
    booster = fitted(**given)
    X = drawn(700, 99, given.get("columns", COLUMNS))
    assert_alike(trees_of(booster), booster, X)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from(((), ("zero_as_missing",))))
def test_random_models_with_missing_values(seed: int, depth: int, flags: tuple[str, ...]) -> None:
    booster = fitted(
        seed, rounds=5, rows=300, max_depth=depth, num_leaves=2**depth, min_data_in_leaf=2,
        **dict.fromkeys(flags, True),
    )  # fmt: skip
    assert_alike(trees_of(booster), booster, drawn(60, seed + 7))


def test_the_models_of_the_house(small_home: Home) -> None:
    for model in Models.load(small_home).by_task.values():
        assert_alike(trees_of(model.booster), model.booster, drawn(200, 5, len(model.features)))


def expectation(tree: dict[str, Any], x: np.ndarray, known: frozenset[int]) -> float:
    """What a tree says of a row of which only some features are known: where it asks another one,
    both answers in proportion to the training rows that gave them."""
    if "leaf_value" in tree:
        return tree["leaf_value"]
    left, right = tree["left_child"], tree["right_child"]
    counts = [side.get("leaf_count", side.get("internal_count")) for side in (left, right)]
    feature = tree["split_feature"]
    if feature in known:
        missing = np.isnan(x[feature])
        goes_left = tree["default_left"] if missing else x[feature] <= tree["threshold"]
        return expectation(left if goes_left else right, x, known)
    of_each = [expectation(side, x, known) for side in (left, right)]
    return (counts[0] * of_each[0] + counts[1] * of_each[1]) / sum(counts)


def test_shares_are_shapleys_by_their_definition() -> None:
    booster = fitted(rounds=4, max_depth=4, num_leaves=12)
    X = drawn(12, 3)
    X[~np.isfinite(X)] = np.nan
    trees = [t["tree_structure"] for t in booster.dump_model()["tree_info"]]
    ours = trees_of(booster).contributions(X)
    for x, found in zip(X, ours, strict=True):
        value = {
            frozenset(known): sum(expectation(tree, x, frozenset(known)) for tree in trees)
            for size in range(COLUMNS + 1)
            for known in combinations(range(COLUMNS), size)
        }
        assert found[-1] == pytest.approx(value[frozenset()], abs=1e-12)
        for f in range(COLUMNS):
            share = sum(
                factorial(len(known)) * factorial(COLUMNS - len(known) - 1) / factorial(COLUMNS)
                * (value[known | {f}] - value[known])
                for known in value if f not in known
            )  # fmt: skip
            assert found[f] == pytest.approx(share, abs=1e-12)


def test_a_row_has_the_same_bits_alone_among_others_and_on_any_thread() -> None:
    trees = trees_of(fitted())
    X = drawn(601, 11)  # two threads, and blocks that do not come out even
    margin, shares = trees.margin(X), trees.contributions(X)
    for k in (0, 63, 64, 299, 300, 301, 600):
        assert trees.margin(X[k : k + 1]).tobytes() == margin[k : k + 1].tobytes()
        assert trees.contributions(X[k : k + 1]).tobytes() == shares[k : k + 1].tobytes()
    fortran = np.asfortranarray(X)
    fortran.setflags(write=False)
    assert trees.contributions(fortran).tobytes() == shares.tobytes()
    assert trees.contributions(X[:0]).shape == (0, COLUMNS + 1)


@pytest.mark.parametrize(
    "given",
    [
        {"categories": [0]},
        {"linear_tree": True, "objective": "regression"},
        {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
        {"max_depth": -1, "num_leaves": 400, "columns": 40, "rows": 6000, "min_data_in_leaf": 2},
    ],
    ids=str,
)
def test_of_other_trees_there_are_no_tables(given: dict[str, Any]) -> None:
    assert TreeShares.of(fitted(**given)) is None


def test_of_several_classes_there_are_no_tables() -> None:
    X = drawn(300, 1)
    data = lightgbm.Dataset(X, np.arange(300) % 3)
    about = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    assert TreeShares.of(lightgbm.train(about, data, 3)) is None


def test_rows_of_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="ask 6 columns"):
        trees_of(fitted(rounds=1)).margin(np.zeros((1, COLUMNS - 1), np.float32))
