"""The sixty features as a data scientist would write them in pandas: usually, and for speed.

One frame of events in memory, its codes as text, and one of questions.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from features.history import Histories
from features.window import NEVER
from tests.bench.sixty import KINDS, LONGEST, MISSING_WITHOUT_EVENTS, SIXTY, Asked, kind_of


def frame_of(histories: Histories) -> pd.DataFrame:
    """One row an event: patient_id, code (text), value, and happened_on, known_on, superseded_on
    as dates (NaT: never)."""
    parts = []
    for number in range(histories.shards):
        shard = histories.shard(number)
        patients = shard.patients.to_numpy(zero_copy_only=False)
        codes = pa.DictionaryArray.from_arrays(shard.code, pa.array(histories.vocabulary.codes))
        superseded = shard.superseded.astype("datetime64[D]")
        superseded[shard.superseded == NEVER] = np.datetime64("NaT")
        parts.append(
            pd.DataFrame(
                {
                    "patient_id": np.repeat(patients, np.diff(shard.first_event)),
                    "code": codes.cast(pa.string()).to_pandas(),
                    "value": shard.value,
                    "happened_on": shard.happened.astype("datetime64[D]").astype("datetime64[s]"),
                    "known_on": shard.known.astype("datetime64[D]").astype("datetime64[s]"),
                    "superseded_on": superseded.astype("datetime64[s]"),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def as_written(events: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """The sixty of each question of `index` (patient_id, as_of), one row each in that order: the
    events beside the questions by merge, then one filter and one groupby a feature."""
    rows = events.merge(index, on="patient_id")
    seen = rows[
        (rows["happened_on"] <= rows["as_of"])
        & (rows["known_on"] <= rows["as_of"])
        & ~(rows["superseded_on"] <= rows["as_of"])
    ]
    found = {}
    for asked in SIXTY:
        begins = tuple(KINDS[kind] for kind in asked.kinds)
        since = seen["as_of"] - pd.Timedelta(days=asked.days)
        found[asked.name] = _folded(
            asked, seen[seen["code"].str.startswith(begins) & (seen["happened_on"] > since)]
        )
    return _beside(index, found)


def as_tidied(events: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """The same by whoever makes it fast: no row that no window holds, codes told apart once, and
    each kind's rows taken out once."""
    rows = events.merge(index, on="patient_id")
    seen = rows[
        (rows["happened_on"] <= rows["as_of"])
        & (rows["happened_on"] > rows["as_of"] - pd.Timedelta(days=LONGEST))
        & (rows["known_on"] <= rows["as_of"])
        & ~(rows["superseded_on"] <= rows["as_of"])
    ]
    kinds = {code: kind_of(code) for code in seen["code"].unique()}
    seen = seen.assign(
        kind=seen["code"].map(kinds), age=(seen["as_of"] - seen["happened_on"]).dt.days
    )
    found = {}
    of_kinds = {kinds: seen[seen["kind"].isin(kinds)] for kinds in {a.kinds for a in SIXTY}}
    for asked in SIXTY:
        kept = of_kinds[asked.kinds]
        found[asked.name] = _folded(asked, kept[kept["age"] < asked.days])
    return _beside(index, found)


def _folded(asked: Asked, rows: pd.DataFrame) -> pd.Series:
    if asked.how == "zeros":
        rows = rows[rows["value"] == 0]
    if asked.how == "days_since":
        rows = rows.assign(since=(rows["as_of"] - rows["happened_on"]).dt.days)
    by_question = rows.groupby(["patient_id", "as_of"])
    if asked.how in ("count", "zeros"):
        return by_question.size()
    if asked.how == "distinct":
        return by_question["code"].nunique()
    if asked.how == "days_since":
        return by_question["since"].min()
    values = by_question["value"]
    amount = values.sum() if asked.how == "sum" else values.max()
    return amount / 100 if asked.cents else amount


def _beside(index: pd.DataFrame, found: dict[str, pd.Series]) -> pd.DataFrame:
    features = pd.DataFrame(found)
    answered = index.merge(features, "left", left_on=["patient_id", "as_of"], right_index=True)
    always = [asked.name for asked in SIXTY if asked.how not in MISSING_WITHOUT_EVENTS]
    return answered.fillna(dict.fromkeys(always, 0))
