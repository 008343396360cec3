"""All features of everybody beside a bare scan of the columns that they are made of."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from data.file_relations import parquet_relation
from features.everybody import Block, each_block
from features.feature_file import write_features
from features.history import Histories
from features.plan import plan
from features.window import to_day
from tests.bench.measuring import THREADS, Line, Setting, at_most, beside, in_process, seconds
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
    histories, target = given.histories, given.scratch / "everybody"
    wanted = plan(None, histories.carries)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        scan = seconds(scan_of(histories, connection), given.times)
        whole = seconds(lambda: write_features(histories, [END], target), given.times)
        said = f"{len(wanted.names)} features of {given.patients:,} patients"
        found = [
            at_most(f"{said}, written out", whole, "a scan of the events", scan, 12),
            beside("  computed, not written", seconds(
                lambda: each_block(histories, wanted, [DAY], _nothing), given.times
            ), "", scan),
            beside("  read, not computed", seconds(
                lambda: each_block(histories, plan((), histories.carries), [DAY], _nothing),
                given.times,
            ), "", scan),
        ]  # fmt: skip
    return found


def memory(given: Setting) -> list[Line]:
    """Bar: a peak of at most 6 GB, and no higher with twice the shards."""
    histories = given.histories
    twice = given.populations.of(given.patients, 2 * histories.shards)
    peaks = []
    for held in (histories, twice):
        asked = {"histories": str(held.files(0).events.parent),
                 "target": str(given.scratch / "everybody")}  # fmt: skip
        found = in_process("write", asked)
        peaks.append(max(found["maxrss"], found["hwm"]))
    one, two = peaks
    said = f"{histories.shards} and {twice.shards} shards"
    return [
        Line("peak memory of writing them out", max(peaks), bar="at most 6 GB",
             met=max(peaks) <= 6, unit="GB"),
        at_most(f"  in {said}", two, "", one, 1.05, "GB"),
    ]  # fmt: skip


def _nothing(_: Block) -> None:
    pass
