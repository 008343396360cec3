"""The database, and the only door to it: nights, accounts, and the record of who did what."""

from serving.store.night_tables import (
    ALLOCATION_COLUMNS,
    ENTRY_COLUMNS,
    ENTRY_DETAILS,
    GONE_COLUMNS,
    KNOWN_COLUMNS,
    QUEUE_TASK,
    REASON_COLUMNS,
    SCORE_COLUMNS,
)
from serving.store.nights import Run, Store

__all__ = [
    "ALLOCATION_COLUMNS",
    "ENTRY_COLUMNS",
    "ENTRY_DETAILS",
    "GONE_COLUMNS",
    "KNOWN_COLUMNS",
    "QUEUE_TASK",
    "REASON_COLUMNS",
    "SCORE_COLUMNS",
    "Run",
    "Store",
]
