"""How well a score orders: weighted AUROC and average precision, quick enough for a bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Ranking:
    """A score sorted once, so that each weighting costs one pass. Equal scores share a place."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, score: ArrayLike) -> Ranking:
        s = np.asarray(score, dtype=np.float64)
        order = np.argsort(s, kind="stable")
        new = np.ones(len(s), dtype=bool)
        new[1:] = s[order][1:] > s[order][:-1]
        return cls(order, np.flatnonzero(new))

    def _grouped(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(weight[self.order], self.starts)

    def auroc(self, case: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        """The chance that a case scores above another; ties count half.

        ``case`` and ``other`` are each row's weight as a case and as none. NaN where either
        weighs nothing in sum.
        """
        if len(self.order) == 0:
            return float("nan")
        c, o = self._grouped(case), self._grouped(other)
        below = np.cumsum(o) - o
        total = c.sum() * o.sum()
        return float(np.sum(c * (below + o / 2)) / total) if total > 0 else float("nan")

    def average_precision(self, case: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        """The mean precision over the cases, from the highest score down; ties taken together."""
        if len(self.order) == 0:
            return float("nan")
        c, o = self._grouped(case)[::-1], self._grouped(other)[::-1]
        found, all_taken = np.cumsum(c), np.cumsum(c + o)
        if found[-1] <= 0:
            return float("nan")
        precision = np.divide(found, all_taken, out=np.zeros_like(found), where=all_taken > 0)
        return float(np.sum(c * precision) / found[-1])


def expected_auroc(
    score: ArrayLike, true_risk: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """The AUROC to be expected where each row's true risk is known.

    Each row counts as a case with its true risk as weight, and as a non-case with the rest: the
    luck of the drawn outcomes is gone.
    """
    p = np.asarray(true_risk, dtype=np.float64)
    w = np.ones_like(p) if weights is None else np.asarray(weights, dtype=np.float64)
    return Ranking.of(score).auroc(w * p, w * (1 - p))


def within_period_auroc(
    score: ArrayLike, y: ArrayLike, period: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """AUROC among rows of the same period only: calendar time cannot help. Periods weigh by
    their pairs of case and non-case."""
    s, label = np.asarray(score, dtype=np.float64), np.asarray(y, dtype=np.float64)
    w = np.ones_like(s) if weights is None else np.asarray(weights, dtype=np.float64)
    total = pairs = 0.0
    group = np.asarray(period)
    for name in np.unique(group):
        rows = group == name
        case, other = w[rows] * label[rows], w[rows] * (1 - label[rows])
        weight = case.sum() * other.sum()
        if weight > 0:
            total += weight * Ranking.of(s[rows]).auroc(case, other)
            pairs += weight
    return total / pairs if pairs else float("nan")
