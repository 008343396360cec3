"""POST /v1/score: both risks of people whose canonical rows are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from serving.access.roles import Principal
from serving.api.problems import Refused
from serving.api.rules import GuardedRoute
from serving.api.state import Service
from serving.schemas import MOST_ROWS, ScoreAnswer, ScoreRequest, too_many_rows

MOST_WAITING = 64
"""Score requests at a time that wait with their bodies as bytes. More are sent away, so that
nothing else waits behind them."""
BODY_SECONDS = 60
"""How long a body may take to arrive while it holds one of these places."""
_RETRY_SECONDS = 5


def read_request(body: bytes) -> ScoreRequest:
    """A body as a request. Raises RequestValidationError, of which the errors are few."""
    # An empty object takes 3 bytes to send and 64 to hold; strings hold few braces.
    if body.count(b"{") + body.count(b"[") > 2 * MOST_ROWS:
        error = too_many_rows()
        raise RequestValidationError([{"type": error.type, "loc": (), "msg": error.message()}])
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestValidationError([{"type": "json_invalid", "loc": (), "msg": ""}]) from None
    try:
        return ScoreRequest.model_validate(sent)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(found) from None


async def body_of(request: Request) -> bytes:
    """The whole body. Raises Refused where it is not sent as JSON, or takes too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # what another site's form can send is not taken
        raise Refused("not-json-type", "the body must be sent as application/json")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise Refused("too-slow", "the body took too long to arrive") from None


class _ScoreRoute(GuardedRoute):
    """A route whose body is parsed, checked and answered in a thread, one at a time.

    FastAPI itself would parse and check it on the event loop, where everybody waits for it.
    """

    def unguarded_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        one, taken = CapacityLimiter(1), 0

        async def handle(request: Request) -> Response:
            nonlocal taken
            if taken >= MOST_WAITING:
                raise Refused(
                    "not-ready",
                    "too many requests wait for their scores: ask again in a moment",
                    {"Retry-After": str(_RETRY_SECONDS)},
                )
            taken += 1
            try:
                body = await body_of(request)
                return await to_thread.run_sync(_scored, request, body, limiter=one)
            finally:
                taken -= 1

        return handle


def _scored(request: Request, body: bytes) -> Response:
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    answer = service.scorer().answer(read_request(body))
    service.looked(principal, "score", [one.patient_id for one in answer.patients])
    return Response(answer.model_dump_json(), media_type="application/json")


router = APIRouter(route_class=_ScoreRoute, prefix="/v1", tags=["score"])


@router.post("/score")
def score(body: ScoreRequest) -> ScoreAnswer:
    """Both risks of 1 to 1,000 people from their canonical rows, with reasons in words."""
    raise NotImplementedError  # _ScoreRoute answers
