"""Canonical Parquet → one folder of rows a shard, in one reading and in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.events import READ
from features.shards import dealt

_ROWS_A_BATCH = 1 << 19


@dataclass(frozen=True)
class Partition:
    """Rows of some canonical tables, apart by shard."""

    folder: Path
    tables_there: tuple[str, ...]

    def path(self, table: str, shard: int) -> Path:
        return self.folder / f"{table}-{shard:05d}.arrow"

    def tables(self, shard: int) -> dict[str, pa.Table]:
        """The rows of one shard's patients (columns of READ), by table."""
        found = {}
        for table in self.tables_there:
            with pa.memory_map(str(self.path(table, shard))) as file:
                found[table] = pa.ipc.open_file(file).read_all()
        return found

    def remove(self, shard: int) -> None:
        for table in self.tables_there:
            self.path(table, shard).unlink()


def partition(
    tables: Mapping[str, Path], folder: Path, shards: int, wanted: Collection[int]
) -> Partition:
    """Write the rows of `tables` whose patients fall into one of the shards `wanted`, apart by
    shard, into `folder`; `shards` is how many there are altogether."""
    parts = Partition(folder, tuple(name for name in READ if name in tables and wanted))
    chosen = np.zeros(shards, np.bool_)
    chosen[list(wanted)] = True
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    for table in parts.tables_there:
        columns = READ[table]
        source = pq.ParquetFile(tables[table])
        schema = pa.schema([source.schema_arrow.field(name) for name in columns])
        writers = {
            shard: pa.ipc.new_file(str(parts.path(table, shard)), schema, options=options)
            for shard in sorted(wanted)
        }
        for batch in source.iter_batches(_ROWS_A_BATCH, columns=list(columns)):
            rows = pa.Table.from_batches([batch.select(columns)])
            for shard, its_rows in dealt(rows, shards, chosen):
                writers[shard].write_table(its_rows)
        for writer in writers.values():
            writer.close()
    return parts
