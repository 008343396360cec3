"""Who would be called again: by hand, beside a slow count, and of what it depends."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.calibrator import Calibrator
from tests.training.made_learner import cohort, training
from training.evaluation.evaluate import periods_of
from training.robustness.stability import Stability, churn, natural_churn, stability
from training.statistics.resampling import resampled

NAMES = np.array([f"p{n}" for n in range(8)], dtype=object)
ONE_LIST = np.zeros(8)
DOWN = np.arange(8.0, 0, -1)


@pytest.mark.parametrize(
    ("share", "lost"),
    [
        (0.25, 1 / 2),  # of p0 and p1 the second is not called again
        (0.5, 1 / 4),  # of p0 to p3 one: p1 is fifth now
        (0.625, 0.0),  # of the first five all are among the first five
        (1.0, 0.0),
    ],
)
def test_churn_is_the_part_of_those_called_who_would_not_be_called_by_the_other(share, lost):
    #             p0 p1 p2 p3 p4 ...: p1 falls from the second place to the fifth
    other = np.array([8, 3.5, 7, 6, 5, 3, 2, 1])
    assert churn(DOWN, other, ONE_LIST, NAMES, share) == lost


def test_each_list_is_called_from_its_own_top():
    two_lists = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    other = np.array([8, 7, 6, 5, 1, 2, 3, 4])  # the second list stands on its head
    assert churn(DOWN, other, two_lists, NAMES, 0.5) == 2 / 4
    assert churn(DOWN, DOWN * 3 - 1, two_lists, NAMES, 0.25) == 0


def slow_churn(a, b, period, names, share) -> float:
    kept = lost = 0
    for one in sorted(set(period)):
        rows = [n for n in range(len(a)) if period[n] == one]
        take = math.ceil(len(rows) * share)
        top, other = (
            {n for _, _, n in sorted((-score[n], names[n], n) for n in rows)[:take]}
            for score in (a, b)
        )
        kept, lost = kept + len(top & other), lost + len(top - other)
    return lost / (kept + lost)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), min_size=1,
                max_size=25), st.sampled_from([0.125, 0.25, 0.5, 1.0]))  # fmt: skip
def test_churn_equals_a_slow_count_also_where_scores_tie(rows, share):
    a, b, period = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    names = np.array([f"p{n:02d}" for n in range(len(a))], dtype=object)
    found = churn(a, b, period, names, share)
    assert found == pytest.approx(slow_churn(a, b, period, names, share))
    assert found == churn(b, a, period, names, share), "both call as many"


def test_stability_and_natural_churn_are_the_means_over_refits_on_resampled_patients():
    learner = training(cohort(300))
    fitted = learner.fit()
    tested = learner.split.rows("test")
    rows = learner.matrix.rows.iloc[tested]
    period, names = periods_of(rows["as_of"], by_month=False), rows["patient_id"].to_numpy(object)
    margin = learner.margin(fitted.text, tested)
    calibrator = Calibrator("platt", slope=1.2, intercept=-0.1)
    lost, moved = [], []
    for times in resampled(learner.share[learner.learning], 2, 9):
        other = learner.margin(learner.fit(rounds=fitted.rounds, times=times).text, tested)
        lost.append(slow_churn(margin, other, period, names, 0.10))
        moved.append(np.abs(calibrator.apply(other) - calibrator.apply(margin)).mean())
    found = stability(learner, fitted, tested, 9, 2, calibrator)
    assert lost[0] != lost[1]
    assert found.called_again[0.10] == pytest.approx(1 - np.mean(lost))
    assert found.risk_change == pytest.approx(np.mean(moved))
    assert found.mean_risk == pytest.approx(calibrator.apply(margin).mean())
    assert natural_churn(
        learner, fitted.rounds, learner.task.fit, margin, tested, period, names, 0.10, 9, 2
    ) == pytest.approx(np.mean(lost))
    assert found == stability(learner, fitted, tested, 9, 2, calibrator)
    assert found != stability(learner, fitted, tested, 10, 2, calibrator)


def test_natural_churn_goes_by_the_trees_and_settings_that_it_is_given():
    learner = training(cohort(200))
    tested = learner.split.rows("test")
    names = learner.matrix.rows["patient_id"].to_numpy(object)[tested]
    margin = learner.margin(learner.fit(rounds=1).text, tested)
    period = np.zeros(len(tested))

    def of(rounds, fit):
        return natural_churn(learner, rounds, fit, margin, tested, period, names, 0.3, 1, 1)

    fit = learner.task.fit
    assert of(1, fit) == of(1, fit)
    assert len({of(1, fit), of(40, fit), of(40, replace(fit, learning_rate=0.9))}) == 3
    with pytest.raises(ValueError, match="at least one refit"):
        natural_churn(learner, 1, fit, margin, tested, period, names, 0.3, 1, 0)


def test_a_list_made_of_more_people_is_steadier():
    few, many = (training(cohort(people)) for people in (80, 1500))
    again = []
    for learner in (few, many):
        fitted = learner.fit(rounds=25)
        tested = learner.split.rows("test")
        again.append(stability(learner, fitted, tested, 3, 3).called_again[0.10])
    assert again[1] > again[0] + 0.05


def test_what_is_said_of_it():
    found = Stability(3, 900, {0.01: 0.714, 0.05: 0.9}, 0.0196, 0.121)
    assert found.words == (
        "were the model made of people drawn anew (3 times, with replacement), it would call again "
        "71% of the top 1%, 90% of the top 5% of each list; a risk changes by 2.0 percentage "
        "points on average, and is 12.1 % on average"
    )
    assert found.flat() == {
        "stability.called_again_top_1_percent": 0.714,
        "stability.called_again_top_5_percent": 0.9, "stability.risk_change": 0.0196,
    }  # fmt: skip
    told = json.loads(json.dumps(found.to_json()))
    assert told["called_again"] == [
        {"share": 0.01, "called_again": 0.714}, {"share": 0.05, "called_again": 0.9},
    ]  # fmt: skip
    assert told["words"] == found.words
