"""What a handful of columns say of somebody before any model does: a logistic regression on them,
cross-fitted, as strata and as the margin that an effect is estimated beside."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.calibrator import sigmoid
from training.statistics.logistic import log_odds

PRIOR = (
    "age", "acute_stays_count_365", "emergency_visits_count_365", "charlson_2011_365",
    "cost_total_percentile_365", "costyear_total_percentile_last_year",
)  # fmt: skip
"""The columns: those by which a care manager without a model would choose."""
FOLDS, STRATA = 5, 10
_HARDLY_ANY_RIDGE = 1e9


class Effect(NamedTuple):
    """A coefficient in log odds with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def prior_of(columns: pd.DataFrame) -> list[str]:
    """Those of PRIOR that the columns hold, and of which something is known."""
    return [name for name in PRIOR if name in columns and columns[name].notna().any()]


def log_odds_by_prior(
    columns: pd.DataFrame,
    label: NDArray[np.float64],
    weights: NDArray[np.float64],
    learned: NDArray[np.bool_],
    person: NDArray[np.int64],
    seed: int,
) -> NDArray[np.float64]:
    """The log odds of `label` (0 or 1) of each row, told by the rows `learned` of other people.

    People are dealt into folds by `seed`; each fold is told by the others. What is missing takes
    the median, beside a column that says so. Where the others hold one label alone, or no column
    is known, everybody has the log odds of the rate.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = prior_of(columns)
    X = columns[names].to_numpy(dtype=np.float64)
    people = int(person.max(initial=-1)) + 1
    fold = (np.random.default_rng(seed).permutation(people) % FOLDS)[person]
    rate = np.average(label[learned], weights=weights[learned]) if learned.any() else 0.5
    told = np.full(len(label), log_odds(float(rate)))
    for k in range(FOLDS):
        others, out = learned & (fold != k), fold == k
        if not names or not out.any() or len(np.unique(label[others])) < 2:
            continue
        regression = make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
            StandardScaler(), LogisticRegression(max_iter=1000),
        )  # fmt: skip
        worth = {"logisticregression__sample_weight": weights[others]}
        regression.fit(X[others], label[others], **worth)
        told[out] = regression.decision_function(X[out])
    return told


def strata_of(score: NDArray[np.float64], among: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The decile of each row's score, by the cuts of the rows `among`; equal scores stay
    together."""
    if not among.any():
        return np.zeros(len(score), np.int64)
    cuts = np.unique(np.quantile(score[among], np.arange(1, STRATA) / STRATA))
    return np.searchsorted(cuts, score, "right").astype(np.int64)


def effect_beside(
    margin: NDArray[np.float64],
    exposed: NDArray[np.bool_],
    outcome: NDArray[np.float64],
    weights: NDArray[np.float64],
    person: NDArray[np.int64],
) -> Effect:
    """The coefficient of `exposed` in outcome ~ sigmoid(a + b margin + effect x exposed).

    Its interval is that of the sandwich, clustered by person: many rows tell of one. That `margin`
    is itself estimated is not in it.
    """
    from sklearn.linear_model import LogisticRegression

    centred = margin - np.average(margin, weights=weights)
    spread = np.sqrt(np.average(centred**2, weights=weights))
    told = centred / spread if spread > 1e-12 else np.zeros_like(centred)
    design = np.column_stack([np.ones_like(told), exposed, told])
    fitted = LogisticRegression(
        C=_HARDLY_ANY_RIDGE, solver="newton-cholesky", tol=1e-10, max_iter=200
    ).fit(design[:, 1:], outcome, sample_weight=weights)
    risk = sigmoid(design @ np.r_[fitted.intercept_, fitted.coef_[0]])
    curve = design.T @ (design * (weights * risk * (1 - risk))[:, None])
    scores = design * (weights * (outcome - risk))[:, None]
    of_person = np.column_stack([np.bincount(person, column) for column in scores.T])
    inverse = np.linalg.pinv(curve)
    error = float(np.sqrt((inverse @ (of_person.T @ of_person) @ inverse)[1, 1]))
    value = float(fitted.coef_[0, 0])
    return Effect(value, value - 1.96 * error, value + 1.96 * error)
