"""By when outreach is due: hours from the assumed hour, business days to their end, in the zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.outreach_clock import OutreachClock

NEW_YORK = ZoneInfo("America/New_York")
THURSDAY, FRIDAY, SATURDAY, SUNDAY = (date(2025, 1, day) for day in (2, 3, 4, 5))


def local(clock, left, zone=NEW_YORK):
    return f"{clock.due_at(left, zone).astimezone(zone):%a %d %b %H:%M}"


@pytest.mark.parametrize(("told", "left", "due"), [
    ({}, THURSDAY, "Sat 04 Jan 12:00"),  # noon + 48 hours, weekends as any day
    ({"assumed_hour": 0}, THURSDAY, "Sat 04 Jan 00:00"),
    ({"assumed_hour": 24}, THURSDAY, "Sun 05 Jan 00:00"),
    ({"within": "72 hours"}, THURSDAY, "Sun 05 Jan 12:00"),
    # the end of the second business day after the discharge: the midnight after it
    ({"within": "2 business days"}, date(2024, 12, 30), "Thu 02 Jan 00:00"),  # Monday: Wednesday
    ({"within": "2 business days"}, THURSDAY, "Tue 07 Jan 00:00"),  # Friday, Monday
    ({"within": "2 business days"}, FRIDAY, "Wed 08 Jan 00:00"),
    ({"within": "2 business days"}, SATURDAY, "Wed 08 Jan 00:00"),
    ({"within": "2 business days"}, SUNDAY, "Wed 08 Jan 00:00"),
    ({"within": "2 business days", "holidays": ["2025-01-06"]}, FRIDAY, "Thu 09 Jan 00:00"),
    ({"within": "1 business days"}, FRIDAY, "Tue 07 Jan 00:00"),
])  # fmt: skip
def test_by_when(told, left, due):
    assert local(OutreachClock.model_validate(told), left) == due


def test_the_hours_are_hours_where_clocks_are_put_forward():
    """On 9 March 2025 New York's clocks go from 2 to 3: 48 hours after noon of the 8th is 13:00."""
    assert local(OutreachClock(), date(2025, 3, 8)) == "Mon 10 Mar 13:00"
    by_days = OutreachClock(within="1 business days")
    assert local(by_days, date(2025, 3, 7)) == "Tue 11 Mar 00:00"


@pytest.mark.parametrize("told", ["2 days", "0 hours", "48", "2  hours", ""])
def test_what_is_no_span_is_refused(told):
    with pytest.raises(ValidationError, match="48 hours"):
        OutreachClock(within=told)


@pytest.mark.parametrize(("after", "days", "missed"), [
    (None, 29, False), (7, 7, False), (7, 8, True),
])  # fmt: skip
def test_when_it_is_too_late(after, days, missed):
    clock = OutreachClock(missed_after_days=after)
    assert clock.is_missed(FRIDAY, FRIDAY + timedelta(days=days)) is missed


def slow(within, left, hour, holidays):
    """The due moment in UTC, by going through the hours or days one by one."""
    number, unit = within.split(" ", 1)
    moment = datetime(left.year, left.month, left.day, tzinfo=UTC)
    if unit == "hours":
        for _ in range(hour + int(number)):
            moment += timedelta(hours=1)
        return moment
    done = 0
    while done < int(number):
        moment += timedelta(days=1)
        done += moment.strftime("%A") not in ("Saturday", "Sunday") and (
            moment.date() not in holidays
        )
    return moment + timedelta(days=1)


@given(
    st.dates(date(2024, 1, 1), date(2026, 1, 1)),
    st.sampled_from(["48 hours", "1 hours", "2 business days", "5 business days"]),
    st.integers(0, 24), st.frozensets(st.dates(date(2024, 1, 1), date(2026, 1, 9)), max_size=5),
)  # fmt: skip
def test_it_is_what_going_through_the_days_finds(left, within, hour, holidays):
    clock = OutreachClock(within=within, assumed_hour=hour, holidays=holidays)
    due = clock.due_at(left, ZoneInfo("UTC"))
    assert due == slow(within, left, hour, holidays)
    assert clock.due_at(left + timedelta(days=1), ZoneInfo("UTC")) >= due  # later left, later due
