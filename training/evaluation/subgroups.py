"""How good a model is within each group of people, and how far apart the groups stand.

Who is called is judged by fairlearn's `MetricFrame`, and the AUROC is scikit-learn's. Fairlearn's
bootstrap draws rows and computes everything anew: that over patients is counted here, from weights
alone, as `training.evaluation.evaluate` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from serving.calibrator import logit
from training.cohorts.groups import Grouping
from training.evaluation.evaluate import Scored
from training.settings.model_settings import EvaluationSettings
from training.statistics.called import CALLED, called
from training.statistics.discrimination import Ranking
from training.statistics.logistic import intercept_and_slope_beside
from training.statistics.resampling import resampled

if TYPE_CHECKING:
    from fairlearn.metrics import MetricFrame

FIGURES = (
    "auroc", "observed_to_expected", "calibration_slope", "called", "sensitivity", "ppv",
    "true_slope",
)  # fmt: skip
"""The columns of `subgroups` that have an interval, each as x, x_low and x_high."""
_BINS = 500


def subgroups(
    scored: Scored, groupings: Sequence[Grouping], settings: EvaluationSettings
) -> pd.DataFrame:
    """One row a grouping and group; whoever is not told is in none.

    Columns: grouping, group, rows, people, events, judgeable (as many events as `settings` ask
    for), base_rate and mean_risk (weighted), then each of FIGURES with its 95 % interval from the
    bootstrap over patients (x, x_low, x_high), NaN where the group is not judgeable: auroc,
    observed_to_expected, calibration_slope; called (the share of the group in the upper 5 % of
    each period's list), sensitivity and ppv of those called; true_slope (the true risk regressed on
    the logit of ours, 1 is right; NaN where nobody knows it).
    """
    taken = _called(scored)
    person = np.unique(scored.patient_id.astype(str), return_inverse=True)[1]
    lines: list[dict[str, Any]] = []
    judged: list[tuple[dict[str, Any], _Group]] = []
    for grouping in groupings:
        worth = _judgeable(scored, grouping, settings)
        frame = _of_called(scored, grouping, taken, worth).by_group if worth else None
        for name in grouping.groups:
            rows = grouping.rows(name)
            w = scored.weights[rows]
            line: dict[str, Any] = {
                "grouping": grouping.name, "group": name, "rows": len(rows),
                "people": len(np.unique(person[rows])), "events": int(scored.outcome[rows].sum()),
                "judgeable": name in worth,
                "base_rate": float(np.average(scored.outcome[rows], weights=w)),
                "mean_risk": float(np.average(scored.risk[rows], weights=w)),
            }  # fmt: skip
            lines.append(line)
            if frame is not None and name in worth:
                group = _Group(scored, rows, taken)
                line |= group.as_it_is() | dict(frame.loc[name].astype(np.float64))
                judged.append((line, group))
    drawn: list[list[dict[str, float]]] = [[] for _ in judged]
    for times in resampled(person, settings.replicates, settings.seed):
        for (_, group), found in zip(judged, drawn, strict=True):
            found.append(group.under(times))
    for (line, _), found in zip(judged, drawn, strict=True):
        line |= _bounds(found)
    first = ["grouping", "group", "rows", "people", "events", "judgeable", "base_rate", "mean_risk"]
    columns = [*first, *(f"{x}{end}" for x in FIGURES for end in ("", "_low", "_high"))]
    return pd.DataFrame(lines, columns=columns)


def disparities(
    scored: Scored, groupings: Sequence[Grouping], settings: EvaluationSettings
) -> pd.DataFrame:
    """How far apart the judgeable groups of each grouping stand: one row a grouping.

    Columns: grouping, groups (how many are judgeable), called_difference and called_ratio (between
    the most and the least called group: demographic parity), sensitivity_difference (equal
    opportunity), most_called and least_called (their names). NaN and "" where fewer than two groups
    are judgeable. Extremes of several groups always differ: read them beside the intervals of
    `subgroups`.
    """
    taken = _called(scored)
    lines = []
    for grouping in groupings:
        worth = _judgeable(scored, grouping, settings)
        line: dict[str, Any] = {
            "grouping": grouping.name, "groups": len(worth), "called_difference": np.nan,
            "called_ratio": np.nan, "sensitivity_difference": np.nan, "most_called": "",
            "least_called": "",
        }  # fmt: skip
        if len(worth) > 1:
            frame: Any = _of_called(scored, grouping, taken, worth)
            apart, ratio = frame.difference(), frame.ratio()
            share = frame.by_group["called"].astype(np.float64).reindex(worth)
            line |= {
                "called_difference": float(apart["called"]), "called_ratio": float(ratio["called"]),
                "sensitivity_difference": float(apart["sensitivity"]),
                "most_called": share.idxmax(), "least_called": share.idxmin(),
            }  # fmt: skip
        lines.append(line)
    return pd.DataFrame(lines)


def _called(scored: Scored) -> NDArray[np.bool_]:
    return called(scored.margin, scored.period, scored.patient_id, CALLED)


def _judgeable(scored: Scored, grouping: Grouping, settings: EvaluationSettings) -> list[str]:
    """The groups with as many events as `settings` ask for, and with one at all."""
    events = {g: scored.outcome[grouping.rows(g)].sum() for g in grouping.groups}
    return [group for group, many in events.items() if many >= max(settings.judgeable_events, 1)]


def _of_called(
    scored: Scored, grouping: Grouping, taken: NDArray[np.bool_], groups: Sequence[str]
) -> MetricFrame:
    """called, sensitivity and ppv of each of the groups.

    A frame of fairlearn takes some microseconds a row. Rows that are alike to it (group, outcome,
    called) therefore go in as one, with their weights added up: that gives the same figures.
    """
    from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate

    alike = pd.DataFrame({
        "group": grouping.of, "case": scored.outcome, "called": taken.astype(np.float64),
        "weight": scored.weights,
    })  # fmt: skip
    alike = alike[alike["group"].isin(list(groups)).to_numpy(dtype=bool)]
    alike = alike.groupby(["group", "case", "called"], as_index=False)["weight"].sum()
    metrics = {"called": selection_rate, "sensitivity": true_positive_rate, "ppv": _ppv}
    weights = {"sample_weight": alike["weight"].to_numpy(dtype=np.float64)}
    return MetricFrame(
        metrics=metrics, y_true=alike["case"], y_pred=alike["called"],
        sensitive_features=alike["group"], sample_params=dict.fromkeys(metrics, weights),
    )  # fmt: skip


def _ppv(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike) -> float:
    """scikit-learn's precision; NaN, and not 0, where nobody is called."""
    from sklearn.metrics import precision_score

    never: Any = np.nan
    return float(precision_score(y_true, y_pred, sample_weight=sample_weight, zero_division=never))


