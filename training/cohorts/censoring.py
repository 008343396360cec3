"""Inverse probability of censoring: those who stayed also stand for those who left."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WEIGHTED = (
    "rows censored by leaving are made up for by inverse probability of censoring, by as_of and "
    "age band"
)
LEAST_STAYING = 0.05
"""No row stands for more than twenty: rarer than that, the estimate is noise."""


def staying(
    leave: NDArray[np.float64], end: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kaplan–Meier chance of not having left before `at` days.

    ``leave``: days until coverage ended, NaN where it lasted; ``end``: days until the window or
    the life ended. Somebody who leaves after day t was still seen on day t.
    """
    left = np.isfinite(leave)
    time = np.where(left, leave, end)
    moments = np.unique(time[left])
    if len(moments) == 0:
        return np.ones(len(at))
    ordered = np.sort(time)
    at_risk = len(time) - np.searchsorted(ordered, moments, "left")
    leaving = np.searchsorted(np.sort(time[left]), moments, "right") - np.searchsorted(
        np.sort(time[left]), moments, "left"
    )
    survival = np.r_[1.0, np.cumprod(1 - leaving / at_risk)]
    # a person known on day t needed only not to leave before t
    return survival[np.searchsorted(moments, at, "left")]


def weights_of_known(
    asked: pd.DataFrame, known_after: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The weight of each row whose outcome is known, 0 for the censored.

    Estimated within as_of × age band, among the eligible. ``known_after`` is the day on which a
    row's outcome was settled: for a case the day of crossing, else the end of the window.
    """
    weight = np.ones(len(asked))
    eligible = asked["eligible"].to_numpy(dtype=bool)
    leave = asked["left_after"].to_numpy(dtype=np.float64)
    cell = (asked["as_of"] * 10 + asked["age_band"]).to_numpy(dtype=np.int64)
    for name in np.unique(cell[eligible]):
        rows = np.flatnonzero(eligible & (cell == name))
        chance = staying(leave[rows], length[rows].astype(float), known_after[rows].astype(float))
        weight[rows] = 1 / np.maximum(chance, LEAST_STAYING)
    weight[asked["censored"].to_numpy(dtype=bool)] = 0.0
    return weight


def effective_rows(weight: NDArray[np.float64]) -> float:
    """How many rows of equal weight are as precise: (sum w)^2 / sum w^2 (Kish)."""
    return float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0


def weight_remark(asked: pd.DataFrame, rows: pd.DataFrame) -> str:
    """How much the weights have to make up for, in one sentence.

    Weights are not stabilised: within a cell that would be one factor, which changes no estimate
    that is weighted, and a case that was known before others left would no longer stand for itself
    alone. They are truncated at 1 / LEAST_STAYING.
    """
    eligible = int(asked["eligible"].sum())
    censored = int((asked["censored"] & asked["eligible"]).sum())
    weight = rows["weight"].to_numpy(dtype=np.float64)
    bound = 1 / LEAST_STAYING
    return (
        f"{censored:,} of {eligible:,} rows are censored; the {len(rows):,} others weigh "
        f"{weight.sum():,.0f} in sum, {weight.max(initial=0):.2f} at most "
        f"({int((weight >= bound).sum()):,} at the bound of {bound:.0f}), and are as precise as "
        f"{effective_rows(weight):,.0f} of equal weight; deaths are not censored"
    )
