"""A body is as large as its route needs, arrives in time, and is read for nobody who is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from serving.api import bodies, score
from serving.api.bodies import EHR_BODY, LARGEST_BODY, SMALL_BODY
from serving.api.rules import RULES
from tests.serving.api.manned import Manned
from tests.serving.client import Client
from tests.serving.test_api import patient, request

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
NOBODY = {"authorization": ""}
MORE = {
    "/v1/score": LARGEST_BODY,
    "/cds-services/{service_id}": EHR_BODY,
    "/cds-services/{service_id}/feedback": EHR_BODY,
}
"""Every other route takes SMALL_BODY."""
TAKE_A_BODY = sorted(
    path for method, path in RULES if method == "POST" and not path.endswith(("sign-out", "/undo"))
)


def asked_at(path: str) -> str:
    return path.format(
        patient_id="a1",
        entry_id="2024-12-31.1:1",
        service_id="firstcall-patient-view",
        move_id="0" * 32,
    )


def kind_of_body(path: str) -> dict[str, str]:
    return FORM if path.endswith("_search") else JSON


class Pieces:
    """A body in pieces, of a length that no header says. Counts what of it was asked for."""

    def __init__(self, *pieces: bytes, then_waits: bool = False) -> None:
        self.pieces, self.then_waits, self.asked = pieces, then_waits, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.asked += 1
            yield piece
        if self.then_waits:
            self.asked += 1
            await asyncio.Event().wait()


def test_bodies_in_pieces_hold_what_has_come_of_them(client: Client) -> None:
    """Small ones of unsaid length are no large ones: sixteen at once have places."""
    sent = json.dumps(request(patient())).encode()

    async def ask(n: int) -> int:
        pieces = Pieces(sent[:100], sent[100:])
        headers = JSON | {"transfer-encoding": "chunked"}
        answer = await client._http.post("/v1/score", content=pieces, headers=headers)
        return answer.status_code

    async def every() -> list[int]:
        return await asyncio.gather(*(ask(n) for n in range(16)))

    assert client._runner.run(every()) == [200] * 16


def test_pieces_that_come_to_too_much_together_are_sent_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "MOST_WAITING_BYTES", 1000)
    pieces = Pieces(b"{" + b" " * 800, b" " * 800, b"}")
    answer = client.post("/v1/score", content=pieces, headers=JSON)
    assert answer.status_code == 503
    assert pieces.asked == 2
    short = Pieces(b"{" + b" " * 800, b" " * 800, b"}")
    told = client.post("/v1/score", content=short, headers=JSON | {"content-length": "2"})
    assert told.status_code == 503  # what has come counts, whatever was said
    sent = client.post("/v1/score", content=Pieces(b"{}"), headers=JSON)  # its place is free again
    assert sent.status_code == 422


def test_what_each_route_takes_is_said_by_its_rule() -> None:
    assert {path: rule.body for (_, path), rule in RULES.items() if rule.body != SMALL_BODY} == MORE
    assert SMALL_BODY == 65_536 < EHR_BODY == 1_048_576 < LARGEST_BODY


@pytest.mark.parametrize("path", TAKE_A_BODY)
def test_a_byte_too_many_is_refused_whether_it_is_announced_or_not(
    client: Client, staff: Manned, path: str
) -> None:
    most = MORE.get(path, SMALL_BODY)
    header = staff.header("all") | kind_of_body(path)
    said = header | {"content-length": str(most + 1)}
    unread = Pieces(b"{", then_waits=True)
    pieces = Pieces(*[b" " * 32_768] * (most // 32_768), b" ", then_waits=True)
    for headers, content in ((said, unread), (header, pieces)):
        answer = client.post(asked_at(path), content=content, headers=headers)
        assert answer.status_code == 413, answer.text
        assert answer.json().get("type", "urn:firstcall:problem:too-large").endswith("too-large")
    assert unread.asked == 0
    assert pieces.asked == len(pieces.pieces)  # and not one more


@pytest.mark.parametrize("path", TAKE_A_BODY)
def test_as_much_as_is_allowed_is_read_and_then_found_wrong(
    client: Client, staff: Manned, path: str
) -> None:
    """Blanks alone are no JSON and no search: 400 or 422 says that all of it was read."""
    content = b" " * MORE.get(path, SMALL_BODY)
    answer = client.post(
        asked_at(path), content=content, headers=staff.header("all") | kind_of_body(path)
    )
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("path", TAKE_A_BODY)
def test_a_body_that_does_not_come_is_not_waited_for(
    client: Client, staff: Manned, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)
    for pieces in (Pieces(then_waits=True), Pieces(b'{"name": ', b'"ann', then_waits=True)):
        headers = staff.header("all") | kind_of_body(path)
        answer = client.post(asked_at(path), content=pieces, headers=headers)
        assert answer.status_code == 408, answer.text
        assert "took too long to arrive" in answer.text
        assert answer.headers["connection"] == "close"
        assert pieces.asked == len(pieces.pieces) + 1


@pytest.mark.parametrize("path", [path for path in TAKE_A_BODY if path != "/v1/sign-in"])
def test_nothing_is_read_for_whoever_may_not_ask(client: Client, staff: Manned, path: str) -> None:
    for headers, status in ((NOBODY, 401), (staff.header("max"), 403)):
        pieces = Pieces(b"{", then_waits=True)
        answer = client.post(asked_at(path), content=pieces, headers=headers | kind_of_body(path))
        # an admin has no scope, and EHRs come by themselves: 403 wherever he may not
        assert answer.status_code == status, answer.text
        assert pieces.asked == 0


@pytest.mark.parametrize(
    "body", [b"[" * SMALL_BODY, b'{"name":"ann","z":[' + b"{}," * 21_000 + b"{}]}"]
)
def test_a_small_body_may_be_as_intricate_as_it_likes(client: Client, body: bytes) -> None:
    assert len(body) <= SMALL_BODY
    answer = client.post("/v1/sign-in", content=body, headers=NOBODY | JSON)
    assert answer.status_code in (400, 422)
    assert len(answer.content) < 3000


@pytest.mark.parametrize("length", ["9" * 19, "9" * 5000, "1e3", "-1", ""])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    headers = NOBODY | JSON | {"content-length": length}
    answer = client.post("/v1/sign-in", content=Pieces(b"{}"), headers=headers)
    assert answer.status_code == 413
