"""How often one may try to come in: by address, sign-ins apart from tokens that are none, and by
account from wherever. Of two workers each counts for itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from serving.api.app import create_app
from serving.api.limits import SIGN_INS_OF_AN_ACCOUNT
from serving.settings import RateLimits, ServiceSettings
from tests.serving.api.manned import PASSWORD, Manned
from tests.serving.client import Client

NOBODY = {"authorization": ""}
GUESS = {"authorization": "Bearer fcs_guess"}
MOST = int(SIGN_INS_OF_AN_ACCOUNT.partition("/")[0])


def sign_in(client: Client, name: str, password: str) -> int:
    sent = {"name": name, "password": password}
    return client.post("/v1/sign-in", json=sent, headers=NOBODY).status_code


@pytest.fixture(autouse=True)
def at_the_start_of_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limiter's window slides with the minutes: one that turns would let one more in."""
    now = time.time
    shift = 61 - now() % 60
    monkeypatch.setattr(time, "time", lambda: now() + shift)


@pytest.fixture
def strict(fresh: Manned) -> Iterator[Client]:
    rates = RateLimits(unknown_per_minute=3)
    with Client(create_app(fresh.home, ServiceSettings(rates=rates))) as client:
        yield client


def test_a_page_whose_session_is_over_keeps_nobody_from_signing_in(strict: Client) -> None:
    asked = [strict.get("/v1/me", headers=GUESS).status_code for _ in range(6)]
    assert asked == [401, 401, 401, 429, 429, 429]
    assert sign_in(strict, "ann", PASSWORD) == 200
    assert [sign_in(strict, "bob", "wrong password") for _ in range(3)] == [401, 401, 429]


def test_who_tried_too_many_passwords_is_still_told_that_his_session_is_over(
    strict: Client,
) -> None:
    assert [sign_in(strict, f"n{n}", "wrong password") for n in range(4)] == [401, 401, 401, 429]
    assert strict.get("/v1/me", headers=GUESS).status_code == 401


def test_an_account_is_tried_no_more_often_from_many_addresses_than_from_one(
    anew: Client,
) -> None:
    """An account that there is, in whatever case it is typed, and one that there is not."""

    async def tried(name: str, times: int) -> list[int]:
        statuses = []
        for n in range(times):
            transport = httpx.ASGITransport(anew.app, client=(f"10.0.0.{n}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                sent = {"name": name if n % 2 else name.upper(), "password": "wrong password"}
                statuses.append((await http.post("/v1/sign-in", json=sent)).status_code)
        return statuses

    for name in ("ann", "not-there"):
        statuses = anew._runner.run(tried(name, MOST + 2))
        assert statuses == [401] * MOST + [429] * 2
    assert sign_in(anew, "bob", PASSWORD) == 200


def test_addresses_count_apart_behind_a_proxy_that_names_them(fresh: Manned) -> None:
    """As uvicorn takes them from the proxy of README.md, which writes over what a client sent."""
    app = create_app(fresh.home, ServiceSettings(rates=RateLimits(unknown_per_minute=1)))
    proxied: Any = ProxyHeadersMiddleware(cast("Any", app), "127.0.0.1")
    behind = httpx.ASGITransport(proxied, client=("127.0.0.1", 1))

    async def ask() -> list[int]:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=behind, base_url="http://localhost") as http,
        ):
            return [
                (await http.get("/v1/me", headers=GUESS | {"x-forwarded-for": of})).status_code
                for of in ("10.0.0.1", "10.0.0.1", "10.0.0.2")
            ]

    assert asyncio.run(ask()) == [401, 429, 401]
