"""What was taken in → histories on disk: only the shards whose rows are other than before.

`manifest.json` names the files of the valid histories and is replaced last, in one step: whoever
is killed before leaves the histories before it valid. The files of the manifest before the valid
one stay for whoever still reads them; all others are removed at the next writing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.durable import sync_folder
from data.errors import InputError
from data.feeds import derived_feeds
from data.generation import Taken, find_current, replace_file
from data.home import Home
from data.intake import current
from data.progress import stage
from features.changes import Rows
from features.events import READ, events_of, translation_fingerprint
from features.history import FORMAT, THREADS, Histories, is_ours, read_vocabulary
from features.partition import partition
from features.shards import Shard, ShardFiles, digest_of, write_shard

FEWEST_SHARDS = 16
ROWS_A_SHARD = 2_000_000
"""Canonical rows that a shard is to hold at most: about four million events."""

Named = dict[str, Any]
"""One shard in the manifest: its files, how many patients and rows (events) it holds, what it is
`made_of` (see `Rows.digests`) and a digest of what its events `say`."""


def current_histories(home: Home) -> Histories:
    """The histories of what was taken in last, written first where they are not there yet.

    They are missing or old where an intake ended before its histories were whole, or where
    another version of firstcall wrote them. Where nothing was taken in, imported histories are
    the current ones. Raises InputError where there are none either.
    """
    with _writing(home):
        before = _manifest(home)
        if not _imported(home, before):
            taken = current(home)
            if (
                before is None
                or before["generation"] != taken.generation
                or not all((home.histories / name).is_file() for name in files_of(before))
            ):
                _write(home, taken, before, None)
    return Histories.open(home.histories)


def must_not_be_imported(home: Home) -> None:
    """Raises InputError where the histories of `home` were imported: an intake would put its own
    in their place."""
    if _imported(home, _manifest(home)):
        raise InputError(
            f"{home.root} holds imported histories, which an intake would replace; set "
            "FIRSTCALL_HOME to another folder, or remove the histories folder in it."
        )


def _imported(home: Home, manifest: dict[str, Any] | None) -> bool:
    return manifest is not None and "imported" in manifest and find_current(home) is None


def write_histories(home: Home, shards: int | None = None) -> Histories:
    """Write the histories of what was taken in last, and open them.

    Shards whose patients' rows are the same as when they were written stay as they are; with a
    number of `shards` all are written anew. The new histories become valid in one step, when they
    are whole; the ones before stay on disk until the next time, for whoever is still reading them.
    Raises InputError where nothing was taken in.
    """
    with _writing(home):
        _write(home, current(home), _manifest(home), shards)
    return Histories.open(home.histories)


def write_events(
    home: Home,
    shards: int,
    events: Callable[[int], pa.Table],
    about: Callable[[], Mapping[str, Any]],
) -> None:
    """Write histories of events that come from elsewhere than an intake.

    `events` makes those of one shard (EVENT_SCHEMA, sorted by ORDER) and is asked once for each of
    `shards`, from several threads. `about` is asked when all are written, and says what else the
    manifest holds: carries, data_through, generation, source, origin and cost_covers at least.
    """
    with _writing(home), _workplace(home) as work:
        numbers: dict[str, int] = {}
        written = _write_shards(events, list(range(shards)), numbers, work)
        for named in written.values():
            named["made_of"] = ""
        vocabulary = _write_vocabulary(list(numbers), work)
        _finish(home, work, [written[number] for number in range(shards)], vocabulary, about())


@contextmanager
def _writing(home: Home) -> Iterator[None]:
    """Waits until no other process writes histories; the system frees the lock of a dead one."""
    home.make()
    home.histories.mkdir(exist_ok=True)
    with (home.histories / "writing").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_behind in home.histories.glob("unfinished-*"):
            shutil.rmtree(left_behind)  # patients' rows that a killed writer left
        yield


def _manifest(home: Home) -> dict[str, Any] | None:
    """The manifest of the valid histories; None where there are none that this version reads."""
    file = home.histories / "manifest.json"
    if not file.exists():
        return None
    manifest = json.loads(file.read_text(encoding="utf-8"))
    readable = is_ours(manifest) and (home.histories / manifest["vocabulary"]).is_file()
    return manifest if readable else None


def number_of_shards(rows: int) -> int:
    """16 shards, or the power of two at which each holds at most ROWS_A_SHARD of the rows.

    >>> number_of_shards(1_000), number_of_shards(33_000_000)
    (16, 32)
    """
    shards = FEWEST_SHARDS
    while rows > shards * ROWS_A_SHARD:
        shards *= 2
    return shards


def _write(home: Home, taken: Taken, before: dict[str, Any] | None, shards: int | None) -> None:
    with _workplace(home) as work:
        _write_in(work, home, taken, before, shards)


def _write_in(
    work: Path, home: Home, taken: Taken, before: dict[str, Any] | None, shards: int | None
) -> None:
    feeds = taken.manifest["carries"]
    tables = {name: taken.tables[name] for name in READ if name in feeds}
    if shards is None:
        best = number_of_shards(sum(pq.read_metadata(path).num_rows for path in tables.values()))
        # once chosen the number stays, unless so much came that every shard is touched anyway
        if before is not None and best <= 4 * len(before["shards"]):
            shards = len(before["shards"])
        else:
            before, shards = None, best
    else:
        before = None
    rows = Rows(tables, work, THREADS)
    try:
        with stage("Comparing rows with the histories"):
            made_of = rows.digests(shards)
            carries = _carried(feeds, rows)
    finally:
        rows.close()
    kept = _untouched(home, before, made_of)
    touched = [number for number in range(shards) if number not in kept]
    vocabulary = read_vocabulary(home.histories / before["vocabulary"]).codes if before else []
    numbers = {code: number for number, code in enumerate(vocabulary)}
    with stage("Sorting rows by patient"):
        parts = partition(tables, work, shards, touched)

    def events(number: int) -> pa.Table:
        made = events_of(parts.tables(number), carries)
        parts.remove(number)
        return made

    with stage("Writing patient histories"):
        written = _write_shards(events, touched, numbers, work)
    for number, named in written.items():
        named["made_of"] = made_of[number]
    named_vocabulary = (
        before["vocabulary"]
        if before and len(numbers) == len(vocabulary)
        else _write_vocabulary(list(numbers), work)
    )
    about = {
        "carries": carries,
        "data_through": taken.manifest["data_through"],
        "generation": taken.generation,
        "source": taken.manifest.get("source"),
        "origin": taken.manifest.get("origin"),
        "cost_covers": taken.manifest.get("cost_covers"),
    }
    all_shards = [(kept | written)[number] for number in range(shards)]
    _finish(home, work, all_shards, named_vocabulary, about)


@contextmanager
def _workplace(home: Home) -> Iterator[Path]:
    """A folder for what is being written, gone afterwards whatever happens."""
    work = Path(tempfile.mkdtemp(prefix="unfinished-", dir=home.histories))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _finish(
    home: Home, work: Path, shards: list[Named], vocabulary: str, about: Mapping[str, Any]
) -> None:
    """Let histories whose files are written in `work` be the valid ones."""
    says = "\n".join(named["says"] for named in shards)
    manifest = {
        **about,
        "format": FORMAT,
        "made_by": translation_fingerprint(),
        "shards": shards,
        "vocabulary": vocabulary,
        "content": hashlib.sha256(says.encode()).hexdigest(),
    }
    _publish(home.histories, work, manifest)


def _untouched(home: Home, before: dict[str, Any] | None, made_of: list[str]) -> dict[int, Named]:
    """The shards, by number, that are made of the same rows as before and whose files are there."""
    if before is None:
        return {}
    return {
        number: named
        for number, (named, words) in enumerate(zip(before["shards"], made_of, strict=True))
        if named["made_of"] == words
        and all((home.histories / named[file]).is_file() for file in ("events", "index"))
    }


def _write_shards(
    events_of_shard: Callable[[int], pa.Table],
    touched: list[int],
    numbers: dict[str, int],
    folder: Path,
) -> dict[int, Named]:
    """Write the touched shards into `folder`; new codes are added at the end of `numbers`.

    Codes are numbered in the order of shards, whichever thread is faster, so that the same rows
    give the same bytes.
    """
    numbered: list[Future[None]] = [Future() for _ in touched]

    def one(place: int) -> Named:
        number = touched[place]
        try:
            events = events_of_shard(number)
            shard = Shard.of_events(events)
            if place:
                numbered[place - 1].result()
            codes = [numbers.setdefault(code, len(numbers)) for code in shard.vocabulary.codes]
        except BaseException as error:
            numbered[place].set_exception(error)
            raise
        numbered[place].set_result(None)
        code = np.array(codes, np.int32)[shard.code]
        files = ShardFiles(folder / f"events-{number:05d}", folder / f"index-{number:05d}")
        sources = events.column("source_row")
        write_shard(shard, code, sources, files)
        return {
            "events": _named_by_bytes(files.events),
            "index": _named_by_bytes(files.index),
            "patients": len(shard.patients),
            "rows": len(code),
            "says": digest_of(shard, sources),
        }

    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(touched, pool.map(one, range(len(touched))), strict=True))


def _write_vocabulary(codes: list[str], folder: Path) -> str:
    path = folder / "codes"
    table = pa.table({"code": pa.array(codes, pa.string())})
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return _named_by_bytes(path)


def _named_by_bytes(path: Path) -> str:
    """Give a file a name that its bytes decide, so that no other bytes ever come under it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = f"{path.name}-{digest[:16]}.parquet"
    path.rename(path.with_name(name))
    return name


