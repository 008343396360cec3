"""Whether the same people would be called if the model had been made of other people by chance.

A model is refitted on patients drawn with replacement from those it learned from, with as many
trees, and orders the same rows. Such a refit lacks about a third of the people, so that it differs
somewhat more than a model of as many new people would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.calibrator import Calibrator
from training.evaluation.evaluate import named_for_mlflow, periods_of
from training.fitting.fit import Fitted
from training.fitting.learner import Learner
from training.fitting.side_by_side import side_by_side
from training.settings.model_settings import FitSettings
from training.settings.tasks import ReadmissionTask
from training.statistics.called import called, top_of
from training.statistics.resampling import resampled


@dataclass(frozen=True)
class Stability:
    """``called_again``: for each share of a list that is called, the part of those called by the
    model whom a refit calls too, the mean over the refits. ``risk_change``: the mean absolute
    change of a row's risk, beside ``mean_risk``."""

    refits: int
    rows: int
    called_again: Mapping[float, float]
    risk_change: float
    mean_risk: float

    @property
    def words(self) -> str:
        """One remark for the reader."""
        again = ", ".join(f"{a:.0%} of the {top_of(share)}" for share, a in
                          self.called_again.items())  # fmt: skip
        return (
            f"were the model made of people drawn anew ({self.refits} times, with replacement), "
            f"it would call again {again} of each list; a risk changes by "
            f"{100 * self.risk_change:.1f} percentage points on average, and is "
            f"{100 * self.mean_risk:.1f} % on average"
        )

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers."""
        return {
            "refits": self.refits, "rows": self.rows,
            "called_again": [
                {"share": share, "called_again": a} for share, a in self.called_again.items()
            ],
            "risk_change": self.risk_change, "mean_risk": self.mean_risk, "words": self.words,
        }  # fmt: skip

    def flat(self) -> dict[str, float]:
        """The figures for MLflow, such as `stability.called_again_top_5_percent`."""
        made = {f"called_again_{top_of(s)}": a for s, a in self.called_again.items()}
        made["risk_change"] = self.risk_change
        return named_for_mlflow({f"stability.{name}": value for name, value in made.items()})


def stability(
    learner: Learner,
    fitted: Fitted,
    tested: NDArray[np.int64],
    seed: int,
    refits: int = 3,
    calibrator: Calibrator | None = None,
) -> Stability:
    """How much hangs on who was learned from, among the rows at `tested` (places of the matrix
    that test, of readmission those at discharge). `calibrator` is the model's, left as it is;
    without one the risks are those of the fits as they come."""
    rows = learner.matrix.rows.iloc[tested]
    period = periods_of(rows["as_of"], by_month=isinstance(learner.task, ReadmissionTask))
    patient_id = rows["patient_id"].to_numpy(dtype=object)
    start = None if learner.start is None else learner.start[tested]
    said = calibrator or Calibrator()
    margin = learner.margin(fitted.text, tested)
    risk = said.apply(margin, start)
    shares = learner.task.evaluation.shares
    again: dict[float, list[float]] = {share: [] for share in shares}
    changes = []
    for other in _refitted(learner, fitted.rounds, None, tested, seed, refits):
        for share in shares:
            again[share].append(1 - churn(margin, other, period, patient_id, share))
        changes.append(float(np.mean(np.abs(said.apply(other, start) - risk))))
    return Stability(
        refits, len(tested), {share: float(np.mean(found)) for share, found in again.items()},
        float(np.mean(changes)), float(np.mean(risk)),
    )  # fmt: skip


def churn(
    margin_a: NDArray[np.float64],
    margin_b: NDArray[np.float64],
    period: NDArray,
    patient_id: NDArray,
    share: float,
) -> float:
    """The part of those called by a, the upper `share` of each period's list, whom b does not call.

    >>> names = np.array(["p", "q", "r", "s"])
    >>> churn(np.array([4.0, 3, 2, 1]), np.array([4.0, 1, 2, 3]), np.zeros(4), names, 0.5)
    0.5
    """
    ours, theirs = (called(m, period, patient_id, share) for m in (margin_a, margin_b))
    return float(np.mean(~theirs[ours])) if ours.any() else 0.0


def natural_churn(
    learner: Learner,
    rounds: int,
    settings: FitSettings,
    champion_margin: NDArray[np.float64],
    places: NDArray[np.int64],
    period: NDArray,
    patient_id: NDArray,
    share: float,
    seed: int,
    refits: int,
) -> float:
    """The churn of a champion against itself, made anew of resampled people: what any new model of
    the same kind would change of the list.

    `learner`: of the champion's feature names. `rounds` and `settings`: its trees and how it was
    fitted. `champion_margin`, `period` and `patient_id`: of the rows at `places`. The mean over
    `refits`; raises ValueError where there are none.
    """
    if refits < 1:
        raise ValueError("a natural churn needs at least one refit")
    found = [
        churn(champion_margin, margin, period, patient_id, share)
        for margin in _refitted(learner, rounds, settings, places, seed, refits)
    ]
    return float(np.mean(found))


def _refitted(
    learner: Learner,
    rounds: int,
    settings: FitSettings | None,
    places: NDArray[np.int64],
    seed: int,
    refits: int,
) -> Iterator[NDArray[np.float64]]:
    """The margins of the rows at `places` by each refit; a patient is drawn with all rows."""
    learning = learner.learning

    def margin(times: NDArray[np.float64]) -> NDArray[np.float64]:
        made = learner.fit(learning, settings=settings, rounds=rounds, times=times)
        return learner.margin(made.text, places)

    drawn = resampled(learner.share[learning], refits, seed)
    yield from side_by_side(margin, drawn, learner.task.fit.threads)
