"""The fit is the same twice, stops in time, and learns nothing from people it holds out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.fitting.fit import Fitted, fit, folds_of, parameters
from training.fitting.matrix import Matrix, learnable
from training.settings.tasks import (
    HIGH_COST,
    READMISSION,
    FitSettings,
    described,
    flat,
    task_called,
)

SETTINGS = FitSettings(rounds=120, patience=15, learning_rate=0.1, threads=1)


def data(count: int = 1500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    X = rng.normal(size=(count, 6)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=count) > 1).astype(float)
    return X, y, np.arange(count) % 5


def fitted(**changes) -> Fitted:
    X, y, fold = data()
    settings = replace(SETTINGS, **changes)
    return fit(X.__getitem__, y, np.ones(len(y)), [f"x{n}" for n in range(6)], fold, settings)


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    assert fitted() == fitted()
    assert fitted(seed=1).text != fitted().text


def test_how_many_fits_run_at_once_changes_no_byte():
    alone, three = (fitted(threads=n) for n in (1, 3))
    assert len(alone.stopped_at) == 5
    assert alone == three


def test_trees_are_bounded_and_their_number_is_the_mean_of_the_folds():
    made = fitted()
    assert len(made.stopped_at) == 5
    assert made.rounds == round(np.mean(made.stopped_at)) < SETTINGS.rounds
    assert made.text.count("Tree=") == made.rounds


def test_too_few_cases_to_stop_by_take_the_fixed_number():
    X, y, fold = data(60)
    made = fit(X.__getitem__, y, np.ones(60), [f"x{n}" for n in range(6)], fold, SETTINGS)
    assert (made.stopped_at, made.rounds) == ((), SETTINGS.few_events_rounds)


def test_a_weight_is_worth_as_many_rows():
    X, y, _ = data(800)
    names, none = [f"x{n}" for n in range(6)], np.full(800, -1)
    plain = replace(SETTINGS, bagging_fraction=1.0, feature_fraction=1.0)
    one = fit(X.__getitem__, y, np.ones(800), names, none, plain)
    upweighted = fit(X.__getitem__, y, np.where(y == 1, 5.0, 1.0), names, none, plain)
    assert one.text != upweighted.text


def test_small_data_get_smaller_leaves():
    assert parameters(SETTINGS, 100_000)["min_data_in_leaf"] == SETTINGS.min_data_in_leaf
    assert parameters(SETTINGS, 2000)["min_data_in_leaf"] == 20
    assert parameters(SETTINGS, 100)["min_data_in_leaf"] == 5


def test_folds_keep_people_together():
    share = np.repeat(np.random.default_rng(0).random(50), 4)
    fold = folds_of(share, np.full(200, "train"), replace(SETTINGS, folds=5))
    assert set(fold) == {0, 1, 2, 3, 4}
    assert all(len(set(fold[share == s])) == 1 for s in share)
    role = np.array(["train", "validation"])
    assert folds_of(np.array([0.1, 0.2]), role, SETTINGS).tolist() == [-1, 0]


def test_columns_that_teach_nothing_are_left_out():
    nan = np.nan
    X = pd.DataFrame({
        "age": [1, 1, 1, 1, 2],  # the same in the training rows
        "bnp_last": [nan, nan, nan, nan, 9],
        "haemoglobin_last": [nan, 1, 1, 1, 1],
        "drug_fills_count_30": [1, 2, 3, 4, 5],
        "diagnosis_108_365": [0, 0, 5, 5, 5],  # two training rows of one person have it
        "coverage_now": [0, 1, 1, 1, 1],  # one person has it not
        "outreach_count_365": [1, 2, 3, 4, 5],  # how people were helped is no predictor
    }, dtype="float32")  # fmt: skip
    matrix = Matrix(X, pd.DataFrame({"patient_id": ["p", "q", "r", "r", "s"]}), {})
    training = [0, 1, 2, 3]
    assert learnable(matrix, training, 2) == ["haemoglobin_last", "drug_fills_count_30"]
    alone = {"diagnosis_108_365", "coverage_now"}
    assert set(learnable(matrix, training, 1)) == {
        "haemoglobin_last", "drug_fills_count_30", *alone,
    }  # fmt: skip
    assert learnable(matrix, [], 1) == []


def test_settings_are_printed_whole_with_unit_and_anchor():
    whole = flat(READMISSION)
    assert whole["fit.seed"] == str(READMISSION.fit.seed)
    assert whole["evaluation.shares"] == "[0.01, 0.05, 0.1]"
    words = {name: words for name, _, words in described(HIGH_COST)}
    assert (
        words["horizon_days"] == "outcome window (as_of, as_of + horizon_days]; days; after as_of"
    )
    assert set(words) <= set(flat(HIGH_COST))


def test_an_unknown_task_is_refused_by_name():
    with pytest.raises(Exception, match="There is no task 'mortality'"):
        task_called("mortality")
