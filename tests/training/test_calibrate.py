"""Calibration finds a truth that was put in, and takes the simplest map that does."""

from __future__ import annotations

import numpy as np
import pytest

from serving.calibrator import HIGHEST, LOWEST, Calibrator, logit, sigmoid
from training.fitting.calibrate import choose_calibrator, fit_isotonic, fit_platt
from training.settings.tasks import CalibrationSettings
from training.statistics.logistic import (
    intercept_and_slope,
    intercept_and_slope_beside,
    offset_intercept,
)

SETTINGS = CalibrationSettings()


def drawn(count: int, true, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.5, 1.2, count)
    return margin, (rng.random(count) < true(margin)).astype(float), rng.random(count)


def test_platt_recovers_a_slope_and_an_intercept():
    margin, y, _ = drawn(60_000, lambda m: sigmoid(0.6 * m - 0.4))
    fitted = fit_platt(margin, y)
    assert fitted.slope == pytest.approx(0.6, abs=0.03)
    assert fitted.intercept == pytest.approx(-0.4, abs=0.05)


def test_logistic_regression_equals_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    margin, y, weights = drawn(3000, lambda m: sigmoid(0.8 * m + 0.2))
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(margin[:, None], y, sample_weight=weights)
    intercept, slope = intercept_and_slope(margin, y, weights)
    assert slope == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_a_likelihood_of_fractional_outcomes_has_its_maximum_there():
    margin, _, weights = drawn(500, sigmoid)
    risk = sigmoid(0.7 * margin + 0.3 + 0.5 * np.sin(9 * margin))  # on no line
    intercept, slope = intercept_and_slope(margin, risk, weights)
    residual = weights * (risk - sigmoid(intercept + slope * margin))
    assert [residual.sum(), (residual * margin).sum()] == pytest.approx([0, 0], abs=1e-5)
    exact = intercept_and_slope(margin, sigmoid(0.7 * margin + 0.3), weights)
    assert exact == pytest.approx((0.3, 0.7), abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "rate"),
    [([2.0, 2, 2, 2], [1, 0, 0, 0], 0.25), ([1.0, 2, 3, 4], [0, 0, 0, 0], 0)],
    ids=["one margin", "no case"],
)
def test_rows_that_tell_no_slope_tell_their_rate(x, y, rate):
    intercept, slope = intercept_and_slope(x, y)
    assert slope == 0
    assert sigmoid([intercept])[0] == pytest.approx(rate, abs=1e-8)


def test_calibrators_are_the_same_twice():
    margin, y, _ = drawn(5000, lambda m: sigmoid(0.8 * m + 0.2))
    assert fit_platt(margin, y) == fit_platt(margin, y)
    assert fit_isotonic(margin, y) == fit_isotonic(margin, y)


def test_the_intercept_in_the_large_is_0_where_the_mean_is_right():
    margin, y, _ = drawn(2000, sigmoid)
    shift = offset_intercept(margin, y)
    assert float(np.mean(sigmoid(margin + shift))) == pytest.approx(float(y.mean()), abs=1e-9)


def test_separated_rows_do_not_run_away():
    intercept, slope = intercept_and_slope([-1.0, -0.5, 0.5, 1.0], [0, 0, 1, 1])
    assert np.isfinite([intercept, slope]).all()
    assert slope > 0


def test_a_score_that_orders_the_wrong_way_is_not_turned_round():
    margin, y, _ = drawn(4000, lambda m: sigmoid(-m - 3))
    fitted = fit_platt(margin, y)
    assert 0 < fitted.slope < 1e-3
    assert fitted.apply(margin) == pytest.approx(y.mean(), rel=1e-4)


def test_none_is_chosen_where_the_margin_is_right_already():
    margin, y, share = drawn(6000, sigmoid)
    assert choose_calibrator(margin, y, share, SETTINGS).calibrator.kind == "none"


