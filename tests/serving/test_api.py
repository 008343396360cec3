"""The service over HTTP: what it answers, and how it says no."""

import json
import math
from datetime import date
from typing import Any

import pytest

from data.home import Home
from serving.api.app import create_app
from serving.api.request_log import RequestLog
from serving.reasons import WITHHELD
from serving.schemas import MOST_PATIENTS
from tests.serving.client import Client

SECRET = "Maria-Secretname-4711"


@pytest.fixture(scope="module")
def client(quick_home):
    with Client(create_app(quick_home)) as client:
        yield client


def patient(patient_id="p1", discharged="2024-05-20"):
    about = {"patient_id": patient_id, "known_on": "2024-05-25"}
    return {
        "member": [about | {"record_id": f"{patient_id}-m", "birth_on": "1940-02-03",
                            "sex": "female", "known_on": "2020-01-01"}],
        "coverage": [about | {"record_id": f"{patient_id}-c", "start_on": "2020-01-01",
                              "payer": "medicare", "known_on": "2020-01-01"}],
        "encounter": [
            about | {"record_id": f"{patient_id}-s", "kind": "acute_inpatient",
                     "started_on": "2024-05-14", "ended_on": discharged, "known_on": discharged},
            *(about | {"record_id": f"{patient_id}-e{n}", "kind": "emergency",
                       "started_on": f"2024-05-0{n}", "ended_on": f"2024-05-0{n}",
                       "known_on": "2024-05-09"} for n in (1, 2, 3)),
        ],
        "cost": [about | {"record_id": f"{patient_id}-a", "happened_on": "2024-05-05",
                          "kind": "inpatient", "covers": "claim", "allowed_cents": 9_000_000,
                          "known_on": "2024-05-09"}],
    }  # fmt: skip


def request(*patients, as_of="2024-06-01", **more):
    body: dict[str, Any] = {"as_of": as_of, "origin": "invented"}
    for rows in patients:
        for table, given in rows.items():
            body.setdefault(table, []).extend(given)
    return body | more


def test_one_patient_is_scored_with_reasons_in_words(client):
    answer = client.post("/v1/score", json=request(patient())).json()
    assert answer["as_of"] == "2024-06-01"
    assert set(answer["models"]) == {"readmission", "high-cost"}
    assert any("invented population" in said for said in answer["warnings"])
    [person] = answer["patients"]
    assert person["patient_id"] == "p1"
    assert person["left_out"] is None
    assert person["withheld"] == WITHHELD
    assert person["discharged_on"] == "2024-05-20"
    assert person["readmission"]["asked_on"] == "2024-05-20"
    assert person["high_cost"]["asked_on"] == "2024-06-01"
    assert 0 < person["readmission"]["risk"] < 1
    assert person["readmission"]["tier"] in ("high", "moderate", "low")
    words = [r["words"] for r in person["readmission"]["reasons"] if r["direction"] == "raises"]
    assert "3 emergency visits in the 90 days to 20 May, the last on 3 May" in words
    assert len(words) <= 3


def test_a_patients_answer_does_not_depend_on_the_others(client):
    alone = client.post("/v1/score", json=request(patient("p2"))).json()["patients"]
    others = [patient(f"p{n}") for n in (3, 1, 2)]
    together = client.post("/v1/score", json=request(*others)).json()["patients"]
    assert [p["patient_id"] for p in together] == ["p1", "p2", "p3"]
    assert together[1] == alone[0]


@pytest.mark.parametrize(
    ("as_of", "readmission", "left_out"),
    [
        ("2024-05-16", "no discharge in the last 30 days", None),
        ("2024-07-01", "no discharge in the last 30 days", None),
        ("2019-01-01", "nothing was known of this person", "nothing was known of this person"),
    ],
)
def test_without_a_risk_there_is_a_reason(client, as_of, readmission, left_out):
    [person] = client.post("/v1/score", json=request(patient(), as_of=as_of)).json()["patients"]
    assert person["readmission"]["risk"] is None
    assert person["readmission"]["tier"] is None
    assert person["readmission"]["not_scored"] == readmission
    assert person["left_out"] == left_out


def test_somebody_in_hospital_has_no_readmission_risk(client):
    rows = patient()
    rows["encounter"][0].pop("ended_on")
    rows["encounter"][0]["known_on"] = "2024-05-14"
    [person] = client.post("/v1/score", json=request(rows)).json()["patients"]
    assert person["readmission"]["not_scored"] == "in hospital now"
    assert person["left_out"] == "in hospital now"
    assert person["high_cost"]["risk"] is not None


