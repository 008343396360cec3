"""Cut points that are fitted in training and kept with the model: where a value lies among people.

The night and the live API read the same cut points, so that one person's percentile does not
depend on who else is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from features.definitions import FEATURES

CUTS = 100
"""Cut points at most: one a percentile."""

Cuts = Mapping[str, Sequence[float]]
"""The name of a feature → ascending cut points of its values."""


def needing_cuts() -> list[str]:
    """The features whose values are told as percentiles, in the declared order."""
    return list(dict.fromkeys(declared.of for declared in FEATURES if declared.of is not None))


def fit_cuts(X: pd.DataFrame) -> dict[str, list[float]]:
    """The cut points of each column of X (float32, one row a training row; missing left out), by
    its name. None for a column in which nothing is known."""
    found: dict[str, list[float]] = {}
    for name in X.columns:
        values = np.sort(X[name].to_numpy(np.float32))
        values = values[~np.isnan(values)]
        if len(values):
            places = np.arange(CUTS) * len(values) // CUTS
            found[str(name)] = [float(v) for v in values[places]]
    return found


def percentile(values: np.ndarray, cuts: Sequence[float]) -> np.ndarray:
    """Share of the cut points that are at most as high as each value, 0 to 100 (float32); missing
    stays missing.

    >>> percentile(np.array([4.0, 5.0, 90.0], np.float32), [1.0, 5.0, 5.0, 80.0]).tolist()
    [25.0, 75.0, 100.0]
    """
    ordered = np.asarray(cuts, np.float32)
    share = 100.0 * np.searchsorted(ordered, values, side="right") / len(ordered)
    return np.where(np.isnan(values), np.nan, share).astype(np.float32)
