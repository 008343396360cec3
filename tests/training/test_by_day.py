"""What is said of the days after the last landmark, in figures that can be counted by hand."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd

from serving.model import RiskModel
from training.evaluation.by_day import judged_beyond
from training.fitting.matrix import Matrix
from training.settings.tasks import READMISSION


class _OneInTen:
    """Says one in ten of everybody, on each day."""

    def margin(self, X: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(X))

    def risk(self, margin: np.ndarray, day: np.ndarray) -> np.ndarray:
        return np.full(len(margin), 0.1)


MODEL = cast(RiskModel, _OneInTen())
DISCHARGED = 1_000


def asked(*people: tuple[int, float, float, int]) -> Matrix:
    """One row a (landmark, day back, day of death, case); NaN for never."""
    columns = ["landmark", "back", "dead", "outcome"]
    rows = pd.DataFrame([list(row) for row in people], columns=pd.Index(columns))
    rows = rows.assign(
        discharged_on=DISCHARGED, next_admitted_on=DISCHARGED + rows["back"],
        death_on=DISCHARGED + rows["dead"],
    )  # fmt: skip
    return Matrix(pd.DataFrame({"age": np.zeros(len(rows))}), rows, {})


NEVER = float("nan")


def test_the_days_after_the_last_landmark_are_counted_night_by_night() -> None:
    rows: list[Any] = [
        (14, 20, NEVER, 1),  # at home on the nights 15 to 19: 5, and a case still to come on each
        (14, NEVER, NEVER, 0),  # 15 to 29: 15
        (14, NEVER, 16, 0),  # 15
        (14, 15, NEVER, 1),  # back on day 15: none
        (7, NEVER, NEVER, 0),  # of an earlier landmark
    ]
    found = judged_beyond(MODEL, asked(*rows), READMISSION)
    assert found is not None
    assert (found.first, found.last, found.nights) == (15, 29, 5 + 15 + 1)
    assert found.observed == 5
    assert round(found.expected, 9) == 2.1  # 21 nights, one in ten each
    assert found.words == (
        "on days 15 to 29 after discharge, by the margins of day 14: observed : expected is 2.38 "
        "over 21 nights; how well people are ordered on them is not measured"
    )


def test_where_nobody_is_there_on_the_last_landmark_nothing_is_said() -> None:
    assert judged_beyond(MODEL, asked((7, NEVER, NEVER, 0)), READMISSION) is None
    assert judged_beyond(MODEL, asked((14, 15, NEVER, 1)), READMISSION) is None
