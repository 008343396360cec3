"""Every stay of the data in one table: what each rule says of it, and what became of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from data.codes import diagnosis_concept_name
from training.cohorts.attrition import FAILED, MET, NOT_TRIED, VERDICTS
from training.cohorts.cohort import Cohort
from training.cohorts.discharges import ALREADY_BACK, NOT_DISCHARGED

RULE = "rule_"
"""What the name of each rule's column begins with; its values are
`training.cohorts.attrition.VERDICTS`."""

_DAYS = ("admitted_on", "discharged_on", "died_on")
_FROM_STAY = (
    "patient_id", "encounter_id", "kind", "admitted_on", "discharged_on", "facility_id",
    "admission_type", "disposition", "principal_code", "principal_system",
)  # fmt: skip
_FROM_EPISODE = (
    "index", "outcome", "died_within", "death_or_readmission", "censored", "days_to_next",
    "next_encounter_id", "next_rule",
)  # fmt: skip


def stay_table(cohort: Cohort) -> pa.Table:
    """One row an inpatient stay of any kind, of a readmission cohort, in order of patient_id,
    admitted_on, discharged_on, encounter_id.

    Beside what the stay itself is: ``days`` (0 for a same-day stay, empty while open),
    ``principal_ccs`` with its ``principal_name``, ``planned_rule`` and ``planned_code``, and
    ``joined_by`` (how it joined the stay before it, "" where it begins an episode, empty where
    the definition does not look at it), ``chain`` (the stays of its episode in order),
    ``ends_episode``; one column ``rule_…`` a rule; ``excluded_by`` (the first that took it).

    Only the last stay of an episode answers for it, and only there are ``index``, ``outcome``,
    ``died_within``, ``death_or_readmission``, ``censored``, ``days_to_next``,
    ``next_encounter_id`` and ``next_rule`` (of the admission that decides) filled; they tell what
    followed a discharge that does not count as well. ``reason`` is the answer in words.
    """
    assert cohort.of_stays is not None
    stays, every = cohort.of_stays.stays, cohort.every
    end = _episode_that_ends(stays, every)
    ends = end >= 0
    made: dict[str, pa.Array] = {
        name: pa.array(stays[name].to_numpy(dtype=object), from_pandas=True)
        for name in _FROM_STAY if name not in _DAYS
    }  # fmt: skip
    made["admitted_on"] = _dates(stays["admitted_on"])
    made["discharged_on"] = _dates(stays["discharged_on"])
    made["days"] = _whole(stays["discharged_on"] - stays["admitted_on"])
    ccs = stays["principal_ccs"].to_numpy()
    made["principal_ccs"] = pa.array(ccs.astype(np.int16), mask=ccs < 0)
    made["principal_name"] = _names(ccs)
    for name in ("planned_rule", "planned_code"):
        made[name] = _texts(stays[name])
    looked_at = stays["episode"].notna().to_numpy(dtype=bool)
    made["joined_by"] = pa.array(stays["joined_by"].to_numpy(dtype=object), mask=~looked_at)
    chain, last = _chains(stays, looked_at)
    made["chain"] = _texts(chain)
    made["ends_episode"] = pa.array(ends)
    for key, verdict in cohort.of_stays.verdicts.items():
        made[RULE + key] = _verdicts(key, verdict, end, stays["discharged_on"].isna().to_numpy())
    excluded = _taken(every["excluded_by"], end, "")
    excluded[~looked_at] = "not a kind of stay that the definition looks at"
    inner = looked_at & ~ends
    excluded[inner] = "joined: the episode's last stay answers"
    made["excluded_by"] = _texts(excluded)
    for name in _FROM_EPISODE:
        made[name] = _answer(every[name], end)
    died = np.full(len(stays), np.nan)
    died[ends] = every["death_on"].to_numpy(dtype=np.float64)[end[ends]]
    made["died_on"] = _dates(pd.Series(died))
    followed = _taken(every["reason"], end, "")
    made["reason"] = _texts(_reasons(excluded, followed, ends, inner, last))
    order = ["patient_id", "admitted_on", "discharged_on", "encounter_id"]
    table = pa.table({name: _plain(column) for name, column in made.items()})
    return table.sort_by([(name, "ascending") for name in order])


def _plain(column: pa.Array) -> pa.Array:
    """The column with one type of text, also where all of it is empty."""
    if pa.types.is_null(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.string())
    return column


def _episode_that_ends(stays: pd.DataFrame, every: pd.DataFrame) -> NDArray[np.int64]:
    """For each stay the row of `every` whose episode it ends, -1 where it ends none."""
    at = pd.Index(every["encounter_id"]).get_indexer(pd.Index(stays["encounter_id"]))
    return np.asarray(at, dtype=np.int64)


def _chains(stays: pd.DataFrame, looked_at: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """The stays of each stay's episode as text, and the one of them that ends it."""
    chain, last = np.full(len(stays), "", dtype=object), np.full(len(stays), "", dtype=object)
    own = stays[looked_at]
    joined = own.groupby("episode")["encounter_id"].agg(" > ".join)
    ends = own[own["last_of_episode"].astype(bool)].set_index("episode")["encounter_id"]
    chain[looked_at] = joined.reindex(own["episode"]).to_numpy(dtype=object)
    last[looked_at] = ends.reindex(own["episode"]).to_numpy(dtype=object)
    return chain, last


