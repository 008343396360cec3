"""The forms by which something is recorded about a patient: read, recorded once however often they
are sent, and what is said of it then."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from serving.access.roles import Principal
from serving.api.actions import ActionRequest, RecordedAction, act
from serving.api.problems import Refused
from serving.api.state import Service
from serving.pages.words import WORDS
from serving.store import actions, lists
from serving.store.lists import Place

WRITTEN = ("until", "tier", "reason", "note")
"""The fields that somebody fills in."""
_KEY = re.compile(r"[0-9a-z]{8,64}", re.ASCII)
_PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]{1,6}):([0-9]{1,7})", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """What a form asks to be recorded, and the name by which that is done once."""

    body: ActionRequest
    key: str


def wanted(
    form: Mapping[str, str],
    entry_id: str,
    kinds: Collection[str],
    fields: Collection[str] = (),
) -> Wanted:
    """What a form asks for, of the `kinds` that its page records and with the `fields` that may be
    written there; a field that was left empty is not there. Raises Refused where no page made such
    a form, RequestValidationError where a field is wrong."""
    kind, key = form.get("kind", ""), form.get("key", "")
    if kind not in kinds or not _KEY.fullmatch(key):
        raise Refused("not-valid", "a field of the form is wrong: open the page again")
    written = {name: form[name] for name in fields if form.get(name, "").strip()}
    asked = written | {name: form[name] for name in ("undoes", "seen") if name in form}
    try:
        body = ActionRequest.model_validate(asked | {"kind": kind})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    name = f"{key}-{entry_id}-{kind}"
    if written:  # what was written anew on a page that the browser kept is another request
        said = "\x1f".join(written.get(one, "") for one in WRITTEN)
        name += f"-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:16]}"
    return Wanted(body, name)


def record_once(request: Request, entry_id: str, asked: Wanted) -> str:
    """Records it, or finds that it was; gives the action's id. Raises what `act` raises, and
    Refused (409) where it was recorded before and something else since."""
    answer = act(request, entry_id, asked.body, asked.key)
    made = RecordedAction.model_validate_json(bytes(answer.body)).action_id
    if just_recorded(request.app.state.service, request.state.principal, entry_id, made) is None:
        raise Refused(  # it was answered as before
            "moved-on",
            "what you sent was recorded before, and something else about this patient since (an "
            "undo of yours, it may be); nothing was recorded anew",
        )
    return made


def just_recorded(
    service: Service, principal: Principal, entry_id: str | None, action_id: str | None
) -> dict[str, Any] | None:
    """What somebody recorded just now, where it is still the newest of this patient: to be said,
    and to be taken back."""
    place = None if entry_id is None else place_of(service, entry_id)
    if place is None or entry_id is None or action_id is None:
        return None
    with service.database.reading() as connection:
        taken = actions.of_patients(connection, [place.patient_id])
    newest = taken.get(place.patient_id, [])[-1:]
    if not newest or newest[0].action_id != action_id or newest[0].who != principal.name:
        return None
    kind = newest[0].kind
    return {"entry_id": entry_id, "patient_id": place.patient_id, "kind": kind,
            "action_id": action_id, "words": WORDS[f"done.{kind}"]}  # fmt: skip


def place_of(service: Service, entry_id: str) -> Place | None:
    """The place of a list that a form names; None where there is none such."""
    named = _PLACE.fullmatch(entry_id)
    if named is None:
        return None
    with service.database.reading() as connection:
        return lists.place_at(connection, named[1], int(named[2]))
