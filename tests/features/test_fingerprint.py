"""The fingerprint of columns changes with whatever decides their numbers, and with nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import ModuleType

import pytest

from data import codes
from features import as_of, events, meaning
from features.as_of import fingerprint
from features.definitions import feature
from features.lab_tests import LAB_TESTS
from tests.features.rows import ago, histories, rows

_NAMES = ["age", "female"]


def test_names_and_their_order_are_in_it() -> None:
    before = fingerprint(_NAMES)
    assert before == fingerprint(list(_NAMES))
    assert before != fingerprint(_NAMES[::-1])
    assert before != fingerprint(["age"])


@pytest.mark.parametrize(
    "changed", [{"words": "aged {value}"}, {"measure": "years"}, {"predictor": False}]
)
def test_words_are_not_in_it(monkeypatch: pytest.MonkeyPatch, changed: dict[str, object]) -> None:
    before = fingerprint(_NAMES)
    another = replace(feature("age"), **changed)  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(as_of, "feature", lambda name: another if name == "age" else feature(name))
    assert fingerprint(_NAMES) == before


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("cost_total_365", {"divide_by": 2.0}),
        ("haemoglobin_outside_365", {"limits": (0.0, 9.0)}),
        ("charlson_1987_365", {"weights": feature("charlson_1987_365").weights[:-1]}),
    ],
)
def test_each_number_of_a_declaration_is_in_it(
    monkeypatch: pytest.MonkeyPatch, name: str, changed: dict[str, object]
) -> None:
    before = fingerprint([name])
    another = replace(feature(name), **changed)  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(as_of, "feature", lambda asked: another)
    assert fingerprint([name]) != before


_ANOTHER_FACTOR = replace(LAB_TESTS[2], factors={"umol/L": 1 / 88})
_ANOTHER_LOINC = replace(LAB_TESTS[0], loincs=("718-7",))


@pytest.mark.parametrize(
    ("where", "what", "another"),
    [
        (as_of, "KERNEL_VERSION", -1),
        (events, "EVENTS_VERSION", -1),
        (events, "STAYS", events.STAYS - {"hospice"}),
        (events, "EMERGENT", events.EMERGENT - {"trauma"}),
        (events, "NOT_EMERGENT", events.NOT_EMERGENT | {"newborn"}),
        (events, "FEMALE", {"female": 1.0, "male": 0.0, "other": 0.5}),
        (events, "ANSWERS", {"need": 1.0}),
        (events, "DISPOSITIONS", events.DISPOSITIONS[::-1]),
        (events, "ACUTE", "observation"),
        (events, "MISSED", "other"),
        (events, "READ", events.READ | {"cost": events.READ["cost"][:-1]}),
        (meaning, "MEANING_VERSION", -1),
        (meaning, "LAB_TESTS", (*LAB_TESTS[:2], _ANOTHER_FACTOR, *LAB_TESTS[3:])),
        (meaning, "LAB_TESTS", (_ANOTHER_LOINC, *LAB_TESTS[1:])),
        (meaning, "LAB_TESTS", (replace(LAB_TESTS[0], unit="g/L"), *LAB_TESTS[1:])),
        (codes, "CHARLSON_GROUPS", codes.CHARLSON_GROUPS[::-1]),
        (codes, "LACE_ITEMS", codes.LACE_ITEMS[::-1]),
        (codes, "SOCIAL_NEEDS", codes.SOCIAL_NEEDS[::-1]),
        (codes, "code_lists_fingerprint", lambda: "another"),
    ],
)
def test_each_value_that_decides_numbers_is_in_it(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, what: str, another: object
) -> None:
    before, of_events = fingerprint(["age"]), events.translation_fingerprint()
    monkeypatch.setattr(where, what, another)
    assert fingerprint(["age"]) != before
    assert (events.translation_fingerprint() != of_events) == (where is events)
    monkeypatch.undo()
    assert fingerprint(["age"]) == before


WORLD = {
    **rows("member", {}, {"record_id": "m", "sex": None, "area_index": 70}),
    **rows("coverage", {"start_on": ago(900)}, {"start_on": ago(500), "end_on": ago(2)}),
    **rows(
        "encounter",
        {"started_on": ago(40), "specialty": "cardiology", "provider_id": "d1"},
        {"kind": "missed_appointment", "started_on": ago(30), "provider_id": "d1"},
        {"kind": "acute_inpatient", "started_on": ago(20), "ended_on": ago(17), "facility_id": "h",
         "admission_type": "emergency", "disposition": "home"},
        {"kind": "acute_inpatient", "started_on": ago(3), "admission_type": "elective"},
        # the stay a second time, corrected, and the visit a second time, reversed
        {"kind": "acute_inpatient", "started_on": ago(20), "ended_on": ago(16), "known_on": ago(9),
         "record_id": "encounter-2"},
        {"started_on": ago(40), "known_on": ago(8), "record_id": "encounter-0", "reversed": True},
    ),
    **rows(
        "diagnosis",
        {"happened_on": ago(20), "code": "I509", "encounter_id": "encounter-2", "position": 1},
        {"happened_on": ago(400), "code": "SP_CHF", "code_system": "CCW"},
    ),
    **rows("procedure", {"happened_on": ago(19), "code": "0SRC0J9"}),
    **rows("drug_fill", {"happened_on": ago(16), "code": "C10AA05", "prescriber_id": "d2"}),
    **rows("lab_result", {"happened_on": ago(15), "loinc": "718-7", "unit": "g/L", "value": 117.0},
           {"happened_on": ago(15), "loinc": "1/2%", "value": None}),
    **rows("cost", {"happened_on": ago(20), "allowed_cents": 1250},
           {"happened_on": ago(400), "covers": "year", "allowed_cents": 99}),
    **rows("screening", {"happened_on": ago(10)}, {"happened_on": ago(9), "answer": "declined"}),
    **rows("outreach", {"happened_on": ago(9)}),
}  # fmt: skip
"""Rows of every table, written out: no change of another test changes them."""
CODES = [
    "PERSON/born", "ENC/office/started", "PROVIDER/d1", "PRINCIPAL", "SCREEN/housing",
    "DX/ICD10CM/I509", "DX/ICD10CM/E1122", "DX/ICD10CM/C787", "DX/ICD10CM/Z590", "DX/ICD9CM/4280",
    "DX/ICD10CM/QQQ", "DX/CCW/SP_CHF", "PRINCIPAL/ICD10CM/I509", "PRINCIPAL/ICD9CM/QQQ",
    "PX/ICD10PCS/0SRC0J9", "PX/HCPCS/99213", "RX/ATC/C10AA05", "RX/NDC/00000000000",
    "LAB/718-7", "LAB/718-7/g/L", "LAB/718-7/furlong", "LAB/1%2F2%25",
]  # fmt: skip


def _digest(told: object) -> str:
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def test_rows_that_make_other_events_raise_the_version() -> None:
    made = _digest(histories(WORLD).events("p").to_pylist())
    assert (events.EVENTS_VERSION, made) == (5, "70533ab74132af71"), (
        "the same rows make other events: raise EVENTS_VERSION, and write both here"
    )


def test_codes_that_come_to_mean_something_else_raise_the_version() -> None:
    made = _digest(meaning.meanings(CODES))
    assert (meaning.MEANING_VERSION, made) == (2, "c4a5b517b786297c"), (
        "the same codes mean something else: raise MEANING_VERSION (not for a code list or a test "
        "of the laboratory, which are in the fingerprint themselves), and write both here"
    )
