"""The slow, obvious second implementation of every feature: one patient at a time, no vectors.

It reads the declarations (what a feature is) and asks `data.codes` about one code at a time. How
rows become facts, which version is seen, what lies in a window and how it is added up is written
here a second time, in dates and lists. Tests hold the engine against it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from data import codes
from data.tables import DISPOSITIONS, TABLES
from features.definitions.declaration import Channel, Feature
from features.units import LAB_TESTS

Row = Mapping[str, Any]
NOTHING = math.nan
STAYS = (
    "acute_inpatient", "psychiatric_inpatient", "rehabilitation_inpatient", "skilled_nursing",
    "long_term_care", "observation", "home_health", "hospice",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One thing that had happened to the patient and was known."""

    day: date
    known: date
    code: str
    source_row: str
    value: float = NOTHING
    last_day: date | None = None  # of a span of coverage that has ended or is to end

    @property
    def order(self) -> tuple[Any, ...]:
        return (self.day, self.known, self.code, self.source_row, math.isnan(self.value),
                self.value)  # fmt: skip


def answer(
    tables: Mapping[str, Iterable[Row]],
    carries: Collection[str],
    patient_id: str,
    as_of: date,
    features: Iterable[Feature],
) -> dict[str, float]:
    """The value of each feature by name; NaN is missing."""
    seen = everything_seen(tables, carries, patient_id, as_of)
    answers = {}
    for feature in features:
        if feature.feed not in carries:
            answers[feature.name] = NOTHING
        else:
            answers[feature.name] = _value(feature, seen, as_of)
    return answers


def everything_seen(
    tables: Mapping[str, Iterable[Row]], carries: Collection[str], patient_id: str, as_of: date
) -> list[Seen]:
    """All that had happened by as_of and was known by then, oldest first."""
    standing = {
        name: _standing(name, rows, patient_id, as_of)
        for name, rows in tables.items()
        if name in carries
    }
    found: list[Seen] = []
    for name, rows in standing.items():
        for row in rows:
            found.extend(_TELLS[name](row))
    found.extend(_principal(standing.get("encounter", []), standing.get("diagnosis", [])))
    return sorted((s for s in found if s.day <= as_of), key=lambda s: s.order)


def _standing(table: str, rows: Iterable[Row], patient_id: str, as_of: date) -> list[Row]:
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


def _member(row: Row) -> list[Seen]:
    def at_birth(code: str, value: float = NOTHING) -> Seen:
        return Seen(row["birth_on"], row["known_on"], code, row["source_row"], value)

    told = [at_birth("PERSON/born")]
    told.append(at_birth("PERSON/female", {"female": 1.0, "male": 0.0}.get(row["sex"], NOTHING)))
    if row["area_index"] is not None:
        told.append(at_birth("PERSON/area_index", float(row["area_index"])))
    return told


def _coverage(row: Row) -> list[Seen]:
    return [
        Seen(row["start_on"], row["known_on"], code, row["source_row"], last_day=row["end_on"])
        for code in (
            f"COVER/{(row['payer'] or 'unknown').lower()}",
            f"PRODUCT/{(row['product'] or 'unknown').lower()}",
        )
    ]


def _encounter(row: Row) -> list[Seen]:
    kind, start, end = row["kind"], row["started_on"], row["ended_on"]

    def at(day: date, code: str, value: float = NOTHING) -> Seen:
        return Seen(day, row["known_on"], code, row["source_row"], value)

    told = [at(start, f"ENC/{kind}/started")]
    if row["facility_id"] is not None:
        told.append(at(start, f"FACILITY/{row['facility_id']}"))
    if row["provider_id"] is not None:
        told.append(at(start, f"PROVIDER/{row['provider_id']}"))
    if kind in STAYS and end is None:
        told.append(at(start, f"ENC/{kind}/open"))
    if kind in STAYS and end is not None:
        told.append(at(end, f"ENC/{kind}/ended", float((end - start).days)))
    if kind == "acute_inpatient" and end is not None:
        emergent = {"emergency": 1.0, "urgent": 1.0, "trauma": 1.0, "elective": 0.0,
                    "newborn": 0.0}.get(row["admission_type"], NOTHING)  # fmt: skip
        went = row["disposition"]
        told.append(at(end, "STAY/emergent", emergent))
        told.append(
            at(
                end,
                "STAY/disposition",
                NOTHING if went is None else float(DISPOSITIONS.index(went)),
            )
        )
        told.append(at(end, "STAY/principal"))
    return told


