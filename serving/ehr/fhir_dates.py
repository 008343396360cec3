"""The date parameter of a FHIR search (R4, search.html#date): a prefix, and a date of some
precision, which stands for all of its year, month, day or second."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from serving.ehr.operation_outcome import FhirError

_VALUE = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?"
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?P<time>T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"(?P<zone>Z|[+ -]\d{2}:\d{2})?)?)?",
    re.ASCII,
)


@dataclass(frozen=True)
class DateRule:
    """One value of a date parameter: its prefix, and the span [low, high) that it stands for."""

    prefix: str
    low: datetime
    high: datetime

    def holds(self, day: date) -> bool:
        """Whether an assessment of this day, all of which counts, is asked for."""
        low = datetime(day.year, day.month, day.day, tzinfo=UTC)
        high = low + timedelta(days=1)
        equal = self.low <= low and high <= self.high
        match self.prefix:
            case "eq":
                return equal
            case "ne":
                return not equal
            case "gt":
                return high > self.high
            case "lt":
                return low < self.low
            case "ge":
                return high > self.high or equal
            case "le":
                return low < self.low or equal
            case "sa":
                return low >= self.high
            case "eb":
                return high <= self.low
            case _:  # ap: the two spans overlap
                return low < self.high and self.low < high


def date_rule(value: str) -> DateRule:
    """A value such as "ge2024-12" or "2024-12-31". Times without a zone are of UTC.

    Raises FhirError (400) where it is no date of FHIR.
    """
    told = _VALUE.fullmatch(value)
    try:
        if told is None or (told["zone"] and not told["time"]):
            raise ValueError
        low, high = _span(told)
    except (ValueError, OverflowError):
        raise FhirError(
            400, "value", "The date parameter holds no date of the form [prefix]YYYY-MM-DD."
        ) from None
    return DateRule(told["prefix"] or "eq", low, high)


def _span(told: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day = (int(told[part] or 1) for part in ("year", "month", "day"))
    low = datetime(year, month, day, tzinfo=UTC)
    if told["time"]:
        zone = (told["zone"] or "Z").replace(" ", "+")  # a bare + in a URL is a blank
        low = datetime.fromisoformat(f"{low:%Y-%m-%d}{told['time']}{zone}").astimezone(UTC)
        exact = told["time"].count(":") == 2
        return low, low + (timedelta(seconds=1) if exact else timedelta(minutes=1))
    if told["day"]:
        return low, low + timedelta(days=1)
    if told["month"]:
        return low, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return low, datetime(year + 1, 1, 1, tzinfo=UTC)