def test_who_was_not_trained_on_is_scored_with_a_warning(client):
    rows = patient()
    rows["member"][0]["birth_on"] = "1970-01-01"
    rows["coverage"][0]["start_on"] = "2024-05-01"
    [person] = client.post("/v1/score", json=request(rows)).json()["patients"]
    assert person["readmission"]["risk"] is not None
    assert person["warnings"] == [
        "the readmission model was not trained on people under 65",
        "the readmission model was not trained on people covered for less than 365 days",
        "the high-cost model was not trained on people covered for less than 180 days",
    ]


def test_unknown_codes_are_counted_and_not_repeated(client):
    rows = patient()
    about = {"patient_id": "p1", "happened_on": "2024-05-05", "known_on": "2024-05-09",
             "code_system": "ICD10CM"}  # fmt: skip
    rows["diagnosis"] = [about | {"record_id": f"d{n}", "code": code}
                         for n, code in enumerate(("I50.9", "ZZTOP"))]  # fmt: skip
    answer = client.post("/v1/score", json=request(rows))
    assert "1 of 2 diagnosis codes are not known" in answer.json()["warnings"]
    assert "ZZTOP" not in answer.text


@pytest.mark.parametrize(("asked", "warned"), [
    ({"as_of": "2024-06-20"}, None),  # 31 days after the newest row
    ({"as_of": "2024-06-21"}, "the newest of these rows was known on 2024-05-20, 32 days before "
     "2024-06-21: if more has happened since then, it is not in the risks (data_through says how "
     "far the data reach)"),
    ({"as_of": "2024-06-25", "data_through": "2024-05-25"}, None),
    ({"as_of": "2024-08-01", "data_through": "2024-06-30"}, "these data end on 2024-06-30, 32 days "
     "before 2024-08-01: what happened since then is not in the risks"),
    ({"as_of": "1999-01-01"}, "none of these rows was known on 1999-01-01"),
])  # fmt: skip
def test_rows_that_end_long_before_the_day_are_scored_with_a_warning(client, asked, warned):
    sent = request(patient())
    del sent["as_of"]
    answer = client.post("/v1/score", json=sent | asked).json()
    about_age = [said for said in answer["warnings"] if "rows was" in said or "data end" in said
                 or "of these rows" in said]  # fmt: skip
    assert about_age == ([] if warned is None else [warned])
    assert answer["as_of"] == asked["as_of"]


@pytest.mark.parametrize(("today", "more", "as_of", "warned"), [
    ("2024-06-20", {}, "2024-05-20", []),  # 31 days after the newest row
    ("2024-06-21", {}, "2024-05-20", ["the newest of these rows was known on 2024-05-20, 32 days "
     "before 2024-06-21: if more has happened since then, it is not in the risks (data_through "
     "says how far the data reach)"]),
    ("2024-08-01", {"data_through": "2024-06-30"}, "2024-06-30", ["these data end on 2024-06-30, "
     "32 days before 2024-08-01: what happened since then is not in the risks"]),
    ("2024-07-31", {"data_through": "2024-06-30"}, "2024-06-30", []),
    ("2024-06-01", {"data_through": "2042-06-30"}, "2024-05-20", ["data_through lies after "
     "2024-06-01, on which this was asked: it was set aside"]),
    ("2024-06-21", {"data_through": "2042-06-30"}, "2024-05-20", ["data_through lies after "
     "2024-06-21, on which this was asked: it was set aside", "the newest of these rows was known "
     "on 2024-05-20, 32 days before 2024-06-21: if more has happened since then, it is not in the "
     "risks (data_through says how far the data reach)"]),
])  # fmt: skip
def test_without_as_of_the_age_of_rows_counts_to_the_day_of_the_request(
    client, monkeypatch, today, more, as_of, warned
):
    day = property(lambda _: date.fromisoformat(today))
    monkeypatch.setattr(type(client.app.state.service), "today", day)
    sent = request(patient()) | more
    del sent["as_of"]
    answer = client.post("/v1/score", json=sent).json()
    assert answer["as_of"] == as_of
    words = ("rows", "data end", "data_through")
    assert [s for s in answer["warnings"] if any(word in s for word in words)] == warned


