"""Logistic regression on one variable, many weightings at once: for calibration and its bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.calibrator import sigmoid

STEPS = 25
RIDGE = 1e-9


def intercept_and_slope(
    x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Maximum (quasi-)likelihood of y ~ sigmoid(intercept + slope x); y within [0, 1].

    Newton's method with step halving. Rows that a line separates have no maximum: the slope
    then stops where the likelihood gains nothing any more.
    """
    xs = np.asarray(x, dtype=np.float64)
    ys = np.asarray(y, dtype=np.float64)
    ws = np.ones_like(xs) if weights is None else np.asarray(weights, dtype=np.float64)
    centre = np.average(xs, weights=ws)
    spread = np.sqrt(np.average((xs - centre) ** 2, weights=ws))
    if spread < 1e-12:
        return float(_log_odds(np.average(ys, weights=ws))), 0.0
    z = (xs - centre) / spread
    a, b = float(_log_odds(np.average(ys, weights=ws))), 0.0
    best = _likelihood(a, b, z, ys, ws)
    for _ in range(STEPS):
        p = sigmoid(a + b * z)
        gradient, hessian = _moments(p, z, ys, ws)
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        tried = _likelihood(a + step[0], b + step[1], z, ys, ws)
        while tried < best and scale > 1e-6:
            scale /= 2
            tried = _likelihood(a + scale * step[0], b + scale * step[1], z, ys, ws)
        gain = tried - best
        a, b, best = a + scale * step[0], b + scale * step[1], max(best, tried)
        if gain < 1e-10 * max(1.0, abs(best)) or abs(b) > 30:
            break
    return float(a - b * centre / spread), float(b / spread)


def offset_intercept(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The intercept alone, the slope held at 1: calibration in the large, 0 where it is right."""
    xs = np.asarray(x, dtype=np.float64)
    ys = np.asarray(y, dtype=np.float64)
    ws = np.ones_like(xs) if weights is None else np.asarray(weights, dtype=np.float64)
    a = 0.0
    for _ in range(STEPS):
        p = sigmoid(a + xs)
        slope = float(np.sum(ws * p * (1 - p)))
        step = float(np.sum(ws * (ys - p))) / max(slope, 1e-12)
        a += float(np.clip(step, -5, 5))
        if abs(step) < 1e-10:
            break
    return a


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return float(np.log(p / (1 - p)))


def _likelihood(a: float, b: float, z: NDArray, y: NDArray, w: NDArray) -> float:
    m = a + b * z
    return float(np.sum(w * (y * m - np.logaddexp(0.0, m))))


def _moments(p: NDArray, z: NDArray, y: NDArray, w: NDArray) -> tuple[NDArray, NDArray]:
    residual = w * (y - p)
    v = w * p * (1 - p)
    gradient = np.array([residual.sum(), (residual * z).sum()])
    cross = (v * z).sum()
    hessian = np.array([[v.sum() + RIDGE, cross], [cross, (v * z * z).sum() + RIDGE]])
    return gradient, hessian
