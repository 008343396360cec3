"""Every table of the database: whoever compares, drops or migrates imports them from here."""

from __future__ import annotations

from serving.store import account_tables, night_tables, record_tables
from serving.store.metadata import metadata

__all__ = ["account_tables", "metadata", "night_tables", "record_tables"]
