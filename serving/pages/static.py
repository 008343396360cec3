"""Style and pictures of the pages, by a name that changes with what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from fastapi import Response

from serving.api.problems import Refused
from serving.pages.page_route import router

static = router()

_TYPES = {"pages.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}
_HELD: Mapping[str, bytes] = {
    name: files("serving.pages").joinpath("static", name).read_bytes() for name in _TYPES
}
_KEPT = {"cache-control": "public, max-age=31536000, immutable"}


def address(name: str) -> str:
    """Where a page finds it."""
    return f"/static/{name}?v={hashlib.sha256(_HELD[name]).hexdigest()[:12]}"


@static.get("/static/{name}")
def of_name(name: str) -> Response:
    """One of the files; nothing in them is of patients, so that browsers may keep them."""
    if name not in _HELD:
        raise Refused("not-found", "there is nothing at this address")
    return Response(_HELD[name], media_type=_TYPES[name], headers=_KEPT)
