"""Patients moved to another panel over HTTP: by a supervisor, at once, and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from data.errors import InputError, RefusalError
from serving.access.roles import Principal
from serving.api.problems import Refused, not_fitting
from serving.api.recording import not_recorded
from serving.api.rules import GuardedRoute
from serving.api.state import Service
from serving.panels import Panel, panels_of_run, spread
from serving.schemas import Text
from serving.store import lists, panel_moves
from serving.store.database import DatabaseError
from serving.store.nights import Run
from serving.store.panel_moves import Move

router = APIRouter(route_class=GuardedRoute, prefix="/v1/panel-moves", tags=["worklist"])

_Number = Annotated[int, Field(ge=1, le=10_000)]


class PanelMoveRequest(BaseModel):
    """Whom to move, from which panel, and where to."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    moved_from: Annotated[
        _Number, Field(alias="from", description="the panel in which they are", examples=[2])
    ]
    to: Annotated[
        _Number | None,
        Field(description="the panel that takes them; null: the others, each a like share of the "
              "work", examples=[1]),
    ]  # fmt: skip
    patients: Annotated[
        list[Text] | None,
        Field(description="null: everybody in that panel, listed today or not", max_length=1000,
              examples=[["P0000017"]]),
    ] = None  # fmt: skip


class PanelMoveMade(BaseModel):
    """A move that was made."""

    move_id: Annotated[
        str, Field(description="names it in POST /v1/panel-moves/{move_id}/undo",
                   examples=["9b2f0c3d5e6a7788990011aabbccddee"])
    ]  # fmt: skip
    moved: Annotated[int, Field(description="how many patients", examples=[1])]
    stayed: Annotated[
        int, Field(description="how many of those named were in another panel by then, and stay",
                   examples=[0])
    ]  # fmt: skip


MoveId = Annotated[
    str,
    Path(pattern="^[0-9a-f]{32}$", description="of the move that is taken back",
         examples=["9b2f0c3d5e6a7788990011aabbccddee"]),
]  # fmt: skip


@router.post("", status_code=201)
def move(request: Request, body: PanelMoveRequest) -> PanelMoveMade:
    """Move patients to another panel: on the list that is shown at once, and on those of the nights
    to come as long as that panel has room for them. It is refused where nobody whom it names is in
    that panel any more."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    run = service.published(principal)
    panels = {one.number: one for one in panels_of_run(run.manifest)}
    if body.to is not None and body.to not in panels:
        raise not_fitting(InputError("to: names no panel of the list."))
    if body.to == body.moved_from or (body.to is None and not set(panels) - {body.moved_from}):
        raise not_fitting(InputError("to: must be another panel than that in which they are."))
    where_to = _where_to(service, run, panels, body)
    with _refusals(), service.database.writing() as connection:
        done = panel_moves.move(
            connection, service.audit, where_to, run.as_of, principal.name, principal.role
        )
    return _told(done)


@router.post("/{move_id}/undo", status_code=201)
def take_back(request: Request, move_id: MoveId) -> PanelMoveMade:
    """Take a move back: whoever was moved since stays where he is now."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    run = service.published(principal)

    with _refusals(), service.database.writing() as connection:
        done = panel_moves.take_back(
            connection, service.audit, move_id, run.as_of, principal.name, principal.role
        )
    return _told(done)


def _where_to(
    service: Service, run: Run, panels: Mapping[int, Panel], body: PanelMoveRequest
) -> dict[str, tuple[int, int]]:
    """From and to which panel each goes. Whoever is spread goes in the order of the list, so that
    each panel has a like share of its top."""
    wanted = body.patients
    with service.database.reading() as connection:
        if wanted is None:
            wanted = panel_moves.who_is_in(connection, body.moved_from)
        if body.to is not None:
            return dict.fromkeys(wanted, (body.moved_from, body.to))
        entries = lists.entries(connection, run.run_id)
    rank = {one["patient_id"]: one["rank"] for one in entries}
    others = [one for number, one in panels.items() if number != body.moved_from]
    held = {one.number: 0 for one in others}
    for one in entries:
        if one["manager"] in held:
            held[one["manager"]] += 1
    listed = sorted((p for p in wanted if p in rank), key=lambda patient: rank[patient])
    resting = sorted(p for p in wanted if p not in rank)
    goes = dict(zip(listed, spread(len(listed), others, held), strict=True))
    goes |= dict(zip(resting, spread(len(resting), others, dict.fromkeys(held, 0)), strict=True))
    return {patient: (body.moved_from, number) for patient, number in goes.items()}


@contextmanager
def _refusals() -> Iterator[None]:
    """Says as a refusal why a move was not made."""
    try:
        yield
    except panel_moves.MovedOnError as error:
        raise Refused("moved-on", str(error)) from None
    except panel_moves.TooManyError as error:
        raise Refused("not-valid", str(error)) from None
    except (DatabaseError, RefusalError) as error:
        raise not_recorded(error) from None


def _told(done: Move) -> PanelMoveMade:
    return PanelMoveMade(move_id=done.move_id, moved=len(done.moved), stayed=done.stayed)
