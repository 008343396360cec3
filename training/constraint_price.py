"""What it costs that no risk may fall with one earlier stay more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.evaluate import Interval, Scored, evaluate
from training.learner import Learner

_FREE = "free to fall"


def price_in_auroc(
    free: Learner, rounds: int, places: NDArray[np.int64], scored: Scored
) -> Interval:
    """AUROC of a model of the same rows and as many trees that is `free` of the constraints, minus
    ours, on the rows at `places` of the matrix, those of `scored`; the interval is paired."""
    fitted = free.fit(rounds=rounds)
    beside = {_FREE: free.margin(fitted.text, places)}
    bare = replace(scored, baselines=beside, amount=None, truth=None, companion=None)
    value, low, high = evaluate(bare, free.task.evaluation).better_than[_FREE]["auroc"]
    return Interval(-value, -high, -low)
