"""Tiny canonical tables for tests: only what a test is about has to be written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from data import feeds
from data.tables import TABLES
from features.history import Histories

CARRIES = (*feeds.CARRIES, *feeds.DERIVED)
AS_OF = date(2020, 12, 31)

_USUAL: dict[str, dict[str, Any]] = {
    "member": {"birth_on": date(1950, 6, 1), "sex": "female"},
    "coverage": {"payer": "medicare"},
    "encounter": {"kind": "office"},
    "diagnosis": {"code_system": "ICD10CM"},
    "procedure": {"code_system": "ICD10PCS"},
    "drug_fill": {"code_system": "ATC", "days_supply": 30},
    "lab_result": {},
    "cost": {"kind": "inpatient", "covers": "claim"},
    "screening": {"need": "housing", "answer": "need"},
    "outreach": {"step": "contacted"},
}


def ago(days: int) -> date:
    """The day that many days before AS_OF."""
    return AS_OF - timedelta(days=days)


def row(table: str, number: int = 0, **given: Any) -> dict[str, Any]:
    """One canonical row of patient p; known on the day it happened unless it is said when."""
    declared = TABLES[table]
    made = {
        **dict.fromkeys(declared.names),
        "record_id": f"{table}-{number}",
        "patient_id": "p",
        "reversed": False,
        "source_row": f"{table}.csv:{number}",
        **_USUAL[table],
        **given,
    }
    if made["known_on"] is None:
        made["known_on"] = made.get("ended_on") or made[declared.happened]
    return made


def rows(table: str, *given: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Several rows of one table, numbered, as a set of tables."""
    return {table: [row(table, number, **each) for number, each in enumerate(given)]}


def arrow(tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pylist(list(each), schema=TABLES[name].schema)
        for name, each in tables.items()
    }


def histories(
    tables: Mapping[str, list[dict[str, Any]]], carries: tuple[str, ...] = CARRIES
) -> Histories:
    return Histories.of_tables(arrow(tables), carries)
