"""A model of the risk without help is held against those whom nobody helped, wherever it goes."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data import intake
from data.home import Home
from serving.model import RiskModel
from tests.training.small import NO_LAB, day
from tests.training.unrendered import unrendered
from training.examine import Examined, examine
from training.fitting.prepared import cohort_of
from training.fitting.treated import TREATED, done_with_treated, tells_without_help
from training.release.gate import Verdict
from training.release.registry import fetch_run
from training.settings.feedback_settings import FeedbackSettings
from training.settings.tasks import READMISSION
from training.train import train

TASK = replace(
    READMISSION, split=replace(READMISSION.split, test_share=0.3), lab=NO_LAB,
    fit=replace(READMISSION.fit, rounds=40, folds=1, threads=1),
    evaluation=replace(READMISSION.evaluation, replicates=20, judgeable_events=30),
    feedback=FeedbackSettings("weight"),
)  # fmt: skip
OF_EVERYBODY = "the model tells the risk without help, and the figures are of everybody"


@pytest.fixture(scope="module")
def home(small_home: Home, mlflow_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("unhelped") / "home")
    ignored = shutil.ignore_patterns("mlflow*", "models")
    shutil.copytree(small_home.root, made.root, symlinks=True, ignore=ignored)
    shutil.copy(mlflow_tables, made.tracking_database)
    return made


@pytest.fixture(scope="module")
def trained(home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[RiskModel, Verdict]:
    with pytest.MonkeyPatch.context() as patch, unrendered():
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        report = train(home, "readmission", TASK)
        folder = fetch_run(home, report.run.run_id, tmp_path_factory.mktemp("run"), "model")
    assert any("not reached, weighted by the inverse chance" in told for told in report.remarks)
    return RiskModel.load(folder), report.verdict


@pytest.fixture(scope="module")
def examined(home: Home, trained: tuple[RiskModel, Verdict]) -> Examined:
    return examine(home, trained[0], TASK)


def test_the_model_tells_what_its_training_did(trained):
    model, _ = trained
    assert model.metadata[TREATED] == "weight"
    assert tells_without_help(model.metadata)
    assert not tells_without_help({**model.metadata, TREATED: "include"})
    of_before = {name: value for name, value in model.metadata.items() if name != TREATED}
    assert not tells_without_help(of_before)


def test_where_nobody_knows_who_was_reached_the_setting_did_nothing():
    assert done_with_treated(FeedbackSettings("exclude"), ("outreach",)) == "exclude"
    assert done_with_treated(FeedbackSettings("exclude"), ("encounter",)) == "include"


def test_the_gate_holds_its_calibration_against_those_whom_nobody_reached(trained):
    _, verdict = trained
    words = {criterion.name: criterion.words for criterion in verdict.criteria}
    for name in ("calibration in total", "calibration slope"):
        assert "rows that nobody reached, weighted by the inverse chance of it, is " in words[name]


def test_who_was_reached_among_other_people_is_told_beside_the_figures(home, examined):
    apart = examined.apart
    assert apart is not None
    assert examined.evaluation.remarks[-1] == f"{OF_EVERYBODY}, helped or not; {apart.words}"
    assert "weighted by the inverse chance of it" in apart.words
    taken, calls, reached = intake.current(home), defaultdict(list), 0
    for step in pq.read_table(taken.tables["outreach"]).to_pylist():
        if step["step"] in ("contacted", "enrolled") and not step["reversed"]:
            calls[step["patient_id"]].append(day(str(step["happened_on"])))
    rows = cohort_of(taken.tables, taken.manifest, TASK).rows
    for row in rows.to_dict("records"):
        left, until = row["discharged_on"], row["outcome_until"]
        if row["outcome"]:  # what comes on the day of the outcome did not change it
            until = left + row["days_to_next"] - 1
        reached += any(left < on <= until for on in calls[row["patient_id"]])
    assert 0 < reached < len(rows)
    assert (apart.rows, apart.reached) == (len(rows), reached)


def test_nothing_of_it_is_told_of_a_model_that_learned_from_everybody(home, trained, examined):
    plain = replace(trained[0], metadata={**trained[0].metadata, TREATED: "include"})
    found = examine(home, plain, TASK)
    assert found.apart is None
    assert found.evaluation.remarks == examined.evaluation.remarks[:-1]
    assert found.evaluation.flat() == examined.evaluation.flat()


def test_that_nobody_knows_who_was_reached_is_told(home, trained, tmp_path):
    silent = Home(tmp_path / "silent")
    shutil.copytree(home.root, silent.root, symlinks=True, ignore=shutil.ignore_patterns("mlflow*"))
    manifest = silent.tables / "current.json"
    told = json.loads(manifest.read_text())
    told["carries"].remove("outreach")
    manifest.write_text(json.dumps(told))
    found = examine(silent, trained[0], TASK)
    assert found.apart is None
    assert found.evaluation.remarks[-1] == (
        f"{OF_EVERYBODY}: who was reached is not known, the source carries no outreach"
    )
