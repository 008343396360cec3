"""Fewer people, nested, judged on the same rows, and what is said of the last doubling."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import log_loss, roc_auc_score

from data.small_cells import Counts
from tests.training.made_learner import FIT, TASK, cohort, training
from training.cohorts.landmarks import asked_once
from training.cohorts.split import share_of
from training.evaluation.evaluate import Interval
from training.fitting.learner import Learner
from training.robustness.lab_pictures import draw_learning_curve
from training.robustness.learning_curve import LearningCurve, learning_curve, nested, widened
from training.statistics.resampling import resampled


def places_that_test(learner: Learner) -> NDArray[np.int64]:
    return learner.split.rows("test")


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_places_are_those_of_people_evenly_from_0_and_a_persons_rows_share_one(people):
    ids = pd.Series([f"p{n}" for n in people])
    place = nested(share_of(ids, "any"), ids, "salt")
    count = len(set(people))
    assert sorted(set(place)) == pytest.approx([n / count for n in range(count)])
    for one in set(people):
        assert len(set(place[[n == one for n in people]])) == 1
    kept = [n != people[0] for n in people]
    fewer = nested(share_of(ids[kept], "any"), ids[kept], "salt")
    one, other = (np.unique(p, return_inverse=True)[1] for p in (fewer, place[kept]))
    np.testing.assert_array_equal(one, other, "whoever else is there, the order is the same")


def test_the_hash_of_the_sizes_has_nothing_to_do_with_the_roles():
    learner = training(cohort(600))
    learning = learner.learning
    ids = learner.matrix.rows["patient_id"].iloc[learning]
    half = nested(learner.share[learning], ids, learner.task.split.salt) < 0.5
    validates = learner.split.role[learning] == "validation"
    assert validates[half].mean() == pytest.approx(validates[~half].mean(), abs=0.08)


def test_each_size_is_fitted_on_its_people_and_judged_on_the_same_rows():
    learner = training(cohort(400))
    fitted, tested = learner.fit(), places_that_test(learner)
    found = learning_curve(learner, fitted, tested, 2)
    learning = learner.learning
    ids = learner.matrix.rows["patient_id"].iloc[learning]
    people = sorted(set(ids), key=lambda one: share_of([one], "curve/made")[0])
    outcome = learner.outcome[tested]
    margins = {}
    for line in found.table.to_dict("records"):
        first = people[: math.ceil(len(people) * line["share"])]
        assert line["people"] == len(first)
        places = learning[ids.isin(first)]
        assert line["rows"] == len(places)
        assert line["cases"] == learner.outcome[places].sum()
        made = learner.fit(places)
        assert line["trees"] == made.rounds
        margins[line["share"]] = margin = learner.margin(made.text, tested)
        assert line["auroc"] == pytest.approx(roc_auc_score(outcome, margin))
        assert line["log_loss"] == pytest.approx(log_loss(outcome, 1 / (1 + np.exp(-margin))))
        assert line["auroc_low"] <= line["auroc"] <= line["auroc_high"]
    assert list(margins) == [0.25, 0.5, 1.0]


def test_the_doubling_is_that_from_both_halves_and_its_interval_is_widened_by_how_they_differ():
    learner = training(cohort(400))
    fitted, tested = learner.fit(), places_that_test(learner)
    found = learning_curve(learner, fitted, tested, 1)
    learning, outcome = learner.learning, learner.outcome[tested]
    ids = learner.matrix.rows["patient_id"].iloc[learning]
    people = sorted(set(ids), key=lambda one: share_of([one], "curve/made")[0])
    first = ids.isin(people[: math.ceil(len(people) / 2)]).to_numpy()
    full, one, other = (
        learner.margin(made.text, tested)
        for made in (fitted, learner.fit(learning[first]), learner.fit(learning[~first]))
    )

    def gained(weights: NDArray[np.float64]) -> float:
        reached = [roc_auc_score(outcome, margin, sample_weight=weights)
                   for margin in (full, one, other)]  # fmt: skip
        return reached[0] - (reached[1] + reached[2]) / 2

    halves = roc_auc_score(outcome, one), roc_auc_score(outcome, other)
    assert halves[0] != halves[1]
    assert found.halves == pytest.approx(halves)
    patients = learner.matrix.rows["patient_id"].iloc[tested].to_numpy(dtype=str)
    evaluation = learner.task.evaluation
    drawn = [gained(w) for w in resampled(patients, evaluation.replicates, evaluation.seed)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    spread = 1.96 * abs(halves[0] - halves[1]) / 2
    assert found.doubling == pytest.approx(
        (gained(np.ones(len(tested))), low - spread, high + spread)
    )


def test_halves_that_differ_take_away_a_verdict_that_the_rows_alone_would_give():
    alone = Interval(0.010, 0.004, 0.016)
    alike, unlike = (0.6500, 0.6510), (0.645, 0.655)
    # 1.96 × 0.001 / 2 is 0.00098, and 1.96 × 0.010 / 2 is 0.0098
    assert widened(alone, alike) == pytest.approx((0.010, 0.00302, 0.01698))
    assert widened(alone, unlike) == pytest.approx((0.010, -0.0058, 0.0258))
    table = pd.DataFrame({"people": [1000, 2000]})
    helps, not_shown = (LearningCurve(table, widened(alone, halves), halves).words
                        for halves in (alike, unlike))  # fmt: skip
    assert ": more people would help (" in helps
    assert ": it is not shown whether more people would help (" in not_shown


@pytest.mark.parametrize(("seed", "sizes"), [(12, [0.5, 1.0]), (4, [1.0])])
def test_where_one_half_has_too_few_cases_nothing_is_said_of_the_doubling(seed, sizes):
    """Of seed 12 it is the other half, of seed 4 the one of the table."""
    rows = cohort(300, seed=seed)
    learner = training(rows)
    ids = learner.matrix.rows["patient_id"].iloc[learner.learning]
    first = nested(learner.share[learner.learning], ids, learner.task.split.salt) < 0.5
    outcome = learner.outcome[learner.learning]
    fewer, more = sorted(int(outcome[half].sum()) for half in (first, ~first))
    assert (fewer == outcome[first].sum()) == (sizes == [1.0])
    learner = training(rows, split=replace(TASK.split, least_train_events=(fewer + more) // 2))
    found = learning_curve(learner, learner.fit(), places_that_test(learner), 1)
    assert list(found.table["share"]) == sizes
    assert (found.doubling, found.halves, found.flat()) == (None, None, {})
    assert "too few cases for both halves" in found.words


def test_the_last_point_is_the_model_itself_where_it_was_stopped_alike():
    learner = training(cohort(300))
    fitted = learner.fit(rounds=3)
    found = learning_curve(learner, fitted, places_that_test(learner), 1)
    assert found.table["trees"].iloc[-1] == 3
    by_folds = training(cohort(300), fit=replace(FIT, folds=3))
    found = learning_curve(by_folds, by_folds.fit(rounds=3), places_that_test(by_folds), 1)
    assert found.table["trees"].iloc[-1] == by_folds.fit(settings=FIT).rounds != 3


def test_sizes_of_too_few_cases_are_left_out():
    split = replace(TASK.split, least_train_events=70)
    learner = training(cohort(300), split=split)
    found = learning_curve(learner, learner.fit(), places_that_test(learner), 4)
    assert (found.table["cases"] >= 70).all()
    assert 1 < len(found.table) < 5, "a sixteenth of the people has 18 cases or so"
    none = training(cohort(120), split=replace(split, least_train_events=100_000))
    alone = learning_curve(none, none.fit(), places_that_test(none), 3)
    assert list(alone.table["share"]) == [1.0]
    assert alone.doubling is None
    assert (
        alone.words
        == "learning curve: too few cases for both halves of the people to be learned from"
    )
    assert alone.flat() == {}


def test_a_stay_that_is_asked_about_on_several_days_counts_once():
    rows = pd.DataFrame({"landmark": [0, 2, 7, 0]})
    assert list(asked_once(rows)) == [True, False, False, True]
    assert list(asked_once(rows.drop(columns="landmark"))) == [True] * 4


@pytest.mark.parametrize(
    ("doubling", "said"),
    [
        (Interval(0.010, 0.003, 0.020), "more people would help"),
        (Interval(0.001, -0.003, 0.0015), "more people of the same kind would hardly help"),
        (Interval(0.010, 0.002, 0.020), "it is not shown whether more people would help"),
        (Interval(0.001, -0.003, 0.002), "it is not shown whether more people would help"),
    ],
)
def test_more_people_help_where_the_interval_of_the_last_doubling_lies_above(doubling, said):
    table = pd.DataFrame({"people": [500, 1000, 2000]})
    found = LearningCurve(table, doubling, (0.651, 0.6402))
    assert found.words == (
        f"learning curve: 2,000 people instead of 1,000 changed the AUROC by {doubling}: {said} "
        "(the interval is widened: with either half of the people, two draws and no more, the "
        "AUROC is 0.651 and 0.640)"
    )
    assert found.flat()["learning_curve.doubling_auroc.low"] == doubling.low


def test_twice_is_the_same_in_figures_and_in_pictures(tmp_path):
    learner = training(cohort(150))
    tested = places_that_test(learner)
    one, again = (learning_curve(learner, learner.fit(), tested, 1) for _ in range(2))
    assert json.dumps(one.to_json()) == json.dumps(again.to_json())
    other = LearningCurve(one.table.assign(auroc=0.6), one.doubling, one.halves)
    drawn = []
    for name, curve in (("a", one), ("b", again), ("c", other)):
        path = draw_learning_curve(
            tmp_path / name / "learning_curve.png", curve, "Invented", Counts("invented")
        )
        drawn.append((path.read_bytes(), path.with_suffix(".svg").read_bytes()))
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0]
    assert drawn[0][1] != drawn[2][1]
