"""One shard: the whole histories of the patients that fall into it, on disk and as arrays."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.ledger import EVENT_SCHEMA, ORDER

_ROWS_A_GROUP = 1 << 18
_READ = ["patient_id", "happened_on", "known_on", "superseded_on", "code", "value"]


def shard_number(patient_ids: Iterable[str], shards: int) -> np.ndarray:
    """The shard of each patient: CRC-32 of the id, the same on every machine and in every run."""
    return np.array([zlib.crc32(i.encode()) % shards for i in patient_ids], dtype=np.int64)


@dataclass(frozen=True)
class Shard:
    """Events as arrays, sorted; patient p's are first_event[p]:first_event[p + 1].

    `patients` is sorted (string, one a patient), `code` (int32) a position in `codes`; days are
    int32, `value` float64.
    """

    patients: pa.Array
    first_event: np.ndarray
    happened: np.ndarray
    known: np.ndarray
    superseded: np.ndarray
    code: np.ndarray
    codes: list[str]
    value: np.ndarray

    @classmethod
    def of_events(cls, events: pa.Table) -> Shard:
        """The arrays of a table of EVENT_SCHEMA (source_row may be left out), sorted by ORDER."""
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
            codes=code.dictionary.to_pylist(),
            value=events.column("value").to_numpy(),
        )


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` of the histories in `folder` lies."""
    return folder / f"events-{number:05d}.parquet"


def write_shard(events: pa.Table, path: Path) -> str:
    """Write sorted events; the sha256 (hex) of the file, which the events alone decide."""
    sorting = [pq.SortingColumn(EVENT_SCHEMA.get_field_index(name)) for name in ORDER]
    pq.write_table(
        events,
        path,
        compression="zstd",
        row_group_size=_ROWS_A_GROUP,
        use_dictionary=["patient_id", "code"],  # pyright: ignore[reportArgumentType]
        sorting_columns=sorting,
    )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_shard(path: Path) -> Shard:
    """The shard's events as arrays, without their source rows."""
    return Shard.of_events(pq.read_table(path, columns=_READ, use_threads=False))


def read_events(path: Path, patient_id: str) -> pa.Table:
    """One patient's events with their source rows (EVENT_SCHEMA), in ORDER."""
    return pq.read_table(path, filters=[("patient_id", "=", patient_id)], use_threads=False)


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return pa.array([], pa.string()).dictionary_encode()
    return whole
