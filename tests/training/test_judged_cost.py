"""Predictive ratios in total, by decile and by condition group, and the usual measures of fit."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.evaluation.evaluate import OURS
from training.evaluation.judged_cost import FEWEST, PRIOR, JudgedCost, judge_cost
from training.settings.tasks import EvaluationSettings
from training.statistics.resampling import resampled

QUICK = EvaluationSettings(replicates=50)
FAILURE, OBESE = "elixhauser_heart_failure_730", "elixhauser_obesity_730"


def judged(expected, actual, weights=None, patients=None, conditions=None, prior=None):
    count = len(expected)
    return judge_cost(
        np.asarray(expected, float), np.asarray(actual, float),
        np.ones(count) if weights is None else np.asarray(weights, float),
        np.array([f"p{n}" for n in range(count)] if patients is None else patients, dtype=object),
        pd.DataFrame(index=range(count)) if conditions is None else conditions,
        np.full(count, np.nan) if prior is None else np.asarray(prior, float), QUICK,
    )  # fmt: skip


def test_the_ratio_is_expected_over_actual_and_weighs_by_the_part_seen():
    found = judged([100, 300], [200, 100], weights=[1, 0.5])
    assert found.total.value == pytest.approx((100 + 150) / (200 + 50))
    assert found.total.low <= found.total.value <= found.total.high


def test_deciles_from_the_least_to_the_most_expected():
    expected = np.arange(20.0, 0, -1)
    found = judged(expected, 2 * expected).deciles
    assert found["decile"].tolist() == list(range(1, 11))
    assert found["rows"].tolist() == [2] * 10
    assert found["expected"].tolist() == [1.5 + 2 * n for n in range(10)]
    assert found["actual"].tolist() == [2 * (1.5 + 2 * n) for n in range(10)]
    assert found["ratio"].tolist() == pytest.approx([0.5] * 10)
    assert found["low"].tolist() == pytest.approx([0.5] * 10)


def test_nothing_spent_has_no_ratio():
    found = judged(np.arange(1.0, 21), np.zeros(20))
    assert np.isnan(found.total.value)
    assert found.deciles["ratio"].isna().all()


def test_condition_groups_that_enough_people_have():
    count = 2 * FEWEST
    has = np.arange(count) < FEWEST
    conditions = pd.DataFrame({FAILURE: has.astype(float), OBESE: 0.0})
    expected, actual = np.where(has, 300.0, 100.0), np.where(has, 200.0, 100.0)
    found = judged(expected, actual, conditions=conditions).conditions
    assert found[["condition", "rows", "ratio"]].to_numpy().tolist() == [
        ["congestive heart failure", FEWEST, 1.5], ["none of them", FEWEST, 1.0],
    ]  # fmt: skip
    fewer = conditions.assign(**{FAILURE: (np.arange(count) < FEWEST - 1).astype(float)})
    told = judged(expected, actual, conditions=fewer).conditions
    assert told["condition"].tolist() == ["none of them"]
    assert told["rows"].tolist() == [count - FEWEST + 1]


def test_people_count_not_rows():
    has = pd.DataFrame({FAILURE: np.ones(2 * FEWEST)})
    one = judged(np.ones(2 * FEWEST), np.ones(2 * FEWEST), patients=["p"] * 2 * FEWEST,
                 conditions=has)  # fmt: skip
    assert one.conditions["condition"].tolist() == ["none of them"]


def test_measures_of_fit_beside_prior_year_cost():
    found = judged([150, 150, 300], [100, 200, 300], prior=[10, 20, np.nan]).fit.set_index("score")
    # deviations from the mean of 200: 100, 0, 100; errors 50, 50, 0
    assert found.loc[OURS, "r_squared"] == pytest.approx(1 - (50**2 + 50**2) / (100**2 + 100**2))
    assert found.loc[OURS, "cpm"] == pytest.approx(1 - (50 + 50) / (100 + 100))
    assert found.loc[OURS, "mean_error"] == pytest.approx((50 + 50 + 0) / 3)
    # scaled by (100 + 200) / (10 + 20) it is right for both of whom the year before is known
    assert found.loc[PRIOR, ["rows", "r_squared", "mean_error"]].tolist() == [2, 1, 0]


def test_a_baseline_that_nobody_has_is_not_told():
    assert judged([1, 2], [1, 2]).fit["score"].tolist() == [OURS]


def test_a_total_that_is_off_is_said():
    right = judged(np.full(40, 100.0), np.resize([90.0, 110.0], 40))
    assert right.remarks() == []
    off = judged(np.full(40, 200.0), np.resize([90.0, 110.0], 40))
    assert "not calibrated in total" in off.remarks()[0]


def test_intervals_are_over_patients():
    rng = np.random.default_rng(1)
    cost = rng.gamma(0.5, 1000, 200)
    alone = judged(np.full(200, 500.0), cost)
    twice = [f"p{n % 200}" for n in range(400)]
    pairs = judged(np.full(400, 500.0), np.tile(cost, 2), patients=twice)
    assert isinstance(alone, JudgedCost)
    width = pairs.total.high - pairs.total.low
    # every row twice tells nothing new: the same people are drawn
    assert width == pytest.approx(alone.total.high - alone.total.low)
    assert pairs.to_json()["rows"] == 400


def test_an_interval_is_of_the_ratios_of_the_replicates():
    rng = np.random.default_rng(2)
    actual = rng.gamma(0.5, 1000, 200)
    expected, weights = actual * rng.uniform(0.5, 1.5, 200), rng.uniform(0, 1, 200)
    patients = np.array([f"p{n % 70}" for n in range(200)], dtype=object)
    has = np.arange(200) < FEWEST + 10
    found = judged(expected, actual, weights, patients,
                   pd.DataFrame({FAILURE: has.astype(float)}))  # fmt: skip
    drawn = list(resampled(patients.astype(str), QUICK.replicates, QUICK.seed))
    for line, who in ((found.conditions.iloc[0], has), (found.conditions.iloc[1], ~has)):
        ratios = [(k @ (weights * who * expected)) / (k @ (weights * who * actual)) for k in drawn]
        assert [line["low"], line["high"]] == np.quantile(ratios, [0.025, 0.975]).tolist()


def test_memory_does_not_grow_by_the_rows_with_the_replicates():
    rows = 5000
    cost = np.random.default_rng(3).gamma(0.5, 1000, rows)
    most = []
    for replicates in (5, 105):
        settings = replace(QUICK, replicates=replicates)
        given = (cost, cost, np.ones(rows), np.arange(rows).astype(str).astype(object),
                 pd.DataFrame(index=range(rows)), cost, settings)  # fmt: skip
        tracemalloc.start()
        judge_cost(*given)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] - most[0] < 10 * rows * 8, "100 more replicates, less than 10 of them held"
