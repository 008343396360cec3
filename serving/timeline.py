"""What happened to one patient, as far as it was known: for the person who is about to call.

Made of canonical rows, one entry a fact, the newest first. What is sensitive is left out before
anybody sees it (`Sight`), and with it whatever would tell of it: all rows of a visit to a
psychiatric clinic, the hospital of a stay for a sensitive condition, codes that no list knows (they
may be of anything), the programme that reached out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

import pyarrow as pa

from data.code_names import NOT_KNOWN, name_of
from data.patient_rows import standing_rows
from features.definitions.sensitivity import sensitive_concept
from features.event_words import event_words, number
from features.lab_tests import LAB_TESTS
from features.meaning import meanings
from serving.known_codes import known_codes
from serving.sight import Sight
from serving.withheld_rows import WithheldRows, matter_of

EntryKind = Literal[
    "stay", "visit", "missed appointment", "diagnosis", "procedure", "drug", "laboratory result",
    "cost", "screening", "outreach",
]  # fmt: skip
KINDS: tuple[EntryKind, ...] = get_args(EntryKind)
UNKNOWN_CODE = "a code that no list here explains"
_UNEXPLAINED = frozenset(("NDC", "RXNORM", "HCPCS"))
"""Systems of which no list says what a code is about (see DECISIONS.md on licences)."""
_TESTS = {loinc: test for test in LAB_TESTS for loinc in test.loincs}
_STAYS = frozenset((
    "acute_inpatient", "observation", "psychiatric_inpatient", "rehabilitation_inpatient",
    "skilled_nursing", "long_term_care", "hospice",
))  # fmt: skip


@dataclass(frozen=True)
class TimelineEntry:
    """One fact about a patient. `ended_on` is there for stays that ended; `cents` for costs, the
    allowed amount; `source_row` is the row of the source that it was read from."""

    happened_on: date
    known_on: date
    kind: EntryKind
    words: str
    source_row: str
    ended_on: date | None = None
    code_system: str | None = None
    code: str | None = None
    facility: str | None = None
    cents: int | None = None


def timeline(
    tables: Mapping[str, pa.Table], as_of: date, since: date, sight: Sight
) -> list[TimelineEntry]:
    """Everything of one patient that happened after `since` and was known at the end of `as_of`,
    as far as `sight` shows it: the newest first, of one day in the order of the tables."""
    rows = {name: standing_rows(table, as_of) for name, table in tables.items()}
    withheld = WithheldRows.of(rows, sight)
    found = [
        entry
        for name, tell in _TELLERS.items()
        for row in rows[name]
        if not withheld.hold(name, row)
        and (entry := tell(row, sight, withheld.quiet)) is not None
        and since < entry.happened_on <= as_of
    ]
    return sorted(found, key=lambda entry: entry.happened_on, reverse=True)


def _told(row: Mapping[str, Any], kind: EntryKind, words: str, **more: Any) -> TimelineEntry:
    return TimelineEntry(
        row["happened_on"], row["known_on"], kind, words, row["source_row"], **more
    )


def _encounter(row: Mapping[str, Any], sight: Sight, quiet: frozenset[str]) -> TimelineEntry:
    kind = row["kind"]
    setting = kind.replace("_", " ")
    words = setting if kind in _STAYS else f"{setting} visit"
    if kind == "missed_appointment":
        words = "missed appointment"
    if row["specialty"] and row["record_id"] not in quiet:
        words += f", {row['specialty']}"
    to = row["disposition"]
    if kind in _STAYS and to and (to != "psychiatric" or sight.shows("mental health")):
        words += f"; left: {to.replace('_', ' ')}"
    entry: EntryKind = "stay" if kind in _STAYS else "visit"
    return TimelineEntry(
        row["started_on"],
        row["known_on"],
        "missed appointment" if kind == "missed_appointment" else entry,
        words,
        row["source_row"],
        ended_on=row["ended_on"],
        facility=None if row["record_id"] in quiet else row["facility_id"],
    )


_Teller = Callable[[Mapping[str, Any], Sight, frozenset[str]], TimelineEntry | None]


def _coded(family: str, kind: EntryKind) -> _Teller:
    def tell(row: Mapping[str, Any], sight: Sight, _: frozenset[str]) -> TimelineEntry | None:
        if not sight.shows(matter_of(family, row)):
            return None
        system, code = row["code_system"], row["code"]
        if not _may_be_named(system, code, sight):
            return _told(row, kind, UNKNOWN_CODE)
        return _told(row, kind, _name(family, system, code), code_system=system, code=code)

    return tell


def _may_be_named(system: str, code: str, sight: Sight) -> bool:
    """A code that no list explains may be of any matter: it is shown to whoever may see all."""
    if sight.is_all:
        return True
    return system not in _UNEXPLAINED and known_codes([(system, code)])[system, code]


def _name(family: str, system: str, code: str) -> str:
    named = name_of(system, code)
    if named != NOT_KNOWN:
        return named
    event = f"{family}/{system}/{code}"
    concepts = [meaning.concept for meaning in meanings([event])[0]]
    return event_words(event, float("nan"), concepts[0]) if concepts else UNKNOWN_CODE


def _lab(row: Mapping[str, Any], sight: Sight, _: frozenset[str]) -> TimelineEntry:
    test = _TESTS.get(row["loinc"])
    if test is None:
        return _told(row, "laboratory result", "a test that has no name here")
    unit = f" {row['unit']}" if row["unit"] else ""
    words = f"{test.words} {number(row['value'])}{unit}"
    return _told(row, "laboratory result", words, code_system="LOINC", code=row["loinc"])


def _cost(row: Mapping[str, Any], sight: Sight, quiet: frozenset[str]) -> TimelineEntry:
    kind = row["kind"].replace("_", " ")
    words = f"{kind} of the year" if row["covers"] == "year" else kind
    return _told(row, "cost", words, cents=row["allowed_cents"])


def _screening(row: Mapping[str, Any], sight: Sight, _: frozenset[str]) -> TimelineEntry | None:
    if not sight.shows(sensitive_concept(f"SCREEN/{row['need']}")):
        return None
    answer = {"need": "a need", "no_need": "no need"}.get(row["answer"], "no answer given")
    return _told(row, "screening", f"{row['need'].replace('_', ' ')}: {answer}")


def _outreach(row: Mapping[str, Any], sight: Sight, _: frozenset[str]) -> TimelineEntry:
    return _told(row, "outreach", f"care management: {row['step'].replace('_', ' ')}")


_TELLERS: dict[str, _Teller] = {
    "encounter": _encounter,
    "diagnosis": _coded("DX", "diagnosis"),
    "procedure": _coded("PX", "procedure"),
    "drug_fill": _coded("RX", "drug"),
    "lab_result": _lab,
    "cost": _cost,
    "screening": _screening,
    "outreach": _outreach,
}
