"""Encounters without an amount are missing, not zero: counted, reported, never priced at 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.small import Person, day, manifest, together
from training.cohorts.capitation import unpriced_encounters
from training.cohorts.high_cost import high_cost_cohort
from training.settings.tasks import HIGH_COST

THROUGH = day("2024-12-31")
AS_OF = day("2022-06-30")


def visit(person: Person, name: str, on: str, dollars: float | None, kind="office", **cost):
    person.add("encounter", record_id=name, kind=kind, started_on=on, ended_on=on)
    if dollars is not None:
        person.cost(on, dollars, encounter_id=name, **cost)
    return person


def judged(person: Person, until: str = "2024-12-31"):
    return unpriced_encounters(together(person), THROUGH, day(until), pd.Index(["anna"]))


@pytest.mark.parametrize(
    ("dollars", "more", "lacking"),
    [
        (80, {}, 0),
        (0, {}, 0),  # an amount of 0 is an amount
        (None, {}, 1),
        (80, {"reversed": True}, 1),  # a withdrawn amount is none
    ],
)
def test_an_encounter_lacks_an_amount_where_no_final_one_names_it(dollars, more, lacking):
    person = visit(Person(), "priced", "2022-01-01", 10)
    found = judged(visit(person, "v", "2022-08-01", dollars, **more))
    assert found.kinds["without_amount"].tolist() == [lacking]
    assert found.kinds["encounters"].tolist() == [2]
    assert f"{lacking} of 2 encounters have no amount" in found.remark()


def test_what_is_not_care_or_not_complete_yet_is_not_looked_at():
    person = visit(Person(), "priced", "2022-01-01", 10)
    visit(person, "missed", "2022-08-01", None, kind="missed_appointment")
    visit(person, "young", "2022-09-02", None)
    assert judged(person, "2022-09-01").kinds["encounters"].tolist() == [1]
    assert judged(person, "2022-09-02").kinds["without_amount"].tolist() == [1]


def test_a_kind_that_no_amount_ever_names_is_not_judged():
    person = visit(Person(), "priced", "2022-01-01", 10)
    visit(person, "a", "2022-08-01", None, kind="emergency")
    found = judged(person).kinds.set_index("kind")
    assert found["judged"].to_dict() == {"emergency": False, "office": True}
    assert (
        "no amount names an encounter of kind emergency: not evaluable" in judged(person).remark()
    )


def test_where_amounts_name_no_encounters_nobody_can_tell():
    person = visit(Person(), "v", "2022-08-01", None).cost("2022-08-01", 80)
    person.cost("2022-08-01", 5, covers="claim").add(
        "cost", happened_on="2022-08-02", kind="pharmacy", covers="claim", allowed_cents=3
    )
    found = judged(person)
    assert found.counts is None
    assert found.remark().endswith("not evaluable, no amount names its encounter")
    assert found.amounts_without_encounter == 2, "drugs belong to no encounter"


def rows(task=HIGH_COST, **about) -> pd.DataFrame:
    opening = Person("opening", birth="1950-01-01").cost("2021-01-01", 1)
    anna = visit(Person(), "priced", "2022-07-15", 900)
    visit(anna, "capitated", "2023-06-30", None)
    bert = visit(Person("bert"), "b", "2022-07-15", 2000)
    visit(bert, "b2", "2022-08-15", None)
    made = high_cost_cohort(together(opening, anna, bert), manifest(**about), task, 1_000_00)
    return made.every[made.every["as_of"] == AS_OF].set_index("patient_id")


def test_by_default_the_amount_is_a_lower_bound():
    made = rows()
    assert made.loc["anna", "unpriced_encounters"] == 1, "the last day of the window is in it"
    assert (made.loc["anna", "outcome"], made.loc["anna", "excluded_by"]) == (0, "")
    assert made.loc["opening", "unpriced_encounters"] == 0


def test_such_rows_can_be_left_out_cases_and_others_alike():
    made = rows(replace(HIGH_COST, unpriced="exclude"))
    why = "an encounter of the outcome window has no amount"
    assert made["excluded_by"].to_dict() == {"anna": why, "bert": why, "opening": ""}
    # neither the threshold nor the weights nor expected cost learn from them
    assert made["eligible"].to_dict() == {"anna": False, "bert": False, "opening": True}
    assert rows()["eligible"].all()


def test_leaving_out_is_not_evaluable_where_nobody_can_tell():
    person = Person().cost("2021-01-01", 1).cost("2022-08-01", 2)
    person.add("encounter", kind="office", started_on="2022-08-01", ended_on="2022-08-01")
    task = replace(HIGH_COST, unpriced="exclude")
    cohort = high_cost_cohort(together(person), manifest(), task, 1_000_00)
    line = cohort.attrition.set_index("rule").loc[
        "an encounter of the outcome window has no amount"
    ]
    assert not line["evaluable"]
    assert np.isnan(cohort.rows["unpriced_encounters"]).all()
