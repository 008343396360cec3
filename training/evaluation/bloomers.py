"""Bloomers: cases who were not high-cost in the year before, told apart from those who stay so.

Whoever is high-cost stays it often, and any score of prior cost finds him; the cases worth finding
early are the others (Tamang 2017). A model is therefore judged once more among all who were not
high-cost before, and by how many of either kind each list finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.evaluation.evaluate import OURS, Evaluation, Scored, evaluate
from training.settings.tasks import EvaluationSettings
from training.statistics.called import called


@dataclass(frozen=True)
class Bloomers:
    """``evaluation``: the model beside its baselines on the rows that were not high-cost in the
    year before, whose cases are the bloomers; None where no row is known to be so. ``found``: one
    row a score and share of the whole list: the parts of all bloomers and of all other cases on
    it. ``counts``: rows not high-cost before, high-cost before, not known, bloomers, stayers,
    cases of whom it is not known.
    """

    evaluation: Evaluation | None
    found: pd.DataFrame
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers."""
        return {
            "counts": self.counts, "found": self.found.to_dict("records"),
            "evaluation": None if self.evaluation is None else self.evaluation.to_json(),
        }  # fmt: skip

    def flat(self) -> dict[str, float]:
        """The figures of `evaluation` under names that begin with bloomers."""
        told = {} if self.evaluation is None else self.evaluation.flat()
        return {f"bloomers.{name}": value for name, value in told.items()}


def bloomers(scored: Scored, rows: pd.DataFrame, settings: EvaluationSettings) -> Bloomers:
    """Judge the rows that test, `rows` in the order of `scored`, with the column high_before
    (1, 0, or NaN where the year before was not seen)."""
    before = rows["high_before"].to_numpy(dtype=np.float64)
    case = scored.outcome == 1
    groups = {
        "not_high_before": before == 0, "high_before": before == 1, "not_known": np.isnan(before),
        "bloomers": case & (before == 0), "stayers": case & (before == 1),
        "cases_not_known": case & np.isnan(before),
    }  # fmt: skip
    at_risk = np.flatnonzero(groups["not_high_before"])
    judged = evaluate(scored.part(at_risk), settings) if len(at_risk) else None
    found = _found(scored, groups["bloomers"], groups["stayers"], settings)
    return Bloomers(judged, found, {name: int(those.sum()) for name, those in groups.items()})


def _found(
    scored: Scored,
    bloomer: NDArray[np.bool_],
    stayer: NDArray[np.bool_],
    settings: EvaluationSettings,
) -> pd.DataFrame:
    lines = []
    for name, score in {OURS: scored.margin, **scored.baselines}.items():
        if not np.isfinite(score).any():
            continue
        for share in settings.shares:
            taken = called(score, scored.period, scored.patient_id, share)
            parts = [_part(scored.weights, taken, group) for group in (bloomer, stayer)]
            lines.append((name, share, *parts))
    return pd.DataFrame(lines, columns=["score", "share", "bloomers_found", "stayers_found"])


def _part(w: NDArray[np.float64], taken: NDArray[np.bool_], group: NDArray[np.bool_]) -> float:
    return float(w[taken & group].sum() / w[group].sum()) if w[group].sum() > 0 else float("nan")
