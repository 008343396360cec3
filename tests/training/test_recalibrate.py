"""A champion whose base rate moved gets another calibrator, and stays the same otherwise."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from serving.model import RiskModel, read_model_files
from tests.training.small import NO_LAB
from training import challenger
from training.promotion import promote
from training.recalibrate import OF, RecalibrateReport, recalibrate
from training.recalibration import moved
from training.registry import CHALLENGER, fetch_run, version_at
from training.tasks import HIGH_COST, READMISSION, Task
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
def home(small_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy of the small home; its champions are of earlier, and say too high risks."""
    made = Home(tmp_path_factory.mktemp("recalibrated") / "home")
    ignored = shutil.ignore_patterns("mlflow*", "models")
    shutil.copytree(small_home.root, made.root, symlinks=True, ignore=ignored)
    right = challenger.choose_calibrator

    def too_high(*about):
        choice = right(*about)
        return replace(choice, calibrator=moved(choice.calibrator, WRONG_BY))

    with pytest.MonkeyPatch.context() as patch:
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
    with pytest.MonkeyPatch.context() as patch:
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
    assert metadata[OF]["version"] == RiskModel.load(home.models / name).version
    if name == "high-cost":
        assert (folder / "cost.txt").read_bytes() == (home.models / name / "cost.txt").read_bytes()


@pytest.mark.parametrize("name", LATER)
def test_the_gate_judges_it_beside_the_champion(reports, name):
    criteria = {criterion.name: criterion for criterion in reports[name].verdict.criteria}
    assert criteria["ranking"].words.startswith(
        "AUROC minus that of the champion, version 1, on the same rows: 0.000 (0.000 to 0.000)"
    )
    assert "all would be called again" in criteria["change of the list"].words


def test_it_can_be_promoted_and_scores(home, reports, tmp_path):
    own = Home(tmp_path / "home")
    shutil.copytree(home.models, own.models, symlinks=True)
    version = version_at(home, "readmission", CHALLENGER)
    model = RiskModel.load(fetch_run(home, version.run_id, tmp_path, "model"))
    assert model.version == version.model_version
    assert model.has_landmarks


def test_nothing_has_become_known_since(home, reports):
    with pytest.raises(RefusalError, match="have become known of people whom no fit saw"):
        recalibrate(home, "readmission", earlier(LATER["readmission"]))


def test_another_split_is_refused(home, reports):
    other = replace(LATER["readmission"], split=replace(SPLIT, salt="another"))
    with pytest.raises(RefusalError, match="was split otherwise than the settings say"):
        recalibrate(home, "readmission", other)


def test_without_a_champion_there_is_nothing_to_recalibrate(tmp_path: Path):
    with pytest.raises(InputError, match="There is no champion of readmission to recalibrate"):
        recalibrate(Home(tmp_path / "empty"), "readmission")
