"""Patients moved to another panel from the pages, and what is said of it then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from serving.api import panel_moves as api
from serving.api.panel_moves import MoveId, PanelMoveRequest
from serving.pages.own_paths import own_path, with_query, without
from serving.pages.page_route import form_of, router
from serving.pages.rules import PAGE_RULES
from serving.pages.words import count, say
from serving.panels import panels_of_run
from serving.store import panel_moves

if TYPE_CHECKING:
    from serving.access.roles import Principal
    from serving.api.state import Service
    from serving.store.nights import Run

moves = router()
_MOVES = PAGE_RULES["POST", "/team/moves"]
OTHERS = "others"
"""What a form says instead of a panel: the others, each a like share."""


@dataclass(frozen=True)
class Moved:
    """A move as it is told after it. `move_id` is there where it may be taken back."""

    move_id: str | None
    words: str


class Panel(NamedTuple):
    """A panel as a form names it."""

    number: int
    words: str


def panel_words(number: int, name: str) -> str:
    """ "Panel 2 (North)"."""
    return say("team.panel_named", n=number, name=name) if name else say("team.panel", n=number)


def panels_to_choose(principal: Principal, run: Run) -> list[Panel]:
    """The panels of a list, to whoever may move patients; none to anybody else."""
    if not _MOVES.permits(principal):
        return []
    return [Panel(one.number, panel_words(one.number, one.name))
            for one in panels_of_run(run.manifest)]  # fmt: skip


@moves.post("/team/moves")
def move(request: Request) -> Response:
    """Moves one patient, or a whole panel, and leads back to the page that asked."""
    form = form_of(request)
    to, patient = form.get("to", ""), form.get("patient")
    if patient is None and to == form.get("from"):  # both are chosen on this form
        return RedirectResponse("/team?wrong=same#moving", 303)
    asked: dict[str, Any] = {"from": _number(form.get("from")), "patients": None}
    asked["to"] = None if to == OTHERS else _number(to)
    if patient is not None:
        asked["patients"] = [patient]
    try:
        body = PanelMoveRequest.model_validate(asked)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    return _back(request, api.move(request, body).move_id)


@moves.post("/team/moves/{move_id}/undo")
def take_back(request: Request, move_id: MoveId) -> Response:
    """Takes a move back, and leads back to the page that asked."""
    return _back(request, api.take_back(request, move_id).move_id)


def _number(sent: str | None) -> int | str | None:
    return int(sent) if sent and sent.isascii() and sent.isdigit() and len(sent) < 9 else sent


def _back(request: Request, move_id: str) -> Response:
    asked = own_path(form_of(request).get("back")).partition("#")[0]
    back = without(asked, "moved", "at", "recorded")
    return RedirectResponse(with_query(back, moved=move_id), 303)


def moved_just_now(service: Service, principal: Principal, move_id: str | None) -> Moved | None:
    """What is said of a move that was made from this page, to whoever may make one; None where it
    does not stand."""
    if move_id is None or not _MOVES.permits(principal):
        return None
    with service.database.reading() as connection:
        steps = panel_moves.moved_by(connection, move_id)
    if not steps:
        return None
    came_from, went_to = ({getattr(step, name) for step in steps}
                          for name in ("came_from", "went_to"))  # fmt: skip
    who = steps[0].patient_id if len(steps) == 1 else count("moves.n", len(steps))
    told = {"who": who, "came_from": _numbers(came_from), "to": _numbers(went_to)}
    if steps[0].undoes is not None:
        return Moved(None, say("moves.back", **told))
    return Moved(move_id, say("moves.line", **told))


def _numbers(panels: set[int]) -> str:
    return ", ".join(map(str, sorted(panels)))
