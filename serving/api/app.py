"""The service's routes put together. Errors come in one form (`Problem`, RFC 9457) and never repeat
what was sent."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from data.errors import FirstcallError
from data.home import Home
from serving.api import (
    actions,
    ehr,
    evidence,
    model_card,
    openapi,
    operators,
    panel_moves,
    patients,
    score,
    sign_in,
    team,
    worklist,
)
from serving.api.connections import SpreadConnections
from serving.api.problems import (
    PROBLEMS,
    FieldError,
    Form,
    Problem,
    Refused,
    field_errors,
    form_at,
    kind_of,
    problem,
)
from serving.api.request_log import RequestLog, keep_details_out
from serving.api.rules import RULES, SIGNED_IN, Rules, refuse_without_rules
from serving.api.state import Service
from serving.ehr.operation_outcome import FHIR_JSON, FhirError
from serving.settings import ServiceSettings, read_settings
from serving.store.database import DatabaseError

_LOGGER = logging.getLogger("firstcall.service")
_SAID_EVERY_SECONDS = 60.0
ASKED_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True)
class Beside:
    """What is answered beside the API by the same service: routes, the rules of all of them, and
    the form of a problem. `is_asked` says that a request for what is not there is one of its."""

    routes: Sequence[BaseRoute] = ()
    rules: Rules = field(default_factory=dict)
    form: Form = form_at
    is_asked: Callable[[Request], bool] = lambda _: False


def _answer(request: Request, said: Problem, headers: Any = None) -> Response:
    form: Form = request.app.state.form
    return form(request.scope, said, headers)


def _id_of(request: Request) -> str:
    return getattr(request.state, "request_id", "00000000-0000-0000-0000-000000000000")


def _invalid(request: Request, errors: list[FieldError]) -> Response:
    first = errors[0] if errors else FieldError(field="(request)", reason="is not valid")
    detail = f"{first.field} {first.reason}"
    return _answer(request, problem("not-valid", 422, detail, _id_of(request), errors))


async def _not_valid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        detail = "the body is not valid JSON"  # its place would be written as a field
        return _answer(request, problem("not-json", 400, detail, _id_of(request)))
    return _invalid(request, field_errors(found))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind = kind_of(error)
    ours = isinstance(error, Refused)
    detail = str(error.detail) if ours else PROBLEMS[kind][1]
    said = problem(kind, error.status_code, detail, _id_of(request))
    return _answer(request, said, error.headers)


async def _fhir_refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, FhirError):
        raise error
    return JSONResponse(error.outcome, error.status, media_type=FHIR_JSON)


def create_app(
    home: Home, settings: ServiceSettings | None = None, beside: Beside | None = None
) -> FastAPI:
    """The service over one FIRSTCALL_HOME. Raises InputError where its settings are wrong."""
    beside = beside or Beside()
    service = Service(home, read_settings(home) if settings is None else settings)
    said_at: dict[str, float] = {}

    def write_down(said: str) -> None:
        """Why the database refuses, once a minute: hundreds of requests may meet the same."""
        now = monotonic()
        for old in [one for one, at in said_at.items() if now - at >= _SAID_EVERY_SECONDS]:
            said_at.pop(old, None)
        if said not in said_at:
            said_at[said] = now
            _LOGGER.error("%s", said)

    async def cannot(request: Request, error: Exception) -> Response:
        """A sentence of ours never holds patient data; what is refused is refused to everybody."""
        if isinstance(error, DatabaseError):
            write_down(home.left_out_of(str(error)))
            refused = Refused("not-ready", "the database does not answer now: ask again")
            return await _refused(request, refused)
        reason = home.left_out_of(str(error))
        return _invalid(request, [FieldError(field="(request)", reason=reason)])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keep_details_out()
        service.start()
        yield
        service.stop()

    app = FastAPI(
        title="firstcall",
        summary="Whom a case manager should call first, and why.",
        description="A score orders outreach; it never denies care, coverage or price.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from outside
        redoc_url=None,
        openapi_url=None,  # told below, to who is signed in
        exception_handlers={
            RequestValidationError: _not_valid,
            HTTPException: _refused,
            FhirError: _fhir_refused,
            FirstcallError: cannot,
        },
    )
    app.state.service = service
    app.state.form = beside.form
    app.add_middleware(SpreadConnections)
    app.add_middleware(RequestLog, seen=service.metrics.seen, form=beside.form)
    rooms = (
        sign_in, score, patients, evidence, worklist, actions, panel_moves, team, model_card,
        operators, openapi,
    )  # fmt: skip
    for router in (*(room.router for room in rooms), ehr.fhir, ehr.cds):
        app.router.routes.extend(router.routes)  # as they are: each asks its rule
    app.router.routes.extend(beside.routes)

    # Last, so that nothing falls through to the framework's own pages.
    @app.api_route("/{anything:path}", methods=ASKED_METHODS, include_in_schema=False)
    async def nothing_here(request: Request, anything: str) -> None:
        of_a_page = replace(SIGNED_IN, by_cookie=beside.is_asked(request))
        await service.admit(request, of_a_page)
        raise Refused("not-found", "there is nothing at this address")

    refuse_without_rules(app, {**RULES, **beside.rules})
    return app
