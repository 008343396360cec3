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


async def body_of(request: Request, arrived: Callable[[int], None] = lambda _: None) -> bytes:
    """The whole body; `arrived` is told of the bytes of each piece. Raises Refused where it is not
    sent as JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # what another site's form can send is not taken
        raise Refused("not-json-type", "the body must be sent as application/json")
    pieces = []
    async for piece in request.stream():
        arrived(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


class _Places:
    """How many requests hold a place, and how many bytes they may bring."""

    def __init__(self) -> None:
        self._requests = self._bytes = 0

    @contextmanager
    def one(self, request: Request) -> Iterator[Callable[[int], None]]:
        """A place for one request, and what it is to be told of the bytes that arrive. A body of
        which the length is not said grows as it comes. Both raise Refused (503) where too many
        wait."""
        length = request.headers.get("content-length", "")
        taken = int(length) if length.isdigit() else 0
        come = 0
        if self._requests >= MOST_WAITING or not self._has_room(taken):
            raise _too_many()
        self._requests, self._bytes = self._requests + 1, self._bytes + taken

        def arrived(size: int) -> None:
            nonlocal come, taken
            come += size
            if (more := come - taken) > 0:  # beyond what was said, or nothing was
                if not self._has_room(more):
                    raise _too_many()
                taken, self._bytes = taken + more, self._bytes + more

        try:
            yield arrived
        finally:
            self._requests, self._bytes = self._requests - 1, self._bytes - taken

    def _has_room(self, size: int) -> bool:
        return self._bytes + size <= MOST_WAITING_BYTES


def _too_many() -> Refused:
    return Refused(
        "not-ready",
        "too many requests wait for their scores: ask again in a moment",
        {"Retry-After": str(_RETRY_SECONDS)},
    )


class _ScoreRoute(GuardedRoute):
    """A route whose bodies are parsed, checked and answered in one thread, those that wait together
    in one call. FastAPI itself would do it on the event loop, where everybody waits for it."""

    def unguarded_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        places = _Places()

        async def handle(request: Request) -> Response:
            service: Service = request.app.state.service
            principal: Principal = request.state.principal
            with places.one(request) as arrived:
                body = await body_of(request, arrived)
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
