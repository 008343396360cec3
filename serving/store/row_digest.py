"""The digest of an action or a consent, as its entry in the audit record carries it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

Table = Literal["action", "consent"]

FIELDS: Mapping[Table, tuple[str, ...]] = {
    "action": (
        "place", "action_id", "patient_id", "run_id", "rank", "kind", "until", "tier", "reason",
        "note", "undoes", "who", "at",
    ),
    "consent": ("place", "patient_id", "matter", "given", "who", "at"),
}  # fmt: skip
"""Every column, in the order in which it is hashed. A column that is added later does not belong
to the rows of before: it needs a form of its own, under another name than "sha256"."""


def row_digest(table: Table, row: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over the table's name and all fields of a row, as JSON: days as ISO 8601,
    moments in UTC to the microsecond, the same from both databases and before it is written."""
    told = [table, *(_plain(row[name]) for name in FIELDS[table])]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode("ascii")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)  # SQLite keeps no zone
        return aware.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else value
