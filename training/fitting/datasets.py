"""Rows as LightGBM takes them to fit. They are copied for it one dataset at a time: the copies are
the largest that a training makes, and fits that run side by side would hold several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.model import load_lightgbm

FAR = 1e6
"""Days since what never was: longer ago than anything."""
Take = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""The columns to fit by, of the rows at these places: an array of its own that may be changed."""
_COPYING = Lock()


def dataset(
    take: Take,
    places: NDArray[np.int64],
    target: NDArray[np.float64],
    weights: NDArray[np.float64],
    names: Sequence[str],
    parameters: dict[str, Any],
    start: NDArray[np.float64] | None = None,
    monotone: Sequence[int] | None = None,
    reference: Any = None,
) -> Any:
    """The LightGBM dataset of the rows at `places`, binned by `parameters`, or as `reference` is.

    ``target``, ``weights`` and ``start`` (log odds from which a row begins) have one entry a row of
    all that `take` can take. Of columns that are held to one direction (`monotone`) nothing is
    missing in it: see `without_missing`.
    """
    with _COPYING:
        taken = take(places)
        if monotone is not None:
            without_missing(taken, monotone)
        return (
            load_lightgbm()
            .Dataset(
                taken, target[places], weight=weights[places], feature_name=list(names),
                init_score=None if start is None else start[places], params=parameters,
                reference=reference, free_raw_data=True,
            )
            .construct()
        )  # fmt: skip


def without_missing(X: NDArray[np.float32], monotone: Sequence[int]) -> None:
    """Put something in the place of missing values, in the columns that are held to one direction:
    what is missing there is none (no stay, none ever), and stands at the end of the lower risk: 0,
    or FAR days ago.

    Left to itself, LightGBM sends what is missing to either side, also to the one of the higher
    risk, and the first stay of somebody would lower it.
    """
    for column, direction in enumerate(monotone):
        if direction:
            values = X[:, column]
            values[np.isnan(values)] = 0 if direction > 0 else FAR
