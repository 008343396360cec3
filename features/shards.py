"""One shard: the whole histories of the patients that fall into it, on disk and as arrays.

On disk a shard is two Parquet files. The events have no column for the patient, and their code is
a number, its place in the vocabulary that all shards share; they lie in row groups of ROWS_A_GROUP.
The index has one row a patient, sorted: where in the events the patient's begin, and how many they
are. So one patient is opened by the index and the row groups that hold that patient.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import RefusalError
from features.columns import texts_of, whole
from features.ledger import EVENT_SCHEMA
from features.vocabulary import Vocabulary

ROWS_A_GROUP = 1 << 14
_PATIENTS_A_GROUP = 1 << 12
_NUMBERS = ["happened_on", "known_on", "superseded_on", "code", "value"]
_EVENTS = pa.schema(
    [
        pa.field("happened_on", pa.int32(), nullable=False),
        pa.field("known_on", pa.int32(), nullable=False),
        pa.field("superseded_on", pa.int32(), nullable=False),
        pa.field("code", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("source_row", pa.string(), nullable=False),
    ]
)
_INDEX = pa.schema(
    [
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("first_event", pa.int64(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),
    ]
)
# bytes of a place side by side, then lz4: half the bytes of plain numbers, and read within 1.5
# times their time; superseded_on is mostly the same number
_ENCODING: dict[str, Any] = {
    "use_dictionary": ["superseded_on"],
    "column_encoding": dict.fromkeys(("happened_on", "known_on", "code"), "BYTE_STREAM_SPLIT"),
    "compression": {**dict.fromkeys(_NUMBERS, "lz4"), "source_row": "zstd"},
    "write_statistics": False,
}


def shard_number(patient_ids: Iterable[str], shards: int) -> np.ndarray:
    """The shard of each patient: CRC-32 of the id, the same on every machine and in every run."""
    return np.array([zlib.crc32(i.encode()) % shards for i in patient_ids], dtype=np.int64)


def dealt(
    rows: pa.Table, shards: int, wanted: np.ndarray | None = None
) -> Iterator[tuple[int, pa.Table]]:
    """Rows with a patient_id apart by shard: (shard, its rows in their order), where it has any.

    Of the shards that the flags `wanted` (one a shard) choose, or of all.
    """
    ids, at = texts_of(rows.column("patient_id"))
    shard = shard_number(ids, shards)[at]
    kept = np.arange(len(shard)) if wanted is None else np.flatnonzero(wanted[shard])
    order = kept[np.argsort(shard[kept], kind="stable")]
    ends = np.cumsum(np.bincount(shard[order], minlength=shards))
    taken = rows.take(pa.array(order))
    for number, (end, size) in enumerate(zip(ends, np.diff(ends, prepend=0), strict=True)):
        if size:
            yield number, taken.slice(end - size, size)


@dataclass(frozen=True)
class Shard:
    """Events as arrays, sorted; patient p's are first_event[p]:first_event[p + 1].

    `patients` is sorted (string, one a patient), `first_event` int64 with one place more, `code`
    (int32) a place in `vocabulary.codes`; days are int32, `value` float64. Nobody writes to them.
    """

    patients: pa.Array
    first_event: np.ndarray
    happened: np.ndarray
    known: np.ndarray
    superseded: np.ndarray
    code: np.ndarray
    value: np.ndarray
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        # whatever they were read from, compiled code meets one kind of array
        for array in (self.first_event, self.happened, self.known, self.superseded, self.code,
                      self.value):  # fmt: skip
            array.setflags(write=False)

    @classmethod
    def of_events(cls, events: pa.Table) -> Shard:
        """The arrays of a table of EVENT_SCHEMA in ORDER, with a vocabulary of their own."""
        person = _encoded(events.column("patient_id"))
        code = _encoded(events.column("code"))
        index = person.indices.to_numpy()
        starts = np.flatnonzero(np.append(True, index[1:] != index[:-1])[: len(index)])
        return cls(
            patients=person.dictionary.take(pa.array(index[starts])),
            first_event=np.append(starts, len(index)),
            happened=events.column("happened_on").to_numpy(),
            known=events.column("known_on").to_numpy(),
            superseded=events.column("superseded_on").to_numpy(),
            code=code.indices.to_numpy(),
            value=events.column("value").to_numpy(),
            vocabulary=Vocabulary(code.dictionary.to_pylist()),
        )

    def one(self, patient_id: str) -> Shard:
        """The part of one patient, a shard of that patient alone; of nobody for a stranger."""
        place = _position(self.patients, patient_id)
        people = slice(0, 0) if place is None else slice(place, place + 1)
        begin, end = (0, 0) if place is None else self.first_event[place : place + 2].tolist()
        return Shard(
            patients=self.patients[people],
            first_event=np.array([0] if place is None else [0, end - begin], np.int64),
            happened=self.happened[begin:end],
            known=self.known[begin:end],
            superseded=self.superseded[begin:end],
            code=self.code[begin:end],
            value=self.value[begin:end],
            vocabulary=self.vocabulary,
        )


@dataclass(frozen=True)
class ShardFiles:
    """Where the events and the index of one shard lie."""

    events: Path
    index: Path


def write_shard(
    shard: Shard, code: np.ndarray, source_row: pa.ChunkedArray, files: ShardFiles
) -> None:
    """Write a shard whose events have the numbers `code` in the vocabulary of the histories.

    The files are on the disk when this returns; the same arguments give the same bytes.
    """
    columns = [shard.happened, shard.known, shard.superseded, code, shard.value, source_row]
    events = pa.Table.from_arrays([*map(_column, columns)], schema=_EVENTS)
    pq.write_table(events, files.events, row_group_size=ROWS_A_GROUP, **_ENCODING)
    first = shard.first_event
    index = pa.Table.from_arrays([shard.patients, first[:-1], np.diff(first)], schema=_INDEX)
    pq.write_table(
        index, files.index, row_group_size=_PATIENTS_A_GROUP, compression="zstd",
        use_dictionary=False,
    )  # fmt: skip
    for path in (files.events, files.index):
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def _whole_files(files: ShardFiles) -> Iterator[None]:
    """Turns what goes wrong in reading a shard into RefusalError, with what to do about it."""
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        raise RefusalError(
            f"A history in {files.events.parent} is damaged, or histories were written anew "
            "meanwhile: run it again; if that does not help, remove that folder and run "
            "`firstcall intake` again."
        ) from error


def _in_bounds(
    events: pa.Table, patients: pa.Array, first_event: np.ndarray, vocabulary: Vocabulary
) -> Shard:
    """The arrays of events (columns of _NUMBERS) that were read. Compiled code looks nothing up
    twice: places that lie outside raise ArrowInvalid here."""
    happened, known, superseded, code, value = (events.column(n).to_numpy() for n in _NUMBERS)
    ends = first_event[0] == 0 and first_event[-1] == len(code)
    if not ends or (np.diff(first_event) <= 0).any():
        raise pa.ArrowInvalid("places outside of the file")
    _codes_in_bounds(code, vocabulary)
    return Shard(patients, first_event, happened, known, superseded, code, value, vocabulary)


def _codes_in_bounds(code: np.ndarray, vocabulary: Vocabulary) -> None:
    if len(code) and (code.min() < 0 or code.max() >= len(vocabulary)):
        raise pa.ArrowInvalid("codes outside of the vocabulary")


def _opened(path: Path) -> pq.ParquetFile:
    """Without reading ahead on other threads: with it small shards take half as long again."""
    return pq.ParquetFile(path, pre_buffer=False)


def read_shard(files: ShardFiles, vocabulary: Vocabulary) -> Shard:
    """The shard's events as arrays, without their source rows. Raises RefusalError for files that
    are damaged or gone."""
    with _whole_files(files):
        events = _opened(files.events).read(_NUMBERS, use_threads=False)
        index = _opened(files.index).read(["patient_id", "first_event"], use_threads=False)
        first_event = np.append(index.column("first_event").to_numpy(), events.num_rows)
        return _in_bounds(events, whole(index.column("patient_id")), first_event, vocabulary)


def read_source_rows(files: ShardFiles) -> pa.ChunkedArray:
    """The source row of each event of the shard, in the order of its arrays."""
    with _whole_files(files):
        return _opened(files.events).read(["source_row"], use_threads=False).column(0)


def read_patients(files: ShardFiles) -> list[str]:
    """The patients of the shard, sorted, from its index alone."""
    with _whole_files(files):
        index = _opened(files.index).read(["patient_id"], use_threads=False)
    return index.column("patient_id").to_pylist()


def read_one(files: ShardFiles, vocabulary: Vocabulary, patient_id: str) -> Shard:
    """One patient's events as a shard of that patient alone; of nobody for a stranger. Raises
    RefusalError for files that are damaged or gone."""
    with _whole_files(files):
        events = _rows_of(files, patient_id, _NUMBERS)
        there = [patient_id] if events.num_rows else []
        first_event = np.array([0, events.num_rows] if there else [0], np.int64)
        return _in_bounds(events, pa.array(there, pa.string()), first_event, vocabulary)


def read_events(files: ShardFiles, vocabulary: Vocabulary, patient_id: str) -> pa.Table:
    """One patient's events with their source rows (EVENT_SCHEMA), in ORDER."""
    with _whole_files(files):
        events = _rows_of(files, patient_id, _EVENTS.names)
        if events.num_rows == 0:
            return EVENT_SCHEMA.empty_table()
        _codes_in_bounds(events.column("code").to_numpy(), vocabulary)
    numbers = np.unique(events.column("code").to_numpy())
    used = sorted((vocabulary.codes[number], number) for number in numbers.tolist())
    place = np.empty(len(used), np.int32)
    place[np.searchsorted(numbers, [number for _, number in used])] = np.arange(len(used))
    code = place[np.searchsorted(numbers, events.column("code").to_numpy())]
    patient = pa.DictionaryArray.from_arrays(
        np.zeros(events.num_rows, np.int32), pa.array([patient_id])
    )
    texts = pa.array([text for text, _ in used], pa.string())
    columns = {
        **{name: whole(events.column(name)) for name in _EVENTS.names},
        "patient_id": patient,
        "code": pa.DictionaryArray.from_arrays(code, texts),
    }
    return pa.Table.from_arrays([columns[name] for name in EVENT_SCHEMA.names], schema=EVENT_SCHEMA)


