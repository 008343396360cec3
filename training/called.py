"""Whom a score would have called: the top of each list, one list a period."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def lists(
    score: NDArray[np.float64], period: NDArray, patient_id: NDArray
) -> Iterator[NDArray[np.int64]]:
    """The rows of each period, from the highest score down; who has none comes last.

    Ties stand in a fixed order that no score decides: by patient.
    """
    for one in np.unique(period):
        rows = np.flatnonzero(period == one)
        values = np.where(np.isfinite(score[rows]), score[rows], -np.inf)
        yield rows[np.lexsort((patient_id[rows].astype(str), -values))]


def called(
    score: NDArray[np.float64], period: NDArray, patient_id: NDArray, share: float
) -> NDArray[np.bool_]:
    """Whether each row is in the upper `share` of its period's list, rounded up."""
    made = np.zeros(len(score), dtype=bool)
    for rows in lists(score, period, patient_id):
        made[rows[: int(np.ceil(share * len(rows)))]] = True
    return made
