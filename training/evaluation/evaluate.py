"""How good a model is, beside the baselines on the same rows, and against the truth if known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from data.small_cells import Counts
from serving.calibrator import logit
from training.evaluation.capacities import SHARES, capacities
from training.fitting.calibrate import losses
from training.settings.tasks import EvaluationSettings
from training.statistics.discrimination import Ranking, expected_auroc, within_period_auroc
from training.statistics.logistic import intercept_and_slope, offset_intercept
from training.statistics.resampling import resampled

OURS = "firstcall"
_BINS = 1000


class Interval(NamedTuple):
    """A value with the bounds of its 95 % interval, from the bootstrap over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Scored:
    """The rows that test, one an entry of each array.

    ``risk`` is calibrated, ``margin`` orders (it has no ties), ``period`` keeps rows together
    that stand on one list, ``weights`` are those of censoring (ones where there is none),
    ``amount`` is what the row cost in the outcome window, ``truth`` its true risk, ``companion``
    the outcome that is told beside ours (death or readmission beside readmission).
    """

    outcome: NDArray[np.float64]
    risk: NDArray[np.float64]
    margin: NDArray[np.float64]
    patient_id: NDArray
    period: NDArray
    baselines: Mapping[str, NDArray[np.float64]]
    weights: NDArray[np.float64]
    amount: NDArray[np.float64] | None = None
    truth: NDArray[np.float64] | None = None
    companion: NDArray[np.float64] | None = None

    def beside(self, others: Mapping[str, NDArray[np.float64]]) -> Scored:
        """The same rows with more scores to compare with."""
        return replace(self, baselines={**self.baselines, **others})

    def part(self, rows: NDArray[np.int64]) -> Scored:
        """Some of the rows."""

        def of(column: NDArray | None) -> Any:
            return None if column is None else column[rows]

        return Scored(
            of(self.outcome), of(self.risk), of(self.margin), of(self.patient_id), of(self.period),
            {name: score[rows] for name, score in self.baselines.items()}, of(self.weights),
            of(self.amount), of(self.truth), of(self.companion),
        )  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """``scores[name][metric]``, ``better_than[baseline][metric]`` (ours minus the baseline, on the
    same resampled patients), ``capacities`` (see `training.evaluation.capacities`), ``truth``
    (figures against the true risk; empty where nobody knows it), ``remarks`` for the reader,
    ``companion`` the same scores on the same rows judged by the companion outcome, ``known`` on
    how many rows, and cases among them, each baseline is known."""

    rows: int
    people: int
    events: int
    base_rate: float
    scores: dict[str, dict[str, Interval]]
    better_than: dict[str, dict[str, Interval]]
    capacities: pd.DataFrame
    within_period: dict[str, float]
    truth: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    companion: Evaluation | None = None
    known: dict[str, tuple[int, int]] = field(default_factory=dict)

    def told(self, counts: Counts) -> Evaluation:
        """The same without the scores that are known of so few real people that no figure of them
        may be told."""
        few = {name for name, (rows, cases) in self.known.items() if counts.small(cases, rows)}

        def kept(by_name: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in by_name.items() if name not in few}

        table = self.capacities
        return replace(
            self, scores=kept(self.scores), better_than=kept(self.better_than),
            capacities=table[~table["score"].isin(few)].reset_index(drop=True),
            within_period=kept(self.within_period), known=kept(self.known),
            companion=None if self.companion is None else self.companion.told(counts),
        )  # fmt: skip

    def beats(self, baseline: str, metric: str = "auroc") -> bool:
        """Better: the lower bound of the paired difference lies above 0."""
        return self.better_than[baseline][metric].low > 0

    def flat(self) -> dict[str, float]:
        """All figures under one name each, such as `firstcall.auroc.low`, for MLflow."""
        made: dict[str, float] = {
            "test.rows": self.rows, "test.people": self.people, "test.events": self.events,
            "test.base_rate": self.base_rate,
        }  # fmt: skip
        groups = {**self.scores, **{f"minus_{n}": d for n, d in self.better_than.items()}}
        for name, metrics in groups.items():
            for metric, interval in metrics.items():
                for part, value in interval._asdict().items():
                    made[f"{name}.{metric}" if part == "value" else f"{name}.{metric}.{part}"] = (
                        value
                    )
        for name, value in self.within_period.items():
            made[f"{name}.auroc_within_period"] = value
        made |= {f"truth.{name}": value for name, value in self.truth.items()}
        if self.companion is not None:
            made["companion.events"] = self.companion.events
            for name, metrics in self.companion.scores.items():
                made[f"companion.{name}.auroc"] = metrics["auroc"].value
        for row in self.capacities.to_dict("records"):
            for part in SHARES:
                made[f"{row['score']}.{part}_at_{row['capacity'].replace(' ', '_')}"] = row[part]
        return named_for_mlflow(made)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers."""

        def listed(groups: Mapping[str, Mapping[str, Interval]]) -> dict[str, Any]:
            return {n: {m: list(i) for m, i in metrics.items()} for n, metrics in groups.items()}

        return {
            "rows": self.rows, "people": self.people, "events": self.events,
            "base_rate": self.base_rate, "scores": listed(self.scores),
            "better_than": listed(self.better_than), "within_period_auroc": self.within_period,
            "capacities": self.capacities.to_dict("records"), "truth": self.truth,
            "remarks": list(self.remarks),
            "companion": None if self.companion is None else self.companion.to_json(),
        }  # fmt: skip


def named_for_mlflow(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that are numbers, under names that MLflow takes."""
    named = {
        re.sub(r"[^\w.-]+", "_", k.replace("%", " percent")): float(v) for k, v in figures.items()
    }
    return {name: value for name, value in named.items() if np.isfinite(value)}


