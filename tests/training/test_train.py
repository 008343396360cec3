"""Whole trainings on a small invented population, tracked in a real MLflow on SQLite."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError, RefusalError
from data.home import Home
from data.intake import current, take_in
from data.synthesise import synthesise
from features.history import Histories
from features.writing import write_histories
from serving.model import RiskModel
from tests.training.small import NO_LAB
from tests.training.unrendered import unrendered
from training.evaluation.by_day import AT_DISCHARGE
from training.examine import examine, examine_by_day
from training.fitting.prepared import cohort_of
from training.release.promotion import promote
from training.release.registry import (
    CHALLENGER,
    CHAMPION,
    registered_name,
    tracking_uri,
)
from training.settings.tasks import HIGH_COST, READMISSION, task_called, task_file
from training.train import TrainReport, train

MEMBERS = 2500
QUICK = {"rounds": 40, "patience": 10, "folds": 2, "threads": 1}
HALF_TESTS = replace(READMISSION.split, test_share=0.45)
SMALL_READMISSION = replace(
    READMISSION,
    split=HALF_TESTS,
    fit=replace(READMISSION.fit, **QUICK),
    evaluation=replace(READMISSION.evaluation, replicates=40),
    lab=NO_LAB,
)
SMALL_HIGH_COST = replace(
    HIGH_COST,
    split=HALF_TESTS,
    months_between=3,
    fit=replace(HIGH_COST.fit, **QUICK),
    evaluation=replace(HIGH_COST.evaluation, replicates=40),
    lab=NO_LAB,
)


READMISSION_BASELINES = {
    "prior admissions", "LACE", "HOSPITAL 2016 without H, O, S", "HOSPITAL 2013 without H, O, S",
    "HOSPITAL simplified without oncology service, H, S", "Charlson 2011",
}  # fmt: skip
"""H and S are told some days after the discharge, and no source names the oncology service."""
PICTURES = (
    "calibration", "calibration_by_day", "decision_curve", "dependence", "gain",
    "importance", "ranking_by_day", "roc", "shares",
)  # fmt: skip
COST_BASELINES = {
    "prior-year cost", "CMS-HCC V28 conditions", "Charlson 2011", "Elixhauser (van Walraven)",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(mlflow_tables, tmp_path_factory) -> Home:
    made = Home(tmp_path_factory.mktemp("home"))
    synthesise(made, MEMBERS, seed=5)
    take_in(made, "canonical", made.invented)
    write_histories(made)
    shutil.copy(mlflow_tables, made.tracking_database)
    return made


@pytest.fixture(scope="module")
def trained(home) -> dict[str, TrainReport]:
    with pytest.MonkeyPatch.context() as patch, unrendered(".png"):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        made = {
            "readmission": train(home, "readmission", SMALL_READMISSION),
            "high-cost": train(home, "high-cost", SMALL_HIGH_COST),
        }
        for task in made:
            promote(home, task, override="quickly fitted for tests")
        return made


@pytest.fixture(autouse=True)
def _embedded_store(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(autouse=True)
def _unrendered(trained):
    """Every training but those of `trained`, whose run is looked at."""
    with unrendered():
        yield


@pytest.mark.parametrize("task", ["readmission", "high-cost"])
def test_the_model_in_use_is_the_one_that_was_judged(home, trained, task):
    report = trained[task]
    model = RiskModel.load(home.models / task)
    assert model.version == report.model_version
    assert model.metadata["kind"] == task
    assert model.metadata["origin"] == "invented"
    assert model.metadata["treated"] == "include"
    assert model.metadata["carries"] == list(Histories.open(home.histories).carries)
    assert 0 < model.metadata["tiers"]["moderate"] <= model.metadata["tiers"]["high"] < 1
    assert model.metadata["threshold_cents"] == report.threshold_cents
    assert (report.threshold_cents is None) == (task == "readmission")


@pytest.mark.parametrize("task", ["readmission", "high-cost"])
def test_the_report_has_counts_baselines_and_truth(trained, task):
    report = trained[task]
    assert report.counts["role"].tolist() == ["train", "validation", "calibration", "test"]
    assert (report.counts["rows"] > 0).all()
    before = report.counts.iloc[:3]["last_as_of"].max()
    assert before < report.counts.iloc[3]["first_as_of"]
    assert set(report.evaluation.better_than) == (
        READMISSION_BASELINES if task == "readmission" else COST_BASELINES
    )
    assert report.attrition["evaluable"].sum() >= len(report.attrition) - 1
    assert report.evaluation.truth["rows"] > 0


def test_the_run_holds_settings_fingerprints_pictures_and_plain_files(home, trained):
    report = trained["readmission"]
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(home))
    run = client.get_run(report.run.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["fit.seed"] == str(READMISSION.fit.seed)
    assert run.data.params["horizon_days"] == "30"
    assert run.data.tags["data.fingerprint"] == Histories.open(home.histories).manifest["content"]
    assert run.data.metrics["firstcall.auroc"] == report.evaluation.scores["firstcall"]["auroc"][0]
    kept = Path(client.download_artifacts(run.info.run_id, ""))
    files = {str(p.relative_to(kept)) for p in kept.rglob("*") if p.is_file()}
    assert files == {
        "attrition.csv", "card.html", "card.md", "counts.csv", "disparities.csv", "equity.json",
        "evaluation.json", "gate.json", "importance.csv", "lab/decision_curve.csv",
        "landmarks.csv", "report.html", "search.csv", "selection.csv", "subgroups.csv",
        "treated.json",
        "model/model.json",
        "model/model.txt", "settings.csv", "task.toml",
        *(f"pictures/{name}.{form}" for form in ("png", "svg") for name in PICTURES),
    }  # fmt: skip
    json.loads((kept / "evaluation.json").read_text())
    told = pd.read_csv(kept / "settings.csv").set_index("setting")
    assert told.loc["horizon_days", "meaning"].endswith("days; after discharge")
    version = client.get_model_version_by_alias(registered_name("readmission"), CHAMPION)
    assert str(version.version) == report.run.version


def test_a_task_of_ones_own_is_trained_beside_the_others(home, tmp_path):
    """An emergency visit within 60 days: a copy of the example's file with other values."""
    shipped = task_called("ed-visit-90")
    mine = replace(
        shipped, name="ed-visit-60", horizon_days=60, split=HALF_TESTS, months_between=6,
        fit=replace(shipped.fit, **QUICK), evaluation=replace(shipped.evaluation, replicates=10),
    )  # fmt: skip
    path = tmp_path / "mine.toml"
    path.write_text(task_file(mine))
    report = train(home, str(path))
    assert report.task == "ed-visit-60"
    promote(home, "ed-visit-60", override="quickly fitted for tests")
    model = RiskModel.load(home.models / "ed-visit-60", "ed-visit-60")
    assert model.metadata["label"] == "Emergency visit within 60 days"
    assert (model.metadata["kind"], model.metadata["horizon_days"]) == ("encounter", 60)
    assert set(report.evaluation.better_than) == {"prior emergency encounters"}
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(home))
    kept = Path(client.download_artifacts(report.run.run_id, "task.toml"))
    assert kept.read_text() == task_file(mine)


