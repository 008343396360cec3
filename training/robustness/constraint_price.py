"""What it costs that no risk may fall with one earlier stay more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.cohorts.landmarks import CLOCK
from training.evaluation.evaluate import Interval, Scored
from training.evaluation.intervals import paired_auroc
from training.fitting.learner import Learner
from training.fitting.matrix import learnable
from training.fitting.monotone import either_way

_SAME = 0.0005
"""A smaller difference is 0.000 in the digits that are told."""


def without_constraints(learner: Learner) -> Learner:
    """The same without constraints: its columns, and those that have no direction and were left out
    for that alone; not those that a selection dropped. In the matrix's order."""
    fit, landmarks = learner.task.fit, "landmark" in learner.matrix.rows
    every = learnable(learner.matrix, learner.learning, fit.least_seen)
    left_out = {*either_way(every, after_discharge=landmarks)} - {*(CLOCK if landmarks else ())}
    names = tuple(name for name in every if name in left_out or name in learner.names)
    free = replace(learner.task, fit=replace(fit, monotone=False))
    return replace(learner, task=free, names=names)


def price_in_auroc(learner: Learner, places: NDArray[np.int64], scored: Scored) -> Interval:
    """AUROC of what `learner` makes without its constraints, grown until its own folds stop it,
    minus ours, on the rows at `places` of the matrix, those of `scored`; the interval is paired."""
    free = without_constraints(learner)
    unbound = free.margin(free.fit().text, places)
    value, low, high = paired_auroc(scored, unbound, free.task.evaluation)
    return Interval(-value, -high, -low)


def price_words(price: Interval | None) -> str:
    """The price in a sentence, "" where it was not asked.

    >>> price_words(Interval(-0.0024, -0.0089, 0.005))
    'the constraints that keep a stay more from lowering a risk cost no AUROC that is shown: \
without them it would be lower by 0.002 (95 % interval: lower by 0.009 to higher by 0.005)'
    """
    if price is None:
        return ""
    cost = "cost no AUROC that is shown"
    if price.low > 0:
        cost = "cost some AUROC"
    elif price.high < 0:
        cost = "help the AUROC"
    return (
        f"the constraints that keep a stay more from lowering a risk {cost}: without them it would "
        f"be {_moved(price.value)} (95 % interval: {_moved(price.low)} to {_moved(price.high)})"
    )


def _moved(by: float) -> str:
    if abs(by) < _SAME:
        return "the same"
    return f"{'higher' if by > 0 else 'lower'} by {abs(by):.3f}"
