"""Canonical rows at random, crowded around the edges of windows: late, revised, reversed, twice."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from data.tables import ADMISSION_TYPES, COST_KINDS, DISPOSITIONS, ENCOUNTER_KINDS, TABLES
from tests.features.rows import AS_OF, row

PATIENTS = ("p", "q", "r")
STRANGER = "nobody"
EDGES = (0, 1, 2, 29, 30, 31, 89, 90, 91, 179, 180, 181, 306, 364, 365, 366, 729, 730, 731, 1100)
# 306 days before 31 December 2020 is 29 February 2020

_DIAGNOSES = (
    ("ICD10CM", "I509"), ("ICD10CM", "E119"), ("ICD10CM", "E1122"), ("ICD10CM", "C787"),
    ("ICD10CM", "B20"), ("ICD10CM", "Z590"), ("ICD10CM", "F329"), ("ICD10CM", "QQQ"),
    ("ICD9CM", "4280"), ("ICD9CM", "25000"), ("ICD9CM", "V600"), ("CCW", "SP_CHF"),
)  # fmt: skip
_DRUGS = (
    ("ATC", "A10AB01"), ("ATC", "B01AA03"), ("ATC", "B01AC06"), ("ATC", "N02AA01"),
    ("ATC", "C03CA01"), ("ATC", "?"), ("NDC", "00003029320"),
)  # fmt: skip
_LABS = (
    ("718-7", None), ("718-7", "g/dL"), ("718-7", "g/L"), ("718-7", "mmol/L"),
    ("2951-2", "mmol/L"), ("2160-0", "umol/L"), ("4548-4", "%"), ("9999-9", None),
)  # fmt: skip


def invented(random: Random, facts: int) -> dict[str, list[dict[str, Any]]]:
    """About `facts` facts of three patients, each in one to three versions; every table there."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for number in range(facts):
        table = random.choice(list(TABLES))
        patient = random.choice(PATIENTS)
        known = None
        for version in range(random.choice((1, 1, 1, 2, 3))):
            made = _row(random, table, number, patient, version)
            if known is not None:
                known += timedelta(days=random.choice((1, 5, 30)))
                made["known_on"] = max(made["known_on"], known)
            known = made["known_on"]
            tables[table].append(made)
            if random.random() < 0.1:
                tables[table].append(dict(made))  # the same row twice
    for each in tables.values():
        random.shuffle(each)
    return tables


def _row(random: Random, table: str, number: int, patient: str, version: int) -> dict[str, Any]:
    day = edge(random)
    made = row(
        table,
        number,
        patient_id=patient,
        source_row=f"{table}.csv:{random.choice((number, number // 2))}.{version}",
        known_on=day + timedelta(days=random.choice((0, 0, 0, 1, 20, 90, 400))),
        reversed=random.random() < 0.1,
        **{TABLES[table].happened: day},
    )
    made |= _CONTENT[table](random, made, day)
    return made


def edge(random: Random) -> date:
    """A day on or beside the edge of a window that looks back from AS_OF."""
    return AS_OF - timedelta(days=random.choice(EDGES) - random.choice((0, 0, 0, 1)))


def _some(random: Random, *values: Any) -> Any:
    return random.choice((None, *values))


def _encounter(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    kind = random.choice((*ENCOUNTER_KINDS, *["acute_inpatient"] * 8, *["emergency"] * 4))
    ended = _some(random, *(day + timedelta(days=n) for n in (0, 1, 4, 30)))
    return {
        "kind": kind,
        "ended_on": ended,
        "known_on": max(made["known_on"], ended or day),
        "facility_id": _some(random, "h1", "h2"),
        "provider_id": _some(random, "d1", "d2", "d3"),
        "admission_type": _some(random, *ADMISSION_TYPES),
        "disposition": _some(random, *DISPOSITIONS),
    }


def _coverage(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    return {
        "end_on": _some(random, *(day + timedelta(days=n) for n in (0, 30, 364, 800))),
        "payer": _some(random, "medicare", "medicaid"),
        "product": _some(random, "HMO", "fee for service"),
    }


def _member(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    born = random.choice((date(1948, 2, 29), date(1950, 12, 31), date(1951, 1, 1), day))
    return {
        "birth_on": born,
        "sex": _some(random, "female", "male", "other"),
        "race": _some(random, "one", "other"),
        "death_on": _some(random, day),
        "area_index": _some(random, 1, 50),
    }


def _diagnosis(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    system, code = random.choice(_DIAGNOSES)
    encounters = [f"encounter-{n}" for n in range(12)]
    return {
        "code_system": system,
        "code": code,
        "position": _some(random, 1, 1, 2),
        "encounter_id": _some(random, *encounters),
    }


def _procedure(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    system, code = random.choice((("ICD10PCS", "0SRC0J9"), ("HCPCS", "99213"), ("ICD9PCS", "8154")))
    return {"code_system": system, "code": code}


def _drug_fill(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    system, code = random.choice(_DRUGS)
    return {"code_system": system, "code": code, "days_supply": _some(random, 0, 30, 90)}


def _lab_result(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    loinc, unit = random.choice(_LABS)
    return {"loinc": loinc, "unit": unit, "value": random.choice((0.1, 7.7, 9.3, 140.0))}


def _cost(random: Random, made: dict[str, Any], day: date) -> dict[str, Any]:
    return {
        "kind": random.choice(COST_KINDS),
        "covers": random.choice(("claim", "claim", "year")),
        "allowed_cents": random.choice((0, 1, 12_345, -500, 123_456_789)),
    }


_CONTENT = {
    "member": _member, "coverage": _coverage, "encounter": _encounter, "diagnosis": _diagnosis,
    "procedure": _procedure, "drug_fill": _drug_fill, "lab_result": _lab_result, "cost": _cost,
}  # fmt: skip
