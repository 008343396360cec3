"""The population of the benchmarks: real histories of invented people, again and again.

SEED_MEMBERS people are invented, taken in and written as histories, as `firstcall demo` does. Whole
histories are then chosen, the shorter ones more often, so that a patient has EVENTS events on
average over four years, and written under new ids in the histories' own form. Nothing of a
history is cut or moved: delays, versions and the fill of windows are the invented people's own.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import date
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
from features.history import FORMAT, Histories, write_histories
from features.shards import Shard, ShardFiles, shard_number, write_shard
from features.writing import number_of_shards

SEED_MEMBERS = 20_000
EVENTS = 60
YEARS = 4
END = date(2024, 12, 31)
"""The last day of the data, and the day on which everything is asked."""


def bench_folder() -> Path:
    """Where populations are kept: FIRSTCALL_BENCH, else a folder for temporary files."""
    named = os.environ.get("FIRSTCALL_BENCH")
    return Path(named) if named else Path(tempfile.gettempdir()) / "firstcall-bench"


def seed_home(folder: Path, members: int = SEED_MEMBERS) -> Home:
    """The invented people, taken in and with histories; made once for each version of those."""
    home = Home(folder / f"seed-{members}-{_version()}")
    if not (home.histories / "manifest.json").exists():
        shutil.rmtree(home.root, ignore_errors=True)
        with stage(f"Inventing {members:,} people"):
            synthesise(home.invented, members, YEARS, seed=1, end_on=END, replicates=0)
        take_in(home, "canonical", home.invented)
        write_histories(home)
    return home


def population(
    folder: Path, patients: int, shards: int | None = None, members: int = SEED_MEMBERS
) -> Histories:
    """Histories of so many patients, EVENTS events each on average; written once and kept.

    As many shards as the house would choose, or `shards`; the same patients in either.
    """
    count = shards or number_of_shards(patients * EVENTS // 2)
    target = folder / f"{patients}-in-{count}-of-{members}-{_version()}"
    if not (target / "manifest.json").exists():
        seed = Histories.open(seed_home(folder, members).histories)
        with stage(f"Writing histories of {patients:,} patients in {count} shards"):
            _write(seed, patients, count, target)
    return Histories.open(target)


def _version() -> str:
    return f"{FORMAT}-{translation_fingerprint()[:8]}"


class _Seed(NamedTuple):
    """All the seed's events in one piece: patient p's are first_event[p]:first_event[p + 1]."""

    first_event: np.ndarray
    happened: np.ndarray
    known: np.ndarray
    superseded: np.ndarray
    code: np.ndarray
    value: np.ndarray
    source_row: pa.Array


def _seed(histories: Histories) -> _Seed:
    parts = [histories.shard(number) for number in range(histories.shards)]
    lengths = np.concatenate([np.diff(part.first_event) for part in parts])
    sources = [
        pq.ParquetFile(histories.files(number).events).read(["source_row"]).column(0)
        for number in range(histories.shards)
    ]
    return _Seed(
        np.append(0, np.cumsum(lengths)),
        *(np.concatenate([getattr(part, name) for part in parts])
          for name in ("happened", "known", "superseded", "code", "value")),
        pa.concat_arrays([chunk for column in sources for chunk in column.chunks]),
    )  # fmt: skip


def _write(histories: Histories, patients: int, shards: int, target: Path) -> None:
    seed = _seed(histories)
    copied = _choose(np.diff(seed.first_event), patients)
    ids = [f"M{number:08d}" for number in range(patients)]
    shard_of = shard_number(ids, shards)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    written = []
    for number in range(shards):
        people = np.flatnonzero(shard_of == number)  # ids ascend with their numbers
        at, first = _events_of(seed.first_event, copied[people])
        shard = Shard(
            pa.array([ids[person] for person in people.tolist()], pa.string()), first,
            seed.happened[at], seed.known[at], seed.superseded[at], seed.code[at], seed.value[at],
            histories.vocabulary,
        )  # fmt: skip
        names = {"events": f"events-{number:05d}.parquet", "index": f"index-{number:05d}.parquet"}
        files = ShardFiles(target / names["events"], target / names["index"])
        source_row = pa.chunked_array([seed.source_row.take(pa.array(at))])
        write_shard(shard, shard.code, source_row, files)
        written.append({**names, "patients": len(people), "rows": len(at)})
    folder = histories.files(0).events.parent
    shutil.copy(folder / histories.manifest["vocabulary"], target)
    about = {**histories.manifest, "shards": written, "content": f"benchmark of {patients}"}
    draft = target / ".manifest.json"
    draft.write_text(json.dumps(about, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(target / "manifest.json")


def _choose(lengths: np.ndarray, patients: int) -> np.ndarray:
    """Whose history each patient has (a place in the seed), EVENTS events on average.

    Who has n events is chosen in proportion to e^(−λn): of all ways to reach the average, the one
    that stays closest to the seed.
    """
    low, high = -0.1, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        weight = np.exp(-middle * (lengths - lengths.min()))
        if (weight * lengths).sum() / weight.sum() > EVENTS:
            low = middle
        else:
            high = middle
    shares = np.cumsum(weight) / weight.sum()
    copied = np.searchsorted(shares, (np.arange(patients) + 0.5) / patients)
    return np.random.default_rng(1).permutation(copied)


def _events_of(first_event: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places of these people's events, one person after the other, and where each begins."""
    lengths = np.diff(first_event)[people]
    first = np.append(0, np.cumsum(lengths))
    at = np.arange(first[-1]) + np.repeat(first_event[people] - first[:-1], lengths)
    return at, first
