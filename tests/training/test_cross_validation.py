"""The folds that search and selection decide by are those of the model's own fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.synthetic_learner import FIT, learner
from training.fitting.cross_validation import CrossValidation

SMALL_LEAVES = replace(FIT, min_data_in_leaf=5)  # the same whether of all rows or of a fold's rest


def test_each_fold_stops_where_the_models_own_fit_would_and_has_as_many_trees():
    made = learner(start=True)
    found = CrossValidation(made, 4).of(FIT)
    fitted = made.fit(settings=replace(FIT, folds=4))
    assert tuple(fit.best for fit in found.fits) == fitted.stopped_at
    assert found.rounds == fitted.rounds


def test_the_losses_are_those_of_fits_that_did_not_see_the_person():
    made = learner(start=True, fit=SMALL_LEAVES)
    folds = CrossValidation(made, 3)
    found = folds.of(SMALL_LEAVES)
    for k in range(3):
        out, rest = made.learning[folds.fold == k], made.learning[folds.fold != k]
        assert not set(made.share[out]) & set(made.share[rest])
        text = made.fit(rest, rounds=found.rounds).text
        p = made.risk(made.margin(text, out), out)
        y = made.outcome[out]
        slow = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        # a fold that stopped earlier has fewer trees than the mean, and no more are grown
        if found.fits[k].booster.current_iteration() >= found.rounds:
            np.testing.assert_allclose(found.losses[folds.fold == k], slow, rtol=1e-9)
    assert any(fit.booster.current_iteration() >= found.rounds for fit in found.fits)


def test_a_fold_of_some_columns_learns_from_these_alone():
    made = learner()
    two = CrossValidation(made, 2).of(FIT, [np.array([0, 1]), np.array([1, 3])])
    assert [fit.booster.feature_name() for fit in two.fits] == [["x0", "x1"], ["x1", "x3"]]
    alone = CrossValidation(replace(made, names=("x0", "x1")), 2).of(FIT)
    texts = [found.fits[0].booster.model_to_string() for found in (two, alone)]
    assert texts[0] == texts[1]


def test_the_standard_error_is_of_people_and_not_of_rows():
    folds = CrossValidation(learner(200), 2)
    differences = np.random.default_rng(1).normal(size=200)
    w = folds.weights
    mean = (differences @ w) / w.sum()
    people = dict.fromkeys(folds.person, 0.0)
    for person, d, weight in zip(folds.person, differences, w, strict=True):
        people[person] += weight * (d - mean)
    slow = np.sqrt(sum(total**2 for total in people.values())) / w.sum()
    assert folds.standard_error(differences) == pytest.approx(slow)
    assert folds.log_loss(differences) == pytest.approx(mean)


def test_a_fold_without_twenty_cases_inside_and_outside_is_not_enough():
    made = learner(400)
    assert CrossValidation(made, 2).enough
    outcome = made.matrix.rows["outcome"].to_numpy()
    few = made.matrix.rows.assign(outcome=np.where(np.cumsum(outcome) <= 30, outcome, 0.0))
    assert not CrossValidation(replace(made, matrix=replace(made.matrix, rows=few)), 2).enough


def test_the_digest_tells_apart_all_that_losses_hang_on():
    made = learner(200, start=True)
    others = [
        made, replace(made, start=None), replace(made, repeats=2.0),
        replace(made, weights=made.weights * 2), replace(made, names=made.names[:-1]),
        replace(made, share=1 - made.share), learner(200, start=True, seed=4),
    ]  # fmt: skip
    digests = {CrossValidation(other, 2).digest() for other in others}
    assert len(digests) == len(others)
    assert CrossValidation(made, 2).digest() in digests
