"""A real `bentoml serve`: it answers, and nothing that it writes names a patient."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from data.home import Home
from tests.serving.test_api import BAD, patient, request

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("Planted-Patient-0815", "Planted-Surname", "Planted-Record-9", "PLANTEDCODE")
PATIENT, SURNAME, RECORD, CODE = NAMES


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def running(service, home, base, cwd=ROOT):
    """A service that runs over `home` and keeps what is its own in `base`: its address."""
    port = free_port()
    environment = os.environ | {
        "FIRSTCALL_HOME": str(home),
        "BENTOML_HOME": str(base / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    written = base / "output.log"
    with written.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", str(service), "--port", str(port)],
            cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, written.read_text()
            try:
                if httpx.get(f"{address}/health").json()["status"] == "ok":
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            pytest.fail(f"not ready: {written.read_text()}")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def served(quick_home, tmp_path_factory):
    """A running service over a copy of the quick home: its address, home and what it writes."""
    base = tmp_path_factory.mktemp("served")
    shutil.copytree(quick_home.root, base / "home")
    with running("serving.service:Firstcall", base / "home", base) as address:
        yield address, Home(base / "home"), base


def planted():
    rows = patient(PATIENT)
    rows["encounter"][0] |= {"record_id": RECORD, "facility_id": SURNAME}
    rows["diagnosis"] = [
        {"record_id": RECORD, "patient_id": PATIENT, "happened_on": "2024-05-05", "code": CODE,
         "known_on": "2024-05-09", "code_system": "ICD10CM"}
    ]  # fmt: skip
    return request(rows)


def everything_written(base):
    """Whatever lies in the service's folders: its output, log files, metric files, databases."""
    for path in sorted(base.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def test_no_name_and_no_id_reaches_anything_that_is_written(served):
    address, home, base = served
    with httpx.Client(base_url=address, timeout=60) as client:
        good = client.post("/v1/score", json=planted())
        assert good.status_code == 200
        assert good.json()["patients"][0]["patient_id"] == PATIENT

        for body, status, *_ in BAD:
            assert client.post("/v1/score", json=body).status_code == status
        hostile = (
            planted() | {"as_of": SURNAME},
            planted() | {SURNAME: PATIENT},
            planted() | {"member": [{"patient_id": PATIENT, "birth_on": SURNAME}]},
        )
        for body in hostile:
            assert client.post("/v1/score", json=body).status_code == 422
        assert client.post("/v1/score", content=b"{" + SURNAME.encode()).status_code == 415
        assert client.get(f"/v1/patients/{PATIENT}").status_code == 404
        assert client.get(f"/{PATIENT}/x", params={"name": SURNAME}).status_code == 404
        assert client.request(SURNAME.upper(), f"/{PATIENT}").status_code in (400, 404, 405)
        assert client.get("/v1/worklist", params={"top": SURNAME}).status_code == 422
        assert client.get("/health", headers={"x-name": PATIENT}).status_code == 200
        for path in ("/metrics", "/docs.json", "/static_content/index.css", "/docs"):
            assert client.get(path).status_code == 404
        front = client.get("/")
        assert "googletagmanager" not in front.text
        assert "<h1>firstcall</h1>" in front.text

        # A crash whose own text holds the id: the table that the query asks for is gone.
        database = sqlite3.connect(home.store_database)
        database.execute("ALTER TABLE score RENAME TO gone")
        database.commit()
        crashed = client.get(f"/v1/patients/{PATIENT}")
        database.execute("ALTER TABLE gone RENAME TO score")
        database.commit()
        database.close()
        assert crashed.status_code == 500
        assert PATIENT not in crashed.text
        assert client.get("/v1/patients/a").status_code == 200

    output = (base / "output.log").read_text()
    assert "POST /score 200" in output
    assert "GET /patients/{patient_id} 404" in output
    assert "GET /patients/{patient_id} 500" in output
    assert "OperationalError at " in output
    assert "Traceback" not in output
    for path, content in everything_written(base):
        for name in (*NAMES, SURNAME.upper(), "Maria-Secretname-4711"):
            assert name.encode() not in content, f"{name} stands in {path}"


def test_it_listens_on_this_machine_only(served):
    address, *_ = served
    port = int(address.rsplit(":", 1)[1])
    listening = {
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    }
    assert listening == {f"0100007F:{port:04X}"}
