"""The readmission label: what the first admission that can decide after a discharge says.

Window: days 0 to `horizon` after discharge, both included (day 0 as far as it did not join the
episode).

`cms_hwr`: the first acute stay decides. Unplanned → positive. Planned → negative, and later ones
do not count. A rehabilitation stay in an acute hospital is looked past; a psychiatric stay only on
day 0 or 1 after a discharge to psychiatric care.

`pcr_like`: planned returns and those for pregnancy are looked past, whatever follows them; the
first other distinct stay decides, and is positive.

Death without an unplanned readmission is negative, and told apart; the companion outcome is
either of the two.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNPLANNED = "unplanned"

Deciding = Literal["first_acute", "first_unplanned"]
"""Which admission decides: that of `cms_hwr`, or that of `pcr_like`."""


def readmissions(
    stays: pd.DataFrame, episodes: pd.DataFrame, horizon: int, deciding: Deciding
) -> pd.DataFrame:
    """One row an episode, in the order of `episodes` (sorted by person, admitted_on).

    ``stays`` as `training.cohorts.episodes.with_episodes` gives them, with ``planned_rule``
    ("unplanned" or the rule that makes it planned) and the flags ``rehabilitation``,
    ``psychiatric`` and ``pregnancy``. ``episodes`` needs ``person``, ``admitted_on``,
    ``discharged_on`` (NaN while open), ``disposition``, ``death_on`` (NaN if none).

    Gives ``outcome`` (0 or 1; nothing here is censored yet), ``died_within`` (dead in the window
    without an unplanned readmission), ``death_or_readmission`` (either), ``days_to_next`` (NaN
    where no admission decides), ``next_encounter_id``, ``next_rule``, ``next_admitted_on`` (the
    next episode of any kind, NaN where there is none) and ``reason`` in words.
    """
    left = episodes["discharged_on"].fillna(-1).to_numpy(dtype=np.int64)
    discharged = episodes["discharged_on"].notna().to_numpy()
    admitted = stays["admitted_on"].to_numpy(dtype=np.int64)
    follower = _deciding_stay(stays, episodes, left, deciding)
    found = follower >= 0
    gap = admitted[follower] - left  # any number where none was found
    within = found & (gap <= horizon) & discharged
    rule = _picked(stays["planned_rule"], follower, within)
    positive = within & (rule == UNPLANNED)
    death = episodes["death_on"].to_numpy(dtype=np.float64)
    died = ~positive & (death >= left) & (death <= left + horizon) & discharged
    person = episodes["person"].to_numpy(dtype=np.int64)
    begins = episodes["admitted_on"].to_numpy(dtype=np.float64)
    following = np.full(len(person), np.nan)
    following[:-1] = np.where(person[1:] == person[:-1], begins[1:], np.nan)
    return pd.DataFrame(
        {
            "outcome": positive.astype(np.int8),
            "died_within": died,
            "death_or_readmission": (positive | died).astype(np.int8),
            "days_to_next": np.where(within, gap, np.nan),
            "next_encounter_id": _picked(stays["encounter_id"], follower, within),
            "next_rule": rule,
            "next_admitted_on": following,
            "reason": _reasons(rule, gap, died, death - left, horizon, deciding),
        },
        index=episodes.index,
    )


def _picked(column: pd.Series, at: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray:
    made = np.full(len(at), "", dtype=object)
    made[where] = column.to_numpy(dtype=object)[at[where]]
    return made


def _deciding_stay(
    stays: pd.DataFrame, episodes: pd.DataFrame, left: NDArray[np.int64], deciding: Deciding
) -> NDArray[np.int64]:
    """The position of the stay that decides each episode's outcome; -1 where none does."""
    count = len(stays)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    position = np.arange(count)
    if deciding == "first_acute":
        passed = stays["rehabilitation"].to_numpy(dtype=bool)
    else:
        planned = (stays["planned_rule"] != UNPLANNED).to_numpy(dtype=bool)
        joined = (stays["joined_by"] != "").to_numpy(dtype=bool)
        passed = planned | joined | stays["pregnancy"].to_numpy(dtype=bool)
    # from each position on, the next stay that is not looked past; count means none
    upcoming = np.minimum.accumulate(np.where(passed, count, position)[::-1])[::-1]
    upcoming = np.r_[upcoming, count]
    person = stays["person"].to_numpy(dtype=np.int64)
    asked = episodes["person"].to_numpy(dtype=np.int64)
    ends = np.r_[np.flatnonzero(np.diff(stays["episode"].to_numpy())), count - 1]

    def of_same_person(at: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where((at < count) & (person[np.minimum(at, count - 1)] == asked), at, -1)

    follower = of_same_person(upcoming[ends + 1])
    if deciding == "first_unplanned":
        return follower
    psychiatric = stays["psychiatric"].to_numpy(dtype=bool)
    admitted = stays["admitted_on"].to_numpy(dtype=np.int64)
    to_psychiatry = (episodes["disposition"] == "psychiatric").to_numpy(dtype=bool)
    while True:
        found = follower >= 0
        skip = found & to_psychiatry & psychiatric[follower] & (admitted[follower] - left <= 1)
        if not skip.any():
            return follower
        follower = np.where(skip, of_same_person(upcoming[follower + 1]), follower)


def _reasons(
    rule: NDArray,
    gap: NDArray[np.int64],
    died: NDArray[np.bool_],
    death_after: NDArray[np.float64],
    horizon: int,
    deciding: Deciding,
) -> NDArray:
    kind = "acute" if deciding == "first_acute" else "unplanned"
    words = np.full(len(rule), f"no {kind} admission in {horizon} days", dtype=object)
    for k in np.flatnonzero(rule != ""):
        words[k] = (
            f"unplanned acute admission on day {gap[k]}"
            if rule[k] == UNPLANNED
            else f"planned admission on day {gap[k]} ({rule[k]}) decides"
        )
    for k in np.flatnonzero(died):
        dead = f"died on day {int(death_after[k])}"
        words[k] = f"{words[k]}; {dead}" if rule[k] else f"{dead}, not readmitted"
    return words
