"""The rows that test, with what the model and each baseline say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from features.history import Histories
from serving.model import RiskModel
from training.cohorts.landmarks import days_after_discharge
from training.cohorts.truth import true_risk
from training.evaluation.baselines import baselines_of
from training.evaluation.evaluate import Scored, periods_of
from training.evaluation.prior_encounters import prior_encounters
from training.fitting.matrix import Matrix
from training.settings.tasks import EncounterTask, ReadmissionTask, Task, kind_of


def scored_by(
    model: RiskModel,
    matrix: Matrix,
    histories: Histories,
    truth: Path | None,
    task: Task,
) -> Scored:
    """The rows of `matrix`, scored; `truth` is the folder of the true risks, None where nobody
    knows them."""
    rows = matrix.rows
    margin = model.margin(matrix.X)
    by_day = isinstance(task, ReadmissionTask)
    amount = rows["amount_cents"].to_numpy(float) if "amount_cents" in rows else None
    return Scored(
        outcome=rows["outcome"].to_numpy(dtype=np.float64),
        risk=model.risk(margin, days_after_discharge(rows) if by_day else None),
        margin=margin,
        patient_id=rows["patient_id"].to_numpy(dtype=object),
        period=periods_of(rows["as_of"], by_month=by_day),
        baselines=_baselines(histories, rows, task),
        weights=rows["weight"].to_numpy(dtype=np.float64),
        amount=amount,
        truth=_truth(truth, rows, task),
        companion=_companion(rows),
    )


def _baselines(histories: Histories, rows: pd.DataFrame, task: Task) -> Mapping[str, np.ndarray]:
    if isinstance(task, EncounterTask):
        said = f"prior {' and '.join(task.encounter_kinds)} encounters"
        return {said: prior_encounters(histories, rows, task.encounter_kinds)}
    return baselines_of(histories, rows, kind_of(task))


def _companion(rows: pd.DataFrame) -> np.ndarray | None:
    """Death or readmission, so that hospice and the dying do not look safe."""
    if "death_or_readmission" not in rows:
        return None
    return rows["death_or_readmission"].to_numpy(dtype=np.float64)


def _truth(folder: Path | None, rows: pd.DataFrame, task: Task) -> np.ndarray | None:
    if folder is None or isinstance(task, EncounterTask):
        return None
    return true_risk(folder, kind_of(task), rows)
