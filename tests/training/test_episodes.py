"""Which stays are one episode, which admission decides, and death beside it, for cms_hwr."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.training.readmission_answers import cohort, verdicts
from tests.training.small import Person, day
from training.cohorts.cohort import Cohort

# --- episodes -----------------------------------------------------------------------------------

JOINING = [
    # the second stay begins                         hospital  diagnosis  joins as
    ("the day of discharge, another hospital", "2022-03-05", "south", "J189", "transfer"),
    ("the day after, another hospital", "2022-03-06", "south", "J189", "transfer"),
    ("two days after, another hospital", "2022-03-07", "south", "J189", ""),
    ("the same day, same hospital, same thing", "2022-03-05", "north", "I509", "same_day_return"),
    ("the same day, same hospital, other thing", "2022-03-05", "north", "J189", ""),
    ("the day after, same hospital, same thing", "2022-03-06", "north", "I509", ""),
    ("before the discharge, same hospital", "2022-03-03", "north", "J189", "overlap"),
    ("the same day, hospital unknown, same thing", "2022-03-05", None, "I509", "same_day_return"),
    ("the day after, hospital unknown", "2022-03-06", None, "I509", ""),
]


@pytest.mark.parametrize(("case", "begins", "hospital", "thing", "joined"), JOINING,
                         ids=[row[0] for row in JOINING])  # fmt: skip
def test_stays_join_into_episodes(case, begins, hospital, thing, joined):
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", begins, "2022-03-20", facility=hospital, diagnosis=thing)
    made = cohort(anna)
    assert made.of_stays.stays["joined_by"].tolist() == ["", joined]
    assert made.of_stays.stays["episode"].tolist() == ([0, 0] if joined else [0, 1])
    every = made.every
    assert len(every) == (1 if joined else 2)
    if joined:
        only = every.iloc[0]
        assert only["encounter_id"] == "b", "the outcome belongs to the last hospital"
        assert only["admitted_on"] == day("2022-03-01")
        assert only["discharged_on"] == day("2022-03-20")
        assert only["stays"] == 2


def test_a_transfer_disposition_joins_where_the_hospital_is_not_named():
    anna = Person().stay("a", "2022-03-01", "2022-03-05", facility=None,
                         disposition="acute_transfer")  # fmt: skip
    anna.stay("b", "2022-03-06", "2022-03-20", facility=None, diagnosis="J189")
    assert verdicts(cohort(anna)) == {"b": "0"}


def test_a_short_stay_within_a_long_one_leaves_the_long_ones_discharge():
    anna = Person().stay("a", "2022-03-01", "2022-03-20").stay("b", "2022-03-03", "2022-03-05")
    anna.stay("c", "2022-03-25", "2022-03-27")
    assert verdicts(cohort(anna)) == {"a": "1", "c": "0"}


def test_a_lost_discharge_does_not_swallow_later_stays():
    anna = Person().stay("a", "2022-03-01", None).stay("b", "2022-05-01", "2022-05-03")
    assert verdicts(cohort(anna)) == {
        "a": "not discharged as far as the data tell", "b": "0",
    }  # fmt: skip


def test_a_stay_of_somebody_else_neither_joins_nor_counts():
    anna = Person("anna").stay("a", "2022-03-01", "2022-03-05")
    bert = Person("bert").stay("b", "2022-03-05", "2022-03-08")
    carl = Person("carl").stay("c", "2022-03-09", "2022-03-12", facility="south")
    assert verdicts(cohort(anna, bert, carl)) == {"a": "0", "b": "0", "c": "0"}


def test_an_episode_that_holds_an_open_stay_has_no_discharge():
    anna = Person().stay("a", "2022-03-01", None)
    anna.stay("b", "2022-03-02", "2022-03-05", facility="south")
    assert verdicts(cohort(anna)) == {"b": "not discharged as far as the data tell"}


# --- the first acute admission decides -----------------------------------------------------------

HIP, TRANSPLANT = "0SR9019", "0TY00Z0"
DECIDING = [
    # the next stay: diagnosis, procedures                                  outcome, rule
    ("pneumonia", "J189", (), "1", "unplanned"),
    ("osteoarthritis, hip replaced", "M1611", (HIP,), "0",
     "potentially planned procedure, diagnosis not acute"),
    ("pneumonia, hip replaced", "J189", (HIP,), "1", "unplanned"),
    ("kidney transplanted, in pneumonia even", "J189", (TRANSPLANT,), "0",
     "always planned procedure"),
    ("chemotherapy", "Z5111", (), "0", "always planned diagnosis"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "thing", "done", "outcome", "rule"), DECIDING,
                         ids=[row[0] for row in DECIDING])  # fmt: skip
def test_planned_admissions_are_negative(case, thing, done, outcome, rule):
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-15", "2022-03-20", diagnosis=thing, procedures=done)
    every = cohort(anna).every.set_index("encounter_id")
    assert str(every.loc["a", "outcome"]) == outcome
    assert every.loc["a", "next_rule"] == rule


def test_a_planned_admission_blocks_the_unplanned_one_after_it():
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-10", "2022-03-12", diagnosis="Z5111")
    anna.stay("c", "2022-03-20", "2022-03-22")
    assert verdicts(cohort(anna))["a"] == "0"


def test_a_rehabilitation_stay_is_looked_past_and_other_ccs_254_blocks():
    for thing, outcome in (("Z5189", "1"), ("Z440", "0")):
        anna = Person().stay("a", "2022-03-01", "2022-03-05")
        anna.stay("b", "2022-03-08", "2022-03-10", diagnosis=thing)
        anna.stay("c", "2022-03-20", "2022-03-22")
        found = verdicts(cohort(anna))["a"]
        assert found == outcome, thing


def test_whoever_is_moved_from_a_rehabilitation_bed_to_another_hospital_is_readmitted():
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-08", "2022-03-12", diagnosis="Z5189")
    anna.stay("c", "2022-03-13", "2022-03-20", facility="south", diagnosis="J189")
    every = cohort(anna).every.set_index("encounter_id")
    assert every.loc["c", "stays"] == 2, "they are one episode"
    assert every.loc["a", ["outcome", "days_to_next", "next_encounter_id"]].tolist() == [1, 8, "c"]


@pytest.mark.parametrize(
    ("sent", "returns", "outcome"),
    [("psychiatric", "2022-03-06", "0"), ("home", "2022-03-06", "1"),
     ("psychiatric", "2022-03-07", "1")],
)  # fmt: skip
def test_a_psychiatric_stay_is_skipped_only_at_once_after_discharge_to_psychiatry(
    sent, returns, outcome
):
    anna = Person().stay("a", "2022-03-01", "2022-03-05", disposition=sent)
    anna.stay("b", returns, "2022-03-20", diagnosis="F329")
    assert verdicts(cohort(anna))["a"] == outcome


@pytest.mark.parametrize("kind", ["psychiatric_inpatient", "rehabilitation_inpatient",
                                  "observation", "skilled_nursing", "emergency"])  # fmt: skip
def test_other_settings_neither_count_nor_block(kind):
    anna = Person().stay("a", "2022-03-01", "2022-03-05")
    anna.stay("b", "2022-03-10", "2022-03-12", kind=kind)
    assert verdicts(cohort(anna)) == {"a": "0"}
    anna.stay("c", "2022-03-20", "2022-03-22")
    assert verdicts(cohort(anna)) == {"a": "1", "c": "0"}


def answers(made: Cohort, encounter: str = "a") -> list:
    row = made.rows.set_index("encounter_id").loc[encounter]
    return [row[name] for name in ("outcome", "died_within", "death_or_readmission", "reason")]


COMPANION = [
    # death          next stay, its diagnosis              readm. died  either  reason
    ("2022-03-20", None, (0, True, 1, "died on day 15, not readmitted")),
    ("2022-04-04", None, (0, True, 1, "died on day 30, not readmitted")),
    ("2022-04-05", None, (0, False, 0, "no acute admission in 30 days")),
    (None, None, (0, False, 0, "no acute admission in 30 days")),
    (None, ("2022-03-15", "2022-03-20", "J189"),
     (1, False, 1, "unplanned acute admission on day 10")),
    ("2022-03-20", ("2022-03-15", "2022-03-20", "J189"),
     (1, False, 1, "unplanned acute admission on day 10")),
    ("2022-03-20", ("2022-03-15", "2022-03-17", "Z5111"),
     (0, True, 1, "planned admission on day 10 (always planned diagnosis) decides; "
                  "died on day 15")),
    (None, ("2022-03-15", "2022-03-17", "Z5111"),
     (0, False, 0, "planned admission on day 10 (always planned diagnosis) decides")),
]  # fmt: skip


@pytest.mark.parametrize(("death", "back", "expected"), COMPANION)
def test_death_without_readmission_is_negative_and_told_apart(death, back, expected):
    anna = Person(death=death).stay("a", "2022-03-01", "2022-03-05")
    if back:
        anna.stay("b", back[0], back[1], diagnosis=back[2])
    assert answers(cohort(anna)) == list(expected)


def test_whoever_dies_on_the_day_of_discharge_is_told_as_dead_and_does_not_count():
    only = cohort(Person(death="2022-03-05").stay("a", "2022-03-01", "2022-03-05")).every.iloc[0]
    assert only["excluded_by"] == "died in hospital"
    assert only[["outcome", "died_within", "death_or_readmission"]].tolist() == [0, True, 1]
    assert only["reason"] == "died on day 0, not readmitted"


def test_the_companion_outcome_is_censored_as_the_outcome_is():
    anna = Person(death="2022-03-20").stay("a", "2022-03-01", "2022-03-05")
    for through, known in (("2022-08-02", True), ("2022-08-01", False)):
        row = cohort(anna, data_through=through).every.iloc[0]
        for name in ("outcome", "death_or_readmission", "died_within"):
            assert pd.notna(row[name]) == known, (through, name)
