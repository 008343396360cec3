"""When this release was made."""

from __future__ import annotations

from datetime import date

RELEASED_ON = date(2026, 11, 28)
"""The day on which what is told of the service's abilities last changed."""
