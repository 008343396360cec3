"""For whoever looks after the service: is it well, how is it used, which nights were run, which
models answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from math import inf
from time import monotonic
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving.access.roles import Principal
from serving.api.rules import RULES, SIGNED_IN, GuardedRoute
from serving.api.state import Service
from serving.store.database import DatabaseError

router = APIRouter(route_class=GuardedRoute, tags=["operators"])


class Health(BaseModel):
    """Whether the service can score and how old the list is; to operators, with which models."""

    status: Annotated[Literal["ok", "not ready"], Field(examples=["ok"])]
    published: Annotated[
        date | None, Field(description="as-of day of the published list", examples=["2024-12-31"])
    ]
    reason: Annotated[str | None, Field(description="why it is not ready", examples=[None])] = None
    models: Annotated[
        dict[str, str],
        Field(description="versions by task", examples=[{"readmission": "0f8fad5bd9cb469f"}]),
    ] = {}
    sources: Annotated[
        dict[str, str],
        Field(description="where each comes from", examples=[{"readmission": "home"}]),
    ] = {}
    remark: Annotated[
        str | None,
        Field(description="what is wrong with a newer model, so that the old one stays",
              examples=[None]),
    ] = None  # fmt: skip
    silent: Annotated[
        bool, Field(description="scores and records, and shows nothing", examples=[False])
    ] = False


HEALTH_SECONDS = 1.0
"""How long an answer about the database is kept: everybody may ask, as often as he likes."""
_TOLD_MORE = (RULES["GET", "/v1/runs"], RULES["GET", "/v1/metrics"])
_SHORT = {"status": "ok", "published": "2024-12-31"}
_WHOLE = _SHORT | {
    "reason": None, "models": {"readmission": "0f8fad5bd9cb469f"},
    "sources": {"readmission": "home"}, "remark": None, "silent": False,
}  # fmt: skip
_EXAMPLES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"examples": {
        "to everybody": {"value": _SHORT}, "to operators": {"value": _WHOLE},
    }}}}
}  # fmt: skip


class _Kept:
    """What the database last said of the published list, for HEALTH_SECONDS; that it did not answer
    is kept too. Those who ask meanwhile wait for one answer."""

    def __init__(self) -> None:
        self._asking = asyncio.Lock()
        self._until = -inf
        self._said: date | Exception | None = None

    async def published(self, service: Service) -> date | None:
        """The as-of day of the published list. Raises DatabaseError."""
        async with self._asking:
            if monotonic() >= self._until:
                try:
                    run = await to_thread.run_sync(service.store.published)
                    self._said = None if run is None else run.as_of
                except DatabaseError as error:
                    self._said = error
                self._until = monotonic() + HEALTH_SECONDS
        if isinstance(self._said, Exception):
            raise self._said.with_traceback(None)  # it would grow with every time
        return self._said


def _why_not_ready(service: Service) -> str | None:
    """Why nothing is answered; None where requests are."""
    if not service.recorder.is_alive:
        return "Nothing can be recorded any more, so that nothing is answered: start it again."
    return service.not_ready


@router.get("/health", response_model_exclude_unset=True, responses=_EXAMPLES)
async def health(request: Request) -> Health:
    """Whether requests can be scored, and how old the list is. Open. Whoever comes with a session
    or token that reads the nights or the metrics is told the rest: why not, and which models answer
    from where."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    if request.headers.get("authorization"):
        principal = await service.admit(request, SIGNED_IN)
    kept: _Kept | None = getattr(request.app.state, "health", None)
    if kept is None:
        kept = request.app.state.health = _Kept()
    published = await kept.published(service)
    why_not = _why_not_ready(service)
    status = "ok" if why_not is None else "not ready"
    if not any(rule.permits(principal) for rule in _TOLD_MORE):
        return Health(status=status, published=published)
    return Health(
        status=status,
        published=published,
        reason=why_not,
        models=service.models,
        sources=service.in_use.sources,
        remark=service.in_use.remark,
        silent=service.settings.silent,
    )


class RunTold(BaseModel):
    """One night's scoring."""

    run_id: Annotated[str, Field(examples=["2024-12-31.1"])]
    as_of: Annotated[date, Field(examples=["2024-12-31"])]
    status: Annotated[str, Field(examples=["published"])]
    started_at: Annotated[datetime | None, Field(examples=["2025-01-01T02:00:00Z"])]
    finished_at: Annotated[datetime | None, Field(examples=["2025-01-01T02:07:31Z"])]
    is_shown: Annotated[bool, Field(description="whether readers see this one", examples=[True])]
    manifest: Annotated[
        dict[str, Any],
        Field(description="code, data, models, capacity and warnings; empty until published",
              examples=[{"as_of": "2024-12-31", "warnings": []}]),
    ]  # fmt: skip


class Runs(BaseModel):
    """The nights, the newest first."""

    runs: list[RunTold]


_OF_THE_TEAM = ("enrolled",)
"""What of a manifest is told to supervisors alone: exact counts of a few people."""


@router.get("/v1/runs")
def runs(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 30) -> Runs:
    """The nights, the newest first: when they ran, how they ended, what they were made of."""
    service: Service = request.app.state.service
    shown = service.store.published()
    every = service.store.runs()[::-1]
    return Runs(
        runs=[
            RunTold(
                run_id=run.run_id,
                as_of=run.as_of,
                status=run.status,
                started_at=run.started_at,
                finished_at=run.finished_at,
                is_shown=shown is not None and run.run_id == shown.run_id,
                manifest={k: told for k, told in run.manifest.items() if k not in _OF_THE_TEAM},
            )
            for run in every[:limit]
        ]
    )


_PROMETHEUS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the text form of Prometheus",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "firstcall_ready 1.0"}},
    }
}


@router.get("/v1/metrics", response_class=Response, responses=_PROMETHEUS)
def metrics(request: Request) -> Response:
    """Counts and times for Prometheus. Labels hold route templates, never a path or an id."""
    service: Service = request.app.state.service
    run = service.store.published()
    age = None if run is None else (datetime.now(UTC).date() - run.as_of).days
    text, kind = service.metrics.told(_why_not_ready(service) is None, age)
    return Response(text, media_type=kind)
