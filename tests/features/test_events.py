"""Rows → events: which events a row means, and when each version of it is seen."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from features.window import NEVER, to_date
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


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (row("member", birth_on=ago(9), sex="male"), {"PERSON/born": None, "PERSON/female": 0.0}),
        (row("diagnosis", happened_on=ago(9), code="I509"),
         {"DX/108": None, "CHARLSON/heart_failure": None, "LACE/heart_failure": None}),
        (row("diagnosis", happened_on=ago(9), code="QQQ"), {"DX/0": None}),
        (row("diagnosis", happened_on=ago(9), code="Z590"), {"NEED/housing": None}),
        (row("diagnosis", happened_on=ago(9), code_system="ICD9CM", code="4280"), {"DX/108": None}),
        (row("diagnosis", happened_on=ago(9), code_system="CCW", code="SP_CHF"),
         {"FLAG/108": None}),
        (row("diagnosis", happened_on=ago(9), code_system="CCW", code="SP_X"), {"FLAG/0": None}),
        (row("drug_fill", happened_on=ago(9), code="A10AB01"), {"RX/A10A": 30.0}),
        (row("drug_fill", happened_on=ago(9), code_system="NDC", code="1"), {"RX/unknown": 30.0}),
        (row("lab_result", happened_on=ago(9), loinc="718-7", value=120.0, unit="g/L"),
         {"LAB/haemoglobin": 12.0}),
        (row("lab_result", happened_on=ago(9), loinc="718-7", value=7.4, unit="mmol/L"),
         {"LAB/718-7 in mmol/L": 7.4}),
        (row("cost", happened_on=ago(9), allowed_cents=-5), {"COST/inpatient": -5.0}),
        (row("cost", happened_on=ago(9), allowed_cents=7, covers="year"),
         {"COSTYEAR/inpatient": 7.0}),
        (row("encounter", started_on=ago(9), provider_id="d"),
         {"ENC/office/started": None, "PROVIDER/d": None}),
    ],
)  # fmt: skip
def test_what_a_row_means(told: dict[str, Any], expected: dict[str, float | None]) -> None:
    table = told["source_row"].split(".")[0]
    codes = _codes({table: [told]})
    for code, value in expected.items():
        assert code in codes
        if value is not None:
            assert codes[code] == value


def test_a_flag_of_a_yearly_summary_is_no_coded_diagnosis() -> None:
    day = ago(0)
    flag = {"happened_on": day, "code_system": "CCW", "code": "SP_CHF"}
    coded = {"happened_on": day, "code": "E119"}
    assert set(_codes(rows("diagnosis", flag))) == {"FLAG/108"}
    of_coded = set(_codes(rows("diagnosis", coded)))
    assert set(_codes(rows("diagnosis", flag, coded))) == {"FLAG/108", *of_coded}


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
    assert _spans(tables, "STAY/principal/known") == [
        (left, coded, claim, 122.0),
        (left, claim, recoded, 122.0),
        (left, recoded, None, 108.0),
    ]


def test_a_secondary_diagnosis_or_one_of_another_stay_is_not_the_principal_one() -> None:
    stay = {"kind": "acute_inpatient", "record_id": "e", "started_on": ago(9), "ended_on": ago(5)}
    told = {"happened_on": ago(5), "code": "I509"}
    tables = {
        **rows("encounter", stay),
        **rows("diagnosis", {**told, "encounter_id": "e", "position": 2},
               {**told, "encounter_id": "else", "position": 1}, {**told, "position": 1}),
    }  # fmt: skip
    assert _spans(tables, "STAY/principal/known") == []


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
