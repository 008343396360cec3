"""A task about encounters as small tables: the emergency visit within 90 days that ships as one."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from data.errors import RefusalError
from tests.training.small import Person, day, manifest, together
from training.cohorts.encounter_cohort import encounter_cohort
from training.settings.tasks import EncounterTask, task_called

ED_VISIT = task_called("ed-visit-90")
assert isinstance(ED_VISIT, EncounterTask)
AS_OF = day("2022-06-30")


def visit(person: Person, on: str, kind: str = "emergency", **more: object) -> Person:
    return person.add("encounter", kind=kind, started_on=on, ended_on=on, **more)


OPENING = visit(Person("opening"), "2021-01-01")
"""A first encounter in 2021 opens the data."""


def asked(*people: Person, task: EncounterTask = ED_VISIT) -> pd.DataFrame:
    every = encounter_cohort(together(OPENING, *people), manifest(), task).every
    return every[(every["as_of"] == AS_OF) & (every["patient_id"] != "opening")]


def answer(person: Person, task: EncounterTask = ED_VISIT) -> str:
    rows = asked(person, task=task)
    if rows.empty:
        return "not asked"
    return rows.iloc[0]["excluded_by"] or str(rows.iloc[0]["outcome"])


@pytest.mark.parametrize(
    ("on", "outcome"),
    [("2022-06-30", "0"), ("2022-07-01", "1"), ("2022-09-28", "1"), ("2022-09-29", "0")],
)
def test_the_window_begins_after_as_of_and_ends_with_day_90(on: str, outcome: str) -> None:
    assert answer(visit(Person(), on)) == outcome  # 30 June + 90 days is 28 September


def test_only_the_kinds_of_the_task_make_a_case() -> None:
    assert answer(visit(Person(), "2022-08-01", "office")) == "0"
    either = replace(ED_VISIT, encounter_kinds=("emergency", "office"))
    assert answer(visit(Person(), "2022-08-01", "office"), either) == "1"


def test_a_withdrawn_visit_is_none_and_a_moved_one_counts_where_it_went() -> None:
    withdrawn = visit(Person(), "2022-08-01", record_id="v")
    visit(withdrawn, "2022-08-01", record_id="v", known_on="2022-08-20", reversed=True)
    assert answer(withdrawn) == "0"
    moved = visit(Person(), "2022-08-01", record_id="v")
    visit(moved, "2022-11-01", record_id="v", known_on="2022-11-20")
    assert answer(moved) == "0"


def test_the_first_visit_after_the_date_decides() -> None:
    row = asked(visit(visit(Person(), "2022-08-09"), "2022-07-10")).iloc[0]
    assert (row["days_to"], row["reason"]) == (10, "emergency on day 10")


def test_who_leaves_before_a_visit_is_not_known_and_after_one_is_a_case() -> None:
    left = ("2015-01-01", "2022-08-15")
    lost = "left coverage before the outcome: not known"
    assert answer(Person(covered=left)) == lost
    assert answer(visit(Person(covered=left), "2022-08-16")) == lost
    assert answer(visit(Person(covered=left), "2022-08-15")) == "1"
    assert answer(Person(covered=("2015-01-01", "2022-09-28"))) == "0"  # to the last day


def test_death_is_no_censoring() -> None:
    dead = Person(covered=("2015-01-01", "2022-08-31"), death="2022-08-20")
    assert answer(dead) == "0"
    assert asked(dead).iloc[0]["reason"] == "died without emergency"
    assert answer(visit(dead, "2022-08-19")) == "1"


def test_who_is_asked() -> None:
    assert answer(Person(covered=("2020-01-01", "2022-06-29"))) == "not asked"
    # 180 days up to 30 June 2022 begin on 2 January
    short = "not covered on each of the 180 days up to the date"
    assert answer(Person(covered=("2022-01-03", None))) == short
    assert answer(Person(covered=("2022-01-02", None))) == "0"
    dead = Person(death="2022-06-30")
    assert answer(dead) == "dead by the date, though coverage was still on"


def test_a_task_may_ask_of_the_older_alone() -> None:
    older = replace(ED_VISIT, minimum_age=65)
    young = "younger than 65, or of unknown age"
    assert answer(Person(birth="1957-06-30"), older) == "0"  # 65 today
    assert answer(Person(birth="1957-07-01"), older) == young
    assert answer(Person(birth="1957-07-01")) == "0"


def test_the_dates_are_quarters_with_a_look_back_and_a_whole_horizon() -> None:
    cohort = encounter_cohort(together(OPENING, Person()), manifest(), ED_VISIT)
    dates = [str(pd.Timestamp(d, unit="D").date()) for d in sorted(set(cohort.every["as_of"]))]
    # the first encounter is of 1 January 2021, and 180 days begin with 2 January for 30 June;
    # 31 December 2024 − 120 days of run-out − 90 days is 4 June 2024
    assert (dates[0], dates[1], dates[-1]) == ("2021-06-30", "2021-09-30", "2024-03-31")


def test_who_stayed_stands_for_who_left() -> None:
    stayers = [Person(f"s{n}") for n in range(3)]
    leaver = Person("leaver", covered=("2015-01-01", "2022-07-31"))
    rows = asked(*stayers, leaver).set_index("patient_id")
    # besides the opening person, who stays: 5 at risk, 1 leaves, so a stayer stands for 5 / 4
    assert rows.loc["s0", "weight"] == pytest.approx(5 / 4)
    assert rows.loc["leaver", "weight"] == 0


def test_the_dead_leave_nobody_behind() -> None:
    # dead on day 10, gone on day 31: of three who were left then, one leaves
    dead = Person("dead", covered=("2015-01-01", "2022-07-31"), death="2022-07-10")
    leaver = Person("leaver", covered=("2015-01-01", "2022-07-31"))
    rows = asked(Person("s"), dead, leaver).set_index("patient_id")
    assert rows.loc["dead", "weight"] == 1
    assert rows.loc["s", "weight"] == pytest.approx(3 / 2)


def test_whom_the_task_does_not_ask_about_has_no_say_in_the_weights() -> None:
    older = replace(ED_VISIT, minimum_age=70)  # 67 and 72 are of one age band
    left = Person("left", birth="1955-01-01", covered=("2015-01-01", "2022-07-31"))
    stays = Person("stays", birth="1950-01-01")
    rows = asked(left, stays, task=older).set_index("patient_id")
    assert rows.loc["stays", "weight"] == 1
    assert asked(left, stays).set_index("patient_id").loc["stays", "weight"] > 1


def test_what_is_not_known_is_neither_a_case_nor_none() -> None:
    left = Person(covered=("2015-01-01", "2022-07-31"))
    row = asked(left).iloc[0]
    assert pd.isna(row["outcome"])
    assert row["reason"] == "left coverage before any emergency: not known"
    rows = encounter_cohort(together(OPENING, left), manifest(), ED_VISIT).rows
    assert rows["outcome"].dtype == "int64"


def test_a_visit_before_the_date_is_nobodys_next_one() -> None:
    last_of_all = visit(Person("zoe"), "2022-06-01")
    assert answer(last_of_all) == "0"


@pytest.mark.parametrize(
    ("opened", "first"), [("2021-01-02", "2021-06-30"), ("2021-01-03", "2021-09-30")]
)
def test_the_first_date_has_a_whole_look_back(opened: str, first: str) -> None:
    tables = together(visit(Person("opening"), opened))
    asked_on = encounter_cohort(tables, manifest(), ED_VISIT).every["as_of"]
    assert asked_on.min() == day(first)  # 2 January and 179 days is 30 June


@pytest.mark.parametrize(
    ("through", "last"), [("2024-10-27", "2024-03-31"), ("2024-10-26", "2023-12-31")]
)
def test_the_last_date_has_a_whole_horizon_and_its_run_out(through: str, last: str) -> None:
    asked_on = encounter_cohort(together(OPENING), manifest(data_through=through), ED_VISIT).every
    assert asked_on["as_of"].max() == day(last)  # 31 March + 90 + 120 days is 27 October


def test_the_attrition_counts_rows_people_and_cases() -> None:
    case = visit(Person(), "2022-08-01")
    young = Person("young", birth="2021-07-01")
    told = encounter_cohort(together(OPENING, case, young), manifest(), ED_VISIT).attrition
    assert told["rule"].tolist() == [
        "members covered on an as-of date",
        "dead by the date, though coverage was still on",
        "not covered on each of the 180 days up to the date",
        "left coverage before the outcome: not known",
    ]
    assert told["people_left"].tolist() == [3, 3, 3, 3]
    assert told["outcomes_left"].tolist()[1:] == [1, 1, 1]
    grown = replace(ED_VISIT, minimum_age=1)
    told = encounter_cohort(together(OPENING, case, young), manifest(), grown).attrition
    assert told["rule"].tolist()[2] == "younger than 1, or of unknown age"
    assert told["rows_removed"].tolist()[2] == 5  # of quarters until 30 June 2022


def test_a_source_without_such_encounters_is_refused() -> None:
    nobody = replace(ED_VISIT, encounter_kinds=("hospice",))
    with pytest.raises(RefusalError, match="no encounter of the kinds hospice in the data"):
        encounter_cohort(together(OPENING), manifest(), nobody)


def test_encounters_of_nobody_with_a_member_row_are_nobodys() -> None:
    stranger = visit(Person("stranger"), "2022-08-01")
    stranger.rows["member"].clear()
    nobodys = visit(Person("opening"), "2021-01-01", "office")  # opens the data, and is no case
    made = encounter_cohort(together(nobodys, stranger, Person()), manifest(), ED_VISIT)
    assert set(made.every["patient_id"]) == {"anna", "opening"}
    assert made.rows["outcome"].sum() == 0


def test_too_short_data_are_refused() -> None:
    with pytest.raises(RefusalError, match="needs more months"):
        encounter_cohort(together(OPENING), manifest(data_through="2021-08-01"), ED_VISIT)
