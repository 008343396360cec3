"""Rows → facts → what a patient's history says at as_of, each thing with the concepts it names."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any

from data import codes
from data.lab_units import plain_unit
from data.tables import DISPOSITIONS, TABLES
from features.lab_tests import LAB_TESTS

Row = Mapping[str, Any]
NOTHING = math.nan
EPOCH = date(1970, 1, 1)
STAYS = (
    "acute_inpatient", "psychiatric_inpatient", "rehabilitation_inpatient", "skilled_nursing",
    "long_term_care", "observation", "home_health", "hospice",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One thing that had happened to the patient and was known, under the source's own code."""

    day: date
    known: date
    code: str
    source_row: str
    value: float = NOTHING

    @property
    def order(self) -> tuple[Any, ...]:
        return (self.day, self.known, self.code, self.source_row, math.isnan(self.value),
                self.value)  # fmt: skip

    @property
    def concepts(self) -> list[tuple[str, float]]:
        """What the code names, each with the number that it stands for."""
        return [(name, number(self.value)) for name, number in _meaning(self.code)]


def everything_seen(
    tables: Mapping[str, Iterable[Row]], carries: Collection[str], patient_id: str, as_of: date
) -> list[Seen]:
    """All that had happened by as_of and was known by then, oldest first."""
    rows_now = {
        name: standing(name, rows, patient_id, as_of)
        for name, rows in tables.items()
        if name in carries
    }
    found: list[Seen] = []
    for name, rows in rows_now.items():
        for row in rows:
            found.extend(_TELLS[name](row))
    found.extend(_principal(rows_now.get("encounter", []), rows_now.get("diagnosis", [])))
    return sorted((s for s in found if s.day <= as_of), key=lambda s: s.order)


def standing(table: str, rows: Iterable[Row], patient_id: str, as_of: date) -> list[Row]:
    """For each fact the version known at as_of, unless that version withdraws it."""
    latest: dict[str, Row] = {}
    for row in rows:
        if row["patient_id"] != patient_id or row["known_on"] > as_of:
            continue
        before = latest.get(row["record_id"])
        if before is None or _rank(table, row) > _rank(table, before):
            latest[row["record_id"]] = row
    return [row for row in latest.values() if not row["reversed"]]


def _rank(table: str, row: Row) -> tuple[Any, ...]:
    names = ["known_on", "source_row", *TABLES[table].names]
    return tuple((row[name] is not None, row[name]) for name in names)


def _at(row: Row, day: date, code: str, value: float | None = None) -> Seen:
    number = NOTHING if value is None else float(value)
    return Seen(day, row["known_on"], code, row["source_row"], number)


def _member(row: Row) -> list[Seen]:
    born, area = row["birth_on"], row["area_index"]
    told = [
        _at(row, born, "PERSON/born"),
        _at(row, born, "PERSON/female", {"female": 1, "male": 0}.get(row["sex"])),
    ]
    return told if area is None else [*told, _at(row, born, "PERSON/area_index", area)]


def _coverage(row: Row) -> list[Seen]:
    last_day = None if row["end_on"] is None else (row["end_on"] - EPOCH).days
    return [
        _at(row, row["start_on"], f"COVER/{(row['payer'] or 'unknown').lower()}", last_day),
        _at(row, row["start_on"], f"PRODUCT/{(row['product'] or 'unknown').lower()}", last_day),
    ]


def _encounter(row: Row) -> list[Seen]:
    kind, start, end = row["kind"], row["started_on"], row["ended_on"]
    told = [_at(row, start, f"ENC/{kind}/started")]
    for column, prefix in (
        ("facility_id", "FACILITY"), ("provider_id", "PROVIDER"), ("specialty", "SPECIALTY"),
    ):  # fmt: skip
        if row[column] is not None and kind != "missed_appointment":  # nobody was seen
            told.append(_at(row, start, f"{prefix}/{row[column]}"))
    if kind in STAYS and end is None:
        told.append(_at(row, start, f"ENC/{kind}/open"))
    if kind in STAYS and end is not None:
        told.append(_at(row, end, f"ENC/{kind}/ended", (end - start).days))
    if kind == "acute_inpatient" and end is not None:
        emergent = {"emergency": 1, "urgent": 1, "trauma": 1, "elective": 0}
        went = row["disposition"]
        place = None if went is None else DISPOSITIONS.index(went)
        told.append(_at(row, end, "STAY/emergent", emergent.get(row["admission_type"])))
        told.append(_at(row, end, "STAY/disposition", place))
        told.append(_at(row, end, "PRINCIPAL"))
    return told


def _principal(stays: list[Row], diagnoses: list[Row]) -> list[Seen]:
    """The principal diagnosis of each discharged acute stay: a fact of two facts."""
    return [
        Seen(
            stay["ended_on"],
            max(stay["known_on"], row["known_on"]),
            f"PRINCIPAL/{row['code_system']}/{row['code']}",
            row["source_row"],
        )
        for stay in stays
        if stay["kind"] == "acute_inpatient" and stay["ended_on"] is not None
        for row in diagnoses
        if row["encounter_id"] == stay["record_id"] and row["position"] == 1
    ]


