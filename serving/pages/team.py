"""Team: how much work each panel has, whom nobody has called in time, and how outreach goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from serving.access.roles import Principal
from serving.api.problems import Refused
from serving.api.state import Service
from serving.api.team import OutreachTold, PanelNow, team_of
from serving.api.team import unlisted as without_place
from serving.api.worklist import Asked, ListNow, list_now, places
from serving.horizons import horizons_of_run
from serving.outreach_figures import Outcome
from serving.pages.how_ordered import is_rounded, thresholds_of
from serving.pages.layout import page
from serving.pages.list_equity import equity_of
from serving.pages.listed_rows import due, moment, row_of
from serving.pages.own_zone import zone_of
from serving.pages.page_route import router
from serving.pages.panel_moves import OTHERS, moved_just_now, panel_words
from serving.pages.words import WORDS, say
from serving.store import panel_moves

team = router()

OVERDUE_SHOWN = 25
MOVES_SHOWN = 5
BAR = 120
"""How wide the picture of a full panel is."""
OUTCOMES: tuple[Outcome, ...] = (
    "reached in time", "tried in time", "set aside in time", "no longer to be called",
    "reached late", "not reached", "due before it was listed", "nobody called",
)  # fmt: skip
MoveQuery = Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")]


@dataclass(frozen=True)
class PanelRow:
    """One panel as the page shows it. `bar` says how wide its picture is drawn: to be called, and
    done, of `BAR` for all places; `over` is how many are listed above its places."""

    number: int
    words: str
    people: str
    now: PanelNow
    bar: tuple[int, int]
    over: int


@team.get("/team")
def whole(request: Request, moved: MoveQuery = None, wrong: Literal["", "same"] = "") -> Response:
    """The whole team, for supervisors."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    try:
        run = service.published(principal)
    except Refused as refused:
        if refused.kind != "not-found":
            raise
        silent = "silent" if service.settings.silent else "none"
        return page(request, "no_list.html", principal=principal, why=silent)
    read = list_now(service, run)
    told = team_of(service, read)
    rows = [_row(one) for one in told.panels]
    return page(
        request, "team.html", principal=principal, warnings=service.warnings_of(run), told=told,
        unlisted={"people": 0, "overdue": 0, "not_reached": 0} | run.manifest.get("unlisted", {}),
        panels=rows, has_enrolled="enrolled" in run.manifest, back="/team", others=OTHERS,
        moved=moved_just_now(service, principal, moved), wrong=wrong,
        to_call=sum(one.to_call for one in told.panels), outcomes=OUTCOMES,
        went=[*((row.words, row.now.outreach) for row in rows), (say("team.all"), told.outreach)],
        kinds=_kinds(told.outreach), bar=BAR, zone=zone_of(service, principal).key,
        moves=_moves(service, principal), thresholds=thresholds_of(run), is_rounded=is_rounded(run),
        list_places=run.manifest.get("capacity", {}).get("places"), **equity_of(run),
        **_overdue(service, principal, read),
    )  # fmt: skip


@team.get("/team/unlisted")
def unlisted(request: Request) -> Response:
    """Who was discharged lately, may be called, and has no place on the list."""
    service: Service = request.app.state.service
    told = without_place(request)
    run = service.published(request.state.principal)
    clock, now = service.settings.worklist.outreach, service.moment_of(run)
    zone = zone_of(service, request.state.principal)
    rows = [
        (one, due(clock.due_at(one.discharged_on, service.settings.zone), zone, now))
        for one in told.patients if one.discharged_on is not None
    ]  # fmt: skip
    return page(
        request, "unlisted.html", principal=request.state.principal, told=told, rows=rows,
        warnings=service.warnings_of(run), zone=zone.key,
    )  # fmt: skip


def _row(one: PanelNow) -> PanelRow:
    places, done = one.places or one.listed, one.listed - one.to_call
    scale = BAR / max(places, one.listed, 1)
    return PanelRow(
        one.number, panel_words(one.number, one.name), ", ".join(one.people), one,
        (round(one.to_call * scale), round(done * scale)), max(one.listed - places, 0),
    )  # fmt: skip


def _kinds(all_panels: OutreachTold) -> list[str]:
    """What was recorded at all, in the order of the words of the pages."""
    known = [name.removeprefix("done.") for name in WORDS if name.startswith("done.")]
    return [kind for kind in known if kind in all_panels.recorded]


def _overdue(service: Service, principal: Principal, read: ListNow) -> dict[str, Any]:
    """Whose call after the discharge is overdue: the first ones, and how many there are."""
    found, run = places(service, principal, Asked(OVERDUE_SHOWN, overdue=True), read), read.run
    now, calls_at, zone = datetime.now(UTC), service.moment_of(run), zone_of(service, principal)
    horizons = horizons_of_run(run.manifest)
    return {
        "overdue": [
            row_of(one, found.page.as_of, horizons, zone, now, calls_at=calls_at)
            for one in found.page.patients
        ],
        "overdue_in_all": found.total,
    }


def _moves(service: Service, principal: Principal) -> list[Mapping[str, Any]]:
    zone, now = zone_of(service, principal), datetime.now(UTC)
    with service.database.reading() as connection:
        made = panel_moves.newest_moves(connection, MOVES_SHOWN)
    return [one | {"when": moment(one["at"], zone, now)} for one in made]
