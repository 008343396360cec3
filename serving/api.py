"""The service's routes. Errors come in one form (`Problem`) and never repeat what was sent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from data.errors import FirstcallError
from data.home import Home
from serving.answers import Scorer, published_patient, published_worklist
from serving.problems import FieldError, Problem, field_errors
from serving.request_log import RequestLog, keep_details_out
from serving.schemas import (
    LONGEST_TEXT,
    MOST_ROWS,
    Health,
    PublishedPatient,
    ScoreAnswer,
    ScoreRequest,
    WorklistAnswer,
    too_many_rows,
)
from serving.scoring import Models
from serving.store import Run, Store

_LOGGER = logging.getLogger("firstcall.service")

_FRONT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>firstcall</title></head>
<body><h1>firstcall</h1>
<p>Tells a case manager whom to call first, and why. A score orders outreach; it never denies
care, coverage or price.</p>
<ul>
<li><a href="/worklist">/worklist</a>: the published list</li>
<li>/patients/{id}: one person of the published run</li>
<li>POST /score: risks of up to 1,000 people from their canonical rows</li>
<li><a href="/health">/health</a>: models in use and age of the list</li>
<li><a href="/openapi.json">/openapi.json</a>: all of it, for programs</li>
</ul></body></html>
"""

_WHAT_CAN_GO_WRONG: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase}
    for status in (400, 404, 408, 413, 415, 422, 500, 503)
}

MOST_WAITING = 4
"""Score requests at a time: one is worked on, the others wait with their bodies unread or as
bytes. More are sent away, so that nothing else waits behind them."""
BODY_SECONDS = 60
"""How long a body may take to arrive while it holds one of these places."""
_RETRY_SECONDS = 5

ASKED_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _State:
    """What the routes share: the store, and the scorer or why there is none."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._scorer: Scorer | None = None
        self.not_ready: str | None = "The service is starting."

    def start(self) -> None:
        self.store = Store(self.home.store_database)
        try:
            self._scorer = Scorer(Models.load(self.home))
        except FirstcallError as error:
            self.not_ready = self.without_paths(error)
            _LOGGER.warning("No request can be scored. %s", error)
            return
        self._scorer.warm_up()
        self.not_ready = None

    def without_paths(self, error: Exception) -> str:
        """What an error says, to be told to somebody else: where this home lies is left out."""
        said = str(error)
        for root in {self.home.root, self.home.root.absolute(), self.home.root.resolve()}:
            said = said.replace(str(root), "FIRSTCALL_HOME")
        return said

    @property
    def models(self) -> dict[str, str]:
        return self._scorer.models.versions if self._scorer else {}

    def scorer(self) -> Scorer:
        if self._scorer is None:
            raise HTTPException(503, self.not_ready)
        return self._scorer

    def published(self) -> Run:
        run = self.store.published()
        if run is None:
            raise HTTPException(
                404, "no list has been published yet: run `firstcall nightly --as-of DAY`"
            )
        return run


def _problem(
    status: int, errors: list[FieldError], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, errors=errors)
    return JSONResponse(
        problem.model_dump(), status, headers, media_type="application/problem+json"
    )


async def _not_valid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    status = 400 if any(e["type"] == "json_invalid" for e in found) else 422
    if status == 400:  # the place of a syntax error would be written as a field
        return _problem(400, [FieldError(field="(request)", reason="is not valid JSON")])
    return _problem(status, field_errors(found))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    ours = error.status_code in (404, 408, 413, 415, 503) and error.detail != phrase
    reason = error.detail if ours else phrase.lower()
    found = [FieldError(field="(request)", reason=reason)]
    return _problem(error.status_code, found, error.headers)


def _read(body: bytes) -> ScoreRequest:
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


class _ScoreRoute(APIRoute):
    """A route whose body is parsed, checked and answered in a thread, one at a time.

    FastAPI itself would parse and check it on the event loop, where everybody waits for it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        one, taken = CapacityLimiter(1), 0

        def work(body: bytes) -> Response:
            answer: ScoreAnswer = self.endpoint(_read(body))
            return Response(answer.model_dump_json(), media_type="application/json")

        async def handle(request: Request) -> Response:
            nonlocal taken
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":  # what another site's form can send is not taken
                raise HTTPException(415, "must be sent as application/json")
            if taken >= MOST_WAITING:
                raise HTTPException(
                    503,
                    "too many requests wait for their scores: ask again in a moment",
                    {"Retry-After": str(_RETRY_SECONDS)},
                )
            taken += 1
            try:
                try:
                    async with asyncio.timeout(BODY_SECONDS):
                        body = await request.body()
                except TimeoutError:
                    raise HTTPException(408, "took too long to arrive") from None
                return await to_thread.run_sync(work, body, limiter=one)
            finally:
                taken -= 1

        return handle


def create_app(home: Home) -> FastAPI:
    """The service over one FIRSTCALL_HOME: its models are read once, at start."""
    state = _State(home)

    async def cannot(_: Request, error: Exception) -> JSONResponse:
        """A sentence of ours never holds patient data; what is refused is refused to everybody."""
        return _problem(422, [FieldError(field="(request)", reason=state.without_paths(error))])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keep_details_out()
        state.start()
        yield
        state.store.close()

    app = FastAPI(
        title="firstcall",
        summary="Whom a case manager should call first, and why.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from outside
        redoc_url=None,
        responses=_WHAT_CAN_GO_WRONG,
        exception_handlers={
            RequestValidationError: _not_valid,
            HTTPException: _refused,
            FirstcallError: cannot,
        },
    )
    app.add_middleware(RequestLog)

    scores = APIRouter(route_class=_ScoreRoute)

    @scores.post("/score")
    def score(request: ScoreRequest) -> ScoreAnswer:
        """Both risks of 1 to 1,000 people from their canonical rows, with reasons in words."""
        return state.scorer().answer(request)

    app.include_router(scores)

    @app.get("/worklist")
    def worklist(
        top: Annotated[int, Query(ge=1, le=1000, description="places, from the first on")] = 20,
        manager: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    ) -> WorklistAnswer:
        """The published list in order: whom to call first, and why."""
        run = state.published()
        return published_worklist(state.store.worklist(run.run_id, top, manager), run)

    @app.get("/patients/{patient_id}")
    def patient(
        patient_id: Annotated[str, Path(min_length=1, max_length=LONGEST_TEXT)],
    ) -> PublishedPatient:
        """One person's scores, reasons and place in the published run."""
        run = state.published()
        found = state.store.patient(run.run_id, patient_id)
        if found is None:
            raise HTTPException(404, "nobody of that id is in the published run")
        return published_patient(found, run)

    @app.get("/health")
    def health() -> Health:
        """Whether requests can be scored, by which models, and how old the list is."""
        run = state.store.published()
        return Health(
            status="ok" if state.not_ready is None else "not ready",
            reason=state.not_ready,
            models=state.models,
            published=run.as_of if run else None,
        )

    @app.get("/", include_in_schema=False)
    def front() -> HTMLResponse:
        return HTMLResponse(_FRONT)

    # Last, so that nothing falls through to the framework's own pages.
    @app.api_route("/{anything:path}", methods=ASKED_METHODS, include_in_schema=False)
    def nothing_here(anything: str) -> None:
        raise HTTPException(404, "there is nothing at this address")

    return app
