"""A real `bentoml serve`: it answers, nothing that it writes names a patient, what was acknowledged
outlives a worker, and it does not start where it must not."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from data.home import Home
from serving.store.database import Database, database_url
from serving.store.nights import Store
from tests.serving.a_night import NIGHT, a_night
from tests.serving.quick import write_quick_model
from tests.serving.served import OURS, refused, running, token_of
from tests.serving.test_api import BAD, patient, request

NAMES = ("Planted-Patient-0815", "Planted-Surname", "Planted-Record-9", "PLANTEDCODE",
         "planted-key-4711", "Maria-Secretname-4711")  # fmt: skip
PATIENT, SURNAME, RECORD, CODE, KEY, _ = NAMES
ENTRY = f"{NIGHT}.2:1"
ALLOWING = "other_origin = true\n"
FAILED = (500, 503)


@pytest.fixture(scope="module")
def served(quick_home, tmp_path_factory):
    """A running service over a copy of the quick home, on whose list the planted patient stands:
    a client that may do everything, the home, and the folder of all that is written."""
    base = tmp_path_factory.mktemp("served")
    home = Home(base / "home")
    shutil.copytree(quick_home.root, home.root)
    (home.root / "service.toml").write_text(ALLOWING)
    database = Database.open(database_url(home))
    store = Store(database)
    scores, reasons, entries, manifest, known = a_night(PATIENT, "b")
    about = {"version": "0f8fad5bd9cb469f", "horizon_days": 365}
    manifest |= {
        "capacity": {"managers": 1, "slots": 2}, "warnings": [], "data": {"origin": "invented"},
        "models": {"readmission": about | {"horizon_days": 30}, "high-cost": about},
    }  # fmt: skip
    store.publish(store.start(NIGHT), scores, reasons, entries, manifest, known)
    store.close()
    with (
        running(OURS, home.root, base) as service,
        httpx.Client(base_url=service.address, timeout=60, headers=token_of(home)) as client,
    ):
        yield client, home, base


def planted():
    rows = patient(PATIENT)
    rows["encounter"][0] |= {"record_id": RECORD, "facility_id": SURNAME}
    rows["diagnosis"] = [
        {"record_id": RECORD, "patient_id": PATIENT, "happened_on": "2024-05-05", "code": CODE,
         "known_on": "2024-05-09", "code_system": "ICD10CM"}
    ]  # fmt: skip
    return request(rows)


def written(base):
    """Whatever lies in the service's folders, but for the database: in it, and in the record that
    it holds, ids belong."""
    for path in sorted(base.rglob("*")):
        if path.is_file() and not path.name.startswith("firstcall.db"):
            yield path, path.read_bytes()


def assert_says_no(answer, *statuses):
    """An error in its one form, which repeats nothing of what was sent."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] in (
        "application/problem+json", "application/fhir+json",
    ), answer.headers  # fmt: skip
    told = answer.json()
    if "resourceType" not in told:
        assert set(told) == {"type", "title", "status", "detail", "instance", "errors"}
    for name in (*NAMES, SURNAME.upper()):
        assert name not in answer.text + str(answer.headers)


def assert_named_nowhere(base):
    for path, content in written(base):
        for name in (*NAMES, SURNAME.upper()):
            assert name.encode() not in content, f"{name} stands in {path}"


def ask_rightly(client):
    scored = client.post("/v1/score", json=planted())
    assert scored.status_code == 200
    assert scored.json()["patients"][0]["patient_id"] == PATIENT
    assert client.get(f"/v1/patients/{PATIENT}").json()["patient_id"] == PATIENT
    found = client.get("/v1/patients", params={"id_begins": PATIENT[:9]}).json()["patients"]
    assert [one["patient_id"] for one in found] == [PATIENT]
    assert PATIENT in client.get("/v1/worklist").text
    told = client.get("/fhir/R4/RiskAssessment", params={"patient": f"Patient/{PATIENT}"})
    assert told.status_code == 200
    done = {"kind": "no_answer", "note": f"{SURNAME} does not answer"}
    for _ in range(2):  # with a key: done once, and the kept answer is given again
        acted = client.post(
            f"/v1/worklist/{ENTRY}/actions", json=done, headers={"idempotency-key": KEY}
        )
        assert acted.status_code == 201