def _diagnosis(row: Row) -> list[Seen]:
    system, code = row["code_system"], row["code"]
    told = [f"{'FLAG' if system == 'CCW' else 'DX'}/{_ccs(system, code)}"]
    charlson = int(codes.charlson_groups(system, [code])[0])
    told += [f"CHARLSON/{g}" for g in codes.group_names(charlson, codes.CHARLSON_GROUPS)]
    items = int(codes.lace_groups(system, [code])[0])
    told += [f"LACE/{item}" for item in codes.group_names(items, codes.LACE_ITEMS)]
    need = codes.SOCIAL_NEEDS[codes.social_need(system, [code])[0]]
    told += [f"NEED/{need}"] if need != "none" else []
    return [Seen(row["happened_on"], row["known_on"], t, row["source_row"]) for t in told]


def _principal(stays: list[Row], diagnoses: list[Row]) -> list[Seen]:
    told = []
    for stay in stays:
        if stay["kind"] != "acute_inpatient" or stay["ended_on"] is None:
            continue
        for row in diagnoses:
            if row["encounter_id"] == stay["record_id"] and row["position"] == 1:
                ccs = _ccs(row["code_system"], row["code"])
                known = max(stay["known_on"], row["known_on"])
                told.append(
                    Seen(stay["ended_on"], known, "STAY/principal/known", row["source_row"],
                         float(ccs) if ccs else NOTHING)
                )  # fmt: skip
    return told


@cache
def _ccs(system: str, code: str) -> int:
    return int(codes.diagnosis_concept(system, [code])[0])


def _procedure(row: Row) -> list[Seen]:
    ccs = int(codes.procedure_concept(row["code_system"], [row["code"]])[0])
    return [Seen(row["happened_on"], row["known_on"], f"PX/{ccs}", row["source_row"])]


def _drug_fill(row: Row) -> list[Seen]:
    name = codes.drug_class(row["code_system"], [row["code"]])[0] or "unknown"
    days = NOTHING if row["days_supply"] is None else float(row["days_supply"])
    return [Seen(row["happened_on"], row["known_on"], f"RX/{name}", row["source_row"], days)]


def _lab_result(row: Row) -> list[Seen]:
    name, value = row["loinc"], row["value"]
    for test in LAB_TESTS:
        if row["loinc"] in test.loincs:
            if not row["unit"] or row["unit"] == test.unit:
                name = test.name
            elif row["unit"] in test.factors:
                name, value = test.name, value * test.factors[row["unit"]]
            else:
                name = f"{row['loinc']} in {row['unit']}"
    return [Seen(row["happened_on"], row["known_on"], f"LAB/{name}", row["source_row"], value)]


def _cost(row: Row) -> list[Seen]:
    family = "COSTYEAR" if row["covers"] == "year" else "COST"
    return [
        Seen(row["happened_on"], row["known_on"], f"{family}/{row['kind']}", row["source_row"],
             float(row["allowed_cents"]))
    ]  # fmt: skip


_TELLS = {
    "member": _member, "coverage": _coverage, "encounter": _encounter, "diagnosis": _diagnosis,
    "procedure": _procedure, "drug_fill": _drug_fill, "lab_result": _lab_result, "cost": _cost,
}  # fmt: skip


@cache
def _speaks(channel: Channel, code: str) -> bool:
    return any(code.startswith(c[:-1]) if c.endswith("*") else code == c for c in channel.codes)


def _value(feature: Feature, seen: list[Seen], as_of: date) -> float:
    events = [s for s in seen if _speaks(feature.channel, s.code)]
    oldest = date.min
    if feature.window is not None:
        oldest = as_of - timedelta(days=feature.window.days - 1)
    within = [s for s in events if oldest <= s.day]
    return _folded(feature, events, within, oldest, seen, as_of) / feature.divide_by


