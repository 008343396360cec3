"""A champion whose base rate moved gets another calibrator, and stays the same otherwise."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from serving.model import RiskModel, read_model_files
from tests.training.small import NO_LAB, day
from tests.training.unrendered import unrendered
from training.fitting import challenger
from training.fitting.prepared import prepare
from training.fitting.recalibration import moved
from training.recalibrate import (
    OF,
    RecalibrateReport,
    _as_it_was_learned,
    _moved,
    _refuse_another_question,
    _refuse_other_people,
    _rows_since,
    first_asked_on,
    last_day,
    recalibrate,
)
from training.release.promotion import promote
from training.release.registry import CHALLENGER, CHAMPION, fetch_run, version_at
from training.settings.feedback_settings import FeedbackSettings
from training.settings.tasks import HIGH_COST, READMISSION, Task
from training.train import train

SPLIT = replace(READMISSION.split, test_share=0.3, calibration_share=0.3, validation_share=0.1)
QUICK = {"rounds": 40, "folds": 1, "threads": 1}
LATER = {
    "readmission": replace(
        READMISSION, split=SPLIT, fit=replace(READMISSION.fit, **QUICK),
        evaluation=replace(READMISSION.evaluation, replicates=20), lab=NO_LAB,
    ),
    "high-cost": replace(
        HIGH_COST, split=SPLIT, fit=replace(HIGH_COST.fit, **QUICK), months_between=3,
        evaluation=replace(HIGH_COST.evaluation, replicates=20), lab=NO_LAB,
    ),
}  # fmt: skip
"""The tasks as they are when what came since is known."""
WRONG_BY = 1.0
"""In log odds: so much higher than right the champion's risks are."""


def earlier(task: Task) -> Task:
    """The same task with an earlier first test day, as if it had been trained before."""
    return replace(task, split=replace(task.split, train_worth=0.4))


