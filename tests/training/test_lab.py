"""All four analyses of real trainings: nobody who tests is learned from, and all is written."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from data.home import Home
from training.cohorts.landmarks import asked_once
from training.cohorts.split import patient_roles
from training.evaluation.scored_rows import scored_by
from training.fitting.challenger import challenger_of
from training.fitting.learner import Learner
from training.fitting.prepared import Prepared, prepare
from training.robustness.backtest import cut_dates, earlier_tests, known_days, learned_at
from training.robustness.lab import Lab, in_the_lab
from training.settings.lab_settings import LabSettings
from training.settings.tasks import HIGH_COST, READMISSION

FAR = 10**6
SETTINGS = LabSettings(backtest_cuts=2, curve_points=1, stability_refits=1)


@pytest.fixture(scope="module", params=["readmission", "high-cost"])
def made(request: pytest.FixtureRequest, small_home: Home) -> tuple[Prepared, Learner]:
    task = {"readmission": READMISSION,
            "high-cost": replace(HIGH_COST, months_between=3)}[request.param]  # fmt: skip
    task = replace(task, fit=replace(task.fit, rounds=15, patience=3, folds=1, threads=1),
                   evaluation=replace(task.evaluation, replicates=5))  # fmt: skip
    prepared = prepare(small_home, task)
    return prepared, Learner.of(prepared.matrix, prepared.split, task, prepared.landmarks)


def places_that_test(learner: Learner) -> NDArray[np.int64]:
    places = learner.split.rows("test")
    return places[asked_once(learner.matrix.rows)[places]]


def cuts_of(prepared: Prepared, learner: Learner) -> list[int]:
    cohort = prepared.cohort
    return cut_dates(cohort.rows, cohort.run_out_days, learner.split.test_from,
                     learner.task.split, 2)  # fmt: skip


def earlier_of(prepared: Prepared, learner: Learner, cuts: list[int], most: int = FAR) -> Learner:
    log_odds = None if prepared.landmarks is None else prepared.landmarks.log_odds
    return earlier_tests(prepared.cohort.rows, cuts, learner, prepared.histories, log_odds, most)


def test_of_real_people_it_is_not_said_how_few_rows_have_no_role(made):
    prepared, _ = made
    every = len(prepared.cohort.rows)
    counts = prepared.counts.head(1).assign(rows=every - 3)
    of = {name: replace(prepared, counts=counts, manifest={**prepared.manifest, "origin": name})
          for name in ("invented", "own")}  # fmt: skip
    assert of["invented"].remarks[0].startswith(f"3 of {every:,} rows have no role")
    assert of["own"].remarks[0].startswith(f"fewer than 11 of {round(every, -1):,} rows have no")


def test_earlier_rows_are_made_just_as_the_training_makes_those_that_test(made):
    """Asked about the time from the first test day on, they are the very same."""
    prepared, learner = made
    tested = places_that_test(learner)
    found = earlier_of(prepared, learner, [learner.split.test_from, FAR])
    rows = learner.matrix.rows.iloc[tested].reset_index(drop=True)
    same = [name for name in rows if name != "weight"]  # of a stay's landmarks it is shared
    pd.testing.assert_frame_equal(found.matrix.rows[same], rows[same], check_dtype=False)
    assert (found.weights / learner.weights[tested]).std() == pytest.approx(0)
    names = list(learner.names)
    every = np.arange(len(rows))
    np.testing.assert_array_equal(
        found.matrix.array(names, every), learner.matrix.array(names, tested)
    )
    np.testing.assert_array_equal(found.share, learner.share[tested])
    if learner.start is None:
        assert found.start is None
    else:
        np.testing.assert_array_equal(found.start, learner.start[tested])


def test_nobody_who_tests_earlier_is_learned_from_and_no_label_is_known_too_late(made):
    prepared, learner = made
    cuts = cuts_of(prepared, learner)
    assert len(cuts) == 2
    earlier = earlier_of(prepared, learner, cuts)
    days = earlier.matrix.rows["as_of"].to_numpy()
    assert len(days)
    assert cuts[0] <= days.min()
    assert days.max() < cuts[1]
    people = set(earlier.matrix.rows["patient_id"])
    assert set(patient_roles(sorted(people), learner.task.split)) == {"test"}
    run_out = prepared.cohort.run_out_days
    for cut in cuts:
        for roles in (("train", "validation"), ("calibration",)):
            part = learner.matrix.rows.iloc[learned_at(learner, cut, run_out, roles)]
            assert not people & set(part["patient_id"])
            assert known_days(part, run_out).max() <= cut
            assert part["as_of"].max() < cut
    assert len(earlier_of(prepared, learner, cuts, most=20).matrix.rows) < 45


def test_all_is_told_and_written_and_twice_the_same(made, tmp_path):
    prepared, learner = made
    fitted = learner.fit()
    model, choice = challenger_of(fitted, learner, prepared)
    tested = prepared.matrix.part(places_that_test(learner))
    scored = scored_by(model, tested, prepared.histories, prepared.truth, learner.task)

    def again(settings: LabSettings) -> Lab:
        return in_the_lab(prepared, learner, fitted, choice.calibrator, scored, settings)

    one = again(SETTINGS)
    assert len(one.remarks) >= 5
    assert one.flat()["backtest.cuts"] == 2
    files = []
    for name, lab in (("a", one), ("b", again(SETTINGS))):
        lab.write(tmp_path / name, "Invented")
        files.append({
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*.*"))
        })  # fmt: skip
    assert files[0] == files[1]
    pictures = [f"pictures/{n}.{end}" for n in ("backtests", "decision_curve", "learning_curve")
                for end in ("png", "svg")]  # fmt: skip
    assert sorted(files[0]) == sorted([
        "lab/backtests.csv", "lab/backtests.json", "lab/decision_curve.csv",
        "lab/learning_curve.csv", "lab/learning_curve.json", "lab/stability.json", *pictures,
    ])  # fmt: skip
    assert json.loads(files[0]["lab/stability.json"])["refits"] == 1
    lines = list(csv.DictReader(files[0]["lab/backtests.csv"].decode().splitlines()))
    assert lines[-1]["rows"] == str(len(tested.rows))
    ids = {str(one).encode() for one in prepared.matrix.rows["patient_id"]}
    assert not any(one in text for name, text in files[0].items() if name.startswith("lab/")
                   for one in ids), "no patient leaves the home"  # fmt: skip

    none = again(LabSettings(backtest_cuts=0, curve_points=0, stability_refits=0))
    assert (none.backtests, none.learning_curve, none.stability) == (None, None, None)
    assert none.flat() == {}
    none.write(tmp_path / "none", "Invented")
    assert [p.name for p in sorted((tmp_path / "none" / "lab").iterdir())] == ["decision_curve.csv"]
