"""What every page has in common: header, navigation by role, banners, security headers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from serving.access.roles import Principal
from serving.pages.csrf import FIELD, session_token
from serving.pages.navigation import places_of
from serving.pages.own_paths import patient_path
from serving.pages.static import address
from serving.pages.words import WORDS, clock, count, day, in_100, say, sentence

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


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = {
        "say": say,
        "count": count,
        "day": day,
        "clock": clock,
        "in_100": in_100,
        "patient_path": patient_path,
        "static": address,
    }
    environment.globals |= told
    environment.filters["sentence"] = sentence
    return environment


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
