"""95 % intervals of a few figures of the same rows, by the bootstrap over patients: as those of
`training.evaluation.evaluate`, without the rest of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.evaluate import Interval, Scored
from training.settings.model_settings import EvaluationSettings
from training.statistics.discrimination import Ranking
from training.statistics.resampling import resampled

Figures = Callable[[NDArray[np.float64]], Sequence[float]]


def intervals_of(
    figures: Figures,
    weights: NDArray[np.float64],
    patient_id: NDArray,
    settings: EvaluationSettings,
) -> list[Interval]:
    """Each of the figures that `figures` gives at weights of the rows: at `weights`, and
    between the 2.5th and the 97.5th percentile of its values where patients are drawn with
    replacement. Draws in which it is not known do not count; NaN where it never is."""
    point = figures(weights)
    samples = (
        weights * times
        for times in resampled(patient_id.astype(str), settings.replicates, settings.seed)
    )
    drawn = [figures(w) if w.any() else [np.nan] * len(point) for w in samples]
    found = []
    for value, column in zip(point, np.array(drawn, dtype=np.float64).T, strict=True):
        known = column[np.isfinite(column)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
        found.append(Interval(float(value), float(low), float(high)))
    return found


def paired_auroc(
    scored: Scored, other: NDArray[np.float64], settings: EvaluationSettings
) -> Interval:
    """AUROC of ours minus that of `other` on the same rows, those of which `other` is known (not
    NaN), both on the same resampled patients: `better_than[...]["auroc"]` of
    `training.evaluation.evaluate.evaluate`, without its other figures."""
    known = np.isfinite(other)
    ours, theirs = Ranking.of(scored.margin), Ranking.of(np.where(known, other, -np.inf))

    def difference(w: NDArray[np.float64]) -> tuple[float]:
        asked = w * known
        case, rest = asked * scored.outcome, asked * (1 - scored.outcome)
        return (ours.auroc(case, rest) - theirs.auroc(case, rest),)

    [found] = intervals_of(difference, scored.weights, scored.patient_id, settings)
    return found
