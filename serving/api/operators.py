"""For whoever looks after the service: is it well, how is it used, which nights were run, which
models answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving.api.rules import GuardedRoute
from serving.api.state import Service

router = APIRouter(route_class=GuardedRoute, tags=["operators"])


class Health(BaseModel):
    """Whether the service can score, with which models, and how old the list is."""

    status: Annotated[Literal["ok", "not ready"], Field(examples=["ok"])]
    reason: Annotated[str | None, Field(description="why it is not ready", examples=[None])]
    models: Annotated[
        dict[str, str],
        Field(description="versions by task", examples=[{"readmission": "0f8fad5bd9cb469f"}]),
    ]
    published: Annotated[
        date | None, Field(description="as-of day of the published list", examples=["2024-12-31"])
    ]
    sources: Annotated[
        dict[str, str],
        Field(description="where each comes from", examples=[{"readmission": "home"}]),
    ]
    remark: Annotated[
        str | None,
        Field(description="what is wrong with a newer model, so that the old one stays",
              examples=[None]),
    ]  # fmt: skip
    silent: Annotated[
        bool, Field(description="scores and records, and shows nothing", examples=[False])
    ]


@router.get("/health")
def health(request: Request) -> Health:
    """Whether requests can be scored, by which models, and how old the list is. Open."""
    service: Service = request.app.state.service
    run = service.store.published()
    return Health(
        status="ok" if service.not_ready is None else "not ready",
        reason=service.not_ready,
        models=service.models,
        published=run.as_of if run else None,
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
                manifest=dict(run.manifest),
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
    text, kind = service.metrics.told(service.not_ready is None, age)
    return Response(text, media_type=kind)
