"""Earlier dates: which they are, who learned by them, and that nothing of later was known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.small_cells import Counts
from tests.training.made_learner import RUN_OUT, TASK, cohort, learner_of, training
from training.cohorts.split import Split, patient_roles, thinning_share
from training.evaluation.evaluate import OURS, Scored, evaluate
from training.fitting.calibrate import choose_calibrator
from training.fitting.learner import Learner
from training.robustness.backtest import (
    Backtests,
    backtests,
    cut_dates,
    known_days,
    learned_at,
    thinned,
)
from training.robustness.lab_pictures import draw_backtests
from training.settings.lab_settings import LabSettings
from training.settings.model_settings import SplitSettings

LAB = LabSettings()
PEOPLE = [f"p{n:05d}" for n in range(60)]
ROLES = patient_roles(PEOPLE, TASK.split)
TESTS = [p for p, role in zip(PEOPLE, ROLES, strict=True) if role == "test"]
LEARNS = [p for p, role in zip(PEOPLE, ROLES, strict=True) if role == "train"]
CALIBRATES = [p for p, role in zip(PEOPLE, ROLES, strict=True) if role == "calibration"]


def asked_on(days, people, case=1) -> pd.DataFrame:
    """One row a person and day, with an outcome that lasts 5 days."""
    return pd.DataFrame([
        {"patient_id": p, "as_of": d, "outcome_until": d + 5, "outcome": case}
        for p in people for d in days
    ])  # fmt: skip


def two_sided(days, people) -> pd.DataFrame:
    return pd.concat([asked_on(days, people, case) for case in (0, 1)], ignore_index=True)


ONE_EACH = SplitSettings(salt="made", least_train_events=1)


def dates(rows, test_from, most, settings=ONE_EACH, run_out=2) -> list[int]:
    return cut_dates(rows, run_out, test_from, settings, most)


EIGHT = pd.concat([two_sided([0], LEARNS[:1]), asked_on(range(7, 16), TESTS[:1])])


@pytest.mark.parametrize(
    ("most", "cuts"),
    [
        # possible are the days 7 to 13 and the first test day 14: what was asked on day 0 is known
        # on day 0 + 5 + 2
        (0, []),
        (1, [14]),
        (2, [10, 14]),  # the fourth and the eighth
        (3, [9, 12, 14]),  # the third, the sixth, the eighth
        (8, [7, 8, 9, 10, 11, 12, 13, 14]),
        (20, [7, 8, 9, 10, 11, 12, 13, 14]),
    ],
)
def test_cut_dates_are_evenly_spaced_over_the_days_that_can_be_one(most, cuts):
    assert dates(EIGHT, 14, most) == cuts


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        (asked_on(range(30), TESTS[:1]), 14),  # nobody learns: the first test day is left
        (pd.concat([two_sided([3], LEARNS[:1]), asked_on(range(30), TESTS[:1])]), 3 + 5 + 2),
        (pd.concat([two_sided([3], CALIBRATES[:1]), asked_on(range(30), TESTS[:1])]), 14),
        (pd.concat([asked_on([3], LEARNS[:1], 1), asked_on([5], LEARNS[:1], 0),
                    asked_on(range(30), TESTS[:1])]), 5 + 5 + 2),  # cases and others
        (two_sided(range(30), LEARNS[:1]), 14),  # nobody tests before
    ],
)  # fmt: skip
def test_a_cut_needs_known_cases_and_others_to_learn_from_and_somebody_to_test(rows, first):
    assert dates(rows, 14, 20)[0] == first


def test_as_many_cases_are_needed_as_a_training_needs():
    ten = SplitSettings(salt="made", least_train_events=10)
    rows = pd.concat([two_sided([0], LEARNS[:9]), two_sided([4], LEARNS[9:10]),
                      asked_on(range(30), TESTS[:1])])  # fmt: skip
    assert dates(rows, 14, 20, ten)[0] == 4 + 5 + 2


def made(
    rows: pd.DataFrame, most: int = 3, **changes
) -> tuple[Learner, Learner, list[int], Backtests]:
    """As a training makes them: what learned, what tests earlier, the cuts and what came of it."""
    learner = training(rows, **changes)
    cuts = dates(rows, learner.split.test_from, most, learner.task.split, RUN_OUT)
    role = patient_roles(rows["patient_id"], learner.task.split)
    between = (rows["as_of"] >= cuts[0]) & (rows["as_of"] < cuts[-1])
    part = rows[(role == "test") & between].reset_index(drop=True)
    split = Split(np.full(len(part), "test", dtype=object), learner.split.test_from, 0)
    earlier = learner_of(part, split, learner.task)
    tested = learner.split.rows("test")
    found = backtests(learner, learner.fit(), earlier, tested, cuts, RUN_OUT,
                      replace(LAB, backtest_cuts=most))  # fmt: skip
    return learner, earlier, cuts, found


ROWS = cohort(400, months=10)


def test_what_a_cut_learns_and_tests_beside_a_slow_count():
    _, _, cuts, found = made(ROWS)
    assert len(cuts) == 3
    assert [int(np.datetime64(day).astype(int)) for day in found.table["cut"]] == cuts
    roles = patient_roles(ROWS["patient_id"], TASK.split)
    told = list(zip(ROWS.to_dict("records"), roles, strict=True))
    ends = [*cuts[1:], 10**6]
    for line, cut, end in zip(found.table.to_dict("records"), cuts, ends, strict=True):
        learned = [row for row, role in told if role in ("train", "validation")
                   and row["outcome_until"] + RUN_OUT <= cut]  # fmt: skip
        tested = [row for row, role in told if role == "test" and cut <= row["as_of"] < end]
        assert (line["learned_rows"], line["rows"]) == (len(learned), len(tested))
        assert line["learned_cases"] == sum(row["outcome"] for row in learned)
        assert line["cases"] == sum(row["outcome"] for row in tested)
        assert line["last_asked"] == str(np.datetime64(max(r["as_of"] for r in tested), "D"))
    assert found.table["rows"].sum() > 0


DAY = st.integers(0, 40)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 59), DAY, st.integers(0, 9)), min_size=1, max_size=60),
       st.integers(0, 5), DAY)  # fmt: skip
def test_nobody_who_tests_is_learned_from_and_no_label_is_known_after_the_cut(told, run_out, cut):
    rows = pd.DataFrame([
        {"patient_id": PEOPLE[p], "as_of": day, "outcome_until": day + length,
         "outcome": 0, "weight": 1.0, "x": 0.0, "noise": 0.0, "month": 0.0}
        for p, day, length in told
    ])  # fmt: skip
    roles = patient_roles(rows["patient_id"], TASK.split)
    learner = learner_of(rows, Split(roles, 41, 0))
    places = learned_at(learner, cut, run_out)
    assert list(places) == [
        n for n, (p, day, length) in enumerate(told)
        if ROLES[p] in ("train", "validation") and day + length + run_out <= cut
    ]  # fmt: skip
    assert not set(rows["patient_id"].iloc[places]) & set(TESTS)
    held = learned_at(learner, cut, run_out, ("calibration",))
    assert set(rows["patient_id"].iloc[held]) <= set(CALIBRATES)


def test_what_was_not_known_by_a_cut_does_not_move_it():
    """The labels that became known later are all turned round, of whoever learns or calibrates."""
    _, _, cuts, found = made(ROWS)
    later = known_days(ROWS, RUN_OUT) > cuts[0]
    own = patient_roles(ROWS["patient_id"], TASK.split) != "test"
    turned = ROWS.assign(outcome=np.where(later & own, 1 - ROWS["outcome"], ROWS["outcome"]))
    _, _, same, other = made(turned)
    assert same == cuts
    pd.testing.assert_series_equal(other.table.iloc[0], found.table.iloc[0])
    assert (other.table["auroc"].iloc[1:] != found.table["auroc"].iloc[1:]).all()


def test_no_outcome_of_those_who_test_moves_what_is_learned():
    _, _, cuts, found = made(ROWS)
    tests = patient_roles(ROWS["patient_id"], TASK.split) == "test"
    turned = ROWS.assign(outcome=np.where(tests, 1 - ROWS["outcome"], ROWS["outcome"]))
    _, _, same, other = made(turned)
    assert same == cuts
    told = ["cut", "learned_rows", "learned_cases", "trees", "calibrator", "rows"]
    pd.testing.assert_frame_equal(other.table[told], found.table[told])
    np.testing.assert_allclose(other.table["auroc"], 1 - found.table["auroc"])


def test_the_last_cut_is_the_model_on_the_rows_that_test():
    learner, _, cuts, found = made(ROWS)
    assert cuts[-1] == learner.split.test_from
    fitted, tested = learner.fit(), learner.split.rows("test")
    margin = learner.margin(fitted.text, tested)
    rows, held = learner.matrix.rows.iloc[tested], learner.split.rows("calibration")
    choice = choose_calibrator(
        learner.margin(fitted.text, held),
        learner.outcome[held],
        learner.share[held],
        replace(TASK.calibration, isotonic_events=10**6),
    )
    judged = evaluate(
        Scored(learner.outcome[tested], choice.calibrator.apply(margin), margin,
               rows["patient_id"].to_numpy(object), np.zeros(len(rows)), {}, np.ones(len(rows))),
        learner.task.evaluation,
    )  # fmt: skip
    last = found.table.iloc[-1]
    for name in ("auroc", "observed_to_expected", "log_loss"):
        told = tuple(last[[name, f"{name}_low", f"{name}_high"]])
        assert told == pytest.approx(judged.scores[OURS][name])
    assert last["trees"] == fitted.rounds
    assert last["learned_rows"] == len(learner.learning)


def test_risks_are_right_by_people_who_calibrate():
    """Whoever learns has twice the cases of the others: only the calibrator can know better."""
    rows = cohort(1500, months=10, seed=6)
    roles = patient_roles(rows["patient_id"], TASK.split)
    chance = np.random.default_rng(6).random(len(rows))
    more = np.isin(roles, ("train", "validation")) & (chance < 0.5)
    twice = rows.assign(outcome=(rows["outcome"] | more).astype(int))
    found = made(twice)[3].table
    assert set(found["calibrator"]) == {"platt"}
    assert found["observed_to_expected"].to_numpy() == pytest.approx(1, abs=0.15)
    few = twice.assign(outcome=np.where(roles == "calibration", 0, twice["outcome"]))
    found = made(few)[3].table
    assert set(found["calibrator"]) == {"none"}, "no case says nothing of how many there are"
    assert (found["observed_to_expected"] < 0.7).all()


def test_of_too_many_rows_as_many_as_asked_for_are_taken_by_a_hash_of_the_question():
    places = np.arange(len(ROWS))[::2]
    kept = thinned(places, ROWS, 500, "salt")
    assert 400 < len(kept) < 600
    assert set(kept) <= set(places)
    assert set(thinned(places, ROWS, 200, "salt")) < set(kept)
    np.testing.assert_array_equal(thinned(places, ROWS, len(places), "salt"), places)
    half = places[thinning_share(ROWS.iloc[places], "salt") < 0.5]
    again = thinned(half, ROWS, len(half) // 2, "salt")
    assert len(again) == pytest.approx(len(half) / 2, rel=0.1), "thinned by the training before"
    learner, earlier, cuts, whole = made(ROWS)
    few = backtests(learner, learner.fit(), earlier, learner.split.rows("test"), cuts, RUN_OUT,
                    replace(LAB, most_rows=150))  # fmt: skip
    assert (few.table["learned_rows"].iloc[:-1] < 200).all()
    assert few.table["learned_rows"].iloc[-1] == whole.table["learned_rows"].iloc[-1]


def test_where_one_date_is_possible_it_says_so():
    _, _, cuts, found = made(cohort(400, months=3))
    assert len(cuts) == 1
    assert found.words[0] == (
        "the data allow one cut date only: 1970-03-02, the first test day; before it too few cases "
        "were known to learn from and to test on"
    )
    asked_for_one = made(ROWS, most=1)[3]
    assert not any("one cut date" in words for words in asked_for_one.words)


def test_words_of_what_was_seen_and_of_too_few_cases():
    found = made(ROWS)[3]
    first, last = found.table["cut"].iloc[[0, -1]]
    low, high = found.table["auroc"].min(), found.table["auroc"].max()
    assert found.words[0].startswith(
        f"backtests: learned up to 3 dates from {first} to {last} and tested on what came after "
        f"each, AUROC is {low:.3f} to {high:.3f} and observed : expected "
    )
    assert found.words[1] == (
        "backtests learn anew at each date, but by the columns, settings, percentiles and limits "
        "of the whole training"
    )
    strict = replace(TASK.evaluation, judgeable_events=int(found.table["cases"].max()))
    few = made(ROWS, evaluation=strict)[3].words[-1]
    assert few.startswith("backtests: cases that test are too few to judge by (")
    assert few.count(" from ") == (found.table["cases"] < strict.judgeable_events).sum() == 2


def test_a_stretch_without_anybody_who_tests_or_without_a_case_has_no_figures():
    learner, earlier, cuts, _ = made(ROWS)
    nobody = learner_of(earlier.matrix.rows.iloc[:0], Split(earlier.split.role[:0], 0, 0))
    none = learner_of(earlier.matrix.rows.assign(outcome=0), earlier.split)
    for tests, rows in ((nobody, 0), (none, len(none.matrix.rows))):
        found = backtests(learner, learner.fit(), tests, learner.split.rows("test"), cuts, RUN_OUT,
                          LAB)  # fmt: skip
        assert found.table["rows"].iloc[:-1].sum() == rows
        assert found.table["cases"].iloc[:-1].sum() == 0
        assert found.table["auroc"].iloc[:-1].isna().all()
        assert np.isfinite(found.table["auroc"].iloc[-1])
        assert "cases that test are too few" in found.words[-1]
        assert f"backtest.{found.table['cut'].iloc[0]}.auroc" not in found.flat()
        assert found.to_json()["cuts"][0]["auroc"] is None, "NaN is no JSON"


def test_twice_is_the_same_in_figures_and_in_pictures(tmp_path):
    one, again = (made(ROWS)[3] for _ in range(2))
    assert json.dumps(one.to_json()) == json.dumps(again.to_json())
    drawn = []
    other = replace(one, table=one.table.assign(observed_to_expected_high=3.0))
    for name, found in (("a", one), ("b", again), ("c", other)):
        path = draw_backtests(
            tmp_path / name / "backtests.png", found, "Invented", Counts("invented")
        )
        drawn.append((path.read_bytes(), path.with_suffix(".svg").read_bytes()))
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0]
    assert drawn[0][1] != drawn[2][1]
