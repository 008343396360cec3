"""Points of a score whose inputs may not all be known: a range, what it lacks, and its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Item:
    """One line of a score's table: its letter, the most points it gives, what it asks."""

    letter: str
    most: int
    words: str


def ranged(
    points: pd.DataFrame, items: Sequence[Item], there: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """The fewest and the most points that each row can have; float64, NaN where `there` is not.

    `points` has one column an item's letter, NaN where the item is not known: from 0 to its most.
    """
    letters = [item.letter for item in items]
    most = {item.letter: float(item.most) for item in items}
    low = points[letters].fillna(0.0).sum(axis=1).where(there)
    high = points[letters].fillna(most).sum(axis=1).where(there)
    return low, high


def lacking(points: pd.DataFrame, items: Sequence[Item]) -> pd.Series:
    """The words of the items that are not known in each row, joined by commas; "" for none."""
    said = np.full(len(points), "", dtype=object)
    for item in items:
        for at in np.flatnonzero(points[item.letter].isna()):
            said[at] = f"{said[at]}, {item.words}" if said[at] else item.words
    return pd.Series(said, index=points.index, dtype=object)


def group_of(low: float, high: float, groups: Mapping[str, float]) -> str:
    """The group of a range: `groups` holds the fewest points of each, ascending, the first from 0.

    "" where nothing is known.

    >>> group_of(4, 4, {"low": 0, "high": 5}), group_of(4, 5, {"low": 0, "high": 5})
    ('low', 'low to high')
    """
    if np.isnan(low):
        return ""
    first, last = (
        [name for name, fewest in groups.items() if bound >= fewest][-1] for bound in (low, high)
    )
    return first if first == last else f"{first} to {last}"
