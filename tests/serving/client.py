"""Asks an ASGI app questions in this process, its start and end included."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import httpx
from fastapi import FastAPI


class Client:
    """`with Client(app) as client: client.get("/health")`."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._life = self._app.router.lifespan_context(self._app)
        self._runner.run(self._life.__aenter__())
        transport = httpx.ASGITransport(app=self._app)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.run(self._life.__aexit__(None, None, None))
        self._runner.close()

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self._runner.run(self._http.get(path, **given))

    def delete(self, path: str) -> httpx.Response:
        return self._runner.run(self._http.delete(path))

    def post(self, path: str, **given: Any) -> httpx.Response:
        if isinstance(given.get("content"), Iterator):
            given["content"] = _each(given["content"])
        return self._runner.run(self._http.post(path, **given))


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
