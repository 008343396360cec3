"""How right the risks are of those whom care management reached, and of the others, apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.small_cells import Counts
from training.evaluation.evaluate import Interval, Scored
from training.evaluation.intervals import intervals_of
from training.fitting.treated import GUARDED
from training.fitting.treated_words import of_fit
from training.settings.model_settings import EvaluationSettings


@dataclass(frozen=True)
class FitApart:
    """Observed : expected among the test rows that were reached and among the others; None where
    there is none. ``cases_reached`` and ``cases_others`` are counted without weights; ``shown``
    writes them. ``weighted``: the others stand for everybody, see `fit_apart`."""

    rows: int
    reached: int
    cases_reached: int
    cases_others: int
    of_reached: Interval | None
    of_others: Interval | None
    shown: Counts = GUARDED
    weighted: bool = False

    @property
    def words(self) -> str:
        """In one sentence, for the report."""
        return of_fit(
            self.rows, self.reached, (self.cases_reached, self.cases_others),
            (self.of_reached, self.of_others), self.shown, self.weighted,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers."""
        return {
            "rows": self.rows, "reached": self.reached, "cases_reached": self.cases_reached,
            "cases_others": self.cases_others, "weighted": self.weighted,
            "observed_to_expected_reached": _listed(self.of_reached),
            "observed_to_expected_others": _listed(self.of_others),
        }  # fmt: skip


def fit_apart(
    scored: Scored,
    reached: NDArray[np.bool_],
    settings: EvaluationSettings,
    shown: Counts = GUARDED,
    standing: NDArray[np.float64] | None = None,
) -> FitApart:
    """Of the rows that test those `reached` and the others apart, with the bootstrap over patients;
    `reached` has one entry a row of `scored`, in its order. `shown` writes the counts. `standing`
    is what the others weigh to stand for everybody (`training.fitting.treated.standing_for`)."""
    case, others = scored.outcome == 1, scored
    if standing is not None:
        others = replace(scored, weights=scored.weights * standing)
    return FitApart(
        len(reached), int(reached.sum()), int((case & reached).sum()), int((case & ~reached).sum()),
        _observed_to_expected(scored.part(np.flatnonzero(reached)), settings),
        _observed_to_expected(others.part(np.flatnonzero(~reached)), settings), shown,
        standing is not None,
    )  # fmt: skip


def _observed_to_expected(scored: Scored, settings: EvaluationSettings) -> Interval | None:
    y, risk, w = scored.outcome, scored.risk, scored.weights
    if not w.any():
        return None
    [found] = intervals_of(lambda v: [float(v @ y / (v @ risk))], w, scored.patient_id, settings)
    return found


def _listed(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
