"""A request that is read by column is read as the schema reads it, or left to the schema."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.tables import KEY, TABLES
from serving.reading import read_request
from serving.schemas import FEEDS, ScoreRequest
from serving.sent_rows import SentRows, in_order
from tests.serving.requested_rows import JUNK, REQUESTS

WHO = {"record_id": "r1", "patient_id": "p1", "known_on": "2024-03-02"}
DONE = {**WHO, "happened_on": "2024-03-01"}
VISIT = {**WHO, "kind": "emergency", "started_on": "2024-03-01"}
LAB = {**DONE, "loinc": "718-7", "value": 12.1}
COST = {**DONE, "kind": "inpatient", "covers": "claim", "allowed_cents": 125}


def of_schema(sent: Any) -> SentRows | None:
    """What the schema says of a body; None where it refuses it."""
    try:
        return SentRows.of(ScoreRequest.model_validate(sent))
    except ValidationError:
        return None


def by_column(sent: Any) -> SentRows | None:
    return in_order(json.dumps(sent).encode())


def alike(sent: Any) -> SentRows | None:
    """The same rows both ways, values and their types; None where they are left to the schema."""
    read, told = by_column(sent), of_schema(sent)
    if read is None:
        return None
    assert told is not None, "rows that the schema refuses were taken"
    assert read == told
    for name, columns in read.tables.items():
        for column, values in columns.items():
            assert [*map(type, values)] == [*map(type, told.tables[name][column])], column
    return read


def distinct(sent: dict[str, Any]) -> dict[str, Any]:
    """The same request with one row of each fact's version."""
    kept = {}
    for name, value in sent.items():
        if name not in TABLES:
            kept[name] = value
            continue
        kept[name] = [*{tuple(row[k] for k in KEY): row for row in value}.values()]
    return kept


@settings(max_examples=300)
@given(REQUESTS)
def test_rows_of_any_content_are_read_as_the_schema_reads_them(sent):
    alike(sent)
    apart = distinct(sent)
    if of_schema(apart) is not None:
        assert alike(apart) is not None  # what is in order does not wait for the schema


@settings(max_examples=200)
@given(REQUESTS, JUNK, st.sampled_from(sorted(TABLES)), st.integers(0, 40), JUNK)
def test_junk_in_a_row_is_read_as_the_schema_reads_it(sent, junk, table, at, name):
    for row in sent.get(table, []):
        columns = [column.name for column in TABLES[table].columns]
        row[columns[at % len(columns)] if at < 35 else str(name)] = junk
    alike(sent)
    alike({**sent, table: junk})
    alike({**sent, str(name): junk})
    alike({**sent, "as_of": junk})
    alike(junk)


@pytest.mark.parametrize(("table", "row"), [
    ("encounter", VISIT | {"drg": "65", "place_of_service": "23.0", "revenue_codes": "450;300"}),
    ("encounter", VISIT | {"specialty": "Vascular SURGERY", "ended_on": None}),
    ("encounter", VISIT | {"reversed": True, "source_row": "e.csv:3"}),
    ("lab_result", LAB | {"loinc": "7187", "value": 12}),
    ("lab_result", LAB | {"value": -0.0}),
    ("cost", COST | {"covers": "year", "happened_on": "2023-12-31"}),
    ("member", WHO | {"birth_on": "1940-02-29"}),
])  # fmt: skip
def test_rows_in_order_are_read_by_column(table, row):
    assert alike({"as_of": "2024-12-31", table: [row]}) is not None


