"""What a model must beat on the same rows: the scores that people use without one."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from features.indices import lace, prior_admissions, prior_year_cost
from numpy.typing import NDArray

from features.history import Histories
from training.matrix import index_of


def baselines_of(
    histories: Histories, rows: pd.DataFrame, task: str, carries: Collection[str]
) -> dict[str, NDArray[np.float64]]:
    """One score a baseline, one entry a row; NaN throughout where it is not evaluable.

    Readmission: prior admissions (acute stays in the year before admission) and LACE, made for
    death or unplanned readmission; where no admission type is carried, the partial score "LACE
    without A". High cost: allowed cost of the year before as_of, as far as known then.
    """
    index = index_of(rows)
    if task == "high-cost":
        return {"prior-year cost": _numbers(prior_year_cost(histories, index))}
    scores = lace(histories, index)
    if "admission_type" in carries:
        named = {"LACE": _numbers(scores["lace_low"])}
    else:
        named = {"LACE without A": _numbers(scores["lace_without_a"])}
    return {"prior admissions": _numbers(prior_admissions(histories, index)), **named}


def _numbers(column: object) -> NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64).reshape(-1)
