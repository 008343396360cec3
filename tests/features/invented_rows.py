"""Canonical rows at random, crowded around the edges of windows: late, revised, reversed, twice.

Facts come in clusters too: several on one day that only the last tie-break tells apart, and runs
of many events of one kind, whose spans of days overlap. Each world has codes that it prefers, so
that the same ones come again.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from random import Random
from typing import Any

from data.concepts import read_codelist
from data.tables import (
    ADMISSION_TYPES,
    COST_KINDS,
    DISPOSITIONS,
    ENCOUNTER_KINDS,
    OUTREACH_STEPS,
    SCREENING_ANSWERS,
    TABLES,
)
from features.definitions import FEATURES
from features.lab_tests import LAB_TESTS
from tests.features.rows import AS_OF, row

Row = dict[str, Any]

PATIENTS = ("p", "q", "r")
STRANGER = "nobody"
EDGES = (
    0, 1, 2, 7, 8, 14, 15, 29, 30, 31, 59, 60, 61, 89, 90, 91, 120, 179, 180, 181, 306, 364, 365,
    366, 729, 730, 731, 1100,
)  # fmt: skip
# 306 days before 31 December 2020 is 29 February 2020

_OFTEN = (*TABLES, "encounter", "encounter", "diagnosis", "drug_fill", "cost", "lab_result")
_DIAGNOSES = (
    ("ICD10CM", "I509"), ("ICD10CM", "E119"), ("ICD10CM", "E1122"), ("ICD10CM", "C787"),
    ("ICD10CM", "C509"), ("ICD10CM", "B20"), ("ICD10CM", "Z590"), ("ICD10CM", "F329"),
    ("ICD10CM", "N186"), ("ICD10CM", "J449"), ("ICD10CM", "I10"), ("ICD10CM", "F1020"),
    ("ICD10CM", "K7460"), ("ICD10CM", "J189"), ("ICD10CM", "A419"), ("ICD10CM", "I214"),
    ("ICD10CM", "I4891"), ("ICD10CM", "I639"), ("ICD10CM", "K922"), ("ICD10CM", "S72001A"),
    ("ICD10CM", "M1711"), ("ICD10CM", "T8140XA"), ("ICD10CM", "E039"), ("ICD10CM", "QQQ"),
    ("ICD9CM", "4280"), ("ICD9CM", "25000"), ("ICD9CM", "V600"), ("ICD9CM", "99999"),
    ("CCW", "SP_CHF"), ("CCW", "SP_DEPRESSN"), ("CCW", "SP_X"),
)  # fmt: skip
_LISTED = list({
    (name, row["concept"]): (row["system"], row["code"])
    for name in ("ccw", "charlson_quan_2005", "elixhauser_quan_2005", "social_need")
    for row in read_codelist(name)
}.values())  # fmt: skip
"""One code of each concept."""
_PROCEDURES = (
    ("ICD10PCS", "0SRC0J9"), ("ICD10PCS", "QQQQQQQ"), ("HCPCS", "99213"), ("ICD9PCS", "8154"),
)  # fmt: skip
_DRUGS = (
    ("ATC", "A10AB01"), ("ATC", "A10AE04"), ("ATC", "B01AA03"), ("ATC", "B01AC06"),
    ("ATC", "N02AA01"), ("ATC", "C03CA01"), ("ATC", "C10AA05"), ("ATC", "?"),
    ("NDC", "00003029320"), ("RXNORM", "314076"),
)  # fmt: skip
_ASKED = tuple(
    code.removeprefix("RX/").rstrip("*") for f in FEATURES for code in f.channel.codes
    if code.startswith("RX/") and len(code) > len("RX/A*")
)  # fmt: skip
_CLASSES = [row["code"] for row in read_codelist("drug_class") if row["code"].startswith(_ASKED)]
"""Classes that some feature asks about by name."""
_LABS = (
    ("718-7", None), ("718-7", "g/dL"), ("718-7", "g/L"), ("718-7", "mmol/L"), ("20509-6", "g/L"),
    ("2951-2", "mmol/L"), ("2160-0", "umol/L"), ("2160-0", "mg/dL"), ("4548-4", "%"),
    ("9999-9", None), ("9999-9", "mg/dL"),
)  # fmt: skip
_SPECIALTIES = (
    "cardiology", "cardiology", "primary care", "primary care", "pulmonology", "nephrology",
    "oncology", "neurology", "gastroenterology", "endocrinology", "psychiatry", "general surgery",
    "geriatrics", "palliative care",
)  # fmt: skip
_PRODUCTS = ("HMO", "fee for service", "PPO", "Medicare Advantage HMO", "HDHP")


def invented(random: Random, facts: int) -> dict[str, list[Row]]:
    """About `facts` facts of three patients, each in one to three versions; every table there."""
    return _World(random).told(facts)


def crowd(worlds: int, facts: int, seed: int = 0) -> dict[str, list[Row]]:
    """Rows of several worlds in the same tables, each of three other patients."""
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for number in range(worlds):
        for name, rows in invented(Random(seed + number), facts).items():
            for each in rows:
                each["patient_id"] += str(number)
                for column in ("record_id", "encounter_id"):
                    if each.get(column):
                        each[column] += f"/{number}"
                tables[name].append(each)
    return tables


def edge(random: Random) -> date:
    """A day on or beside the edge of a window that looks back from AS_OF."""
    return AS_OF - timedelta(days=random.choice(EDGES) - random.choice((0, 0, 0, 1)))


class _World:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.tables: dict[str, list[Row]] = {name: [] for name in TABLES}
        self.diagnoses = [self.any_diagnosis() for _ in range(4)]
        self.drugs = [self.any_drug() for _ in range(2)]
        self.tests = [self.any_test() for _ in range(2)]

    def told(self, facts: int) -> dict[str, list[Row]]:
        number = 0
        while number < facts:
            table, patient = self.random.choice(_OFTEN), self.random.choice(PATIENTS)
            many = self.random.choice((1,) * 14 + (2, 3, 12))
            first = self.row(table, number, patient, edge(self.random))
            for place in range(many):
                made = first if place == 0 else (
                    self.tied(table, first, number + place) if many < 4
                    else self.in_a_run(table, first, number + place, place)
                )  # fmt: skip
                self.add(table, made)
            number += many
        for each in self.tables.values():
            self.random.shuffle(each)
        return self.tables

    def add(self, table: str, made: Row) -> None:
        """One to three versions of a fact, of which a later one may say anything else."""
        for version in range(self.random.choice((1, 1, 1, 2, 3))):
            if version:
                known = made["known_on"] + timedelta(days=self.random.choice((1, 5, 30)))
                day = self.random.choice((made[TABLES[table].happened], edge(self.random)))
                number = int(made["record_id"].rsplit("-", 1)[1])
                made = self.row(table, number, made["patient_id"], day, version)
                made["known_on"] = max(made["known_on"], known)
            if table == "diagnosis":
                made["encounter_id"] = self.encounter_id(made["patient_id"])
            self.tables[table].append(made)
            if self.random.random() < 0.1:
                self.tables[table].append(dict(made))  # the same row twice

    def row(self, table: str, number: int, patient: str, day: date, version: int = 0) -> Row:
        made = row(
            table,
            number,
            patient_id=patient,
            source_row=f"{table}.csv:{self.random.choice((number, number // 2))}.{version}",
            known_on=day + timedelta(days=self.random.choice((0, 0, 0, 1, 20, 90, 400))),
            reversed=self.random.random() < 0.1,
            **{TABLES[table].happened: day},
        )
        return made | self.content(table, made, day)

    def tied(self, table: str, first: Row, number: int) -> Row:
        """Another fact of the same day, known on the same day from the same source row."""
        happened = TABLES[table].happened
        told = self.content(table, first, first[happened])
        return first | told | {"record_id": f"{table}-{number}", happened: first[happened]}

    def in_a_run(self, table: str, first: Row, number: int, place: int) -> Row:
        """A fact of the same kind, some even steps before the first."""
        step = (1, 6, 25, 31)[first["known_on"].day % 4]
        back = timedelta(days=step * place)
        made: Row = {k: v - back if isinstance(v, date) and k != "birth_on" else v
                for k, v in first.items()}  # fmt: skip
        made["record_id"] = f"{table}-{number}"
        if table == "member":
            made["known_on"] = max(made["known_on"], made["birth_on"])
        if table == "cost":
            made |= self.cost(made, made["happened_on"])
        if table == "lab_result":
            made["value"] = self.result(made["loinc"])
        if table == "drug_fill":
            made["days_supply"] = self.supply()
        return made

    def content(self, table: str, made: Row, day: date) -> Row:
        return getattr(self, table)(made, day)

    def some(self, *values: Any) -> Any:
        return self.random.choice((None, *values))

    def encounter_id(self, patient: str) -> str | None:
        """Mostly one of the patient's own; also another's, one that nobody knows, or none."""
        encounters = self.tables["encounter"]
        if not encounters or self.random.random() < 0.1:
            return self.some("encounter-unknown")
        own = [made for made in encounters if made["patient_id"] == patient]
        among = own if own and self.random.random() < 0.9 else encounters
        return self.random.choice(among)["record_id"]

    def encounter(self, made: Row, day: date) -> Row:
        kind = self.random.choice(
            (*ENCOUNTER_KINDS, *["acute_inpatient"] * 8, *["emergency"] * 4, *["office"] * 4)
        )
        ended = self.some(*(day + timedelta(days=n) for n in (0, 1, 4, 30)))
        return {
            "kind": kind,
            "ended_on": ended,
            "known_on": max(made["known_on"], ended or day),
            "facility_id": self.some("h1", "h2"),
            "provider_id": self.some("d1", "d2", "d3"),
            "specialty": self.some(*_SPECIALTIES),
            "admission_type": self.some(*ADMISSION_TYPES),
            "disposition": self.some(*DISPOSITIONS),
        }

    def coverage(self, made: Row, day: date) -> Row:
        return {
            "end_on": self.some(*(day + timedelta(days=n) for n in (0, 30, 364, 800))),
            "payer": self.some("medicare", "medicaid", "medicaid", "commercial", "other"),
            "product": self.some(*_PRODUCTS),
        }

    def member(self, made: Row, day: date) -> Row:
        born = self.random.choice((date(1948, 2, 29), date(1950, 12, 31), date(1951, 1, 1), day))
        return {
            "birth_on": born,
            "sex": self.some("female", "male", "other"),
            "race": self.some("one", "other"),
            "death_on": self.some(day),
            "area_index": self.some(1, 50),
        }

    def any_diagnosis(self) -> tuple[str, str]:
        if self.random.random() < 0.5:
            return self.random.choice(_DIAGNOSES)
        return self.random.choice(_LISTED)

    def diagnosis(self, made: Row, day: date) -> Row:
        system, code = self.random.choice((*self.diagnoses, self.any_diagnosis()))
        return {"code_system": system, "code": code, "position": self.some(1, 1, 2)}

    def procedure(self, made: Row, day: date) -> Row:
        system, code = self.random.choice(_PROCEDURES)
        return {"code_system": system, "code": code}

    def any_drug(self) -> tuple[str, str]:
        return self.random.choice((*_DRUGS, *(("ATC", name) for name in _CLASSES)))

    def supply(self) -> int | None:
        return self.some(0, 1, 30, 30, 90, 400)

    def drug_fill(self, made: Row, day: date) -> Row:
        system, code = self.random.choice((*self.drugs, self.any_drug()))
        return {
            "code_system": system,
            "code": code,
            "days_supply": self.supply(),
            "prescriber_id": self.some("d1", "d2", "w9"),
        }

    def any_test(self) -> tuple[str, str | None]:
        if self.random.random() < 0.4:
            return self.random.choice(_LABS)
        test = self.random.choice(LAB_TESTS)
        units = (None, test.unit, *test.factors, "furlong")
        return self.random.choice(test.loincs), self.random.choice(units)

    def result(self, loinc: str) -> float:
        """Any number, or one on or beside a usual limit of the test."""
        limits = [limit for test in LAB_TESTS if loinc in test.loincs
                  for limit in test.limits if math.isfinite(limit)]  # fmt: skip
        beside = [number for limit in limits for number in (limit - 0.5, limit, 2 * limit)]
        return self.random.choice((0.0, 0.1, 7.7, 9.3, 12.5, 140.0, *beside))

    def lab_result(self, made: Row, day: date) -> Row:
        loinc, unit = self.random.choice((*self.tests, self.any_test()))
        return {"loinc": loinc, "unit": unit, "value": self.result(loinc)}

    def cost(self, made: Row, day: date) -> Row:
        return {
            "kind": self.random.choice(COST_KINDS),
            "covers": self.random.choice(("claim", "claim", "year")),
            "allowed_cents": self.random.choice((0, 1, 12_345, -500, 250_000, 123_456_789)),
        }

    def screening(self, made: Row, day: date) -> Row:
        need = self.random.choice(TABLES["screening"].column("need").choices)
        return {"need": need, "answer": self.random.choice(SCREENING_ANSWERS)}

    def outreach(self, made: Row, day: date) -> Row:
        return {"step": self.random.choice(OUTREACH_STEPS), "programme": self.some("a", "b")}