def _carried(feeds: Collection[str], rows: Rows) -> list[str]:
    """The feeds of the intake, and those that follow from the rows."""
    costs = rows.different("cost")
    derived = derived_feeds(
        {kind for covers, kind in costs if covers == "claim"},
        {kind for covers, kind in costs if covers == "year"},
        classes=("ATC",) in rows.different("drug_fill"),
        supply="days_supply" in feeds,
        flags=("CCW",) in rows.different("diagnosis"),
    )
    return sorted({*feeds, *derived})


def _publish(histories: Path, work: Path, manifest: dict[str, Any]) -> None:
    """Put the new files in place, then let the manifest name them; keep those of the one before."""
    named = files_of(manifest)
    for name in sorted(named):
        if (work / name).exists():
            (work / name).replace(histories / name)
    sync_folder(histories)
    file = histories / "manifest.json"
    if file.exists():
        named |= files_of(json.loads(file.read_text(encoding="utf-8")))
    text = json.dumps(manifest, indent=1, sort_keys=True)
    replace_file(file, text.encode() + b"\n")
    for old in (*histories.glob("*.parquet"), *histories.glob("events-*")):
        if old.name in named:
            continue
        if old.is_dir():
            shutil.rmtree(old)  # how histories lay before format 2
        else:
            old.unlink(missing_ok=True)


def files_of(manifest: Mapping[str, Any]) -> set[str]:
    """The names of the files that a manifest names; none of a manifest in another form."""
    if manifest.get("format") != FORMAT:
        return set()
    shards = [named[file] for named in manifest["shards"] for file in ("events", "index")]
    return {manifest["vocabulary"], *shards}
