"""The search: never worse than what was declared, the same twice, and the same after a crash."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError
from tests.training.synthetic_learner import BAD, FIT, learner
from training.fitting.cross_validation import CrossValidation
from training.fitting.search import (
    SEARCHED,
    Searched,
    TrialRecord,
    chosen_of,
    errors_needed,
    search,
    settings_of,
    space,
)
from training.release.nested_runs import trial_runs
from training.settings.search_settings import BOUNDED, SearchSettings

SETTINGS = SearchSettings(trials=7, folds=3, startup=2)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    return search(learner(fit=BAD), SETTINGS, tmp_path_factory.mktemp("search") / "search.db")


def table_bytes(searched: Searched) -> bytes:
    return searched.table.to_csv(index=False).encode()


def test_the_settings_as_declared_are_trial_0_as_they_are(uninterrupted):
    first = uninterrupted.trials[0]
    assert dict(first.settings) == {name: getattr(BAD, name) for name in SEARCHED}
    assert (first.state, first.difference, first.standard_error) == ("complete", 0, 0)


def test_what_is_clearly_better_is_chosen_and_what_is_clearly_worse_given_up(uninterrupted):
    states = [trial.state for trial in uninterrupted.trials]
    assert len(states) == SETTINGS.trials
    assert set(states[: SETTINGS.startup]) == {"complete"}
    pruned = [trial for trial in uninterrupted.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.folds < SETTINGS.folds and trial.log_loss is None for trial in pruned)
    chosen = uninterrupted.trials[uninterrupted.chosen]
    assert chosen.number > 0
    assert chosen.difference + errors_needed(SETTINGS.trials - 1) * chosen.standard_error < 0
    assert chosen.log_loss == min(t.log_loss for t in uninterrupted.trials if t.log_loss)
    assert uninterrupted.settings == replace(BAD, **chosen.settings)
    assert f"those of trial {chosen.number}, better by" in uninterrupted.words
    assert uninterrupted.flat()["search.log_loss"] == chosen.log_loss


def test_what_is_said_of_a_trial_is_what_its_settings_do(uninterrupted):
    folds = CrossValidation(learner(fit=BAD), SETTINGS.folds)
    declared = folds.of(BAD).losses
    chosen = uninterrupted.trials[uninterrupted.chosen]
    again = folds.of(replace(BAD, **chosen.settings))
    assert chosen.log_loss == np.average(again.losses, weights=folds.weights)
    assert chosen.difference == pytest.approx(chosen.log_loss - uninterrupted.trials[0].log_loss)
    assert chosen.standard_error == folds.standard_error(again.losses - declared)
    assert chosen.rounds == again.rounds
    pruned = next(trial for trial in uninterrupted.trials if trial.state == "pruned")
    of_folds: dict[bool, list[float]] = {True: [], False: []}
    for fit, seen in ((replace(BAD, **pruned.settings), of_folds[True]), (BAD, of_folds[False])):
        folds.of(fit, on_fold=lambda _, loss, seen=seen: seen.append(loss))
    ours, theirs = (np.mean(of_folds[tried][: pruned.folds]) for tried in (True, False))
    assert pruned.difference == pytest.approx(ours - theirs)


def test_the_same_seed_finds_the_same_and_another_seed_tries_others(uninterrupted, tmp_path):
    again = search(learner(fit=BAD), SETTINGS, tmp_path / "a.db")
    assert again == uninterrupted
    assert table_bytes(again) == table_bytes(uninterrupted)
    other = search(learner(fit=BAD), replace(SETTINGS, seed=5, trials=2), tmp_path / "b.db")
    assert other.trials[0] == uninterrupted.trials[0]
    assert other.trials[1].settings != uninterrupted.trials[1].settings


def test_rows_that_calibrate_or_test_have_no_say(tmp_path):
    #  their outcomes are all cases: whoever learned from them, or was judged by them, would change
    few = replace(SETTINGS, trials=1)
    whole = learner(1000, fit=BAD, others=200)
    first = whole.learning
    roles = replace(whole.split, role=whole.split.role[first])
    alone = replace(
        whole, matrix=whole.matrix.part(first), split=roles,
        share=whole.share[first], weights=whole.weights[first],
    )  # fmt: skip
    assert search(whole, few, tmp_path / "a.db") == search(alone, few, tmp_path / "b.db")


def test_what_rows_start_from_and_what_they_weigh_is_in_the_log_loss(tmp_path):
    one = replace(SETTINGS, trials=1)
    begun = learner(start=True)
    assert begun.start is not None
    losses = {
        name: search(made, one, tmp_path / f"{name}.db").trials[0].log_loss
        for name, made in {
            "with": begun, "without": replace(begun, start=None),
            "unweighted": replace(begun, weights=np.ones_like(begun.weights)),
        }.items()
    }  # fmt: skip
    assert losses["with"] < losses["without"]
    assert losses["with"] != losses["unweighted"]


def trials_of(others: list[tuple[float, float | None]]) -> tuple[TrialRecord, ...]:
    """The settings as declared, and others by (difference, standard error, None where pruned)."""
    same = {name: getattr(FIT, name) for name in SEARCHED}
    return tuple(
        TrialRecord(n, "pruned" if error is None else "complete", 5, difference,
                    None if error is None else 0.2 + difference, error, 9,
                    same | {"max_depth": 3 + n}, 1.0)
        for n, (difference, error) in enumerate([(0.0, 0.0), *others])
    )  # fmt: skip


@pytest.mark.parametrize(
    ("others", "chosen", "words"),
    [  # (difference, standard error) of trials 1, 2, …; the first is 0.20000
        ([(-0.004, 0.003)], 1, "0.19600 with those of trial 1, better by 0.00400"),
        ([(-0.004, 0.004)], 0, "0.19600 at best, which is not better by more than 1.0 standard"),
        # the best of two has to be better by 1.41 standard errors: 0.00423, 0.00395; of 3 by 1.62
        ([(-0.004, 0.003), (0.0, 0.001)], 0, "by more than 1.4 standard errors (of 0.00300)"),
        ([(-0.004, 0.0028), (0.0, 0.001)], 1, "(standard error 0.00280, of which more than 1.4"),
        ([(-0.004, 0.0028), (0.0, 0.001), (0.009, None)], 0, "as the best of 3 has to be"),
        ([(-0.004, 0.005), (-0.002, 0.001)], 2, "0.19800 with those of trial 2"),
        ([(-0.004, 0.003), (-0.005, 0.003)], 2, "0.19500 with those of trial 2"),
        ([(-0.004, 0.002), (-0.004, 0.002)], 1, "0.19600 with those of trial 1"),  # the earlier
        ([(0.001, 0.0), (-0.009, None)], 0, "(1 given up early)"),  # a pruned one is not compared
        ([], 0, "and none was better: they stay as declared"),
    ],
)
def test_only_what_is_better_by_more_than_the_best_of_so_many_by_chance_is_chosen(
    others, chosen, words
):
    trials = trials_of(others)
    found = chosen_of(FIT, trials, SearchSettings(trials=len(trials)))
    assert (found.chosen, found.settings) == (chosen, replace(FIT, max_depth=3 + chosen))
    assert words in found.words


@pytest.mark.parametrize("others", [1, 30])
@pytest.mark.parametrize("alike", [0.0, 0.5])
def test_of_settings_that_are_all_as_good_as_the_declared_few_searches_take_others(others, alike):
    """Gains in standard errors are drawn around 0, `alike` the correlation of those of a search.
    16 % may take others; of 400 more than 85 do so with a chance of one in 500."""
    rng, settings, took = np.random.default_rng(5), SearchSettings(trials=others + 1), 0
    for _ in range(400):
        gains = np.sqrt(alike) * rng.normal() + np.sqrt(1 - alike) * rng.normal(size=others)
        took += chosen_of(FIT, trials_of([(1e-4 * z, 1e-4) for z in gains]), settings).chosen > 0
    assert took <= 85
    better = [(-4e-4, 1e-4), *[(0.0, 1e-4)] * (others - 1)]
    assert chosen_of(FIT, trials_of(better), settings).chosen == 1


def test_no_trials_and_too_few_cases_are_no_search(tmp_path):
    none = search(learner(), replace(SETTINGS, trials=0), tmp_path / "search.db")
    assert (none.settings, none.trials, none.flat()) == (FIT, (), {})
    few = search(learner(60), SETTINGS, tmp_path / "search.db")
    assert "too few cases" in few.words
    assert few.table.empty
    assert list(few.table.columns) == list(none.table.columns)
    assert not (tmp_path / "search.db").exists()


def test_minutes_end_a_search_and_those_used_before_count(tmp_path, uninterrupted):
    def longer(trial: TrialRecord) -> None:
        #  as if each had taken 40 seconds
        with closing(sqlite3.connect(tmp_path / "search.db")) as database, database:
            database.execute("UPDATE trial_user_attributes SET "
                             "value_json = json_set(value_json, '$.seconds', 40)")  # fmt: skip

    one = replace(SETTINGS, minutes=1)
    found = search(learner(fit=BAD), one, tmp_path / "search.db", on_trial=longer)
    assert len(found.trials) == 2  # 40 s are less than a minute, 80 s are not
    assert found.words.endswith("; the search was ended by its 1 minutes")
    again = search(learner(fit=BAD), one, tmp_path / "search.db", resume=True)
    assert again == found
    on = search(learner(fit=BAD), replace(one, minutes=9), tmp_path / "search.db", resume=True)
    assert on == uninterrupted  # its minutes say how many there are, not which


def test_a_search_of_other_rows_or_bounds_or_not_resumed_begins_anew(tmp_path):
    storage, made = tmp_path / "search.db", []
    few = replace(SETTINGS, trials=1, folds=2)

    def numbers(*args, **more) -> list[int]:
        made.clear()
        search(*args, storage, on_trial=lambda trial: made.append(trial.number), **more)
        return list(made)

    assert numbers(learner(), few) == [0]
    assert numbers(learner(), few, resume=True) == []
    assert numbers(learner(), replace(few, trials=2), resume=True) == [1]
    assert numbers(learner(seed=4), few, resume=True) == [0]
    assert numbers(learner(), replace(few, lambda_l2_high=9.0), resume=True) == [0]
    assert numbers(learner(), few) == [0]
    assert storage.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_refused_in_one_sentence(tmp_path):
    storage = tmp_path / "search.db"
    storage.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="is damaged and no search can go on from it"):
        search(learner(), SETTINGS, storage, resume=True)
    assert search(learner(), replace(SETTINGS, trials=1), storage).trials


#  a search that stops to be killed when so many trials have ended and the next has told of a fold:
#  one that ran on could be over before a busy machine lets its killer look
KILLED = """
import sys
import time
from dataclasses import replace
from pathlib import Path
from optuna.trial import Trial
from tests.training.synthetic_learner import BAD, learner
from training.fitting.search import search
from training.settings.search_settings import SearchSettings