def evaluate(
    scored: Scored, settings: EvaluationSettings, counts: Counts | None = None
) -> Evaluation:
    """Judge ours and each baseline. A baseline that is NaN somewhere is judged where it is not
    (and ours beside it, on those rows alone, in the paired difference). `counts` writes those of
    the remarks; without it, as of real people."""
    counts = counts or Counts("own")
    y, w = scored.outcome, scored.weights
    people, person = np.unique(scored.patient_id.astype(str), return_inverse=True)
    usable = {n: s for n, s in scored.baselines.items() if np.isfinite(s).any()}
    remarks = [f"{n}: not evaluable" for n in scored.baselines if n not in usable]
    known = {n: (int(np.isfinite(s).sum()), int(y[np.isfinite(s)].sum()))
             for n, s in usable.items()}  # fmt: skip
    few = {name for name, (rows, cases) in known.items() if counts.small(cases, rows)}
    remarks += [f"{n}: {_where_known(s, counts, few=n in few)}"
                for n, s in usable.items() if not np.isfinite(s).all()]  # fmt: skip
    if y.sum() < settings.judgeable_events:
        remarks.append(
            f"{counts.count(int(y.sum()))} cases are too few to judge "
            f"({settings.judgeable_events} are wanted): read the intervals, not the values"
        )
    measures = _Measures(scored, usable)
    point = measures.under(w) | measures.by_scikit_learn(scored.margin, usable, w)
    drawn = resampled(person, settings.replicates, settings.seed)
    samples = [measures.under(w * k) for k in drawn]
    scores, better = _intervals(point, samples)
    remarks += _warnings(scores, {n: paired for n, paired in better.items() if n not in few})
    return Evaluation(
        rows=len(y), people=len(people), events=int(y.sum()),
        base_rate=float(np.average(y, weights=w)) if len(y) else float("nan"),
        scores=scores, better_than=better,
        capacities=capacities(scored, {OURS: scored.margin, **usable}, settings),
        within_period={
            n: within_period_auroc(s, y, scored.period, w)
            for n, s in {OURS: scored.margin, **usable}.items() if np.isfinite(s).all()
        },
        truth=_against_truth(scored, usable), remarks=tuple(remarks),
        companion=_by_companion(scored, settings, counts), known=known,
    )  # fmt: skip


