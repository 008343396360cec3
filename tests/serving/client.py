"""Asks an ASGI app questions in this process, its start and end included."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
from fastapi import FastAPI

from serving.access.roles import SCOPES
from serving.access.service_tokens import add_token
from serving.store.database import Database


def a_token(database: Database, *scopes: str, matters: tuple[str, ...] = ()) -> str:
    """A new service token with these scopes, or all."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    name = f"test-{secrets.token_hex(6)}"
    return add_token(database, name, scopes or tuple(SCOPES), tomorrow, matters=matters)


class Client:
    """`with Client(app) as client: client.get("/health")`. It comes with a service token of all
    scopes, unless another header says who asks."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._life = self.app.router.lifespan_context(self.app)
        self._runner.run(self._life.__aenter__())
        transport = httpx.ASGITransport(app=self.app)
        token = a_token(self.app.state.service.database)
        self._http = httpx.AsyncClient(
            transport=transport,
            base_url="http://127.0.0.1",
            headers={"authorization": f"Bearer {token}"},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.run(self._life.__aexit__(None, None, None))
        self._runner.close()

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self._runner.run(self._http.get(path, **given))

    def posts(self, path: str, times: int, **given: Any) -> list[httpx.Response]:
        """The same request so many times at once."""

        async def every() -> list[httpx.Response]:
            return await asyncio.gather(*(self._http.post(path, **given) for _ in range(times)))

        return self._runner.run(every())

    def delete(self, path: str) -> httpx.Response:
        return self._runner.run(self._http.delete(path))

    def post(self, path: str, **given: Any) -> httpx.Response:
        if isinstance(given.get("content"), Iterator):
            given["content"] = _each(given["content"])
        return self._runner.run(self._http.post(path, **given))


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
