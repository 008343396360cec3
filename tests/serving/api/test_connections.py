"""Which answers end their connection."""

from __future__ import annotations

from serving.api.connections import ENDS_EACH
from tests.serving.client import Client


def test_every_twentieth_answer_ends_its_connection_whatever_it_says(anew: Client) -> None:
    asked = [anew.get("/health" if n % 2 else "/nothing") for n in range(2 * ENDS_EACH)]
    ended = [n for n, answer in enumerate(asked, 1) if answer.headers.get("connection") == "close"]
    assert ended == [ENDS_EACH, 2 * ENDS_EACH]
    assert ENDS_EACH == 20
