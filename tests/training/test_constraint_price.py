"""The price of the constraints is theirs alone: not of a selection, nor of too few trees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from serving.calibrator import sigmoid
from training.cohorts.landmarks import CLOCK
from training.cohorts.split import Split
from training.evaluation.evaluate import Scored
from training.evaluation.intervals import paired_auroc
from training.fitting.learner import Learner
from training.fitting.matrix import Matrix
from training.robustness.constraint_price import price_in_auroc, without_constraints
from training.settings.model_settings import EvaluationSettings, FitSettings
from training.settings.tasks import HIGH_COST, READMISSION, Task

FIT = FitSettings(
    threads=1, rounds=200, patience=10, learning_rate=0.1, feature_fraction=1.0, folds=2,
    least_seen=5,
)  # fmt: skip
FEW = EvaluationSettings(replicates=30)
ROWS = 2000


def training(task: Task, **more: np.ndarray) -> tuple[Learner, np.ndarray]:
    """A training's learner, and what each row's log odds are: fewer stays make them higher, which
    the constraints do not allow. One row a patient; the second half tests."""
    rng = np.random.default_rng(8)
    stays = rng.poisson(2.0, ROWS)
    columns = {
        "age": rng.normal(70, 9, ROWS), "acute_stays_count_365": stays,
        "acute_stays_trend_180": rng.normal(size=ROWS), "last_stay_days": rng.poisson(4, ROWS),
        "emergency_visits_count_365": rng.poisson(1.0, ROWS), "female": np.ones(ROWS),
        CLOCK[0]: rng.integers(0, 30, ROWS),
    }  # fmt: skip
    log_odds = 0.3 - 0.6 * stays
    ids = np.array([f"p{n:04d}" for n in range(ROWS)], dtype=object)
    rows = pd.DataFrame({
        "patient_id": ids, "weight": 1.0, **more,
        "outcome": (rng.random(ROWS) < sigmoid(log_odds)).astype(int),
    })  # fmt: skip
    role = np.where(np.arange(ROWS) < ROWS // 2, "train", "test").astype(object)
    bound = replace(task, fit=FIT, evaluation=FEW)
    matrix = Matrix(pd.DataFrame(columns).astype(np.float32), rows, {})
    return Learner.of(matrix, Split(role, 0, 0), bound), log_odds


def test_what_a_selection_dropped_stays_out_and_what_has_no_direction_comes_in():
    learner, _ = training(HIGH_COST)
    assert learner.names == (
        "age", "acute_stays_count_365", "emergency_visits_count_365", CLOCK[0]
    )  # fmt: skip
    selected = replace(learner, names=learner.names[1:3])
    free = without_constraints(selected)
    # neither age, which was dropped, nor female, which is the same of everybody
    assert free.names == (
        "acute_stays_count_365", "acute_stays_trend_180", "last_stay_days",
        "emergency_visits_count_365",
    )  # fmt: skip
    assert (free.task.fit.monotone, selected.task.fit.monotone) == (False, True)
    assert replace(free, task=selected.task, names=selected.names) == selected


def test_after_a_discharge_the_last_stay_has_a_direction_and_no_clock_is_learned_from():
    learner, _ = training(READMISSION, landmark=np.zeros(ROWS, int))
    selected = replace(learner, names=("age", "acute_stays_count_365"))
    assert without_constraints(selected).names == (
        "age", "acute_stays_count_365", "acute_stays_trend_180"
    )  # fmt: skip


def test_the_free_model_has_as_many_trees_as_its_own_folds_ask_for():
    learner, log_odds = training(HIGH_COST)
    learner = replace(learner, names=("acute_stays_count_365",))
    places = learner.split.rows("test")
    bound = learner.margin(learner.fit().text, places)
    assert np.ptp(bound) == pytest.approx(0, abs=1e-9), "the risk may not fall with one stay more"
    scored = Scored(
        learner.outcome[places], sigmoid(bound), bound,
        learner.matrix.rows["patient_id"].to_numpy()[places],
        np.zeros(len(places)), {}, learner.weights[places],
    )  # fmt: skip
    free = without_constraints(learner)
    fitted = free.fit()
    assert len(fitted.stopped_at) == 2
    assert fitted.rounds != learner.fit().rounds
    price = price_in_auroc(learner, places, scored)
    value, low, high = paired_auroc(scored, free.margin(fitted.text, places), FEW)
    assert tuple(price) == (-value, -high, -low)
    best = paired_auroc(scored, log_odds[places], FEW)
    assert price.value == pytest.approx(-best.value, abs=0.03)
    assert price.low > 0.1
