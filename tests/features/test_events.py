"""Rows → events: which events a row means, and when each version of it is seen."""

from __future__ import annotations

from datetime import date
from math import isnan
from random import Random
from typing import Any

import pytest

from features import events
from features.meaning import meaning_fingerprint
from features.window import NEVER, to_date
from tests.features.invented_rows import PATIENTS, invented
from tests.features.rows import AS_OF, ago, histories, row, rows


def _codes(tables: Any) -> dict[str, float]:
    events = histories(tables).events("p").to_pylist()
    return {e["code"]: e["value"] for e in events}


def _spans(tables: Any, code: str) -> list[tuple[date, date, date | None, float]]:
    """(happened, known, superseded or None, value) of the events with this code."""
    return [
        (
            to_date(e["happened_on"]),
            to_date(e["known_on"]),
            None if e["superseded_on"] == NEVER else to_date(e["superseded_on"]),
            e["value"],
        )
        for e in histories(tables).events("p").to_pylist()
        if e["code"] == code
    ]


def test_versions_of_a_stay_follow_one_another() -> None:
    admitted, left, claim = ago(40), ago(35), ago(5)
    stay = {"kind": "acute_inpatient", "record_id": "e", "started_on": admitted}
    tables = rows(
        "encounter",
        {**stay, "known_on": admitted},
        {**stay, "known_on": left, "ended_on": left},
        {**stay, "known_on": claim, "ended_on": left},
    )
    started = _spans(tables, "ENC/acute_inpatient/started")
    assert [span[1:3] for span in started] == [(admitted, left), (left, claim), (claim, None)]
    assert [s[1:3] for s in _spans(tables, "ENC/acute_inpatient/open")] == [(admitted, left)]
    ended = _spans(tables, "ENC/acute_inpatient/ended")
    assert ended == [(left, left, claim, 5.0), (left, claim, None, 5.0)]  # 40 − 35


def test_a_reversal_ends_a_fact_and_tells_nothing() -> None:
    fact = {"record_id": "c", "happened_on": ago(10), "allowed_cents": 700}
    tables = rows("cost", {**fact, "known_on": ago(9)},
                  {**fact, "known_on": ago(4), "reversed": True})  # fmt: skip
    assert _spans(tables, "COST/inpatient") == [(ago(10), ago(9), ago(4), 700.0)]


def test_a_fact_that_was_withdrawn_may_come_back() -> None:
    fact = {"record_id": "c", "happened_on": ago(10)}
    tables = rows(
        "cost",
        {**fact, "known_on": ago(9), "allowed_cents": 700},
        {**fact, "known_on": ago(4), "allowed_cents": 700, "reversed": True},
        {**fact, "known_on": ago(2), "allowed_cents": 650},
    )
    assert [span[1:] for span in _spans(tables, "COST/inpatient")] == [
        (ago(9), ago(4), 700.0),
        (ago(2), None, 650.0),
    ]


def test_two_versions_of_one_day_leave_the_one_with_the_greater_source_row() -> None:
    fact = {"record_id": "c", "happened_on": ago(3), "known_on": ago(3)}
    tables = rows("cost", {**fact, "allowed_cents": 9}, {**fact, "allowed_cents": 5})
    assert [span[3] for span in _spans(tables, "COST/inpatient")] == [5.0]
    tables["cost"].reverse()
    assert [span[3] for span in _spans(tables, "COST/inpatient")] == [5.0]


def test_equal_record_ids_of_two_patients_are_two_facts() -> None:
    fact = {"record_id": "c", "happened_on": ago(3), "allowed_cents": 1}
    tables = rows("cost", fact, {**fact, "patient_id": "q", "known_on": ago(1)})
    assert _spans(tables, "COST/inpatient") == [(ago(3), ago(3), None, 1.0)]


