"""The sixty features as SQL would compute them: filtered aggregates in DuckDB.

The events have a form of their own here, the one that suits SQL: the number of the patient in
every row, a missing value as NULL, the kind of the code (see `tests.bench.sixty`) as a small
number, sorted by patient. Items are counted by way of each item's last day, which is faster than
count(DISTINCT …) FILTER.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.file_relations import parquet_relation
from features.history import Histories
from tests.bench.measuring import THREADS
from tests.bench.sixty import (
    KINDS,
    LONGEST,
    MISSING_WITHOUT_EVENTS,
    NAMES,
    SIXTY,
    Asked,
    kind_of,
)

_KIND = {kind: place + 1 for place, kind in enumerate(KINDS)}


def write_events(histories: Histories, path: Path) -> None:
    """The events for SQL: patient (int32, in the order of the histories' shards), happened_on,
    known_on, superseded_on (int32 days), code (int32), kind (int8, 0: not asked about), value."""
    kinds = [kind_of(code) for code in histories.vocabulary.codes]
    kind = np.array([_KIND[name] if name else 0 for name in kinds], np.int8)
    writer, before = None, 0
    for number in range(histories.shards):
        shard = histories.shard(number)
        people = np.arange(before, before + len(shard.patients), dtype=np.int32)
        before += len(people)
        rows = pa.table(
            {
                "patient": np.repeat(people, np.diff(shard.first_event)),
                "happened_on": shard.happened,
                "known_on": shard.known,
                "superseded_on": shard.superseded,
                "code": shard.code,
                "kind": kind[shard.code],
                "value": pa.array(shard.value, from_pandas=True),
            }
        )
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows, row_group_size=122_880)
    if writer is not None:
        writer.close()


class Sql:
    """A connection to events that `write_events` wrote, on THREADS threads."""

    def __init__(self, path: Path, patients: int, day: int) -> None:
        self._connection = duckdb.connect(config={"threads": THREADS})
        self._query = _query(parquet_relation(path), patients, day)

    def close(self) -> None:
        self._connection.close()

    def run(self) -> None:
        """Compute the sixty into a table in memory."""
        self._connection.sql(f"CREATE OR REPLACE TEMP TABLE answer AS {self._query}")

    def answer(self) -> np.ndarray:
        """What `run` found: float32[patients, 60]; NaN where it is NULL."""
        columns = self._connection.sql("FROM answer ORDER BY patient").fetchnumpy()
        filled = [np.ma.filled(columns[name].astype(np.float64), np.nan) for name in NAMES]
        return np.stack(filled, axis=1).astype(np.float32)


def _query(events: str, patients: int, day: int) -> str:
    added = [asked for asked in SIXTY if asked.how != "distinct"]
    items = [asked for asked in SIXTY if asked.how == "distinct"]
    found = ", ".join(f"{_aggregate(a)} AS {a.name}" for a in added)
    counted = ", ".join(
        f"count(*) FILTER ({_among(a)} AND age < {a.days}) AS {a.name}" for a in items
    )
    item_kinds = ", ".join(str(_KIND[k]) for a in items for k in a.kinds)
    told = ", ".join(
        a.name if a.how in MISSING_WITHOUT_EVENTS else f"coalesce({a.name}, 0) AS {a.name}"
        for a in SIXTY
    )
    return f"""
        WITH seen AS (
            SELECT patient, code, kind, value, {day} - happened_on AS age FROM {events}
            WHERE happened_on > {day - LONGEST} AND happened_on <= {day}
                AND known_on <= {day} AND superseded_on > {day} AND kind > 0),
        added AS (SELECT patient, {found} FROM seen GROUP BY patient),
        item AS (
            SELECT patient, kind, code, min(age) AS age FROM seen
            WHERE kind IN ({item_kinds}) GROUP BY ALL),
        counted AS (SELECT patient, {counted} FROM item GROUP BY patient)
        SELECT patient, {told}
        FROM (SELECT unnest(range({patients}))::INTEGER AS patient)
            LEFT JOIN added USING (patient) LEFT JOIN counted USING (patient)"""


def _aggregate(asked: Asked) -> str:
    where = f"FILTER ({_among(asked)} AND age < {asked.days})"
    if asked.how == "count":
        return f"count(*) {where}"
    if asked.how == "zeros":
        return f"count(*) FILTER ({_among(asked)} AND age < {asked.days} AND value = 0)"
    if asked.how == "days_since":
        return f"min(age) {where}"
    return f"{asked.how}(value) {where}{' / 100' if asked.cents else ''}"


def _among(asked: Asked) -> str:
    places = [_KIND[kind] for kind in asked.kinds]
    if len(places) == 1:
        return f"kind = {places[0]}"
    return f"kind BETWEEN {min(places)} AND {max(places)}"
