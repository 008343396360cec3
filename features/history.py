"""Patient histories: every event with the day it happened and the days it could be seen.

A history is made of canonical rows by `events_of` alone, for the night and for the live API.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.errors import InputError, RefusalError
from data.home import Home
from data.progress import stage
from features.events import events_of, translation_fingerprint
from features.ledger import EVENT_SCHEMA
from features.partition import Partition, partition
from features.shards import (
    Shard,
    read_events,
    read_shard,
    shard_number,
    shard_path,
    write_shard,
)
from features.versions import texts_of

__all__ = ["EVENT_SCHEMA", "Histories", "current_histories", "events_of", "write_histories"]

THREADS = 2
SHARDS = 16


@dataclass(frozen=True)
class Histories:
    """All events of all patients, in shards; on disk, or (of_tables) in memory.

    `carries` names the feeds that the source carries: those of the intake, and besides
    "cost_claim" (claims of every kind of service), "cost_year" (totals of calendar years),
    "drug_class" (drug codes whose class is known) and "yearly_flags" (chronic conditions that
    yearly summaries flag). A feature whose feed is not among them is
    missing for everybody; whoever answers for one patient alone passes on the `carries` of the
    histories that the model was trained on.
    """

    carries: tuple[str, ...]
    data_through: date | None
    manifest: Mapping[str, Any]
    _folder: Path | None = None
    _events: pa.Table | None = None

    @classmethod
    def open(cls, path: Path) -> Histories:
        """The histories that lie in `path` (home.histories); no event is read yet.

        Raises InputError where there are none, RefusalError where another version of firstcall,
        of its code lists or of its units wrote them.
        """
        file = path / "manifest.json"
        if not file.exists():
            raise InputError(f"There are no histories in {path}: run `firstcall intake` first.")
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if manifest["made_by"] != translation_fingerprint():
            raise RefusalError(
                f"The histories in {path} were made with other code lists or units: "
                "run `firstcall intake` again."
            )
        through = manifest["data_through"]
        return cls(
            carries=tuple(manifest["carries"]),
            data_through=date.fromisoformat(through) if through else None,
            manifest=manifest,
            _folder=path / manifest["folder"],
        )

    @classmethod
    def of_tables(
        cls,
        tables: Mapping[str, pa.Table],
        carries: Collection[str],
        data_through: date | None = None,
    ) -> Histories:
        """Histories of canonical rows in memory, in one shard; `carries` is taken as it is."""
        feeds = tuple(sorted(carries))
        return cls(feeds, data_through, {"shards": 1}, _events=events_of(tables, feeds))

    @property
    def shards(self) -> int:
        return self.manifest["shards"]

    def shard(self, number: int) -> Shard:
        """The events of one shard, read from disk each time that they are asked for."""
        if self._events is not None:
            return Shard.of_events(self._events)
        assert self._folder is not None
        return read_shard(shard_path(self._folder, number))

    def shard_numbers(self, patient_ids: Collection[str]) -> Any:
        """The shard of each patient (int64 array), whether or not the patient has events."""
        return shard_number(patient_ids, self.shards)

    def patients(self) -> list[str]:
        """Every patient who has an event, sorted."""
        return sorted(i for shard in self._all_shards() for i in shard.patients.to_pylist())

    def events(self, patient_id: str) -> pa.Table:
        """One patient's events with their source rows, oldest first; none for a stranger."""
        if self._events is not None:
            ids, at = texts_of(self._events.column("patient_id"))
            place = ids.index(patient_id) if patient_id in ids else -1
            return self._events.filter(pa.array(at == place))
        assert self._folder is not None
        number = int(self.shard_numbers([patient_id])[0])
        return read_events(shard_path(self._folder, number), patient_id)

    def _all_shards(self) -> Iterator[Shard]:
        return (self.shard(number) for number in range(self.shards))


def current_histories(home: Home) -> Histories:
    """The histories of what was taken in last, written first where they are not there yet.

    They are missing or old where an intake ended before its histories were whole, or where
    another version of firstcall wrote them. Raises InputError where nothing was taken in.
    """
    from data.intake import current

    taken = current(home)
    file = home.histories / "manifest.json"
    with _writing(home):
        if file.exists():
            manifest = json.loads(file.read_text(encoding="utf-8"))
            made_of = (manifest.get("made_by"), manifest.get("generation"))
            if made_of == (translation_fingerprint(), taken.generation):
                return Histories.open(home.histories)
        return _write(home, SHARDS)


