"""Where the pages lead: what somebody may open, and where his day begins."""

from __future__ import annotations

from serving.access.roles import Principal
from serving.pages.own_paths import HOME
from serving.pages.rules import PAGE_RULES

_PLACES = (("list", HOME), ("team", "/team"), ("model", "/model"), ("runs", "/runs"))
"""What the navigation leads to, as far as there is such a page and one may open it."""


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
