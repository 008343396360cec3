"""Nobody both trains and tests, and no training outcome reaches into the test's time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.errors import RefusalError
from data.small_cells import Counts
from tests.training.small import day
from training.cohorts import threshold
from training.cohorts.high_cost import as_of_days
from training.cohorts.split import (
    FITTED_TO,
    LEARNING,
    ROLES,
    Split,
    patient_roles,
    refuse_if_too_few,
    share_of,
    split_rows,
)
from training.settings.tasks import SplitSettings

SETTINGS = SplitSettings()
QUESTION = st.tuples(st.integers(0, 40), st.integers(0, 600))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(QUESTION, min_size=5, max_size=120),
    st.integers(0, 90),
    st.integers(0, 60),
)
def test_people_and_time_are_kept_apart(questions, horizon, run_out):
    rows = pd.DataFrame(questions, columns=["patient_id", "as_of"])
    rows["patient_id"] = rows["patient_id"].map(lambda n: f"p{n}")
    rows["outcome_until"] = rows["as_of"] + horizon
    assume(rows["as_of"].max() - rows["as_of"].min() > horizon + run_out)
    split = split_rows(rows, run_out, SETTINGS)
    testing = rows.iloc[split.rows("test")]
    learning = rows.iloc[split.rows("train", "validation", "calibration")]
    assert not set(testing["patient_id"]) & set(learning["patient_id"])
    assert (testing["as_of"] >= split.test_from).all()
    assert (learning["outcome_until"] + run_out <= split.test_from).all()
    for one, other in [("train", "validation"), ("train", "calibration")]:
        people = [set(rows.iloc[split.rows(r)]["patient_id"]) for r in (one, other)]
        assert not people[0] & people[1]
    assert len(split.role) == len(rows)


def test_the_hash_is_the_same_everywhere_and_close_to_its_shares():
    assert share_of(["anna"], "s").round(12).tolist() == [0.647705500067]
    roles = pd.Series(patient_roles([f"p{n}" for n in range(20_000)], SETTINGS))
    shares = roles.value_counts(normalize=True)
    assert abs(shares["test"] - SETTINGS.test_share) < 0.01
    assert abs(shares["calibration"] - SETTINGS.calibration_share) < 0.01
    assert abs(shares["validation"] - SETTINGS.validation_share) < 0.01


def test_a_patient_keeps_the_role_when_others_come():
    few, many = ["a", "b", "c"], ["x", "c", "b", "a", "y"]
    of = dict(zip(many, patient_roles(many, SETTINGS), strict=True))
    assert list(patient_roles(few, SETTINGS)) == [of[p] for p in few]


def test_four_years_of_month_ends_test_on_the_last_ones():
    # claims from January 2021; a look-back of 180 days, a year's horizon, 120 days of run-out
    known_until = day("2024-12-31") - 120
    days = as_of_days(day("2021-01-01") + 179, known_until - 365, 1, yearly=False)
    people = [f"p{n}" for n in range(200)]
    rows = pd.DataFrame({"patient_id": people * len(days), "as_of": np.repeat(days, len(people))})
    rows["outcome_until"] = rows["as_of"] + 365
    split = split_rows(rows, 120, SETTINGS)
    learned = rows.iloc[split.rows("train", "validation", "calibration")]["as_of"]
    tested = rows.iloc[split.rows("test")]["as_of"]
    text = [str(np.datetime64(int(d), "D")) for d in
            (learned.min(), learned.max(), tested.min(), tested.max())]  # fmt: skip
    assert text == ["2021-06-30", "2022-02-28", "2023-06-30", "2023-08-31"]


def test_annual_totals_train_on_one_year_and_test_on_the_next():
    days = as_of_days(day("2008-01-01"), day("2010-12-31"), 1, yearly=True)[:2]
    assert days.tolist() == [day("2008-12-31"), day("2009-12-31")]
    rows = pd.DataFrame({"patient_id": [f"p{n}" for n in range(100)] * 2})
    rows["as_of"] = np.repeat(days, 100)
    rows["outcome_until"] = rows["as_of"] + 365
    split = split_rows(rows, 0, SETTINGS)
    assert set(rows.iloc[split.rows("train")]["as_of"]) == {day("2008-12-31")}
    assert set(rows.iloc[split.rows("test")]["as_of"]) == {day("2009-12-31")}


def test_too_short_data_are_refused_in_one_sentence():
    rows = pd.DataFrame({"patient_id": ["a", "b"], "as_of": [0, 100]})
    rows["outcome_until"] = rows["as_of"] + 365
    with pytest.raises(RefusalError, match="too short to train and to test apart"):
        split_rows(rows, 0, SETTINGS)


def test_too_few_cases_are_refused_with_their_number():
    rows = pd.DataFrame({"patient_id": [f"p{n}" for n in range(300)] * 2})
    rows["as_of"] = np.repeat([0, 100], 300)
    rows["outcome_until"] = rows["as_of"] + 30
    split = split_rows(rows, 0, SETTINGS)
    outcome = np.zeros(600)
    outcome[split.rows("train")[:9]] = 1
    with pytest.raises(RefusalError, match=r"Only 9 cases among \d+ training rows"):
        refuse_if_too_few(split, outcome, SETTINGS, Counts("invented"))
    outcome[split.rows("train")[:12]] = 1
    with pytest.raises(RefusalError, match=r"Only 0 cases among \d+ test rows"):
        refuse_if_too_few(split, outcome, SETTINGS, Counts("invented"))
    refuse_if_too_few(split, outcome, replace(SETTINGS, least_test_events=0), Counts("invented"))


@pytest.mark.parametrize(
    ("cases", "rows", "said"),
    [(3, 57, "Fewer than 11 cases among 60 test rows, and at least 20 and as many others"),
     (1, 57, "Fewer than 11 cases among 60 test rows, and at least 20 "),
     (0, 57, "Only 0 cases among 60 test rows, and at least 20 "),
     (13, 57, "Only 11 to 14 cases among 60 test rows, and at least 20 "),
     (52, 57, "Only 50 cases among 60 test rows, and at least 20 "),
     (3, 8, "Fewer than 11 cases among fewer than 11 test rows, and at least 20 ")],
)  # fmt: skip
def test_of_real_people_too_few_cases_are_refused_without_their_number(cases, rows, said):
    role = np.repeat(np.array(["train", "test"], dtype=object), [200, rows])
    outcome = np.r_[np.arange(200) % 2, np.arange(rows) < cases]
    wanted = replace(SETTINGS, least_test_events=20)
    with pytest.raises(RefusalError) as error:
        refuse_if_too_few(Split(role, 0, 0), outcome, wanted, Counts("own"))
    assert str(error.value).startswith(said)
    exact = f"Only {cases} {'case' if cases == 1 else 'cases'} among {rows} test rows, "
    with pytest.raises(RefusalError, match=exact):
        refuse_if_too_few(Split(role, 0, 0), outcome, wanted, Counts("public_synthetic"))


def test_who_fits_a_booster_and_who_fits_anything() -> None:
    assert LEARNING == ("train", "validation")
    assert FITTED_TO == ("train", "validation", "calibration")
    assert (*FITTED_TO, "test") == ROLES
    assert not hasattr(threshold, "LEARNING"), "one name, one meaning"
