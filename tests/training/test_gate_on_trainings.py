"""What the gate says of trainings that went wrong: shuffled labels, a leak, people of one sex."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import RefusalError
from data.home import Home
from tests.training.small import NO_LAB
from tests.training.unrendered import unrendered
from training import train as training
from training.fitting import prepared
from training.fitting.learner import Learner
from training.fitting.matrix import Matrix
from training.release.promotion import promote
from training.settings.tasks import READMISSION

TASK = replace(
    READMISSION,
    split=replace(READMISSION.split, test_share=0.45),
    fit=replace(READMISSION.fit, rounds=40, folds=1, threads=1, monotone=False),
    evaluation=replace(READMISSION.evaluation, replicates=40, judgeable_events=20),
    gate=replace(READMISSION.gate, least_cases=5),
    lab=NO_LAB,
)


@pytest.fixture(scope="module")
def home(small_home: Home, mlflow_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A copy of the small home with a champion of its own."""
    made = Home(tmp_path_factory.mktemp("gate") / "home")
    ignored = shutil.ignore_patterns("mlflow*", "models")
    shutil.copytree(small_home.root, made.root, symlinks=True, ignore=ignored)
    shutil.copy(mlflow_tables, made.tracking_database)
    with pytest.MonkeyPatch.context() as patch, unrendered():
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        training.train(made, "readmission", TASK)
        promote(made, "readmission", override="quickly fitted for tests")
    return made


def retrained(
    home: Home, patch: pytest.MonkeyPatch, where: Any, name: str, changed: Callable[..., Any]
) -> dict[str, Any]:
    """The criteria of a challenger that was trained with one function of training changed."""
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    patch.setattr(where, name, changed(getattr(where, name)))
    with unrendered():
        verdict = training.train(home, "readmission", TASK).verdict
    return {criterion.name: criterion for criterion in verdict.criteria}


def test_the_same_training_again_passes_beside_its_champion(home, monkeypatch):
    found = retrained(home, monkeypatch, prepared, "build", lambda build: build)
    assert found["beside the champion"].passed
    assert "AUROC minus that of version 1 on the same rows: 0.000" in (
        found["beside the champion"].words
    )


def test_labels_that_were_shuffled_before_the_fit(home, monkeypatch):
    def shuffling(fit: Callable[..., Any]) -> Callable[..., Any]:
        def changed(learner: Learner, *more: Any, **named: Any) -> Any:
            rows = learner.matrix.rows.copy()
            rows["outcome"] = np.random.default_rng(1).permutation(rows["outcome"].to_numpy())
            return fit(replace(learner, matrix=replace(learner.matrix, rows=rows)), *more, **named)

        return changed

    found = retrained(home, monkeypatch, Learner, "fit", shuffling)
    assert not found["beside the champion"].passed
    assert "that of version 1 on the same rows: -0." in found["beside the champion"].words
    with pytest.raises(RefusalError, match="did not pass the gate: AUROC minus that of version"):
        promote(home, "readmission")


def test_a_feature_that_saw_the_outcome(home, monkeypatch):
    def leaking(build: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*about: Any) -> Matrix:
            made = build(*about)
            return Matrix(
                made.X.assign(age=made.X["age"] + 200 * made.rows["outcome"].to_numpy()),
                made.rows, made.cuts,
            )  # fmt: skip

        return changed

    found = retrained(home, monkeypatch, prepared, "build", leaking)
    assert not found["too good to be true"].passed
    assert "a reason to look for what leaks from the future" in found["too good to be true"].words


def test_people_of_one_sex_alone(home, monkeypatch):
    def without_men(prepare: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*about: Any, **named: Any) -> Any:
            made = prepare(*about, **named)
            role = made.split.role
            role[(made.matrix.X["female"].to_numpy() == 0) & (role != "test")] = "aside"
            return made

        return changed

    found = retrained(home, monkeypatch, training, "prepare", without_men)
    assert not found["who it learned from"].passed
    assert "men 0% and " in found["who it learned from"].words
    assert "it has hardly learned from some of those" in found["who it learned from"].words
