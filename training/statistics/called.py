"""Whom a score would have called: the top of each list, one list a period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from training.settings.setting_types import in_percent

CALLED = 0.05
"""The share of each list that is called where there is room for one alone: by group, in the equity
audit, for the need of those called. It is no setting, so that these figures say the same of every
task and training, whatever capacities a task asks about (`evaluation.shares`)."""
_TOP = "top "


def top_of(share: float) -> str:
    """What the upper `share` of a list is called.

    >>> top_of(0.05), top_of(0.012)
    ('top 5%', 'top 1.2%')
    """
    return f"{_TOP}{in_percent(share)}"


def share_of(capacity: str) -> float | None:
    """The share that `top_of` named so, None where a capacity is a number of people.

    >>> share_of("top 5%"), share_of("50 people")
    (0.05, None)
    """
    if not capacity.startswith(_TOP):
        return None
    return float(capacity.removeprefix(_TOP).removesuffix("%")) / 100


def nearest_to_called(shares: Iterable[float]) -> float | None:
    """The one of `shares` that is told where there is room for one: CALLED, or what is nearest to
    it, the smaller of two as near; None where there is none.

    >>> nearest_to_called((0.01, 0.05, 0.1)), nearest_to_called((0.02, 0.3))
    (0.05, 0.02)
    """
    return min(shares, key=lambda share: (round(abs(share - CALLED), 9), share), default=None)


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