DAY: dict[str, Any] = {"happened_on": ago(9)}
NONE = None  # an event without a value


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (row("member", birth_on=ago(9), sex="male"), {"PERSON/born": NONE, "PERSON/female": 0.0}),
        (row("coverage", start_on=ago(9), payer=None, product="HMO"),
         {"COVER/unknown": NONE, "PRODUCT/hmo": NONE}),
        (row("diagnosis", **DAY, code="I509"), {"DX/ICD10CM/I509": NONE}),
        (row("diagnosis", **DAY, code="QQQ"), {"DX/ICD10CM/QQQ": NONE}),
        (row("diagnosis", **DAY, code_system="ICD9CM", code="4280"), {"DX/ICD9CM/4280": NONE}),
        (row("diagnosis", **DAY, code_system="CCW", code="SP_CHF"), {"DX/CCW/SP_CHF": NONE}),
        (row("procedure", **DAY, code="0SRC0J9"), {"PX/ICD10PCS/0SRC0J9": NONE}),
        (row("procedure", **DAY, code_system="HCPCS", code="99213"), {"PX/HCPCS/99213": NONE}),
        (row("drug_fill", **DAY, code="A10AB01"), {"RX/ATC/A10AB01": 30.0}),
        (row("drug_fill", **DAY, code_system="NDC", code="1", prescriber_id="d",
             days_supply=None), {"RX/NDC/1": NONE, "PRESCRIBER/d": NONE}),
        (row("lab_result", **DAY, loinc="718-7", value=120.0, unit="g/L"),
         {"LAB/718-7/g/L": 120.0}),
        (row("lab_result", **DAY, loinc="718-7", value=7.4, unit=None), {"LAB/718-7": 7.4}),
        (row("lab_result", **DAY, loinc="A/1%", value=7.4, unit="1"), {"LAB/A%2F1%25/1": 7.4}),
        (row("cost", **DAY, allowed_cents=-5), {"COST/inpatient": -5.0}),
        (row("cost", **DAY, allowed_cents=7, covers="year"), {"COSTYEAR/inpatient": 7.0}),
        (row("screening", **DAY, need="housing", answer="need"), {"SCREEN/housing": 1.0}),
        (row("screening", **DAY, need="housing", answer="no_need"), {"SCREEN/housing": 0.0}),
        (row("screening", **DAY, need="housing", answer="declined"), {"SCREEN/housing": NONE}),
        (row("outreach", **DAY, step="no_answer"), {"OUTREACH/no_answer": NONE}),
        (row("encounter", started_on=ago(9), provider_id="d", facility_id="h",
             specialty="cardiology"),
         {"ENC/office/started": NONE, "PROVIDER/d": NONE, "FACILITY/h": NONE,
          "SPECIALTY/cardiology": NONE}),
        # nobody was seen, nowhere
        (row("encounter", started_on=ago(9), kind="missed_appointment", provider_id="d",
             facility_id="h", specialty="cardiology"),
         {"ENC/missed_appointment/started": NONE}),
    ],
)  # fmt: skip
def test_what_a_row_means(told: dict[str, Any], expected: dict[str, float | None]) -> None:
    codes = _codes({told["source_row"].split(".")[0]: [told]})
    assert {code: NONE if isnan(value) else value for code, value in codes.items()} == expected


def test_an_office_visit_has_no_end_and_no_stay() -> None:
    assert set(_codes(rows("encounter", {"started_on": ago(2)}))) == {"ENC/office/started"}


def test_the_principal_diagnosis_is_seen_while_stay_and_diagnosis_both_are() -> None:
    left, claim, coded, recoded = ago(30), ago(20), ago(25), ago(10)
    stay = {"kind": "acute_inpatient", "record_id": "e", "started_on": ago(33), "ended_on": left}
    told = {"record_id": "d", "encounter_id": "e", "happened_on": left, "position": 1}
    tables = {
        **rows("encounter", {**stay, "known_on": left}, {**stay, "known_on": claim}),
        **rows("diagnosis", {**told, "code": "J189", "known_on": coded},
               {**told, "code": "I509", "known_on": recoded}),
    }  # fmt: skip
    pneumonia, failure = (_spans(tables, f"PRINCIPAL/ICD10CM/{code}") for code in ("J189", "I509"))
    assert [span[:3] for span in pneumonia] == [(left, coded, claim), (left, claim, recoded)]
    assert [span[:3] for span in failure] == [(left, recoded, None)]


def test_a_secondary_diagnosis_or_one_of_another_stay_is_not_the_principal_one() -> None:
    stay = {"kind": "acute_inpatient", "record_id": "e", "started_on": ago(9), "ended_on": ago(5)}
    told = {"happened_on": ago(5), "code": "I509"}
    tables = {
        **rows("encounter", stay),
        **rows("diagnosis", {**told, "encounter_id": "e", "position": 2},
               {**told, "encounter_id": "else", "position": 1}, {**told, "position": 1}),
    }  # fmt: skip
    assert not [code for code in _codes(tables) if code.startswith("PRINCIPAL/")]


def test_a_table_that_is_not_carried_is_not_read() -> None:
    tables = rows("cost", {"happened_on": AS_OF, "allowed_cents": 1})
    assert histories(tables, ("encounter",)).patients() == []


def test_no_rows_make_no_events() -> None:
    assert histories({}).patients() == []
    assert histories({"cost": []}).events("p").num_rows == 0


def test_each_event_names_its_source_row() -> None:
    tables = rows("encounter", {"started_on": ago(2)}, {"started_on": ago(1)})
    sources = histories(tables).events("p").column("source_row").to_pylist()
    assert sources == ["encounter.csv:0", "encounter.csv:1"]


@pytest.mark.parametrize("seed", range(4))
def test_many_rows_make_the_events_that_few_do(seed: int) -> None:
    """Whoever else is in the tables: a patient's events are those of the patient's own rows."""
    world = invented(Random(seed), 400)
    together = histories(world)
    for patient in PATIENTS:
        own = {name: [r for r in told if r["patient_id"] == patient]
               for name, told in world.items()}  # fmt: skip
        alone = histories(own).events(patient).to_pylist()
        assert repr(alone) == repr(together.events(patient).to_pylist())


def test_what_decides_the_events_is_no_code_list(monkeypatch: pytest.MonkeyPatch) -> None:
    before = events.translation_fingerprint(), meaning_fingerprint()
    monkeypatch.setattr("data.codes.code_lists_fingerprint", lambda: "another list")
    assert events.translation_fingerprint() == before[0]
    assert meaning_fingerprint() != before[1]
