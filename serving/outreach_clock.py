"""By when somebody who was discharged is to be called: 48 hours, or two business days.

Sources tell the day of a discharge and not its hour. The clock of hours begins at
`assumed_hour` of that day; by business days outreach is due at the end of the second one after
the day of discharge, as payers count it who reimburse coordination after a stay (CPT 99495 and
99496, transitional care management).

Within a tier whoever is due first is called first, so that who is overdue stands above all others,
and nobody sinks because days pass. A team that cannot keep up may say that outreach is missed so
many days after the discharge: then the patient stands by his risk again. Else it would spend each
day on those whom it is too late for, and be late for everybody.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_WITHIN = re.compile(r"([0-9]{1,3}) (hours|business days)")


def _within(told: str) -> str:
    found = _WITHIN.fullmatch(told)
    if found is None or int(found[1]) < 1:
        raise ValueError('must be such as "48 hours" or "2 business days"')
    return told


class OutreachClock(BaseModel):
    """`within`: "48 hours" or "2 business days" of the discharge. `assumed_hour` is the hour of the
    day at which people are taken to leave (0 to 24). `holidays` are no business days, like Saturday
    and Sunday. Of whoever left more than `missed_after_days` ago outreach is missed; without it, of
    nobody within the 30 days of a discharge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    within: Annotated[str, AfterValidator(_within)] = "48 hours"
    assumed_hour: Annotated[int, Field(ge=0, le=24)] = 12
    holidays: frozenset[date] = frozenset()
    missed_after_days: Annotated[int, Field(ge=1, le=30)] | None = None

    def due_at(self, discharged_on: date, zone: ZoneInfo) -> datetime:
        """The moment (UTC) by which somebody who left on this day is to be called; the day and the
        hour are those of `zone`.

        >>> OutreachClock().due_at(date(2025, 1, 3), ZoneInfo("UTC"))
        datetime.datetime(2025, 1, 5, 12, 0, tzinfo=datetime.timezone.utc)
        >>> by_days = OutreachClock(within="2 business days")  # left on a Friday: the next Tuesday
        >>> by_days.due_at(date(2025, 1, 3), ZoneInfo("UTC"))
        datetime.datetime(2025, 1, 8, 0, 0, tzinfo=datetime.timezone.utc)
        """
        found = _WITHIN.fullmatch(self.within)
        assert found is not None
        number, unit = int(found[1]), found[2]
        if unit == "business days":
            day = discharged_on
            while number:
                day += timedelta(days=1)
                number -= day.weekday() < 5 and day not in self.holidays
            return _midnight_after(day, zone)
        left = _midnight_after(discharged_on - timedelta(days=1), zone)
        return left + timedelta(hours=self.assumed_hour + number)

    def is_missed(self, discharged_on: date, today: date) -> bool:
        """Whether it is too late for the outreach that follows a discharge."""
        after = self.missed_after_days
        return after is not None and (today - discharged_on).days > after


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which a day of the zone ends."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
