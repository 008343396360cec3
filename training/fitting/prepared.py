"""What a training learns from and is tested on: cohort, roles, questions and their features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import intake
from data.errors import RefusalError
from data.home import Home
from data.progress import stage
from data.small_cells import Counts
from features.history import Histories
from features.writing import current_histories
from serving.model import RiskModel
from serving.reasons import evidence_names
from training.cohorts.cohort import Cohort, day_of, readmission_cohort
from training.cohorts.encounter_cohort import encounter_cohort
from training.cohorts.facts import Source
from training.cohorts.groups import OF_PEOPLE
from training.cohorts.high_cost import high_cost_cohort
from training.cohorts.landmarks import Landmarks, asked_once, on_landmarks
from training.cohorts.prior_chance import PRIOR
from training.cohorts.split import (
    LEARNING,
    ROLES,
    Split,
    refuse_if_too_few,
    split_rows,
    thinning_share,
)
from training.cohorts.threshold import Threshold, threshold_of_model
from training.cohorts.truth import known_truth
from training.fitting.checkpoints import Checkpoints
from training.fitting.matrix import Matrix, asked, build
from training.fitting.stage_files import read_matrix, write_matrix
from training.fitting.treated import Treated, treated_rows
from training.settings.tasks import EncounterTask, HighCostTask, ReadmissionTask, Task


class TooFewError(RefusalError):
    """Too few cases to learn from or to test on; `attrition` says where the others went."""

    def __init__(self, sentence: str, attrition: pd.DataFrame) -> None:
        super().__init__(sentence)
        self.attrition = attrition


@dataclass(frozen=True)
class Prepared:
    """``tables`` and ``manifest``: what was taken in. ``split``: the role of each row of
    ``matrix``. ``counts``: one row a role with rows, people, cases and dates, landmarks counted
    once. ``landmarks``: of readmission alone. ``truth``: the folder of the true risks, None where
    nobody knows them. ``treated``: what outreach did to the rows of ``matrix`` before any had no
    role because of it."""

    task: Task
    tables: Mapping[str, Source]
    manifest: Mapping[str, Any]
    histories: Histories
    cohort: Cohort
    split: Split
    counts: pd.DataFrame
    landmarks: Landmarks | None
    matrix: Matrix
    truth: Path | None
    treated: Treated

    @property
    def remarks(self) -> tuple[str, ...]:
        """What became of the rows between the attrition and the roles, and the cohort's own."""
        counts = Counts(str(self.manifest["origin"]))
        every, used = len(self.cohort.rows), int(self.counts["rows"].sum())
        said = [
            f"{counts.count(every - used)} of {counts.count(every)} rows have no role: their "
            "outcome is known too late to learn from before the test "
            f"({self.split.embargo_days} days), or their people test at another time or are too "
            "many to learn from"
        ]
        if isinstance(self.task, ReadmissionTask) and len(self.task.landmark_days) > 1:
            days = ", ".join(map(str, self.task.landmark_days))
            said.append(
                f"each of them is asked about on days {days} after the discharge, "
                f"{counts.count(len(self.split.role))} questions in all, and judged above as it is "
                "asked first"
            )
        return (*said, *self.cohort.remarks, *self.treated.words)


