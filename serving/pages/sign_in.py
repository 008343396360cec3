"""Signing in and out with a browser."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from serving.access.roles import Principal
from serving.access.session_cookie import KEPT, NAME, session_of
from serving.api.problems import Refused
from serving.api.sign_in import signed_in
from serving.api.state import Service
from serving.pages.csrf import VISIT, is_ours, new_visit, visit_token
from serving.pages.layout import page
from serving.pages.navigation import first_page
from serving.pages.own_paths import HOME, own_path
from serving.pages.page_route import form_of, router
from serving.pages.words import say, sentence
from serving.store.audit import Entry

sign_in = router()
_LONGEST_NAME, _LONGEST_PASSWORD = 200, 1000


@sign_in.get("/sign-in")
def form(request: Request) -> Response:
    """The form; with `over` it says that a session is over ("form": and that what was sent then was
    not recorded), with `out` that one signed out ("here": and perhaps not at the provider)."""
    asked = request.query_params
    told = next((say(f"sign_in.{one}") for one in ("over", "out") if one in asked), "")
    if asked.get("over") == "form":
        told = say("sign_in.over_form")
    if asked.get("out") == "here":
        told = say("sign_in.out_here")
    return sign_in_page(request, own_path(asked.get("next")), told)


def sign_in_page(
    request: Request, back: str, told: str = "", wrong: str = "", status: int = 200
) -> Response:
    """The page with the form, and a way to the identity provider where there is one."""
    service: Service = request.app.state.service
    visit = request.cookies.get(VISIT) or new_visit()
    open_id = service.settings.open_id
    answer = page(
        request, "sign_in.html", status, back=back, told=told, wrong=wrong,
        visit_token=visit_token(service, visit),
        issuer=urlsplit(open_id.issuer).hostname if open_id else None,
        leads_there=service.code_flow is not None,
    )  # fmt: skip
    answer.set_cookie(VISIT, visit, **KEPT)
    return answer


@sign_in.post("/sign-in")
async def enter(request: Request) -> Response:
    """Opens a session, keeps it in the cookie and leads back. Whatever is refused is said on the
    form, which repeats nothing that was typed."""
    service: Service = request.app.state.service
    form = form_of(request)
    back = own_path(form.get("next"))
    if wrong := made_here(request, form):
        return sign_in_page(request, back, wrong=wrong, status=400)
    name, password = form.get("name", ""), form.get("password", "")
    if not 0 < len(name) <= _LONGEST_NAME or not 0 < len(password) <= _LONGEST_PASSWORD:
        return sign_in_page(request, back, wrong=say("sign_in.empty"), status=422)
    try:
        await service.limiter.account(name)
        done = await to_thread.run_sync(signed_in, service, name, password)
    except Refused as error:
        return refused(request, back, error)
    return await let_in(request, done.account.principal, done.token, back)


def made_here(request: Request, form: Mapping[str, str]) -> str:
    """What is wrong with a form of this page; "" where it was made for this very visit."""
    if VISIT not in request.cookies:
        return say("sign_in.no_cookie")
    service: Service = request.app.state.service
    ours = is_ours(form, visit_token(service, request.cookies[VISIT]))
    return "" if ours else say("sign_in.again")


async def let_in(request: Request, principal: Principal, token: str, back: str) -> Response:
    """Keeps a new session in the cookie, ends the one before it, and leads back."""
    service: Service = request.app.state.service
    if before := session_of(request.cookies):
        await to_thread.run_sync(service.sign_out, f"Bearer {before}")
    answer = RedirectResponse(first_page(principal) if back == HOME else back, 303)
    answer.set_cookie(NAME, token, **KEPT)  # the visit stays: other tabs hold its form
    return answer


def refused(request: Request, back: str, error: HTTPException) -> Response:
    """The page, with what was refused said on it."""
    answer = sign_in_page(request, back, wrong=sentence(error.detail), status=error.status_code)
    answer.headers.update(error.headers or {})
    return answer


@sign_in.post("/sign-out")
def leave(request: Request) -> Response:
    """Ends the session."""
    service: Service = request.app.state.service
    principal: Principal = request.state.principal
    service.sign_out(f"Bearer {session_of(request.cookies)}")
    service.recorder.kept([Entry(principal.name, principal.role, "sign-out")])
    answer = RedirectResponse(f"/sign-in?out={'here' if principal.is_of_provider else '1'}", 303)
    answer.delete_cookie(NAME, **KEPT)
    return answer
