"""The files of a MEDS dataset → rows apart by shard, whatever file a subject's rows lie in.

A file that is no MEDS data is an error of the whole; a row that is none is rejected, and kept
with its file, its row and the reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import InputError
from data.intake_report import RejectionCount
from data.tables import LONGEST_TEXT
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
FIRST_DAY, LAST_DAY = days_of(["0001-01-01", "9999-12-31"]).tolist()
"""The days that a `date` can be."""
_OUTSIDE = "is not between the years 1 and 9999"
_UNPRINTABLE = r"[\p{C}\p{Zl}\p{Zp}]"
"""Control and format characters, line and paragraph separators, as intake has it."""
_LONGEST_OWN = 5 * LONGEST_TEXT
"""An event code of ours holds two texts at most, one of them maybe with three signs for one."""
_LONGEST_SOURCE = 4096
"""A path and a line."""


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


def apart(dataset: Dataset, work: Path, shards: int, rejections: Rejections, delay: int) -> None:
    """Write each row to the file of its patient's shard in `work` (ROWS), or reject it.

    `delay` is that of a dataset without known_on: days from a row's day until it was known.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writers = [pa.ipc.new_file(str(path_of(work, n)), ROWS, options=options) for n in range(shards)]
    try:
        for number, (path, name) in enumerate(zip(dataset.files, dataset.names, strict=True)):
            first = 1
            for batch in _batches(path, ["subject_id", "time", "code", *sorted(dataset.columns)]):
                good, bad = _checked(batch, dataset, number, name, first, delay)
                rejections.add(bad)
                for shard, rows in dealt(good, shards):
                    writers[shard].write_table(rows)
                first += batch.num_rows
    finally:
        for writer in writers:
            writer.close()


def _batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of one file. Raises InputError where it is damaged, and tells nothing of a row."""
    try:
        for batch in pq.ParquetFile(path).iter_batches(_ROWS_A_BATCH, columns=columns):
            batch.validate(full=True)
            arrays = [
                column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
                for column in batch.columns
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is damaged, or holds text that is not UTF-8.") from error


def path_of(work: Path, shard: int) -> Path:
    """Where `apart` puts the rows of one shard."""
    return work / f"rows-{shard:05d}.arrow"


def rows_of(work: Path, shard: int) -> pa.Table:
    """The rows of one shard (ROWS), in the order of the files."""
    with pa.memory_map(str(path_of(work, shard))) as file:
        return pa.ipc.open_file(file).read_all()


def _checked(
    batch: pa.RecordBatch, dataset: Dataset, file: int, name: str, first: int, delay: int
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
    broken.where(timed & _outside(day), "time", _OUTSIDE)
    value = _number(there.get("value", there.get("numeric_value")), n)
    column = "value" if dataset.own else "numeric_value"
    broken.where(np.isinf(value), column, "is infinite")
    known = np.zeros(n, np.int64)
    superseded = np.full(n, NEVER, np.int64)
    if "known_on" in there:
        known, is_known = _days(there["known_on"])
        broken.where(~is_known, "known_on", _EMPTY)
        broken.where(_outside(known), "known_on", _OUTSIDE)
    else:
        broken.where(timed & _outside(day + delay), "time", "is known only after the year 9999")
    if "superseded_on" in there:
        ends, ended = _days(there["superseded_on"])
        broken.where(ended & _outside(ends), "superseded_on", _OUTSIDE)
        superseded = np.where(ended, ends, NEVER)
    event_code, unit = _text(there.get("event_code"), n), _text(there.get("unit"), n)
    source = _text(there.get("source_row"), n)
    if dataset.own:
        broken.where(_null(event_code), "event_code", _EMPTY)
        broken.where(_null(source), "source_row", _EMPTY)
    longest = _LONGEST_OWN if dataset.own else LONGEST_TEXT
    for column, text, most in (
        ("subject_id", patient, LONGEST_TEXT), ("code", code, longest), ("unit", unit, longest),
        ("event_code", event_code, longest), ("source_row", source, _LONGEST_SOURCE),
    ):  # fmt: skip
        match = pc.MatchSubstringOptions(_UNPRINTABLE)
        bare = flags_of(pc.call_function("match_substring_regex", [text], match))
        broken.where(bare, column, "holds a character that cannot be printed")
        length = pc.call_function("utf8_length", [text]).fill_null(0).to_numpy()
        broken.where(length > most, column, f"is longer than {most} characters")
    row = np.arange(first, first + n)
    if not dataset.own:
        source = pa.array([f"{name}:{number}" for number in row.tolist()], pa.string())
    day, known, superseded = (np.where(broken.rows, 0, days).astype(np.int32)
                              for days in (day, known, superseded))  # fmt: skip
    rows = pa.Table.from_arrays(
        [
            patient, pa.array(day, mask=~timed), pa.array(known), pa.array(superseded), code,
            event_code, unit, pa.array(value), source, pa.array(np.full(n, file, np.int32)),
            pa.array(row),
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


def _outside(day: np.ndarray) -> np.ndarray:
    return (day < FIRST_DAY) | (day > LAST_DAY)


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
