"""Small canonical tables for tests: each fact one line, what is not said has a default."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from data.tables import TABLES
from training.settings.lab_settings import LabSettings

NO_LAB = LabSettings(backtest_cuts=0, curve_points=0, stability_refits=0, plausibility_people=0)
"""For trainings in tests of something else: nothing is learned a second time."""
EVERYTHING = sorted(
    [*TABLES, "admission_type", "disposition", "emergency_visits", "office_visits",
     "principal_diagnosis", "area_index"]
)  # fmt: skip


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))


def table_of(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """A canonical table; record_id, known_on, reversed and source_row have defaults."""
    table = TABLES[name]
    made: dict[str, list[Any]] = {column: [] for column in table.names}
    for number, row in enumerate(rows):
        unknown = set(row) - set(table.names)
        assert not unknown, f"{name} has no column {unknown}"
        full = {"record_id": f"{name}-{number}", "reversed": False, "source_row": f"t:{number}"}
        full |= row
        full.setdefault("known_on", row.get("ended_on") or row[table.happened])
        for column in table.columns:
            value = full.get(column.name)
            if column.type == "date" and isinstance(value, str):
                value = date.fromisoformat(value)
            made[column.name].append(value)
    return pa.table(made, schema=table.schema)


def tables(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    return {name: table_of(name, rows.get(name, [])) for name in TABLES}


def manifest(**changes: Any) -> dict[str, Any]:
    return {
        "source": "canonical", "origin": "invented", "carries": EVERYTHING,
        "data_through": "2024-12-31", "run_out_days": 120, "cost_covers": "claim",
    } | changes  # fmt: skip


class Person:
    """One patient's facts, told one after another; `together` makes tables of several."""

    def __init__(
        self,
        patient: str = "anna",
        birth: str = "1945-05-05",
        covered: tuple[str, str | None] | None = ("2015-01-01", None),
        death: str | None = None,
    ) -> None:
        self.patient = patient
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.add("member", birth_on=birth, sex="female", death_on=death,
                 known_on=death or "2000-01-01")  # fmt: skip
        if covered:
            self.add("coverage", start_on=covered[0], end_on=covered[1], known_on=covered[0])

    def add(self, table: str, **row: Any) -> Person:
        number = len(self.rows[table])
        row.setdefault("record_id", f"{self.patient}-{table}-{number}")
        self.rows[table].append({"patient_id": self.patient} | row)
        return self

    def stay(
        self,
        name: str,
        admitted: str,
        discharged: str | None,
        facility: str | None = "north",
        diagnosis: str | None = "I509",
        disposition: str | None = "home",
        procedures: tuple[str, ...] = (),
        kind: str = "acute_inpatient",
        system: str = "ICD10",
        known_on: str | None = None,
    ) -> Person:
        """An acute stay with its principal diagnosis (heart failure unless told) and procedures."""
        self.add("encounter", record_id=name, kind=kind, started_on=admitted, ended_on=discharged,
                 facility_id=facility, disposition=disposition if discharged else None,
                 known_on=known_on or discharged or admitted)  # fmt: skip
        told = discharged or admitted
        if diagnosis:
            self.add("diagnosis", record_id=f"{name}-dx", encounter_id=name, happened_on=admitted,
                     code_system=f"{system}CM", code=diagnosis, position=1,
                     known_on=told)  # fmt: skip
        for number, code in enumerate(procedures):
            self.add("procedure", record_id=f"{name}-px{number}", encounter_id=name,
                     happened_on=admitted, code_system=f"{system}PCS", code=code,
                     known_on=told)  # fmt: skip
        return self

    def cost(self, on: str, dollars: float, **more: Any) -> Person:
        return self.add("cost", happened_on=on, kind="inpatient", covers="claim",
                        allowed_cents=round(dollars * 100), **more) if "covers" not in more else (
            self.add("cost", happened_on=on, kind="inpatient",
                     allowed_cents=round(dollars * 100), **more))  # fmt: skip


def together(*people: Person) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for person in people:
        for name, facts in person.rows.items():
            rows[name] += facts
    return tables(**rows)