def ask_wrongly(client):
    for body, status, *_ in BAD:
        assert_says_no(client.post("/v1/score", json=body), status)
    for body in (
        planted() | {"as_of": SURNAME},
        planted() | {SURNAME: PATIENT},
        planted() | {"member": [{"patient_id": PATIENT, "birth_on": SURNAME}]},
    ):
        assert_says_no(client.post("/v1/score", json=body), 422)
    json_type = {"content-type": "application/json"}
    wrong = b'{"as_of": "' + SURNAME.encode()
    assert_says_no(client.post("/v1/score", content=wrong, headers=json_type), 400)
    assert_says_no(client.post("/v1/score", content=wrong), 415)
    actions = f"/v1/worklist/{ENTRY}/actions"
    for body in (
        {"kind": SURNAME},
        {"kind": "closed", "note": SURNAME},
        {"kind": "override", "tier": SURNAME, "reason": PATIENT},
        {"kind": "no_answer", "note": f"{SURNAME}\0"},
        {"kind": "no_answer", SURNAME: PATIENT},
    ):
        assert_says_no(client.post(actions, json=body), 422)
    other = client.post(actions, json={"kind": "contacted"}, headers={"idempotency-key": KEY})
    assert_says_no(other, 422)
    assert other.json()["type"].endswith(":key-reused")
    assert_says_no(client.post(f"/v1/worklist/{PATIENT}/actions", json={}), 422)
    assert_says_no(client.get(f"/v1/patients/{PATIENT}-none"), 404)
    assert_says_no(client.post(f"/v1/patients/{PATIENT}/rescore", json={"as_of": SURNAME}), 422)
    evidence = f"/v1/patients/{PATIENT}/evidence"
    assert_says_no(client.get(evidence, params={"concept": SURNAME}), 503)  # nothing is taken in
    assert_says_no(client.get("/v1/worklist", params={"top": SURNAME}), 422)
    assert_says_no(client.get("/v1/worklist", params={"tier": PATIENT, SURNAME: "x"}), 422)
    assert_says_no(client.get(f"/{PATIENT}/x", params={"name": SURNAME}), 404)
    assert_says_no(client.delete(f"/v1/patients/{PATIENT}"), 404, 405)
    assert_says_no(client.get("/fhir/R4/RiskAssessment", params={SURNAME: PATIENT}), 400)
    hook = {"hook": SURNAME, "context": {"patientId": PATIENT}}
    assert_says_no(client.post("/cds-services/firstcall-patient-view", json=hook), 400, 422)
    assert_says_no(client.post(f"/cds-services/{SURNAME}", json=hook), 404)


def ask_as_nobody(address):
    with httpx.Client(base_url=address, timeout=60) as client:
        for header in (f"Bearer {PATIENT}", SURNAME, f"Basic {KEY}"):
            bad = client.get(f"/v1/patients/{PATIENT}", headers={"authorization": header})
            assert_says_no(bad, 401)
        signing = {"name": SURNAME.lower(), "password": PATIENT}
        assert_says_no(client.post("/v1/sign-in", json=signing), 401)
        assert_says_no(client.post("/v1/sign-in", json={"name": SURNAME, PATIENT: 1}), 401, 422)
        assert client.get("/health", headers={"x-name": PATIENT}).status_code == 200
        assert client.get(f"/health?{SURNAME}={PATIENT}").status_code == 200
        assert_says_no(client.get("/health", headers={"host": SURNAME}), 400)
        for page in (f"/?find={PATIENT}", f"/?{SURNAME}=1", "/model"):
            assert client.get(page, headers={"accept": "text/html"}).status_code == 303
        assert client.get(f"/sign-in?next=/{PATIENT}").status_code == 200
        assert client.post("/sign-in", data=signing).status_code == 400
        assert client.post(f"/list/{SURNAME}/actions", data=signing).status_code == 303
        odd = client.request(SURNAME.upper(), f"/{PATIENT}")
        assert odd.status_code in (400, 401, 404, 405)
        for path in ("/metrics", "/docs.json", "/static_content/index.css", "/docs", "/livez",
                     "/readyz", "/healthz", f"/{PATIENT}"):  # fmt: skip
            closed = client.get(path)
            assert closed.status_code == 401, path
            assert "googletagmanager" not in closed.text


