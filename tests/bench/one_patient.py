"""One patient's features from raw rows: what the live API does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.file_relations import parquet_relation
from data.home import Home
from data.intake import current
from features.as_of import features_as_of
from features.events import READ, events_of
from features.history import Histories
from features.plan import plan
from features.shards import Shard
from tests.bench.measuring import Line, Setting, Work, beside, in_process, times_of, under
from tests.bench.population import END

ROWS = 60
TIMES = 200
Tables = Mapping[str, pa.Table]


def lines(given: Setting) -> list[Line]:
    """Bar: the median of TIMES is under 3 ms; beside it what the time goes to.

    And the first answer of a fresh process: with nothing compiled, and with what that process
    left in the cache.
    """
    home = given.populations.seed
    tables = someone(home)
    carries = list(Histories.open(home.histories).carries)
    n = sum(rows.num_rows for rows in tables.values())
    taken = times_of(Work(lambda: answer(tables, carries)), TIMES)
    rows, cache = given.scratch / "rows", given.scratch / "numba"
    write(tables, rows)
    asked = {"rows": str(rows), "carries": carries}
    empty, warm = (in_process("first", asked, cache) for _ in range(2))
    return [
        under(f"one patient from {n} raw rows", 1000 * median(taken), 3, "ms"),
        Line("  95 of 100 times under", 1000 * float(np.percentile(taken, 95)), unit="ms"),
        *_where_it_goes(tables, carries),
        beside("first answer of a fresh process, nothing compiled", empty["answer"],
               "its imports", empty["imports"]),
        beside("  with the compiled code on disk", warm["answer"], "its imports", warm["imports"]),
    ]  # fmt: skip


def answer(tables: Tables, carries: Sequence[str]) -> pd.DataFrame:
    """All features of the one patient whose rows these are, as of END."""
    histories = Histories.of_tables(tables, carries)
    index = pd.DataFrame({"patient_id": histories.patients(), "as_of": [END]})
    return features_as_of(histories, index)


def someone(home: Home) -> Tables:
    """The canonical rows of the invented member who comes closest to ROWS of them."""
    tables = {name: path for name, path in current(home).tables.items() if name in READ}
    ids = " UNION ALL ".join(
        f"SELECT patient_id FROM {parquet_relation(p)}" for p in tables.values()
    )
    query = f"SELECT patient_id FROM ({ids}) GROUP BY ALL ORDER BY abs(count(*) - {ROWS}), 1"
    with duckdb.connect() as connection:
        found = connection.execute(f"{query} LIMIT 1").fetchall()
    chosen = [("patient_id", "==", found[0][0])]
    return {name: pq.read_table(path, filters=chosen) for name, path in tables.items()}


def write(tables: Tables, folder: Path) -> None:
    """Keep the rows in a folder, for `read` in another process."""
    folder.mkdir()
    for name, rows in tables.items():
        pq.write_table(rows, folder / f"{name}.parquet")


def read(folder: Path) -> Tables:
    """What `write` kept."""
    return {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}


def _where_it_goes(tables: Tables, carries: Sequence[str]) -> list[Line]:
    feeds = tuple(sorted(carries))
    events = events_of(tables, feeds)
    shard = Shard.of_events(events)
    wanted = plan(None, feeds)
    histories = Histories.of_tables(tables, feeds)
    index = pd.DataFrame({"patient_id": histories.patients(), "as_of": [END]})
    parts = {
        "  rows to events": lambda: events_of(tables, feeds),
        "  events to arrays": lambda: Shard.of_events(events),
        "  what its codes mean": lambda: wanted.heard(Shard.of_events(events).vocabulary),
        "  features of the arrays": lambda: features_as_of(histories, index),
    }
    assert len(shard.patients) == 1
    return [Line(what, 1000 * median(times_of(Work(work), TIMES)), unit="ms")
            for what, work in parts.items()]  # fmt: skip
