"""Half-open look-back windows and days: the only date arithmetic in the house.

A day is an int32 count of days since 1970-01-01. A window of w days looks back from as_of over
(as_of − w, as_of]: the day as_of is in it, the day as_of − w is not. It is anchored on as_of,
never on the last event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from data.errors import InputError

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


WINDOWS = (Window(30), Window(90), Window(180), Window(365), Window(730))


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
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    days = array.cast(pa.int32())
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


def completed_years(born: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """Birthdays had between two int32 days (float64); who was born on 29 February turns a year
    older on 1 March of a common year.
    """
    b, a = born.astype("datetime64[D]"), as_of.astype("datetime64[D]")
    months = (a.astype("datetime64[M]") - b.astype("datetime64[M]")).astype(np.int64)
    birth_day = (b - b.astype("datetime64[M]")).astype(np.int64)
    day = (a - a.astype("datetime64[M]")).astype(np.int64)
    return ((months - (day < birth_day)) // 12).astype(np.float64)
