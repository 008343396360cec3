"""What is known of one patient in the end: plain rows, the final version of each fact.

Readings chosen where DEFINITIONS.md is silent:

F1. The final version is the one with the latest known_on not after data_through.
F2. An open span of coverage covers every day from its start; spans of any payer count alike, and
    a day is covered that lies in any span.
F3. Somebody born on 29 February is a year older on 1 March where the year has no such day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Patient = dict[str, list[Row]]
"""Table → the final rows of one patient, in the order of record_id."""
NEEDED = ("member", "coverage", "encounter", "diagnosis", "procedure", "cost")
ONE_DAY = timedelta(days=1)


def final_versions(rows: list[Row], data_through: date) -> list[Row]:
    """The last version of each fact known by data_through; withdrawn facts are left out."""
    versions: dict[str, list[Row]] = {}
    for row in rows:
        if row["known_on"] <= data_through:
            versions.setdefault(row["record_id"], []).append(row)
    final = []
    for record_id in sorted(versions):
        last = max(versions[record_id], key=lambda row: row["known_on"])
        if not last["reversed"]:
            final.append(last)
    return final


def patients(tables: Mapping[str, pa.Table], data_through: date) -> dict[str, Patient]:
    """patient_id → what is known of that person at data_through, of everyone with a record."""
    people: dict[str, dict[str, list[Row]]] = {}
    for name in NEEDED:
        for row in tables[name].to_pylist():
            person = people.setdefault(row["patient_id"], {table: [] for table in NEEDED})
            person[name].append(row)
    return {
        patient_id: {
            name: final_versions(rows, data_through) for name, rows in people[patient_id].items()
        }
        for patient_id in sorted(people)
    }


def days(first: date, last: date) -> list[date]:
    """Every day from first to last, both included; none where last lies before first."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def covered(patient: Patient, day: date) -> bool:
    """Whether any span of coverage holds the day."""
    for span in patient["coverage"]:
        if span["start_on"] <= day and (span["end_on"] is None or day <= span["end_on"]):
            return True
    return False


def covered_by(patient: Patient, day: date, payer: str) -> bool:
    """Whether a span of that payer holds the day."""
    spans = [span for span in patient["coverage"] if span["payer"] == payer]
    return covered({"coverage": spans}, day)


def covered_throughout(patient: Patient, first: date, last: date) -> bool:
    """Whether every day from first to last, both included, is covered."""
    return all(covered(patient, day) for day in days(first, last))


def born_on(patient: Patient) -> date:
    return patient["member"][0]["birth_on"]


def died_on(patient: Patient) -> date | None:
    return patient["member"][0]["death_on"] if patient["member"] else None


def age(patient: Patient, day: date) -> int:
    """Completed years on the day."""
    born = born_on(patient)
    had_birthday = (day.month, day.day) >= (born.month, born.day)
    return day.year - born.year - (0 if had_birthday else 1)
