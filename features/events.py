"""Canonical rows → events: what an intake, the night and the live API make histories of.

Pure and vectorised; rows of a MEDS dataset become events in `features.meds`. Every version of a
fact writes its own events, seen from its known_on until the next version's: at any as_of exactly
one version speaks. An event keeps the code that the source gave; what the code means is asked of
`features.meaning` later. The event codes:

- PERSON/born, PERSON/female (1, 0 or NaN), PERSON/area_index: on the day of birth
- COVER/<payer>, PRODUCT/<product>: on a span's first day; value = its last day, NaN while open
- ENC/<kind>/started; of stays also ENC/<kind>/open (no end known) or ENC/<kind>/ended (on the day
  of discharge, value = days from admission to discharge)
- STAY/emergent (1, 0, or NaN of a birth or where it is not told), STAY/disposition (place in
  DISPOSITIONS or NaN), PRINCIPAL (no principal diagnosis is known) and PRINCIPAL/<system>/<code>,
  which comes after it in the order of codes: on the day of discharge of an acute stay
- FACILITY/<id>, PROVIDER/<id>, SPECIALTY/<specialty>: on the first day of an encounter, but of no
  missed appointment, where nobody was seen
- DX/<system>/<code>; a chronic condition that a yearly summary flags is DX/CCW/<code>
- PX/<system>/<code>
- RX/<system>/<code> (value = days of supply), PRESCRIBER/<id>: on the day of the fill
- LAB/<loinc> or LAB/<loinc>/<unit>: value as the source gave it; a / in the LOINC code is %2F
- COST/<kind> of one claim, COSTYEAR/<kind> of a calendar year; value = allowed cents
- SCREEN/<need>: value = 1 (a need), 0 (none) or NaN (declined)
- OUTREACH/<step>: one step of care management
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping

import numpy as np
import pyarrow as pa

from data.tables import DISPOSITIONS, ENCOUNTER_KINDS, TABLES
from features.columns import pairs_of, texts_of
from features.ledger import Ledger
from features.versions import Facts, facts_of
from features.window import days_between

EVENTS_VERSION = 5
"""Raised whenever the code below makes other events of a canonical row; the values that it goes by
are part of `translation_fingerprint` themselves."""

MISSED = "missed_appointment"
STAYS = frozenset(ENCOUNTER_KINDS) - {
    "emergency", "outpatient", "office", "telehealth", MISSED, "other",
}  # fmt: skip
EMERGENT = frozenset(("emergency", "urgent", "trauma"))
NOT_EMERGENT = frozenset(("elective",))
"""A birth ("newborn") is neither: nobody planned the stay of the child, and it is no emergency."""
FEMALE = {"female": 1.0, "male": 0.0}
ANSWERS = {"need": 1.0, "no_need": 0.0}
ACUTE = "acute_inpatient"

_VERSION = ("record_id", "patient_id", "known_on", "reversed", "source_row")
READ: dict[str, tuple[str, ...]] = {
    "member": (*_VERSION, "birth_on", "sex", "area_index"),
    "coverage": (*_VERSION, "start_on", "end_on", "payer", "product"),
    "encounter": (
        *_VERSION, "kind", "started_on", "ended_on", "facility_id", "provider_id", "specialty",
        "admission_type", "disposition",
    ),
    "diagnosis": (*_VERSION, "encounter_id", "happened_on", "code_system", "code", "position"),
    "procedure": (*_VERSION, "happened_on", "code_system", "code"),
    "drug_fill": (
        *_VERSION, "happened_on", "code_system", "code", "days_supply", "prescriber_id",
    ),
    "lab_result": (*_VERSION, "happened_on", "loinc", "value", "unit"),
    "cost": (*_VERSION, "happened_on", "kind", "covers", "allowed_cents"),
    "screening": (*_VERSION, "happened_on", "need", "answer"),
    "outreach": (*_VERSION, "happened_on", "step"),
}  # fmt: skip
"""The columns of each canonical table that events are made of: others need not be there."""


def translation_fingerprint() -> str:
    """sha256 (hex) over all that decides which events a canonical row makes.

    The version of this code and the values that it goes by (kinds of stay, admission types,
    answers, dispositions in their order). No code list: what a code means is looked up later
    (`features.meaning.meaning_fingerprint`), and histories outlast a change of it.
    """
    values = {
        "acute": ACUTE,
        "answers": ANSWERS,
        "dispositions": DISPOSITIONS,
        "emergent": sorted(EMERGENT),
        "female": FEMALE,
        "missed": MISSED,
        "not_emergent": sorted(NOT_EMERGENT),
        "read": READ,
        "stays": sorted(STAYS),
    }
    said = f"{EVENTS_VERSION} {json.dumps(values, sort_keys=True)}"
    return hashlib.sha256(said.encode()).hexdigest()


def events_of(tables: Mapping[str, pa.Table], carries: Collection[str]) -> pa.Table:
    """Events (EVENT_SCHEMA, sorted by ORDER) of canonical rows in any order.

    `tables` holds canonical tables (columns of READ); one that is missing has no rows, and one
    that is not among the feeds `carries` is not read. The result depends on the rows alone:
    a patient's events are the same whoever else is in the tables.
    """
    read = {
        name: rows
        for name in READ
        if name in carries and (rows := tables.get(name)) is not None and rows.num_rows
    }
    people = {name: texts_of(rows.column("patient_id")) for name, rows in read.items()}
    patients = sorted(set().union(*(ids for ids, _ in people.values())))
    place = {patient: number for number, patient in enumerate(patients)}
    ledger = Ledger(patients)
    facts = {}
    for name, rows in read.items():
        ids, at = people[name]
        patient = np.array([place[patient] for patient in ids], np.int32)[at]
        facts[name] = facts_of(TABLES[name], rows, patient)
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
    ledger.enter(encounter, ledger.code("PRINCIPAL"), ended, where=acute)
    met = np.array([name != MISSED for name in kinds])[kind]
    for column, prefix in (
        ("facility_id", "FACILITY/"), ("provider_id", "PROVIDER/"), ("specialty", "SPECIALTY/"),
    ):  # fmt: skip
        _enter_names(encounter, ledger, column, prefix, started, met)


def _diagnosis(diagnosis: Facts, ledger: Ledger) -> None:
    happened, _ = diagnosis.days("happened_on")
    ledger.enter(diagnosis, _coded(diagnosis, ledger, "DX/"), happened)


def _procedure(procedure: Facts, ledger: Ledger) -> None:
    happened, _ = procedure.days("happened_on")
    ledger.enter(procedure, _coded(procedure, ledger, "PX/"), happened)


def _drug_fill(fill: Facts, ledger: Ledger) -> None:
    happened, _ = fill.days("happened_on")
    ledger.enter(fill, _coded(fill, ledger, "RX/"), happened, fill.numbers("days_supply"))
    _enter_names(fill, ledger, "prescriber_id", "PRESCRIBER/", happened)


def _lab_result(result: Facts, ledger: Ledger) -> None:
    happened, _ = result.days("happened_on")
    tests, test = result.texts("loinc")
    units, unit = result.texts("unit")
    # a / in the first text is not the one between the two
    names = ["LAB/" + text.replace("%", "%25").replace("/", "%2F") for text in tests]
    ends = ["", *(f"/{text}" if text else "" for text in units)]
    pairs, pair = pairs_of(test, unit + 1)
    code = ledger.codes([names[t] + ends[u] for t, u in pairs])[pair]
    ledger.enter(result, code, happened, result.numbers("value"))


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
    stay = np.flatnonzero(closed & np.array([name == ACUTE for name in kinds])[kind])
    principal = np.flatnonzero(diagnosis.numbers("position") == 1)
    if not len(stay) or not len(principal):
        return
    records, record = encounter.texts("record_id")
    place = {text: number for number, text in enumerate(records)}
    told_ids, of_told = diagnosis.texts("encounter_id")
    found = np.array([*(place.get(text, -1) for text in told_ids), -1])[of_told[principal]]
    width = np.int64(len(records))
    stay_key = encounter.patient[stay] * width + record[stay]
    told_key = np.where(found < 0, -1, diagnosis.patient[principal] * width + found)
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
    seen = Facts(
        diagnosis.rows, diagnosis.at[told], diagnosis.patient[told], known[both], superseded[both]
    )
    ledger.enter(seen, _coded(diagnosis, ledger, "PRINCIPAL/")[told], ended[version])


def _screening(screening: Facts, ledger: Ledger) -> None:
    happened, _ = screening.days("happened_on")
    needs, need = screening.texts("need")
    code = ledger.codes([f"SCREEN/{name}" for name in needs])[need]
    ledger.enter(screening, code, happened, _looked_up(screening, "answer", ANSWERS))


def _outreach(outreach: Facts, ledger: Ledger) -> None:
    happened, _ = outreach.days("happened_on")
    steps, step = outreach.texts("step")
    ledger.enter(outreach, ledger.codes([f"OUTREACH/{name}" for name in steps])[step], happened)


def _enter_names(
    facts: Facts,
    ledger: Ledger,
    column: str,
    prefix: str,
    happened: np.ndarray,
    where: np.ndarray | None = None,
) -> None:
    """One event a row that names somebody in `column`, or of those rows that `where` chooses."""
    texts, at = facts.texts(column)
    if texts:
        named = at >= 0 if where is None else where & (at >= 0)
        ledger.enter(
            facts, ledger.codes([prefix + text for text in texts])[at], happened, None, named
        )


def _coded(facts: Facts, ledger: Ledger, prefix: str) -> np.ndarray:
    """The event code prefix<system>/<code> of each row, as numbers of the ledger."""
    codes, at = facts.coded
    return ledger.codes([f"{prefix}{system}/{text}" for system, text in codes])[at]


def _looked_up(facts: Facts, column: str, values: dict[str, float]) -> np.ndarray:
    """The value of each row's text; NaN where it is empty or has none."""
    texts, at = facts.texts(column)
    return np.array([*(values.get(text, np.nan) for text in texts), np.nan])[at]


_TRANSLATE: dict[str, Callable[[Facts, Ledger], None]] = {
    "member": _member,
    "coverage": _coverage,
    "encounter": _encounter,
    "diagnosis": _diagnosis,
    "procedure": _procedure,
    "drug_fill": _drug_fill,
    "lab_result": _lab_result,
    "cost": _cost,
    "screening": _screening,
    "outreach": _outreach,
}
