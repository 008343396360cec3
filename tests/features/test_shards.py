"""One shard on disk: what is written is read, and one patient is opened without the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import shards
from features.events import events_of
from features.history import Histories
from features.shards import (
    ROWS_A_GROUP,
    Shard,
    ShardFiles,
    digest_of,
    read_events,
    read_one,
    read_patients,
    read_shard,
    read_source_rows,
    write_shard,
)
from features.vocabulary import Vocabulary
from features.window import NEVER
from tests.features.rows import AS_OF, CARRIES, arrow, histories, rows
from tests.features.taken_in import WORLD

ARRAYS = ("first_event", "happened", "known", "superseded", "code", "value")


def _made_up(patients: int, events: int) -> tuple[Shard, pa.ChunkedArray]:
    """A shard of that many events, dealt to patients whose ids are sorted."""
    random = np.random.default_rng(7)
    first = np.sort(random.choice(events, patients - 1, replace=False))
    first = np.concatenate(([0], first, [events])).astype(np.int64)
    happened = random.integers(0, 3000, events).astype(np.int32)
    shard = Shard(
        patients=pa.array([f"p{number:07d}" for number in range(patients)]),
        first_event=first,
        happened=happened,
        known=happened + np.int32(5),
        superseded=np.where(random.random(events) < 0.1, happened + 9, NEVER).astype(np.int32),
        code=random.integers(0, 500, events).astype(np.int32),
        value=np.where(random.random(events) < 0.5, np.nan, random.random(events)),
        vocabulary=Vocabulary([f"CODE/{number:04d}" for number in range(500)]),
    )
    return shard, pa.chunked_array([[f"claims.csv:{number}" for number in range(events)]])


def _write(folder: Path, shard: Shard, sources: pa.ChunkedArray, code: Any = None) -> ShardFiles:
    files = ShardFiles(folder / "events.parquet", folder / "index.parquet")
    write_shard(shard, shard.code if code is None else code, sources, files)
    return files


def _same(one: Shard, other: Shard) -> bool:
    return one.patients.equals(other.patients) and all(
        getattr(one, name).dtype == getattr(other, name).dtype
        and np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "value")
        for name in ARRAYS
    )


@pytest.mark.parametrize(
    ("patients", "events"), [(1, 1), (3, 100), (2, ROWS_A_GROUP), (5_000, 3 * ROWS_A_GROUP + 1)]
)
def test_what_is_written_is_read(tmp_path: Path, patients: int, events: int) -> None:
    shard, sources = _made_up(patients, events)
    files = _write(tmp_path, shard, sources)
    read = read_shard(files, shard.vocabulary)
    assert _same(read, shard)
    assert read.vocabulary is shard.vocabulary
    assert read_source_rows(files).to_pylist() == sources.to_pylist()
    assert read_patients(files) == shard.patients.to_pylist()


def test_a_shard_without_patients(tmp_path: Path) -> None:
    empty = Shard.of_events(events_of({}, CARRIES))
    files = _write(tmp_path, empty, pa.chunked_array([], pa.string()))
    assert _same(read_shard(files, empty.vocabulary), empty)
    assert read_patients(files) == []
    assert read_events(files, empty.vocabulary, "p").num_rows == 0
    assert read_one(files, empty.vocabulary, "p").first_event.tolist() == [0]


class _Reads:
    """What is read of Parquet files: single row groups by file, and columns of whole files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: dict[str, list[int]] = {}
        self.columns: set[str] = set()
        reads = self

        class Watched(pq.ParquetFile):
            def __init__(self, path: Path, **named: Any) -> None:
                self.name = path.name
                super().__init__(path, **named)

            def read_row_groups(self, row_groups: Any, *given: Any, **named: Any) -> pa.Table:
                reads.groups.setdefault(self.name, []).extend(row_groups)
                return super().read_row_groups(row_groups, *given, **named)

            def read_row_group(self, i: int, *given: Any, **named: Any) -> pa.Table:
                reads.groups.setdefault(self.name, []).append(i)
                return super().read_row_group(i, *given, **named)

            def read(self, columns: Any = None, *given: Any, **named: Any) -> pa.Table:
                reads.columns.update(columns)
                return super().read(columns, *given, **named)

        monkeypatch.setattr(shards.pq, "ParquetFile", Watched)


