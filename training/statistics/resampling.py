"""The bootstrap over patients: whoever is drawn brings all of his rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def resampled(patients: NDArray, replicates: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """For each replicate how often each row counts, patients drawn with replacement.

    `patients` has one entry a row: anything that tells patients apart and has an order.
    """
    people, person = np.unique(patients, return_inverse=True)
    rng = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = np.bincount(rng.integers(0, len(people), len(people)), minlength=len(people))
        yield drawn[person].astype(np.float64)