def digest_of(shard: Shard, source_row: pa.ChunkedArray) -> str:
    """sha256 (hex) over what the events of a shard with a vocabulary of its own say.

    The codes as text, so that it is the same whatever number they have on disk.
    """
    digest = hashlib.sha256()
    for text in (shard.patients, pa.array(shard.vocabulary.codes, pa.string()), source_row):
        _add_texts(digest, whole(text))
    arrays = (
        shard.first_event, shard.happened, shard.known, shard.superseded, shard.code, shard.value,
    )  # fmt: skip
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _add_texts(digest: Any, texts: pa.Array) -> None:
    lengths = pc.call_function("binary_length", [texts]).to_numpy(zero_copy_only=False)
    digest.update(len(texts).to_bytes(8, "little"))
    digest.update(np.ascontiguousarray(lengths, np.int32).data)
    data = texts.buffers()[2]
    if data is not None and len(texts):
        offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :]
        digest.update(memoryview(data)[int(offsets[0]) : int(offsets[len(texts)])])


def _rows_of(files: ShardFiles, patient_id: str, columns: list[str]) -> pa.Table:
    """The patient's rows of the events file, from the row groups that hold them alone."""
    first, count = _place_of(files.index, patient_id)
    file = _opened(files.events)
    if count == 0:
        return _EVENTS.empty_table().select(columns)
    groups = range(first // ROWS_A_GROUP, (first + count - 1) // ROWS_A_GROUP + 1)
    held = file.read_row_groups(list(groups), columns=columns, use_threads=False)
    return held.slice(first - groups[0] * ROWS_A_GROUP, count)


def _place_of(index: Path, patient_id: str) -> tuple[int, int]:
    """Where the patient's events begin, and how many they are; none for a stranger."""
    file = _opened(index)
    for group in range(file.metadata.num_row_groups):
        ids = file.metadata.row_group(group).column(0).statistics
        if ids is not None and ids.has_min_max and not ids.min <= patient_id <= ids.max:
            continue
        held = file.read_row_group(group, use_threads=False)
        place = _position(whole(held.column("patient_id")), patient_id)
        if place is not None:
            return held.column("first_event")[place].as_py(), held.column("events")[place].as_py()
    return 0, 0


def _position(ids: pa.Array, patient_id: str) -> int | None:
    sought = pa.scalar(patient_id, pa.string())
    place = pc.call_function("index", [ids], pc.IndexOptions(sought)).as_py()
    return None if place < 0 else place


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if column.num_chunks == 0:
        return pa.array([], pa.string()).dictionary_encode()
    return whole(column.unify_dictionaries() if column.num_chunks > 1 else column)


def _column(values: np.ndarray | pa.ChunkedArray) -> pa.Array:
    return pa.array(values) if isinstance(values, np.ndarray) else whole(values)
