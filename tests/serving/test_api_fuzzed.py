"""Whatever the rows hold, the service scores them or says no: it never fails."""

import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.tables import TABLES
from serving.api.app import create_app
from tests.serving.client import Client

_DAYS = st.dates(date(1850, 1, 1), date(2199, 12, 31)) | st.dates(
    date(2023, 1, 1), date(2024, 6, 1)
)
_IDS = st.sampled_from(["a", "b", "Ω", "'; DROP TABLE score; --", "<b>x</b>"])
_CODES = st.sampled_from(["I50.9", "4280", "E119", "SP_CHF", "A10A", "99213", "718-7", "?", "Z590"])
_JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


def _values(column):
    if column.name in ("patient_id", "record_id", "encounter_id"):
        return _IDS
    if column.name in ("code", "loinc"):
        return _CODES
    return {
        "text": st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1,
                        max_size=10),
        "date": _DAYS.map(date.isoformat),
        "integer": st.integers(1, 100),
        "cents": st.integers(-(10**13), 10**13),
        "number": st.floats(-1e14, 1e14),
        "flag": st.booleans(),
        "choice": st.sampled_from(column.choices or ("",)),
    }[column.type]  # fmt: skip


def _row(table):
    needed = {c.name: _values(c) for c in table.columns if c.required and c.name != "source_row"}
    needed.pop("reversed")
    more = {c.name: _values(c) for c in table.columns if not c.required}
    rows = st.fixed_dictionaries(needed, optional={**more, "reversed": st.booleans()})
    days = [c.name for c in table.columns if c.type == "date"]  # declared earlier to later

    def in_order(row):
        there = [name for name in days if name in row]
        return row | dict(zip(there, sorted(row[name] for name in there), strict=True))

    return rows.map(in_order) | rows


_REQUESTS = st.fixed_dictionaries(
    {"as_of": st.just("2024-06-01") | _DAYS.map(date.isoformat)},
    optional={name: st.lists(_row(table), max_size=4) for name, table in TABLES.items()},
)


@pytest.fixture(scope="module")
def client(quick_home):
    with Client(create_app(quick_home)) as client:
        yield client


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow,
          HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])  # fmt: skip
@given(_REQUESTS)
def test_rows_of_any_content_get_a_score_or_a_refusal(client, body):
    answer = client.post("/v1/score", json=body)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        for person in answer.json()["patients"]:
            for task in ("readmission", "high_cost"):
                one = person[task]
                assert (one["risk"] is None) == (one["not_scored"] is not None)


@settings(deadline=None, max_examples=60)
@given(_REQUESTS, st.sampled_from(sorted(TABLES)), _JUNK, _JUNK)
def test_junk_anywhere_is_refused(client, body, table, junk, other):
    body = body | {table: [{"patient_id": junk, "record_id": other, "known_on": junk}]}
    text = json.dumps(body)
    answer = client.post("/v1/score", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_one_patient_with_very_many_events(client):
    rows = [
        {"record_id": f"e{n}", "patient_id": "p", "kind": "office", "started_on": "2024-05-01",
         "ended_on": "2024-05-01", "known_on": "2024-05-01"}
        for n in range(50_000)
    ]  # fmt: skip
    cover = {"record_id": "c", "patient_id": "p", "start_on": "2020-01-01",
             "known_on": "2020-01-01"}  # fmt: skip
    body = {"as_of": "2024-06-01", "origin": "invented", "encounter": rows,
            "coverage": [cover]}  # fmt: skip
    answer = client.post("/v1/score", json=body)
    assert answer.status_code == 200
    [person] = answer.json()["patients"]
    words = [r["words"] for r in person["high_cost"]["reasons"]]
    assert "50,000 office visits in the last 90 days, the last on 1 May" in words
