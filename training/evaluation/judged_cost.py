"""How right the expected cost is: in total, by decile, by condition, beside prior-year cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import feature
from training.evaluation.evaluate import OURS, Interval
from training.fitting.expected_cost import DECILES, decile_of
from training.settings.tasks import EvaluationSettings
from training.statistics.resampling import resampled

PRIOR = "prior-year cost, scaled"
FEWEST = 50
"""People with a condition, under which its ratio is not told."""
NONE_OF_THEM = "none of them"


@dataclass(frozen=True)
class JudgedCost:
    """``total``: the predictive ratio (expected over actual cost; 1 is right) of all rows.

    ``deciles``: one row a tenth of the rows by expected cost: decile (1 costs least), rows,
    expected, actual (mean dollars), ratio, low, high. ``conditions``: the same a condition group,
    with its name; a person may be in several, or (by the name NONE_OF_THEM) in none.
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
            "perhaps because cost moved between training and test"
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
    people = patient_id.astype(str)
    decile = decile_of(expected, weights)
    named = _condition_groups(conditions, people)
    groups = [np.ones(len(expected), dtype=bool), *(decile == d for d in range(DECILES))]
    groups += named.values()
    ratios = _resampled_ratios(weights * expected, weights * actual, groups, people, settings)
    lines = [
        _line(expected, actual, weights * group, found)
        for group, found in zip(groups, ratios, strict=True)
    ]
    total, deciles = lines[0], pd.DataFrame(lines[1 : DECILES + 1])
    deciles.insert(0, "decile", np.arange(1, DECILES + 1))
    return JudgedCost(
        len(expected),
        Interval(total["ratio"], total["low"], total["high"]),
        deciles,
        _condition_table(dict(zip(named, lines[DECILES + 1 :], strict=True))),
        _fits({OURS: expected, PRIOR: _scaled(prior, actual, weights)}, actual, weights),
    )


def _resampled_ratios(
    of: NDArray[np.float64],
    by: NDArray[np.float64],
    groups: Sequence[NDArray[np.bool_]],
    people: NDArray,
    settings: EvaluationSettings,
) -> NDArray[np.float64]:
    """The ratio of each group (a line) in each replicate (a column), NaN where nothing was spent.

    Each replicate is drawn once for all groups and not kept: memory holds one of them.
    """
    ratios = np.full((len(groups), settings.replicates), np.nan)
    counts = np.empty(len(of))
    for column, drawn in enumerate(resampled(people, settings.replicates, settings.seed)):
        for line, group in enumerate(groups):
            np.multiply(drawn, group, out=counts)
            ratios[line, column] = _ratio(float(counts @ of), float(counts @ by))
    return ratios


def _line(
    expected: NDArray[np.float64],
    actual: NDArray[np.float64],
    w: NDArray[np.float64],
    ratios: NDArray[np.float64],
) -> dict[str, float]:
    """The rows that weigh: their number, both means, the ratio with its interval."""
    of, by = w * expected, w * actual
    told = w.sum()
    ratios = ratios[np.isfinite(ratios)]
    low, high = np.quantile(ratios, [0.025, 0.975]) if len(ratios) else (np.nan, np.nan)
    return {
        "rows": int((w > 0).sum()), "expected": float(of.sum() / told) if told else np.nan,
        "actual": float(by.sum() / told) if told else np.nan,
        "ratio": _ratio(float(of.sum()), float(by.sum())), "low": float(low), "high": float(high),
    }  # fmt: skip


def _ratio(expected: float, actual: float) -> float:
    return expected / actual if actual > 0 else float("nan")


def _condition_groups(conditions: pd.DataFrame, people: NDArray) -> dict[str, NDArray[np.bool_]]:
    """Who has each condition that enough people have, by its column, and who has none of all."""
    found: dict[str, NDArray[np.bool_]] = {}
    any_of_them = np.zeros(len(people), dtype=bool)
    for name in conditions.columns:
        there = conditions[name].to_numpy(dtype=np.float64) == 1
        any_of_them |= there
        if len(np.unique(people[there])) >= FEWEST:
            found[name] = there
    if len(conditions.columns):
        found[NONE_OF_THEM] = ~any_of_them
    return found


def _condition_table(lines: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The lines of `_condition_groups` by their words, those of most rows first, NONE_OF_THEM
    last."""
    made = [
        {"condition": feature(name).concept, **line}
        for name, line in lines.items() if name != NONE_OF_THEM
    ]  # fmt: skip
    made.sort(key=lambda line: (-line["rows"], line["condition"]))
    if NONE_OF_THEM in lines:
        made.append({"condition": NONE_OF_THEM, **lines[NONE_OF_THEM]})
    columns = ["condition", "rows", "expected", "actual", "ratio", "low", "high"]
    return pd.DataFrame(made, columns=columns)


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
