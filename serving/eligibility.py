"""Who may be called, by what was recorded about him: the other half of `serving.population`.

Why somebody is left out is one of the words below, kept for each person of a run and counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from serving.managed import MANAGED
from serving.store.standings import Status, StatusName
from serving.worklist import BEYOND_CAPACITY, NO_PANEL

LEFT_OUT_BY: Mapping[StatusName, str] = {
    "contacted": "reached lately",
    "not reached": "not reached in several tries",
    "enrolled": "somebody's patient already",
    "declined": "declined",
    "deferred": "deferred to a later day",
    "do not contact": "not to be contacted",
    "closed": "closed by a case manager",
}
"""Why nobody calls, by where a patient stands; of the other standings somebody does."""


WITHOUT_PLACE = frozenset({BEYOND_CAPACITY, NO_PANEL})
"""Why somebody who may be called is not on the list."""
OF_THE_LIST = frozenset({*WITHOUT_PLACE, MANAGED, *LEFT_OUT_BY.values()})
"""Why somebody is left out by what the list knows beside the rows about him: whoever scores rows
alone does not say it."""


def may_be_called(left_out: pd.Series) -> pd.Series:
    """Whether each person of a finished list may be called (bool): whoever is on it, and whoever it
    had no place for. `left_out` is empty or None of the former, else the reason."""
    return left_out.fillna("").isin(["", BEYOND_CAPACITY, NO_PANEL])


def with_standings(scores: pd.DataFrame, standings: Mapping[str, Status]) -> pd.DataFrame:
    """Scores with what was recorded: `excluded` also of whoever is not to be called by where he
    stands, where nothing else was in the way; `override_tier`, the tier that a case manager gave,
    or None. `standings` are of those about whom anything was recorded."""
    said = scores["patient_id"].map({p: LEFT_OUT_BY.get(one.name) for p, one in standings.items()})
    given = {p: one.override.tier for p, one in standings.items() if one.override}
    excluded = scores["excluded"].fillna("").astype(object)
    free = excluded.eq("") & said.notna()
    override = scores["patient_id"].map(given).astype(object)
    return scores.assign(
        excluded=excluded.mask(free, said), override_tier=override.where(override.notna(), None)
    )
