"""A MEDS dataset → histories: our own exports as they were, others under a declared delay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from data import codes as lists
from data.errors import InputError
from data.generation import find_current
from data.home import Home
from data.intake_report import UnknownCodes
from data.progress import stage
from features.history import Histories
from features.meds.dataset import Dataset, look_at
from features.meds.exporting import PATIENTS_FILE
from features.meds.noted import Noted, noted
from features.meds.own_words import NO_WORDS, read_words
from features.meds.reading import Rejections, apart
from features.meds.reports import ImportReport
from features.meds.translating import Tally, Translation
from features.meds.vocabularies import feeds_of
from features.meds.workplace import workplace
from features.window import to_date
from features.writing import number_of_shards, write_events

_NAMED = 20
_LONGEST_DELAY = 3660


def import_meds(
    folder: Path, home: Home, delay_days: int | None = None, codes: Path | None = None
) -> Histories:
    """Make histories of the MEDS dataset in `folder`, and put them into `home`.

    An export of ours comes back as the histories that it was made of. A dataset from elsewhere
    says when things happened, not when they could be seen: without a column known_on it is taken
    in only where `delay_days` declares that every row was known that many days after its day, and
    no row was ever replaced.

    Its codes are translated by `codes`, a user's CSV (`own_words.read_words`), else where they
    name a vocabulary that is known here (`vocabularies.understand`); all others stay events under
    OTHER/<their code>, counted and reported. Of a code that names a vocabulary only a laboratory
    test keeps numeric_value: MEDS does not say what another one means, so drugs have no days of
    supply, and what is told by them is missing, unless `codes` says otherwise. An amount of money
    must be whole cents; above 2^24 of them a float32 has rounded it before it came here. Birth
    and sex without a time stand on the day of the subject's birth; any other row without one is
    rejected, for nobody knew it from birth. MEDS_DEATH is counted and left out, because
    histories hold no death. The feeds carried are those that the events show; stays
    and visits are among them only where `codes` says which rows are visits.

    A subject's rows may lie in several files and in any order. Rows that cannot be taken in are
    kept in `home.rejected`/meds.parquet with file, row, column and reason; what was counted is in
    `ImportReport.of(histories.manifest)`. The same files give the same bytes.
    Raises InputError where the dataset breaks the schemas of MEDS, where a delay is missing or has
    no place, where `home` holds an intake, or where no row can be taken in; RefusalError where
    another version of firstcall exported the dataset.
    """
    if find_current(home) is not None:
        raise InputError(
            f"{home.root} holds an intake already; set FIRSTCALL_HOME to another folder."
        )
    dataset = look_at(folder, PATIENTS_FILE)
    note = noted(folder) if dataset.own else None
    _check_delay(folder, dataset, delay_days)
    words = NO_WORDS if codes is None else read_words(codes)
    shards = note.shards if note else number_of_shards(dataset.rows)
    home.make()
    home.rejected.mkdir(exist_ok=True)
    with workplace(home.root / ".meds.unfinished") as work:
        rejections = Rejections(work / "rejected.parquet")
        with stage("Sorting rows by patient"):
            apart(dataset, work, shards, rejections, delay_days or 0)
        made = Translation(dataset, delay_days or 0, words, work)

        def about() -> dict[str, Any]:
            tallies = [made.tallies[number] for number in range(shards)]
            for rows in (rows for tally in tallies for rows in tally.rejected):
                rejections.add(rows)
            rejections.close()
            (work / "rejected.parquet").replace(home.rejected / "meds.parquet")
            if not any(tally.by_code for tally in tallies):
                raise InputError(
                    f"None of the {dataset.rows:,} rows of {folder} could be taken in; the reasons "
                    f"stand in {home.rejected / 'meds.parquet'}."
                )
            return _manifest(tallies, dataset, note, delay_days, rejections)

        with stage("Writing patient histories"):
            write_events(home, shards, made.events_of, about)
    return Histories.open(home.histories)


def _check_delay(folder: Path, dataset: Dataset, delay_days: int | None) -> None:
    has_known = "known_on" in dataset.columns
    if has_known and delay_days is not None:
        raise InputError(f"{folder} says itself when each row was known; leave --delay away.")
    if not has_known and delay_days is None:
        raise InputError(
            f"{folder} does not say when each row was known; declare with --delay how many days "
            "after its day a row is known."
        )
    if delay_days is not None and not 0 <= delay_days <= _LONGEST_DELAY:
        raise InputError(f"--delay: give a number of days from 0 to {_LONGEST_DELAY}.")


def _manifest(
    tallies: Collection[Tally],
    dataset: Dataset,
    note: Noted | None,
    delay_days: int | None,
    rejections: Rejections,
) -> dict[str, Any]:
    """The part of the manifest that the rows and the export decide."""
    by_code: Counter[str] = Counter()
    for tally in tallies:
        by_code.update(tally.by_code)
    supply = any(tally.supplied for tally in tallies)
    known = [tally.last_known for tally in tallies if tally.last_known is not None]
    report = ImportReport(
        own=dataset.own,
        delay_days=delay_days,
        read=dataset.rows,
        events=by_code.total(),
        deaths=sum(tally.deaths for tally in tallies),
        rejected=rejections.rows,
        understood=sum(tally.understood for tally in tallies),
        without_number=sum(tally.without_number for tally in tallies),
        drug_rows=sum(rows for code, rows in by_code.items() if code.startswith("RX/")),
        carries=note.carries if note else tuple(feeds_of(by_code, supply=supply)),
        unknown_codes=tuple(_unknown(by_code)),
        rejections=tuple(rejections.counts()),
    )
    through = note.data_through if note else to_date(max(known))
    return {
        "source": note.source if note else "meds",
        "origin": note.origin if note else "own",
        "cost_covers": note.cost_covers if note else None,
        # no intake of this home: one that comes later is to write the histories anew
        "generation": None,
        "exported_generation": note.generation if note else None,
        "carries": list(report.carries),
        "data_through": through.isoformat() if through else None,
        "imported": asdict(report),
    }


_CODED = {"DX": "diagnosis", "PX": "procedure", "RX": "drug_fill", "LAB": "lab_result"}


def _unknown(by_code: Counter[str]) -> list[UnknownCodes]:
    """Rows under codes that nothing understands (system "other", of all rows), then those of each
    known system whose code is in no list."""
    systems: dict[tuple[str, str], Counter[str]] = {("", "other"): Counter()}
    for event_code, rows in by_code.items():
        family, _, rest = event_code.partition("/")
        system, _, code = rest.partition("/")
        if family == "OTHER":
            systems["", "other"][rest] += rows
        elif family == "LAB":
            systems.setdefault(("lab_result", "LOINC"), Counter())[unquote(system)] += rows
        elif family in _CODED:
            systems.setdefault((_CODED[family], system), Counter())[code] += rows
    counts = []
    for (table, system), codes in sorted(systems.items()):
        known = [False] * len(codes) if not table else lists.recognised(system, list(codes))
        unknown = [
            pair for pair, is_known in zip(codes.items(), known, strict=True) if not is_known
        ]
        unknown.sort(key=lambda pair: (-pair[1], pair[0]))
        counts.append(
            UnknownCodes(
                table=table,
                system=system,
                rows=codes.total() if table else by_code.total(),
                unknown_rows=sum(rows for _, rows in unknown),
                unknown_codes=len(unknown),
                most_frequent=tuple(unknown[:_NAMED]),
            )
        )
    return counts
