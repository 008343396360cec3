"""POST /v1/score: both risks of people whose canonical rows are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.access.roles import Principal
from serving.answer_schemas import ScoreAnswer
from serving.api.bodies import LARGEST_BODY
from serving.api.problems import Refused
from serving.api.recording import LONGEST_WAIT, not_recorded
from serving.api.rules import GuardedRoute
from serving.api.state import Service
from serving.batching import ClosedError
from serving.schemas import ScoreRequest
from serving.sight import Sight
from serving.store.audit import Entry

MOST_WAITING = 64
MOST_WAITING_BYTES = 128 * 2**20
"""Score requests at a time that wait with their bodies as bytes, and what these come to together.
More are sent away, so that nothing else waits behind them."""
_RETRY_SECONDS = 5


async def body_of(request: Request) -> bytes:
    """The whole body. Raises Refused where it is not sent as JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # what another site's form can send is not taken
        raise Refused("not-json-type", "the body must be sent as application/json")
    return await request.body()


class _Places:
    """How many requests hold a place, and how many bytes they may bring."""

    def __init__(self) -> None:
        self._requests = self._bytes = 0

    @contextmanager
    def one(self, request: Request) -> Iterator[None]:
        """A place for one request. Raises Refused (503) where too many wait."""
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdigit() else LARGEST_BODY  # in pieces: it is not said
        too_many = self._requests >= MOST_WAITING
        if too_many or (self._requests and self._bytes + size > MOST_WAITING_BYTES):
            raise Refused(
                "not-ready",
                "too many requests wait for their scores: ask again in a moment",
                {"Retry-After": str(_RETRY_SECONDS)},
            )
        self._requests, self._bytes = self._requests + 1, self._bytes + size
        try:
            yield
        finally:
            self._requests, self._bytes = self._requests - 1, self._bytes - size


class _ScoreRoute(GuardedRoute):
    """A route whose bodies are parsed, checked and answered in one thread, those that wait together
    in one call. FastAPI itself would do it on the event loop, where everybody waits for it."""

    def unguarded_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        places = _Places()

        async def handle(request: Request) -> Response:
            service: Service = request.app.state.service
            principal: Principal = request.state.principal
            with places.one(request):
                body = await body_of(request)
                sight = Sight.of(principal.matters, (), service.settings.on_consent)
                try:
                    answered = await service.batching.answer(body, sight)
                except ClosedError:
                    raise Refused("not-ready", "the service is ending: ask again") from None
            about = {"models": dict(answered.models)}
            entries = [
                Entry(principal.name, principal.role, "score", patient, detail=about)
                for patient in answered.patients
            ]
            try:
                await asyncio.wait_for(
                    asyncio.wrap_future(service.recorder.submit(entries)), LONGEST_WAIT
                )
            except Exception as error:
                raise not_recorded(error) from error
            service.metrics.scored(len(entries))
            return Response(answered.json, media_type="application/json")

        return handle


router = APIRouter(route_class=_ScoreRoute, prefix="/v1", tags=["score"])


@router.post("/score")
def score(body: ScoreRequest) -> ScoreAnswer:
    """Both risks of 1 to 1,000 people from their canonical rows, with reasons in words."""
    raise NotImplementedError  # _ScoreRoute answers
