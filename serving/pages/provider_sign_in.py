"""Signing in with the site's identity provider: the way there, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import Request
from fastapi.responses import Response

from serving.access.code_flow import CodeFlow
from serving.access.open_id import IssuerUnreachableError
from serving.access.roles import NotSignedInError, Principal
from serving.access.session_cookie import KEPT
from serving.access.sessions import begin_provider_session
from serving.api.problems import Refused
from serving.api.state import Service
from serving.pages.layout import page
from serving.pages.own_paths import own_path
from serving.pages.page_route import form_of, router
from serving.pages.provider_trip import LASTS, TRIP, Trip, begun, is_first, of_cookie
from serving.pages.sign_in import let_in, made_here, refused, sign_in_page
from serving.pages.words import say
from serving.store.audit import Entry

provider_sign_in = router()
_PLACE = "/sign-in/open-id"


@provider_sign_in.post(_PLACE)
async def lead_there(request: Request) -> Response:
    """Leads to the provider, by a page that leads on at once: browsers hold a redirect after a form
    against `form-action` of the content security policy, at each further host that a provider leads
    through, and no policy could name these."""
    flow = _flow(request)
    service: Service = request.app.state.service
    form = form_of(request)
    back = own_path(form.get("next"))
    if wrong := made_here(request, form):
        return sign_in_page(request, back, wrong=wrong, status=400)
    ours = urlsplit(flow.back)
    if request.url.hostname != ours.hostname:  # the cookie of the trip would stay behind
        place = f"{ours.scheme}://{ours.netloc}/"
        return sign_in_page(request, back, wrong=say("provider.elsewhere", place=place), status=400)
    trip = begun(service, back)
    try:
        address = await to_thread.run_sync(flow.address, trip.state, trip.nonce, trip.verifier)
    except IssuerUnreachableError as error:
        return refused(request, back, _unreachable(error))
    host = urlsplit(address).hostname
    answer = page(request, "to_provider.html", address=address, host=host)
    answer.set_cookie(TRIP, trip.cookie, max_age=int(LASTS.total_seconds()), **KEPT)
    return answer


@provider_sign_in.get(_PLACE)
async def come_back(request: Request) -> Response:
    """Where the provider leads back to: opens a session by the code that the browser brings. What
    is refused is said on the sign-in's form, which repeats nothing that came."""
    flow = _flow(request)
    service: Service = request.app.state.service
    asked = request.query_params
    trip = of_cookie(service, request.cookies.get(TRIP), asked.get("state"))
    if trip is None or not await to_thread.run_sync(is_first, service, trip):
        await service.limiter.unknown(request.client.host if request.client else "(no address)")
        return sign_in_page(request, own_path(None), wrong=say("provider.again"), status=400)
    try:
        answer = await _let_in(request, flow, trip)
    except Refused as error:
        answer = refused(request, trip.back, error)
    answer.delete_cookie(TRIP, **KEPT)
    return answer


async def _let_in(request: Request, flow: CodeFlow, trip: Trip) -> Response:
    service: Service = request.app.state.service
    asked = request.query_params
    if "error" in asked or asked.get("iss", flow.issuer) != flow.issuer:  # RFC 9207
        denied = asked.get("error") == "access_denied"
        why = say("provider.denied" if denied else "provider.failed")
        await to_thread.run_sync(_record_refusal, service)
        raise Refused("not-signed-in", why)
    principal, token = await to_thread.run_sync(
        _signed_in, service, flow, asked.get("code", ""), trip
    )
    return await let_in(request, principal, token, trip.back)


def _signed_in(service: Service, flow: CodeFlow, code: str, trip: Trip) -> tuple[Principal, str]:
    """Opens a session, and records that, or that it was refused. Raises Refused."""
    try:
        principal = flow.principal(code, trip.nonce, trip.verifier)
    except IssuerUnreachableError as error:
        raise _unreachable(error) from None
    except NotSignedInError as error:
        _record_refusal(service)
        raise Refused("not-signed-in", str(error)) from None
    sessions = service.settings.sign_in.sessions
    token = begin_provider_session(service.database, principal, sessions, datetime.now(UTC))
    service.recorder.kept([Entry(principal.name, principal.role, "sign-in")])
    return principal, token


def _record_refusal(service: Service) -> None:
    detail = {"account": None, "by": "identity provider"}
    service.recorder.kept([Entry("nobody", "", "sign-in refused", detail=detail)])


def _unreachable(error: IssuerUnreachableError) -> Refused:
    return Refused("not-ready", str(error), {"Retry-After": "10"})


def _flow(request: Request) -> CodeFlow:
    service: Service = request.app.state.service
    if service.code_flow is None:
        raise Refused("not-found", "there is nothing at this address")
    return service.code_flow
