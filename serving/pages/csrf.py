"""A form counts only where a page of this service made it, for this very session.

Each form carries a token: the HMAC of the session under the key of the home, so that nothing has to
be kept and a token of one session fits no other. Before anybody is signed in, a cookie of its own
takes the place of the session: nobody elsewhere can sign a browser in as somebody else. Browsers
also say where a form came from; one from elsewhere is refused whatever it carries.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from serving.access.session_cookie import session_of
from serving.api.problems import Refused

if TYPE_CHECKING:
    from fastapi import Request

    from serving.api.state import Service

FIELD = "form_token"
VISIT = "__Host-firstcall-visit"
"""The cookie of a browser in which nobody is signed in yet."""


def new_visit() -> str:
    """What a new visit is called: nothing of it can be guessed."""
    return secrets.token_urlsafe(32)


def session_token(service: Service, request: Request) -> str:
    """The token for forms of whoever is signed in; "" where nobody is."""
    session = session_of(request.cookies)
    return "" if session is None else service.key.mac("form of a session", session)


def visit_token(service: Service, visit: str | None) -> str:
    """The token for the form of the sign-in; "" without a visit."""
    return service.key.mac("form of a visit", visit) if visit else ""


def must_come_from_here(request: Request) -> None:
    """Raises Refused where the browser says that a form came from elsewhere."""
    if _from_elsewhere(request):
        raise Refused("not-permitted", "this form was not made by a page of this service")


def must_be_ours(form: Mapping[str, str], token: str) -> None:
    """Raises Refused where a form does not carry the token: mostly it lay open in a tab while
    another one signed in anew."""
    if not is_ours(form, token):
        raise Refused("old-form", "the form was not made for the session that is open now")


def is_ours(form: Mapping[str, str], token: str) -> bool:
    """Whether a form carries the token."""
    sent = form.get(FIELD, "").encode("utf-8", "surrogatepass")
    return bool(token) and hmac.compare_digest(sent, token.encode())


def _from_elsewhere(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    origin = request.headers.get("origin")
    if origin is None:  # an old browser: the token alone decides
        return False
    try:
        return urlsplit(origin).netloc != request.headers.get("host")
    except ValueError:
        return True
