"""Logistic regression on one variable: for calibration and for judging it."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.calibrator import sigmoid

STEPS = 25
_HARDLY_ANY_RIDGE = 1e9
"""scikit-learn's C. Without any ridge, rows that a line separates would have no maximum."""


def intercept_and_slope(
    x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Maximum (quasi-)likelihood of y ~ sigmoid(intercept + slope x); y within [0, 1].

    A y between 0 and 1 (a true risk, a rate) counts as two rows: a case with the weight y and
    none with the rest. Where x or y is the same everywhere, the slope is 0.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    xs = np.asarray(x, dtype=np.float64)
    ys = np.asarray(y, dtype=np.float64)
    ws = _weights(weights, xs)
    centre = np.average(xs, weights=ws)
    spread = np.sqrt(np.average((xs - centre) ** 2, weights=ws))
    rate = float(np.average(ys, weights=ws))
    if spread < 1e-12 or not 0 < rate < 1:
        return log_odds(rate), 0.0
    z = np.tile((xs - centre) / spread, 2)
    case = np.repeat([1, 0], len(xs))
    worth = np.concatenate([ws * ys, ws * (1 - ys)])
    rows = worth > 0
    regression = LogisticRegression(
        C=_HARDLY_ANY_RIDGE, solver="newton-cholesky", tol=1e-10, max_iter=200
    )
    with warnings.catch_warnings():
        # separated rows (a resample with one case) never converge to the tolerance: any steep
        # finite slope is as good an answer
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = regression.fit(z[rows, None], case[rows], sample_weight=worth[rows])
    a, b = float(fitted.intercept_[0]), float(fitted.coef_[0, 0])
    return float(a - b * centre / spread), float(b / spread)


def offset_intercept(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The intercept alone, the slope held at 1: calibration in the large, 0 where it is right.

    By Newton's method here, because scikit-learn's regression takes no offset.
    """
    xs = np.asarray(x, dtype=np.float64)
    ys = np.asarray(y, dtype=np.float64)
    return float(_newton(np.ones((len(xs), 1)), ys, xs, _weights(weights, xs))[0])


def intercept_and_slope_beside(
    x: ArrayLike, y: ArrayLike, offset: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Maximum likelihood of y ~ sigmoid(intercept + slope x + offset). Where x is the same
    everywhere, the slope is 0."""
    xs = np.asarray(x, dtype=np.float64)
    ys, beside = np.asarray(y, dtype=np.float64), np.asarray(offset, dtype=np.float64)
    ws = _weights(weights, xs)
    centre = np.average(xs, weights=ws)
    spread = np.sqrt(np.average((xs - centre) ** 2, weights=ws))
    if spread < 1e-12:
        return float(_newton(np.ones((len(xs), 1)), ys, beside, ws)[0]), 0.0
    design = np.column_stack([np.ones_like(xs), (xs - centre) / spread])
    a, b = _newton(design, ys, beside, ws)
    return float(a - b * centre / spread), float(b / spread)


def _newton(
    design: NDArray[np.float64],
    y: NDArray[np.float64],
    offset: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The coefficients of y ~ sigmoid(design @ coefficients + offset); no step is above 5."""
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        p = sigmoid(design @ found + offset)
        curve = design.T @ (design * (weights * p * (1 - p))[:, None])
        curve += 1e-12 * np.eye(len(found))
        step = np.linalg.solve(curve, design.T @ (weights * (y - p)))
        found += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return found


def log_odds(p: float) -> float:
    """The log odds of a rate, finite for 0 and 1 as well."""
    p = min(max(p, 1e-9), 1 - 1e-9)
    return float(np.log(p / (1 - p)))


def _weights(weights: ArrayLike | None, x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
