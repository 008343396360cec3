"""A route that answers with a page: guarded by the rules of pages, its forms checked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from serving.access.roles import Principal
from serving.api.rules import SIGNED_IN, GuardedRoute, Rules
from serving.pages.csrf import must_be_ours, must_come_from_here, session_token
from serving.pages.navigation import first_page
from serving.pages.own_paths import HOME
from serving.pages.rules import PAGE_RULES

if TYPE_CHECKING:
    from fastapi.responses import Response

    from serving.api.state import Service

_MOST_FIELDS = 50
_LIST = PAGE_RULES["GET", HOME]


class PageRoute(GuardedRoute):
    """As GuardedRoute. A form (POST) is read and must be ours before anything is done; what it
    holds is `form_of(request)`. An open route, the sign-in, looks at the token itself: it shows its
    form anew. Whom the list is not for is led from "/", where everybody arrives, to his own first
    page: he asked for nobody."""

    rules: ClassVar[Rules] = {
        **PAGE_RULES, ("GET", HOME): replace(_LIST, roles=SIGNED_IN.roles),
    }  # fmt: skip

    def unguarded_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().unguarded_handler()
        if self.path == HOME:
            return _of_list(handler)
        if "POST" not in (self.methods or ()):
            return handler
        is_open = PAGE_RULES["POST", self.path].is_open

        async def checked(request: Request) -> Response:
            service: Service = request.app.state.service
            must_come_from_here(request)
            async with request.form(max_files=0, max_fields=_MOST_FIELDS) as sent:
                form = {name: held for name, held in sent.items() if isinstance(held, str)}
            if not is_open:
                must_be_ours(form, session_token(service, request))
            request.state.form = form
            return await handler(request)

        return checked


def _of_list(
    handler: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def led(request: Request) -> Response:
        principal: Principal = request.state.principal
        if _LIST.permits(principal):
            return await handler(request)
        return RedirectResponse(first_page(principal), 303)

    return led


def form_of(request: Request) -> Mapping[str, str]:
    """The fields of the form that a request brought."""
    return request.state.form


def router() -> APIRouter:
    """A router whose routes are pages; OpenAPI tells of none of them."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)
