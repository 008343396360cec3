"""Which way a risk may go with each feature: by the declarations, by what a real added stay does to
real histories, and by what LightGBM makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.errors import InputError
from data.intake import current
from features.as_of import features_as_of
from features.cuts import fit_cuts, needing_cuts
from features.definitions import FEATURES
from features.history import Histories
from features.writing import current_histories
from serving.model import load_lightgbm
from training.fitting.datasets import FAR, without_missing
from training.fitting.fit import fit, sending_missing_far
from training.fitting.matrix import index_of
from training.fitting.monotone import either_way, monotone_constraints
from training.fitting.prepared import cohort_of
from training.robustness.added_stay import add_stays
from training.settings.model_settings import FitSettings
from training.settings.tasks import HIGH_COST

ALL = [declared.name for declared in FEATURES]


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("acute_stays_count_365", 1),
        ("acute_stays_recurrent_365", 1),
        ("acute_stays_hospital_days_730", 1),
        ("acute_stays_longest_365", 1),
        ("emergent_stays_180", 1),
        ("last_stay_emergent", 1),  # after one more it is 1, or what it was
        ("emergency_visits_count_90", 1),
        ("acute_stays_days_since", -1),
        ("emergency_visits_days_since", -1),
        ("diagnoses_days_since", -1),
        ("diagnosis_108_365", 1),  # heart failure, the principal diagnosis of many
        ("chronic_conditions_distinct_365", 1),
        ("charlson_2011_365", 1),
        ("cost_inpatient_365", 1),
        ("cost_total_percentile_365", 1),  # of an amount that can only grow
        ("cost_total_largest_365", 1),
        ("facilities_distinct_365", 1),
        ("acute_stays_trend_180", 0),  # later half minus earlier half
        ("cost_inpatient_trend_180", 0),
        ("last_stay_days", 0),
        ("last_stay_to_home", 0),
        ("follow_up_within_7", 0),
        ("emergency_visits_since_discharge", 0),
        ("diagnosis_108_new_90", 0),  # seen before is not new
        ("elixhauser_van_walraven_365", 0),  # some groups weigh less than nothing
        ("primary_care_count_365", 0),
        ("planned_stays_365", 0),
        ("acute_stay_open", 0),
        ("acute_stay_open_days_since", 0),
        ("office_visits_count_365", 0),
        ("diagnosis_256_365", 0),  # an examination
        ("diagnosis_181_365", 0),  # of pregnancy
        ("age", 0),
        ("female", 0),
        ("haemoglobin_last", 0),
        ("statins_days_since", 0),
        ("cost_pharmacy_365", 0),
    ],
)
def test_the_declaration_of_a_feature_tells_its_direction(name, direction):
    assert monotone_constraints([name]) == [direction]


def test_directions_come_in_the_order_of_the_names_and_a_stranger_is_refused():
    names = ["age", "acute_stays_days_since", "acute_stays_count_30"]
    assert monotone_constraints(names) == [0, -1, 1]
    with pytest.raises(InputError, match="no feature called 'acute_stays'"):
        monotone_constraints(["age", "acute_stays"])


def test_what_a_stay_may_move_both_ways_is_told_and_less_of_it_after_a_discharge():
    always = {"acute_stays_trend_180", "diagnosis_108_new_90", "elixhauser_van_walraven_365",
              "primary_care_days_since"}  # fmt: skip
    last = {"last_stay_days", "last_stay_principal", "last_stay_to_home", "follow_up_within_7",
            "drug_fills_since_discharge", "emergency_visits_since_discharge"}  # fmt: skip
    asked = sorted({*always, *last, "age", "planned_stays_365", "acute_stays_count_365"})
    assert either_way(asked, after_discharge=True) == sorted(always)
    assert either_way(asked, after_discharge=False) == sorted(always | last)


def test_no_feature_has_a_direction_and_none():
    directed = {n for n, way in zip(ALL, monotone_constraints(ALL), strict=True) if way}
    assert directed.isdisjoint(either_way(ALL, after_discharge=False))
    assert len(directed) > 300


def test_a_stay_that_is_added_to_real_histories_moves_each_feature_as_declared(small_home):
    """What has a direction moves in it alone, and what is not told of either way does not move."""
    taken = current(small_home)
    carries = current_histories(small_home).carries
    task = replace(HIGH_COST, months_between=6)
    rows = cohort_of(taken.tables, taken.manifest, task).rows
    added = add_stays(taken.tables, carries, rows, 400, 3)
    index = index_of(added.rows)[["patient_id", "as_of"]]
    before, after = (Histories.of_tables(t, carries) for t in (added.before, added.after))
    cuts = fit_cuts(features_as_of(before, index, needing_cuts()))
    was, now = (features_as_of(h, index, cuts=cuts).to_numpy() for h in (before, after))
    moved = ~((was == now) | (np.isnan(was) & np.isnan(now)))
    ways = np.array(monotone_constraints(ALL))
    rises = (now > was) | (np.isnan(was) & ~np.isnan(now))
    falls = (now < was) | (np.isnan(was) & ~np.isnan(now))  # the first ever was not so long ago
    assert len(was) == 400
    wrong = np.where(ways > 0, (moved & ~rises).any(0), np.where(ways < 0, (moved & ~falls).any(0),
                                                                moved.any(0)))  # fmt: skip
    told = set(either_way(ALL, after_discharge=False))
    assert {name for name, bad in zip(ALL, wrong, strict=True) if bad} <= told
    assert moved[:, ALL.index("acute_stays_count_365")].all()
    assert {"acute_stays_trend_180", "last_stay_days"} <= {
        name for name, any_moved in zip(ALL, moved.any(0), strict=True) if any_moved
    }


def made(seed: int = 0, rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Days since the last stay, days in hospital (both missing for half), and what has no
    direction. Who never had a stay is ill more often: missing is drawn to the wrong side."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 300, (rows, 3)).astype(np.float32)
    never = rng.random(rows) < 0.5
    X[never, :2] = np.nan
    log_odds = np.where(never, 1.0, X[:, 1] / 150 - X[:, 0] / 150) - X[:, 2] / 200
    return X, (rng.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)


SETTINGS = FitSettings(few_events_rounds=40, threads=1, learning_rate=0.1)
NAMES = ["since", "days", "free"]
WAYS = [-1, 1, 0]


def fitted(ways, settings=SETTINGS, data=None):
    X, y = data or made()
    text = fit(
        X.__getitem__, y, np.ones(len(y)), NAMES, np.full(len(y), -1), settings, monotone=ways
    ).text
    return text, load_lightgbm().Booster(model_str=text)


def along(booster, column: int, values) -> np.ndarray:
    """The margin as one column takes these values and the others stay, for some such others."""
    others = np.array([[10, 10, 10], [200, 30, 150], [90, 250, 290]], np.float32)
    rows = np.repeat(others, len(values), axis=0)
    rows[:, column] = np.tile(np.array(values, np.float32), len(others))
    return booster.predict(rows, raw_score=True).reshape(len(others), -1)


def test_a_booster_with_directions_never_goes_the_other_way_also_from_what_is_missing():
    for settings in (SETTINGS, replace(SETTINGS, extra_trees=True, feature_fraction=0.4)):
        _, held = fitted(WAYS, settings)
        since = along(held, 0, [*range(300), np.nan])  # missing: longer ago than any day
        days = along(held, 1, [np.nan, *range(300)])  # missing: fewer than any
        assert (np.diff(since) <= 1e-12).all()
        assert (np.diff(days) >= -1e-12).all()
        assert np.ptp(since) > 0.1
        assert np.ptp(days) > 0.1
        assert np.ptp(along(held, 2, range(300))) > 0.1, "the third still tells something"


def test_left_to_itself_a_booster_goes_the_other_way():
    _, free = fitted(None)
    assert (np.diff(along(free, 0, [*range(300), np.nan])) > 1e-3).any()
    assert along(free, 0, [290, np.nan])[0] @ [-1, 1] > 0, "missing was drawn to the higher risk"


def test_the_text_says_of_missing_values_what_was_learned_in_their_place():
    X, _ = made()
    text, booster = fitted(WAYS)
    there = X.copy()
    without_missing(there, WAYS)
    assert (there[np.isnan(X[:, 0]), 0] == FAR).all()
    assert (there[np.isnan(X[:, 1]), 1] == 0).all()
    said = booster.predict(X, raw_score=True)
    assert np.array_equal(said, booster.predict(there, raw_score=True))
    shares = booster.predict(X, pred_contrib=True)
    assert np.allclose(np.asarray(shares).sum(axis=1), said, atol=1e-9)
    assert sending_missing_far(text, WAYS) == text


def test_what_has_no_direction_keeps_its_missing_values():
    X, _ = made()
    X[:5, 2] = np.nan
    without_missing(X, WAYS)
    assert np.isnan(X[:5, 2]).all()


def test_without_a_direction_the_fit_is_the_same_to_the_byte():
    assert fitted(None)[0] == fitted([0, 0, 0])[0]


def test_the_same_rows_give_the_same_text():
    assert fitted(WAYS)[0] == fitted(WAYS)[0]
    assert fitted(WAYS)[0] != fitted(None)[0]