def _folded(
    feature: Feature,
    events: list[Seen],
    within: list[Seen],
    oldest: date,
    seen: list[Seen],
    as_of: date,
) -> float:
    values = [s.value for s in within if not math.isnan(s.value)]
    match feature.how:
        case "count":
            return len(within)
        case "any":
            return 1 if within else 0
        case "distinct":
            return len({s.code for s in within})
        case "sum":
            return sum(values)
        case "total":
            return sum(values) if within else NOTHING
        case "min":
            return min(values) if values else NOTHING
        case "max":
            return max(values) if values else NOTHING
        case "change":
            return values[-1] - values[0] if len(values) > 1 else NOTHING
        case "last":
            return within[-1].value if within else NOTHING
        case "last_is":
            if not within or math.isnan(within[-1].value):
                return NOTHING
            return 1 if within[-1].value in feature.equals else 0
        case "days_since":
            return (as_of - within[-1].day).days if within else NOTHING
        case "trend" | "sum_trend":
            assert feature.window is not None
            middle = as_of - timedelta(days=feature.window.days // 2)
            if feature.how == "trend":
                weights = [(s.day, 1.0) for s in within]
            else:
                weights = [(s.day, s.value) for s in within if not math.isnan(s.value)]
            return sum(v for d, v in weights if d > middle) - sum(
                v for d, v in weights if d <= middle
            )
        case "covered_days":
            return len({d for s in events for d in _days(s, oldest, as_of)})
        case "covered_now":
            return 1 if any(s.last_day is None or s.last_day >= as_of for s in events) else 0
        case "after":
            assert feature.anchor is not None
            anchors = [s for s in seen if _speaks(feature.anchor, s.code) and s.day >= oldest]
            if not anchors:
                return NOTHING
            return 1 if any(s.day > anchors[-1].day for s in events) else 0
        case "age":
            if not events:
                return NOTHING
            born = events[-1].day
            return as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day))


def _days(span: Seen, oldest: date, as_of: date) -> Iterable[date]:
    day = max(span.day, oldest)
    last = as_of if span.last_day is None else min(span.last_day, as_of)
    while day <= last:
        yield day
        day += timedelta(days=1)


def stay_score(
    tables: Mapping[str, Iterable[Row]],
    carries: Collection[str],
    patient_id: str,
    as_of: date,
    admitted_on: date | None = None,
) -> dict[str, float]:
    """The parts of LACE of the last discharged acute stay, and the admissions before it.

    With `admitted_on`, of the episode admitted on that day.
    """
    seen = everything_seen(tables, carries, patient_id, as_of)
    ended = [(s.day - timedelta(days=int(s.value)), s.day) for s in seen
             if s.code == "ENC/acute_inpatient/ended"]  # fmt: skip
    if admitted_on is None:
        if not ended:
            return dict.fromkeys(("l", "a", "c", "e", "prior_admissions"), NOTHING)
        admitted, first_out = ended[-1]
        days = (first_out - admitted).days
    else:
        admitted = admitted_on
        stays = [(began, out) for began, out in ended if began >= admitted]
        days = (stays[-1][1] - admitted).days if stays else None
        first_out = next((out for began, out in stays if began == admitted), None)
    types = [s.value for s in seen if s.code == "STAY/emergent" and s.day == first_out]

    def before(code: str, days: int) -> int:
        return sum(
            s.code == code and admitted - timedelta(days=days) <= s.day < admitted for s in seen
        )

    year = admitted - timedelta(days=365)
    items = {s.code.removeprefix("LACE/") for s in seen
             if s.code.startswith("LACE/") and s.day >= year}  # fmt: skip
    for worse, milder in (("diabetes_end_organ", "diabetes"), ("metastatic", "tumour"),
                          ("severe_liver_or_renal", "mild_liver_or_renal")):  # fmt: skip
        if worse in items:
            items.discard(milder)
    comorbidity = sum(codes.LACE_POINTS[item] for item in items)
    return {
        "l": NOTHING if days is None else _length_points(days),
        "a": 3 * types[-1] if types else NOTHING,
        "c": comorbidity if comorbidity < 4 else 5,
        "e": min(4, before("ENC/emergency/started", 180)),
        "prior_admissions": before("ENC/acute_inpatient/started", 365),
    }


def _length_points(days: int) -> int:
    for at_least, points in ((14, 7), (7, 5), (4, 4)):
        if days >= at_least:
            return points
    return days
