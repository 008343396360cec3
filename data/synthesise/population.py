"""Invent a population and write it: canonical files, and the truth beside them."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.home import Home
from data.progress import stage

from . import beside_claims, membership, tables, truth
from .state import F_SIZE, I_SIZE, MEMBER
from .walks import AHEAD, BURN_IN, live, look_ahead, new_book

CHUNK = 4000  # members made together: what bounds memory
THREADS = 2
REPLICATES = 36
RUN_OUT_DAYS = 120
TOP_SHARE = 0.05
LOOK_BACK = 182

T = TypeVar("T")


@dataclass(frozen=True)
class SynthesisReport:
    """What was written: rows of each table (``truth/…`` among them) and the settings of it."""

    directory: Path
    members: int
    years: int
    seed: int
    end_on: date
    rows: dict[str, int]
    threshold_cents: int


class _Calendar(NamedTuple):
    """First days of the months, the unseen ones included, and the months of the as-of dates."""

    bounds: np.ndarray
    at: np.ndarray

    @property
    def last(self) -> int:
        return int(self.bounds[-1]) - 1

    @property
    def as_of(self) -> np.ndarray:
        return self.bounds[self.at] - 1


class _Chunk(NamedTuple):
    tables: dict[str, pa.Table]
    member: np.ndarray
    cents: np.ndarray
    eligible: np.ndarray


def _calendar(years: int, end_on: date) -> _Calendar:
    after = np.datetime64(end_on, "D") + 1
    if after != after.astype("datetime64[M]").astype("datetime64[D]"):
        raise InputError(f"The data must end on the last day of a month, not on {end_on}.")
    months = after.astype("datetime64[M]") - np.arange(12 * years + BURN_IN, -1, -1)
    bounds = months.astype("datetime64[D]").astype(np.int64)
    at = np.arange(BURN_IN + 12, len(bounds) - AHEAD, 6)
    return _Calendar(bounds, at)


def _chunk(seed: int, first: int, end: int, calendar: _Calendar) -> _Chunk:
    """Members [first, end): lived, and written out as tables."""
    count, years = end - first, (len(calendar.bounds) - BURN_IN) / 12
    room = int(count * years)
    book = new_book(4000 + 7 * room, 4000 + 10 * room, 4000 + 6 * room)
    measured, counted = np.zeros((count, F_SIZE)), np.zeros((count, I_SIZE), np.int64)
    contacts, odds, fills, labs = [], [], [], []
    member = first
    while member < end:
        book.n[:] = 0
        at = member - first
        member = live(seed, member, end, calendar.bounds, book, measured[at:], counted[at:])
        contacts.append(book.contact[: book.n[0]].copy())
        odds.append(book.odds[: book.n[0]].copy())
        fills.append(book.fill[: book.n[1]].copy())
        labs.append(book.lab[: book.n[2]].copy())
    contact, odd, fill, lab = (np.concatenate(x) for x in (contacts, odds, fills, labs))
    last = calendar.last
    written = tables.Contacts(seed, contact)
    cost, amounts = tables.costs(written, fill, last)
    specialty = beside_claims.specialties(written)
    missed = beside_claims.missed_appointments(written, measured, counted, specialty, last)
    prescriber = beside_claims.prescribers(seed, fill, counted)
    made = {
        "member": membership.members(seed, counted, last),
        "coverage": membership.coverage(seed, counted, last),
        "encounter": pa.concat_tables([written.encounters(last, specialty), missed]),
        "diagnosis": written.diagnoses(last),
        "procedure": written.procedures(last),
        "drug_fill": tables.drug_fills(seed, fill, prescriber, last),
        "lab_result": tables.lab_results(seed, lab, last),
        "cost": cost,
        "screening": beside_claims.screenings(written, counted, last),
        "outreach": beside_claims.outreach(written, counted, last),
        "truth/discharge": truth.discharges(contact, odd, last),
        "truth/condition": truth.conditions(counted, last),
        "truth/treatment": truth.treatments(counted, measured, last),
    }
    return _Chunk(
        made,
        counted[:, MEMBER],
        truth.cents_ahead(amounts, first, count, calendar.as_of),
        truth.present(counted, calendar.as_of, LOOK_BACK),
    )


def _in_order(work: Callable[[int, int], T], members: int) -> Iterator[T]:
    """``work(first, end)`` for each chunk, on few threads, handed out in order."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, members, CHUNK):
            waiting.append(pool.submit(work, first, min(first + CHUNK, members)))
            if len(waiting) > THREADS + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Files:
    """One Parquet file a table, written chunk by chunk."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.rows: dict[str, int] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}

    def write(self, name: str, table: pa.Table) -> None:
        if name not in self._writers:
            path = self.directory / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writers[name] = pq.ParquetWriter(
                path, table.schema, compression="lz4", write_statistics=False
            )
            self.rows[name] = 0
        self._writers[name].write_table(table)
        self.rows[name] += table.num_rows

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def _directory(place: Home | Path) -> Path:
    directory = place.invented if isinstance(place, Home) else Path(place)
    if directory.exists() and any(directory.iterdir()):
        mark = directory / "source.json"
        if not mark.is_file() or json.loads(mark.read_text()).get("origin") != "invented":
            raise InputError(
                f"{directory} holds files that firstcall did not invent; name an empty folder."
            )
    return directory


def _swap(fresh: Path, directory: Path) -> None:
    """Put the fresh folder in the place of the old one."""
    old = directory.with_name(directory.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if directory.exists():
        directory.rename(old)
    fresh.rename(directory)
    shutil.rmtree(old, ignore_errors=True)


def synthesise(
    home_or_dir: Home | Path,
    members: int,
    years: int = 4,
    *,
    seed: int,
    end_on: date = date(2024, 12, 31),
    replicates: int = REPLICATES,
) -> SynthesisReport:
    """Invent ``members`` people over ``years`` up to ``end_on`` and write what is known of them.

    Writes ``<dir>/<table>.parquet`` (every canonical table, without source_row), ``source.json``
    and ``truth/``. The same arguments write the same bytes. A person's rows depend on seed,
    years and end_on alone, not on how many others there are; only the high-cost threshold, and
    with it ``chance`` in truth/member_date.parquet, looks at everybody.
    ``replicates`` years are lived ahead for each person and as-of date; most of the time goes
    there, and with 0 truth/member_date.parquet is not written.
    Raises InputError for fewer than 1 member or 2 years, a month not ended, or a folder of others.
    """
    if members < 1 or members > 9_999_999:
        raise InputError(f"The population must have 1 to 9,999,999 members, not {members}.")
    if years < 2 or years > 20:
        raise InputError(f"The population must be followed for 2 to 20 years, not {years}.")
    if replicates < 0:
        raise InputError(f"The replicates must not be negative, and are {replicates}.")
    if seed < 0:
        raise InputError(f"The seed must not be negative, and is {seed}.")
    directory = _directory(home_or_dir)
    fresh = directory.with_name(directory.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    Home(fresh.parent).make()
    fresh.mkdir()
    calendar = _calendar(years, end_on)
    files = _Files(fresh)
    cents, eligible, people = [], [], []
    with stage(f"Inventing {members:,} people and {years} years of their lives"):
        for chunk in _in_order(lambda a, b: _chunk(seed, a, b, calendar), members):
            for name, table in chunk.tables.items():
                files.write(name, table)
            cents.append(chunk.cents)
            eligible.append(chunk.eligible)
            people.append(chunk.member)
    costs, present = np.concatenate(cents), np.concatenate(eligible)
    training = costs[present[:, 0], 0]
    threshold = int(np.quantile(training, 1.0 - TOP_SHARE)) if len(training) else 0

    def chances(first: int, end: int) -> np.ndarray:
        return look_ahead(
            seed, first, end, calendar.bounds, calendar.at, replicates, float(threshold)
        )

    if replicates > 0:
        with stage("Looking ahead from their states, for the true chance of high cost"):
            done = 0
            for chance in _in_order(chances, members):
                upto = done + len(chance)
                member = np.arange(done, upto)
                files.write(
                    "truth/member_date",
                    truth.member_dates(member, calendar.as_of, chance, costs[done:upto], threshold),
                )
                done = upto
    files.close()
    about = {
        "origin": "invented", "seed": seed, "members": members, "years": years,
        "end_on": end_on.isoformat(), "run_out_days": RUN_OUT_DAYS,
    }  # fmt: skip
    (fresh / "source.json").write_text(json.dumps(about, indent=1) + "\n")
    _swap(fresh, directory)
    return SynthesisReport(directory, members, years, seed, end_on, files.rows, threshold)
