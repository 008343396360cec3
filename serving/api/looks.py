"""Looks that showed nobody: they stand in the record like those that did.

Who asks for people that are not his to see, or tries ids until one is somebody's, is found by what
he was refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from anyio import to_thread

from data.tables import LONGEST_TEXT
from serving.store import lists
from serving.store.audit import Entry
from serving.store.people import can_be_an_id

if TYPE_CHECKING:
    from fastapi import Request

    from serving.access.roles import Principal
    from serving.api.problems import Refused
    from serving.api.state import Service
    from serving.store.nights import Run

REFUSED = "refused"
"""`what` of a look that was refused, or that found nobody."""
_DENIES = ("not-in-panel", "not-permitted", "not-found")
_NO_ID = "what cannot be an id"
_ENTRY = re.compile(r"(\d{4}-\d{2}-\d{2}\.\d{1,6}):(\d{1,7})", re.ASCII)


def looked_at_list(
    service: Service,
    principal: Principal,
    what: str,
    patients: Collection[str],
    run: Run,
    /,
    **asked: object,
) -> None:
    """Records a list or a search before it is shown: a row for each patient on it, and where nobody
    is, one row that says so. `asked` is what was asked for, where it is to be recorded. Raises
    Refused (503) where it cannot be recorded."""
    if patients:
        service.looked(principal, what, patients, run, **asked)
        return
    detail = {"found": 0} | asked
    nobody = Entry(principal.name, principal.role, what, None, run.run_id, detail)
    service.recorder.kept([nobody])


def looked_for(name: str, part: str) -> dict[str, object]:
    """A part of an id that a list was searched for, as the record keeps it: by the name of what
    asked for it; not where it cannot be of an id."""
    return {name: part} if _can_be_kept(part) else {"asked": _NO_ID}


def refused_look(
    service: Service, principal: Principal, patient_id: str | None, why: str, /, **detail: object
) -> None:
    """Records a look that is refused, or that found nobody, before that is answered.

    `patient_id` is whom it asked for, None where it named nobody. What cannot be the id of anybody
    is not kept: the database could not hold it, or not find by it. Raises Refused (503) where it
    cannot be recorded."""
    about: dict[str, object] = {"why": why} | detail
    if patient_id is not None and not _can_be_kept(patient_id):
        patient_id, about["asked"] = None, _NO_ID
    entry = Entry(principal.name, principal.role, REFUSED, patient_id, detail=about)
    service.recorder.kept([entry])


async def refused_at(request: Request, route: str, refused: Refused) -> None:
    """Records a refusal of a route that tells of patients, where it denied a look: to somebody who
    may not ask this, or about somebody who is not his to see or is not there at all. Other refusals
    (too many requests, a form that is wrong) come before anybody is looked for.

    Whoever is not there and whoever is in another panel leave the same row, and cost the same
    work. Raises Refused (503) where it cannot be recorded."""
    principal: Principal | None = getattr(request.state, "principal", None)
    why, named = refused.kind, request.path_params
    if principal is None or why not in _DENIES:
        return
    if why == "not-found" and not {"patient_id", "entry_id"}.intersection(named):
        return  # nobody was named: there is no list
    service: Service = request.app.state.service
    detail: dict[str, object] = {"route": route}
    if (panel := request.query_params.get("manager")) and re.fullmatch(r"[0-9]{1,5}", panel):
        detail["panel"] = int(panel)
    if "move_id" in named:
        detail["move"] = named["move_id"][:32]
    at = _ENTRY.fullmatch(named.get("entry_id", ""))
    if at is not None:
        detail["entry"] = at[0]

    def keep() -> None:
        patient_id = named.get("patient_id")
        if at is not None:
            with service.database.reading() as connection:
                place = lists.place_at(connection, at[1], int(at[2]))
            patient_id = None if place is None else place.patient_id
        refused_look(service, principal, patient_id, why, **detail)

    await to_thread.run_sync(keep)


def _can_be_kept(patient_id: str) -> bool:
    return len(patient_id) <= LONGEST_TEXT and can_be_an_id(patient_id)