def test_without_as_of_a_row_of_a_day_to_come_moves_nobody_and_is_told(client, monkeypatch):
    """A slip of the pen, 2042 for 2024, by which everybody would be asked about as of 2042."""
    day = property(lambda _: date(2024, 5, 25))
    monkeypatch.setattr(type(client.app.state.service), "today", day)
    sent = request(patient())
    del sent["as_of"]
    usual = client.post("/v1/score", json=sent).json()
    row = {"record_id": "l1", "patient_id": "p1", "happened_on": "2024-05-01", "loinc": "718-7",
           "value": 9.0, "unit": "g/dL", "known_on": "2042-05-02"}  # fmt: skip
    told = client.post("/v1/score", json=sent | {"lab_result": [row]}).json()
    assert told["as_of"] == usual["as_of"] == "2024-05-20"
    assert told["patients"] == usual["patients"]
    rows = sum(len(of) for of in sent.values() if isinstance(of, list)) + 1
    said = (f"1 of {rows} rows were known after 2024-05-20 only, which is asked about because "
            "as_of was left out: they are unseen")  # fmt: skip
    assert said in told["warnings"]
    alone = client.post("/v1/score", json={"origin": "invented", "lab_result": [row]}).json()
    assert alone["as_of"] == "2024-05-25"


def test_feeds_that_are_not_there_are_missing_and_said(client):
    everything = client.post("/v1/score", json=request(patient())).json()
    feeds = ["member", "coverage", "encounter"]
    answer = client.post("/v1/score", json=request(patient(), carries=feeds)).json()
    lacking = "cost_claim, emergency_visits, lab_result, office_visits"
    for task in ("readmission", "high-cost"):
        said = f"the {task} model was trained with feeds that are not here: {lacking}"
        assert said in answer["warnings"]
        assert said not in everything["warnings"]
    [person] = answer["patients"]
    assert person["high_cost"]["risk"] != everything["patients"][0]["high_cost"]["risk"]


def wrong(**changes):
    rows = patient()
    rows["encounter"][0] |= changes
    return request(rows)


BAD = [
    ({}, 422, "(request)", "at least one row is needed"),
    (request(), 422, "(request)", "at least one row is needed"),
    (request(patient(), as_of=SECRET), 422, "as_of", "must be a day written as YYYY-MM-DD"),
    (request(patient(), as_of="0001-01-01"), 422, "as_of",
     "must lie between 1850-01-01 and 2199-12-31"),
    (wrong(kind=SECRET), 422, "encounter.0.kind", None),
    (wrong(kind=None), 422, "encounter.0.kind", None),
    (wrong(record_id=5), 422, "encounter.0.record_id", "must be a text"),
    (wrong(record_id="x" * 300), 422, "encounter.0.record_id",
     "must not be longer than 256 characters"),
    (wrong(patient_id="a\x00b"), 422, "encounter.0.patient_id",
     "must hold printable characters only"),
    (wrong(patient_id=" "), 422, "encounter.0.patient_id", "must not be blank"),
    (wrong(known_on="2024-05-01"), 422, "encounter.0", "known_on must not be earlier than "
     "started_on"),
    (wrong(**{"4711007": 1}), 422, "encounter.0.(unknown)", "is not a field here"),
    (wrong(surname=SECRET), 422, "encounter.0.surname", "is not a field here"),
    (wrong(**{SECRET: 1}), 422, "encounter.0.(unknown)", "is not a field here"),
    (request(patient(), people=[SECRET]), 422, "people", "is not a field here"),
    (request(patient(), carries=[SECRET]), 422, "carries.0", "names a feed that does not exist"),
    (request(patient()) | {"cost": SECRET}, 422, "cost", "must be a list"),
    (request(patient()) | {"cost": [SECRET]}, 422, "cost.0", "must be an object"),
    (request({"lab_result": [{"record_id": "l", "patient_id": "p", "happened_on": "2024-01-01",
                              "known_on": "2024-01-01", "loinc": "718-7", "value": 1e300}]}),
     422, "lab_result.0.value", "must be a finite number of ordinary size"),
    (request({"cost": [{"record_id": "k", "patient_id": "p", "happened_on": "2023-06-30",
                        "known_on": "2024-01-01", "kind": "inpatient", "covers": "year",
                        "allowed_cents": 5}]}),
     422, "cost.0", "happened_on must be a 31 December where covers is year"),
    (request(patient(), {"member": [patient()["member"][0] | {"sex": "male"}]}), 422,
     "(request)", "member: two unlike rows share one record_id and one known_on"),
    ([SECRET], 422, "(request)", "must be an object"),
    (SECRET, 422, "(request)", "must be an object"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "field", "reason"), BAD)
