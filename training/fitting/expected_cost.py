"""The second output of high cost: what the next year is expected to cost, in dollars.

The tail is heavy: a percent of people bears a sixth of the cost, and a mean square would learn
those alone. Two ways to meet it are fitted and judged by how near their deciles lie to what people
cost, on people whom no fit saw; the simplest within one standard error of the best is kept:

- Tweedie: a variance that grows with the mean to the power of 1.5, and a mass at 0; its mean is the
  expected amount itself.
- log dollars: least squares on log(1 + dollars), brought back by the ratio of totals that the
  calibration is: what Duan's smearing (1983) does, of observed dollars instead of residuals.

Either is calibrated on those people, in total or by decile, and only the calibration makes dollars
of what a booster says.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.definitions import feature
from features.history import Histories
from serving.expected_cost import (
    KEY,
    LEAST,
    DollarCalibration,
    load_expected_cost,
    said_dollars,
)
from serving.model import THREADS, RiskModel, load_lightgbm, version_of
from training.cohorts.cohort import Cohort
from training.cohorts.split import LEARNING, ROLES, Split, share_of, thinning_share
from training.fitting.datasets import Take, dataset
from training.fitting.fit import parameters
from training.fitting.matrix import Matrix, asked
from training.fitting.side_by_side import side_by_side
from training.settings.tasks import FitSettings, HighCostTask
from training.statistics.resampling import resampled

LEAST_SEEN_DAYS = 30
"""A leaver seen for fewer days says nothing of a year."""
TWEEDIE_POWER = 1.5
WAYS = {"tweedie": "dollars", "log": "log dollars"}
"""How to meet the tail → what its booster says (see `serving.expected_cost.OUTPUTS`)."""
GROUPS = "elixhauser_"
"""Features whose names begin so, and that say yes or no, are the condition groups."""
DECILES = 10
CALIBRATIONS = {"in total": 1, "by decile": DECILES}
"""How it is calibrated → into how many groups, the simplest first."""
FOLDS = 5
REPLICATES, SEED = 100, 20240301
"""Of the bootstrap that tells how sure a difference between two ways is."""


@dataclass(frozen=True)
class CostRows:
    """Rows with what they cost in a year: ``rows`` (the cohort's columns), ``take`` (gives the
    model's features of the rows at some places), ``conditions`` (the features of condition groups),
    ``dollars`` (annualised where they left), ``exposure`` (the part of the window that was seen,
    which they weigh), ``share`` (the patient's hash) and ``role``; one entry a row each."""

    rows: pd.DataFrame
    take: Take
    conditions: pd.DataFrame
    dollars: NDArray[np.float64]
    exposure: NDArray[np.float64]
    share: NDArray[np.float64]
    role: NDArray

    def of(self, *roles: str) -> NDArray[np.int64]:
        """The places of the rows of these roles."""
        return np.flatnonzero(np.isin(self.role, roles))

    def part(self, places: NDArray[np.int64]) -> CostRows:
        """Some of the rows, with features of their own."""
        return CostRows(
            self.rows.iloc[places].reset_index(drop=True), self.take(places).__getitem__,
            self.conditions.iloc[places].reset_index(drop=True), self.dollars[places],
            self.exposure[places], self.share[places], self.role[places],
        )  # fmt: skip


@dataclass(frozen=True)
class FittedCost:
    """``text``: the booster as LightGBM writes it; ``told``: what `model.json` holds of it.
    ``choice``: one row a way and calibration with its error by decile, on held-out people;
    ``why``: the choice in words."""

    text: str
    told: dict[str, Any]
    choice: pd.DataFrame
    why: str


def cost_rows(
    cohort: Cohort,
    matrix: Matrix,
    split: Split,
    histories: Histories,
    names: list[str],
    task: HighCostTask,
) -> CostRows:
    """The rows of a training and, beside them, those who left below the threshold: the label does
    not know them, but what they cost until then is known.

    Whoever left has the amount until then, over the days seen, for the days of the window, and
    weighs as the part that was seen; fewer than LEAST_SEEN_DAYS are left out. The dead are not
    annualised: their year ended. Of totals of years no part of a year is known: leavers are left
    out there. A year below 0 (rebates) counts as 0.
    """
    groups = [n for n in matrix.X.columns if n.startswith(GROUPS) and is_flag(n)]
    rows, role = matrix.rows, np.asarray(split.role, dtype=object)
    conditions, take = matrix.X[groups], partial(matrix.array, names)
    leavers = _leavers(cohort, role, task)
    if len(leavers):
        beside = asked(histories, leavers, matrix.cuts, list(dict.fromkeys([*names, *groups])))
        take = partial(_array_of_both, matrix, beside, names)
        conditions = pd.concat([conditions, beside.X[groups]], ignore_index=True)
        rows = pd.concat([rows, beside.rows], ignore_index=True)
        role = np.r_[role, beside.rows["role"].to_numpy(dtype=object)]
    dollars, exposure = annualised(rows, task.truncate_cents)
    share = share_of(rows["patient_id"], task.split.salt)
    return CostRows(rows, take, conditions, dollars, exposure, share, role)


def _array_of_both(
    first: Matrix, second: Matrix, names: list[str], places: NDArray[np.int64]
) -> NDArray[np.float32]:
    """As `Matrix.array` of two matrices, one below the other."""
    below = places >= len(first.rows)
    made = np.empty((len(places), len(names)), np.float32)
    made[~below] = first.array(names, places[~below])
    made[below] = second.array(names, places[below] - len(first.rows))
    return made


def _leavers(cohort: Cohort, used: NDArray, task: HighCostTask) -> pd.DataFrame:
    """Those censored, of the roles that are used, thinned as the rows that learn were."""
    every = cohort.every
    assert cohort.of_cost is not None
    if cohort.of_cost.yearly or "role" not in every:
        return every.iloc[:0]
    left = every["left_after"] >= LEAST_SEEN_DAYS
    found = every[left & every["censored"] & every["eligible"] & every["role"].isin(ROLES)]
    found = found.sort_values(["patient_id", "as_of"])
    learning = np.isin(used, LEARNING).sum()
    part = learning / max(int(cohort.rows["role"].isin(LEARNING).sum()), 1)
    kept = ~found["role"].isin(LEARNING) | (thinning_share(found, task.split.salt) < part)
    return found[kept.to_numpy(dtype=bool)]


def is_flag(name: str) -> bool:
    """Whether a feature says yes or no."""
    return feature(name).unit == "yes or no"


def with_expected_cost(
    model: RiskModel,
    text: str,
    cohort: Cohort,
    matrix: Matrix,
    split: Split,
    histories: Histories,
    task: HighCostTask,
) -> tuple[RiskModel, tuple[FittedCost, CostRows]]:
    """The model of risk (its booster is `text`) with expected cost as its second output; and how
    that was made, with the rows that test it."""
    names = model.features
    rows = cost_rows(cohort, matrix, split, histories, names, task)
    fitted = fit_expected_cost(rows, names, task.fit)
    metadata = {**model.metadata, KEY: fitted.told}
    both = replace(model, metadata=metadata, version=version_of(text, metadata),
                   cost=load_expected_cost(fitted.text, fitted.told, names))  # fmt: skip
    return both, (fitted, rows.part(rows.of("test")))


def annualised(
    rows: pd.DataFrame, truncate_cents: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(dollars of a whole window, part of the window seen) of each row: see `cost_rows`."""
    whole = (rows["outcome_until"] - rows["as_of"]).to_numpy(dtype=np.float64)
    seen = rows["left_after"].to_numpy(dtype=np.float64)
    exposure = np.where(np.isnan(seen), 1.0, np.maximum(seen, 1) / whole)
    cents = rows["seen_cents"].to_numpy(dtype=np.float64) / exposure
    if truncate_cents is not None:
        cents = np.minimum(cents, truncate_cents)
    return np.maximum(cents, 0) / 100, exposure


def fit_expected_cost(rows: CostRows, names: list[str], settings: FitSettings) -> FittedCost:
    """Fit each way, calibrate it in total and by decile, and keep the simplest that lies within one
    standard error of the smallest error by decile (see `decile_error`).

    Errors are cross-fitted over patients, on the rows of role calibration; the standard error is
    that of the paired difference from the best, by the bootstrap over patients.
    """
    held = rows.of("calibration")
    y, w, share = rows.dollars[held], rows.exposure[held], rows.share[held]
    tried: list[_Tried] = []
    texts = side_by_side(lambda way: _grown(rows, names, way, settings), WAYS, settings.threads)
    for (way, output), text in zip(WAYS.items(), list(texts), strict=True):
        booster = load_lightgbm().Booster(model_str=text)
        said = said_dollars(booster, output, rows.take(held), THREADS)
        for kind, steps in CALIBRATIONS.items():
            tried.append(_Tried(way, kind, text, calibrated(said, y, w, steps),
                                _cross_fitted(said, y, w, share, steps)))  # fmt: skip
    errors, margins = _errors([t.expected for t in tried], y, w, share)
    best, place = int(np.argmin(errors)), simplest_near_best(errors, margins)
    chosen = tried[place]
    choice = pd.DataFrame({
        "way": [t.way for t in tried], "calibration": [t.kind for t in tried],
        "decile_error": errors, "standard_error": margins,
    })  # fmt: skip
    told = {
        "output": WAYS[chosen.way], "calibration": chosen.calibration.to_json(),
        "way": chosen.way, "calibrated": chosen.kind,
        "sha256": hashlib.sha256(chosen.text.encode()).hexdigest(),
    }  # fmt: skip
    why = (
        f"expected cost: {chosen.way}, calibrated {chosen.kind}: the simplest within one standard "
        f"error of the best of {len(tried)} ways; its deciles are off by {errors[place]:.1%} of "
        f"the mean cost of {len(held):,} held-out rows (the best: {tried[best].way} "
        f"{tried[best].kind}, {errors[best]:.1%})"
    )
    return FittedCost(chosen.text, told, choice, why)


def simplest_near_best(errors: list[float], margins: list[float]) -> int:
    """The first place, the simplest, whose error lies within its margin of the smallest.

    >>> simplest_near_best([0.06, 0.04], [0.03, 0]), simplest_near_best([0.06, 0.04], [0.01, 0])
    (0, 1)
    """
    least = min(errors)
    return next((k for k, error in enumerate(errors) if error <= least + margins[k]), 0)


@dataclass(frozen=True)
class _Tried:
    way: str
    kind: str
    text: str
    calibration: DollarCalibration
    expected: NDArray[np.float64]


def _errors(
    expected: list[NDArray[np.float64]],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    share: NDArray[np.float64],
) -> tuple[list[float], list[float]]:
    """The decile error of each, and the standard error of its difference from the smallest."""
    errors = [decile_error(e, y, w) for e in expected]
    best = int(np.argmin(errors))
    drawn = []
    for times in resampled(share, REPLICATES, SEED):
        under = [decile_error(e, y, w * times) for e in expected]
        drawn.append([e - under[best] for e in under])
    return errors, [float(m) for m in np.std(np.array(drawn), axis=0)]


def calibrated(
    said: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64], steps: int
) -> DollarCalibration:
    """Knots at the means of so many equal groups of what was said, made to rise (least squares),
    and one factor over all, so that the total is what the rows cost."""
    from sklearn.isotonic import IsotonicRegression

    x = np.maximum(said, LEAST)
    group = decile_of(x, w, steps)
    weight = np.bincount(group, w)
    full = weight > 0
    at = (np.bincount(group, w * x)[full] / weight[full]).astype(np.float64)
    mean = np.maximum(np.bincount(group, w * y)[full] / weight[full], LEAST)
    at, first = np.unique(at, return_index=True)
    rising = IsotonicRegression().fit_transform(at, mean[first], sample_weight=weight[full][first])
    shape = DollarCalibration(tuple(map(float, at)), tuple(map(float, rising)))
    total = float(w @ shape.apply(x))
    factor = max(float(w @ y), LEAST) / total
    return DollarCalibration(shape.said, tuple(float(v * factor) for v in rising))


def decile_error(
    expected: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]
) -> float:
    """The mean over deciles of expected cost of |expected - cost|, as a share of the mean cost."""
    group = decile_of(expected, w)
    weight = np.bincount(group, w, DECILES)
    off = np.abs(np.bincount(group, w * expected, DECILES) - np.bincount(group, w * y, DECILES))
    full = weight > 0
    return float((off[full] / weight[full]).mean() / np.average(y, weights=w))


def decile_of(
    expected: NDArray[np.float64], w: NDArray[np.float64], groups: int = DECILES
) -> NDArray[np.int64]:
    """0 for the tenth (by weight) that is expected to cost least, to 9; ties by place. Or so many
    `groups` instead of ten."""
    order = np.argsort(expected, kind="stable")
    group = np.empty(len(expected), np.int64)
    below = np.cumsum(w[order]) - w[order] / 2
    group[order] = np.minimum(below / w.sum() * groups, groups - 1).astype(np.int64)
    return group


def _cross_fitted(
    said: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    share: NDArray[np.float64],
    steps: int,
) -> NDArray[np.float64]:
    """Expected dollars of each row, calibrated on the rows of other patients."""
    patients, person = np.unique(share, return_inverse=True)
    fold = (np.arange(len(patients)) * FOLDS // max(len(patients), 1))[person]
    expected = np.empty(len(said))
    for k in range(FOLDS):
        out = fold == k
        if out.any():
            rest = ~out if (~out).any() else out
            expected[out] = calibrated(said[rest], y[rest], w[rest], steps).apply(said[out])
    return expected


def _grown(rows: CostRows, names: list[str], way: str, settings: FitSettings) -> str:
    """The booster's text: stopped by its own loss on the rows of role validation, then grown on
    them as well. The order of the rows matters to the bytes."""
    lightgbm = load_lightgbm()
    learning = rows.of(*LEARNING)
    taking = parameters(settings, len(learning)) | (
        {"objective": "tweedie", "metric": "tweedie", "tweedie_variance_power": TWEEDIE_POWER}
        if way == "tweedie"
        else {"objective": "l2", "metric": "l2"}
    )
    target = rows.dollars if way == "tweedie" else np.log1p(rows.dollars)

    def part(role: tuple[str, ...], reference: Any = None) -> Any:
        return dataset(
            rows.take, rows.of(*role), target, rows.exposure, names, taking, reference=reference
        )

    def stops() -> int:
        train = part(("train",))
        stopped = lightgbm.train(
            taking, train, num_boost_round=settings.rounds,
            valid_sets=[part(("validation",), train)],
            callbacks=[lightgbm.early_stopping(settings.patience, verbose=False)],
        )  # fmt: skip
        return max(stopped.best_iteration, 1)

    enough = len(rows.of("train")) and len(rows.of("validation"))
    trees = stops() if enough else settings.few_events_rounds
    booster = lightgbm.train(taking, part(LEARNING), num_boost_round=trees)
    return booster.model_to_string(num_iteration=trees)
