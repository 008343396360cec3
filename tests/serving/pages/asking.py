"""Asks for pages as a browser does, without one: cookies and forms by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

from serving.access.session_cookie import NAME
from tests.serving.api.manned import Manned

TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


def cookie(token: str) -> dict[str, str]:
    return {"cookie": f"{NAME}={token}"}


def got(address: str, path: str, token: str | None = None, **headers: str) -> httpx.Response:
    sent = {"accept": "text/html"} | headers | (cookie(token) if token else {})
    return httpx.get(address + path, headers=sent, timeout=30)


def posted(
    address: str, path: str, form: Mapping[str, Any], token: str | None = None, **headers: str
) -> httpx.Response:
    sent = {"accept": "text/html"} | headers | (cookie(token) if token else {})
    return httpx.post(address + path, data=dict(form), headers=sent, timeout=30)


def form_token(address: str, staff: Manned, who: str) -> str:
    """The token of the forms in somebody's pages."""
    found = TOKEN.search(got(address, "/model", staff.sessions[who]).text)
    assert found is not None
    return found[1]
