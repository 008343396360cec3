"""The time zones that somebody may choose: the names of the IANA list."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

_LONGEST_NAME = 64  # what a column of the store holds
NO_ZONE = "names no time zone of the IANA list, such as America/Chicago"


@cache
def _by_typed() -> Mapping[str, str]:
    """Names as they are, by how they are looked for: reading them takes a walk through files."""
    return {one.lower(): one for one in available_timezones() if len(one) <= _LONGEST_NAME}


def time_zone(typed: Any) -> str | None:
    """The zone of a name, in whatever case and with a blank for _; None where it is of none.

    >>> time_zone(" america/new york "), time_zone("Denver"), time_zone(7)
    ('America/New_York', None, None)
    """
    if not isinstance(typed, str):
        return None
    return _by_typed().get(typed.strip().replace(" ", "_").lower())


@cache
def by_place() -> tuple[str, ...]:
    """The zones that are named after a place, and UTC: what is offered for choice."""
    places = (one for one in _by_typed().values() if "/" in one and not one.startswith("Etc/"))
    return (*sorted(places), "UTC")