def _where_known(score: NDArray[np.float64], counts: Counts, *, few: bool) -> str:
    if few:
        return "known of so few rows or cases that nothing can be told by it"
    known = np.isfinite(score)
    hidden = counts.small(int(known.sum()), len(known))
    part = "" if hidden else f"{known.mean():.0%} of "
    return f"judged on the {part}rows of which it is known"


def _by_companion(
    scored: Scored, settings: EvaluationSettings, counts: Counts
) -> Evaluation | None:
    if scored.companion is None:
        return None
    beside = replace(scored, outcome=scored.companion, truth=None, companion=None)
    return evaluate(beside, settings, counts)


def _warnings(
    scores: Mapping[str, Mapping[str, Interval]], better: Mapping[str, Mapping[str, Interval]]
) -> list[str]:
    """What nobody should overlook: risks that do not fit the test rows, a baseline not beaten."""
    made = []
    fit = scores[OURS].get("observed_to_expected")
    if fit is not None and not fit.low <= 1 <= fit.high:
        made.append(
            f"observed : expected is {fit}: the risks do not fit the rows that test; the base rate "
            "may have moved, the last claims may not be complete, or the fit may be off"
        )
    made += [
        f"not shown to be better than {name}: the paired difference in AUROC is {paired['auroc']}"
        for name, paired in better.items() if "auroc" in paired and not paired["auroc"].low > 0
    ]  # fmt: skip
    return made


class _Measures:
    """Everything that a replicate needs, sorted and binned once.

    The values themselves are scikit-learn's wherever it has the figure (`by_scikit_learn`). It
    sorts anew at each call, so that the hundreds of replicates count on `Ranking` instead, which
    the tests hold equal to it.
    """

    def __init__(self, scored: Scored, baselines: Mapping[str, NDArray[np.float64]]) -> None:
        self.y, self.p = scored.outcome, scored.risk
        self.margin_rank = Ranking.of(scored.margin)
        self.known = {n: np.isfinite(s) for n, s in baselines.items()}
        self.ranks = {
            n: Ranking.of(np.where(self.known[n], s, -np.inf)) for n, s in baselines.items()
        }
        self.log_loss, self.brier = losses(self.p, self.y), (self.p - self.y) ** 2
        self.x = logit(self.p)
        cuts = np.unique(np.quantile(self.x, np.linspace(0, 1, _BINS + 1)))
        self.bin = np.clip(np.searchsorted(cuts, self.x, "right") - 1, 0, max(len(cuts) - 2, 0))

    def under(self, w: NDArray[np.float64]) -> dict[tuple[str, str, str], float]:
        """Every figure at these row weights, by (what, score, metric)."""
        y, total = self.y, w.sum()
        made = {("score", OURS, m): v for m, v in self._order(self.margin_rank, w).items()}
        for name, rank in self.ranks.items():
            known = w * self.known[name]
            theirs = self._order(rank, known)
            ours = self._order(self.margin_rank, known)
            for metric, value in theirs.items():
                made["score", name, metric] = value
                made["difference", name, metric] = ours[metric] - value
        made["score", OURS, "brier"] = float(w @ self.brier / total)
        made["score", OURS, "log_loss"] = float(w @ self.log_loss / total)
        expected = float(w @ self.p)
        made["score", OURS, "observed_to_expected"] = float(w @ y) / expected
        # Calibration on the means of narrow bins: the same to the third digit, and 100 x quicker.
        weight = np.bincount(self.bin, w)
        full = weight > 0
        x = np.bincount(self.bin, w * self.x)[full] / weight[full]
        rate = np.bincount(self.bin, w * y)[full] / weight[full]
        made["score", OURS, "calibration_intercept"] = offset_intercept(x, rate, weight[full])
        made["score", OURS, "calibration_slope"] = intercept_and_slope(x, rate, weight[full])[1]
        return made

    def by_scikit_learn(
        self,
        margin: NDArray[np.float64],
        baselines: Mapping[str, NDArray[np.float64]],
        w: NDArray[np.float64],
    ) -> dict[tuple[str, str, str], float]:
        """The figures of `under` that scikit-learn has, where there are cases and others."""
        from sklearn.metrics import brier_score_loss, log_loss

        made: dict[tuple[str, str, str], float] = {}
        for metric, value in _ordering(margin, self.y, w).items():
            made["score", OURS, metric] = value
        for name, score in baselines.items():
            known = w * self.known[name]
            ours = _ordering(margin, self.y, known)
            for metric, value in _ordering(score, self.y, known).items():
                made["score", name, metric] = value
                made["difference", name, metric] = ours[metric] - value
        if w.sum() > 0:
            both = {"sample_weight": w, "labels": [0, 1]}
            made["score", OURS, "brier"] = float(brier_score_loss(self.y, self.p, **both))
            made["score", OURS, "log_loss"] = float(log_loss(self.y, self.p, **both))
        return made

    def _order(self, rank: Ranking, w: NDArray[np.float64]) -> dict[str, float]:
        case, other = w * self.y, w * (1 - self.y)
        return {"auroc": rank.auroc(case, other), "auprc": rank.average_precision(case, other)}


