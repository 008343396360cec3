"""How good a readmission model is within each day after discharge, never pooled over days.

Pooled, a score would look good by knowing that fewer days are left. Beside ours and the baselines
stands the same model as it was asked at discharge (`AT_DISCHARGE`), on the same people: what has
become known since is worth the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from features.history import Histories
from serving.model import RiskModel
from training.cohorts.landmarks import home_until
from training.evaluation.evaluate import OURS, Evaluation, evaluate, named_for_mlflow
from training.evaluation.scored_rows import scored_by
from training.fitting.matrix import Matrix
from training.settings.tasks import ReadmissionTask

AT_DISCHARGE = "ours as at discharge"


@dataclass(frozen=True)
class Day:
    """One landmark: who was asked on it, who was back without anybody knowing it yet, the figures,
    and the mean risk of everybody on it as if all days were left."""

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


@dataclass(frozen=True)
class Beyond:
    """The days after the last landmark, on which nobody's features are asked for this: the nights
    of those who were not back by then, the cases that were still to come, and how many were
    expected by the margins of the last landmark."""

    first: int
    last: int
    nights: int
    observed: float
    expected: float

    @property
    def words(self) -> str:
        """One remark for the reader."""
        return (
            f"on days {self.first} to {self.last} after discharge, by the margins of day "
            f"{self.first - 1}: observed : expected is {self.observed / self.expected:.2f} over "
            f"{self.nights:,} nights; how well people are ordered on them is not measured"
        )


def judged_beyond(model: RiskModel, matrix: Matrix, task: ReadmissionTask) -> Beyond | None:
    """Whether the risks of the days after the last landmark are right in total; None where nobody
    was asked on the last landmark, or no day is left after it."""
    last = task.landmark_days[-1]
    part = matrix.part(np.flatnonzero(matrix.rows["landmark"].to_numpy() == last))
    days = range(last + 1, task.horizon_days)
    if not len(part.rows) or not days:
        return None
    margin, case = model.margin(part.X), part.rows["outcome"].to_numpy(dtype=np.float64)
    stays_until = home_until(part.rows)
    nights, observed, expected = 0, 0.0, 0.0
    for day in days:
        there = stays_until > day
        nights += int(there.sum())
        observed += float(case[there].sum())
        risk = model.risk(margin[there], np.full(int(there.sum()), day))
        expected += float(risk.sum())
    return Beyond(days[0], days[-1], nights, observed, expected) if nights else None


def judged_by_day(
    model: RiskModel,
    matrix: Matrix,
    histories: Histories,
    counts: pd.DataFrame,
    task: ReadmissionTask,
) -> tuple[Day, ...]:
    """Each landmark of the rows of `matrix` (see `training.cohorts.landmarks.Asked`), judged alone;
    days without a case are left out. `counts` are of these rows' index stays."""
    unknown: Mapping[int, int] = dict(zip(counts["landmark"], counts["back_unknown"], strict=True))
    rows = matrix.rows
    first = matrix.part(np.flatnonzero(rows["landmark"].to_numpy() == 0))
    at_discharge = pd.Series(model.margin(first.X), index=first.rows["encounter_id"].to_numpy())
    found = []
    for landmark in task.landmark_days:
        at = np.flatnonzero(rows["landmark"].to_numpy() == landmark)
        part = matrix.part(at)
        if not 0 < part.rows["outcome"].sum() < len(part.rows):
            continue
        scored = scored_by(model, part, histories, None, task)  # no truth of later days
        scored = replace(scored, weights=np.ones(len(at)), companion=None)
        if landmark:
            before = at_discharge.reindex(part.rows["encounter_id"])
            scored = scored.beside({AT_DISCHARGE: np.asarray(before, dtype=np.float64)})
        found.append(Day(
            landmark, unknown.get(landmark, 0), evaluate(scored, task.evaluation),
            float(model.risk(scored.margin).mean()),
        ))  # fmt: skip
    return tuple(found)
