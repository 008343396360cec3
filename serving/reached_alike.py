"""Whether those with need of a group are on the list as often as all others with need.

The ratio comes of the counts as they are told, so that it gives away no other. Of real people these
are rounded, and each of them may have been any of several numbers: the interval is the widest that
any of these would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

import numpy as np

from data.small_cells import Counts

FEWEST = 20
"""People with need in a group, and among all others, from which on the two are compared."""
CONFIDENCE = 0.99
"""Many groups stand on one page: of twenty alike one would be set apart by chance at 0.95."""
NOT_TOLD, FEW = "a count is not told", "too few"
NOBODY, NOBODY_ELSE = "nobody is on the list", "nobody else is on the list"
_ERRORS = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Ratio:
    """How often those with need of a group are on the list, over how often all others with need
    are, with the ends of its interval; None, and `why_none` says why, where there is none."""

    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    why_none: str | None = None


def ratios(
    need: Sequence[int | None],
    listed: Sequence[int | None],
    whole_need: int,
    whole_listed: int,
    counts: Counts,
) -> list[Ratio]:
    """One of each group: `need` and `listed` are how many of it have need, and how many of these
    are on the list, as `counts` tells them; the wholes are these of all groups together, exactly.

    Where nobody of a group is on the list the ratio is 0, and only its upper end says something.
    """
    made: list[Ratio] = []
    for place, (ill, called) in enumerate(zip(need, listed, strict=True)):
        if ill is None or called is None:
            made.append(Ratio(why_none=NOT_TOLD))
            continue
        others = _Others.of(need, place, whole_need, counts)
        others_called = _Others.of(listed, place, whole_listed, counts)
        if min(ill, others.told) < FEWEST:
            made.append(Ratio(why_none=FEW))
        elif others_called.most == 0:
            made.append(Ratio(why_none=NOBODY_ELSE if called else NOBODY))
        elif others_called.told < 1:  # between none and a few: that is not told
            made.append(Ratio(why_none=NOT_TOLD))
        else:
            made.append(_ratio(ill, called, others, others_called, counts))
    return made


@dataclass(frozen=True)
class _Others:
    """How many all other groups have together: as it is told, at least, and at most."""

    told: int
    least: int
    most: int

    @classmethod
    def of(cls, told: Sequence[int | None], place: int, whole: int, counts: Counts) -> _Others:
        """By what the other groups are told to have, and by the whole less this group."""
        own, all_of_it = told[place] or 0, counts.drawn(whole)
        (own_least, own_most), (least, most) = counts.behind(own), counts.behind(all_of_it)
        least, most, left = least - own_most, most - own_least, all_of_it - own
        others = [one for at, one in enumerate(told) if at != place]
        known = [counts.behind(one) for one in others if one is not None]
        least = max(least, sum(one for one, _ in known))
        if len(known) == len(others):
            most = min(most, sum(one for _, one in known))
            left = sum(one or 0 for one in others)
        return cls(min(max(left, least), most), least, most)


def _ratio(ill: int, called: int, others: _Others, others_called: _Others, counts: Counts) -> Ratio:
    ends = [counts.behind(ill), counts.behind(called)]
    ends += [(one.least, one.most) for one in (others, others_called)]
    every = np.meshgrid(*(np.arange(least, most + 1) for least, most in ends), sparse=False)
    can_be = (every[1] <= every[0]) & (every[3] <= every[2])
    low, high = _interval(*(one[can_be] for one in every))
    return Ratio(
        round((called / ill) / (others_called.told / others.told), 2),
        round(low, 2) if called else 0.0,
        round(high, 2),
    )


def _interval(
    ill: np.ndarray, called: np.ndarray, others: np.ndarray, others_called: np.ndarray
) -> tuple[float, float]:
    """The lowest and the highest end (Katz) of any of these; where a share is 0, each cell has half
    a person more (Haldane)."""
    more = np.where((called == 0) | (others_called == 0), 0.5, 0.0)
    ill, others = ill + 2 * more, others + 2 * more
    called, others_called = called + more, others_called + more
    apart = 1 / called - 1 / ill + 1 / others_called - 1 / others
    error = _ERRORS * np.sqrt(np.maximum(apart, 0.0))
    ratio = np.log(called / ill) - np.log(others_called / others)
    return exp((ratio - error).min()), exp((ratio + error).max())