def test_high_cost_says_what_is_expected_and_ties_to_its_source(home, trained, capsys):
    from mlflow import MlflowClient

    from training.cohorts.threshold import threshold_of_model
    from training.printed import print_report

    report = trained["high-cost"]
    model = RiskModel.load(home.models / "high-cost")
    threshold = threshold_of_model(model.metadata)
    assert threshold is not None
    assert (threshold.cents, threshold.share) == (report.threshold_cents, 0.05)
    assert model.metadata["label"].startswith("Allowed medical and pharmacy cost of the next 365 ")
    assert report.cost is not None
    totals = report.cost.tables["control_totals"]
    assert totals["allowed_cents"].sum() > totals["label_cents"].sum() > 0
    deciles = report.cost.judged.deciles
    assert deciles["expected"].iloc[-1] > 3 * deciles["expected"].mean()
    assert 0.5 < report.cost.judged.total.value < 2
    client = MlflowClient(tracking_uri(home))
    kept = Path(client.download_artifacts(report.run.run_id, "cost"))
    assert {path.name for path in kept.iterdir()} == {
        "bloomers.json", "completion.parquet", "control_totals.parquet",
        "encounters_by_kind.parquet", "expected_cost.json", "need_against_truth.parquet",
        "need_of_those_called.parquet", "percentiles.parquet",
    }  # fmt: skip
    judged = json.loads((kept / "expected_cost.json").read_text())
    assert judged["total"] == list(report.cost.judged.total)
    print_report(report)
    told = capsys.readouterr().out
    for title in ("Control totals in dollars", "Share of the final amount known", "Bloomers: ",
                  "Expected cost by decile", "Counted need beside the true one"):  # fmt: skip
        assert title in told
    assert (home.models / "readmission" / "model.txt").is_file()
    assert not (home.models / "readmission" / "cost.txt").exists()


