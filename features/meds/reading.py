"""The files of a MEDS dataset → rows apart by shard, whatever file a subject's rows lie in.

A file that is no MEDS data is an error of the whole; a row that is none is rejected, and kept
with its file, its row and the reason.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.intake_report import RejectionCount
from features.columns import flags_of, numbers_of
from features.meds.dataset import Dataset
from features.shards import dealt
from features.window import NEVER, days_of

_ROWS_A_BATCH = 1 << 18
ROWS = pa.schema(
    [
        pa.field("patient_id", pa.string()),
        pa.field("day", pa.int32()),
        pa.field("known", pa.int32()),
        pa.field("superseded", pa.int32()),
        pa.field("code", pa.string()),
        pa.field("event_code", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("source_row", pa.string()),
        pa.field("file", pa.int32()),
        pa.field("row", pa.int64()),
    ]
)
"""One row of the dataset: `day` is empty without a time, `known` without a known_on, `event_code`
without that column; `row` counts from 1 in its file."""

REJECTED = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("column", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("raw", pa.string()),
    ]
)
_EMPTY = "is empty"
_FIRST_DAY, _LAST_DAY = days_of(["0001-01-01", "9999-12-31"]).tolist()


class Rejections:
    """Rejected rows, written as they are met: file, row, column, reason, the row as JSON."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, REJECTED, compression="zstd")
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, table: pa.Table) -> None:
        """Keep rows (REJECTED)."""
        if len(table):
            self._writer.write_table(table)
            pairs = zip(table["column"].to_pylist(), table["reason"].to_pylist(), strict=True)
            self._counts.update(pairs)

    def close(self) -> None:
        self._writer.close()

    @property
    def rows(self) -> int:
        return self._counts.total()

    def counts(self) -> list[RejectionCount]:
        """How many rows broke which rule, sorted."""
        return [
            RejectionCount("meds", column, reason, rows)
            for (column, reason), rows in sorted(self._counts.items())
        ]


