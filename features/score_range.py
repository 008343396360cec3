"""Points of a score whose inputs may not all be known: a range, what it lacks, and its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Item:
    """One line of a score's table: its letter, the most points it gives, what it asks."""

    letter: str
    most: int
    words: str


Points = Mapping[str, np.ndarray]
"""The points of each item by its letter: float64, one a row, from 0 to its most; NaN: not known."""


def ranged(
    points: Points, items: Sequence[Item], there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The fewest and the most points that each row can have; float64, NaN where `there` is not."""
    low, high = np.zeros(len(there)), np.zeros(len(there))
    for item in items:
        known = points[item.letter]
        missing = np.isnan(known)
        low += np.where(missing, 0.0, known)
        high += np.where(missing, float(item.most), known)
    return np.where(there, low, np.nan), np.where(there, high, np.nan)


def lacking(points: Points, items: Sequence[Item], rows: int) -> np.ndarray:
    """The words of the items that are not known in each of some rows, joined by commas; "" for
    none."""
    said = np.full(rows, "", dtype=object)
    for item in items:
        for at in np.flatnonzero(np.isnan(points[item.letter])):
            said[at] = f"{said[at]}, {item.words}" if said[at] else item.words
    return said


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