@pytest.fixture(scope="module")
def home(small_home: Home, mlflow_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy of the small home; its champions are of earlier, and say too high risks."""
    made = Home(tmp_path_factory.mktemp("recalibrated") / "home")
    ignored = shutil.ignore_patterns("mlflow*", "models")
    shutil.copytree(small_home.root, made.root, symlinks=True, ignore=ignored)
    shutil.copy(mlflow_tables, made.tracking_database)
    right = challenger.choose_calibrator

    def too_high(*about):
        choice = right(*about)
        return replace(choice, calibrator=moved(choice.calibrator, WRONG_BY))

    with pytest.MonkeyPatch.context() as patch, unrendered():
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(challenger, "choose_calibrator", too_high)
        for name, task in LATER.items():
            train(made, name, earlier(task))
            promote(made, name, override="to be recalibrated")
    return made


@pytest.fixture(autouse=True)
def _embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def reports(home: Home) -> dict[str, RecalibrateReport]:
    with pytest.MonkeyPatch.context() as patch, unrendered():
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return {name: recalibrate(home, name, task) for name, task in LATER.items()}


@pytest.mark.parametrize("name", LATER)
def test_what_moved_is_moved_back(reports, name):
    report = reports[name]
    assert report.move.kind == "base rate"
    assert report.move.intercept == pytest.approx(-WRONG_BY, abs=0.45), "few cases tell it"
    assert report.before == "1"
    assert report.cases >= 10


@pytest.mark.parametrize("name", LATER)
def test_the_challenger_is_the_champion_with_another_calibrator(home, reports, name, tmp_path):
    version = version_at(home, name, CHALLENGER)
    assert version is not None
    assert version.number == "2"
    folder = fetch_run(home, version.run_id, tmp_path, "model")
    text, metadata = read_model_files(folder)
    before, of_before = read_model_files(home.models / name)
    assert text == before
    differs = {key for key in metadata if metadata[key] != of_before.get(key)}
    assert differs == {"calibrator", "tiers", OF}
    told = metadata[OF]
    assert (told["rows"], told["cases"]) == (reports[name].rows, reports[name].cases)
    assert last_day(of_before) < day(told["first_as_of"]) <= last_day(metadata)
    assert metadata[OF]["version"] == RiskModel.load(home.models / name).version
    if name == "high-cost":
        assert (folder / "cost.txt").read_bytes() == (home.models / name / "cost.txt").read_bytes()


@pytest.mark.parametrize("name", LATER)
def test_the_gate_judges_it_beside_the_champion(reports, name):
    criteria = {criterion.name: criterion for criterion in reports[name].verdict.criteria}
    assert criteria["beside the champion"].words.startswith(
        "AUROC minus that of version 1 on the same rows: 0.000 (0.000 to 0.000)"
    )
    assert criteria["beside the champion"].passed
    assert "all would be called again" in criteria["change of the list"].words


def test_it_can_be_promoted_and_scores(home, reports, tmp_path):
    own = Home(tmp_path / "home")
    shutil.copytree(home.models, own.models, symlinks=True)
    version = version_at(home, "readmission", CHALLENGER)
    model = RiskModel.load(fetch_run(home, version.run_id, tmp_path, "model"))
    assert model.version == version.model_version
    assert model.has_landmarks


def test_a_second_recalibration_begins_after_the_rows_of_the_first():
    trained = {"trained_on": {"last_as_of": "2022-10-15"}}
    assert last_day(trained) == day("2022-10-15")
    assert last_day({**trained, OF: {"last_as_of": "2023-09-11"}}) == day("2023-09-11")


def test_a_stay_is_new_by_its_discharge_and_counts_once():
    # discharged five days before the last row: its questions on days 7 and 14 came after
    rows = pd.DataFrame({
        "discharged_on": [10, 10, 16, 16], "landmark": [0, 7, 0, 2], "as_of": [10, 17, 16, 18],
    })  # fmt: skip
    assert (first_asked_on(rows) > 15).tolist() == [False, False, True, True]
    of_cost = pd.DataFrame({"as_of": [14, 16]})
    assert (first_asked_on(of_cost) > 15).tolist() == [False, True]


def test_what_being_reached_does_is_no_move_of_the_base_rate(home):
    task = replace(LATER["readmission"], feedback=FeedbackSettings(treated="flag"))
    champion = RiskModel.load(home.models / "readmission")
    as_asked = prepare(home, task, champion)
    places = np.arange(len(as_asked.matrix.rows))
    offset = np.where(places % 3 == 0, -0.7, 0.0)
    plain, helped = (
        _as_it_was_learned(
            replace(as_asked, treated=replace(as_asked.treated, offset=one)), champion
        )
        for one in (None, offset)
    )
    assert helped.start - plain.start == pytest.approx(offset)


@pytest.mark.parametrize("name", LATER)
def test_what_being_reached_does_is_in_no_tier(home, name):
    task = replace(LATER[name], feedback=FeedbackSettings(treated="flag"))
    champion = RiskModel.load(home.models / name)
    text, _ = read_model_files(home.models / name)
    as_asked = prepare(home, task, champion)
    places = _rows_since(as_asked, champion, task)
    offset = np.where(np.arange(len(as_asked.matrix.rows)) % 3 == 0, -3.0, 0.0)
    helped = replace(as_asked, treated=replace(as_asked.treated, offset=offset))
    learner = _as_it_was_learned(helped, champion)
    _, model = _moved(champion, learner, helped, text, places)
    rows = as_asked.matrix.rows.iloc[places]
    once = rows["landmark"].to_numpy() == 0 if "landmark" in rows else np.ones(len(rows), bool)
    tiers = model.tier(learner.margin(text, places)[once])
    # 5 of 100 whom the list asks about, who begin where nobody was reached
    assert np.mean(tiers == "high") == pytest.approx(task.tiers.high, abs=1.5 / once.sum())
    assert np.mean(tiers != "low") == pytest.approx(task.tiers.moderate, abs=1.5 / once.sum())


def test_nothing_has_become_known_since(home, reports):
    with pytest.raises(
        RefusalError, match="of people whom no fit saw have become known before the test begins on"
    ):
        recalibrate(home, "readmission", earlier(LATER["readmission"]))


def test_another_split_is_refused(home, reports):
    other = replace(LATER["readmission"], split=replace(SPLIT, salt="another"))
    with pytest.raises(RefusalError, match="was split otherwise than the settings say"):
        recalibrate(home, "readmission", other)


def test_another_question_is_refused(home, reports):
    task = LATER["readmission"]
    for other in (replace(task, horizon_days=20), replace(task, minimum_age=18)):
        with pytest.raises(RefusalError, match="another question than the settings ask"):
            _refuse_another_question(version_at(home, "readmission", CHAMPION), other)


def test_other_people_are_refused(home):
    version = version_at(home, "readmission", CHAMPION)
    metadata = read_model_files(home.models / "readmission")[1]
    task = LATER["readmission"]
    _refuse_other_people(home, version, task, metadata)
    with pytest.raises(RefusalError, match="of people of origin own, and this home holds people"):
        _refuse_other_people(home, version, task, metadata | {"origin": "own"})


def test_without_a_champion_there_is_nothing_to_recalibrate(tmp_path: Path):
    with pytest.raises(InputError, match="There is no champion of readmission to recalibrate"):
        recalibrate(Home(tmp_path / "empty"), "readmission")
