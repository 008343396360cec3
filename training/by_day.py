"""How good a readmission model is within each day after discharge, never pooled over days.

Pooled, a score would look good by knowing that fewer days are left. Beside ours and the baselines
stands the same model as it was asked at discharge (`AT_DISCHARGE`), on the same people: what has
become known since is worth the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.history import Histories
from serving.model import RiskModel
from training.evaluate import OURS, Evaluation, evaluate, named_for_mlflow
from training.matrix import Matrix
from training.scored_rows import scored_by
from training.tasks import ReadmissionTask

AT_DISCHARGE = "ours as at discharge"


@dataclass(frozen=True)
class Day:
    """One landmark: who was asked on it, who was back without anybody knowing it yet, the figures,
    and the mean risk of everybody on it as if all days were left (it should not drift)."""

    landmark: int
    back_unknown: int
    evaluation: Evaluation
    mean_first_day_risk: float

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers."""
        return {
            "landmark": self.landmark, "back_unknown": self.back_unknown,
            "mean_first_day_risk": self.mean_first_day_risk, **self.evaluation.to_json(),
        }  # fmt: skip

    def flat(self) -> dict[str, float]:
        """The figures of this day for MLflow, such as `day_7.firstcall.auroc`."""
        judged = self.evaluation
        made: dict[str, float] = {
            "rows": judged.rows,
            "events": judged.events,
            "back_unknown": self.back_unknown,
        }
        for name, metrics in judged.scores.items():
            made[f"{name}.auroc"] = metrics["auroc"].value
        made[f"{OURS}.observed_to_expected"] = judged.scores[OURS]["observed_to_expected"].value
        return named_for_mlflow({f"day_{self.landmark}.{k}": v for k, v in made.items()})


def judged_by_day(
    model: RiskModel,
    matrix: Matrix,
    histories: Histories,
    counts: pd.DataFrame,
    task: ReadmissionTask,
) -> tuple[Day, ...]:
    """Each landmark of the rows of `matrix` (see `training.landmarks.Asked`), judged alone; days
    without a case are left out. `counts` are of these rows' index stays."""
    unknown: Mapping[int, int] = dict(zip(counts["landmark"], counts["back_unknown"], strict=True))
    rows = matrix.rows
    first = rows["landmark"].to_numpy() == 0
    margin = model.margin(matrix.X)
    at_discharge = pd.Series(margin[first], index=rows["encounter_id"].to_numpy()[first])
    found = []
    for landmark in task.landmark_days:
        at = np.flatnonzero(rows["landmark"].to_numpy() == landmark)
        part = matrix.part(at)
        if not 0 < part.rows["outcome"].sum() < len(part.rows):
            continue
        scored = scored_by(model, part, histories, Path("no truth of later days"), task)
        scored = replace(scored, weights=np.ones(len(at)), companion=None)
        if landmark:
            before = at_discharge.reindex(part.rows["encounter_id"])
            scored = scored.beside({AT_DISCHARGE: np.asarray(before, dtype=np.float64)})
        found.append(Day(
            landmark, unknown.get(landmark, 0), evaluate(scored, task.evaluation),
            float(model.risk(scored.margin).mean()),
        ))  # fmt: skip
    return tuple(found)
