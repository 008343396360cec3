"""Patient histories: every event with the day it happened and the days it could be seen.

Here they are opened, or made of rows in memory; `features.writing` puts them on disk.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError, RefusalError
from features.columns import texts_of
from features.events import events_of, translation_fingerprint
from features.shards import (
    Shard,
    ShardFiles,
    read_events,
    read_one,
    read_patients,
    read_shard,
    read_source_rows,
    shard_number,
)
from features.vocabulary import Vocabulary

THREADS = 2
FORMAT = 2
"""Raised whenever histories come to lie on disk in another way."""


@dataclass(frozen=True, eq=False)
class Histories:
    """All events of all patients, in shards; on disk, or (of_tables) in memory.

    `carries` names the feeds that the source carries: those of the intake, and besides
    "cost_claim" (claims of every kind of service), "cost_year" (totals of calendar years),
    "drug_class" (drug codes whose class is known), "drug_supply" (and how many days they last) and
    "yearly_flags" (chronic conditions that yearly summaries flag). A feature whose feed is not
    among them is missing for everybody; whoever answers for one patient alone passes on the
    `carries` of the histories that the model was trained on. `vocabulary` is shared by all shards.
    """

    carries: tuple[str, ...]
    data_through: date | None
    manifest: Mapping[str, Any]
    vocabulary: Vocabulary
    _folder: Path | None = None
    _events: pa.Table | None = None
    _shard: Shard | None = None

    @classmethod
    def open(cls, path: Path) -> Histories:
        """The histories that lie in `path` (home.histories); no event is read yet.

        Raises InputError where there are none, RefusalError where another version of firstcall
        wrote them.
        """
        file = path / "manifest.json"
        if not file.exists():
            raise InputError(f"There are no histories in {path}: run `firstcall intake` first.")
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if not is_ours(manifest):
            raise RefusalError(
                f"The histories in {path} were written by another version of firstcall: "
                "run `firstcall intake` again."
            )
        through = manifest["data_through"]
        return cls(
            carries=tuple(manifest["carries"]),
            data_through=date.fromisoformat(through) if through else None,
            manifest=manifest,
            vocabulary=read_vocabulary(path / manifest["vocabulary"]),
            _folder=path,
        )

    @classmethod
    def of_tables(
        cls,
        tables: Mapping[str, pa.Table],
        carries: Collection[str],
        data_through: date | None = None,
        cost_covers: str | None = None,
    ) -> Histories:
        """Histories of canonical rows in memory, in one shard; `carries` and `cost_covers` are
        taken as they are."""
        feeds = tuple(sorted(carries))
        events = events_of(tables, feeds)
        shard = Shard.of_events(events)
        manifest = {
            "shards": [{"patients": len(shard.patients), "rows": events.num_rows}],
            "cost_covers": cost_covers,
        }
        return cls(
            feeds, data_through, manifest, shard.vocabulary, _events=events, _shard=shard
        )  # fmt: skip

    @property
    def shards(self) -> int:
        return len(self.manifest["shards"])

    @property
    def patients_a_shard(self) -> list[int]:
        """How many patients with an event each shard holds."""
        return [shard["patients"] for shard in self.manifest["shards"]]

    @property
    def events_a_shard(self) -> list[int]:
        """How many events each shard holds."""
        return [shard["rows"] for shard in self.manifest["shards"]]

    def shard(self, number: int) -> Shard:
        """The events of one shard, read from disk each time that they are asked for."""
        if self._shard is not None:
            return self._shard
        return read_shard(self.files(number), self.vocabulary)

    def source_rows(self, number: int) -> pa.ChunkedArray:
        """The source row of each event of one shard, in the order of its arrays."""
        if self._events is not None:
            return self._events.column("source_row")
        return read_source_rows(self.files(number))

    def shard_numbers(self, patient_ids: Collection[str]) -> np.ndarray:
        """The shard of each patient (int64 array), whether or not the patient has events."""
        return shard_number(patient_ids, self.shards)

    def patients(self) -> list[str]:
        """Every patient who has an event, sorted."""
        if self._shard is not None:
            return self._shard.patients.to_pylist()
        return sorted(i for n in range(self.shards) for i in read_patients(self.files(n)))

    def events(self, patient_id: str) -> pa.Table:
        """One patient's events with their source rows, oldest first; none for a stranger.

        On disk only the index of the patient's shard and the row groups that hold the patient
        are read.
        """
        if self._events is not None:
            ids, at = texts_of(self._events.column("patient_id"))
            place = ids.index(patient_id) if patient_id in ids else -1
            return self._events.filter(pa.array(at == place))
        return read_events(self._files_of(patient_id), self.vocabulary, patient_id)

    def one(self, patient_id: str) -> Shard:
        """One patient's events as arrays, a shard of that patient alone; read as by `events`."""
        if self._shard is not None:
            return self._shard.one(patient_id)
        return read_one(self._files_of(patient_id), self.vocabulary, patient_id)

    def files(self, number: int) -> ShardFiles:
        """The files of one shard. Raises InputError for histories in memory."""
        if self._folder is None:
            raise InputError("These histories are held in memory and have no files.")
        named = self.manifest["shards"][number]
        for name in (named["events"], named["index"]):
            if Path(name).name != name:
                raise RefusalError(
                    f"The manifest of {self._folder} names files that lie elsewhere."
                )
        return ShardFiles(self._folder / named["events"], self._folder / named["index"])

    def _files_of(self, patient_id: str) -> ShardFiles:
        return self.files(int(self.shard_numbers([patient_id])[0]))


def carries_of(path: Path) -> list[str]:
    """The feeds of the histories in `path`, without opening them. Raises InputError where there
    are none."""
    file = path / "manifest.json"
    if not file.exists():
        raise InputError(f"There are no histories in {path}: run `firstcall intake` first.")
    return list(json.loads(file.read_text(encoding="utf-8"))["carries"])


def is_ours(manifest: Mapping[str, Any]) -> bool:
    """Whether this version of firstcall wrote the histories of a manifest, or one that would
    write the same."""
    made_of = (manifest.get("format"), manifest.get("made_by"))
    return made_of == (FORMAT, translation_fingerprint())


def read_vocabulary(path: Path) -> Vocabulary:
    """The event codes of histories on disk, in the order of their numbers."""
    codes = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False).column("code")
    return Vocabulary(codes.to_pylist())
