"""Canonical Parquet → one folder of rows a shard, in one reading and in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.events import READ
from features.shards import shard_number
from features.versions import texts_of

_ROWS_A_BATCH = 1 << 19


@dataclass
class Partition:
    """Rows of the canonical tables, apart by shard. `seen` holds the different values of a few
    columns of a table (WATCHED), from which it follows what the source really carries.
    """

    folder: Path
    shards: int
    seen: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)

    def path(self, table: str, shard: int) -> Path:
        return self.folder / f"{table}-{shard:05d}.arrow"

    def tables(self, shard: int) -> dict[str, pa.Table]:
        """The rows of one shard's patients (columns of READ), by table."""
        found = {}
        for table in READ:
            with pa.memory_map(str(self.path(table, shard))) as file:
                found[table] = pa.ipc.open_file(file).read_all()
        return found

    def remove(self, shard: int) -> None:
        for table in READ:
            self.path(table, shard).unlink()


WATCHED = {
    "cost": ("covers", "kind"),
    "diagnosis": ("code_system",),
    "drug_fill": ("code_system",),
}


def partition(tables: Mapping[str, Path], folder: Path, shards: int) -> Partition:
    """Write every row of `tables` to the file of its patient's shard in `folder`."""
    parts = Partition(folder, shards, {table: set() for table in WATCHED})
    for table, columns in READ.items():
        source = pq.ParquetFile(tables[table])
        schema = pa.schema([source.schema_arrow.field(name) for name in columns])
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        writers = [
            pa.ipc.new_file(str(parts.path(table, shard)), schema, options=options)
            for shard in range(shards)
        ]
        for batch in source.iter_batches(_ROWS_A_BATCH, columns=list(columns)):
            rows = batch.select(columns)
            _split(rows, writers, shards)
            if table in WATCHED:
                parts.seen[table].update(_different(rows.select(WATCHED[table])))
        for writer in writers:
            writer.close()
    return parts


def _split(rows: pa.RecordBatch, writers: list[pa.ipc.RecordBatchFileWriter], shards: int) -> None:
    ids, at = texts_of(rows.column("patient_id"))
    shard = shard_number(ids, shards)[at]
    order = np.argsort(shard, kind="stable")
    ends = np.cumsum(np.bincount(shard, minlength=shards))
    taken = rows.take(pa.array(order))
    for number, (end, size) in enumerate(zip(ends, np.diff(ends, prepend=0), strict=True)):
        if size:
            writers[number].write_batch(taken.slice(end - size, size))


def _different(rows: pa.RecordBatch) -> set[tuple[str, ...]]:
    groups = pa.Table.from_batches([rows]).group_by(rows.schema.names).aggregate([])
    return {tuple(group.values()) for group in groups.to_pylist()}