def prepare(
    home: Home, task: Task, model: RiskModel | None = None, kept: Checkpoints | None = None
) -> Prepared:
    """Everything of a training up to the fit; with `model`, what is needed to judge that one anew:
    its features, its percentiles' cut points and, of high cost, its threshold. `kept` has the
    matrix of a training that was cut off.

    Raises InputError where nothing was taken in, RefusalError where the data are too short; where
    they hold too few cases it is a TooFewError.
    """
    taken = intake.current(home)
    histories = current_histories(home)
    if histories.manifest["generation"] != taken.generation:
        raise RefusalError("Files were taken in while the training began: run it again.")
    threshold = None if model is None else threshold_of_model(model.metadata)
    shown = Counts(str(taken.manifest["origin"]))
    with stage("Finding who counts, and what happened to them"):
        cohort = cohort_of(taken.tables, taken.manifest, task, threshold)
        if cohort.of_cost:  # of those who are no rows a training looks at the censored alone
            cohort = replace(cohort, every=cohort.every[cohort.every["censored"].to_numpy(bool)])
        split = cohort.of_cost.split if cohort.of_cost else None
        split = split or split_rows(cohort.rows, cohort.run_out_days, task.split)
        try:
            refuse_if_too_few(split, cohort.rows["outcome"], task.split, shown)
        except RefusalError as error:
            raise TooFewError(str(error), cohort.attrition) from None
        rows, split = used_rows(cohort.rows, split, task)
        counts, landmarks = counts_of(rows, split), None
        if isinstance(task, ReadmissionTask):
            landmarks = on_landmarks(rows, split, task, histories)
            rows, split = landmarks.rows, landmarks.split
    with stage(f"Computing the features of {len(rows)} questions"):
        if model is None:
            matrix = _built(histories, rows, split, kept)
        else:
            names = dict.fromkeys([*evidence_names(model.features), *OF_PEOPLE, *PRIOR])
            matrix = asked(histories, rows, model.cuts, list(names))
    treated = treated_rows(
        matrix.X, matrix.rows, split.role, taken.tables, day_of(taken.manifest["data_through"]),
        taken.manifest["carries"], task.feedback, shown,
    )  # fmt: skip
    if treated.drop.any():
        split = replace(split, role=treated.role(split.role))
        refuse_if_too_few(split, matrix.rows["outcome"], task.split, shown)
        counts = counts_of(*_asked_first(matrix.rows, split))
    matrix = replace(matrix, rows=matrix.rows.assign(weight=matrix.rows["weight"] * treated.weight))
    return Prepared(
        task, taken.tables, taken.manifest, histories, cohort, split, counts, landmarks, matrix,
        known_truth(home, taken.manifest), treated,
    )  # fmt: skip


def _built(
    histories: Histories, rows: pd.DataFrame, split: Split, kept: Checkpoints | None
) -> Matrix:
    def make() -> Matrix:
        return build(histories, rows, split.rows(*LEARNING))

    if kept is None:
        return make()
    return kept.kept("matrix", make, write_matrix, lambda folder: read_matrix(folder, rows))


def _asked_first(rows: pd.DataFrame, split: Split) -> tuple[pd.DataFrame, Split]:
    """Without the later landmarks of each stay."""
    first = np.flatnonzero(asked_once(rows))
    return rows.iloc[first], replace(split, role=split.role[first])


def cohort_of(
    tables: Mapping[str, Source],
    manifest: Mapping[str, Any],
    task: Task,
    threshold: Threshold | int | None = None,
) -> Cohort:
    """The cohort of any task; raises RefusalError where nobody is left in it."""
    if isinstance(task, ReadmissionTask):
        cohort = readmission_cohort(tables, manifest, task)
    elif isinstance(task, EncounterTask):
        cohort = encounter_cohort(tables, manifest, task)
    else:
        cohort = high_cost_cohort(tables, manifest, task, threshold)
    if cohort.rows.empty:
        raise RefusalError(
            f"Nobody is left in the cohort of {task.name} after its rules: see which took "
            "the last in the attrition table; change it in the settings, or take in more data."
        )
    return cohort


def used_rows(rows: pd.DataFrame, split: Split, task: Task) -> tuple[pd.DataFrame, Split]:
    """The rows with a role, the learning ones thinned by hash to the most that the task allows."""
    use = split.role != "aside"
    if isinstance(task, HighCostTask | EncounterTask):
        learning = np.isin(split.role, LEARNING)
        most = task.most_learning_rows / max(int(learning.sum()), 1)
        if most < 1:
            use &= ~learning | (thinning_share(rows, task.split.salt) < most)
    kept = np.flatnonzero(use)
    return rows.iloc[kept].reset_index(drop=True), Split(
        split.role[kept], split.test_from, split.embargo_days
    )


def counts_of(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    """One row a role: rows, people, cases, first and last as_of."""
    made = []
    for role in ROLES:
        part = rows.iloc[split.rows(role)]
        dates = part["as_of"].to_numpy().astype("datetime64[D]").astype(str)
        made.append({
            "role": role, "rows": len(part), "people": part["patient_id"].nunique(),
            "cases": int(part["outcome"].sum()),
            "first_as_of": min(dates, default=""), "last_as_of": max(dates, default=""),
        })  # fmt: skip
    return pd.DataFrame(made)
