from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data.errors import InputError
from features.as_of import features_as_of
from features.window import (
    WINDOWS,
    Window,
    completed_years,
    days_between,
    days_of,
    days_of_column,
    to_date,
    to_day,
)
from tests.features.rows import AS_OF, ago, histories, rows


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_holds_as_of_and_not_the_day_that_many_days_before(window: Window) -> None:
    name = f"emergency_visits_count_{window.days}"
    for days, counted in ((0, 1), (window.days - 1, 1), (window.days, 0), (-1, 0)):
        held = histories(rows("encounter", {"kind": "emergency", "started_on": ago(days)}))
        found = features_as_of(held, pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]}), [name])
        assert found[name].tolist() == [counted], days


def test_a_window_and_its_later_half_begin_on_a_day() -> None:
    assert Window(90).first_day(to_day(AS_OF)) == to_day(ago(89))
    assert Window(91).later_half(to_day(AS_OF)) == to_day(ago(44))


def test_a_window_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        Window(0)


def test_days_between_is_positive_where_the_second_day_is_later() -> None:
    earlier, later = to_day(date(2020, 2, 28)), to_day(date(2020, 3, 1))
    assert days_between(earlier, later) == 2  # 29 February lies between
    assert days_between(later, earlier) == -2
    assert days_between(np.array([earlier]), np.array([later])).tolist() == [2]


def test_days_and_dates_turn_into_each_other() -> None:
    assert to_day(date(1970, 1, 1)) == 0
    assert to_day(date(1969, 12, 31)) == -1
    assert to_date(to_day(date(2020, 2, 29))) == date(2020, 2, 29)


@pytest.mark.parametrize(
    "dates",
    [
        [date(1970, 1, 2), date(1969, 12, 31)],
        ["1970-01-02", "1969-12-31"],
        np.array(["1970-01-02T23:59", "1969-12-31"], "datetime64[s]"),
        pd.Series(pd.to_datetime(["1970-01-02", "1969-12-31"])),
    ],
)
def test_dates_of_every_kind_are_read(dates: object) -> None:
    assert days_of(dates).tolist() == [1, -1]


@pytest.mark.parametrize("dates", [["soon"], [date(2020, 1, 1), None], [pd.NaT]])
def test_what_is_no_date_is_named(dates: list[object]) -> None:
    with pytest.raises(InputError, match="as_of"):
        days_of(dates)


def test_empty_places_of_a_column_are_told_apart() -> None:
    days, filled = days_of_column(pa.chunked_array([[date(1970, 1, 3), None]], pa.date32()))
    assert days.tolist() == [2, 0]
    assert filled.tolist() == [True, False]


@pytest.mark.parametrize(
    ("born", "as_of", "years"),
    [
        (date(1950, 6, 1), date(2020, 5, 31), 69),
        (date(1950, 6, 1), date(2020, 6, 1), 70),
        (date(1948, 2, 29), date(2021, 2, 28), 72),  # no 29 February that year:
        (date(1948, 2, 29), date(2021, 3, 1), 73),  # a birthday on 1 March
        (date(1948, 2, 29), date(2020, 2, 29), 72),
        (date(2020, 2, 29), date(2020, 2, 29), 0),
    ],
)
def test_years_are_completed_on_the_birthday(born: date, as_of: date, years: int) -> None:
    assert completed_years(np.array([to_day(born)]), np.array([to_day(as_of)])) == years
