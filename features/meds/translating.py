"""The rows of one shard of a MEDS dataset → events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.tables import TABLES
from features.columns import places_of, texts_of
from features.ledger import EVENT_SCHEMA, Ledger
from features.meds.dataset import Dataset
from features.meds.own_words import OwnWords
from features.meds.reading import FIRST_DAY, LAST_DAY, path_of, rejected, rows_of
from features.meds.vocabularies import DEATH, OTHER, Understood, understand, with_unit
from features.versions import Facts

_OF_BIRTH = ("PERSON/born", "PERSON/female")
"""What holds from birth on. Whatever else comes without a time was not known on the day of birth:
placed there, a diagnosis would be seen at every question before it was made."""
_NO_BIRTH = "is empty, and there is no birth of the subject to place the row on"
_SUPPLY = TABLES["drug_fill"].column("days_supply")
_DAYS_TOLD = (
    (("RX/",), _SUPPLY.minimum, _SUPPLY.maximum,
     f"is not from {_SUPPLY.minimum:g} to {_SUPPLY.maximum:g} days of supply"),
    (("COVER/", "PRODUCT/"), FIRST_DAY, LAST_DAY, "is no day between the years 1 and 9999"),
)  # fmt: skip
"""Families whose value tells days, the first and the last that it may be."""
_NO_DAY = "is empty, and only birth and sex are told without a day"


@dataclass
class Tally:
    """What one shard held: rows of each event code, and what became of the others; `supplied`
    counts drug events that tell their days of supply."""

    by_code: Counter[str] = field(default_factory=Counter)
    deaths: int = 0
    understood: int = 0
    without_number: int = 0
    supplied: int = 0
    last_known: int | None = None
    rejected: list[pa.Table] = field(default_factory=list)


@dataclass(frozen=True)
class Translation:
    """Makes the events of each shard of a dataset, and tallies what it met there."""

    dataset: Dataset
    delay: int
    words: OwnWords
    work: Path
    tallies: dict[int, Tally] = field(default_factory=dict)

    def events_of(self, shard: int) -> pa.Table:
        """The events of one shard (EVENT_SCHEMA, sorted by ORDER); shards in any order, at once."""
        tally = self.tallies[shard] = Tally()
        rows = rows_of(self.work, shard)
        path_of(self.work, shard).unlink()
        if self.dataset.own:
            texts, code = texts_of(rows["event_code"])
            value = rows["value"].to_numpy()
            broken = self._beyond(rows, texts, code, value, "value", tally)
            kept = np.flatnonzero(~broken)
            rows, code, value = rows.take(pa.array(kept)), code[kept], value[kept]
        else:
            rows, texts, code, value = self._translated(rows, tally)
        day, placed, of_person = _placed(rows, texts, code)
        if not placed.all():
            self._reject(rows.filter(pa.array(~placed & of_person)), "time", _NO_BIRTH, tally)
            self._reject(rows.filter(pa.array(~placed & ~of_person)), "time", _NO_DAY, tally)
            kept = np.flatnonzero(placed)
            rows, code, value, day = rows.take(pa.array(kept)), code[kept], value[kept], day[kept]
        if len(rows) == 0:
            return EVENT_SCHEMA.empty_table()
        known = rows["known"].to_numpy() if "known_on" in self.dataset.columns else day + self.delay
        tally.last_known = int(known.max())
        tally.supplied = int((_begin(texts, "RX/")[code] & ~np.isnan(value)).sum())
        counts = np.bincount(code, minlength=len(texts)).tolist()
        tally.by_code.update({text: n for text, n in zip(texts, counts, strict=True) if n})
        return _sorted(rows, texts, code, day, known.astype(np.int32), value)

    def _translated(
        self, rows: pa.Table, tally: Tally
    ) -> tuple[pa.Table, list[str], np.ndarray, np.ndarray]:
        """Rows that become events, the event codes, the place of each row's code, its value."""
        codes, code = texts_of(rows["code"])
        units, unit = texts_of(rows["unit"])
        width = np.int64(len(units) + 1)
        pairs, pair = np.unique(code * width + unit + 1, return_inverse=True)
        meant = [self._understood(codes[p // width]) for p in pairs.tolist()]
        said = [*units, ""]
        others = [OTHER + codes[p // width] for p in pairs.tolist()]
        texts = [
            other if m is None else with_unit(m, said[p % width - 1])
            for p, m, other in zip(pairs.tolist(), meant, others, strict=True)
        ]
        own = np.array([m is None or m.value is None for m in meant], np.bool_)
        given = np.array([np.nan if m is None or m.value is None else m.value for m in meant])
        value = np.where(own[pair], rows["value"].to_numpy(), given[pair])
        bare = _begin(texts, "LAB/")[pair] & np.isnan(value)
        dead = np.array([codes[p // width] == DEATH for p in pairs.tolist()], np.bool_)[pair]
        dead &= _begin(texts, OTHER)[pair]
        money = _begin(texts, "COST/", "COSTYEAR/")[pair] & ~dead
        broken = money & ~(value == np.floor(value))
        self._reject(
            rows.filter(pa.array(broken)), "numeric_value", "is no whole number of cents", tally
        )
        broken |= self._beyond(rows, texts, pair, value, "numeric_value", tally)
        kept = np.flatnonzero(~dead & ~broken)
        tally.deaths += int(dead.sum())
        tally.without_number += int(bare.sum())
        known = np.array([m is not None for m in meant], np.bool_)[pair]
        tally.understood += int((known & ~bare)[kept].sum())
        at = np.where(bare, pair + len(texts), pair)[kept]
        every, at = _distinct([*texts, *others], at)
        return rows.take(pa.array(kept)), every, at, value[kept]

    def _understood(self, code: str) -> Understood | None:
        said = self.words.understand(code)
        return said if said is not None else understand(code, self.dataset.parents.get(code, ()))

    def _beyond(
        self,
        rows: pa.Table,
        texts: list[str],
        code: np.ndarray,
        value: np.ndarray,
        column: str,
        tally: Tally,
    ) -> np.ndarray:
        """Flags of the rows whose value no day can be made of; they are rejected."""
        every = np.zeros(len(rows), np.bool_)
        for families, low, high, reason in _DAYS_TOLD:
            broken = _begin(texts, *families)[code] & ((value < low) | (value > high))
            self._reject(rows.filter(pa.array(broken)), column, reason, tally)
            every |= broken
        return every

    def _reject(self, rows: pa.Table, column: str, reason: str, tally: Tally) -> None:
        if len(rows) == 0:
            return
        names = self.dataset.names
        files = [names[number] for number in rows["file"].to_pylist()]
        shown = rows.select(["patient_id", "day", "code", "value"]).to_pylist()
        rules = [(column, reason)] * len(rows)
        tally.rejected.append(rejected(files, rows["row"].to_pylist(), rules, shown))


def _placed(
    rows: pa.Table, texts: list[str], code: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The day of each row (int32), what holds from birth on the subject's day of birth where it
    comes without a time (the earliest birth counts); which rows have a day; which hold from birth.
    """
    timed = rows["day"].is_valid().to_numpy()
    day = rows["day"].fill_null(0).to_numpy().copy()
    of_person = np.array([text in _OF_BIRTH for text in texts], np.bool_)[code]
    static = np.flatnonzero(~timed & of_person)
    if len(static) == 0 or "PERSON/born" not in texts:
        return day, timed, of_person
    ids, person = texts_of(rows["patient_id"])
    never = np.iinfo(np.int32).max
    born = np.full(len(ids), never, np.int32)
    births = np.flatnonzero(timed & (code == texts.index("PERSON/born")))
    np.minimum.at(born, person[births], day[births])
    day[static] = born[person[static]]
    timed[static] = day[static] != never
    return day, timed, of_person


def _sorted(
    rows: pa.Table,
    texts: list[str],
    code: np.ndarray,
    day: np.ndarray,
    known: np.ndarray,
    value: np.ndarray,
) -> pa.Table:
    """The rows as events, in the one total order that a ledger gives."""
    ids, person = texts_of(rows["patient_id"])
    patients = pa.array(sorted(ids), pa.string())
    facts = Facts(
        rows.select(["source_row"]),
        np.arange(len(rows)),
        places_of(ids, patients)[person],
        known,
        rows["superseded"].to_numpy(),
    )
    ledger = Ledger(patients.to_pylist())
    ledger.enter(facts, ledger.codes(texts)[code], day, value)
    return ledger.table()


def _begin(texts: list[str], *prefixes: str) -> np.ndarray:
    return np.array([text.startswith(prefixes) for text in texts], np.bool_)


def _distinct(texts: list[str], at: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Texts without repeats, and the places of `at` among them."""
    every = list(dict.fromkeys(texts))
    places = {text: place for place, text in enumerate(every)}
    return every, np.array([places[text] for text in texts], np.int64)[at]