class _Group:
    """The rows of one group, sorted and binned once, so that each replicate only weighs them."""

    def __init__(self, scored: Scored, rows: NDArray[np.int64], taken: NDArray[np.bool_]) -> None:
        self.rows = rows[np.argsort(scored.margin[rows], kind="stable")]
        self.w, self.y, self.p, self.margin = (
            values[self.rows]
            for values in (scored.weights, scored.outcome, scored.risk, scored.margin)
        )
        self.rank = Ranking.of(self.margin)
        self.taken = taken[self.rows]
        x = logit(self.p)
        self.slopes = {"calibration_slope": _Slope(x, self.y, np.arange(len(x)))}
        if scored.truth is not None:
            truth = scored.truth[self.rows]
            known = np.flatnonzero(np.isfinite(truth))
            if len(known):
                self.slopes["true_slope"] = _Slope(x, truth, known)

    def as_it_is(self) -> dict[str, float]:
        """Every figure of the rows themselves."""
        from sklearn.metrics import roc_auc_score

        made = self.under(None)
        if self.y.min() < self.y.max():
            made["auroc"] = float(roc_auc_score(self.y, self.margin, sample_weight=self.w))
        return made

    def under(self, times: NDArray[np.float64] | None) -> dict[str, float]:
        """Every figure, each row of all counting so many times (None: once)."""
        w = self.w if times is None else self.w * times[self.rows]
        if not w.any():
            return {}
        case = w * self.y
        cases, taken, found = case.sum(), w[self.taken].sum(), case[self.taken].sum()
        made = {
            "auroc": self.rank.auroc(case, w - case),
            "observed_to_expected": cases / (w * self.p).sum(),
            "called": taken / w.sum(),
            "sensitivity": found / cases if cases > 0 else np.nan,
            "ppv": found / taken if taken > 0 else np.nan,
        }
        return made | {name: slope.under(w) for name, slope in self.slopes.items()}


class _Slope:
    """A logistic slope of ``y`` on ``x``, rows ``at`` of a group, under weights of all its rows.

    On the means of narrow bins: the same to the third digit, and far quicker.
    """

    def __init__(
        self, x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.int64]
    ) -> None:
        self.at, self.x, self.y = at, x[at], y[at]
        cuts = np.unique(np.quantile(self.x, np.linspace(0, 1, _BINS + 1)))
        place = np.searchsorted(cuts, self.x, "right") - 1
        self.bin = np.clip(place, 0, max(len(cuts) - 2, 0))
        self.of_bin = np.bincount(self.bin, self.x) / np.maximum(np.bincount(self.bin), 1)

    def under(self, w: NDArray[np.float64]) -> float:
        of_row = w[self.at]
        weight = np.bincount(self.bin, of_row)
        full = weight > 0
        if not full.any():
            return float("nan")
        rate = np.bincount(self.bin, of_row * self.y)[full] / weight[full]
        x = self.of_bin[full]
        return intercept_and_slope_beside(x, rate, np.zeros_like(x), weight[full])[1]


def _bounds(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """The 95 % interval of each figure over the replicates in which it can be told."""
    made = {}
    for name in FIGURES:
        values = np.array([replicate.get(name, np.nan) for replicate in found])
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (np.nan, np.nan)
        made |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return made
