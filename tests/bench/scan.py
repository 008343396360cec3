"""All features of everybody beside a bare scan of the columns that they are made of."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from data.file_relations import parquet_relation
from features.everybody import Block, each_block
from features.history import Histories
from features.plan import plan
from features.window import to_day
from tests.bench.measuring import (
    THREADS,
    Line,
    Setting,
    Work,
    at_most,
    beside,
    in_process,
    medians,
    under,
    writing,
)
from tests.bench.population import END

COLUMNS = "happened_on, known_on, superseded_on, code, value"
DAY = to_day(END)


def scan_of(histories: Histories, connection: duckdb.DuckDBPyConnection) -> Callable[[], object]:
    """The bare scan: DuckDB reads the histories' own files and adds up a hash of each row."""
    files = [parquet_relation(histories.files(n).events) for n in range(histories.shards)]
    rows = " UNION ALL ".join(f"SELECT {COLUMNS} FROM {file}" for file in files)
    query = f"SELECT sum(hash({COLUMNS})) FROM ({rows})"
    return lambda: connection.sql(query).fetchall()


def lines(given: Setting) -> list[Line]:
    """Bar: writing takes at most 12 times the scan. Beside it, what the time goes to."""
    histories = given.histories
    wanted = plan(None, histories.carries)

    nothing = plan((), histories.carries)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        scan, whole, computed, read = medians(
            given.times,
            Work(scan_of(histories, connection)),
            writing(histories, [END], given.scratch / "everybody"),
            Work(lambda: each_block(histories, wanted, [DAY], _nothing)),
            Work(lambda: each_block(histories, nothing, [DAY], _nothing)),
        )
    said = f"{len(wanted.names)} features of {given.patients:,} patients"
    return [
        at_most(f"{said}, written out", whole, "a scan of the events", scan, 12),
        beside("  computed, not written", computed, "the same scan", scan),
        beside("  read, not computed", read, "the same scan", scan),
    ]


def memory(given: Setting) -> list[Line]:
    """Bars: a peak of at most 6 GB, and no higher with twice the shards."""
    histories = given.histories
    twice = given.populations.of(given.patients, 2 * histories.shards)
    peaks = []
    for held in (histories, twice):
        folder = str(held.files(0).events.parent)
        asked = {"histories": folder, "target": str(given.scratch / "everybody")}
        peaks.append(in_process("write", asked)["peak"])
    return [
        under(f"peak memory of writing them out, {histories.shards} shards", peaks[0], 6, "GB"),
        at_most(f"  {twice.shards} shards", peaks[1], f"{histories.shards} shards", peaks[0],
                1.05, "GB"),
    ]  # fmt: skip


def _nothing(_: Block) -> None:
    pass
