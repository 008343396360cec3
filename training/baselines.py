"""What a model must beat on the same rows: the scores that people use without one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import Histories
from features.indices import lace, prior_admissions, prior_year_cost
from training.matrix import index_of


def baselines_of(
    histories: Histories, rows: pd.DataFrame, task: str
) -> dict[str, NDArray[np.float64]]:
    """One score a baseline, one entry a row; NaN throughout where it is not evaluable.

    Readmission: prior admissions (acute stays in the year before admission) and LACE, made for
    death or unplanned readmission; see `named_lace` for what a source does not
    carry. High cost: allowed cost of the year before as_of, as far as known then.
    """
    index = index_of(rows)
    if task == "high-cost":
        return {"prior-year cost": _numbers(prior_year_cost(histories, index))}
    return {
        "prior admissions": _numbers(prior_admissions(histories, index)),
        **named_lace(lace(histories, index)),
    }


def named_lace(scores: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """LACE by its whole name where all four parts are known of somebody, else the named partial
    score of the parts that are ("LACE without A, E"); NaN where no more than one is."""
    parts = [part for part in "lace" if scores[part].notna().any()]
    lacking = ", ".join(part.upper() for part in "lace" if part not in parts)
    name = f"LACE without {lacking}" if lacking and len(parts) > 1 else "LACE"
    if len(parts) < 2:
        return {name: np.full(len(scores), np.nan)}
    return {name: _numbers(scores[parts].sum(axis=1, skipna=False))}


def _numbers(column: object) -> NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64).reshape(-1)
