"""Features × labels: one row a question, the order of the rows pinned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.as_of import features_as_of
from features.cuts import Cuts, fit_cuts, needing_cuts
from features.definitions import feature
from features.history import Histories


@dataclass(frozen=True)
class Matrix:
    """``X``: float32, one row a question in the order of `rows`, NaN is missing. ``rows``: the
    cohort's rows, ordered by (patient_id, as_of) and, where two share both, by encounter.
    ``cuts``: what its percentiles were told by."""

    X: pd.DataFrame
    rows: pd.DataFrame
    cuts: Cuts

    def part(self, rows: NDArray[np.int64]) -> Matrix:
        """Some of the rows."""
        chosen = self.rows.iloc[rows].reset_index(drop=True)
        return Matrix(self.X.iloc[rows].reset_index(drop=True), chosen, self.cuts)

    def array(self, names: list[str], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """These columns of these rows, as LightGBM takes them."""
        columns = self.X.columns.get_indexer(pd.Index(names))
        return self.X.to_numpy(dtype=np.float32, copy=False)[np.ix_(rows, columns)]


def index_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The questions as `features_as_of` takes them: patient_id and as_of (a date; the day of the
    last news where the rows have ``news_on``), and admitted_on where the cohort has it."""
    made = pd.DataFrame({"patient_id": rows["patient_id"].astype(str).to_numpy()})
    days = {"as_of": "news_on" if "news_on" in rows else "as_of", "admitted_on": "admitted_on"}
    for name, column in days.items():
        if column in rows:
            made[name] = rows[column].to_numpy(dtype=np.int64).astype("datetime64[D]")
    return made


def build(histories: Histories, rows: pd.DataFrame, learning: ArrayLike) -> Matrix:
    """Every declared feature for every row; rows keep the cohort's order. Cut points are those of
    the rows `learning` (places) alone."""
    index = index_of(rows.iloc[np.asarray(learning)])[["patient_id", "as_of"]]
    cuts = fit_cuts(features_as_of(histories, index, needing_cuts()))
    return asked(histories, rows, cuts)


def asked(
    histories: Histories, rows: pd.DataFrame, cuts: Cuts, names: Sequence[str] | None = None
) -> Matrix:
    """The features called `names` (all for None) for every row, percentiles told by `cuts`."""
    rows = rows.reset_index(drop=True)
    index = index_of(rows)[["patient_id", "as_of"]]
    return Matrix(features_as_of(histories, index, names, cuts=cuts), rows, cuts)


def learnable(matrix: Matrix, rows: ArrayLike, least_seen: int) -> list[str]:
    """The columns that a model may learn from, judged by `rows` (places of the training rows).

    Left out are those that are no predictors, those that are one value or missing throughout, and
    those that are something else than zero for fewer than `least_seen` people, or (of yes or no)
    zero for fewer: a concept that hardly anybody has teaches names, not risks, however many rows a
    person has.
    """
    places = np.asarray(rows, np.int64)
    taken = matrix.X.to_numpy(dtype=np.float32)[places]
    if len(taken) == 0:
        return []
    person, people = pd.factorize(matrix.rows["patient_id"].to_numpy()[places])
    kept = []
    for column, name in enumerate(matrix.X.columns):
        values = taken[:, column]
        known = ~np.isnan(values)
        told = values[known]
        varies = len(told) > 0 and (len(told) < len(values) or bool((told != told[0]).any()))
        if not varies or not feature(name).predictor:
            continue
        seen = np.bincount(person[known & (values != 0)], minlength=len(people)) > 0
        zero = np.bincount(person[known & (values == 0)], minlength=len(people)) > 0
        of_two = feature(name).unit == "yes or no"
        if seen.sum() >= least_seen and (not of_two or zero.sum() >= least_seen):
            kept.append(name)
    return kept
