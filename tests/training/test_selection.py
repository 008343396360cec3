"""The choice of columns: what never helps is left out, unless that does harm."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.synthetic_learner import FIT, SIGNAL, learner
from training.fitting.cross_validation import CrossValidation, losses_of
from training.fitting.selection import Selected, _mean_and_error, help_in, select
from training.settings.search_settings import SelectionSettings

ON = SelectionSettings(drop_unhelpful=True, folds=3, rows=300)


SEEDS, NOISE = range(10, 18), 8


@pytest.fixture(scope="module")
def selections() -> list[Selected]:
    """Of other people each time."""
    return [select(learner(noise=NOISE, seed=seed), ON) for seed in SEEDS]


@pytest.fixture(scope="module")
def selected(selections: list[Selected]) -> Selected:
    return selections[0]


def test_noise_is_left_out_and_the_signal_stays(selections):
    stayed = 0
    for selected in selections:
        assert selected.names[:2] == SIGNAL
        table = selected.table.set_index("name")
        assert table.loc[list(SIGNAL), "folds_helped"].tolist() == [3, 3]
        assert (table["splits"] > 0).all()  # noise was learned from
        stayed += len(selected.names) - len(SIGNAL)
    #  a sixth of what is worth nothing lies more than one standard error above nothing by chance
    assert stayed <= len(SEEDS) * NOISE / 6


def test_one_more_column_of_noise_does_not_move_the_signal_and_hardly_ever_stays(selections):
    stayed = 0
    for seed in SEEDS:
        more = select(learner(noise=NOISE + 1, seed=seed), ON)
        assert more.names[:2] == SIGNAL
        stayed += f"x{2 + NOISE}" in more.names
    assert stayed <= len(SEEDS) / 4


def test_one_more_column_that_tells_nothing_changes_nothing(selected):
    seed = SEEDS[0]
    plain, more = learner(noise=NOISE, seed=seed), learner(noise=NOISE + 1, seed=seed)
    more.matrix.X[more.names[-1]] = np.float32(7)
    assert (plain.outcome == more.outcome).all()
    found = select(more, ON)
    assert found.names == selected.names
    assert found.columns[:-1] == selected.columns


def test_the_words_count_what_was_left_out(selected):
    count = len(selected.dropped)
    assert selected.words.startswith(
        f"{count} of 10 columns did not help people held out of 3 folds and were left out; "
        "cross-validated log loss 0."
    )
    assert selected.table["kept"].tolist() == [name in selected.names for name in
                                               learner(noise=NOISE).names]  # fmt: skip


def test_a_column_that_no_tree_cuts_does_not_help():
    made = learner(noise=1)
    made.matrix.X["x2"] = np.float32(1)
    found = select(made, ON)
    assert found.dropped == ("x2",)
    [still] = [column for column in found.columns if column.name == "x2"]
    assert (still.splits, still.help, still.standard_error, still.folds_helped) == (0, 0, 0, 0)
    # the trees are the same with it and without
    assert "with all" in found.words
    told = found.words.split("log loss ")[1].split()
    assert told[0] == told[3]


def test_where_leaving_out_does_harm_all_stay():
    #  each of 40 columns tells a little, which 20 rows a fold cannot show
    rng = np.random.default_rng(0)
    made = learner(1200, noise=38, strength=0.0)
    margin = made.matrix.X.to_numpy() @ rng.choice([-1.0, 1.0], 40) * 0.35
    made.matrix.rows["outcome"] = (rng.random(1200) < 1 / (1 + np.exp(-margin))).astype(float)
    found = select(made, replace(ON, rows=20))
    assert (found.names, found.dropped) == (made.names, ())
    assert "worse by more than one standard error" in found.words
    assert found.table["kept"].all()


def test_where_nothing_helps_or_nobody_asks_or_few_could_tell_all_stay():
    nothing = select(learner(strength=0.0, noise=1, seed=8), ON)
    assert nothing.dropped == ()
    assert "none of them helped" in nothing.words
    off = select(learner(), replace(ON, drop_unhelpful=False))
    assert (off.names, off.columns) == (learner().names, ())
    few = select(learner(60), ON)
    assert "too few cases" in few.words
    assert few.table.empty
    assert list(few.table.columns) == list(nothing.table.columns)


def test_help_is_the_mean_rise_of_the_log_loss_without_the_share():
    #  row by row and person by person, as slowly as it is said
    made = learner(noise=2, start=True)
    folds = CrossValidation(made, 3)
    fits = folds.of(FIT).fits
    mean, error = _mean_and_error([help_in(folds, fit, 10_000) for fit in fits])
    for j in range(len(made.names)):
        of_person: dict[int, list[float]] = {}
        for fit in fits:
            shares = fit.booster.predict(folds.array(fit.out), pred_contrib=True,
                                         num_iteration=fit.best)  # fmt: skip
            for row, share in zip(fit.out, shares, strict=True):
                whole = np.array([share.sum() + folds.start[row]])
                case, weight = folds.outcome[[row]], folds.weights[row]
                [rise] = losses_of(whole - share[j], case) - losses_of(whole, case)
                so_far = of_person.setdefault(int(folds.person[row]), [0.0, 0.0])
                so_far[0] += rise * weight
                so_far[1] += weight
        weight = sum(w for _, w in of_person.values())
        told = sum(d for d, _ in of_person.values()) / weight
        assert mean[j] == pytest.approx(told, abs=1e-12)
        square = sum((d - told * w) ** 2 for d, w in of_person.values())
        assert error[j] == pytest.approx(np.sqrt(square) / weight)


def test_each_fold_is_judged_without_what_did_not_help_on_the_others():
    differ = 0
    for seed in SEEDS:
        made = learner(noise=NOISE, seed=seed)
        folds = CrossValidation(made, 3)
        found = [help_in(folds, fit, 300) for fit in folds.of(FIT).fits]

        def helping(of: list[int], found=found) -> np.ndarray:
            mean, error = _mean_and_error([found[k] for k in of])
            return np.flatnonzero(mean > error)

        honest = folds.log_loss(
            folds.of(FIT, [helping([1, 2]), helping([0, 2]), helping([0, 1])]).losses
        )
        assert f", {honest:.5f} without them" in select(made, ON).words
        differ += honest != folds.log_loss(folds.of(FIT, [helping([0, 1, 2])] * 3).losses)
    assert differ


def test_rows_that_calibrate_have_no_say():
    whole = learner(1000, others=200)
    places = whole.learning
    alone = replace(
        whole, matrix=whole.matrix.part(places), share=whole.share[places],
        split=replace(whole.split, role=whole.split.role[places]), weights=whole.weights[places],
    )  # fmt: skip
    assert select(whole, ON) == select(alone, ON)


def test_it_is_the_same_again_and_after_being_kept(selected):
    assert select(learner(noise=NOISE, seed=SEEDS[0]), ON) == selected
    assert Selected.from_json(json.loads(json.dumps(selected.to_json()))) == selected
