"""How right the expected cost is: in total, by decile, by condition, beside prior-year cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import feature
from training.evaluate import OURS, Interval
from training.expected_cost import DECILES, decile_of
from training.resampling import resampled
from training.tasks import EvaluationSettings

PRIOR = "prior-year cost, scaled"
FEWEST = 50
"""People with a condition, under which its ratio is not told."""


@dataclass(frozen=True)
class JudgedCost:
    """``total``: the predictive ratio (expected over actual cost; 1 is right) of all rows.

    ``deciles``: one row a tenth of the rows by expected cost: decile (1 costs least), rows,
    expected, actual (mean dollars), ratio, low, high. ``conditions``: the same a condition group,
    with its name; a person may be in several, or (by the name "none of them") in none.
    ``fit``: one row a score: r_squared, cpm (Cumming's prediction measure: 1 - sum |error| / sum
    |deviation from the mean|), mean_error (mean |error| in dollars).
    """

    rows: int
    total: Interval
    deciles: pd.DataFrame
    conditions: pd.DataFrame
    fit: pd.DataFrame

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers."""
        return {
            "rows": self.rows, "total": list(self.total),
            "deciles": self.deciles.to_dict("records"),
            "conditions": self.conditions.to_dict("records"), "fit": self.fit.to_dict("records"),
        }  # fmt: skip

    def remarks(self) -> list[str]:
        """What nobody should overlook."""
        if self.total.low <= 1 <= self.total.high:
            return []
        return [
            f"expected cost is {self.total} of what the test rows cost: not calibrated in total, "
            "because cost moved between training and test"
        ]


def judge_cost(
    expected: NDArray[np.float64],
    actual: NDArray[np.float64],
    weights: NDArray[np.float64],
    patient_id: NDArray,
    conditions: pd.DataFrame,
    prior: NDArray[np.float64],
    settings: EvaluationSettings,
) -> JudgedCost:
    """Judge `expected` dollars against `actual` ones (annualised), by `weights` (the part seen).

    ``prior``: dollars of the year before, which the baseline scales by one factor so that it is
    right in total on these very rows, NaN where they are not known;
    ``conditions``: one column a condition group, 1 where a row has it.
    Intervals are of the bootstrap over patients.
    """
    drawn = list(resampled(patient_id.astype(str), settings.replicates, settings.seed))
    decile = decile_of(expected, weights)
    lines = [
        _line(expected, actual, weights * (decile == d), drawn) for d in range(DECILES)
    ]  # fmt: skip
    deciles = pd.DataFrame(lines)
    deciles.insert(0, "decile", np.arange(1, DECILES + 1))
    total = _line(expected, actual, weights, drawn)
    return JudgedCost(
        len(expected),
        Interval(total["ratio"], total["low"], total["high"]),
        deciles,
        _conditions(expected, actual, weights, patient_id, conditions, drawn),
        _fits({OURS: expected, PRIOR: _scaled(prior, actual, weights)}, actual, weights),
    )


def _line(
    expected: NDArray[np.float64],
    actual: NDArray[np.float64],
    w: NDArray[np.float64],
    drawn: list[NDArray[np.float64]],
) -> dict[str, float]:
    """The rows that weigh: their number, both means, the ratio with its interval."""
    of, by = w * expected, w * actual
    told = w.sum()
    ratios = np.array([_ratio(float(k @ of), float(k @ by)) for k in drawn])
    ratios = ratios[np.isfinite(ratios)]
    low, high = np.quantile(ratios, [0.025, 0.975]) if len(ratios) else (np.nan, np.nan)
    return {
        "rows": int((w > 0).sum()), "expected": float(of.sum() / told) if told else np.nan,
        "actual": float(by.sum() / told) if told else np.nan,
        "ratio": _ratio(float(of.sum()), float(by.sum())), "low": float(low), "high": float(high),
    }  # fmt: skip


def _ratio(expected: float, actual: float) -> float:
    return expected / actual if actual > 0 else float("nan")


def _conditions(
    expected: NDArray[np.float64],
    actual: NDArray[np.float64],
    weights: NDArray[np.float64],
    patient_id: NDArray,
    conditions: pd.DataFrame,
    drawn: list[NDArray[np.float64]],
) -> pd.DataFrame:
    any_of_them = np.zeros(len(expected), dtype=bool)
    lines = []
    for name in conditions.columns:
        there = conditions[name].to_numpy(dtype=np.float64) == 1
        any_of_them |= there
        if len(np.unique(patient_id[there].astype(str))) >= FEWEST:
            words = feature(name).concept
            lines.append({"condition": words, **_line(expected, actual, weights * there, drawn)})
    lines.sort(key=lambda line: (-line["rows"], line["condition"]))
    if len(conditions.columns):
        none = _line(expected, actual, weights * ~any_of_them, drawn)
        lines.append({"condition": "none of them", **none})
    columns = ["condition", "rows", "expected", "actual", "ratio", "low", "high"]
    return pd.DataFrame(lines, columns=columns)


def _scaled(
    prior: NDArray[np.float64], actual: NDArray[np.float64], w: NDArray[np.float64]
) -> NDArray[np.float64]:
    known = np.isfinite(prior)
    spent = float((w * prior)[known].sum())
    return prior * (float((w * actual)[known].sum()) / spent if spent > 0 else np.nan)


def _fits(
    scores: Mapping[str, NDArray[np.float64]],
    actual: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> pd.DataFrame:
    lines = []
    for name, score in scores.items():
        known = np.isfinite(score)
        if not known.any():
            continue
        y, p, w = actual[known], score[known], weights[known]
        away, off = y - np.average(y, weights=w), y - p
        lines.append({
            "score": name, "rows": len(y),
            "r_squared": float(1 - (w @ off**2) / (w @ away**2)) if away.any() else np.nan,
            "cpm": float(1 - (w @ np.abs(off)) / (w @ np.abs(away))) if away.any() else np.nan,
            "mean_error": float(np.average(np.abs(off), weights=w)),
        })  # fmt: skip
    return pd.DataFrame(lines, columns=["score", "rows", "r_squared", "cpm", "mean_error"])
