"""One patient's canonical rows, read from what was taken in."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data.duckdb_connection import connect
from data.file_relations import parquet_relation
from data.tables import TABLES

_MEMORY = "512MB"
_AT_ONCE = 2
"""So many tables are read beside each other, each by a thread of its own."""


def patient_rows(tables: Mapping[str, Path], patient_id: str) -> dict[str, pa.Table]:
    """Every version of every row about one patient, a canonical table each; without rows for a
    stranger. `tables` are the Parquet files of a generation (`data.intake.current`), which are
    sorted by patient, so that little of them is read."""
    files = _files()

    def read(name: str) -> pa.Table:
        with files.cursor() as connection:
            return _read(connection, tables[name], TABLES[name].schema, patient_id)

    # the time goes by row groups, which are looked at one by one: the largest files first
    by_size = sorted(TABLES, key=lambda name: (-tables[name].stat().st_size, name))
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        found = dict(zip(by_size, readers.map(read, by_size), strict=True))
    return {name: found[name] for name in TABLES}


@cache
def _files() -> duckdb.DuckDBPyConnection:
    """Where this process remembers what the files say of their row groups: reading that anew takes
    longer than the rows do."""
    connection = connect(threads=1, memory=_MEMORY)
    connection.execute("SET GLOBAL parquet_metadata_cache = true")
    return connection


def _read(
    connection: duckdb.DuckDBPyConnection, file: Path, schema: pa.Schema, patient_id: str
) -> pa.Table:
    query = f"FROM {parquet_relation(file)} WHERE patient_id = ?"
    held = connection.sql(query, params=[patient_id]).to_arrow_table()
    columns = [
        held[field.name].cast(field.type)
        if field.name in held.schema.names
        else pa.nulls(held.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def standing_rows(rows: pa.Table, as_of: date) -> list[dict[str, Any]]:
    """The version of each fact that was known at the end of `as_of`, withdrawn ones left out, in
    the order of their record ids."""
    newest: dict[str, dict[str, Any]] = {}
    for row in rows.to_pylist():
        if row["known_on"] > as_of:
            continue
        held = newest.get(row["record_id"])
        if held is None or _version(row) > _version(held):
            newest[row["record_id"]] = row
    return [newest[record] for record in sorted(newest) if not newest[record]["reversed"]]


def _version(row: Mapping[str, Any]) -> tuple[date, str]:
    return row["known_on"], row["source_row"]