def test_a_bad_request_names_the_field_and_repeats_nothing(client, body, status, field, reason):
    answer = client.post("/v1/score", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    problem = answer.json()
    assert problem["status"] == status
    found = {error["field"]: error["reason"] for error in problem["errors"]}
    assert field in found
    assert reason is None or found[field] == reason


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{" + SECRET.encode(), 400),
        (b"", 400),
        (b"\xff\xfe" + SECRET.encode(), 400),
        (b"[" * 100_000, 400),
        (json.dumps(request(patient()) | {"cost": math.nan}).encode(), 422),
        (json.dumps(wrong(facility_id="\ud800")).encode(), 422),
    ],
)
def test_what_is_not_json_is_refused(client, content, status):
    answer = client.post("/v1/score", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert SECRET not in answer.text


def test_more_than_the_most_patients_are_refused(client):
    rows = [
        {
            "patient_id": f"p{n}",
            "record_id": "m",
            "birth_on": "1950-01-01",
            "known_on": "2020-01-01",
        }
        for n in range(MOST_PATIENTS + 1)
    ]
    for n, row in enumerate(rows):
        row["record_id"] = f"m{n}"
    sent = {"as_of": "2024-01-01", "origin": "invented", "member": rows}
    answer = client.post("/v1/score", json=sent)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["reason"] == "at most 1,000 patients in one request"
    most = client.post("/v1/score", json=sent | {"member": rows[:-1]})
    assert len(most.json()["patients"]) == MOST_PATIENTS


def test_a_body_over_the_limit_is_refused_however_it_comes(quick_home):
    app = create_app(quick_home)
    [log] = [m for m in app.user_middleware if m.cls is RequestLog]
    log.kwargs["largest_body"] = 1000
    with Client(app) as small:
        body = json.dumps({"as_of": "2024-01-01", "x": SECRET * 100}).encode()
        kind = {"content-type": "application/json"}
        whole = small.post("/v1/score", content=body, headers=kind)
        chunks = small.post("/v1/score", content=iter([body[:900], body[900:]]), headers=kind)
    for answer in (whole, chunks):
        assert answer.status_code == 413
        problem = answer.json()
        assert problem["type"] == "urn:firstcall:problem:too-large"
        assert problem["detail"] == "the request is too large"


def test_the_published_list_comes_in_order_with_reasons(client):
    answer = client.get("/v1/worklist", params={"top": 1}).json()
    assert answer["as_of"] == "2024-12-31"
    [first] = answer["patients"]
    assert (first["rank"], first["patient_id"], first["queue"]) == (1, "a", "high cost")
    assert first["high_cost"]["reasons"][0]["words"] == "3 emergency visits in the last 90 days"
    assert first["why"] == ["3 emergency visits in the last 90 days"]
    assert first["readmission"]["not_scored"] == "no discharge"
    assert len(client.get("/v1/worklist").json()["patients"]) == 2


@pytest.mark.parametrize("query", [{"top": 0}, {"top": 5000}, {"top": "many"}, {"manager": -1}])
def test_a_bad_question_about_the_list_is_refused(client, query):
    answer = client.get("/v1/worklist", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(query))


def test_one_patient_of_the_published_run(client):
    answer = client.get("/v1/patients/b").json()
    assert answer["place"] == {"rank": 2, "manager": 1, "tier": "high", "queue": "high cost"}
    assert answer["run_id"] == "2024-12-31.1"
    assert answer["withheld"] == WITHHELD
    missing = client.get(f"/v1/patients/{SECRET}")
    assert missing.status_code == 404
    assert SECRET not in missing.text


def test_health_names_the_models_and_the_age_of_the_list(client):
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["published"] == "2024-12-31"
    assert set(health["models"]) == {"readmission", "high-cost"}


def test_without_models_nothing_is_scored_and_the_reason_is_said(tmp_path):
    with Client(create_app(Home(tmp_path))) as client:
        assert client.get("/health").json()["status"] == "not ready"
        answer = client.post("/v1/score", json=request(patient()))
        assert answer.status_code == 503
        assert "firstcall train" in answer.json()["detail"]
        for said in (answer.text, client.get("/health").text):
            assert "There is no model in FIRSTCALL_HOME/models" in said
            assert str(tmp_path) not in said
        assert client.get("/v1/worklist").status_code == 404


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/docs.json", "/static_content/index.css", "/nothing", "/a/b/c"]
)
def test_the_frameworks_own_pages_are_closed(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_page_asks_for_anything_from_outside(client):
    for path in ("/openapi.json",):
        assert "http://" not in client.get(path).text.replace("http://127.0.0.1", "")
        told = client.get(path).text.replace("https://hospital.example", "")
        assert "https://" not in told.replace("that begins with https://", "")
    assert client.delete("/v1/worklist").status_code in (404, 405)


def test_the_openapi_description_names_every_field(client):
    schema = client.get("/openapi.json").json()
    row = schema["components"]["schemas"]["EncounterRow"]
    assert (
        row["properties"]["started_on"]["description"] == "day of admission, visit or appointment"
    )
    assert "source_row" not in row["required"]
