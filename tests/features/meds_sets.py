"""MEDS datasets for tests: a foreign one of literal rows, and whether two events tables agree."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def foreign(folder: Path, *files: list[tuple[Any, ...]], **columns: list[Any]) -> Path:
    """A dataset of (subject_id, time, code, numeric_value) rows; times as ISO text."""
    for number, each in enumerate(files):
        table = pa.table(
            {
                "subject_id": pa.array([row[0] for row in each], pa.int64()),
                "time": pa.array(
                    [row[1] and datetime.fromisoformat(row[1]) for row in each], pa.timestamp("us")
                ),
                "code": pa.array([row[2] for row in each], pa.string()),
                "numeric_value": pa.array([row[3] for row in each], pa.float32()),
                **{name: pa.array(values) for name, values in columns.items()},
            }
        )
        path = folder / "data" / "train" / f"{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    return folder


def same_events(some: pa.Table, others: pa.Table) -> bool:
    """Equal to the last bit; two values that are missing are the same."""
    values = [each["value"].to_numpy().tobytes() for each in (some, others)]
    rest = [each.drop_columns(["value"]) for each in (some, others)]
    return values[0] == values[1] and rest[0].equals(rest[1])
