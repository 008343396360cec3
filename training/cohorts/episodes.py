"""Acute stays joined into episodes: transfers, overlaps, and same-day returns for the same thing.

The rules, for the next stay of the same person in order of admission:

- it begins before the latest discharge so far: they overlap, and join;
- it begins at another hospital on the day of that discharge or the day after: a transfer, and
  they join whatever the disposition code says;
- it begins on the day of that discharge at the same hospital with the same principal diagnosis:
  they join;
- where either hospital is not named, only a disposition "acute_transfer", or the same principal
  diagnosis on the same day, joins them: that it was another hospital is not assumed.

`pcr_like` asks for two calendar days between distinct stays: there a stay that begins on the day
of that discharge or the day after joins whatever the hospital and the diagnosis.

A stay without a discharge counts as ended on its first day for joining: a lost discharge message
must not swallow all later stays. An episode that holds an open stay has no discharge.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def with_episodes(stays: pd.DataFrame, *, any_hospital: bool = False) -> pd.DataFrame:
    """The stays in order, with ``episode`` (0, 1, …), ``joined_by`` and ``last_of_episode``.

    One row an acute stay, at least with ``person`` (int), ``encounter_id``, ``facility_id``,
    ``admitted_on`` and ``discharged_on`` (days since 1970, NaN while open), ``disposition`` and
    ``principal_code``. ``joined_by`` is "" where the stay begins an episode, else overlap,
    transfer, same_day_return, or with `any_hospital` adjacent. Order: person, admitted_on,
    discharged_on, encounter_id, so that ties are always broken alike.
    """
    stays = stays.sort_values(
        ["person", "admitted_on", "discharged_on", "encounter_id"], na_position="first"
    ).reset_index(drop=True)
    count = len(stays)
    person = stays["person"].to_numpy(dtype=np.int64)
    start = stays["admitted_on"].to_numpy(dtype=np.int64)
    end = stays["discharged_on"].fillna(stays["admitted_on"]).to_numpy(dtype=np.int64)
    position = np.arange(count)
    # The stay that holds the latest discharge so far; the later stay holds a tie.
    rank = np.lexsort((position, end, person))
    place = np.empty(count, dtype=np.int64)
    place[rank] = position
    holder = rank[np.maximum.accumulate(place)] if count else place
    before = np.r_[0, holder[:-1]].astype(np.int64)[:count]
    follows = np.zeros(count, dtype=bool)
    follows[1:] = person[1:] == person[:-1]

    gap = start - end[before] if count else start
    named, same_place = _same(stays["facility_id"], before)
    _, same_reason = _same(stays["principal_code"], before)
    sent_on = (stays["disposition"] == "acute_transfer").to_numpy(dtype=bool)[before]
    elsewhere = np.where(named, ~same_place, sent_on)
    overlap = follows & (gap < 0)
    transfer = follows & (gap >= 0) & (gap <= 1) & elsewhere
    same_day = follows & (gap == 0) & same_reason & ~elsewhere
    adjacent = follows & (gap >= 0) & (gap <= 1) & any_hospital

    joined = np.select(
        [overlap, transfer, same_day, adjacent],
        ["overlap", "transfer", "same_day_return", "adjacent"],
        "",
    )
    stays["joined_by"] = joined.astype(object)
    stays["episode"] = np.cumsum(joined == "") - 1
    last = np.zeros(count, dtype=bool)
    ends_here = np.r_[joined[1:] == "", True] if count else np.zeros(0, dtype=bool)
    last[holder[ends_here]] = True
    stays["last_of_episode"] = last
    return stays


def _same(column: pd.Series, before: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """(both given, both given and equal) of each stay and the one before it."""
    codes, _ = pd.factorize(column)
    both = (codes >= 0) & (codes[before] >= 0)
    return both, both & (codes == codes[before])


def episodes_of(stays: pd.DataFrame) -> pd.DataFrame:
    """One row an episode, in order of (person, admitted_on).

    From the first stay: ``admitted_on``, ``first_encounter_id``. From the last stay:
    ``discharged_on``, ``encounter_id``, facility, disposition and principal diagnosis. ``stays``
    counts them.
    """
    first = stays.groupby("episode", sort=True)[["encounter_id", "admitted_on"]].first()
    sizes = stays.groupby("episode", sort=True).size()
    last = stays[stays["last_of_episode"]].set_index("episode").sort_index()
    made = last.drop(columns=["joined_by", "last_of_episode"]).copy()
    made["admitted_on"] = first["admitted_on"]
    made["first_encounter_id"] = first["encounter_id"]
    made["stays"] = sizes
    still_in = stays["discharged_on"].isna().groupby(stays["episode"]).any()
    made.loc[still_in, "discharged_on"] = np.nan
    return made.reset_index()
