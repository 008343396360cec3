"""What claims do not say: specialties, prescribers, missed appointments, screening, outreach.

All of it is drawn afterwards, from streams of its own: it neither changes what happens to anybody
nor depends on more than the person's own life. A missed appointment is no care and costs nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from data.tables import ENCOUNTER_KINDS, OUTREACH_STEPS, SCREENING_ANSWERS

from .randomness import uniform_of
from .state import (
    ACCESS,
    C_DISPOSITION,
    C_FACILITY,
    C_MASK,
    C_START,
    COVER_1,
    COVER_1_END,
    COVER_2,
    COVER_2_END,
    DEATH,
    FILL_DRUG,
    FILL_MEMBER,
    FILL_SEQ,
    MEMBER,
    NEED_BITS,
    REGION,
)  # fmt: skip
from .stays import ACUTE, OFFICE_VISIT, OUTPATIENT, PSYCHIATRIC, TO_HOME, TO_HOME_HEALTH
from .tables import DOCTOR, NOTHING, Contacts, canonical, patient_ids
from .text import choose, dates, identifiers
from .vocabulary import CONDITION_NAMES, HOUSING, NEED_COUNT, NEEDS, TRANSPORT

# purposes of uniform_of: one number each, and none that another file uses
(SPECIALIST, PRESCRIBER, THIS_DRUG, OTHER, FORGETFUL, MISSED, EARLIER, FEED, ASKED, REFUSED, SAID,
 OFFERED, REACHED, JOINED, LEFT) = range(200, 215)  # fmt: skip

PRIMARY_CARE = "primary care"
_TREATS = {
    "dialysis": "nephrology", "metastases": "oncology", "cancer": "oncology",
    "liver": "gastroenterology", "mental_illness": "psychiatry", "rheumatoid": "rheumatology",
    "heart_failure": "cardiology", "kidney": "nephrology", "infarction": "cardiology",
    "atrial_fibrillation": "cardiology", "copd": "pulmonology", "dementia": "neurology",
    "coronary": "cardiology", "cerebrovascular": "neurology", "peripheral": "vascular surgery",
    "substance": "psychiatry", "diabetes_complicated": "endocrinology", "depression": "psychiatry",
    "anaemia": "haematology", "osteoarthritis": "orthopaedics",
}  # fmt: skip
"""Condition → who treats it, the gravest first; the others belong to primary care."""
SPECIALTIES = (PRIMARY_CARE, "radiology", *sorted(set(_TREATS.values())))
_OFFICE_SPECIALISTS, _SEES_OTHERS = 0.45, 0.35
"""Share of the office visits for such a condition that are a specialist's; share of outpatient
visits for none that are radiology."""
_DOCTORS = 40
_INSTRUMENT, _PROGRAMME = "AHC HRSN", "transitions of care"
_SCREENED, _WILL_NOT_SAY = 0.08, 0.06
_CALLED = 0.2


def specialties(contacts: Contacts) -> pa.DictionaryArray:
    """The clinician's specialty of each office and outpatient visit; empty for other contacts."""
    mask = contacts.rows[:, C_MASK]
    treats = np.full(len(mask), -1)
    for condition, specialty in reversed(_TREATS.items()):
        named = (mask >> CONDITION_NAMES.index(condition)) & 1 == 1
        treats[named] = SPECIALTIES.index(specialty)
    u = uniform_of(contacts.seed, SPECIALIST, contacts.member, contacts.seq)
    at = np.full(len(mask), -1)
    office, outpatient = contacts.kind == OFFICE_VISIT, contacts.kind == OUTPATIENT
    at[office | outpatient] = SPECIALTIES.index(PRIMARY_CARE)
    at[outpatient & (u < _SEES_OTHERS)] = SPECIALTIES.index("radiology")
    seen = (treats >= 0) & (outpatient | (office & (u < _OFFICE_SPECIALISTS)))
    at[seen] = treats[seen]
    indices = pa.array(at, pa.int32(), mask=at < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(SPECIALTIES))