def test_training_again_gives_the_same_bytes(home, trained):
    again = train(home, "readmission", SMALL_READMISSION)
    assert again.model_version == trained["readmission"].model_version
    figures = {k: v for k, v in again.evaluation.flat().items() if "champion" not in k}
    assert figures == trained["readmission"].evaluation.flat()
    assert again.evaluation.better_than["champion"]["auroc"] == (0, 0, 0)
    assert again.verdict.champion == trained["readmission"].run.version
    assert int(again.run.version) == int(trained["readmission"].run.version) + 1


def test_cohort_rows_equal_the_slow_labels_on_the_invented_population(home):
    """Every label again, by plain loops over the stays of each person."""
    taken = current(home)
    cohort = cohort_of(taken.tables, taken.manifest, READMISSION)
    stays = {stay["encounter_id"]: stay for stay in cohort.of_stays.stays.to_dict("records")}
    for _, own in cohort.every.groupby("person"):
        rows = own.to_dict("records")
        for place, row in enumerate(rows):
            if row["censored"] or np.isnan(row["discharged_on"]):
                continue
            begins = [stays[r["first_encounter_id"]] for r in rows[place + 1 :]]
            later = [stay for stay in begins if not stay["rehabilitation"]]
            if later and row["disposition"] == "psychiatric":
                continue  # skipped returns are a matter of the spec tables
            back = later and later[0]["admitted_on"] - row["discharged_on"] <= 30
            expected = bool(back) and later[0]["planned_rule"] == "unplanned"
            assert row["outcome"] == int(expected), row["reason"]


def test_another_population_judges_the_model_with_a_reference_beside_it(home, trained):
    model = RiskModel.load(home.models / "readmission")
    found = examine(home, model, SMALL_READMISSION, {"itself": model}).evaluation
    assert found.rows > trained["readmission"].evaluation.rows
    assert found.truth["expected_auroc.itself"] == found.truth["expected_auroc.firstcall"]
    assert found.better_than["itself"]["auroc"] == (0.0, 0.0, 0.0)
    costly = RiskModel.load(home.models / "high-cost")
    found = examine(home, costly, SMALL_HIGH_COST).evaluation
    assert found.truth["rows"] == found.rows, "dates are those whose truth is known"


def test_each_day_after_discharge_is_judged_alone(home, trained):
    report = trained["readmission"]
    days = {day.landmark: day for day in report.by_day}
    assert list(days) == [0, 2, 7], "on day 14 nobody of those who test is still to come back"
    at_discharge, whole = days[0].evaluation, report.evaluation
    assert (at_discharge.rows, at_discharge.events) == (whole.rows, whole.events)
    assert at_discharge.scores["firstcall"]["auroc"][0] == whole.scores["firstcall"]["auroc"][0]
    assert AT_DISCHARGE not in at_discharge.scores
    for earlier, later in pairwise(report.by_day):
        # who is asked later was asked before, but for who is back or dead
        assert later.evaluation.rows <= earlier.evaluation.rows
        assert later.evaluation.events <= earlier.evaluation.events
        assert AT_DISCHARGE in later.evaluation.better_than
    assert days[7].evaluation.rows < days[0].evaluation.rows
    figures = days[7].flat()
    assert figures["day_7.firstcall.auroc"] == days[7].evaluation.scores["firstcall"]["auroc"][0]


