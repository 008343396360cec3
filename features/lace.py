"""LACE, 0 to 19 points: length of stay, acuity, comorbidity, emergency visits.

Made for death or unplanned readmission within 30 days of a discharge (van Walraven C et al. CMAJ
2010;182:551-7). Its comorbidity points are its own. An input that is not known gives a range,
never a zero.

Decided here, where the publication leaves it open: six months are 180 days; an emergency visit on
the day of admission is the index visit, and does not count (one that began before midnight does);
conditions are those coded from 365 days before the admission to the discharge.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.codes import LACE_HIERARCHY, LACE_ITEMS, LACE_POINTS
from features.history import Histories
from features.index_stay import index_stay
from features.score_range import Item, ranged
from features.stay_kernel import FACTS

ITEMS = (
    Item("l", 7, "length of stay"),
    Item("a", 3, "admission type"),
    Item("c", 5, "comorbidities"),
    Item("e", 4, "emergency visits"),
)
"""The four parts: letter, most points, what it asks."""
GROUPS = {"low": 0, "moderate": 5, "high": 10}
"""The fewest points of each group."""

_WORSE = dict(LACE_HIERARCHY)


def lace(histories: Histories, index: pd.DataFrame) -> pd.DataFrame:
    """LACE of one acute stay a question (`features.index_stay`); see `lace_of`."""
    return lace_of(index_stay(histories, index))


def lace_of(facts: pd.DataFrame) -> pd.DataFrame:
    """LACE of what `index_stay` found; one row a question in the same order, float64.

    Columns: lace_low and lace_high (equal where all four parts are known; NaN where there is no
    stay), l, a, c, e (points; NaN where not known), lace_without_a (l + c + e: the partial score
    of sources without admission types).
    """
    return pd.DataFrame(points_of({name: facts[name].to_numpy() for name in FACTS}), facts.index)


def points_of(facts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns of `lace_of`, of the columns of `index_stay` as arrays."""
    points = {
        "l": length_points(facts["days"]),
        "a": 3.0 * facts["emergent"],
        "c": comorbidity_points(facts["conditions"]),
        "e": np.minimum(facts["visits"], 4.0),
    }
    low, high = ranged(points, ITEMS, ~np.isnan(facts["admitted"]))
    partial = points["l"] + points["c"] + points["e"]
    return {"lace_low": low, "lace_high": high, **points, "lace_without_a": partial}


def length_points(days: np.ndarray) -> np.ndarray:
    """Points for the length of stay in whole days: 0 to 3 as they are, 4–6 → 4, 7–13 → 5, ≥14 → 7.

    Less than a day, admitted and discharged on one date, is 0.
    """
    points = np.select([days < 7, days < 14], [np.minimum(days, 4.0), 5.0], 7.0)
    return np.where(np.isnan(days), np.nan, points)


def comorbidity_points(conditions: np.ndarray) -> np.ndarray:
    """Points for comorbidity of bit sets over LACE_ITEMS: 0–3 as they add up, ≥4 → 5.

    Of two severities of one disease the worse counts.
    """
    bits = np.nan_to_num(conditions).astype(np.int64)
    has = {item: (bits >> place) & 1 for place, item in enumerate(LACE_ITEMS)}
    total = np.zeros(len(bits), np.int64)
    for item, present in has.items():
        worse = has[_WORSE[item]] if item in _WORSE else 0
        total += LACE_POINTS[item] * present * (1 - worse)
    return np.where(np.isnan(conditions), np.nan, np.where(total >= 4, 5, total))