@pytest.mark.parametrize(("table", "row"), [
    ("encounter", VISIT | {"ended_on": "2024-02-28"}),
    ("encounter", VISIT | {"kind": None}),
    ("encounter", VISIT | {"kind": "Emergency"}),
    ("encounter", VISIT | {"reversed": None}),
    ("encounter", VISIT | {"reversed": 0}),
    ("encounter", VISIT | {"specialty": " "}),
    ("encounter", VISIT | {"specialty": "a\nb"}),
    ("encounter", VISIT | {"specialty": "\ud800"}),
    ("encounter", VISIT | {"specialty": "x" * 501}),
    ("encounter", VISIT | {"started_on": "2024-3-1"}),
    ("encounter", VISIT | {"started_on": "2024-02-30"}),
    ("encounter", VISIT | {"started_on": "1849-12-31"}),
    ("encounter", VISIT | {"colour": "red"}),
    ("encounter", {k: v for k, v in VISIT.items() if k != "kind"}),
    ("encounter", [VISIT]),
    ("encounter", VISIT | {"specialty": ["x"]}),
    ("lab_result", LAB | {"value": True}),
    ("lab_result", LAB | {"value": float("nan")}),
    ("lab_result", LAB | {"value": float("-inf")}),
    ("lab_result", LAB | {"value": 10**400}),
    ("lab_result", LAB | {"value": "12"}),
    ("cost", COST | {"allowed_cents": 1.0}),
    ("cost", COST | {"allowed_cents": False}),
    ("cost", COST | {"allowed_cents": 10**13 + 1}),
    ("cost", COST | {"covers": "year"}),
])  # fmt: skip
def test_rows_out_of_order_are_left_to_the_schema_and_refused(table, row):
    sent = {"as_of": "2024-12-31", table: [row]}
    assert by_column(sent) is None
    with pytest.raises(RequestValidationError):
        read_request(json.dumps(sent).encode())


@pytest.mark.parametrize("more", [
    {"as_of": 3}, {"as_of": ""}, {"data_through": "2024-13-01"}, {"data_through": []},
    {"origin": "ours"}, {"origin": []}, {"carries": ["coverage", 1]},
    {"carries": [[]]}, {"carries": ["x"]}, {"carries": "coverage"},
    {"carries": ["coverage"] * (len(FEEDS) + 1)}, {"encounter": None}, {"encounter": {}},
    {"encounter": []}, {"colour": []},
])  # fmt: skip
def test_questions_out_of_order_are_left_to_the_schema_and_refused(more):
    sent = {"as_of": "2024-12-31", "encounter": [VISIT], **more}
    assert by_column(sent) is None
    assert of_schema(sent) is None


@pytest.mark.parametrize(("more", "asked_on"), [
    ({}, date(2024, 3, 2)),  # the newest known_on
    ({"as_of": None, "data_through": "2024-04-30"}, date(2024, 4, 30)),
    ({"as_of": "2024-05-01", "data_through": "2024-04-30"}, date(2024, 5, 1)),
])  # fmt: skip
def test_the_day_of_the_question_is_the_one_said_else_how_far_the_data_reach(more, asked_on):
    earlier = VISIT | {"record_id": "r0", "known_on": "2024-03-01"}
    read = alike({"encounter": [VISIT, earlier], **more})
    assert read is not None
    assert read.as_of == asked_on


def test_one_version_sent_twice_is_left_to_the_schema_which_takes_it():
    sent = {"as_of": "2024-12-31", "encounter": [VISIT, VISIT]}
    assert by_column(sent) is None
    assert read_request(json.dumps(sent).encode()).rows == 2
    unlike = {"as_of": "2024-12-31", "encounter": [VISIT, VISIT | {"kind": "office"}]}
    with pytest.raises(RequestValidationError):
        read_request(json.dumps(unlike).encode())


def test_a_thousand_people_are_read_and_one_more_is_not():
    rows = [VISIT | {"patient_id": f"p{n}", "record_id": f"r{n}"} for n in range(1001)]
    sent = {"as_of": "2024-12-31", "encounter": rows[:-1]}
    read = alike(sent)
    assert read is not None
    assert (read.rows, len(read.patients)) == (1000, 1000)
    assert by_column(sent | {"encounter": rows}) is None