@pytest.mark.parametrize("task", ["readmission", "high-cost"])
def test_no_truth_is_told_of_real_people_beside_whom_an_invented_population_lies(
    home, trained, mlflow_tables, task, tmp_path
):
    real = Home(tmp_path / "real")
    shutil.copytree(home.root, real.root, symlinks=True, ignore=shutil.ignore_patterns("mlflow*"))
    shutil.copy(mlflow_tables, real.tracking_database)
    manifest = real.tables / "current.json"
    told = json.loads(manifest.read_text()) | {"origin": "own"}
    manifest.write_text(json.dumps(told))
    assert (real.invented / "truth" / "discharge.parquet").is_file()
    model = RiskModel.load(home.models / task)
    settings = SMALL_READMISSION if task == "readmission" else SMALL_HIGH_COST
    assert examine(home, model, settings).evaluation.truth["rows"] > 0
    assert examine(real, model, settings).evaluation.truth == {}
    if task == "high-cost":
        report = train(real, task, settings)
        assert report.cost is not None
        assert report.cost.need_truth is None
        assert report.evaluation.truth == {}
        assert trained[task].cost.need_truth is not None


def test_another_population_is_judged_by_day_too(home, trained):
    model = RiskModel.load(home.models / "readmission")
    days = examine_by_day(home, model, SMALL_READMISSION)
    cohort = cohort_of(current(home).tables, current(home).manifest, SMALL_READMISSION)
    assert days[0].evaluation.rows == len(cohort.rows)
    assert [day.landmark for day in days] == [0, 2, 7, 14]
    costly = RiskModel.load(home.models / "high-cost")
    with pytest.raises(InputError, match="high-cost is not asked on days after a discharge"):
        examine_by_day(home, costly)


def test_a_population_too_small_is_refused(tmp_path):
    small = Home(tmp_path)
    synthesise(small, 40, seed=5)
    take_in(small, "canonical", small.invented)
    write_histories(small)
    with pytest.raises(RefusalError, match="take in more"):
        train(small, "readmission")


def test_nothing_taken_in_is_said(tmp_path):
    with pytest.raises(InputError):
        train(Home(tmp_path), "readmission")


def test_another_tracking_store_is_used_where_the_environment_names_one(
    home, tmp_path, monkeypatch
):
    from mlflow import MlflowClient

    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    monkeypatch.chdir(tmp_path)  # such a store puts files beside whoever runs
    copied = Home(tmp_path / "home")
    shutil.copytree(
        home.root, copied.root, symlinks=True,
        ignore=lambda folder, names: {home.tracking_database.name, "mlflow-artifacts", "models"},
    )  # fmt: skip
    few = replace(
        SMALL_READMISSION,
        fit=replace(SMALL_READMISSION.fit, rounds=5),
        evaluation=replace(SMALL_READMISSION.evaluation, replicates=5),
    )
    report = train(copied, "readmission", few)
    assert tracking_uri(copied) == elsewhere
    client = MlflowClient(elsewhere)
    assert client.get_run(report.run.run_id).info.status == "FINISHED"
    assert [model.name for model in client.search_registered_models()] == [report.run.name]
    challenger = client.get_model_version_by_alias(registered_name("readmission"), CHALLENGER)
    assert (challenger.run_id, str(challenger.version)) == (report.run.run_id, report.run.version)
    promote(copied, "readmission", override="a test")
    assert RiskModel.load(copied.models / "readmission").version == report.model_version
    assert not copied.tracking_database.exists()


def test_a_copied_home_is_not_written_into_the_one_it_came_from_and_what_is_kept_is_told(
    home, trained, tmp_path
):
    copy = Home(tmp_path / "copy")
    shutil.copytree(home.root, copy.root, symlinks=True)
    told: list[str] = []
    mine = tmp_path / "my own.toml"
    mine.write_text(task_file(SMALL_READMISSION))
    with pytest.raises(RefusalError, match="copied or moved"):
        train(copy, str(mine), tell=told.append)
    with pytest.raises(RefusalError, match="copied or moved"):
        train(copy, "readmission", SMALL_READMISSION, resume=True, tell=told.append)
    assert told == [  # and the second went on
        f"What was finished of the training is kept: `firstcall train --task '{mine}' --resume` "
        "goes on from there.",
        "Goes on with the unfinished training of readmission: kept are matrix, selection, fit.",
        "What was finished of the training is kept: the same training with resume=True goes on "
        "from there.",
    ]
    many = replace(SMALL_READMISSION, split=replace(HALF_TESTS, least_test_events=10**6))
    with pytest.raises(RefusalError, match="Only"):
        train(copy, "readmission", many, tell=told.append)
    assert len(told) == 3, "nothing was kept, and the same would be refused again"
