"""Whether one earlier unplanned hospital stay more ever lowers a risk.

To the history of people who are asked about, a stay is added that ended well before the question
(`training.robustness.added_stay`), and the very model is asked about both histories. Nobody expects
that a stay more makes anybody healthier: where it lowers a risk, whoever reads the reasons is right
not to believe them. Everything that the stay moves is part of it, also what it may move down with
reason, such as the length of the last stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.as_of import features_as_of
from features.history import THREADS, Histories
from serving.model import RiskModel
from serving.reasons import concept_shares
from training.cohorts.facts import Source
from training.cohorts.landmarks import days_after_discharge
from training.evaluation.evaluate import named_for_mlflow
from training.fitting.matrix import index_of
from training.robustness.added_stay import AddedStays, add_stays

PEOPLE = 1000
SEED = 5171
SAME_WITHIN = 1e-9
"""A relative change of a risk that is none. A margin is a sum over some thousand trees, and adding
doubles up moves it by 1e-12 at most; a tree that says something else moves it by 1e-5 or more."""
A_PERCENT = 0.01
_MOST_CONCEPTS = 12
_FEWEST_TOLD = 11
"""People in whom a concept fell, under which it is not told: it would speak of a few patients."""
_COLUMNS = ("concept", "fall", "people", "feature")
_DECILES = tuple(range(10, 100, 10))


@dataclass(frozen=True)
class Plausibility:
    """``asked``: people. ``lowered``: whose risk a stay more lowers, ``by_a_percent``: by more than
    1 % of it. ``below``: who would stand lower on a list, calibrated or not. ``median_ratio``: of
    the risk after to the risk before; ``deciles``: 10 %, 20 % … 90 % of that ratio. ``by_what``:
    among those lowered, one row a concept, what fell most first: ``concept``, ``fall`` (mean, in
    log odds before calibration), ``people`` (in how many of them it fell), ``feature`` (which of
    the concept fell most); only concepts of which the stay moved some feature."""

    asked: int
    lowered: int
    by_a_percent: int
    below: int
    median_ratio: float
    deciles: tuple[float, ...]
    by_what: pd.DataFrame

    @property
    def share(self) -> float:
        """The part of those asked whose risk is lowered; NaN where nobody could be asked."""
        return self.lowered / self.asked if self.asked else float("nan")

    @property
    def words(self) -> str:
        """One sentence for the reader."""
        if not self.asked:
            return "plausibility: nobody has room for one unplanned hospital stay more"
        lowered = f"none of {self.asked:,} people"
        if self.lowered:
            lowered = (
                f"{self.share:.1%} of {self.asked:,} people (of "
                f"{self.by_a_percent / self.asked:.1%} by more than a hundredth of it)"
            )
        said = (
            f"one earlier unplanned hospital stay more lowers the risk of {lowered}; half of the "
            f"risks become {self.median_ratio:.2f} times as high or more"
        )
        if len(self.by_what):
            said += f"; what lowers it is most of all {' and '.join(self.by_what['concept'][:2])}"
        return said

    def to_json(self) -> dict[str, Any]:
        """Everything as plain lists and numbers; None where nobody could be asked."""

        def told(number: float) -> float | None:
            return None if np.isnan(number) else number

        return {
            "asked": self.asked, "lowered": self.lowered, "share": told(self.share),
            "by_a_percent": self.by_a_percent, "below": self.below,
            "median_ratio": told(self.median_ratio), "deciles": list(map(told, self.deciles)),
            "by_what": self.by_what.to_dict("records"), "words": self.words,
        }  # fmt: skip

    def flat(self) -> dict[str, float]:
        """The figures for MLflow, such as `plausibility.share`."""
        figures = {
            "asked": self.asked, "lowered": self.lowered, "share": self.share,
            "by_a_percent": self.by_a_percent, "below": self.below,
            "median_ratio": self.median_ratio,
        }  # fmt: skip
        return named_for_mlflow({f"plausibility.{name}": n for name, n in figures.items()})


def plausibility(
    model: RiskModel,
    tables: Mapping[str, Source],
    carries: Collection[str],
    rows: pd.DataFrame,
    people: int = PEOPLE,
    seed: int = SEED,
) -> Plausibility:
    """What an added stay does to the risks of `people` different patients among the questions
    `rows` (`training.fitting.matrix`), of as many as have room for one if they are fewer.

    `tables` are the canonical ones and `carries` those of the histories that the model was trained
    on; only the rows of the people drawn are kept in memory.
    """
    added = add_stays(tables, carries, rows, people, seed)
    return compared(model, added, carries)


def compared(model: RiskModel, added: AddedStays, carries: Collection[str]) -> Plausibility:
    """The same, of stays that were added before."""
    if not len(added.rows):
        return Plausibility(0, 0, 0, 0, float("nan"), (), pd.DataFrame(columns=list(_COLUMNS)))
    before, after = (features_of(model, tables, carries, added.rows)
                     for tables in (added.before, added.after))  # fmt: skip
    day = days_after_discharge(added.rows) if model.has_landmarks else None
    margins = model.margin(before), model.margin(after)
    ratio = model.risk(margins[1], day) / model.risk(margins[0], day)
    lowered = ratio < 1 - SAME_WITHIN
    return Plausibility(
        len(ratio), int(lowered.sum()), int((ratio < 1 - A_PERCENT).sum()),
        int((margins[1] < margins[0] - SAME_WITHIN).sum()), float(np.median(ratio)),
        tuple(float(q) for q in np.percentile(ratio, _DECILES)),
        _fallen(model, before[lowered], after[lowered]),
    )  # fmt: skip


def features_of(
    model: RiskModel,
    tables: Mapping[str, Any],
    carries: Collection[str],
    rows: pd.DataFrame,
    threads: int = THREADS,
) -> pd.DataFrame:
    """The model's features of the questions `rows`, from canonical rows in memory."""
    histories = Histories.of_tables(tables, carries)
    index = index_of(rows)[["patient_id", "as_of"]]
    return features_as_of(histories, index, model.features, threads, model.cuts)


def _fallen(model: RiskModel, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """What fell among those whose risk fell, as `Plausibility.by_what` tells it."""
    made = []
    if len(before):
        shares = [concept_shares(model, X) for X in (before, after)]
        fell: NDArray[np.float64] = shares[0].of_feature - shares[1].of_feature
        same = (before == after) | (before.isna() & after.isna())
        moved = ~same[model.features].to_numpy()
        for concept, members in zip(shares[0].concepts, shares[0].members, strict=True):
            theirs = moved[:, members].any(axis=1)
            fall = np.where(theirs, fell[:, members].sum(axis=1), 0)
            most = members[int(np.argmax(fell[:, members].mean(axis=0)))]
            made.append((concept, float(fall.mean()), int((fall > 0).sum()), model.features[most]))
    told = pd.DataFrame(made, columns=list(_COLUMNS))
    told = told[(told["fall"] > 0) & (told["people"] >= _FEWEST_TOLD)].sort_values(
        ["fall", "concept"], ascending=[False, True]
    )
    return told.head(_MOST_CONCEPTS).reset_index(drop=True)