def prescribers(seed: int, fills: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The prescriber of each fill, as the five digits of a clinician of the person's region.

    Mostly the person's own doctor, for some drugs another one, now and then whoever was there.
    """
    member, drug = fills[:, FILL_MEMBER], fills[:, FILL_DRUG]
    own = uniform_of(seed, PRESCRIBER, member)
    of_drug = uniform_of(seed, THIS_DRUG, member, drug)
    once = uniform_of(seed, OTHER, member, fills[:, FILL_SEQ])
    doctor = np.where(once < 0.05, once * 20.0, np.where(of_drug < 0.3, of_drug / 0.3, own))
    return (800 + counted[_person(counted, member), REGION]) * 100 + (doctor * _DOCTORS).astype(
        np.int64
    )


def _person(counted: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Where each member's state lies: those of a chunk stand one after another."""
    return member - counted[0, MEMBER]


def _in_bed(contacts: Contacts, member: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Whether each person is in hospital on that day."""
    stays = np.flatnonzero(np.isin(contacts.kind, (ACUTE, PSYCHIATRIC)))
    if len(stays) == 0:
        return np.zeros(len(day), bool)
    begun = (contacts.member[stays] << 24) + contacts.rows[stays, C_START]
    order = np.argsort(begun, kind="stable")
    before = np.searchsorted(begun[order], (member << 24) + day, side="right") - 1
    last = stays[order[np.maximum(before, 0)]]
    return (before >= 0) & (contacts.member[last] == member) & (contacts.end[last] >= day)


def missed_appointments(
    contacts: Contacts, measured: np.ndarray, counted: np.ndarray,
    specialty: pa.DictionaryArray, last: int,
) -> pa.Table:  # fmt: skip
    """Appointments that were booked before an office visit and not kept, from the booking feed.

    Who lacks transport, a home or access to care misses more, and some do without such a reason.
    """
    office = np.flatnonzero(contacts.kind == OFFICE_VISIT)
    seed, member, seq = contacts.seed, contacts.member[office], contacts.seq[office]
    place = _person(counted, member)
    person, need = counted[place], counted[place, NEED_BITS]
    odds = -3.0 + 1.1 * ((need >> TRANSPORT) & 1) + 0.6 * ((need >> HOUSING) & 1)
    odds -= 3.0 * (measured[place, ACCESS] - 0.9)
    odds += 2.0 * (uniform_of(seed, FORGETFUL, member) - 0.5)
    missed = uniform_of(seed, MISSED, member, seq) < 1.0 / (1.0 + np.exp(-odds))
    day = contacts.rows[office, C_START]
    day = day - 4 - (uniform_of(seed, EARLIER, member, seq) * 24.0).astype(np.int64)
    known = day + 1 + (uniform_of(seed, FEED, member, seq) * 2.0).astype(np.int64)
    covered = (person[:, COVER_1] <= day) & (day <= person[:, COVER_1_END])
    covered |= (person[:, COVER_2] <= day) & (day <= person[:, COVER_2_END])
    kept = np.flatnonzero(missed & covered & (known <= last) & ~_in_bed(contacts, member, day))
    at, member, seq = office[kept], member[kept], seq[kept]
    facility = contacts.rows[at, C_FACILITY]
    doctor = (uniform_of(seed, DOCTOR, member, seq) * _DOCTORS).astype(np.int64)
    kind = np.full(len(at), ENCOUNTER_KINDS.index("missed_appointment"))
    return canonical("encounter", {
        "record_id": identifiers("E", (member + 1, 7), "-", (seq, 5), "-missed"),
        "patient_id": patient_ids(member),
        "kind": choose(ENCOUNTER_KINDS, kind),
        "started_on": dates(day[kept], NOTHING),
        "ended_on": dates(day[kept], NOTHING),
        "facility_id": identifiers("H", (facility, 3)),
        "provider_id": identifiers("D", (facility, 3), (doctor, 2)),
        "specialty": specialty.take(pa.array(at)),
        "admission_type": pa.nulls(len(at)),
        "disposition": pa.nulls(len(at)),
        "drg": pa.nulls(len(at)),
        "place_of_service": pa.nulls(len(at)),
        "revenue_codes": pa.nulls(len(at)),
        "known_on": dates(known[kept], NOTHING),
        "reversed": np.zeros(len(at), bool),
    })  # fmt: skip


def screenings(contacts: Contacts, counted: np.ndarray, last: int) -> pa.Table:
    """Answers to a questionnaire about each need, at some office visits.

    A quarter of those who have a need do not say so, a few say so who have none, and some decline.
    """
    seed = contacts.seed
    u = uniform_of(seed, ASKED, contacts.member, contacts.seq)
    visit = np.flatnonzero((contacts.kind == OFFICE_VISIT) & (u < _SCREENED))
    at = np.repeat(visit, NEED_COUNT)
    need = np.tile(np.arange(NEED_COUNT), len(visit))
    member, seq, day = contacts.member[at], contacts.seq[at], contacts.end[at]
    has = (counted[_person(counted, member), NEED_BITS] >> need) & 1 == 1
    said = uniform_of(seed, SAID, member, seq, need)
    answer = np.where(said < np.where(has, 0.75, 0.02), 0, 1)
    answer[uniform_of(seed, REFUSED, member, seq) < _WILL_NOT_SAY] = 2
    answer[said > 0.99] = 2
    known = day + (u[at] / _SCREENED * 3.0).astype(np.int64)
    kept = np.flatnonzero(known <= last)
    member, seq, need = member[kept], seq[kept], need[kept]
    return canonical("screening", {
        "record_id": identifiers("Q", (member + 1, 7), "-", (seq, 5), "-", (need, 1)),
        "patient_id": patient_ids(member),
        "happened_on": dates(day[kept], NOTHING),
        "need": choose([name for name, _ in NEEDS], need),
        "answer": choose(SCREENING_ANSWERS, answer[kept]),
        "instrument": choose([_INSTRUMENT], np.zeros(len(kept), int)),
        "known_on": dates(known[kept], NOTHING),
        "reversed": np.zeros(len(kept), bool),
    })  # fmt: skip


def outreach(contacts: Contacts, counted: np.ndarray, last: int) -> pa.Table:
    """Calls after some discharges to a home, and what came of them, until death or the data end."""
    seed = contacts.seed
    home = np.isin(contacts.rows[:, C_DISPOSITION], (TO_HOME, TO_HOME_HEALTH))
    u = uniform_of(seed, OFFERED, contacts.member, contacts.seq)
    at = np.flatnonzero((contacts.kind == ACUTE) & home & (u < _CALLED))
    member, seq = contacts.member[at], contacts.seq[at]
    reached, joined, left = (
        uniform_of(seed, purpose, member, seq) for purpose in (REACHED, JOINED, LEFT)
    )
    first = contacts.end[at] + 1 + (u[at] / _CALLED * 4.0).astype(np.int64)
    there = reached < 0.85
    again = there & (reached > 0.6)
    spoke = first + np.where(again, 2, 0)
    enrolled = there & (joined < 0.45)
    declined = there & (joined > 0.8)
    decided = spoke + (joined * 3.0).astype(np.int64)
    closed = decided + 30 + (left * 90.0).astype(np.int64)
    steps = (
        ("no_answer", ~there | again, first), ("contacted", there, spoke),
        ("enrolled", enrolled, decided), ("declined", declined, decided),
        ("closed", enrolled & (left < 0.9), closed),
    )  # fmt: skip
    row = np.concatenate([np.flatnonzero(taken) for _, taken, _ in steps])
    day = np.concatenate([on[taken] for _, taken, on in steps])
    number = np.repeat(np.arange(len(steps)), [int(taken.sum()) for _, taken, _ in steps])
    known = day + (left[row] * 2.0).astype(np.int64)
    alive = day < counted[_person(counted, member[row]), DEATH]
    kept = np.flatnonzero(alive & (known <= last))
    member, seq, day, number = member[row][kept], seq[row][kept], day[kept], number[kept]
    step = np.array([OUTREACH_STEPS.index(name) for name, _, _ in steps])[number]
    return canonical("outreach", {
        "record_id": identifiers("O", (member + 1, 7), "-", (seq, 5), "-", (number, 1)),
        "patient_id": patient_ids(member),
        "happened_on": dates(day, NOTHING),
        "step": choose(OUTREACH_STEPS, step),
        "programme": choose([_PROGRAMME], np.zeros(len(kept), int)),
        "known_on": dates(known[kept], NOTHING),
        "reversed": np.zeros(len(kept), bool),
    })  # fmt: skip
