"""The cookie that carries a session to the pages. Programs send `Authorization` instead.

`__Host-` binds it to this very host and to https. Chromium and Firefox keep it on plain http as
well where the address is this machine's own (127.0.0.1, localhost); whoever else opens the pages by
plain http is not signed in, which is intended: the session would pass in the clear.
SameSite=Lax: a link from an EHR opens a page; a form from elsewhere comes without the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.access.opaque_tokens import SESSION

NAME = "__Host-firstcall"
KEPT: Mapping[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
"""How it is set: not to be read by scripts, gone when the browser is closed."""


def session_of(cookies: Mapping[str, str]) -> str | None:
    """The token of the session that a browser sent; None where it sent none. What is no token of a
    session (a program's, the identity provider's) is none in a cookie."""
    token = cookies.get(NAME, "")
    return token if token.startswith(SESSION) else None
