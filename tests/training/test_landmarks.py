"""Who is asked again on later days, and what the passing of days does to everybody's risk.

The index stay ends on 5 March 2022, so that day d after the discharge is 5 March + d.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from features.history import Histories
from features.window import days_of
from tests.features.family_specs import stays, value
from tests.training.readmission_answers import cohort
from tests.training.small import EVERYTHING, Person, together
from training.cohorts.landmarks import (
    CLOCK,
    COUNTED,
    Asked,
    ask_on_landmarks,
    log_odds_by_day,
    on_landmarks,
)
from training.cohorts.split import Split
from training.fitting.matrix import index_of
from training.settings.tasks import READMISSION

EVERY = (0, 2, 7, 14)


def on(days: int) -> str:
    return (date(2022, 3, 5) + timedelta(days=days)).isoformat()


def index_stay(**about: str) -> Person:
    return Person(**about).stay("a", "2022-03-01", on(0))


def back(day: int, known: int | None = None, **about: str) -> Person:
    """Somebody who is admitted again on that day, which is known then or later."""
    return index_stay(**about).stay("b", on(day), on(day + 3), known_on=on(known or day))


def questions(person: Person) -> Asked:
    rows = cohort(person).rows
    return ask_on_landmarks(rows[rows["encounter_id"] == "a"].reset_index(drop=True), READMISSION)


def planned(day: int) -> Person:
    return index_stay().stay("b", on(day), on(day + 3), procedures=("02YA0Z0",), known_on=on(day))


@pytest.mark.parametrize(
    ("person", "asked", "case"),
    [
        # nobody is back: asked on every landmark, and never a case
        (index_stay(), EVERY, 0),
        (back(31), EVERY, 0),
        # back on day 8: still ahead on days 0, 2 and 7
        (back(8), (0, 2, 7), 1),
        # back on day 7 itself: on the evening of day 7 nothing is ahead
        (back(7), (0, 2), 1),
        (back(30), EVERY, 1),
        (back(1), (0,), 1),
        # a planned return ends the question as well, and is no case
        (planned(8), (0, 2, 7), 0),
        # the dead are not asked about
        (index_stay(death=on(8)), (0, 2, 7), 0),
        (index_stay(death=on(7)), (0, 2), 0),
    ],
)
def test_who_is_asked_on_which_day(person: Person, asked: tuple[int, ...], case: int) -> None:
    rows = questions(person).rows
    assert tuple(rows["landmark"]) == asked
    assert set(rows["outcome"]) == {case}
    left = date(2022, 3, 5).toordinal() - date(1970, 1, 1).toordinal()
    assert (rows["as_of"] - left).tolist() == list(asked)
    assert set(rows["outcome_until"]) == {left + 30}


@pytest.mark.parametrize(
    ("person", "counted"),
    [
        # landmark: asked, back and known, back and not known, dead, discharge not known yet
        (index_stay(), {2: (1, 0, 0, 0, 0), 7: (1, 0, 0, 0, 0), 14: (1, 0, 0, 0, 0)}),
        # back on day 1, which a claim tells on day 9: left out on day 7 although nobody knows why
        (back(1, known=9), {2: (0, 0, 1, 0, 0), 7: (0, 0, 1, 0, 0), 14: (0, 1, 0, 0, 0)}),
        (back(1, known=7), {2: (0, 0, 1, 0, 0), 7: (0, 1, 0, 0, 0), 14: (0, 1, 0, 0, 0)}),
        (index_stay(death=on(5)), {2: (1, 0, 0, 0, 0), 7: (0, 0, 0, 1, 0), 14: (0, 0, 0, 1, 0)}),
        # who came back and then died was back
        (back(3, death=on(6)), {2: (1, 0, 0, 0, 0), 7: (0, 1, 0, 0, 0), 14: (0, 1, 0, 0, 0)}),
    ],
)
def test_who_is_not_asked_is_counted(person: Person, counted: dict[int, tuple[int, ...]]) -> None:
    counts = questions(person).counts
    assert tuple(counts.columns) == COUNTED
    assert {row[0]: row[1:] for row in counts.itertuples(index=False, name=None)} == counted


@pytest.mark.parametrize(
    ("known", "days", "landmarks", "not_yet"),
    [
        (3, [3, 7, 14], [0, 7, 14], [1, 0, 0]),
        # known on day 7: its first question is that of day 7, which is not asked twice
        (7, [7, 14], [0, 14], [1, 1, 0]),
        (20, [20], [0], [1, 1, 1]),
    ],
)
def test_a_discharge_that_is_known_late_is_asked_about_from_then_on(
    known: int, days: list[int], landmarks: list[int], not_yet: list[int]
) -> None:
    asked = questions(Person().stay("a", "2022-03-01", on(0), known_on=on(known)))
    left = asked.rows["discharged_on"].to_numpy()
    assert (asked.rows["as_of"].to_numpy() - left).tolist() == days
    assert asked.rows["landmark"].tolist() == landmarks
    assert asked.counts["not_yet"].tolist() == not_yet


def test_each_row_weighs_the_same_however_many_rows_its_stay_has() -> None:
    # by the rows that there are, who returns early would weigh four times as much on day 0
    assert questions(back(1)).rows["weight"].tolist() == [0.25]
    assert questions(index_stay()).rows["weight"].tolist() == [0.25] * 4


def test_a_row_has_the_role_of_its_stay() -> None:
    rows = cohort(back(8)).rows  # stays a and b
    asked = ask_on_landmarks(rows, READMISSION)
    split = asked.split(Split(np.array(["train", "test"], object), 0, 0))
    assert asked.rows["encounter_id"].tolist() == ["a"] * 3 + ["b"] * 4
    assert split.role.tolist() == ["train"] * 3 + ["test"] * 4


# --- the log odds of a day ---------------------------------------------------------------------


def first_stays(told: list[Person]) -> pd.DataFrame:
    rows = cohort(*told).rows
    return rows[rows["encounter_id"].str.endswith("a")].reset_index(drop=True)


def roles(*of_each: str) -> Split:
    return Split(np.array(of_each, object), 0, 0)


def shares(told: list[Person]) -> np.ndarray:
    rows = first_stays(told)
    return 1 / (1 + np.exp(-log_odds_by_day(rows, roles(*["train"] * len(rows)), 30)))


def named(patient: str, day: int | None, known: int = 0) -> Person:
    """Back on that day, or never; the discharge is known so many days after it."""
    person = Person(patient).stay(f"{patient}a", "2022-03-01", on(0), known_on=on(known))
    return person if day is None else person.stay(f"{patient}b", on(day), on(day), known_on=on(day))


def test_the_risk_of_a_day_is_that_of_those_who_are_not_back_by_then() -> None:
    # of 8 people one is back on day 4 and one on day 20; half a case is added on each side
    told = [named("p0", 4), named("p1", 20), *(named(f"p{n}", None) for n in range(2, 8))]
    found = shares(told)
    assert found[[0, 3]] == pytest.approx((2 + 0.5) / (8 + 1))
    assert found[[4, 19]] == pytest.approx((1 + 0.5) / (7 + 1))
    assert found[[20, 29]] == pytest.approx((0 + 0.5) / (6 + 1))


def test_the_risk_of_a_day_never_rises() -> None:
    # dead on day 1: the others' share would rise from 1.5 / 6 to 1.5 / 5
    dead = [Person(f"d{n}", death=on(1)).stay(f"d{n}a", "2022-03-01", on(0)) for n in range(2)]
    told = [named("p0", 20), *(named(f"p{n}", None) for n in range(1, 3)), *dead]
    found = shares(told)
    assert np.all(np.diff(found) <= 1e-12)
    # days 0 to 19 are one level: 5 people on day 0 and 3 on each of 19 days, each with half a case
    assert found[[0, 19]] == pytest.approx((6 * 1.5 / 6 + 19 * 4 * 1.5 / 4) / (6 + 19 * 4))


def test_a_day_on_which_nobody_can_be_asked_has_the_risk_of_the_nearest() -> None:
    late = [Person(f"p{n}").stay(f"p{n}a", "2022-03-01", on(0), known_on=on(6)) for n in range(3)]
    late[0].stay("p0b", on(9), on(9), known_on=on(9))
    found = shares(late)
    assert found[[0, 5, 6, 8]] == pytest.approx((1 + 0.5) / (3 + 1))
    assert found[[9, 29]] == pytest.approx(0.5 / (2 + 1))


# --- what a training takes of them -------------------------------------------------------------


def held(told: list[Person]) -> Histories:
    return Histories.of_tables(together(*told), EVERYTHING)


def test_features_are_asked_as_of_the_last_news() -> None:
    seen = index_stay().add("encounter", kind="office", started_on=on(3), ended_on=on(3),
                            known_on=on(5))  # fmt: skip
    rows = first_stays([seen])
    assert len(rows) == 1
    made = on_landmarks(rows, roles("train"), READMISSION, held([seen]))
    left = made.rows["discharged_on"]
    assert (made.rows["as_of"] - left).tolist() == [0, 2, 7, 14]
    assert (made.rows["news_on"] - left).tolist() == [0, 0, 5, 5]
    assert days_of(index_of(made.rows)["as_of"]).tolist() == made.rows["news_on"].tolist()
    assert days_of(index_of(rows)["as_of"]).tolist() == rows["as_of"].tolist()


def test_the_model_starts_from_the_risk_of_the_day_that_is_asked_about() -> None:
    told = [named("p0", 29), named("p1", None), named("p2", None, known=29)]
    made = on_landmarks(
        first_stays(told), roles("train", "train", "train"), READMISSION, held(told)
    )
    # to day 28 one of two is a case; on day 29 he is back, and the late one is there instead
    before, last = (1 + 0.5) / (2 + 1), (0 + 0.5) / (2 + 1)
    assert 1 / (1 + np.exp(-made.start)) == pytest.approx([before] * 4 + [before] * 4 + [last])


def test_those_who_test_are_counted_apart_as_well() -> None:
    told = [named("p0", 8), named("p1", None), named("p2", 5)]
    made = on_landmarks(first_stays(told), roles("train", "train", "test"), READMISSION, held(told))
    # on days 2, 7 and 14
    assert made.counts["asked"].tolist() == [3, 2, 1]
    assert made.of_tests["asked"].tolist() == [1, 0, 0]


def test_the_clock_tells_the_day_after_the_discharge() -> None:
    for name in CLOCK:
        assert [value(name, stays((day + 4, day))) for day in EVERY] == list(EVERY)


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "said"),
    [((2, 7), "begin with 0"), ((), "begin with 0"), ((0, 7, 2), "ascend"), ((0, 2, 2), "ascend"),
     ((0, 30), "lie within horizon_days")],
)  # fmt: skip
def test_landmarks_that_cannot_be_are_refused(days: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(READMISSION, landmark_days=days)
    assert replace(READMISSION, landmark_days=(0, 29)).landmark_days == (0, 29)
