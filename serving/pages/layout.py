"""What every page has in common: header, navigation by role, banners, security headers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from serving.access.roles import Principal
from serving.pages.csrf import FIELD, session_token
from serving.pages.own_paths import HOME
from serving.pages.rules import PAGE_RULES
from serving.pages.static import address
from serving.pages.words import WORDS, count, day, in_100, say, sentence

if TYPE_CHECKING:
    from fastapi import Request

    from serving.api.state import Service

PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # forms say where they came from; to other hosts nothing is said
    "referrer-policy": "same-origin",
}
"""Of every page: it loads style and pictures from here and nothing else; there are no scripts."""

_PLACES = (("list", "/"), ("team", "/team"), ("model", "/model"), ("runs", "/runs"))
"""What the navigation leads to, as far as there is such a page and one may open it."""


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = {"say": say, "count": count, "day": day, "in_100": in_100, "static": address}
    environment.globals |= told
    environment.filters["sentence"] = sentence
    return environment


def places_of(principal: Principal) -> list[tuple[str, str]]:
    """Name and address of the pages that somebody may open."""
    return [
        (name, path)
        for name, path in _PLACES
        if (rule := PAGE_RULES.get(("GET", path))) is not None and rule.permits(principal)
    ]


def first_page(principal: Principal) -> str:
    """Where somebody's day begins: the first page that he may open."""
    places = places_of(principal)
    return places[0][1] if places else HOME


def page(
    request: Request,
    template: str,
    status: int = 200,
    warnings: Sequence[str] = (),
    principal: Principal | None = None,
    **told: Any,
) -> HTMLResponse:
    """A page in the layout of all. `principal` is whoever is signed in, None: nobody; `warnings`
    stand above everything else."""
    service: Service = request.app.state.service
    written = _templates().get_template(template).render(
        principal=principal,
        role=WORDS[f"role.{principal.role}"] if principal else "",
        places=places_of(principal) if principal else [],
        here=request.url.path,
        token_field=FIELD,
        token=session_token(service, request) if principal else "",
        warnings=warnings,
        **told,
    )  # fmt: skip
    return HTMLResponse(written, status, PAGE_HEADERS)
