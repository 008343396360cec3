"""Data that end long before the day that is asked about: a night refuses them, answers say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from serving.sent_rows import Columns

STALE_AFTER_DAYS = 31
"""So many days after the last day of data one would call on people by old news."""


class Reach(NamedTuple):
    """How far rows reach: `through` is the last day through which they are whole, as far as anybody
    says; `asked_on` is the day on which they were asked about, where no as_of was said."""

    through: date | None = None
    asked_on: date | None = None


def stale(tables: Mapping[str, Columns], reach: Reach, as_of: date) -> list[str]:
    """The warnings about rows that are asked about as of a day; none where they are new enough, and
    none is of a day to come.

    Where as_of was left out the question is as old as the data: their age counts from the day on
    which it was asked. Where nobody says how far the data reach, the day on which the newest of
    them was known stands for it, and the warning leaves open whether more happened.
    """
    on = max(as_of, reach.asked_on or as_of)
    known = [day for columns in tables.values() for day in columns["known_on"]]
    told = _unseen(known, as_of) if reach.asked_on else []
    through = reach.through
    if reach.asked_on and through and through > reach.asked_on:
        told.append(f"data_through lies after {reach.asked_on}, on which this was asked: it was "
                    "set aside")  # fmt: skip
        through = None
    if through is not None:
        days = (on - through).days
        if days > STALE_AFTER_DAYS:
            told.append(f"these data end on {through}, {days} days before {on}: what "
                        "happened since then is not in the risks")  # fmt: skip
        return told
    newest = max((day for day in known if day <= as_of), default=None)
    if newest is None:
        return [*told, f"none of these rows was known on {as_of}"]
    days = (on - newest).days
    if days > STALE_AFTER_DAYS:
        told.append(f"the newest of these rows was known on {newest}, {days} days before {on}: if "
                    "more has happened since then, it is not in the risks (data_through says how "
                    "far the data reach)")  # fmt: skip
    return told


def _unseen(known: Sequence[date], as_of: date) -> list[str]:
    later = sum(day > as_of for day in known)
    if not later:
        return []
    return [f"{later} of {len(known)} rows were known after {as_of} only, which is asked about "
            "because as_of was left out: they are unseen"]  # fmt: skip
