"""Members at month ends as small tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.small import day
from training.cohorts.enrolment import Enrolment
from training.cohorts.member_dates import member_dates, month_ends


@pytest.mark.parametrize(
    ("first", "last", "months", "dates"),
    [
        ("2024-01-31", "2024-03-31", 1, ["2024-01-31", "2024-02-29", "2024-03-31"]),  # both edges
        ("2024-02-01", "2024-03-30", 1, ["2024-02-29"]),
        ("2023-12-01", "2024-04-30", 3, ["2023-12-31", "2024-03-31"]),  # quarters of the calendar
        ("2023-01-01", "2024-12-31", 12, ["2023-12-31", "2024-12-31"]),
        ("2024-02-01", "2024-02-28", 1, []),
    ],
)
def test_month_ends(first: str, last: str, months: int, dates: list[str]) -> None:
    found = month_ends(day(first), day(last), months)
    assert found.astype("datetime64[D]").astype(str).tolist() == dates


AS_OF, END = day("2022-06-30"), day("2022-09-28")


def row(
    covered: tuple[str, str | None] = ("2015-01-01", None),
    birth: str | None = "1950-01-01",
    death: str | None = None,
) -> pd.Series | None:
    """The one row of a person asked about on 30 June 2022, or None."""
    patients = pd.Index(["p"])
    end = np.nan if covered[1] is None else float(day(covered[1]))
    spans = pd.DataFrame({"patient_id": ["p"], "start_on": [day(covered[0])], "end_on": [end]})
    persons = pd.DataFrame(
        {"birth_on": [np.nan if birth is None else float(day(birth))],
         "death_on": [np.nan if death is None else float(day(death))]},
        index=patients,
    )  # fmt: skip
    found = member_dates(
        np.array([AS_OF]), np.array([END]), persons, Enrolment.of_spans(spans, patients), 180
    )
    return None if found.empty else found.iloc[0]


def test_who_is_covered_on_the_very_day_is_asked_about() -> None:
    assert row(("2015-01-01", "2022-06-30")) is not None
    assert row(("2015-01-01", "2022-06-29")) is None
    assert row(("2022-07-01", None)) is None


@pytest.mark.parametrize(
    ("birth", "age", "band"),
    [
        ("1957-06-30", 65, 1), ("1957-07-01", 64, 0), ("1947-06-30", 75, 2), ("1947-07-01", 74, 1),
        ("1937-06-30", 85, 3), ("1937-07-01", 84, 2), (None, -1, 0),
    ],
)  # fmt: skip
def test_age_is_of_birthdays_had(birth: str | None, age: int, band: int) -> None:
    found = row(birth=birth)
    assert found is not None
    assert (found["age"], found["age_band"]) == (age, band)


@pytest.mark.parametrize(
    ("ended", "death", "left_after"),
    [
        ("2022-09-28", None, np.nan),  # to the last day of the window
        ("2022-09-27", None, 89.0),
        # coverage that ended in the 31 days before a death lasted until the death
        ("2022-07-31", "2022-08-31", np.nan),
        ("2022-07-31", "2022-09-01", 31.0),
        (None, "2022-07-10", np.nan),
    ],
)
def test_who_left_before_the_end(ended: str | None, death: str | None, left_after: float) -> None:
    found = row(("2015-01-01", ended), death=death)
    assert found is not None
    np.testing.assert_equal(found["left_after"], left_after)


@pytest.mark.parametrize(
    ("death", "alive", "within"),
    [("2022-06-30", False, False), ("2022-07-01", True, True), ("2022-09-28", True, True),
     ("2022-09-29", True, False), (None, True, False)],
)  # fmt: skip
def test_who_is_alive_and_who_dies_within(death: str | None, alive: bool, within: bool) -> None:
    found = row(death=death)
    assert found is not None
    assert (found["alive"], found["died_within"]) == (alive, within)


@pytest.mark.parametrize(("since", "looked_back"), [("2022-01-02", True), ("2022-01-03", False)])
def test_the_look_back_holds_as_of_and_the_days_before(since: str, looked_back: bool) -> None:
    found = row((since, None))  # 2 January to 30 June are 180 days
    assert found is not None
    assert (found["looked_back"], found["eligible"]) == (looked_back, looked_back)