@contextmanager
def changed(home, there, back):
    """The database is changed under the service, and changed back."""
    database = sqlite3.connect(home.store_database)
    try:
        database.execute(there)
        database.commit()
        yield
    finally:
        database.execute(back)
        database.commit()
        database.close()


def ask_what_fails(client, home):
    """Errors whose own texts hold what was asked, or what is stored."""
    note = {"kind": "no_answer", "note": SURNAME}
    for table, ask in (
        ("score", lambda: client.get(f"/v1/patients/{PATIENT}")),
        ("score", lambda: client.get("/v1/patients", params={"id_begins": PATIENT})),
        ("action", lambda: client.post(f"/v1/worklist/{ENTRY}/actions", json=note)),
        ("audit", lambda: client.post("/v1/score", json=planted())),
    ):
        rename = "ALTER TABLE {} RENAME TO {}"
        with changed(home, rename.format(table, "gone"), rename.format("gone", table)):
            assert_says_no(ask(), *FAILED)
    update = f"UPDATE score SET discharged_on = {{}} WHERE patient_id = '{PATIENT}'"
    with changed(home, update.format(f"'{SURNAME}'"), update.format("NULL")):
        # "Couldn't parse date string 'Planted-Surname'"
        assert_says_no(client.get(f"/v1/patients/{PATIENT}"), 500)


def test_no_name_and_no_id_reaches_anything_that_is_written(served):
    client, home, base = served
    ask_rightly(client)
    ask_wrongly(client)
    ask_as_nobody(client.base_url)
    ask_what_fails(client, home)
    ask_rightly(client)

    metrics = client.get("/v1/metrics").text
    assert 'route="/v1/patients/{patient_id}",status="500"' in metrics
    assert 'route="(no route)"' in metrics or 'route="/{anything:path}"' in metrics
    assert not any(name in metrics for name in (*NAMES, SURNAME.upper()))
    output = (base / "output.log").read_text()
    for line in ("POST /v1/score 200", "GET /v1/patients/{patient_id} 404",
                 "GET /v1/patients/{patient_id} 500", "ValueError at ",
                 "POST /v1/worklist/{entry_id}/actions 201"):  # fmt: skip
        assert line in output
    assert "Traceback" not in output
    assert_named_nowhere(base)


def test_it_listens_on_this_machine_only(served):
    client, *_ = served
    listening = {
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{client.base_url.port:04X}")
    }
    assert listening == {f"0100007F:{client.base_url.port:04X}"}


def test_a_service_without_any_model_comes_up_and_says_that_it_is_not_ready(tmp_path):
    home = Home(tmp_path / "home")
    with (
        running(OURS, home.root, tmp_path, ready=False) as service,
        httpx.Client(base_url=service.address, timeout=60, headers=token_of(home)) as client,
    ):
        health = client.get("/health").json()
        assert (health["status"], health["models"]) == ("not ready", {})
        assert health["reason"].startswith("There is no model in FIRSTCALL_HOME/models: ")
        assert_says_no(client.post("/v1/score", json=planted()), 503)
        # a first promotion is taken up without a restart; the watch itself is tried elsewhere
        assert len(service.workers()) == 1


@pytest.mark.parametrize(
    ("changed", "settings", "more", "code", "said"),
    [
        ({"fingerprint": "0" * 64}, "", {}, 3,
         "The model in {home}/models/readmission was trained with other feature definitions: run "
         "`firstcall train --task readmission`."),
        ({"horizon_days": 90}, "", {}, 3,
         "The model in {home}/models/readmission is about 90 days after a discharge, and the night "
         "asks about 30: run `firstcall train --task readmission`."),
        ({}, "silnet = true\n", {}, 2, "service.toml: silnet: is no setting."),
        ({}, "", {"FIRSTCALL_WORKERS": "many"}, 2,
         "FIRSTCALL_WORKERS must be a whole number from 1 to 64."),
    ],
)  # fmt: skip
def test_what_must_not_start_ends_with_one_sentence(tmp_path, changed, settings, more, code, said):
    home = Home(tmp_path / "home")
    write_quick_model(home.models / "readmission", "readmission", **changed)
    (home.root / "service.toml").write_text(settings)
    assert refused(OURS, home.root, tmp_path, **more) == (
        code, ["firstcall: " + said.replace("{home}", str(home.root))],
    )  # fmt: skip
    assert not home.store_database.exists()
