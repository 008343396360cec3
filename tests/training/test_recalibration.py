"""A base rate that moved is put right by one number, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.calibrator import Calibrator, logit, sigmoid
from training.fitting.recalibration import choose_move, moved

PLATT = Calibrator("platt", slope=0.8, intercept=-0.5)
ISOTONIC = Calibrator("isotonic", margins=(-2.0, 0.0, 1.0), risks=(0.05, 0.2, 0.6))


def drawn(count: int, true, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(margin, outcome, the patient's hash); two rows a patient."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.0, 1.2, count)
    return (
        margin,
        (rng.random(count) < true(margin)).astype(float),
        rng.random(count // 2).repeat(2),
    )


@pytest.mark.parametrize("calibrator", [Calibrator(), PLATT, ISOTONIC], ids=lambda c: c.kind)
@given(intercept=st.floats(-2, 2), slope=st.floats(0.2, 3))
def test_moved_log_odds_are_the_intercept_and_slope_of_those_before(calibrator, intercept, slope):
    # at the knots of an isotonic calibrator; between them its risks lie on straight lines
    margin = np.array(calibrator.margins or (-3.0, 0.0, 2.0))
    before = logit(calibrator.apply(margin))
    after = logit(moved(calibrator, intercept, slope).apply(margin))
    wanted = sigmoid(intercept + slope * before)
    assert after == pytest.approx(logit(wanted), abs=1e-6), "as far as risks are not clipped"


def test_log_odds_that_rows_start_from_are_not_moved():
    # 0.8 × 1 - 0.5 = 0.3; moved by 0.2 and 2: 0.2 + 2 × 0.3 = 0.8; with a start of -3: -2.2
    risk = moved(PLATT, 0.2, 2.0).apply(np.array([1.0]), np.array([-3.0]))
    assert logit(risk) == pytest.approx([-2.2])


@pytest.mark.parametrize("calibrator", [PLATT, ISOTONIC], ids=lambda c: c.kind)
def test_a_base_rate_that_fell_is_found_and_nothing_more(calibrator):
    def true(margin):
        return sigmoid(logit(calibrator.apply(margin)) - 0.7)

    margin, y, share = drawn(20_000, true)
    found = choose_move(calibrator, margin, y, share, np.ones(len(y)), None, 5)
    assert found.kind == "base rate"
    assert found.intercept == pytest.approx(-0.7, abs=0.06)
    assert found.slope == 1
    risk = moved(calibrator, found.intercept).apply(margin)
    assert risk.mean() == pytest.approx(y.mean(), rel=0.04)
    assert (np.diff(risk[np.argsort(margin)]) >= 0).all(), "nobody passes anybody"


def test_nothing_is_moved_where_nothing_moved():
    margin, y, share = drawn(20_000, PLATT.apply)
    found = choose_move(PLATT, margin, y, share, np.ones(len(y)), None, 5)
    assert (found.kind, found.intercept, found.slope) == ("as it is", 0, 1)


def test_a_slope_that_moved_is_said_to_be_more_than_a_base_rate():
    margin, y, share = drawn(20_000, lambda m: sigmoid(0.3 * (0.8 * m - 0.5) - 0.4))
    found = choose_move(PLATT, margin, y, share, np.ones(len(y)), None, 5)
    assert found.kind == "base rate and slope"
    assert (found.intercept, found.slope) == pytest.approx((-0.4, 0.3), abs=0.06)
    assert found.why.endswith("a retraining is the better answer")


def test_rows_that_start_from_log_odds_of_their_day():
    rng = np.random.default_rng(5)
    start = rng.choice([-2.0, -3.0], 20_000)
    margin = rng.normal(0, 1, 20_000)
    y = (rng.random(20_000) < sigmoid(0.8 * margin - 0.5 + start + 0.6)).astype(float)
    share = rng.random(20_000)
    found = choose_move(PLATT, margin, y, share, np.ones(len(y)), start, 5)
    assert found.kind == "base rate"
    assert found.intercept == pytest.approx(0.6, abs=0.08)


def test_a_row_that_weighs_nothing_does_not_count():
    margin, y, share = drawn(4000, PLATT.apply)
    wrong, none = np.ones(4000), np.zeros(4000)
    both = choose_move(
        PLATT, np.r_[margin, margin], np.r_[y, wrong], np.r_[share, share],
        np.r_[wrong, none], None, 5,
    )  # fmt: skip
    alone = choose_move(PLATT, margin, y, share, wrong, None, 5)
    assert (both.kind, both.intercept) == (alone.kind, alone.intercept)
