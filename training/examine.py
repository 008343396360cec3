"""A model judged on another population than its own: nobody in it ever trained it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from data import intake
from data.errors import InputError, RefusalError
from data.home import Home
from data.progress import stage
from data.small_cells import Counts
from features.writing import current_histories
from serving.model import RiskModel
from training.cohorts.cohort import Cohort, day_of
from training.cohorts.groups import OF_PEOPLE
from training.cohorts.landmarks import ask_on_landmarks, with_news
from training.cohorts.outreach import reached_on
from training.cohorts.prior_chance import PRIOR
from training.cohorts.threshold import threshold_of_model
from training.cohorts.truth import known_truth
from training.evaluation.audited import audited, groupings_in
from training.evaluation.by_day import Day, judged_by_day
from training.evaluation.equity import EquityAudit
from training.evaluation.evaluate import Evaluation, Scored, evaluate
from training.evaluation.fit_apart import FitApart, fit_apart
from training.evaluation.scored_rows import scored_by
from training.evaluation.subgroups import subgroups
from training.fitting.matrix import Matrix, asked
from training.fitting.prepared import cohort_of
from training.fitting.treated import standing_for, tells_without_help
from training.settings.tasks import ReadmissionTask, Task, task_called


@dataclass(frozen=True)
class Examined:
    """``evaluation``: of everybody; ``by_group``: see `training.evaluation.subgroups.subgroups`;
    ``equity``: see `training.evaluation.equity`. ``apart``: of a model of the risk without help,
    those whom care management reached beside the others; None where it reached nobody, or nobody
    knows, and of other models. It is among the remarks of ``evaluation``."""

    evaluation: Evaluation
    by_group: pd.DataFrame
    equity: EquityAudit
    apart: FitApart | None = None


def examine(
    home: Home,
    model: RiskModel,
    settings: Task | None = None,
    references: Mapping[str, RiskModel] | None = None,
    last_dates: int = 2,
    asked_of: Callable[[Cohort], pd.DataFrame] | None = None,
) -> Examined:
    """Judge `model` on everybody in `home` (another seed, another site), beside the baselines.

    Members are asked about on the last dates only, on those whose truth is written where the
    population is invented; the threshold of cost is the model's. `references` are other models,
    such as one trained on many more people (what is attainable): each is judged as a baseline by
    its margin, and the truth then says which part of the way to it ours has come
    (`closed.<baseline>.<reference>`). `asked_of` gives the rows of the cohort that it is judged on;
    without it all of them are.

    Raises RefusalError where there is no case, or nobody else.
    """
    task = settings or task_called(model.task)
    taken = intake.current(home)
    histories = current_histories(home)
    truth = known_truth(home, taken.manifest)
    with stage("Finding who counts, and what happened to them"):
        cohort = cohort_of(taken.tables, taken.manifest, task, threshold_of_model(model.metadata))
        rows = cohort.rows if asked_of is None else asked_of(cohort)
        if not isinstance(task, ReadmissionTask):
            rows = _last_dates(rows, truth, last_dates)
    if rows["outcome"].nunique() < 2:
        raise RefusalError(
            f"Of those who count for {task.name} in {home.root} all are cases, or none is, so that "
            "nothing can be judged: take in more months."
        )
    with stage(f"Computing the features of {len(rows)} questions"):
        unhelped = tells_without_help(model.metadata)
        names = dict.fromkeys([*model.features, *OF_PEOPLE, *(PRIOR if unhelped else ())])
        matrix = asked(histories, rows, model.cuts, list(names))
    with stage("Judging the model beside the baselines"):
        scored = scored_by(model, matrix, histories, truth, task)
        others = {
            name: other.margin(asked(histories, rows, other.cuts, other.features).X)
            for name, other in (references or {}).items()
        }
        shown = Counts(str(taken.manifest["origin"]))
        found = evaluate(scored.beside(others), task.evaluation, shown)
        apart, of_help = None, ()
        if unhelped:
            apart, of_help = _beside_the_helped(scored, matrix, taken, task, shown)
        found = replace(found, remarks=(*found.remarks, *of_help))
    for name in others:
        found.truth.update(_closed(found.truth, name))
    with stage("Judging it group by group"):
        groupings = groupings_in(matrix, taken.tables, taken.manifest)
        by_group = subgroups(scored, groupings, task.evaluation)
        equity = audited(
            scored, matrix.rows, groupings, taken.tables, taken.manifest, truth, task.evaluation
        )
    return Examined(found, by_group, equity, apart)


def examine_by_day(home: Home, model: RiskModel, settings: Task | None = None) -> tuple[Day, ...]:
    """The same of a readmission model within each day after discharge (see
    `training.evaluation.by_day`).

    Raises InputError where the model is of another task.
    """
    task = settings or task_called(model.task)
    if not isinstance(task, ReadmissionTask):
        raise InputError(f"{model.task} is not asked on days after a discharge.")
    taken = intake.current(home)
    histories = current_histories(home)
    with stage("Finding who is asked on which day after discharge"):
        index = cohort_of(taken.tables, taken.manifest, task).rows
        landmarks = with_news(ask_on_landmarks(index, task), histories)
    with stage(f"Judging the model on {len(landmarks.rows)} questions"):
        matrix = asked(histories, landmarks.rows, model.cuts, model.features)
        return judged_by_day(model, matrix, histories, landmarks.counts, task)


def _beside_the_helped(
    scored: Scored, matrix: Matrix, taken: intake.Taken, task: Task, shown: Counts
) -> tuple[FitApart | None, tuple[str, ...]]:
    """How right a model of the risk without help is of those whom nobody reached, in words too."""
    said = "the model tells the risk without help, and the figures are of everybody"
    if "outreach" not in taken.manifest["carries"]:
        return None, (f"{said}: who was reached is not known, the source carries no outreach",)
    through = day_of(taken.manifest["data_through"])
    first = reached_on(taken.tables["outreach"], matrix.rows, through)
    reached = np.isfinite(first)
    if not reached.any():
        return None, ()
    everybody = np.ones(len(first), bool)
    standing = standing_for(matrix.X, matrix.rows, first, everybody, task.feedback.seed)
    apart = fit_apart(scored, reached, task.evaluation, shown, standing.weight)
    return apart, (f"{said}, helped or not; {apart.words}",)


def _last_dates(rows: pd.DataFrame, truth: Path | None, count: int) -> pd.DataFrame:
    dates = np.unique(rows["as_of"])
    if truth is not None and (truth / "member_date.parquet").is_file():
        held = pq.read_table(truth / "member_date.parquet", columns=["as_of"])
        known = held["as_of"].unique().to_numpy(zero_copy_only=False)
        both = np.intersect1d(dates, known.astype("datetime64[D]").astype(np.int64))
        dates = both if len(both) else dates
    return rows[rows["as_of"].isin(dates[-count:])].reset_index(drop=True)


def _closed(truth: Mapping[str, float], reference: str) -> dict[str, float]:
    """The part of the way from each baseline to the reference that ours has closed, in expected
    AUROC: 0 as good as the baseline, 1 as good as the reference."""
    best, ours = (truth.get(f"expected_auroc.{n}", np.nan) for n in (reference, "firstcall"))
    made = {}
    for key, base in truth.items():
        name = key.removeprefix("expected_auroc.")
        if name != key and name not in (reference, "firstcall", "latent") and best != base:
            made[f"closed.{name}.{reference}"] = (ours - base) / (best - base)
    return made