def apart(dataset: Dataset, work: Path, shards: int, rejections: Rejections) -> None:
    """Write each row to the file of its patient's shard in `work` (ROWS), or reject it."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writers = [pa.ipc.new_file(str(path_of(work, n)), ROWS, options=options) for n in range(shards)]
    try:
        for number, (path, name) in enumerate(zip(dataset.files, dataset.names, strict=True)):
            first = 1
            source = pq.ParquetFile(path)
            columns = ["subject_id", "time", "code", *sorted(dataset.columns)]
            for batch in source.iter_batches(_ROWS_A_BATCH, columns=columns):
                good, bad = _checked(batch, dataset, number, name, first)
                rejections.add(bad)
                for shard, rows in dealt(good, shards):
                    writers[shard].write_table(rows)
                first += batch.num_rows
    finally:
        for writer in writers:
            writer.close()


def path_of(work: Path, shard: int) -> Path:
    """Where `apart` puts the rows of one shard."""
    return work / f"rows-{shard:05d}.arrow"


def rows_of(work: Path, shard: int) -> pa.Table:
    """The rows of one shard (ROWS), in the order of the files."""
    with pa.memory_map(str(path_of(work, shard))) as file:
        return pa.ipc.open_file(file).read_all()


def _checked(
    batch: pa.RecordBatch, dataset: Dataset, file: int, name: str, first: int
) -> tuple[pa.Table, pa.Table]:
    """The rows of a batch that can be taken in (ROWS), and those that cannot (REJECTED)."""
    n = batch.num_rows
    there = {column: batch.column(column) for column in batch.schema.names}
    broken = _Broken(n)
    subject = there["subject_id"].cast(pa.int64())
    code = there["code"].cast(pa.string())
    broken.where(_null(subject), "subject_id", _EMPTY)
    broken.where(_null(code) | flags_of(pc.call_function("equal", [code, ""])), "code", _EMPTY)
    patient = subject.cast(pa.string())
    if dataset.subjects is not None and dataset.patients is not None:
        lookup = pc.SetLookupOptions(value_set=dataset.subjects)
        at = pc.call_function("index_in", [subject], lookup)
        patient = dataset.patients.take(at)
        broken.where(_null(at), "subject_id", "is not in metadata/patients.parquet")
    day, timed = _days(there["time"])
    outside = timed & ((day < _FIRST_DAY) | (day > _LAST_DAY))
    broken.where(outside, "time", "is not between the years 1 and 9999")
    value = _number(there.get("value", there.get("numeric_value")), n)
    if not dataset.own:
        broken.where(np.isinf(value), "numeric_value", "is infinite")
    known = np.zeros(n, np.int64)
    superseded = np.full(n, NEVER, np.int64)
    if "known_on" in there:
        known, is_known = _days(there["known_on"])
        broken.where(~is_known, "known_on", _EMPTY)
    if "superseded_on" in there:
        ends, ended = _days(there["superseded_on"])
        superseded = np.where(ended, ends, NEVER)
    event_code = _text(there.get("event_code"), n)
    if "event_code" in there:
        broken.where(_null(event_code), "event_code", _EMPTY)
    row = np.arange(first, first + n)
    source = _text(there.get("source_row"), n)
    if "source_row" not in there:
        source = pa.array([f"{name}:{number}" for number in row.tolist()], pa.string())
    rows = pa.Table.from_arrays(
        [
            patient, pa.array(day, pa.int64(), mask=~timed).cast(pa.int32(), safe=False),
            pa.array(known).cast(pa.int32(), safe=False),
            pa.array(superseded).cast(pa.int32(), safe=False), code, event_code,
            _text(there.get("unit"), n), pa.array(value), source,
            pa.array(np.full(n, file, np.int32)), pa.array(row),
        ],
        schema=ROWS,
    )  # fmt: skip
    good = pa.array(~broken.rows)
    return rows.filter(good), broken.table(pa.Table.from_batches([batch]), name, row)


class _Broken:
    """Which rows break a rule, and the first rule that each breaks."""

    def __init__(self, rows: int) -> None:
        self.rows = np.zeros(rows, np.bool_)
        self._rule = np.zeros(rows, np.int64)
        self._rules: list[tuple[str, str]] = []

    def where(self, broken: np.ndarray, column: str, reason: str) -> None:
        new = broken & ~self.rows
        self._rule[new] = len(self._rules)
        self._rules.append((column, reason))
        self.rows |= new

    def table(self, batch: pa.Table, name: str, row: np.ndarray) -> pa.Table:
        at = np.flatnonzero(self.rows)
        taken = batch.take(pa.array(at))
        texts = [_shown(column).to_pylist() for column in taken.columns]
        raw = [dict(zip(batch.column_names, row, strict=True)) for row in zip(*texts, strict=True)]
        rules = [self._rules[rule] for rule in self._rule[at].tolist()]
        return rejected(name, row[at].tolist(), rules, raw)


def rejected(
    name: str | list[str], rows: list[int], rules: list[tuple[str, str]], raw: list[dict[str, Any]]
) -> pa.Table:
    """Rejected rows (REJECTED): `rules` says (column, reason) of each, `raw` holds its columns."""
    names = [name] * len(rows) if isinstance(name, str) else name
    columns = [
        names, rows, [column for column, _ in rules], [reason for _, reason in rules],
        [json.dumps(each, default=str, sort_keys=True) for each in raw],
    ]  # fmt: skip
    arrays = [pa.array(each, kind) for each, kind in zip(columns, REJECTED.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=REJECTED)


def _shown(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as JSON can hold it; days and times as text, or as numbers out of the calendar."""
    if not pa.types.is_temporal(column.type):
        return column
    filled = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return filled


def _null(column: pa.Array) -> np.ndarray:
    return column.is_null().to_numpy(zero_copy_only=False)


def _text(column: pa.Array | None, rows: int) -> pa.Array:
    return pa.nulls(rows, pa.string()) if column is None else column.cast(pa.string())


def _number(column: pa.Array | None, rows: int) -> np.ndarray:
    """As float64, NaN where empty; a float32 becomes the float64 of the same value."""
    if column is None:
        return np.full(rows, np.nan)
    return numbers_of(column.cast(pa.float64(), safe=False))


_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def _days(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Times as days (int64; the day on which a time lies, 0 where empty), and which are filled."""
    filled = ~_null(column)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32()).cast(pa.int64())
        per_day = 1
    elif pa.types.is_date64(column.type):
        column, per_day = column.cast(pa.int64()), _PER_DAY["ms"]
    else:
        per_day = _PER_DAY[column.type.unit]
        column = column.cast(pa.int64())
    return column.fill_null(0).to_numpy(zero_copy_only=False) // per_day, filled
