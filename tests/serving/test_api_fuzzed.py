"""Whatever the rows hold, the service scores them or says no: it never fails."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.tables import TABLES
from serving.api.app import create_app
from tests.serving.client import Client
from tests.serving.requested_rows import JUNK, REQUESTS


@pytest.fixture(scope="module")
def client(quick_home):
    with Client(create_app(quick_home)) as client:
        yield client


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow,
          HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])  # fmt: skip
@given(REQUESTS)
def test_rows_of_any_content_get_a_score_or_a_refusal(client, body):
    answer = client.post("/v1/score", json=body)
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        for person in answer.json()["patients"]:
            for task in ("readmission", "high_cost"):
                one = person[task]
                assert (one["risk"] is None) == (one["not_scored"] is not None)


@settings(deadline=None, max_examples=60)
@given(REQUESTS, st.sampled_from(sorted(TABLES)), JUNK, JUNK)
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
