"""Which shards the rows of a new generation touch, found without sorting or keeping a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from data.duckdb_connection import connect
from data.file_relations import parquet_relation
from features.events import READ
from features.shards import shard_number

_A_BATCH = 1 << 17
_PLACE = pa.schema([("patient_id", pa.string()), ("shard", pa.int64())])
WATCHED = {
    "cost": ("covers", "kind"),
    "diagnosis": ("code_system",),
    "drug_fill": ("code_system",),
}
"""Columns of a table from whose different values it follows what the source really carries."""


class Rows:
    """The canonical rows that histories are made of, asked about as a whole.

    `tables` are the carried tables of READ; what DuckDB cannot hold in memory goes to `folder`.
    """

    def __init__(self, tables: Mapping[str, Path], folder: Path, threads: int) -> None:
        self._tables = tables
        self._connection = connect(folder / "spilled", threads=threads)

    def close(self) -> None:
        self._connection.close()

    def digests(self, shards: int) -> list[str]:
        """What each shard is made of, in words that are equal where the rows are the same.

        Over the columns of READ: how many rows of each table, and the sum and the exclusive or of
        their hashes, so that no order of the rows and no row group matters. DuckDB's hash may
        change with its version, which is therefore part of the words.
        """
        rows = " UNION ALL ".join(
            f"SELECT patient_id FROM {parquet_relation(path)}" for path in self._tables.values()
        )
        people = [_PLACE.empty_table()]
        if rows:
            found = self._connection.sql(f"SELECT DISTINCT * FROM ({rows})")
            for batch in found.to_arrow_reader(_A_BATCH):
                ids = batch.column("patient_id")
                number = shard_number(ids.to_pylist(), shards)
                people.append(pa.Table.from_arrays([ids, number], schema=_PLACE))
        self._connection.register("place", pa.concat_tables(people))
        told = [hashlib.sha256() for _ in range(shards)]
        for table, path in self._tables.items():
            columns = ", ".join(f'"{name}"' for name in READ[table])
            found = self._connection.sql(
                f"SELECT shard, count(*), sum(h), bit_xor(h) FROM ("
                f"SELECT shard, hash({columns}) AS h FROM {parquet_relation(path)} "
                f"JOIN place USING (patient_id)) GROUP BY shard"
            ).fetchall()
            for shard, *numbers in found:
                told[shard].update(f"{table} {numbers}\n".encode())
        self._connection.unregister("place")
        return [f"duckdb {duckdb.__version__} {each.hexdigest()}" for each in told]

    def different(self, table: str) -> set[tuple[str, ...]]:
        """The different values of the WATCHED columns of a table."""
        if table not in self._tables:
            return set()
        columns = ", ".join(WATCHED[table])
        query = f"SELECT DISTINCT {columns} FROM {parquet_relation(self._tables[table])}"
        return set(self._connection.sql(query).fetchall())