def test_one_patient_is_opened_by_the_row_groups_that_hold_the_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard, sources = _made_up(9_000, 10 * ROWS_A_GROUP)
    files = _write(tmp_path, shard, sources)
    for place in (0, 17, 4_095, 4_096, 8_999):
        patient = shard.patients[place].as_py()
        begin, end = shard.first_event[place : place + 2].tolist()
        reads = _Reads(monkeypatch)
        told = read_events(files, shard.vocabulary, patient)
        monkeypatch.undo()
        assert told.column("source_row").to_pylist() == sources[begin:end].to_pylist()
        assert told.column("happened_on").to_pylist() == shard.happened[begin:end].tolist()
        codes = [shard.vocabulary.codes[code] for code in shard.code[begin:end]]
        assert told.column("code").to_pylist() == codes
        assert set(told.column("patient_id").to_pylist()) == {patient}
        holding = list(range(begin // ROWS_A_GROUP, (end - 1) // ROWS_A_GROUP + 1))
        assert reads.groups == {"events.parquet": holding, "index.parquet": [place // 4_096]}
        one = read_one(files, shard.vocabulary, patient)
        assert _same(one, shard.one(patient))
        assert one.code.tolist() == shard.code[begin:end].tolist()


@pytest.mark.parametrize("stranger", ["", "a", "p0000003x", "z", "é"])
def test_of_a_stranger_no_event_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: str
) -> None:
    shard, sources = _made_up(10, 100)
    files = _write(tmp_path, shard, sources)
    reads = _Reads(monkeypatch)
    assert read_events(files, shard.vocabulary, stranger).num_rows == 0
    assert "events.parquet" not in reads.groups
    assert read_one(files, shard.vocabulary, stranger).patients.to_pylist() == []


def test_a_shard_is_read_without_its_source_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard, sources = _made_up(10, 100)
    files = _write(tmp_path, shard, sources)
    reads = _Reads(monkeypatch)
    read_shard(files, shard.vocabulary)
    numbers = {"happened_on", "known_on", "superseded_on", "code", "value"}
    assert reads.columns == numbers | {"patient_id", "first_event"}


def test_other_tools_read_the_files(tmp_path: Path) -> None:
    shard, sources = _made_up(10, 2 * ROWS_A_GROUP)
    files = _write(tmp_path, shard, sources)
    query = (
        "SELECT count(*), sum(happened_on), sum(code), sum(isnan(value)::INT) FROM read_parquet(?)"
    )
    found = duckdb.connect().execute(query, [str(files.events)]).fetchone()
    assert found == (
        len(shard.code), shard.happened.sum(), shard.code.sum(), np.isnan(shard.value).sum(),
    )  # fmt: skip


def test_the_digest_is_of_what_events_say_and_not_of_the_numbers_of_codes(tmp_path: Path) -> None:
    events = events_of(arrow(WORLD), CARRIES)
    shard, sources = Shard.of_events(events), events.column("source_row")
    said = digest_of(shard, sources)
    assert said == digest_of(Shard.of_events(events), pa.chunked_array([*sources.chunks]))
    other = sources.to_pylist()
    other[3] = "another.csv:1"
    assert digest_of(shard, pa.chunked_array([other])) != said
    assert digest_of(Shard.of_events(events.slice(1)), sources.slice(1)) != said
    changed = arrow({**WORLD, "cost": WORLD["cost"][1:]})
    fewer = events_of(changed, CARRIES)
    assert digest_of(Shard.of_events(fewer), fewer.column("source_row")) != said


def test_histories_in_memory_have_one_vocabulary_and_one_shard() -> None:
    held = histories(rows("encounter", {"started_on": AS_OF}))
    assert isinstance(held, Histories)
    assert held.shard(0).vocabulary is held.vocabulary is held.shard(0).vocabulary
    assert (held.shards, held.patients_a_shard, held.events_a_shard) == (1, [1], [1])
    assert held.source_rows(0).to_pylist() == ["encounter.csv:0"]