folder, ended = Path(sys.argv[1]), int(sys.argv[2])
report = Trial.report

def report_and_wait(trial, value, step):
    report(trial, value, step)
    if sum(told.state.name in ("COMPLETE", "PRUNED") for told in trial.study.trials) == ended:
        time.sleep(600)

Trial.report = report_and_wait
settings = SearchSettings(trials=7, folds=3, startup=2)
search(learner(fit=BAD), settings, folder / "search.db", resume=True,
       on_trial=lambda trial: (folder / f"ended-{trial.number}").touch())
(folder / "all").touch()
"""


def killed_when(due: Callable[[], bool], folder: Path, *, ended: int) -> None:
    """Begin or go on in a process of its own, and SIGKILL it as soon as that is `due`: at the
    latest where `ended` trials have ended and the next is in its middle."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder), str(ended)], cwd=ROOT)
    try:
        while not due():
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL


def in_the_middle_of(trials: int, storage: Path) -> bool:
    """Whether as many trials have ended, and the next has told of a fold and not yet of all."""
    with closing(sqlite3.connect(storage, timeout=60)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if not {"trials", "trial_intermediate_values"} <= tables:
            return False
        [(ended,)] = database.execute(
            "SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')"
        )
        [(told,)] = database.execute(
            "SELECT count(*) FROM trial_intermediate_values JOIN trials USING (trial_id) "
            "WHERE state = 'RUNNING'"
        )
    return ended == trials and 0 < told < SETTINGS.folds


def test_a_search_killed_in_the_middle_goes_on_and_finds_the_same(tmp_path, uninterrupted):
    storage = tmp_path / "search.db"
    killed_when(storage.exists, tmp_path, ended=0)  # its tables are not all there
    killed_when(lambda: in_the_middle_of(0, storage), tmp_path, ended=0)
    killed_when(lambda: in_the_middle_of(3, storage), tmp_path, ended=3)
    assert not (tmp_path / "all").exists()
    assert sorted(path.name for path in tmp_path.glob("ended-*")) == [
        "ended-0", "ended-1", "ended-2",
    ]  # fmt: skip
    went_on: list[int] = []
    again = search(
        learner(fit=BAD), SETTINGS, storage, resume=True,
        on_trial=lambda trial: went_on.append(trial.number),
    )  # fmt: skip
    assert went_on == [3, 4, 5, 6]  # none lost that had ended, none made twice
    assert [trial.number for trial in again.trials] == list(range(SETTINGS.trials))
    assert again == uninterrupted
    assert table_bytes(again) == table_bytes(uninterrupted)
    with closing(sqlite3.connect(storage)) as database:
        states = [state for (state,) in database.execute("SELECT state FROM trials")]
    assert states.count("FAIL") == 2  # those that were cut off, and nothing is said to run
    assert len(states) == SETTINGS.trials + 2
    assert "RUNNING" not in states


def test_a_search_killed_as_its_first_trial_was_about_to_begin_makes_it_once(tmp_path):
    two, storage = replace(SETTINGS, trials=2, folds=2), tmp_path / "search.db"
    whole = search(learner(fit=BAD), two, storage)
    search(learner(fit=BAD), replace(two, trials=1), storage)
    with closing(sqlite3.connect(storage)) as database, database:
        for told in ("params", "values", "intermediate_values", "user_attributes"):
            database.execute(f"DELETE FROM trial_{told}")
        database.execute("UPDATE trials SET state = 'WAITING', datetime_complete = NULL")
    assert search(learner(fit=BAD), two, storage, resume=True) == whole


def test_the_bounds_of_the_search_hold_and_reach_to_what_is_declared():
    within = space(SearchSettings(), replace(FIT, learning_rate=0.004, max_depth=9, lambda_l2=0.0))
    bounds = {name: (within[name].low, within[name].high) for name in BOUNDED}
    assert bounds["learning_rate"] == (0.004, 0.1)
    assert bounds["max_depth"] == (3, 9)
    assert bounds["num_leaves"] == (7, 31)
    assert bounds["lambda_l2"] == (0.0, 100.0)
    assert within["learning_rate"].log
    assert not within["lambda_l2"].log  # 0 has no order of magnitude
    assert "extra_trees" not in space(SearchSettings(extra_trees_too=False), FIT)
    told = settings_of({"learning_rate": 0.0123456, "lambda_l2": 99.99999}, FIT, within)
    assert (told.learning_rate, told.lambda_l2) == (0.01235, 100.0)


def test_bounds_that_are_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match="max_depth_low is above max_depth_high"):
        SearchSettings(max_depth_low=7)


def test_each_trial_is_a_run_within_the_run(uninterrupted):
    runs = trial_runs(uninterrupted)
    assert [run.name for run in runs] == [f"trial {n}" for n in range(SETTINGS.trials)]
    for run, trial in zip(runs, uninterrupted.trials, strict=True):
        assert run.state == {"complete": "FINISHED", "pruned": "KILLED"}[trial.state]
        assert run.params["fit.num_leaves"] == str(trial.settings["num_leaves"])
        assert ("log_loss" in run.metrics) == (trial.state == "complete")
    assert runs[0].metrics["log_loss"] == uninterrupted.trials[0].log_loss


def test_the_table_has_no_clock(uninterrupted):
    table = uninterrupted.table
    assert "seconds" not in table
    assert isinstance(table, pd.DataFrame)
    assert table["number"].tolist() == list(range(SETTINGS.trials))
    assert table["log_loss"].isna().tolist() == (table["state"] == "pruned").tolist()
