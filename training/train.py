"""One training, from tables to a challenger: cohort, split, matrix, fit, calibration, verdict."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from data import intake
from data.errors import RefusalError
from data.home import Home
from data.progress import stage
from data.terminal import say
from features.writing import current_histories
from serving.model import RiskModel
from training.evaluation.by_day import Day
from training.evaluation.cost_report import CostReport
from training.evaluation.evaluate import Evaluation, Interval
from training.fitting.calibrate import CalibrationChoice
from training.fitting.challenger import challenger_of
from training.fitting.checkpoints import FIT, Checkpoints, checkpoints, key_of
from training.fitting.expected_cost import with_expected_cost
from training.fitting.fit import Fitted
from training.fitting.learner import Learner
from training.fitting.prepared import Prepared, prepare
from training.fitting.search import Searched, search
from training.fitting.selection import Selected, select
from training.fitting.stage_files import read_fitted, read_selected, write_fitted, write_selected
from training.release.gate import Verdict
from training.release.judged import Judged, judge
from training.release.nested_runs import trial_runs
from training.release.promotion import tags_of_verdict
from training.release.registry import CHAMPION, Registered, record, version_at
from training.report.card import write_card
from training.report.run_report import write_report
from training.robustness.constraint_price import price_in_auroc, price_words
from training.robustness.lab import Lab, in_the_lab
from training.robustness.plausibility import Plausibility, plausibility
from training.run_files import parameters_of, tags_of, write_run_files
from training.settings.tasks import HighCostTask, Task, refuse_a_taken_name, task_called
from training.statistics.json_file import write_json


@dataclass(frozen=True)
class TrainReport:
    """What one training did. ``counts``: one row a role with rows, people, cases and dates.

    ``attrition``: see `training.cohorts.attrition.COLUMNS`. ``cost``: of high cost alone.
    ``by_day``: of readmission alone, each landmark.
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
    lab: Lab
    cost: CostReport | None = None
    by_day: tuple[Day, ...] = ()


def train(
    home: Home,
    task: str,
    settings: Task | None = None,
    resume: bool = False,
    tell: Callable[[str], None] = say,
) -> TrainReport:
    """Train, judge beside baselines and champion, and register as challenger, with the verdict of
    the gate (`training.release.promotion` makes it champion). `resume` goes on with a training that
    was cut off, as far as nothing changed since; `tell` is told where it cannot, and, where this
    one ends before it is recorded, what goes on from the stages that are kept.

    Raises InputError where nothing was taken in, or the task takes the name of another one
    (`tasks.refuse_a_taken_name`), RefusalError where the data are too short; where they hold too
    few cases it is a `training.fitting.prepared.TooFewError`, which carries the attrition table.
    """
    chosen = settings or task_called(task)
    refuse_a_taken_name(chosen)
    version_at(home, chosen.name, CHAMPION)  # a registry that is not there is better told now
    key = key_of(chosen, current_histories(home).manifest, intake.current(home).manifest)
    with checkpoints(home.root / "unfinished", chosen.name, key, resume, tell) as kept:
        try:
            report = _train(home, chosen, kept)
        except BaseException as error:
            if kept.help_after(error):
                again = f"`firstcall train --task {shlex.quote(task)} --resume`"
                if settings is not None:
                    again = "the same training with resume=True"
                tell(f"What was finished of the training is kept: {again} goes on from there.")
            raise
        kept.recorded()
    return report


def _train(home: Home, chosen: Task, kept: Checkpoints) -> TrainReport:
    prepared = prepare(home, chosen, kept=kept)
    learner = Learner.of(
        prepared.matrix, prepared.split, chosen, prepared.landmarks, prepared.treated.offset
    )
    if not learner.names:
        raise RefusalError("No feature varies among the training rows: check what was taken in.")
    learner, searched, selected = _searched(learner, kept)
    with stage("Fitting the model"):
        fitted = kept.kept(FIT, learner.fit, write_fitted, read_fitted)
    with stage("Calibrating"):
        model, choice = challenger_of(fitted, learner, prepared)
    second = None
    if isinstance(chosen, HighCostTask):
        with stage("Fitting what the next year is expected to cost"):
            model, second = with_expected_cost(
                model, fitted.text, prepared.cohort, prepared.matrix, prepared.split,
                prepared.histories, chosen,
            )  # fmt: skip
    plausible = _plausible(model, prepared)
    with stage("Judging it beside the baselines"):
        judged = judge(home, model, prepared, learner, second, plausible)
    price = _price(learner, judged)
    with stage("Learning it again from other dates, fewer people and resampled people"):
        lab = in_the_lab(prepared, learner, fitted, choice.calibrator, judged.scored, chosen.lab)
    label = model.metadata["label"]
    remarks = (*prepared.remarks, *judged.remarks(label), *lab.remarks,
               *filter(None, (searched.words, selected.words, price_words(price))))  # fmt: skip
    with stage("Recording the run in MLflow"), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cost_text = None if second is None else second[0].text
        write_run_files(folder, fitted.text, cost_text, model, prepared, judged, remarks)
        lab.write(folder, label)
        searched.table.to_csv(folder / "search.csv", index=False)
        selected.table.to_csv(folder / "selection.csv", index=False)
        if plausible is not None:
            told = plausible.to_json() | {"price_auroc": None if price is None else list(price)}
            write_json(folder / "plausibility.json", told)
        write_report(folder)
        write_card(folder, chosen.card)
        figures = judged.flat() | lab.flat() | searched.flat()
        figures |= {} if plausible is None else plausible.flat()
        run = record(
            home, chosen.name, parameters_of(learner.task, fitted, choice, list(learner.names)),
            figures, tags_of(prepared.manifest, model, prepared.histories), folder,
            tags_of_verdict(judged.verdict), trial_runs(searched),
        )  # fmt: skip
    return TrainReport(
        chosen.name, chosen, run, model.version, prepared.cohort.attrition, prepared.counts,
        fitted, choice, judged.evaluation, prepared.cohort.threshold_cents, remarks,
        judged.verdict, lab, judged.cost, judged.by_day,
    )  # fmt: skip


def _searched(learner: Learner, kept: Checkpoints) -> tuple[Learner, Searched, Selected]:
    """The learner by the settings that a search found and without the columns that do not help, as
    far as the task asks for either."""
    task = learner.task
    with stage("Looking for better settings, and for columns that do not help"):
        # without --resume the folder is new, and so is the study in it
        searched = search(learner, task.search, kept.search_storage, resume=True)
        learner = replace(learner, task=replace(task, fit=searched.settings))
        selected = kept.kept(
            "selection", lambda: select(learner, task.selection), write_selected, read_selected
        )
    return replace(learner, names=tuple(selected.names)), searched, selected


def _plausible(model: RiskModel, prepared: Prepared) -> Plausibility | None:
    lab = prepared.task.lab
    if not lab.plausibility_people:
        return None
    with stage("Adding a hospital stay to histories"):
        rows = prepared.matrix.rows.iloc[prepared.split.rows("test")].reset_index(drop=True)
        if rows["patient_id"].nunique() < lab.plausibility_people:
            rows = prepared.matrix.rows  # no outcome is looked at
        found = plausibility(
            model, prepared.tables, prepared.histories.carries, rows, lab.plausibility_people,
            lab.seed,
        )  # fmt: skip
        return found if found.asked else None


def _price(learner: Learner, judged: Judged) -> Interval | None:
    task = learner.task
    if not (task.fit.monotone and task.lab.plausibility_people):
        return None
    with stage("Learning it without constraints, to tell their price"):
        return price_in_auroc(learner, judged.places, judged.scored)
