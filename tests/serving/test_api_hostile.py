"""What is sent to do harm: bodies that swell, foreign host names, too many requests at a time."""

import asyncio
import json
import tracemalloc
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from data.tables import TABLES
from serving.api.app import create_app
from serving.api.request_log import LARGEST_BODY
from serving.api.score import MOST_WAITING
from serving.schemas import MOST_FIELDS, MOST_ROWS, ScoreRequest
from tests.serving.client import Client, a_token
from tests.serving.test_api import patient, request

MEGABYTE = 2**20
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(quick_home):
    with Client(create_app(quick_home)) as client:
        yield client


def rows(text, number, table="member"):
    return b'{"as_of": "2024-01-01", "%s": [%s]}' % (table.encode(), b",".join([text] * number))


def many_names(number):
    return b"{%s}" % b",".join(b'"x%d":1' % n for n in range(number))


HOSTILE = {
    "a megabyte of empty rows": (rows(b"{}", MEGABYTE // 3), "at most 200,000 rows"),
    "four megabytes of empty rows": (rows(b"{}", 4 * MEGABYTE // 3), "at most 200,000 rows"),
    "as many empty rows as are allowed": (rows(b"{}", MOST_ROWS - 1), "is missing"),
    "empty lists": (rows(b"[]", MOST_ROWS - 1), "must be an object"),
    "numbers": (rows(b"1", MEGABYTE), "at most 200,000 rows"),
    "rows of unknown names": (rows(b'{"x":1}', MEGABYTE // 8), "is not a field here"),
    "a row of very many names": (rows(many_names(100_000), 1), "has too many fields"),
    "very many names": (many_names(100_000), "has too many fields"),
    "feeds": (b'{"carries": [%s]}' % b",".join([b'"x"'] * MEGABYTE), "names a feed"),
    "lists in lists": (rows(b"[" * MEGABYTE, 1), "at most 200,000 rows"),
}


def peak(reset=False):
    """The most memory that this process has held, in bytes, on whosever behalf."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_body_that_swells_is_refused_with_few_errors_and_little_memory(client, kind):
    body, reason = HOSTILE[kind]
    before = peak(reset=True)
    answer = client.post("/v1/score", content=body, headers=JSON)
    assert peak() - before < 160 * MEGABYTE
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert any(error["reason"].startswith(reason) for error in errors), errors
    assert len(answer.content) < 3000


@pytest.mark.parametrize("row", [{}, {"x": 1}, [], 1, {"patient_id": 1, "record_id": 2}])
def test_one_wrong_row_of_a_table_is_told_and_no_more(row):
    sent = {name: [row] * (MOST_ROWS // len(TABLES)) for name in TABLES}
    tracemalloc.start()
    try:
        with pytest.raises(ValidationError) as refused:
            ScoreRequest.model_validate(sent)
        assert tracemalloc.get_traced_memory()[1] < 4 * MEGABYTE
    finally:
        tracemalloc.stop()
    errors = refused.value.errors(include_url=False, include_input=False)
    assert len(errors) <= len(TABLES) * MOST_FIELDS
    assert {error["loc"][1] for error in errors if len(error["loc"]) > 1} == {0}


def test_rows_are_counted_over_all_tables():
    sent = {name: [{}] * (MOST_ROWS // len(TABLES) + 1) for name in TABLES}
    with pytest.raises(ValidationError, match="at most 200,000 rows in one request") as refused:
        ScoreRequest.model_validate(sent)
    assert refused.value.error_count() == 1


def test_every_table_fits_within_the_most_fields_with_room():
    assert max(len(table.columns) for table in TABLES.values()) * 2 < MOST_FIELDS
    assert len(ScoreRequest.model_fields) * 2 < MOST_FIELDS


def test_the_most_rows_in_their_plainest_form_fit_into_the_largest_body():
    row = {"patient_id": "p123", "record_id": "e123456", "kind": "emergency", "reversed": False,
           "started_on": "2024-05-01", "ended_on": "2024-05-01", "known_on": "2024-05-09",
           }  # fmt: skip
    assert MOST_ROWS * (len(json.dumps(row, separators=(",", ":"))) + 1) < LARGEST_BODY


def test_what_is_not_said_to_be_json_is_not_read(client):
    """A form of another site can send text/plain without asking first, but not JSON."""
    content = json.dumps(request(patient())).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        headers = {"content-type": kind} if kind else {}
        assert client.post("/v1/score", content=content, headers=headers).status_code == 415
    kind = "application/json; charset=utf-8"
    answer = client.post("/v1/score", content=content, headers={"content-type": kind})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:3000", "127.0.0.1:80", "[::1]:3000", "list.hospital.example"]
)
def test_own_names_are_answered(quick_home, monkeypatch, host):
    monkeypatch.setenv("FIRSTCALL_HOSTS", "other.example, List.Hospital.example")
    with Client(create_app(quick_home)) as named:
        assert named.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:3000", "localhost.evil.example", "localhost@evil.example",
     "evil.example/localhost", "127.0.0.2", "[::2]", "[::1", ""],
)  # fmt: skip
def test_a_name_that_is_not_ours_is_refused(client, host):
    for path in ("/v1/worklist", "/health", "/v1/patients/a", "/"):
        answer = client.get(path, headers={"host": host})
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert "evil" not in answer.text
        assert "patient" not in answer.text


def test_no_answer_is_kept_in_a_cache_or_taken_for_another_kind(client):
    big = {"content-length": str(LARGEST_BODY + 1), **JSON}
    answers = [
        *(client.get(path) for path in (
            "/", "/health", "/v1/worklist", "/v1/patients/a", "/nothing", "/v1/patients/none",
            "/v1/worklist?top=0", "/openapi.json")),
        client.post("/v1/score", json=request(patient())),
        client.post("/v1/score", json={}),
        client.post("/v1/score", content=b"{", headers=big),
        client.get("/", headers={"host": "evil.example"}),
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {200, 400, 404, 413, 422}
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_few_scores_wait_and_the_list_waits_for_none(quick_home):
    """The bodies are held back, so that each request keeps its place until they are let go."""
    content = json.dumps(request(patient())).encode()
    app = create_app(quick_home)

    async def ask():
        let_go, held = asyncio.Event(), 0

        async def body():
            nonlocal held
            held += 1
            await let_go.wait()
            yield content

        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            token = a_token(app.state.service.database)
            http.headers["authorization"] = f"Bearer {token}"
            sized = JSON | {"content-length": str(len(content))}
            waiting = [
                asyncio.create_task(http.post("/v1/score", content=body(), headers=sized))
                for _ in range(MOST_WAITING)
            ]
            while held < MOST_WAITING:
                await asyncio.sleep(0.001)
            refused = await http.post("/v1/score", content=content, headers=JSON)
            quick = ("/v1/worklist", "/v1/patients/a", "/health")
            others = [await http.get(path) for path in quick]
            assert not any(task.done() for task in waiting)
            let_go.set()
            answers = await asyncio.gather(*waiting)
            again = await http.post("/v1/score", content=content, headers=JSON)
            return refused, others, [*answers, again]

    refused, others, answers = asyncio.run(ask())
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert "wait for their scores" in refused.json()["detail"]
    assert [answer.status_code for answer in others] == [200] * 3
    assert [answer.status_code for answer in answers] == [200] * (MOST_WAITING + 1)
