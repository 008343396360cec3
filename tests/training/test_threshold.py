"""The threshold of high cost: fitted or fixed, in cents, moved by a trend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError, RefusalError
from tests.training.small import day
from training.cohorts.split import Split
from training.cohorts.threshold import (
    Threshold,
    fitted_threshold,
    observed_trend,
    percentiles,
    threshold_of_model,
    threshold_remarks,
)
from training.settings.tasks import HIGH_COST, task_called

ON = day("2022-12-31")
HUNDRED = [100 * (n + 1) for n in range(100)]  # $1 to $100


def rows(cents: list[int], as_of: int = ON, left=np.nan) -> pd.DataFrame:
    return pd.DataFrame({"amount_cents": cents, "as_of": as_of, "left_after": left})


def split(learn: int, test: int = 0) -> Split:
    return Split(np.array(["train"] * learn + ["test"] * test, dtype=object), ON, 485)


def test_five_percent_of_the_learning_rows_lie_above():
    made = fitted_threshold(rows(HUNDRED), split(100), HIGH_COST)
    assert (made.cents, made.on, made.share) == (9600, ON, 0.05)  # not at it: $97 to $100 lie above
    assert (np.array(HUNDRED) > made.cents).sum() == 4


def test_rows_that_test_and_rows_that_left_have_no_say():
    both = pd.concat([rows(HUNDRED), rows([10**9] * 50)], ignore_index=True)
    assert fitted_threshold(both, split(100, test=50), HIGH_COST).cents == 9600
    left = pd.concat([rows(HUNDRED), rows([10**9] * 50, left=20.0)], ignore_index=True)
    assert fitted_threshold(left, split(150), HIGH_COST).cents == 9600


def test_those_who_calibrate_have_a_say():
    role = np.array(["train"] * 50 + ["validation"] * 25 + ["calibration"] * 25, dtype=object)
    made = fitted_threshold(rows(HUNDRED), Split(role, ON, 485), HIGH_COST)
    assert made.cents == 9600, "the costliest 25 of them calibrate: $76 to $100"


def test_without_a_whole_window_nothing_can_be_fitted():
    with pytest.raises(RefusalError, match="covered for its whole outcome window"):
        fitted_threshold(rows(HUNDRED, left=20.0), split(100), HIGH_COST)


def test_a_fixed_threshold_is_taken_as_it_is():
    task = replace(HIGH_COST, fixed_threshold_cents=5_000)
    made = fitted_threshold(rows(HUNDRED), split(100), task)
    assert (made.cents, made.share) == (5_000, None)
    spread = percentiles(rows(HUNDRED), split(100), task, made)
    assert spread.loc[spread["in_use"], "rows_above"].tolist() == [0.50]  # $51 to $100


def test_an_outcome_year_later_is_judged_by_the_trended_threshold():
    made = Threshold(10_000, ON, yearly_trend=0.08)
    year = 365.25
    assert made.at([ON, ON + year, ON + 2 * year, ON - year]).tolist() == [
        10_000, 10_800, 11_664, 9_259,  # 10 000 x 1.08 x 1.08; 10 000 / 1.08 = 9259.26
    ]  # fmt: skip
    assert Threshold(10_000, ON).at([ON, ON + 4000]).tolist() == [10_000] * 2
    assert Threshold(10_000, None, 0.08).at([ON, ON + 4000]).tolist() == [10_000] * 2


def test_amounts_are_moved_to_the_last_training_date_before_they_are_compared():
    early = ON - 365.25 * 4
    old = rows([100] * 99 + [1_000], as_of=int(early))
    new = rows([110], as_of=ON)
    both = pd.concat([old, new], ignore_index=True)
    task = replace(HIGH_COST, yearly_trend=0.10, top_share=0.01)
    # $1 four years before is 1.10^4 = $1.46 now: more than the $1.10 of today, $10 is $14.64
    made = fitted_threshold(both, split(101), task)
    assert made.on == ON
    assert made.cents == int(100 * 1.1**4)


def test_a_threshold_at_which_everything_is_truncated_is_refused():
    for most, fits in ((9_601, True), (9_600, False)):
        task = replace(HIGH_COST, truncate_cents=most)
        if fits:
            assert fitted_threshold(rows(HUNDRED), split(100), task).cents == 9_600
        else:
            with pytest.raises(InputError, match="nobody could be a case"):
                fitted_threshold(rows(HUNDRED), split(100), task)


def test_the_percentiles_beside_say_how_many_lie_above_and_what_they_bear():
    made = fitted_threshold(rows(HUNDRED), split(100), HIGH_COST)
    spread = percentiles(rows(HUNDRED), split(100), HIGH_COST, made)
    assert spread["share"].tolist() == [0.01, 0.05, 0.10]
    assert spread["in_use"].tolist() == [False, True, False]
    assert spread["threshold_cents"].tolist() == [10_000, 9_600, 9_100]
    assert spread["rows_above"].tolist() == [0.0, 0.04, 0.09]
    assert spread["cost_above"].tolist() == pytest.approx(
        [0, (97 + 98 + 99 + 100) / 5050, (92 + 93 + 94 + 95 + 96 + 97 + 98 + 99 + 100) / 5050]
    )


@pytest.mark.parametrize(
    ("cents", "above", "borne"),
    [
        ([0, 1], 1 / 2, 1),  # one cent is all that there is
        ([0, -5, 100], 1 / 3, 1),  # money that came back takes nothing from the whole
        ([0, 0], 0, np.nan),  # of nothing there are no parts
    ],
)
def test_what_those_above_bear_is_a_part_of_what_was_spent(cents, above, borne):
    task = replace(HIGH_COST, other_shares=())
    spread = percentiles(rows(cents), split(len(cents)), task, Threshold(0, ON))
    assert spread["rows_above"].tolist() == pytest.approx([above])
    assert spread["cost_above"].tolist() == pytest.approx([borne], nan_ok=True)


def test_what_is_said_of_it():
    made = Threshold(9_600, ON, 0.05, 0.05)
    spread = percentiles(rows(HUNDRED), split(100), HIGH_COST, made)
    told = threshold_remarks(spread, made, ON + 365, 0.031)
    assert any("threshold (the costliest 5% of learning rows): $96" in line for line in told)
    assert "5.0% a year (factor 1.050 on the last date)" in told[-1]
    assert told[-1].endswith("+3.1% a year")
    assert threshold_remarks(spread, made, ON, np.nan)[-1].endswith("not known")
    fixed = replace(made, share=None)
    spread = percentiles(rows(HUNDRED), split(100), HIGH_COST, fixed)
    told = threshold_remarks(spread, fixed, ON, np.nan)
    assert any("threshold (fixed of learning rows): $96" in line for line in told)


def test_the_observed_trend_compares_the_first_date_with_the_last():
    first, last = rows([100, 300], as_of=ON - 731), rows([242] * 2, as_of=ON)
    both = pd.concat([first, last], ignore_index=True)
    # a mean of $2.00 becomes $2.42 in two years: 1.1 x 1.1
    assert observed_trend(both, split(4)) == pytest.approx(0.10, abs=0.001)
    assert np.isnan(observed_trend(last, split(2)))
    assert np.isnan(observed_trend(pd.concat([rows([0], as_of=ON - 731), last]), split(3)))


@pytest.mark.parametrize(("days", "known"), [(183, True), (182, False)])
def test_a_trend_is_seen_from_half_a_year_on_however_little_was_spent(days, known):
    both = pd.concat([rows([1], as_of=ON - days), rows([2], as_of=ON)], ignore_index=True)
    assert np.isfinite(observed_trend(both, split(2))) == known


@given(st.integers(0, 10**9), st.none() | st.integers(0, 30_000), st.floats(-0.5, 0.5))
def test_a_model_keeps_it_whole(cents, on, trend):
    made = Threshold(cents, on, trend, 0.05)
    assert Threshold.from_json(made.to_json()) == made
    assert threshold_of_model({"threshold": made.to_json(), "threshold_cents": 1}) == made


def test_a_model_of_before_has_cents_alone():
    assert threshold_of_model({"threshold_cents": 12}) == Threshold(12)
    assert threshold_of_model({"threshold_cents": None}) is None


@pytest.mark.parametrize("kept", [{"cents": 5}, "much", {"cents": 5, "on": "soon"}])
def test_a_threshold_that_cannot_be_read_is_refused(kept):
    with pytest.raises(InputError, match="no usable threshold"):
        threshold_of_model({"threshold": kept, "threshold_cents": 5})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("fixed_threshold_cents = 0", "fixed_threshold_cents"),
        ("fixed_threshold_cents = 2500000", ""),
        ("yearly_trend = 7.5", "yearly_trend"),  # meant as percent
        ("yearly_trend = 0.075", ""),
        ("other_shares = [0.01, 1.0]", "other_shares"),
        ('unpriced = "zero"', "unpriced"),
        ('unpriced = "exclude"', ""),
        ("complete_enough = 0.8", "complete_enough warns before"),
        ("truncate_cents = 25000000", ""),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, line, says):
    path = tmp_path / "mine.toml"
    path.write_text(f'kind = "high-cost"\nname = "mine"\n{line}\n')
    if not says:
        assert task_called(str(path)) != replace(HIGH_COST, name="mine")
        return
    with pytest.raises(InputError, match=says):
        task_called(str(path))