def test_platt_is_chosen_where_the_slope_is_wrong():
    margin, y, share = drawn(6000, lambda m: sigmoid(0.5 * m))
    choice = choose_calibrator(margin, y, share, SETTINGS)
    assert choice.calibrator.kind == "platt"
    assert choice.why.startswith("platt: the simplest within one standard error")


def test_isotonic_is_chosen_for_a_bent_truth_and_only_with_a_thousand_cases():
    def bent(m):
        return np.where(m > -1, 0.5, 0.05)

    margin, y, share = drawn(20_000, bent)
    assert choose_calibrator(margin, y, share, SETTINGS).calibrator.kind == "isotonic"
    few = choose_calibrator(margin[:1500], y[:1500], share[:1500], SETTINGS)
    assert y[:1500].sum() < 1000
    assert "isotonic" not in few.log_loss
    assert "isotonic needs 1000 cases" in few.why


def test_isotonic_rises_and_stays_within_the_limits():
    margin, y, _ = drawn(5000, sigmoid)
    fitted = fit_isotonic(margin, y)
    risks = fitted.apply(np.sort(margin))
    assert (np.diff(risks) >= 0).all()
    assert LOWEST <= risks.min() <= risks.max() <= HIGHEST


def test_a_patients_rows_stay_in_one_fold():
    # each person twice with the same answer: folds that split people would flatter isotonic
    margin, y, share = drawn(3000, lambda m: np.full(len(m), 0.4))
    twice = [np.repeat(v, 2) for v in (margin, y, share)]
    assert choose_calibrator(*twice, SETTINGS).calibrator.kind != "isotonic"


def test_logit_and_sigmoid_are_inverse_and_do_not_overflow():
    p = np.array([0.001, 0.3, 0.999])
    assert sigmoid(logit(p)) == pytest.approx(p)
    assert sigmoid([-1e4, 1e4]).tolist() == [0.0, 1.0]
    assert Calibrator().apply([-1e4, 1e4]).tolist() == [LOWEST, HIGHEST]


@pytest.mark.parametrize("boldness", [1.0, 1.6, 0.7])
def test_a_slope_leaves_the_log_odds_of_the_day_as_they_are(boldness):
    """Four days after a discharge, of whose usual risk the rows start: a booster that is too bold
    or too timid is mended on each of them, not on the mean of them."""
    rng = np.random.default_rng(11)
    day = np.tile(np.arange(4), 30_000)
    start = logit(np.array([0.14, 0.09, 0.05, 0.02]))[day]
    right = rng.normal(0, 0.7, len(day))
    risk = sigmoid(right + start)
    y = (rng.random(len(day)) < risk).astype(float)
    share = np.repeat(rng.random(30_000), 4)
    found = choose_calibrator(
        boldness * right, y, share, SETTINGS, np.full(len(day), 0.25), start
    ).calibrator
    assert found.kind == ("none" if boldness == 1 else "platt")
    assert found.slope == pytest.approx(1 / boldness, rel=0.03)
    told = found.apply(boldness * right, start)
    for one in range(4):
        of_day = day == one
        assert told[of_day].mean() / risk[of_day].mean() == pytest.approx(1, abs=0.05)


def test_isotonic_knows_of_no_log_odds_to_start_from():
    step = Calibrator("isotonic", margins=(0.0, 1.0), risks=(0.1, 0.2))
    with pytest.raises(ValueError, match="isotonic"):
        step.apply([0.5], [0.1])


def test_the_likelihood_beside_an_offset_has_its_maximum_there():
    margin, y, weights = drawn(4000, lambda m: sigmoid(0.8 * m + 0.2))
    assert intercept_and_slope_beside(margin, y, np.zeros(4000), weights) == pytest.approx(
        intercept_and_slope(margin, y, weights), abs=1e-6
    )
    # what the offset tells the slope need not
    intercept, slope = intercept_and_slope_beside(margin, y, 0.5 * margin + 0.1, weights)
    alone = intercept_and_slope(margin, y, weights)
    assert (intercept + 0.1, slope + 0.5) == pytest.approx(alone, abs=1e-6)
    assert intercept_and_slope_beside(np.ones(4000), y, margin, weights)[1] == 0
