"""Writing histories: all of them, and after one more night; and opening one patient's."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from data.file_relations import parquet_relation
from data.home import Home
from data.intake import current, take_in
from features.history import Histories
from features.shards import shard_number
from features.writing import write_histories
from tests.bench.measuring import Line, Setting, Work, beside, medians


def lines(given: Setting) -> list[Line]:
    """No bar: a full writing of the seed's histories, two kinds of night, one patient by id."""
    home = Home(given.scratch / "nights")
    _copy(given.populations.seed, home)
    shards = Histories.open(home.histories).shards
    whole, kept = _timed(home, shards)
    rows = sum(current(home).manifest["rows"].values())
    patients = kept.patients()
    numbers = shard_number(patients, shards)
    of_one = [patients[place] for place in np.flatnonzero(numbers == 0)[:20].tolist()]
    everywhere = patients[:: max(1, len(patients) // 400)]
    return [
        Line(f"histories of {rows:,} canonical rows, written anew", whole),
        Line("  rows a second", rows / whole, unit="rows"),
        _night(home, f"  after a night about {len(of_one)} patients of one shard in {shards}",
               of_one, whole),
        _night(home, f"  after a night about {len(everywhere)} patients of all shards",
               everywhere, whole),
        *_opening(given),
    ]  # fmt: skip


def _opening(given: Setting) -> list[Line]:
    histories = given.histories
    shard = histories.shard(0)
    someone = shard.patients[len(shard.patients) // 2].as_py()
    whole, arrays, rows = medians(
        20 * given.times,
        Work(lambda: histories.shard(0)),
        Work(lambda: histories.one(someone)),
        Work(lambda: histories.events(someone)),
    )
    other = ("the whole shard", 1000 * whole, "ms")
    return [
        beside("one patient by id, as arrays", 1000 * arrays, *other),
        beside("one patient by id, with the source rows", 1000 * rows, *other),
    ]


def _night(home: Home, what: str, patients: list[str], whole: float) -> Line:
    """A claim that is adjusted and a new one, for each of some patients."""
    delivery = home.root / "delivery"
    delivery.mkdir()
    shutil.copy(home.invented / "source.json", delivery)
    names = ", ".join(f"'{patient}'" for patient in patients)
    costs = parquet_relation(current(home).tables["cost"])
    target = delivery / "cost.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE amounts AS SELECT * EXCLUDE (source_row) FROM {costs} "
            f"WHERE patient_id IN ({names}) AND NOT reversed QUALIFY row_number() OVER "
            "(PARTITION BY patient_id ORDER BY happened_on DESC, record_id, known_on DESC) = 1"
        )
        night = "(SELECT max(known_on) + 1 FROM amounts) AS known_on"
        connection.execute(
            f"COPY (SELECT * REPLACE (allowed_cents + 100 AS allowed_cents, {night}) FROM amounts "
            f"UNION ALL SELECT * REPLACE (record_id || '-next' AS record_id, {night}) FROM amounts"
            f") TO '{target}' (FORMAT parquet)"
        )
    assert pq.read_metadata(target).num_rows, "nobody has a claim"
    take_in(home, "canonical", delivery)
    shutil.rmtree(delivery)
    taken, _ = _timed(home, None)
    return beside(what, taken, "all written anew", whole)


def _timed(home: Home, shards: int | None) -> tuple[float, Histories]:
    began = time.perf_counter()
    histories = write_histories(home, shards)
    return time.perf_counter() - began, histories


def _copy(seed: Home, home: Home) -> None:
    for ours, theirs in ((seed.tables, home.tables), (seed.histories, home.histories)):
        shutil.copytree(ours, theirs)
    home.invented.mkdir()
    source: Path = seed.invented / "source.json"
    shutil.copy(source, home.invented)
