"""The choice of a calibrator: none, Platt or isotonic, on rows that the fit never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.calibrator import HIGHEST, LOWEST, Calibrator
from training.settings.tasks import CalibrationSettings
from training.statistics.logistic import (
    intercept_and_slope,
    intercept_and_slope_beside,
    log_odds,
    offset_intercept,
)

SIMPLEST_FIRST = ("none", "platt", "isotonic")
_LEAST_SLOPE = 1e-6


@dataclass(frozen=True)
class CalibrationChoice:
    """The calibrator, the cross-fitted log loss of each candidate with its standard error
    (clustered by patient), and why this one was chosen."""

    calibrator: Calibrator
    log_loss: dict[str, tuple[float, float]]
    why: str


def fit_platt(
    margin: ArrayLike,
    y: ArrayLike,
    weights: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> Calibrator:
    """Slope and intercept of maximum likelihood, beside the log odds of `start` where rows start
    from some. A slope at or below 0 would turn the order round: then only the intercept of the
    base rate is left, with a slope next to nothing."""
    label = np.asarray(y, dtype=np.float64)
    if start is None:
        intercept, slope = intercept_and_slope(margin, label, weights)
    else:
        intercept, slope = intercept_and_slope_beside(margin, label, start, weights)
    if slope < _LEAST_SLOPE:
        w = np.ones_like(label) if weights is None else np.asarray(weights, dtype=np.float64)
        intercept = log_odds(float(np.average(label, weights=w)))
        if start is not None:
            intercept = offset_intercept(start, label, weights)
    return Calibrator("platt", slope=max(slope, _LEAST_SLOPE), intercept=intercept)


def fit_isotonic(margin: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> Calibrator:
    """The rising step function of least squares, as knots with straight lines between."""
    from sklearn.isotonic import IsotonicRegression

    m = np.asarray(margin, dtype=np.float64)
    fitted = IsotonicRegression(y_min=LOWEST, y_max=HIGHEST, out_of_bounds="clip").fit(
        m, np.asarray(y, dtype=np.float64), sample_weight=weights
    )
    return Calibrator(
        "isotonic",
        margins=tuple(float(v) for v in fitted.X_thresholds_),
        risks=tuple(float(v) for v in np.maximum.accumulate(fitted.y_thresholds_)),
    )


def _fit(
    kind: str, margin: NDArray, y: NDArray, weights: NDArray, start: NDArray | None
) -> Calibrator:
    if kind == "platt":
        return fit_platt(margin, y, weights, start)
    if kind == "isotonic":
        return fit_isotonic(margin, y, weights)
    return Calibrator()


def losses(risk: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """The log loss of each row: scikit-learn's is of all rows together, and the bootstrap and the
    clustered error need each."""
    p = np.asarray(risk, dtype=np.float64)
    return -np.where(np.asarray(y) == 1, np.log(p), np.log1p(-p))


def choose_calibrator(
    margin: ArrayLike,
    y: ArrayLike,
    share: ArrayLike,
    settings: CalibrationSettings,
    weights: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> CalibrationChoice:
    """The simplest calibrator within one standard error of the best cross-fitted log loss.

    `share` is the patient's hash in [0, 1): it makes the folds, so that a patient's rows stay
    together. The standard error is that of the paired difference from the best. Isotonic is
    tried only with enough cases, and not where rows start from log odds of their own (`start`):
    it would bend these too. The chosen kind is fitted again on all rows.
    """
    from sklearn.model_selection import PredefinedSplit

    m, label = np.asarray(margin, dtype=np.float64), np.asarray(y, dtype=np.float64)
    w = np.ones_like(m) if weights is None else np.asarray(weights, dtype=np.float64)
    patients, person = np.unique(np.asarray(share), return_inverse=True)
    fold = (np.arange(len(patients)) * settings.folds // max(len(patients), 1))[person]
    # consecutive ranks of a hash are already random; folds are then equal in people
    cases = min(label.sum(), w @ label)  # rows that share one weight tell of one case
    enough_cases = start is None and cases >= settings.isotonic_events
    kinds = [k for k in SIMPLEST_FIRST if k != "isotonic" or enough_cases]
    beside = None if start is None else np.asarray(start, dtype=np.float64)

    def of(rows: NDArray) -> NDArray | None:
        return None if beside is None else beside[rows]

    row_losses: dict[str, NDArray] = {}
    for kind in kinds:
        risk = np.full(len(m), np.nan)
        for rest, out in PredefinedSplit(fold).split():
            enough = 0 < label[rest].sum() < len(rest)
            tried = _fit(kind if enough else "none", m[rest], label[rest], w[rest], of(rest))
            risk[out] = tried.apply(m[out], of(out))
        row_losses[kind] = losses(risk, label)
    means = {kind: float(np.average(row_losses[kind], weights=w)) for kind in kinds}
    best = min(kinds, key=lambda kind: means[kind])
    errors = {k: clustered_error((row_losses[k] - row_losses[best]) * w, person, w) for k in kinds}
    chosen = next(kind for kind in kinds if means[kind] <= means[best] + errors[kind])
    why = (
        f"{chosen}: the simplest within one standard error of the best cross-fitted log loss "
        f"({best}, {means[best]:.5f}) on {len(m)} rows of {len(patients)} people, with "
        f"{int(label.sum())} cases among the rows"
    )
    if start is not None:
        why += "; isotonic would bend the log odds that rows start from"
    elif "isotonic" not in kinds:
        why += f"; isotonic needs {settings.isotonic_events} cases"
    return CalibrationChoice(
        _fit(chosen, m, label, w, beside), {k: (means[k], errors[k]) for k in kinds}, why
    )


def clustered_error(weighted: NDArray, person: NDArray, weights: NDArray) -> float:
    """The standard error of the weighted mean of values, patients taken as wholes; `weighted` are
    the values times their weights, `person` numbers the patient of each."""
    centred = weighted - weights * weighted.sum() / weights.sum()
    sums = np.bincount(person, centred)
    return float(np.sqrt(np.sum(sums**2)) / weights.sum())
