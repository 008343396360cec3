"""What went wrong, as a page: for browsers, in the words of the API, which repeat nothing sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from serving.access.session_cookie import KEPT, NAME, session_of
from serving.api.problems import Problem, form_at
from serving.api.state import NOBODY
from serving.pages.layout import page
from serving.pages.navigation import first_page
from serving.pages.own_paths import HOME, own_path, path_of, with_query, without
from serving.pages.page_route import PageRoute
from serving.pages.words import WORDS

if TYPE_CHECKING:
    from starlette.types import Scope

_OF_PROGRAMS = ("/v1/", "/fhir/", "/cds-services", "/openapi.json", "/health")


def is_asked(request: Request) -> bool:
    """Whether a browser opens an address as a page: one that programs do not ask at."""
    is_page = request.method == "GET" and not request.url.path.startswith(_OF_PROGRAMS)
    return is_page and "text/html" in request.headers.get("accept", "")


def form(scope: Scope, said: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as a page where a page was asked for, else as the API says it. Who is not signed in
    is led to the sign-in, and from there back."""
    request = Request(scope)
    if not isinstance(scope.get("route"), PageRoute) and not is_asked(request):
        return form_at(scope, said, headers)
    if said.status == 401:
        return _to_sign_in(request)
    kind = said.type.rpartition(":")[2]
    words = kind if f"problem.{kind}.title" in WORDS else "failed"
    principal = getattr(request.state, "principal", NOBODY)
    principal = None if principal == NOBODY else principal  # open routes ask nobody who he is
    answer = page(
        request, "problem.html", said.status, principal=principal, kind=words, said=said,
        number=said.instance.rpartition(":")[2], home=first_page(principal) if principal else HOME,
    )  # fmt: skip
    answer.headers.update(headers or {})
    return answer


def _to_sign_in(request: Request) -> Response:
    """Who sent a form is told that it was not recorded; nothing recorded before is told anew."""
    over = "1"
    if request.method == "GET":
        query = request.url.query
        back = own_path(f"{request.url.path}?{query}" if query else request.url.path)
    else:
        back = path_of(request.headers.get("referer"), request.headers.get("host"))
        over = "1" if request.url.path == "/sign-out" else "form"
    back = without(back, "at", "recorded")
    more = {} if back == HOME else {"next": back}
    none_came = session_of(request.cookies) is None
    if over == "form" or not none_came:
        more["over"] = over
    answer = RedirectResponse(with_query("/sign-in", **more), 303)
    if not none_came:  # a form from elsewhere comes without the session, and does not end it
        answer.delete_cookie(NAME, **KEPT)
    return answer
