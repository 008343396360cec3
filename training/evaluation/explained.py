"""What moves a model's risks in a population: the very shares that reasons are made of, over a
sample of the rows that test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from features.window import to_date
from serving.model import RiskModel
from serving.reasons import ConceptShares, concept_shares, reasons

MOST_ROWS = 2000


@dataclass(frozen=True)
class Explained:
    """``X``: the sampled rows, the model's features. ``person``: of each row a number that tells
    people apart. ``shares``: theirs, in log odds before calibration. ``importance``: one row a
    concept, the weightiest first: ``concept``, ``features`` (how many it has), ``mean_size`` (mean
    of its share's absolute value), ``raises`` and ``lowers`` (the parts of the rows in which its
    share is above and below 0), ``first_reason`` (the part in which it is the first that a list
    would tell, what is sensitive included)."""

    X: pd.DataFrame
    person: NDArray[np.int64]
    shares: ConceptShares
    importance: pd.DataFrame


def explain(
    model: RiskModel, X: pd.DataFrame, as_of: ArrayLike, patient_id: ArrayLike
) -> Explained:
    """The shares of at most MOST_ROWS of the rows of `X`, evenly spaced, so that the same rows are
    told of each time; `as_of` is the day of each row's question (days since 1970), `patient_id`
    whom it is about."""
    step = max(1, -(-len(X) // MOST_ROWS))
    rows = X.iloc[::step]
    days = [to_date(int(day)) for day in np.asarray(as_of)[::step]]
    found = concept_shares(model, rows)
    first = [told[0].concept for told in reasons(model, rows, days, top=1, with_sensitive=True)
             if told]  # fmt: skip
    person = pd.factorize(np.asarray(patient_id, dtype=object)[::step])[0].astype(np.int64)
    return Explained(rows[model.features], person, found, _importance(found, first))


def _importance(found: ConceptShares, first: list[str]) -> pd.DataFrame:
    told: NDArray[np.float64] = found.of_concept
    among = max(len(told), 1)
    table = pd.DataFrame({
        "concept": found.concepts,
        "features": [len(places) for places in found.members],
        "mean_size": np.abs(told).mean(axis=0),
        "raises": (told > 0).mean(axis=0),
        "lowers": (told < 0).mean(axis=0),
        "first_reason": [first.count(concept) / among for concept in found.concepts],
    })  # fmt: skip
    return table.sort_values(["mean_size", "concept"], ascending=[False, True], ignore_index=True)
