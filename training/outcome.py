"""The readmission label: what the first acute admission after a discharge decides.

Window: days 0 to `horizon` after discharge, both included (day 0 as far as it did not join the
episode). Unplanned → positive. Planned → negative, and later ones do not count. A rehabilitation
stay in an acute hospital is looked past; a psychiatric stay only on day 0 or 1 after a discharge
to psychiatric care. Death without readmission is negative, and told apart.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNPLANNED = "unplanned"


def readmissions(episodes: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """One row an episode, in the order of `episodes` (sorted by person, admitted_on).

    Needs ``person``, ``admitted_on``, ``discharged_on`` (NaN while open), ``disposition``,
    ``death_on`` (NaN if none), and of the admitting stay ``first_planned_rule`` ("unplanned" or
    the rule that makes it planned), ``first_rehabilitation``, ``first_psychiatric`` (flags),
    ``first_encounter_id``.

    Gives ``outcome`` (0 or 1; nothing here is censored yet), ``days_to_next`` (NaN where no
    admission decides), ``next_encounter_id``, ``next_rule``, ``died_within`` (dead in the window,
    not readmitted), ``next_admitted_on`` (the next acute admission of any kind, NaN where there
    is none) and ``reason`` in words.
    """
    person = episodes["person"].to_numpy(dtype=np.int64)
    admitted = episodes["admitted_on"].to_numpy(dtype=np.int64)
    left = episodes["discharged_on"].fillna(-1).to_numpy(dtype=np.int64)
    follower = _deciding_admission(episodes, person, admitted, left)
    found = follower >= 0
    gap = np.where(found, admitted[follower] - left, -1)
    within = found & (gap <= horizon) & (left >= 0)
    rule = np.where(within, episodes["first_planned_rule"].to_numpy(dtype=object)[follower], "")
    positive = within & (rule == UNPLANNED)
    death = episodes["death_on"].to_numpy(dtype=np.float64)
    died = ~within & (death >= left) & (death <= left + horizon) & (left >= 0)
    following = _following_any(person)
    return pd.DataFrame(
        {
            "outcome": positive.astype(np.int8),
            "days_to_next": np.where(within, gap, np.nan),
            "next_encounter_id": np.where(
                within, episodes["first_encounter_id"].to_numpy(dtype=object)[follower], ""
            ),
            "next_rule": rule,
            "died_within": died,
            "next_admitted_on": np.where(following >= 0, admitted[following], np.nan),
            "reason": _reasons(positive, within, rule, gap, died, death - left, horizon),
        },
        index=episodes.index,
    )


def _following_any(person: NDArray[np.int64]) -> NDArray[np.int64]:
    """The position of the person's next episode, -1 where there is none."""
    count = len(person)
    following = np.arange(1, count + 1)
    has = np.zeros(count, dtype=bool)
    has[:-1] = person[1:] == person[:-1]
    return np.where(has, following, -1)


def _deciding_admission(
    episodes: pd.DataFrame,
    person: NDArray[np.int64],
    admitted: NDArray[np.int64],
    left: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The position of the admission that decides each episode's outcome; -1 where none does."""
    count = len(person)
    rehabilitation = episodes["first_rehabilitation"].to_numpy(dtype=bool)
    psychiatric = episodes["first_psychiatric"].to_numpy(dtype=bool)
    to_psychiatry = (episodes["disposition"] == "psychiatric").to_numpy(dtype=bool)
    # the next that is no rehabilitation stay, seen from each position; count means none
    counts = np.where(rehabilitation, count, np.arange(count))
    upcoming = np.minimum.accumulate(counts[::-1])[::-1] if count else counts
    after = np.r_[upcoming[1:], count].astype(np.int64) if count else upcoming

    def of_same_person(position: NDArray[np.int64]) -> NDArray[np.int64]:
        safe = np.minimum(position, max(count - 1, 0))
        return np.where((position < count) & (person[safe] == person), position, -1)

    follower = of_same_person(after)
    while True:
        found = follower >= 0
        skip = found & to_psychiatry & psychiatric[follower] & (admitted[follower] - left <= 1)
        if not skip.any():
            return follower
        follower = np.where(skip, of_same_person(after[follower]), follower)


def _reasons(
    positive: NDArray[np.bool_],
    within: NDArray[np.bool_],
    rule: NDArray,
    gap: NDArray[np.int64],
    died: NDArray[np.bool_],
    death_after: NDArray[np.float64],
    horizon: int,
) -> NDArray:
    words = np.full(len(positive), f"no acute admission in {horizon} days", dtype=object)
    for k in np.flatnonzero(within):
        words[k] = (
            f"unplanned acute admission on day {gap[k]}"
            if positive[k]
            else f"planned admission on day {gap[k]} ({rule[k]}) decides"
        )
    for k in np.flatnonzero(died):
        words[k] = f"died on day {int(death_after[k])}, not readmitted"
    return words
