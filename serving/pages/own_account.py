"""One's own account: another password in place of the one that one has, another time zone."""

from __future__ import annotations

from datetime import datetime

from anyio import to_thread
from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from data.errors import InputError
from serving.access.accounts import choose_zone
from serving.access.own_password import WrongPasswordError, new_password, put_in_place
from serving.access.passwords import LONGEST, SHORTEST, BusyError
from serving.access.roles import Principal
from serving.access.session_cookie import KEPT, NAME
from serving.access.time_zones import by_place, time_zone
from serving.api.problems import Refused
from serving.api.state import Service
from serving.pages.layout import page
from serving.pages.own_zone import zone_of
from serving.pages.page_route import form_of, router
from serving.pages.words import clock, say
from serving.store.audit import Entry

own_account = router()
_PLACE = "/account"


@own_account.get(_PLACE)
def whole(request: Request) -> Response:
    """Both forms; after a change it says so."""
    _must_have_one(request)
    done = request.query_params.get("done", "")
    return _page(request, told=_told(request, done))


def _told(request: Request, done: str) -> str:
    """What is said of a change that was made."""
    if done != "zone":
        return say("password.done") if done == "password" else ""
    zone = zone_of(request.app.state.service, request.state.principal)
    return say("zone.done", zone=zone.key, clock=clock(datetime.now(zone)))


def _page(
    request: Request,
    told: str = "",
    wrong: str = "",
    wrong_zone: str = "",
    typed_zone: str | None = None,
    status: int = 200,
) -> Response:
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    zone = zone_of(service, principal)
    return page(
        request, "own_account.html", status, principal=principal, told=told, wrong=wrong,
        shortest=SHORTEST, longest=LONGEST, wrong_zone=wrong_zone, zones=by_place(),
        typed_zone=principal.zone or "" if typed_zone is None else typed_zone,
        zone=zone.key, now=datetime.now(zone), of_site=service.settings.time_zone,
    )  # fmt: skip


@own_account.post(_PLACE)
async def change(request: Request) -> Response:
    """Changes what the form is about, the time zone or the password, and leads back to the page.
    What is refused is said on the form."""
    _must_have_one(request)
    if "time_zone" in form_of(request):
        return await to_thread.run_sync(_zone_chosen, request)
    return await _password_changed(request)


def _zone_chosen(request: Request) -> Response:
    """Times are told in the chosen zone from now on; nothing typed: in that of the site."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    typed = form_of(request).get("time_zone", "")
    zone = time_zone(typed)
    if zone is None and typed.strip():
        wrong = say("zone.unknown")
        return _page(request, wrong_zone=wrong, typed_zone=typed[:100], status=422)
    detail = {"account": principal.name, "time_zone": zone}
    with service.audit.with_changes() as (within, append), within.writing() as connection:
        choose_zone(connection, principal.name, zone)
        append(Entry(principal.name, principal.role, "time zone chosen", detail=detail))
    return RedirectResponse(f"{_PLACE}?done=zone", 303)


async def _password_changed(request: Request) -> Response:
    """Ends every session of the account, and keeps a new one in this browser's cookie; a refusal
    repeats nothing that was typed."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    form = form_of(request)
    current, new, again = (form.get(name, "") for name in ("current", "new", "again"))
    if not (current and new and again):
        return _page(request, wrong=say("password.empty"), status=422)
    if new != again:
        return _page(request, wrong=say("password.differ"), status=422)
    try:
        await service.limiter.account(principal.name)
        session = await to_thread.run_sync(_changed, service, principal, current, new)
    except InputError as error:
        return _page(request, wrong=str(error), status=422)
    except WrongPasswordError as error:
        await to_thread.run_sync(_record, service, principal, "password change refused")
        return _page(request, wrong=str(error), status=403)
    answer = RedirectResponse(f"{_PLACE}?done=password", 303)
    answer.set_cookie(NAME, session, **KEPT)
    return answer


def _changed(service: Service, principal: Principal, current: str, new: str) -> str:
    """Both or neither: the new password is in place, and the record says so. Gives the token of the
    session that goes on."""
    settings, name = service.settings.sign_in, principal.name
    try:
        made = new_password(service.database, name, current, new, service.hashing, settings)
    except BusyError as error:
        raise Refused("not-ready", str(error), {"Retry-After": "2"}) from None
    with service.audit.with_changes() as (within, append), within.writing() as connection:
        session = put_in_place(connection, made, settings)
        append(Entry(name, principal.role, "password set", detail={"account": name}))
    return session


def _record(service: Service, principal: Principal, what: str) -> None:
    detail = {"account": principal.name}
    service.recorder.kept([Entry(principal.name, principal.role, what, detail=detail)])


def _must_have_one(request: Request) -> None:
    """Raises Refused where the account is not this service's to change."""
    principal: Principal = request.state.principal
    if principal.is_of_provider:
        raise Refused("not-permitted", say("account.elsewhere"))