def _diagnosis(row: Row) -> list[Seen]:
    return [_at(row, row["happened_on"], f"DX/{row['code_system']}/{row['code']}")]


def _procedure(row: Row) -> list[Seen]:
    return [_at(row, row["happened_on"], f"PX/{row['code_system']}/{row['code']}")]


def _drug_fill(row: Row) -> list[Seen]:
    code = f"RX/{row['code_system']}/{row['code']}"
    told = [_at(row, row["happened_on"], code, row["days_supply"])]
    if row["prescriber_id"] is not None:
        told.append(_at(row, row["happened_on"], f"PRESCRIBER/{row['prescriber_id']}"))
    return told


def _lab_result(row: Row) -> list[Seen]:
    unit = f"/{row['unit']}" if row["unit"] else ""
    return [_at(row, row["happened_on"], f"LAB/{row['loinc']}{unit}", row["value"])]


def _cost(row: Row) -> list[Seen]:
    family = "COSTYEAR" if row["covers"] == "year" else "COST"
    return [_at(row, row["happened_on"], f"{family}/{row['kind']}", row["allowed_cents"])]


def _screening(row: Row) -> list[Seen]:
    value = {"need": 1, "no_need": 0}.get(row["answer"])
    return [_at(row, row["happened_on"], f"SCREEN/{row['need']}", value)]


def _outreach(row: Row) -> list[Seen]:
    return [_at(row, row["happened_on"], f"OUTREACH/{row['step']}")]


_TELLS: dict[str, Callable[[Row], list[Seen]]] = {
    "member": _member, "coverage": _coverage, "encounter": _encounter, "diagnosis": _diagnosis,
    "procedure": _procedure, "drug_fill": _drug_fill, "lab_result": _lab_result, "cost": _cost,
    "screening": _screening, "outreach": _outreach,
}  # fmt: skip


def _itself(value: float) -> float:
    return value


@cache
def _meaning(code: str) -> tuple[tuple[str, Callable[[float], float]], ...]:
    """The concepts that an event code names, and what each makes of the event's value."""
    prefix, _, rest = code.partition("/")
    match prefix:
        case "DX":
            return tuple((concept, _itself) for concept in _of_diagnosis(*rest.split("/", 1)))
        case "PRINCIPAL" if rest:
            ccs = _ccs(*rest.split("/", 1))
            return (("STAY/principal/known", lambda _: float(ccs) if ccs else NOTHING),)
        case "PX":
            system, text = rest.split("/", 1)
            return ((f"PX/{int(codes.procedure_concept(system, [text])[0])}", _itself),)
        case "RX":
            system, text = rest.split("/", 1)
            return ((f"RX/{codes.drug_class(system, [text])[0] or 'unknown'}", _itself),)
        case "LAB":
            return _of_result(*rest.partition("/")[::2])
        case _:
            return ((code, _itself),)


def _ccs(system: str, code: str) -> int:
    return int(codes.diagnosis_concept(system, [code])[0])


def _of_diagnosis(system: str, code: str) -> list[str]:
    ccs = _ccs(system, code)
    if system == "CCW":  # a yearly summary says so; nobody coded a diagnosis that day
        return [f"FLAG/{ccs}"]

    def groups(prefix: str, bits: Any, names: tuple[str, ...]) -> list[str]:
        return [f"{prefix}/{group}" for group in codes.group_names(int(bits[0]), names)]

    told = [
        f"DX/{ccs}",
        *groups("CHARLSON", codes.charlson_groups(system, [code]), codes.CHARLSON_GROUPS),
        *groups("ELIXHAUSER", codes.elixhauser_groups(system, [code]), codes.ELIXHAUSER_GROUPS),
        *groups("LACE", codes.lace_groups(system, [code]), codes.LACE_ITEMS),
    ]
    need = codes.SOCIAL_NEEDS[codes.social_need(system, [code])[0]]
    told += [f"NEED/{need}"] if need != "none" else []
    told += [f"HCC/{number}" for number in codes.hcc_categories(system, [code])[0]]
    return [*told, f"CHRONIC/{_condition(ccs)}"] if codes.is_chronic(system, [code])[0] else told


def _condition(ccs: int) -> str | int:
    if 11 <= ccs <= 45 and ccs != 44:
        return "cancer"
    return {49: "diabetes", 50: "diabetes", 98: "hypertension", 99: "hypertension"}.get(ccs, ccs)


def _of_result(loinc: str, unit: str) -> tuple[tuple[str, Callable[[float], float]], ...]:
    for test in LAB_TESTS:
        if loinc not in test.loincs:
            continue
        for spelt, factor in {test.unit: 1.0, **test.factors}.items():
            if unit == "" or plain_unit(unit) == plain_unit(spelt):
                return ((f"LAB/{test.name}", partial(operator.mul, factor)),)
        unread = f"LAB/{loinc} in {unit}"
        return ((unread, _itself), (f"LAB/{test.name}", lambda _: NOTHING))
    return ((f"LAB/code/{loinc}", _itself),)
