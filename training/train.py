"""One training, from tables to a challenger: cohort, split, matrix, fit, calibration, verdict."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.errors import RefusalError
from data.home import Home
from data.progress import stage
from serving.model import RiskModel
from training.by_day import Day
from training.calibrate import CalibrationChoice
from training.challenger import challenger_of
from training.cost_picture import draw_cost
from training.cost_report import CostReport
from training.evaluate import Evaluation
from training.expected_cost import with_expected_cost
from training.explained import explain
from training.fit import Fitted
from training.gate import Verdict
from training.judged import Judged, judge
from training.learner import Learner
from training.pictures_by_day import draw_days
from training.plots import draw
from training.prepared import Prepared, prepare
from training.promotion import tags_of_verdict
from training.registry import Registered, record
from training.run_files import parameters_of, tags_of, write_run_files
from training.shares_picture import draw_shares
from training.tasks import HighCostTask, Task, refuse_a_taken_name, task_called


@dataclass(frozen=True)
class TrainReport:
    """What one training did. ``counts``: one row a role with rows, people, cases and dates.

    ``attrition``: see `training.attrition.COLUMNS`. ``cost``: of high cost alone. ``by_day``: of
    readmission alone, each landmark.
    """

    task: str
    settings: Task
    run: Registered
    model_version: str
    attrition: pd.DataFrame
    counts: pd.DataFrame
    fitted: Fitted
    calibration: CalibrationChoice
    evaluation: Evaluation
    threshold_cents: int | None
    remarks: tuple[str, ...]
    verdict: Verdict
    cost: CostReport | None = None
    by_day: tuple[Day, ...] = ()


def train(home: Home, task: str, settings: Task | None = None) -> TrainReport:
    """Train, judge beside baselines and champion, and register as challenger, with the verdict of
    the gate (`training.promotion` makes it champion).

    Raises InputError where nothing was taken in, or the task takes the name of another one
    (`tasks.refuse_a_taken_name`), RefusalError where the data are too short; where they hold too
    few cases it is a `training.prepared.TooFewError`, which carries the attrition table.
    """
    chosen = settings or task_called(task)
    refuse_a_taken_name(chosen)
    prepared = prepare(home, chosen)
    learner = Learner.of(prepared.matrix, prepared.split, chosen, prepared.landmarks)
    if not learner.names:
        raise RefusalError("No feature varies among the training rows: check what was taken in.")
    with stage("Fitting the model"):
        fitted = learner.fit()
    with stage("Calibrating"):
        model, choice = challenger_of(fitted, learner, prepared)
    second = None
    if isinstance(chosen, HighCostTask):
        with stage("Fitting what the next year is expected to cost"):
            model, second = with_expected_cost(
                model, fitted.text, prepared.cohort, prepared.matrix, prepared.split,
                prepared.histories, chosen,
            )  # fmt: skip
    with stage("Judging it beside the baselines"):
        judged = judge(home, model, prepared, second)
    remarks = (*prepared.remarks, *judged.remarks(model.metadata["label"]))
    with stage("Recording the run in MLflow"), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, fitted, model, prepared, judged, remarks)
        run = record(
            home, chosen.name, parameters_of(chosen, fitted, choice, list(learner.names)),
            judged.flat(), tags_of(prepared.manifest, model, prepared.histories), folder,
            tags_of_verdict(judged.verdict),
        )  # fmt: skip
    return TrainReport(
        chosen.name, chosen, run, model.version, prepared.cohort.attrition, prepared.counts,
        fitted, choice, judged.evaluation, prepared.cohort.threshold_cents, remarks,
        judged.verdict, judged.cost, judged.by_day,
    )  # fmt: skip


def _write(
    folder: Path,
    fitted: Fitted,
    model: RiskModel,
    prepared: Prepared,
    judged: Judged,
    remarks: tuple[str, ...],
) -> None:
    """Everything that the run keeps of itself, into `folder`."""
    label, pictures, cost = model.metadata["label"], folder / "pictures", judged.cost
    write_run_files(
        folder, prepared.task, fitted.text, model, prepared.cohort.attrition, prepared.counts,
        judged.evaluation, remarks, cost.fitted.text if cost else None, judged.by_day,
        judged.verdict,
    )  # fmt: skip
    draw(pictures, judged.scored, judged.evaluation, label)
    explained = explain(model, judged.tested.X, judged.tested.rows["as_of"])
    explained.importance.to_csv(folder / "importance.csv", index=False)
    draw_shares(pictures, explained, label)
    if judged.by_day:
        draw_days(pictures, judged.by_day, label)
    if cost is not None and prepared.cohort.of_cost is not None:
        cost.write(folder / "cost")
        draw_cost(pictures / "cost.png", cost.judged, prepared.cohort.of_cost.amount)
    if prepared.landmarks is not None:
        prepared.landmarks.counts.to_csv(folder / "landmarks.csv", index=False)
