"""Whether more people would help: the same fit on fewer people, judged on the same rows.

The people learned from are halved by a hash of their own, so that those of a smaller size are
among those of a larger one. Each size has the settings and the columns of the model, and as many
trees as its own validation people ask for; its risks are those of the fit, not calibrated. One draw
of people makes each size: the intervals of the table are of the people who test, and leave out what
another draw to learn from would have given.

Of the last doubling something is said, and there that counts: what it added may change from draw to
draw twice as much as such an interval tells. Both halves are learned
from, the one of the table and all the others. What the doubling added is the AUROC of all less the
mean of the two halves; 1.96 |d1 - d2| / 2, d1 and d2 being their AUROCs, is added to both sides of
its interval. (d1 - d2)^2 / 4 estimates the variance of their mean, from two draws only; being so
rough, it is added in full and not as the root of a sum of squares. On invented people such
intervals held the mean over 40 draws 95 to 100 times in 100, and those without it 72 to 90 times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.calibrator import HIGHEST, LOWEST
from training.cohorts.landmarks import asked_once
from training.cohorts.split import share_of
from training.evaluation.evaluate import Interval, named_for_mlflow
from training.evaluation.intervals import intervals_of
from training.fitting.calibrate import losses
from training.fitting.fit import Fitted
from training.fitting.learner import Learner
from training.fitting.side_by_side import side_by_side
from training.statistics.discrimination import Ranking

HELPS = 0.002
"""A difference in AUROC that is worth the trouble of more people."""
HALF = 0.5
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))
COLUMNS = [
    "share", "people", "rows", "cases", "trees", "auroc", "auroc_low", "auroc_high", "log_loss",
]  # fmt: skip


@dataclass(frozen=True)
class LearningCurve:
    """``table``: one row a size, ascending: share of the people, and how many; rows and cases
    learned from, landmarks counted once; trees; AUROC with its 95 % interval and log loss on the
    test rows. ``doubling``: what the last doubling added to the mean AUROC of the two ``halves``,
    on the same resampled patients, its interval widened by how far these differ. Both are None
    where one of the halves is not learned from."""

    table: pd.DataFrame
    doubling: Interval | None
    halves: tuple[float, float] | None

    @property
    def words(self) -> str:
        """One remark for the reader."""
        if self.doubling is None or self.halves is None:
            return "learning curve: too few cases for both halves of the people to be learned from"
        few, many = (int(n) for n in self.table["people"].iloc[-2:])
        said = (
            f"learning curve: {many:,} people instead of {few:,} changed the AUROC by "
            f"{self.doubling}: "
        )
        if self.doubling.low > HELPS:
            said += "more people would help"
        elif self.doubling.high < HELPS:
            said += "more people of the same kind would hardly help"
        else:
            said += "it is not shown whether more people would help"
        return (
            f"{said} (the interval is widened: with either half of the people, two draws and no "
            f"more, the AUROC is {self.halves[0]:.3f} and {self.halves[1]:.3f})"
        )

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers; None for a figure that is not known."""
        told = self.table.astype(object).where(self.table.notna(), None)
        return {
            "words": self.words, "doubling": None if self.doubling is None else list(self.doubling),
            "halves": None if self.halves is None else list(self.halves),
            "sizes": told.to_dict("records"),
        }  # fmt: skip

    def flat(self) -> dict[str, float]:
        """The figures for MLflow, such as `learning_curve.doubling_auroc.low`."""
        if self.doubling is None:
            return {}
        gained = self.doubling._asdict().items()
        return named_for_mlflow({
            "learning_curve.doubling_auroc" + ("" if part == "value" else f".{part}"): value
            for part, value in gained
        })  # fmt: skip


