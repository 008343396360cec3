"""How far a calibrator has to move where the base rate did: the intercept alone, or the slope too.

A calibrated risk that has become too high or too low for everybody is put right by one number, and
the order of people stays as it is. Where the slope has moved as well, risks spread otherwise than
they did, and a retraining is the better answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.calibrator import Calibrator, logit, sigmoid
from training.fitting.calibrate import clustered_error, losses
from training.statistics.logistic import (
    intercept_and_slope,
    intercept_and_slope_beside,
    offset_intercept,
)

Kind = Literal["as it is", "base rate", "base rate and slope"]
SIMPLEST_FIRST: tuple[Kind, ...] = ("as it is", "base rate", "base rate and slope")
_LEAST_SLOPE = 1e-6


@dataclass(frozen=True)
class Move:
    """What is done to the log odds of a calibrated risk: intercept + slope × them. ``log_loss``:
    each kind's cross-fitted log loss, and its standard error beside the best (clustered by
    patient). ``why``: the choice in words."""

    kind: Kind
    intercept: float
    slope: float
    log_loss: dict[str, tuple[float, float]]
    why: str


def moved(calibrator: Calibrator, intercept: float, slope: float = 1.0) -> Calibrator:
    """The calibrator whose risks have the log odds intercept + slope × those of `calibrator`.

    Log odds that rows start from stay as they are: slope and intercept change what is added.
    """
    if calibrator.kind == "isotonic":
        risks = sigmoid(intercept + slope * logit(np.array(calibrator.risks)))
        return Calibrator(
            "isotonic", margins=calibrator.margins,
            risks=tuple(float(r) for r in np.maximum.accumulate(risks)),
        )  # fmt: skip
    return Calibrator(
        "platt", slope=slope * calibrator.slope,
        intercept=slope * calibrator.intercept + intercept,
    )  # fmt: skip


def choose_move(
    calibrator: Calibrator,
    margin: ArrayLike,
    y: ArrayLike,
    share: ArrayLike,
    weights: ArrayLike,
    start: ArrayLike | None,
    folds: int,
) -> Move:
    """The simplest move within one standard error of the best cross-fitted log loss, on rows that
    neither fit nor calibrator ever saw. `share` is the patient's hash, by which folds are made;
    `start` the log odds that rows start from, None where all start alike."""
    from sklearn.model_selection import PredefinedSplit

    told = _added(calibrator, np.asarray(margin, dtype=np.float64))
    label, w = (np.asarray(a, dtype=np.float64) for a in (y, weights))
    beside = np.zeros_like(told) if start is None else np.asarray(start, dtype=np.float64)
    patients, person = np.unique(np.asarray(share), return_inverse=True)
    fold = (np.arange(len(patients)) * folds // max(len(patients), 1))[person]
    lost: dict[Kind, NDArray[np.float64]] = {}
    for kind in SIMPLEST_FIRST:
        risk = np.empty_like(told)
        for rest, out in PredefinedSplit(fold).split():
            a, b = _fitted(kind, told[rest], label[rest], w[rest], beside[rest])
            risk[out] = sigmoid(a + b * told[out] + beside[out])
        lost[kind] = losses(np.clip(risk, 1e-9, 1 - 1e-9), label)
    means = {kind: float(np.average(lost[kind], weights=w)) for kind in SIMPLEST_FIRST}
    best: Kind = min(SIMPLEST_FIRST, key=lambda kind: means[kind])
    errors = {k: clustered_error((lost[k] - lost[best]) * w, person, w) for k in SIMPLEST_FIRST}
    chosen: Kind = next(k for k in SIMPLEST_FIRST if means[k] <= means[best] + errors[k])
    a, b = _fitted(chosen, told, label, w, beside)
    why = (
        f"{chosen}: the simplest within one standard error of the best cross-fitted log loss "
        f"({best}, {means[best]:.5f}) on {len(told):,} rows of {len(patients):,} people, with "
        f"{int(label.sum()):,} cases among the rows"
    )
    if chosen == "base rate and slope":
        why += "; more than the base rate has moved: a retraining is the better answer"
    return Move(chosen, a, b, {k: (means[k], errors[k]) for k in SIMPLEST_FIRST}, why)


def _added(calibrator: Calibrator, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log odds that the calibrator makes of a margin, before what rows start from."""
    if calibrator.kind == "isotonic":
        return logit(calibrator.apply(margin))
    return calibrator.slope * margin + calibrator.intercept


def _fitted(
    kind: Kind,
    told: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    start: NDArray[np.float64],
) -> tuple[float, float]:
    """(intercept, slope); as it is where the rows hold no case or nothing else."""
    if kind == "as it is" or not 0 < w @ y < w.sum():
        return 0.0, 1.0
    if kind == "base rate":
        return offset_intercept(told + start, y, w), 1.0
    if start.any():
        a, b = intercept_and_slope_beside(told, y, start, w)
    else:
        a, b = intercept_and_slope(told, y, w)
    return (a, b) if b >= _LEAST_SLOPE else (offset_intercept(told + start, y, w), 1.0)
