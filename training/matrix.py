"""Features × labels: one row a question, the order of the rows pinned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.as_of import features_as_of
from features.history import Histories


@dataclass(frozen=True)
class Matrix:
    """``X``: float32, one row a question in the order of `rows`, NaN is missing. ``rows``: the
    cohort's rows, ordered by (patient_id, as_of) and, where two share both, by encounter."""

    X: pd.DataFrame
    rows: pd.DataFrame

    def array(self, names: list[str], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """These columns of these rows, as LightGBM takes them."""
        return self.X[names].to_numpy(dtype=np.float32)[rows]


def index_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The questions as `features_as_of` takes them: patient_id and as_of (a date), and
    admitted_on where the cohort has it."""
    made = pd.DataFrame({"patient_id": rows["patient_id"].astype(str).to_numpy()})
    for name in ("as_of", "admitted_on"):
        if name in rows:
            made[name] = rows[name].to_numpy(dtype=np.int64).astype("datetime64[D]")
    return made


def build(histories: Histories, rows: pd.DataFrame) -> Matrix:
    """Every declared feature for every row; rows keep the cohort's order."""
    rows = rows.reset_index(drop=True)
    X = features_as_of(histories, index_of(rows)[["patient_id", "as_of"]])
    return Matrix(X.reset_index(drop=True), rows)


def varying(X: pd.DataFrame, rows: ArrayLike) -> list[str]:
    """The columns that are not the same everywhere in `rows` (the training rows): a column that
    is one value, or missing throughout, can teach nothing."""
    taken = X.to_numpy(dtype=np.float32)[np.asarray(rows)]
    if len(taken) == 0:
        return []
    first = taken[0]
    same = (taken == first) | (np.isnan(taken) & np.isnan(first))
    return [name for name, constant in zip(X.columns, same.all(axis=0), strict=True)
            if not constant]  # fmt: skip