def learning_curve(
    learner: Learner, fitted: Fitted, tested: NDArray[np.int64], halvings: int
) -> LearningCurve:
    """All the people learned from, and a half, a quarter and so on, `halvings` times, and the other
    half; sizes of fewer cases than a training needs are left out. `tested`: the places of the rows
    that test, of readmission those at discharge. `fitted` is the model's own fit, which is the last
    point where it was stopped like the others.
    """
    task, learning, outcome = learner.task, learner.learning, learner.outcome
    as_model = task.fit.folds == 1
    settings = replace(task.fit, folds=1)
    once = asked_once(learner.matrix.rows)
    place = nested(learner.share[learning], learner.matrix.rows["patient_id"].iloc[learning],
                   task.split.salt)  # fmt: skip

    def of_people(asked: tuple[float, bool]) -> tuple[dict[str, Any], NDArray[np.float64]] | None:
        share, others = asked
        places = learning[place >= share] if others else learning[place < share]
        counted = places[once[places]]
        cases = int(outcome[counted].sum())
        if share < 1 and cases < task.split.least_train_events:
            return None
        made = fitted if share == 1 and as_model else learner.fit(places, settings=settings)
        return {
            "share": share, "people": len(np.unique(learner.share[places])),
            "rows": len(counted), "cases": cases, "trees": made.rounds,
        }, learner.margin(made.text, tested)  # fmt: skip

    shares = [float(share) for share in 0.5 ** np.arange(halvings + 1)]  # the longest fit first
    asked = [(share, others) for share in shares for others in (False, True)
             if not others or share == HALF]  # fmt: skip
    made = list(side_by_side(of_people, asked, task.fit.threads))
    found = dict(zip(asked, made, strict=True))
    other_half = found.pop((HALF, True), None)
    sizes, margins = zip(*(one for one in reversed(found.values()) if one), strict=True)
    return _judged(
        pd.DataFrame(sizes), margins, None if other_half is None else other_half[1], learner, tested
    )


def nested(share: NDArray[np.float64], patient_id: pd.Series, salt: str) -> NDArray[np.float64]:
    """The place of each row's person among all persons, in [0, 1), by a hash that has nothing to do
    with roles and folds. `share` tells the persons apart; both have one entry a row."""
    _, first, person = np.unique(share, return_index=True, return_inverse=True)
    order = np.argsort(share_of(patient_id.iloc[first], f"curve/{salt}"))
    place = np.empty(len(order))
    place[order] = np.arange(len(order)) / max(len(order), 1)
    return place[person]


def widened(doubling: Interval, halves: tuple[float, float]) -> Interval:
    """The interval with what another draw of people may change, as far as two draws tell it."""
    spread = 1.96 * abs(halves[0] - halves[1]) / 2
    return Interval(doubling.value, doubling.low - spread, doubling.high + spread)


def _judged(
    sizes: pd.DataFrame,
    margins: Sequence[NDArray[np.float64]],
    other_half: NDArray[np.float64] | None,
    learner: Learner,
    tested: NDArray[np.int64],
) -> LearningCurve:
    """All sizes, ascending, and the other half, on the same resampled patients."""
    outcome, weights = learner.outcome[tested], learner.weights[tested]
    ranks = [Ranking.of(margin) for margin in margins]
    doubled = None if other_half is None or len(ranks) == 1 else Ranking.of(other_half)

    def figures(w: NDArray[np.float64]) -> list[float]:
        found = [rank.auroc(w * outcome, w * (1 - outcome)) for rank in ranks]
        if doubled is None:
            return found
        other = doubled.auroc(w * outcome, w * (1 - outcome))
        return [*found, other, found[-1] - (found[-2] + other) / 2]

    patient_id = learner.matrix.rows["patient_id"].iloc[tested].to_numpy(dtype=object)
    found = intervals_of(figures, weights, patient_id, learner.task.evaluation)
    told = found[: len(ranks)]
    for column, part in (("auroc", "value"), ("auroc_low", "low"), ("auroc_high", "high")):
        sizes[column] = [getattr(interval, part) for interval in told]
    sizes["log_loss"] = [
        float(np.average(
            losses(np.clip(learner.risk(margin, tested), LOWEST, HIGHEST), outcome),
            weights=weights,
        ))
        for margin in margins
    ]  # fmt: skip
    if doubled is None:
        return LearningCurve(sizes[COLUMNS], None, None)
    halves = (found[len(ranks) - 2].value, found[-2].value)
    return LearningCurve(sizes[COLUMNS], widened(found[-1], halves), halves)
