"""Stays of one patient, and how they join into episodes.

Readings chosen where DEFINITIONS.md is silent:

S1. Stays are taken in the order of admission, then of discharge (an open stay last), then of
    record_id. An episode ends with its stay that is discharged last; of several, the one that was
    taken last. That stay is "the last hospital".
S2. A stay overlaps an episode when it begins before the day on which the episode ends. The day of
    discharge itself is shared by a return and is no overlap.
S3. "Another hospital" and "the same hospital" need both facilities: where one is not known the
    stays do not join, unless they overlap (a switch, see `readings`). An unknown principal
    diagnosis is not the same as another.
S4. "The same principal diagnosis" is the same code of the same system, not the same category.
S5. An open stay lasts beyond every later day: what begins after it overlaps it (a switch, see
    `readings`).
S6. The principal diagnosis is the one with position 1; of several, the one known last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from .facts import Patient
from .readings import Readings

Code = tuple[str, str]
"""(code system, code)."""


@dataclass(frozen=True)
class Stay:
    """One stay as it is known in the end; discharged is None while it is open."""

    id: str
    kind: str
    admitted: date
    discharged: date | None
    facility: str | None
    disposition: str | None
    admission_type: str | None
    principal: Code | None
    procedures: tuple[Code, ...]


Episode = list[Stay]


def stays_of(patient: Patient, kinds: tuple[str, ...], readings: Readings) -> list[Stay]:
    """The stays of some kinds, in order (S1)."""
    found = []
    for encounter in patient["encounter"]:
        if encounter["kind"] not in kinds:
            continue
        principal = None
        known = None
        for diagnosis in patient["diagnosis"]:
            if diagnosis["encounter_id"] != encounter["record_id"] or diagnosis["position"] != 1:
                continue
            if known is None or diagnosis["known_on"] >= known:
                principal = (diagnosis["code_system"], diagnosis["code"])
                known = diagnosis["known_on"]
        procedures = tuple(
            (procedure["code_system"], procedure["code"])
            for procedure in patient["procedure"]
            if procedure["encounter_id"] == encounter["record_id"]
        )
        found.append(
            Stay(
                encounter["record_id"],
                encounter["kind"],
                encounter["started_on"],
                encounter["ended_on"],
                encounter["facility_id"],
                encounter["disposition"],
                encounter["admission_type"],
                principal,
                procedures,
            )
        )
    if readings.open_stay_overlaps:
        return sorted(found, key=lambda stay: (stay.admitted, stay.discharged or date.max, stay.id))
    return sorted(found, key=lambda stay: (stay.admitted, stay.discharged or date.min, stay.id))


def last_day(stay: Stay, readings: Readings) -> date:
    """The day of discharge; of an open stay the end of time, or its first day (see `readings`)."""
    if stay.discharged is not None:
        return stay.discharged
    return date.max if readings.open_stay_overlaps else stay.admitted


def last_stay(episode: Episode, readings: Readings) -> Stay:
    """The stay that ends the episode (S1)."""
    last = episode[0]
    for stay in episode[1:]:
        if last_day(stay, readings) >= last_day(last, readings):
            last = stay
    return last


def still_open(episode: Episode) -> bool:
    return any(stay.discharged is None for stay in episode)


def joins_as_cms(last: Stay, coming: Stay, readings: Readings) -> bool:
    """Whether a stay joins the episode that `last` ends, as cms_hwr says."""
    ended = last_day(last, readings)
    if coming.admitted < ended:
        return True
    known = last.facility is not None and coming.facility is not None
    another = known and last.facility != coming.facility
    same = known and last.facility == coming.facility
    same_diagnosis = last.principal is not None and last.principal == coming.principal
    if not known and readings.unknown_facility_joins:
        another = last.disposition == "acute_transfer"
        same = True
    if another and (coming.admitted - ended).days <= 1:
        return True
    return same and coming.admitted == ended and same_diagnosis


def joins_as_pcr(last: Stay, coming: Stay, readings: Readings) -> bool:
    """Whether a stay joins as pcr_like says: stays two calendar days apart are distinct."""
    return (coming.admitted - last_day(last, readings)).days < 2


def episodes(
    stays: list[Stay], joins: Callable[[Stay, Stay, Readings], bool], readings: Readings
) -> list[Episode]:
    """The stays, joined: each stay looks at the end of the episode before it."""
    found: list[Episode] = []
    for stay in stays:
        if found and joins(last_stay(found[-1], readings), stay, readings):
            found[-1].append(stay)
        else:
            found.append([stay])
    return found
