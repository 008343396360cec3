"""Net benefit by threshold (Vickers and Elkin 2006): is calling by a score better than calling
everybody or nobody, whatever a wrong call is thought to cost?

Whoever calls all at a risk of t and above says that one case is worth (1 - t) / t wrong calls. The
net benefit at t is then the cases called less t / (1 - t) of the others called, as a share of all.

A baseline counts points and says no risk. It is given one by logistic regression of the outcome on
the place of its points among all rows, cross-fitted by patient: each patient's risks come from the
others'. That is done on the rows that test, to which ours was fitted in no way: it still leans to
the baseline, as their base rate is known to it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.small_cells import SMALLEST_SHOWN, Counts
from serving.calibrator import logit
from training.evaluation.evaluate import OURS, Scored
from training.fitting.calibrate import fit_platt
from training.settings.tasks import EvaluationSettings
from training.statistics.resampling import resampled

EVERYBODY, NOBODY = "call everybody", "call nobody"
COLUMNS = ["score", "threshold", "net_benefit", "low", "high", "gain_low", "gain_high"]
_LOWEST, _HIGHEST, _STEPS = -2, 3, 8
"""Doublings of the base rate where thresholds begin and end, and the steps of one doubling."""
_DRAWN = ("net_benefit", "low", "high")
_TENS = 10
_CERTAIN = 0.9
_FOLDS = 5


def decision_curve(
    scored: Scored, settings: EvaluationSettings, counts: Counts | None = None
) -> pd.DataFrame:
    """One row a (score, threshold): ours, "call everybody", "call nobody" and each baseline that
    is known of anybody, in this order; thresholds ascend from a quarter of the base rate to eight
    times it, below 0.9.

    ``net_benefit``: in cases a person. ``low`` and ``high``: of ours, its 95 % interval by
    patients drawn with replacement. ``gain_low`` and ``gain_high``: that of ours less the better
    of calling everybody and nobody, on the same patients. Empty where all rows, or none, are cases.

    Net benefit times rows is a count of people. Where `counts` guards (without it they are taken
    for real people) ``net_benefit``, ``low`` and ``high`` are rounded to ten rows of all, so that
    whoever has the table or the picture cannot work out a smaller one, nor how many stand between
    two thresholds; these begin at a base rate of counts as they may be told. Empty as well where
    the rows are too few to be counted.
    """
    counts = counts or Counts("own")
    y, w = scored.outcome, scored.weights
    rate = float(np.average(y, weights=w)) if w.sum() > 0 else 0.0
    if not 0 < rate < 1 or counts.hides(len(y)):
        return pd.DataFrame(columns=COLUMNS)
    rows = counts.drawn(len(y))
    if counts.guarded:
        rate = max(counts.drawn(round(rate * len(y))), SMALLEST_SHOWN) / rows
    thresholds = _thresholds(rate)
    ours = _Called(scored.risk, thresholds)
    drawn = [
        (ours.net_benefit(w * k, y), _everybody(w * k, y, thresholds))
        for k in resampled(scored.patient_id.astype(str), settings.replicates, settings.seed)
        if (w * k).sum() > 0
    ]
    benefit = np.array([found for found, _ in drawn])
    gain = np.array([found - np.maximum(everybody, 0) for found, everybody in drawn])
    ends = np.concatenate([np.quantile(x, [0.025, 0.975], axis=0) for x in (benefit, gain)])
    parts = [_part(OURS, thresholds, ours.net_benefit(w, y), ends)]
    parts.append(_part(EVERYBODY, thresholds, _everybody(w, y, thresholds)))
    parts.append(_part(NOBODY, thresholds, np.zeros(len(thresholds))))
    for name, score in scored.baselines.items():
        if np.isfinite(score).any():
            risk = cross_fitted_risk(score, scored, settings.seed)
            parts.append(_part(name, thresholds, _Called(risk, thresholds).net_benefit(w, y)))
    curve = pd.concat(parts, ignore_index=True)
    return _rounded(curve, rows) if counts.guarded else curve


def _rounded(curve: pd.DataFrame, rows: int) -> pd.DataFrame:
    """The curve in steps of ten of `rows`."""
    told = (curve[list(_DRAWN)] * rows / _TENS).round() * _TENS / rows
    return curve.assign(**{name: told[name] + 0.0 for name in _DRAWN})


def words_of(curve: pd.DataFrame) -> str:
    """The thresholds at which ours is shown to be better than calling everybody and nobody, in a
    sentence; "" for an empty curve."""
    if curve.empty:
        return ""
    ours = curve[curve["score"] == OURS]
    thresholds = ours["threshold"].to_numpy(dtype=np.float64)
    better = ours["gain_low"].to_numpy(dtype=np.float64) > 0
    asked = f"{thresholds[0]:.1%} to {thresholds[-1]:.1%}"
    if not better.any():
        return (
            "decision curve: at no threshold is calling by our risk shown to be better than both "
            f"calling everybody and calling nobody ({asked} were tried)"
        )
    first, last = np.flatnonzero(better)[[0, -1]]
    if better[first : last + 1].all():
        shown = f"thresholds of {thresholds[first]:.1%} to {thresholds[last]:.1%}"
    else:
        shown = (
            f"{better.sum()} of {len(better)} thresholds, between {thresholds[first]:.1%} and "
            f"{thresholds[last]:.1%}"
        )
    return (
        "decision curve: calling by our risk is shown to be better than both calling everybody and "
        f"calling nobody at {shown} ({asked} were tried)"
    )


def cross_fitted_risk(score: NDArray[np.float64], scored: Scored, seed: int) -> NDArray[np.float64]:
    """The risk that a score of points stands for on each row, learned from the other patients.

    Their place among all known points is what counts, in log odds: a cost of $400,000 does not
    make forty times the log odds of $10,000. Rows of which it is not known have the rate of the
    others' such rows.
    """
    known = np.isfinite(score)
    place = np.full(len(score), np.nan)
    place[known] = logit((pd.Series(score[known]).rank() - 0.5) / known.sum())
    people, person = np.unique(scored.patient_id.astype(str), return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(people))[person] % _FOLDS
    y, w = scored.outcome, scored.weights
    risk = np.zeros(len(score))
    for k in np.unique(fold):
        for rows in (known, ~known):
            rest, out = rows & (fold != k), rows & (fold == k)
            if not out.any() or w[rest].sum() <= 0:
                continue
            if rows is known:
                risk[out] = fit_platt(place[rest], y[rest], w[rest]).apply(place[out])
            else:
                risk[out] = np.average(y[rest], weights=w[rest])
    return risk


class _Called:
    """How many thresholds each row reaches, so that each weighting costs one pass."""

    def __init__(self, risk: NDArray[np.float64], thresholds: NDArray[np.float64]) -> None:
        self.reached = np.searchsorted(thresholds, risk, side="right")
        self.thresholds = thresholds

    def net_benefit(self, w: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        def above(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            found = np.zeros(len(self.thresholds) + 1)
            found += np.bincount(self.reached, weights, minlength=len(found))
            return np.cumsum(found[::-1])[::-1][1:]

        return (above(w * y) - above(w * (1 - y)) * _odds(self.thresholds)) / w.sum()


def _everybody(
    w: NDArray[np.float64], y: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    rate = (w @ y) / w.sum()
    return rate - (1 - rate) * _odds(thresholds)


def _odds(threshold: NDArray[np.float64]) -> NDArray[np.float64]:
    return threshold / (1 - threshold)


def _thresholds(rate: float) -> NDArray[np.float64]:
    found = rate * 2.0 ** (np.arange(_LOWEST * _STEPS, _HIGHEST * _STEPS + 1) / _STEPS)
    return found[found < _CERTAIN]


def _part(
    name: str,
    thresholds: NDArray[np.float64],
    benefit: NDArray[np.float64],
    ends: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    made = {"score": name, "threshold": thresholds, "net_benefit": benefit}
    return pd.DataFrame(
        made | {c: np.nan if ends is None else ends[n] for n, c in enumerate(COLUMNS[3:])}
    )
