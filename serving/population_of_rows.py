"""Who is scored, of the rows of a request: the rules of `serving.population`, a person at a time.

DuckDB takes longer to plan its query than these rows take to read. The night, which reads millions,
asks DuckDB; that both find the same of the same rows is tested.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar

import numpy as np

from serving.people import People
from serving.population import (
    DIED,
    HOSPICE_DISPOSITION_DAYS,
    HOSPICE_ENDED_DAYS,
    HOSPITAL_KINDS,
    IN_ANOTHER_HOSPITAL,
    IN_FACILITY,
    IN_HOSPICE,
    IN_HOSPITAL,
    NOT_COVERED,
    NOT_KNOWN,
    NURSING_KINDS,
    OPEN_STAY_DAYS,
    RECENT,
)

Columns = Mapping[str, Sequence[Any]]
"""A canonical table: the name of a column → its values, None where empty."""

_ACUTE = "acute_inpatient"
_ICD = ("ICD9CM", "ICD10CM")
_DAY = timedelta(days=1)
_FIRST = date.min


class _Member(NamedTuple):
    birth_on: date
    death_on: date | None


class _Span(NamedTuple):
    start_on: date
    record_id: str
    end_on: date | None


class _Encounter(NamedTuple):
    record_id: str
    kind: str
    started_on: date
    ended_on: date | None
    facility_id: str | None
    disposition: str | None


class _Diagnosis(NamedTuple):
    known_on: date
    record_id: str
    encounter_id: str | None
    code_system: str
    code: str
    position: int | None


_Row = TypeVar("_Row", _Member, _Span, _Encounter, _Diagnosis)


def population_of_rows(
    tables: Mapping[str, Columns], carries: Collection[str], as_of: date
) -> People:
    """One place a person whom any row of `tables` (every canonical table) names, as `population`
    answers: see there for the rules."""
    everybody: set[str] = set()
    known: set[str] = set()
    for columns in tables.values():
        ids = columns["patient_id"]
        everybody.update(ids)
        known.update(
            patient for patient, day in zip(ids, columns["known_on"], strict=True) if day <= as_of
        )
    members = _standing(tables["member"], as_of, _Member)
    spans = _standing(tables["coverage"], as_of, _Span)
    encounters = _standing(tables["encounter"], as_of, _Encounter)
    seen = _discharge_seen(tables["encounter"], as_of)
    diagnoses = _Principals(tables["diagnosis"], as_of)
    carried = "coverage" in carries
    patients = sorted(everybody)
    found = [
        _person(
            patient in known,
            members.get(patient, ()),
            [span for span in spans.get(patient, ()) if span.start_on <= as_of],
            carried,
            _stays(patient, encounters.get(patient, ()), seen, diagnoses, as_of),
            as_of,
        )
        for patient in patients
    ]
    return People(
        patient_id=_objects(patients),
        known=_flags([patient in known for patient in patients]),
        birth_on=_days([one.birth_on for one in found]),
        covered_since=_days([one.covered_since for one in found]),
        discharged_on=_days([one.stays.discharged_on for one in found]),
        discharge_seen_on=_days([one.stays.discharge_seen_on for one in found]),
        admitted_on=_days([one.stays.admitted_on for one in found]),
        disposition=_objects([one.stays.disposition for one in found]),
        died=_flags([one.died for one in found]),
        covered=_flags([one.covered for one in found]),
        in_hospital=_flags([one.stays.in_hospital for one in found]),
        in_hospice=_flags([one.stays.in_hospice for one in found]),
        left_out=_objects([one.left_out for one in found]),
    )


@dataclass(frozen=True, slots=True)
class _Stays:
    """What the encounters of one person tell."""

    discharged_on: date | None = None
    discharge_seen_on: date | None = None
    admitted_on: date | None = None
    disposition: str | None = None
    in_hospital: bool = False
    in_hospice: bool = False
    in_facility: bool = False
    died: bool = False


class _Person(NamedTuple):
    birth_on: date | None
    covered_since: date | None
    died: bool
    covered: bool
    stays: _Stays
    left_out: str


def _person(
    known: bool,
    members: Sequence[_Member],
    spans: Sequence[_Span],
    carried: bool,
    stays: _Stays,
    as_of: date,
) -> _Person:
    deaths = [one.death_on for one in members if one.death_on is not None]
    died = stays.died or bool(deaths and min(deaths) <= as_of)
    covered = not carried
    if spans:
        covered = any(span.end_on is None or span.end_on >= as_of for span in spans)
    if not known:
        left_out = NOT_KNOWN
    elif died:
        left_out = DIED
    elif not covered:
        left_out = NOT_COVERED
    elif stays.in_hospital:
        left_out = IN_HOSPITAL
    elif stays.disposition == "acute_transfer":
        left_out = IN_ANOTHER_HOSPITAL
    else:
        at_home = IN_FACILITY if stays.in_facility else ""
        left_out = IN_HOSPICE if stays.in_hospice else at_home
    born = max((one.birth_on for one in members), default=None)
    return _Person(born, _covered_since(spans), died, covered, stays, left_out)


def _covered_since(spans: Sequence[_Span]) -> date | None:
    """The first day of the last unbroken cover."""
    since: date | None = None
    last: date | None = _FIRST  # None: for ever
    for span in sorted(spans, key=_start):
        if since is None or (last is not None and span.start_on > last + _DAY):
            since = span.start_on
        if last is not None:
            last = None if span.end_on is None else max(last, span.end_on)
    return since


def _start(span: _Span) -> tuple[date, str]:
    return span.start_on, span.record_id


def _stays(
    patient: str,
    encounters: Sequence[_Encounter],
    seen: Mapping[tuple[str, str], date],
    diagnoses: _Principals,
    as_of: date,
) -> _Stays:
    started = [one for one in encounters if one.started_on <= as_of]
    if not started:
        return _Stays()
    recent = as_of - timedelta(RECENT.days)
    discharges = [
        (one.ended_on, seen[patient, one.record_id], one.record_id, one)
        for one in started
        if one.kind == _ACUTE and one.ended_on is not None and recent < one.ended_on <= as_of
    ]
    about = _Stays(
        in_hospital=_is_in(HOSPITAL_KINDS, HOSPITAL_KINDS, started, as_of),
        in_hospice=_in_hospice(started, as_of),
        in_facility=_is_in(NURSING_KINDS, HOSPITAL_KINDS + NURSING_KINDS, started, as_of),
        died=any(
            one.disposition == "died" and one.ended_on is not None and one.ended_on <= as_of
            for one in started
        ),
    )
    if not discharges:
        return about
    discharged_on, seen_on, _, last = max(discharges, key=lambda one: one[:3])
    return _Stays(
        discharged_on,
        seen_on,
        _admitted_on(patient, [one for one in started if one.kind == _ACUTE], diagnoses),
        last.disposition,
        about.in_hospital,
        about.in_hospice,
        about.in_facility,
        about.died,
    )


def _is_in(
    kinds: Collection[str], ended_by: Collection[str], started: Sequence[_Encounter], as_of: date
) -> bool:
    """Whether a stay of some kinds is open; one without an end is closed by a later one of the
    kinds that end it."""
    stays = [one for one in started if one.kind in kinds]
    if not stays:
        return False
    last_start = max(one.started_on for one in started if one.kind in ended_by)
    counts_as_open = last_start > as_of - timedelta(OPEN_STAY_DAYS)
    return any(
        one.started_on == last_start and counts_as_open
        if one.ended_on is None
        else one.ended_on > as_of
        for one in stays
    )


def _in_hospice(started: Sequence[_Encounter], as_of: date) -> bool:
    ended, sent = as_of - timedelta(HOSPICE_ENDED_DAYS), as_of - timedelta(HOSPICE_DISPOSITION_DAYS)
    return any(
        (one.kind == "hospice" and (one.ended_on is None or one.ended_on > ended))
        or (one.disposition == "hospice" and one.ended_on is not None and one.ended_on > sent)
        for one in started
    )


def _admitted_on(patient: str, acute: Sequence[_Encounter], diagnoses: _Principals) -> date | None:
    """The first day of the episode that ends with the last discharge of these stays."""
    began: date | None = None
    last: tuple[date, int, date] | None = None
    before: tuple[date, int, _Encounter] | None = None
    for place, stay in enumerate(sorted(acute, key=_in_order)):
        if began is None or before is None or not _joins(patient, stay, before, diagnoses):
            began = stay.started_on
        left_on = stay.started_on if stay.ended_on is None else stay.ended_on
        if stay.ended_on is not None and (last is None or (left_on, place) > last[:2]):
            last = (left_on, place, began)
        if before is None or left_on >= before[0]:
            before = (left_on, place, stay)
    return None if last is None else last[2]


def _in_order(stay: _Encounter) -> tuple[date, date, str]:
    return stay.started_on, stay.ended_on or _FIRST, stay.record_id


def _joins(
    patient: str,
    stay: _Encounter,
    before: tuple[date, int, _Encounter],
    diagnoses: _Principals,
) -> bool:
    """Whether a stay belongs to the episode of the one that ended last before it."""
    left_on, _, other = before
    if stay.started_on < left_on:
        return True
    if stay.started_on <= left_on + _DAY:
        if stay.facility_id is not None and other.facility_id is not None:
            if stay.facility_id != other.facility_id:
                return True
        elif other.disposition == "acute_transfer":
            return True
    if stay.started_on != left_on:
        return False
    own = diagnoses.of(patient, stay.record_id)
    return own is not None and own == diagnoses.of(patient, other.record_id)


class _Principals:
    """The principal diagnosis of each encounter; looked up only where two stays share a day."""

    def __init__(self, columns: Columns, as_of: date) -> None:
        self._columns, self._as_of = columns, as_of
        self._found: dict[tuple[str, str], tuple[date, str, str]] | None = None

    def of(self, patient: str, encounter: str) -> str | None:
        if self._found is None:
            self._found = self._look_up()
        told = self._found.get((patient, encounter))
        return None if told is None else told[2]

    def _look_up(self) -> dict[tuple[str, str], tuple[date, str, str]]:
        found: dict[tuple[str, str], tuple[date, str, str]] = {}
        for patient, told in _standing(self._columns, self._as_of, _Diagnosis).items():
            for one in told:
                if one.position != 1 or one.code_system not in _ICD or one.encounter_id is None:
                    continue
                key = (patient, one.encounter_id)
                said = (one.known_on, one.record_id, one.code)
                if key not in found or said > found[key]:
                    found[key] = said
        return found


def _standing(columns: Columns, as_of: date, make: type[_Row]) -> dict[str, list[_Row]]:
    """The last version of each fact that was known on `as_of`, by patient; none withdrawn."""
    ids, records, known = columns["patient_id"], columns["record_id"], columns["known_on"]
    sources, withdrawn = columns["source_row"], columns["reversed"]
    newest: dict[tuple[str, str], int] = {}
    for at, (patient, record, day) in enumerate(zip(ids, records, known, strict=True)):
        if day <= as_of:
            held = newest.setdefault((patient, record), at)
            if (day, sources[at]) > (known[held], sources[held]):
                newest[patient, record] = at
    fields = [columns[name] for name in make._fields]
    found: dict[str, list[_Row]] = {}
    for (patient, _), at in newest.items():
        if not withdrawn[at]:
            found.setdefault(patient, []).append(make(*[values[at] for values in fields]))
    return found


def _discharge_seen(columns: Columns, as_of: date) -> dict[tuple[str, str], date]:
    """The day on which each encounter first had an end; versions that withdraw it tell none."""
    seen: dict[tuple[str, str], date] = {}
    for patient, record, known, ended, withdrawn in zip(
        columns["patient_id"], columns["record_id"], columns["known_on"], columns["ended_on"],
        columns["reversed"], strict=True,
    ):  # fmt: skip
        if known <= as_of and ended is not None and not withdrawn:
            key = (patient, record)
            seen[key] = min(seen.get(key, known), known)
    return seen


def _days(days: Sequence[date | None]) -> np.ndarray:
    return np.array(days, dtype="datetime64[D]")


def _flags(flags: Sequence[bool]) -> np.ndarray:
    return np.array(flags, dtype=bool)


def _objects(values: Sequence[str | None]) -> np.ndarray:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
