"""Canonical rows → events: the only way from what came in to what a history holds.

Pure and vectorised: a code is looked up once however often it occurs. Every version of a fact
writes its own events, seen from its known_on until the next version's: at any as_of exactly one
version speaks. The event codes:

- PERSON/born, PERSON/female (1, 0 or NaN), PERSON/area_index: on the day of birth
- COVER/<payer>, PRODUCT/<product>: on a span's first day; value = its last day, NaN while open
- ENC/<kind>/started; of stays also ENC/<kind>/open (no end known) or ENC/<kind>/ended (on the day
  of discharge, value = days from admission to discharge)
- STAY/emergent (1, 0 or NaN), STAY/disposition (place in DISPOSITIONS or NaN), STAY/principal
  (NaN) and STAY/principal/known (CCS category or NaN): on the day of discharge of an acute stay
- FACILITY/<id>, PROVIDER/<id>: on the first day of an encounter
- DX/<CCS category> (0: unknown code), CHARLSON/<group>, LACE/<item>, NEED/<need>
- FLAG/<CCS category> (0: unknown flag): a yearly summary flags a chronic condition (code_system
  CCW), on the day that it closes; nobody coded a diagnosis that day, so it is no DX
- PX/<CCS procedure category>, RX/<ATC class or unknown> (value = days of supply), LAB/<test>
- COST/<kind> of one claim, COSTYEAR/<kind> of a calendar year; value = allowed cents
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from data import codes
from data.tables import DISPOSITIONS, ENCOUNTER_KINDS, TABLES
from features.ledger import Ledger
from features.units import LAB_TESTS, lab_code
from features.versions import Facts, facts_of, places_of, texts_of
from features.window import days_between

EVENTS_VERSION = 2
"""Raised whenever the code below makes other events of a canonical row; the values that it goes by
are part of `translation_fingerprint` themselves."""

STAYS = frozenset(ENCOUNTER_KINDS) - {
    "emergency", "outpatient", "office", "telehealth", "other",
}  # fmt: skip
EMERGENT = frozenset(("emergency", "urgent", "trauma"))
NOT_EMERGENT = frozenset(("elective", "newborn"))
FEMALE = {"female": 1.0, "male": 0.0}
ACUTE = "acute_inpatient"
_YEARLY = "CCW"

_VERSION = ("record_id", "patient_id", "known_on", "reversed", "source_row")
READ: dict[str, tuple[str, ...]] = {
    "member": (*_VERSION, "birth_on", "sex", "area_index"),
    "coverage": (*_VERSION, "start_on", "end_on", "payer", "product"),
    "encounter": (
        *_VERSION, "kind", "started_on", "ended_on", "facility_id", "provider_id",
        "admission_type", "disposition",
    ),
    "diagnosis": (*_VERSION, "encounter_id", "happened_on", "code_system", "code", "position"),
    "procedure": (*_VERSION, "happened_on", "code_system", "code"),
    "drug_fill": (*_VERSION, "happened_on", "code_system", "code", "days_supply"),
    "lab_result": (*_VERSION, "happened_on", "loinc", "value", "unit"),
    "cost": (*_VERSION, "happened_on", "kind", "covers", "allowed_cents"),
}  # fmt: skip
"""The columns of each canonical table that events are made of: others need not be there."""


def translation_fingerprint() -> str:
    """sha256 (hex) over all that decides which events a canonical row means.

    The version of this code, the values that it goes by (tests and units of the laboratory, kinds
    of stay, admission types, dispositions and groups in their order) and the code lists.
    """
    values = {
        "acute": ACUTE,
        "charlson": codes.CHARLSON_GROUPS,
        "dispositions": DISPOSITIONS,
        "emergent": sorted(EMERGENT),
        "female": FEMALE,
        "lab_tests": [asdict(test) for test in LAB_TESTS],
        "lace": codes.LACE_ITEMS,
        "needs": codes.SOCIAL_NEEDS,
        "not_emergent": sorted(NOT_EMERGENT),
        "read": READ,
        "stays": sorted(STAYS),
        "yearly": _YEARLY,
    }
    lists = codes.code_lists_fingerprint()
    said = f"{EVENTS_VERSION} {lists} {json.dumps(values, sort_keys=True)}"
    return hashlib.sha256(said.encode()).hexdigest()


def events_of(tables: Mapping[str, pa.Table], carries: Collection[str]) -> pa.Table:
    """Events (EVENT_SCHEMA, sorted by ORDER) of canonical rows in any order.

    `tables` holds canonical tables (columns of READ); one that is missing has no rows, and one
    that is not among the feeds `carries` is not read. The result depends on the rows alone:
    a patient's events are the same whoever else is in the tables.
    """
    read = {
        name: tables[name].select(columns)
        for name, columns in READ.items()
        if name in carries and name in tables and tables[name].num_rows
    }
    ids: set[str] = set()
    for rows in read.values():
        ids.update(texts_of(rows.column("patient_id"))[0])
    patients = pa.array(sorted(ids), pa.string())
    ledger = Ledger(patients)
    facts = {name: facts_of(TABLES[name], rows, patients) for name, rows in read.items()}
    for name, standing in facts.items():
        if len(standing):
            _TRANSLATE[name](standing, ledger)
    if "encounter" in facts and "diagnosis" in facts:
        _principal_of_stays(facts["encounter"], facts["diagnosis"], ledger)
    return ledger.table()


def _member(member: Facts, ledger: Ledger) -> None:
    born, _ = member.days("birth_on")
    ledger.enter(member, ledger.code("PERSON/born"), born)
    female = _looked_up(member, "sex", FEMALE)
    ledger.enter(member, ledger.code("PERSON/female"), born, female)
    area = member.numbers("area_index")
    ledger.enter(member, ledger.code("PERSON/area_index"), born, area, ~np.isnan(area))


def _coverage(span: Facts, ledger: Ledger) -> None:
    start, _ = span.days("start_on")
    end, ended = span.days("end_on")
    last_day = np.where(ended, end.astype(np.float64), np.nan)
    for column, prefix in (("payer", "COVER/"), ("product", "PRODUCT/")):
        texts, at = span.texts(column)
        code = ledger.codes([*(prefix + text.lower() for text in texts), f"{prefix}unknown"])[at]
        ledger.enter(span, code, start, last_day)


def _encounter(encounter: Facts, ledger: Ledger) -> None:
    started, _ = encounter.days("started_on")
    ended, closed = encounter.days("ended_on")
    kinds, kind = encounter.texts("kind")
    is_stay = np.array([name in STAYS for name in kinds])[kind]
    discharged = is_stay & closed
    acute = discharged & np.array([name == ACUTE for name in kinds])[kind]
    length = days_between(started, ended).astype(np.float64)

    def of_kind(what: str) -> np.ndarray:
        return ledger.codes([f"ENC/{name}/{what}" for name in kinds])[kind]

    ledger.enter(encounter, of_kind("started"), started)
    ledger.enter(encounter, of_kind("open"), started, where=is_stay & ~closed)
    ledger.enter(encounter, of_kind("ended"), ended, length, discharged)
    emergent = _looked_up(
        encounter,
        "admission_type",
        {**dict.fromkeys(EMERGENT, 1.0), **dict.fromkeys(NOT_EMERGENT, 0.0)},
    )
    ledger.enter(encounter, ledger.code("STAY/emergent"), ended, emergent, acute)
    places = {name: float(place) for place, name in enumerate(DISPOSITIONS)}
    disposition = _looked_up(encounter, "disposition", places)
    ledger.enter(encounter, ledger.code("STAY/disposition"), ended, disposition, acute)
    ledger.enter(encounter, ledger.code("STAY/principal"), ended, where=acute)
    for column, prefix in (("facility_id", "FACILITY/"), ("provider_id", "PROVIDER/")):
        texts, at = encounter.texts(column)
        if texts:
            code = ledger.codes([prefix + text for text in texts])[at]
            ledger.enter(encounter, code, started, where=at >= 0)


def _diagnosis(diagnosis: Facts, ledger: Ledger) -> None:
    happened, _ = diagnosis.days("happened_on")
    ccs = _by_system(diagnosis, codes.diagnosis_concept, np.int16)
    systems, system = diagnosis.texts("code_system")
    flag = np.array([name == _YEARLY for name in systems])[system]
    _enter_numbers(diagnosis, ledger, "DX/", ccs, happened, ~flag)
    _enter_numbers(diagnosis, ledger, "FLAG/", ccs, happened, flag)
    for prefix, groups_of, groups in (
        ("CHARLSON/", codes.charlson_groups, codes.CHARLSON_GROUPS),
        ("LACE/", codes.lace_groups, codes.LACE_ITEMS),
    ):
        bits = _by_system(diagnosis, groups_of, np.uint32)
        rows = np.flatnonzero(bits)
        held = bits[rows]
        for place, group in enumerate(groups):
            at = rows[(held >> np.uint32(place)) & np.uint32(1) != 0]
            ledger.enter_at(
                diagnosis, at, ledger.code(prefix + group), happened, None,
                diagnosis.known, diagnosis.superseded,
            )  # fmt: skip
    need = _by_system(diagnosis, codes.social_need, np.int8)
    names = ledger.codes([f"NEED/{name}" for name in codes.SOCIAL_NEEDS])
    ledger.enter(diagnosis, names[need], happened, where=need > 0)


def _procedure(procedure: Facts, ledger: Ledger) -> None:
    happened, _ = procedure.days("happened_on")
    ccs = _by_system(procedure, codes.procedure_concept, np.int16)
    _enter_numbers(procedure, ledger, "PX/", ccs, happened)


def _drug_fill(fill: Facts, ledger: Ledger) -> None:
    happened, _ = fill.days("happened_on")

    def class_codes(system: str, drugs: Sequence[str]) -> np.ndarray:
        return ledger.codes([f"RX/{name or 'unknown'}" for name in codes.drug_class(system, drugs)])

    code = _by_system(fill, class_codes, np.int32)
    ledger.enter(fill, code, happened, fill.numbers("days_supply"))


def _lab_result(result: Facts, ledger: Ledger) -> None:
    happened, _ = result.days("happened_on")
    value = result.numbers("value")
    tests, test = result.texts("loinc")
    units, unit = result.texts("unit")
    both = np.stack((test, unit), axis=1)
    pairs, pair = np.unique(both, axis=0, return_inverse=True)
    read = [lab_code(tests[t], None if u < 0 else units[u]) for t, u in pairs.tolist()]
    code = ledger.codes([name for name, _ in read])[pair]
    factor = np.array([by for _, by in read])[pair]
    ledger.enter(result, code, happened, value * factor)


def _cost(cost: Facts, ledger: Ledger) -> None:
    happened, _ = cost.days("happened_on")
    kinds, kind = cost.texts("kind")
    covers, cover = cost.texts("covers")
    claim = ledger.codes([f"COST/{name}" for name in kinds])[kind]
    year = ledger.codes([f"COSTYEAR/{name}" for name in kinds])[kind]
    is_year = np.array([name == "year" for name in covers])[cover]
    cents = cost.numbers("allowed_cents")
    ledger.enter(cost, np.where(is_year, year, claim), happened, cents)


def _principal_of_stays(encounter: Facts, diagnosis: Facts, ledger: Ledger) -> None:
    """The principal diagnosis of each discharged acute stay, on the day of discharge.

    A fact of two facts: seen while a version of the stay and a version of the diagnosis both are.
    """
    kinds, kind = encounter.texts("kind")
    ended, closed = encounter.days("ended_on")
    stay = np.flatnonzero(closed & np.array([name == ACUTE for name in kinds], np.bool_)[kind])
    principal = np.flatnonzero(diagnosis.numbers("position") == 1)
    if not len(stay) or not len(principal):
        return
    stay_ids, of_stay = texts_of(encounter.rows.column("record_id").take(pa.array(stay)))
    told_ids, of_told = texts_of(diagnosis.rows.column("encounter_id").take(pa.array(principal)))
    places = np.append(places_of(told_ids, pa.array(stay_ids, pa.string())), -1)[of_told]
    width = np.int64(len(stay_ids))
    stay_key = encounter.patient[stay] * width + of_stay
    told_key = np.where(places < 0, -1, diagnosis.patient[principal] * width + places)
    order = np.argsort(stay_key, kind="stable")
    first = np.searchsorted(stay_key[order], told_key, "left")
    many = np.searchsorted(stay_key[order], told_key, "right") - first
    told = np.repeat(principal, many)
    step = np.arange(len(told)) - np.repeat(np.cumsum(many) - many, many)
    version = stay[order[np.repeat(first, many) + step]]
    known = np.maximum(encounter.known[version], diagnosis.known[told])
    superseded = np.minimum(encounter.superseded[version], diagnosis.superseded[told])
    both = known < superseded
    told, version = told[both], version[both]
    ccs = _by_system(diagnosis, codes.diagnosis_concept, np.int16)[told]
    at = np.arange(len(told))
    seen = Facts(
        diagnosis.rows.select(["source_row"]).take(pa.array(told)),
        diagnosis.patient[told],
        known[both],
        superseded[both],
    )
    category = np.where(ccs > 0, ccs, np.nan)
    ledger.enter_at(
        seen, at, ledger.code("STAY/principal/known"), ended[version], category,
        seen.known, seen.superseded,
    )  # fmt: skip


def _enter_numbers(
    facts: Facts,
    ledger: Ledger,
    prefix: str,
    number: np.ndarray,
    happened: np.ndarray,
    where: np.ndarray | None = None,
) -> None:
    numbers, at = np.unique(number, return_inverse=True)
    code = ledger.codes([f"{prefix}{n}" for n in numbers.tolist()])[at]
    ledger.enter(facts, code, happened, where=where)


def _looked_up(facts: Facts, column: str, values: dict[str, float]) -> np.ndarray:
    """The value of each row's text; NaN where it is empty or has none."""
    texts, at = facts.texts(column)
    return np.array([*(values.get(text, np.nan) for text in texts), np.nan])[at]


def _by_system(
    facts: Facts,
    answer: Callable[[str, Sequence[str]], np.ndarray],
    dtype: type[np.generic],
) -> np.ndarray:
    """`answer(system, codes)` a row, asked once for each distinct code of each system."""
    result = np.zeros(len(facts), dtype=dtype)
    for system, texts, rows, where in facts.coded:
        result[rows] = answer(system, texts)[where]
    return result


_TRANSLATE: dict[str, Callable[[Facts, Ledger], None]] = {
    "member": _member,
    "coverage": _coverage,
    "encounter": _encounter,
    "diagnosis": _diagnosis,
    "procedure": _procedure,
    "drug_fill": _drug_fill,
    "lab_result": _lab_result,
    "cost": _cost,
}
