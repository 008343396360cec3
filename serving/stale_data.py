"""Data that end long before the day that is asked about: a night refuses them, answers say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from serving.sent_rows import Columns

STALE_AFTER_DAYS = 31
"""So many days after the last day of data one would call on people by old news."""


def stale(tables: Mapping[str, Columns], data_through: date | None, as_of: date) -> list[str]:
    """The warning about rows that are asked about as of a day; none where they are new enough.

    `data_through` is the last day through which the rows are whole. Where nobody says it, the day
    on which the newest of them was known stands for it, and the warning leaves open whether more
    happened.
    """
    if data_through is not None:
        days = (as_of - data_through).days
        if days <= STALE_AFTER_DAYS:
            return []
        return [f"these data end on {data_through}, {days} days before {as_of}: what happened "
                "since then is not in the risks"]  # fmt: skip
    newest = max(_known(tables, as_of), default=None)
    if newest is None:
        return [f"none of these rows was known on {as_of}"]
    days = (as_of - newest).days
    if days <= STALE_AFTER_DAYS:
        return []
    return [f"the newest of these rows was known on {newest}, {days} days before {as_of}: if more "
            "has happened since then, it is not in the risks (data_through says how far the data "
            "reach)"]  # fmt: skip


def _known(tables: Mapping[str, Columns], as_of: date) -> Iterable[date]:
    return (day for columns in tables.values() for day in columns["known_on"] if day <= as_of)
