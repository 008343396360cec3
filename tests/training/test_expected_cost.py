"""Expected cost: what a row costs in a whole year, its calibration, and how a way is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.expected_cost import load_expected_cost
from tests.training.small import day
from training.cohorts.cohort import Cohort, OfCost
from training.cohorts.threshold import Threshold
from training.fitting.expected_cost import (
    CostRows,
    _errors,
    _leavers,
    annualised,
    calibrated,
    decile_error,
    decile_of,
    fit_expected_cost,
    simplest_near_best,
)
from training.settings.tasks import HIGH_COST

AS_OF = day("2022-06-30")
ONES = np.ones(10)


def seen(cents: int, left_after: float = np.nan, days: int = 365) -> pd.DataFrame:
    return pd.DataFrame({
        "as_of": [AS_OF], "outcome_until": [AS_OF + days], "left_after": [left_after],
        "seen_cents": [cents],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("row", "dollars", "exposure"),
    [
        (seen(1000_00), 1000, 1),
        (seen(1000_00, left_after=73), 1000 * 365 / 73, 73 / 365),  # a fifth of the year: $5,000
        (seen(1000_00, left_after=73, days=366), 1000 * 366 / 73, 73 / 366),
        (seen(-500_00), 0, 1),  # rebates alone
        (seen(0, left_after=200), 0, 200 / 365),
    ],
)
def test_whoever_left_is_annualised_and_weighs_as_the_part_seen(row, dollars, exposure):
    found, weight = annualised(row)
    assert found[0] == pytest.approx(dollars)
    assert weight[0] == pytest.approx(exposure)


def test_truncation_is_of_the_whole_year():
    found, _ = annualised(seen(1000_00, left_after=73), truncate_cents=3000_00)
    assert found.tolist() == [3000]


def cohort(every: pd.DataFrame, yearly: bool = False) -> Cohort:
    rows = every[~every["censored"]]
    told = OfCost(yearly, "Allowed cost", Threshold(1000_00), {})
    return Cohort(rows, every, pd.DataFrame(), 0, 0, of_cost=told)


def left(**changes) -> pd.DataFrame:
    made = pd.DataFrame({
        "patient_id": ["b", "a", "c"], "as_of": [AS_OF] * 3, "censored": [True, True, False],
        "eligible": True, "left_after": [30.0, 200.0, np.nan], "role": ["train", "test", "train"],
    })  # fmt: skip
    return made.assign(**changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ["a", "b"]),  # those censored, in order of patient
        ({"left_after": [29.0, 200.0, np.nan]}, ["a"]),  # a month has to be seen
        ({"eligible": [False, True, True]}, ["a"]),
        ({"role": ["aside", "test", "train"]}, ["a"]),
    ],
)
def test_those_who_left_below_the_threshold_are_learnt_from_here(changes, found):
    used = np.array(["train"], dtype=object)
    assert _leavers(cohort(left(**changes)), used, HIGH_COST)["patient_id"].tolist() == found


def test_of_totals_of_years_no_part_of_a_year_is_known():
    used = np.array(["train"], dtype=object)
    assert _leavers(cohort(left(), yearly=True), used, HIGH_COST).empty
    assert _leavers(cohort(left().drop(columns="role")), used, HIGH_COST).empty


def test_leavers_are_thinned_as_the_rows_that_learn():
    many = pd.DataFrame({
        "patient_id": [f"p{n}" for n in range(400)], "as_of": AS_OF, "eligible": True,
        "censored": [n < 200 for n in range(400)], "left_after": 100.0,
        "role": ["train" if n % 2 else "test" for n in range(400)],
    })  # fmt: skip
    kept = _leavers(cohort(many), np.array(["train"] * 25), HIGH_COST)["role"].value_counts()
    assert kept["test"] == 100, "those who test all stay"
    assert 10 <= kept["train"] <= 40  # 100 at 25 of 100 rows that learn


def test_calibration_in_total_is_one_factor():
    said = np.arange(1.0, 11) * 100
    found = calibrated(said, 2 * said, ONES, 1)
    assert found.apply(said).tolist() == pytest.approx((2 * said).tolist())
    # (1 x 100 + 3 x 200) / (1 x 50 + 3 x 50) = 3.5
    weighted = calibrated(np.array([50.0, 50]), np.array([100.0, 200]), np.array([1.0, 3]), 1)
    assert weighted.apply(50)[()] == pytest.approx(3.5 * 50)


def test_calibration_by_group_has_the_mean_of_each():
    said = np.array([1.0, 1, 10, 10, 100, 100])
    cost = np.array([0.0, 4, 30, 30, 50, 50])
    found = calibrated(said, cost, np.ones(6), 3)
    assert found.said == (1, 10, 100)
    assert found.expected == pytest.approx((2, 30, 50))


def test_groups_that_would_fall_are_made_level():
    said = np.array([1.0, 10, 100])
    found = calibrated(said, np.array([40.0, 20, 90]), np.ones(3), 3)
    assert found.expected == pytest.approx((30, 30, 90))  # (40 + 20) / 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e6), st.floats(0.1, 1)), min_size=1,
             max_size=60),
    st.sampled_from([1, 10]),
)  # fmt: skip
def test_the_total_is_always_right_on_the_rows_that_calibrate(rows, steps):
    said, cost, w = (np.array(v) for v in zip(*rows, strict=True))
    expected = calibrated(said, cost, w, steps).apply(said)
    assert float(w @ expected) == pytest.approx(max(float(w @ cost), 1), rel=1e-6)


def test_deciles_are_tenths_by_weight():
    assert decile_of(np.arange(20.0), np.ones(20)).tolist() == [n // 2 for n in range(20)]
    assert decile_of(np.array([3.0, 1, 2]), np.array([8.0, 1, 1])).tolist() == [6, 0, 1]


def test_the_decile_error_by_hand():
    expected = np.arange(1.0, 11) * 10
    assert decile_error(expected, expected, ONES) == 0
    cost = expected.copy()
    cost[0], cost[9] = 20, 90  # off by 10 in two of ten deciles, of a mean of 55
    assert decile_error(expected, cost, ONES) == pytest.approx((10 + 10) / 10 / 55)


def test_a_difference_from_itself_is_sure():
    rng = np.random.default_rng(4)
    cost = rng.gamma(1, 100, 500)
    near, far = np.full(500, 100.0), np.full(500, 300.0)
    errors, margins = _errors([far, near], cost, np.ones(500), rng.random(500))
    assert errors[0] > errors[1]
    assert margins[1] == 0
    assert 0 < margins[0] < errors[0] - errors[1]


@pytest.mark.parametrize(
    ("errors", "margins", "place"),
    [
        ([0.06, 0.04, 0.09], [0.03, 0, 0.01], 0),  # within one standard error: the simpler
        ([0.06, 0.04, 0.09], [0.01, 0, 0.01], 1),  # the best, where the simpler is surely worse
        ([0.09, 0.06, 0.04], [0.01, 0.02, 0], 1),
        ([0.09, 0.06, 0.04], [0.01, 0.01, 0], 2),
        ([0.04, 0.04], [0, 0], 0),
    ],
)
def test_the_simplest_within_one_standard_error_is_kept(errors, margins, place):
    assert simplest_near_best(errors, margins) == place


def rows_of_a_known_mean(count: int = 6000) -> CostRows:
    """Costs with a heavy tail whose mean is known: half are 0, else log-normal."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(count, 3)).astype(np.float32)
    mean = 1000 * np.exp(0.8 * X[:, 0])
    cost = np.where(rng.random(count) < 0.5, 0, 2 * mean * rng.lognormal(-0.5, 1, count))
    role = np.array(["train", "train", "validation", "calibration", "test"], dtype=object)
    rows = pd.DataFrame({"mean": mean})
    none = pd.DataFrame(index=rows.index)
    return CostRows(rows, X.__getitem__, none, cost, np.ones(count), rng.random(count),
                    np.resize(role, count))  # fmt: skip