def _ordering(
    score: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]
) -> dict[str, float]:
    """AUROC and average precision of the rows that weigh; nothing where all of them are alike."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    rows = w > 0
    if len(np.unique(y[rows])) < 2:
        return {}
    asked, weights = (y[rows], score[rows]), w[rows]
    return {
        "auroc": float(roc_auc_score(*asked, sample_weight=weights)),
        "auprc": float(average_precision_score(*asked, sample_weight=weights)),
    }


def _intervals(
    point: dict[tuple[str, str, str], float], samples: list[dict[tuple[str, str, str], float]]
) -> tuple[dict[str, dict[str, Interval]], dict[str, dict[str, Interval]]]:
    scores: dict[str, dict[str, Interval]] = {}
    better: dict[str, dict[str, Interval]] = {}
    for key, value in point.items():
        kind, name, metric = key
        drawn = np.array([sample[key] for sample in samples])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
        into = scores if kind == "score" else better
        into.setdefault(name, {})[metric] = Interval(float(value), float(low), float(high))
    return scores, better


def _against_truth(
    scored: Scored, baselines: Mapping[str, NDArray[np.float64]]
) -> dict[str, float]:
    """Expected AUROC of the true risk, of ours and of each baseline, on the rows whose true risk
    is known; and the true risk regressed on the logit of ours (slope 1, intercept 0 is right)."""
    if scored.truth is None:
        return {}
    rows = np.isfinite(scored.truth)
    if not rows.any():
        return {}
    p, w = scored.truth[rows], scored.weights[rows]
    intercept, slope = intercept_and_slope(logit(scored.risk[rows]), p, w)
    made = {
        "rows": float(rows.sum()),
        "mean_true_risk": float(np.average(p, weights=w)),
        "mean_our_risk": float(np.average(scored.risk[rows], weights=w)),
        "expected_auroc.latent": expected_auroc(p, p, w),
        f"expected_auroc.{OURS}": expected_auroc(scored.margin[rows], p, w),
        "slope": slope,
        "intercept": intercept,
    }
    for name, score in baselines.items():
        if np.isfinite(score[rows]).all():
            made[f"expected_auroc.{name}"] = expected_auroc(score[rows], p, w)
    return made


def periods_of(as_of: ArrayLike, by_month: bool) -> NDArray:
    """Which list a row stands on: its as_of, or the calendar month of it ("2024-03")."""
    days = np.asarray(as_of, dtype=np.int64).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(str) if by_month else days.astype(str)
