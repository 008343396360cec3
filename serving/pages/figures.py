"""Model and Runs: what answers, what it is for, and which nights were run."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from markdown_it import MarkdownIt
from markdown_it.token import Token

from serving.access.roles import Principal
from serving.api import model_card, operators
from serving.api.problems import Refused
from serving.api.state import Service
from serving.pages.how_ordered import is_rounded, order_of, thresholds_of
from serving.pages.layout import page
from serving.pages.own_zone import zone_of
from serving.pages.page_route import router
from serving.pages.words import clock, day, say

figures = router()

_RUNS_SHOWN = 60
_ALIGNED = re.compile(r"text-align:(left|right|center)")


@figures.get("/model")
def model(request: Request) -> Response:
    """Which models answer: what a score is for, what it must not be used for, their cards."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    try:
        told, why_not = model_card.model(request), None
    except Refused as refused:
        told, why_not = None, str(refused.detail)
    run = service.store.published()
    age = None if run is None else (service.today_of(run) - run.as_of).days
    return page(
        request, "model.html", principal=principal, told=told, why_not=why_not, run=run, age=age,
        cards={one.task: card_of(one.card) for one in told.models if one.card} if told else {},
        through={one.task: _day(one.data_through) for one in told.models} if told else {},
        order=order_of(run) if run else [], thresholds=thresholds_of(run) if run else [],
        is_rounded=run is not None and is_rounded(run),
        list_places=run.manifest.get("capacity", {}).get("places") if run else None,
        warnings=service.warnings_of(run) if run else [],
    )  # fmt: skip


def _day(written: str) -> str:
    try:
        return day(date.fromisoformat(written))
    except ValueError:  # a model may have been made without saying it
        return written


@lru_cache(maxsize=8)
def card_of(markdown: str) -> str:
    """A card as HTML: no HTML of its own, its headings below those of the page, no inline style."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = reader.parse(markdown)
    for token in tokens:
        _fit(token)
    return reader.renderer.render(tokens, reader.options, {})


def _fit(token: Token) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    if aligned := _ALIGNED.fullmatch(str(token.attrs.pop("style", ""))):
        token.attrSet("class", aligned[1])


@figures.get("/runs")
def runs(request: Request) -> Response:
    """The nights, the newest first."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    told = operators.runs(request, _RUNS_SHOWN)
    run, zone = service.store.published(), zone_of(service, principal)
    return page(
        request, "runs.html", principal=principal,
        runs=[_run(zone, one) for one in told.runs], zone=zone.key,
        warnings=service.warnings_of(run) if run else [],
    )  # fmt: skip


def _run(zone: tzinfo, one: operators.RunTold) -> dict[str, Any]:
    manifest = one.manifest

    def told(at: datetime | None) -> str:
        if at is None:
            return ""
        there = at.replace(tzinfo=at.tzinfo or UTC).astimezone(zone)
        return say("runs.at", day=day(there.date()), clock=clock(there))

    took = one.finished_at - one.started_at if one.finished_at and one.started_at else None
    return {
        "run_id": one.run_id, "as_of": one.as_of, "status": one.status, "is_shown": one.is_shown,
        "started": told(one.started_at),
        "took": "" if took is None else say("runs.seconds", n=f"{took.total_seconds():,.0f}"),
        "models": {task: about["version"] for task, about in manifest.get("models", {}).items()},
        "warnings": list(manifest.get("warnings", [])),
        "origin": manifest.get("data", {}).get("origin", ""),
    }  # fmt: skip