QUICK = replace(HIGH_COST.fit, rounds=120, patience=20, min_data_in_leaf=40, threads=1,
                feature_fraction=1.0)  # fmt: skip


def test_the_expected_amount_is_found_in_total_and_by_decile():
    rows, names = rows_of_a_known_mean(), ["a", "b", "c"]
    fitted = fit_expected_cost(rows, names, QUICK)
    assert fitted.told["way"] == "tweedie"
    assert fitted.choice["way"].tolist() == ["tweedie", "tweedie", "log", "log"]
    assert fitted.why.startswith(f"expected cost: tweedie, calibrated {fitted.told['calibrated']}")
    tests = rows.of("test")
    served = load_expected_cost(fitted.text, fitted.told, names)
    expected, mean = served.dollars(rows.take(tests), 1), rows.rows["mean"].to_numpy()[tests]
    assert 0.85 < expected.sum() / mean.sum() < 1.15
    assert decile_error(expected, mean, np.ones(len(tests))) < 0.15
    assert np.corrcoef(np.log(expected), np.log(mean))[0, 1] > 0.9


def test_the_log_way_lacks_its_smearing_until_it_is_calibrated():
    choice = fit_expected_cost(rows_of_a_known_mean(), ["a", "b", "c"], QUICK).choice
    errors = choice.set_index(["way", "calibration"])["decile_error"]
    assert errors["log", "in total"] > errors["tweedie", "in total"]
    assert (choice["decile_error"] < 1).all()


def test_the_same_rows_give_the_same_bytes():
    rows = rows_of_a_known_mean(1500)
    first, again = (fit_expected_cost(rows, ["a", "b", "c"], QUICK) for _ in range(2))
    assert first.text == again.text
    assert first.told == again.told
