"""Inverse probability of being reached: those whom nobody reached stand for those somebody did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.cohorts.censoring import LEAST_STAYING, staying

CLIPPED_AT = 0.99
"""Weights above this quantile are set to it."""


class Standing(NamedTuple):
    """``weight``: of each row, 0 where it stands for nobody. ``most``: the largest before it was
    clipped. ``clipped``: how many were. ``alone``: reached rows of strata in which nobody is left
    to stand for them."""

    weight: NDArray[np.float64]
    most: float
    clipped: int
    alone: int


def weights_of_untreated(
    reached_after: NDArray[np.float64],
    length: NDArray[np.int64],
    among: NDArray[np.bool_],
    stratum: NDArray[np.int64],
) -> Standing:
    """The weight of each row `among` that was not reached, of mean 1; 0 of every other row.

    ``reached_after``: days from the beginning of the window until the person was reached, NaN where
    never. ``length``: the last day of the window, so counted; of a case the day before the outcome.
    The chance of not having been reached by then is Kaplan and Meier's within the stratum, as it is
    of leaving coverage (`training.cohorts.censoring`): who is a case early had little time to be
    reached, and stands for few.
    """
    weight, alone = np.zeros(len(length)), 0
    kept = among & np.isnan(reached_after)
    for name in np.unique(stratum[among]):
        rows = np.flatnonzero(among & (stratum == name))
        chance = staying(
            reached_after[rows], length[rows].astype(float), length[rows].astype(float) + 1
        )
        stands = kept[rows]
        weight[rows[stands]] = 1 / np.maximum(chance[stands], LEAST_STAYING)
        alone += 0 if stands.any() else len(rows)
    most, clipped = float(weight.max(initial=0)), 0
    if kept.any():
        limit = np.quantile(weight[kept], CLIPPED_AT)
        clipped = int((weight[kept] > limit).sum())
        weight = np.minimum(weight, limit)
        weight /= weight[kept].mean()
    return Standing(weight, most, clipped, alone)
