"""The sixty features as a data scientist would write them in pandas.

One frame of events, its codes as text. Each kind's rows are taken out once, each window of them
once for each feature; counts, sums and the like by groupby, put beside one another by reindex.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from features.history import Histories
from features.window import NEVER
from tests.bench.sixty import LONGEST, MISSING_WITHOUT_EVENTS, SIXTY, Asked, kind_of


def frame_of(histories: Histories) -> pd.DataFrame:
    """One row an event: patient_id, kind (text; see `tests.bench.sixty`), code (text), value, and
    happened_on, known_on, superseded_on as dates (NaT: never)."""
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


def sixty_of(events: pd.DataFrame, people: pd.Index, day: pd.Timestamp) -> pd.DataFrame:
    """The sixty of each of `people` as of `day`: one row a patient, in that order."""
    seen = events[
        (events["happened_on"] <= day)
        & (events["happened_on"] > day - pd.Timedelta(days=LONGEST))
        & (events["known_on"] <= day)
        & ~(events["superseded_on"] <= day)
    ]
    kinds = {code: kind_of(code) for code in seen["code"].unique()}
    seen = seen.assign(kind=seen["code"].map(kinds), age=(day - seen["happened_on"]).dt.days)
    found = {}
    of_kinds = {}
    for asked in SIXTY:
        if asked.kinds not in of_kinds:
            of_kinds[asked.kinds] = seen[seen["kind"].isin(asked.kinds)]
        rows = of_kinds[asked.kinds]
        found[asked.name] = _folded(asked, rows[rows["age"] < asked.days])
    features = pd.DataFrame(found).reindex(people)
    always = [asked.name for asked in SIXTY if asked.how not in MISSING_WITHOUT_EVENTS]
    return features.fillna(dict.fromkeys(always, 0))


def _folded(asked: Asked, rows: pd.DataFrame) -> pd.Series:
    if asked.how == "zeros":
        rows = rows[rows["value"] == 0]
    by_patient = rows.groupby("patient_id")
    if asked.how in ("count", "zeros"):
        return by_patient.size()
    if asked.how == "distinct":
        return by_patient["code"].nunique()
    if asked.how == "days_since":
        return by_patient["age"].min()
    amount = by_patient["value"].sum() if asked.how == "sum" else by_patient["value"].max()
    return amount / 100 if asked.cents else amount
