"""Half-open look-back windows and days: where a window begins, and how far two days lie apart.

A day is an int32 count of days since 1970-01-01. A window of w days looks back from as_of over
(as_of − w, as_of]: the day as_of is in it, the day as_of − w is not. It is anchored on as_of,
never on the last event. The compiled folds alone go by days of their own making; oracle and
evidence are held against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from data.errors import InputError
from features.columns import whole

NEVER = 2**31 - 1
"""A day that does not come: `superseded_on` of a version that nothing has replaced."""

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, order=True)
class Window:
    """The look-back window (as_of − days, as_of]."""

    days: int

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"a window holds at least one day, not {self.days}")

    @property
    def words(self) -> str:
        return f"in the last {self.days} days"

    def first_day(self, as_of: int) -> int:
        """The first day in the window.

        >>> Window(30).first_day(100)
        71
        """
        return as_of - self.days + 1

    def later_half(self, as_of: int) -> int:
        """The first day of its later half, the last days // 2 days."""
        return as_of - self.days // 2 + 1


WINDOWS = (Window(30), Window(90), Window(180), Window(365), Window(730))
"""The windows that features look back over, unless what they tell asks for another."""
MONTH_DAYS, MOST_MONTHS = 30, 60
"""Days of a month, counted back from as_of (the calendar's would make numbers follow it), and how
many months a window may hold."""


_Days = TypeVar("_Days", int, np.ndarray)


def days_between(earlier: _Days, later: _Days) -> _Days:
    """Days from `earlier` to `later` (days, or arrays of them): positive where `later` is later.

    >>> days_between(10, 13), days_between(13, 10)
    (3, -3)
    """
    return later - earlier


def to_day(day: date) -> int:
    """The int32 day of a date."""
    return days_between(_EPOCH.toordinal(), day.toordinal())


def to_date(day: int) -> date:
    """The date of an int32 day."""
    return _EPOCH + timedelta(days=int(day))


def days_of_column(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """A date32 column as int32 days (0 where empty), and where it is filled (bool)."""
    array = whole(column)
    days = array.view(pa.int32())
    if days.null_count == 0:
        return days.to_numpy(), np.ones(len(days), dtype=np.bool_)
    return days.fill_null(0).to_numpy(), days.is_valid().to_numpy(zero_copy_only=False)


def days_of(dates: Sequence[Any] | Any, what: str = "as_of") -> np.ndarray:
    """Dates (datetime64, date, or ISO text; a list, array or Series) as int32 days.

    Raises InputError where one of them is empty or is no date; `what` names the column in it.
    """
    try:
        days = np.asarray(dates, dtype="datetime64[D]").astype(np.int64)
    except (ValueError, TypeError) as error:
        raise InputError(f"The column {what} holds something that is not a date.") from error
    if len(days) and (days.min() < -(2**31) or days.max() >= NEVER):
        raise InputError(f"The column {what} holds an empty or impossible date.")
    return days.astype(np.int32)


def completed_years(born: _Days, as_of: _Days) -> _Days:
    """Birthdays had between two days, whole numbers or integer arrays; who was born on 29 February
    turns a year older on 1 March of a common year."""
    born_in, born_at = march_year_and_day(born)
    year, at = march_year_and_day(as_of)
    return year - born_in - (at < born_at)


def march_year_and_day(days: _Days) -> tuple[_Days, _Days]:
    """The year that began on the last 1 March, and the days since then: a leap day comes last.

    The Gregorian calendar repeats after 146,097 days, 400 years. Plain arithmetic of whole
    numbers, so that the kernel compiles it too.
    """
    since = days + 719_468  # 0000-03-01
    in_era = since - since // 146_097 * 146_097
    of_era = (in_era - in_era // 1_460 + in_era // 36_524 - in_era // 146_096) // 365
    day = in_era - (365 * of_era + of_era // 4 - of_era // 100)
    return of_era + since // 146_097 * 400, day
