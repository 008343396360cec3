"""In which time zone somebody reads clock times. Days of the list are those of the site's zone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from serving.access.roles import Principal

if TYPE_CHECKING:
    from serving.api.state import Service


def zone_of(service: Service, principal: Principal) -> ZoneInfo:
    """His own where he has one that this machine knows, else the site's. Its `key` is its name,
    which every page with times tells."""
    if principal.zone is None:
        return service.settings.zone
    try:
        return ZoneInfo(principal.zone)
    except ZoneInfoNotFoundError:  # chosen where the machine's list was another one
        return service.settings.zone