def write_histories(home: Home, shards: int = SHARDS) -> Histories:
    """Write the histories of what was taken in last, and open them.

    The new histories become valid in one step, when they are whole; the ones before stay on disk
    until the next time, for whoever is still reading them. The same rows give the same bytes.
    Raises InputError where nothing was taken in.
    """
    with _writing(home):
        return _write(home, shards)


@contextmanager
def _writing(home: Home) -> Iterator[None]:
    """Waits until no other process writes histories; the system frees the lock of a dead one."""
    home.histories.mkdir(parents=True, exist_ok=True)
    with (home.histories / "writing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(home: Home, shards: int) -> Histories:
    from data.intake import current  # a service that never takes anything in does not load it

    taken = current(home)
    for left_behind in home.histories.glob("unfinished-*"):
        shutil.rmtree(left_behind)
    work = Path(tempfile.mkdtemp(prefix="unfinished-", dir=home.histories))
    new = work / "events"
    rows = work / "rows"
    new.mkdir()
    rows.mkdir()
    with stage("Sorting rows by patient"):
        parts = partition(taken.tables, rows, shards)
    carries = _carried(taken.manifest["carries"], parts)
    with stage("Writing patient histories"), ThreadPoolExecutor(THREADS) as pool:
        written = list(pool.map(lambda n: _write_one(parts, n, carries, new), range(shards)))
    content = hashlib.sha256("\n".join(digest for _, _, digest in written).encode()).hexdigest()
    manifest = {
        "format": 1,
        "folder": f"events-{content[:16]}",
        "made_by": translation_fingerprint(),
        "shards": shards,
        "rows": [n for n, _, _ in written],
        "codes": sorted(set().union(*(codes for _, codes, _ in written))),
        "carries": carries,
        "data_through": taken.manifest["data_through"],
        "generation": taken.generation,
        "source": taken.manifest.get("source"),
        "origin": taken.manifest.get("origin"),
        "cost_covers": taken.manifest.get("cost_covers"),
        "content": content,
    }
    _publish(home.histories, work, new, manifest)
    return Histories.open(home.histories)


def _write_one(
    parts: Partition, number: int, carries: list[str], folder: Path
) -> tuple[int, set[str], str]:
    events = events_of(parts.tables(number), carries)
    digest = write_shard(events, shard_path(folder, number))
    parts.remove(number)
    return events.num_rows, _families(events), digest


def _families(events: pa.Table) -> set[str]:
    """The different event codes, facilities and clinicians left out: they are many."""
    codes = events.column("code").combine_chunks()
    named = codes.dictionary.to_pylist() if len(codes) else []
    return {code for code in named if not code.startswith(("FACILITY/", "PROVIDER/"))}


def _carried(feeds: Collection[str], parts: Partition) -> list[str]:
    """The feeds of the intake, and those that follow from the rows.

    Yearly totals may hold kinds of service whose claims are not among the files: then a sum of
    the claims would be a part that looks like the whole, and "cost_claim" is not carried.
    """
    carries = set(feeds)
    if "cost" in carries:
        claims = {kind for covers, kind in parts.seen["cost"] if covers == "claim"}
        years = {kind for covers, kind in parts.seen["cost"] if covers == "year"}
        if claims and years <= claims:
            carries.add("cost_claim")
        if years:
            carries.add("cost_year")
    if "drug_fill" in carries and ("ATC",) in parts.seen["drug_fill"]:
        carries.add("drug_class")
    if "diagnosis" in carries and ("CCW",) in parts.seen["diagnosis"]:
        carries.add("yearly_flags")
    return sorted(carries)


def _publish(histories: Path, work: Path, new: Path, manifest: dict[str, Any]) -> None:
    """Put the new events in place, then let the manifest name them; keep the ones before."""
    target = histories / manifest["folder"]
    before = histories / "manifest.json"
    kept = {target.name}
    if before.exists():
        kept.add(json.loads(before.read_text(encoding="utf-8"))["folder"])
    if not target.exists():
        new.rename(target)
    text = json.dumps(manifest, indent=1, sort_keys=True)
    (work / "manifest.json").write_text(text + "\n", encoding="utf-8")
    (work / "manifest.json").replace(before)
    for old in histories.glob("events-*"):
        if old.name not in kept:
            shutil.rmtree(old)
    shutil.rmtree(work)
