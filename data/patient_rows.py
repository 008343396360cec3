"""One patient's canonical rows, read from what was taken in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.tables import TABLES


def patient_rows(tables: Mapping[str, Path], patient_id: str) -> dict[str, pa.Table]:
    """Every version of every row about one patient, a canonical table each; without rows for a
    stranger. `tables` are the Parquet files of a generation (`data.intake.current`), which are
    sorted by patient, so that few row groups are read."""
    return {
        name: _read(tables[name], declared.schema, patient_id) for name, declared in TABLES.items()
    }


def _read(file: Path, schema: pa.Schema, patient_id: str) -> pa.Table:
    with pq.ParquetFile(file, pre_buffer=False) as parquet:
        names = [name for name in schema.names if name in parquet.schema_arrow.names]
        column = parquet.schema_arrow.names.index("patient_id")
        groups = [
            group
            for group in range(parquet.num_row_groups)
            if _may_hold(parquet.metadata.row_group(group).column(column).statistics, patient_id)
        ]
        found = []
        for group in groups:
            ids = parquet.read_row_group(group, ["patient_id"], use_threads=False)["patient_id"]
            where = pc.equal(ids, patient_id)  # pyright: ignore[reportAttributeAccessIssue]
            if pc.any(where).as_py():  # pyright: ignore[reportAttributeAccessIssue]
                rows = parquet.read_row_group(group, names, use_threads=False)
                found.append(rows.filter(where))
    if not found:
        return schema.empty_table()
    held = pa.concat_tables(found)
    columns = [
        held[field.name].cast(field.type)
        if field.name in names
        else pa.nulls(held.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _may_hold(statistics: Any, patient_id: str) -> bool:
    """Whether a row group's bounds include an id. Bounds of texts are of their UTF-8 bytes, by
    which Python's order of texts goes too."""
    if statistics is None or not statistics.has_min_max:
        return True
    return statistics.min <= patient_id <= statistics.max


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
