"""The population of the benchmarks: real histories of invented people, again and again.

SEED_MEMBERS people are invented, taken in and written as histories, as `firstcall demo` does. Whole
histories are then chosen, the shorter ones more often, so that a patient has EVENTS events on
average over four years, and written under new ids in the histories' own form. Nothing of a
history is cut or moved: delays, versions and the fill of windows are the invented people's own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.home import Home
from data.intake import take_in
from data.progress import stage
from data.synthesise import synthesise
from features.events import translation_fingerprint
from features.history import FORMAT, Histories
from features.ledger import EVENT_SCHEMA
from features.shards import shard_number
from features.writing import number_of_shards, write_events, write_histories

SEED_MEMBERS = 20_000
EVENTS = 60
YEARS = 4
END = date(2024, 12, 31)
"""The last day of the data, and the day on which everything is asked."""


def bench_folder() -> Path:
    """Where populations are kept: FIRSTCALL_BENCH, else a folder for temporary files."""
    named = os.environ.get("FIRSTCALL_BENCH")
    return Path(named) if named else Path(tempfile.gettempdir()) / "firstcall-bench"


class Populations:
    """What is kept in one folder: the seed, and populations made of it."""

    def __init__(self, folder: Path, members: int = SEED_MEMBERS) -> None:
        self._version = f"{FORMAT}-{translation_fingerprint()[:8]}"
        self._folder = folder
        self._named = f"of-{members}-{self._version}"
        self._members = members

    @cached_property
    def seed(self) -> Home:
        """The invented people whose histories are chosen from."""
        return self.invented(self._members)

    def invented(self, members: int) -> Home:
        """So many invented people, taken in and with histories; made where they are not there."""
        home = Home(self._folder / f"seed-of-{members}-{self._version}")
        if not (home.histories / "manifest.json").exists():
            shutil.rmtree(home.root, ignore_errors=True)
            with stage(f"Inventing {members:,} people, and their histories"):
                synthesise(home.invented, members, YEARS, seed=1, end_on=END, replicates=0)
                take_in(home, "canonical", home.invented)
                write_histories(home)
        return home

    def of(self, patients: int, shards: int | None = None) -> Histories:
        """Histories of so many patients, in as many shards as the house would choose, or `shards`;
        the same patients in either. Made where they are not there."""
        count = shards or number_of_shards(patients * EVENTS // 2)
        home = Home(self._folder / f"{patients}-in-{count}-{self._named}")
        if not (home.histories / "manifest.json").exists():
            seed = Histories.open(self.seed.histories)
            with stage(f"Writing histories of {patients:,} patients in {count} shards"):
                _write(seed, patients, count, home)
        return Histories.open(home.histories)


class _Events(NamedTuple):
    """All the seed's events in one piece: patient p's are first_event[p]:first_event[p + 1]."""

    first_event: np.ndarray
    happened: np.ndarray
    known: np.ndarray
    superseded: np.ndarray
    code: np.ndarray
    value: np.ndarray
    source_row: pa.Array


def _all_events(histories: Histories) -> _Events:
    parts = [histories.shard(number) for number in range(histories.shards)]
    lengths = np.concatenate([np.diff(part.first_event) for part in parts])
    files = [histories.files(number).events for number in range(histories.shards)]
    sources = [pq.ParquetFile(file).read(["source_row"]).column(0) for file in files]

    def together(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return _Events(
        np.append(0, np.cumsum(lengths)),
        together("happened"),
        together("known"),
        together("superseded"),
        together("code"),
        together("value"),
        pa.concat_arrays([chunk for column in sources for chunk in column.chunks]),
    )


def _write(histories: Histories, patients: int, shards: int, home: Home) -> None:
    seed = _all_events(histories)
    codes = pa.array(histories.vocabulary.codes, pa.string())
    copied = _choose(np.diff(seed.first_event), patients)
    ids = [f"M{number:08d}" for number in range(patients)]
    shard_of = shard_number(ids, shards)

    def events(number: int) -> pa.Table:
        people = np.flatnonzero(shard_of == number)  # ids ascend with their numbers
        patient, at = _events_of(seed.first_event, copied[people])
        named = pa.array([ids[person] for person in people.tolist()], pa.string())
        columns = [
            pa.DictionaryArray.from_arrays(patient, named),
            seed.happened[at], seed.known[at], seed.superseded[at],
            pa.DictionaryArray.from_arrays(seed.code[at], codes),
            seed.value[at], seed.source_row.take(pa.array(at)),
        ]  # fmt: skip
        return pa.Table.from_arrays(columns, schema=EVENT_SCHEMA)

    about = ("carries", "data_through", "generation", "source", "origin", "cost_covers")
    write_events(home, shards, events, lambda: {name: histories.manifest[name] for name in about})


def _choose(lengths: np.ndarray, patients: int) -> np.ndarray:
    """Whose history each patient has (a place in the seed), EVENTS events on average.

    Who has n events is chosen in proportion to e^(−λn): of all ways to reach the average, the one
    that stays closest to the seed.
    """
    low, high = -0.1, 1.0
    weight = np.ones(len(lengths))
    for _ in range(60):
        tilt = (low + high) / 2
        weight = np.exp(-tilt * (lengths - lengths.min()))
        too_many = (weight * lengths).sum() / weight.sum() > EVENTS
        low, high = (tilt, high) if too_many else (low, tilt)
    shares = np.cumsum(weight) / weight.sum()
    copied = np.searchsorted(shares, (np.arange(patients) + 0.5) / patients)
    return np.random.default_rng(1).permutation(copied)


def _events_of(first_event: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """These people's events, one person after the other: whose (a place in `people`, int32) and
    where they are."""
    lengths = np.diff(first_event)[people]
    before = np.cumsum(lengths) - lengths
    patient = np.repeat(np.arange(len(people), dtype=np.int32), lengths)
    return patient, np.arange(len(patient)) + (first_event[people] - before)[patient]