def _verdicts(
    key: str, verdict: NDArray[np.int8], end: NDArray[np.int64], still_in: NDArray[np.bool_]
) -> pa.DictionaryArray:
    said = np.full(len(end), NOT_TRIED, dtype=np.int8)
    ends = end >= 0
    said[ends] = verdict[end[ends]]
    if key != "discharged":
        # no rule was tried on a discharge that has not been
        said[still_in & np.isin(said, [MET, FAILED])] = NOT_TRIED
    return pa.DictionaryArray.from_arrays(pa.array(said), pa.array(VERDICTS))


def _reasons(
    excluded: NDArray,
    followed: NDArray,
    ends: NDArray[np.bool_],
    inner: NDArray[np.bool_],
    last: NDArray,
) -> NDArray:
    words = np.full(len(ends), "", dtype=object)
    for k, (rule, after) in enumerate(zip(excluded, followed, strict=True)):
        if inner[k]:
            words[k] = f"part of the episode that ends with {last[k]}"
        elif not ends[k]:
            words[k] = rule
        elif rule == NOT_DISCHARGED:
            words[k] = f"does not count ({rule})"
        elif rule == ALREADY_BACK:
            words[k] = f"counts, but was not asked about ({rule}); {after}"
        elif rule:
            words[k] = f"does not count ({rule}); {after}"
        else:
            words[k] = f"counts; {after}"
    return words


def _taken(column: pd.Series, end: NDArray[np.int64], otherwise: str) -> NDArray:
    made = np.full(len(end), otherwise, dtype=object)
    made[end >= 0] = column.to_numpy(dtype=object)[end[end >= 0]]
    return made


def _answer(column: pd.Series, end: NDArray[np.int64]) -> pa.Array:
    """The episode's answer at its last stay, empty elsewhere; a float is a count of days."""
    if pd.api.types.is_float_dtype(column.dtype):
        days = np.full(len(end), np.nan)
        days[end >= 0] = column.to_numpy()[end[end >= 0]]
        return _whole(pd.Series(days))
    kept = pa.array(column, from_pandas=True)
    return kept.take(pa.array(end, mask=end < 0))


def _dates(days: pd.Series) -> pa.Array:
    return _whole(days).cast(pa.int32()).cast(pa.date32())


def _whole(numbers: pd.Series) -> pa.Array:
    lost = numbers.isna().to_numpy()
    return pa.array(numbers.fillna(0).to_numpy(dtype=np.int64), mask=lost)


def _texts(column: pd.Series | NDArray) -> pa.Array:
    return pa.array(np.asarray(column, dtype=object), type=pa.string(), from_pandas=True)


def _names(ccs: NDArray) -> pa.Array:
    named = {int(number): diagnosis_concept_name(number) for number in np.unique(ccs[ccs >= 0])}
    return pa.array([named.get(int(number)) for number in ccs], type=pa.string())
