"""The outcome of each queue, from final facts: which admissions count, and until when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.small import Person, manifest, together
from tests.training.test_impact import group
from training.impact import (
    DRAWN_IN,
)
from training.impact_outcomes import (
    DISCHARGED,
    HIGH_COST,
    LEFT,
    NOT_AHEAD,
    NOT_FOUND,
    NOT_OVER,
    outcomes,
)

NIGHT = pd.Timestamp("2024-03-01")


def asked(person: Person, as_of: str, discharged: str | None = None, **changes) -> dict:
    allocations = pd.DataFrame(
        {
            "run_id": ["r1"], "patient_id": [person.patient], "as_of": [pd.Timestamp(as_of)],
            "queue": [DISCHARGED if discharged else HIGH_COST],
            "discharged_on": [pd.Timestamp(discharged) if discharged else pd.NaT],
        }
    )  # fmt: skip
    bystander = Person("bert").stay("z", "2023-01-01", "2023-01-02")
    made = outcomes(together(person, bystander), manifest(**changes), allocations)
    return made.iloc[0].to_dict()


def home_since(returned: str | None, **about) -> Person:
    """Discharged on 5 March 2024 from a first stay, and back in hospital on a day."""
    person = Person(**{k: about.pop(k) for k in ("covered", "death") if k in about})
    person.stay("a", "2024-03-01", "2024-03-05")
    if returned:
        person.stay("b", returned, "2024-12-01", **about)
    return person


@pytest.mark.parametrize(
    ("returned", "outcome"),
    [("2024-03-11", 1), ("2024-04-04", 1), ("2024-04-05", 0), (None, 0)],
)
def test_a_readmission_counts_until_30_days_after_the_discharge(returned, outcome):
    told = asked(home_since(returned), "2024-03-10", "2024-03-05")
    assert told["outcome"] == outcome
    assert told["until"] == pd.Timestamp("2024-04-04")  # 5 March + 30
    assert told["not_known"] == ""


@pytest.mark.parametrize(
    ("returned", "outcome"),
    [("2024-03-11", 1), ("2024-06-08", 1), ("2024-06-09", 0), (None, 0)],
)
def test_an_admission_counts_until_90_days_after_the_list(returned, outcome):
    told = asked(home_since(returned), "2024-03-10")  # 10 March + 90 is 8 June
    assert told["outcome"] == outcome
    assert told["until"] == pd.Timestamp("2024-06-08")


def test_a_planned_admission_is_no_outcome_and_one_by_transfer_is_no_second():
    planned = home_since("2024-03-20", procedures=("30233G0",))  # stem cells: always planned
    assert asked(planned, "2024-03-10", "2024-03-05")["outcome"] == 0
    assert asked(planned, "2024-03-10")["outcome"] == 0
    moved = Person().stay("a", "2024-03-01", "2024-03-11", disposition="acute_transfer")
    moved.stay("b", "2024-03-11", "2024-03-20", facility="south")
    assert asked(moved, "2024-03-10")["outcome"] == 0


def test_before_is_as_many_days_up_to_the_list():
    # 30 days after 5 March are 25 after 10 March; the 25 up to it begin on 15 February
    assert asked(home_since(None), "2024-03-10", "2024-03-05")["before"] == 1
    assert asked(home_since(None), "2024-05-29")["before"] == 1  # 1 March is day 89 before
    assert asked(home_since(None), "2024-05-30")["before"] == 0
    new = home_since(None, covered=("2024-01-01", None))
    assert np.isnan(asked(new, "2024-03-29")["before"])  # 90 days begin on 31 December
    assert asked(new, "2024-03-30")["before"] == 1


def why(told: dict) -> str:
    assert np.isnan(told["outcome"])
    return told["not_known"]


def test_what_is_not_known_says_why():
    anna = home_since("2024-03-08")
    assert why(asked(anna, "2024-03-10", "2024-03-05")) == NOT_AHEAD
    assert why(asked(anna, "2024-03-07", "2024-03-06")) == NOT_FOUND
    dead = home_since(None, death="2024-03-09")
    assert why(asked(dead, "2024-03-10", "2024-03-05")) == NOT_AHEAD
    assert why(asked(dead, "2024-03-10")) == NOT_AHEAD
    # known until 2 September, 120 days before the end of the year: 4 June + 90
    assert asked(home_since(None), "2024-06-04")["outcome"] == 0
    assert why(asked(home_since(None), "2024-06-05")) == NOT_OVER
    assert why(asked(home_since(None), "2024-03-10", data_through="2024-06-30")) == NOT_OVER


def test_whoever_leaves_coverage_has_no_outcome_and_whoever_dies_has():
    # 10 March + 90 is 8 June
    stays = home_since(None, covered=("2015-01-01", "2024-06-08"))
    assert asked(stays, "2024-03-10")["outcome"] == 0
    leaves = home_since("2024-04-01", covered=("2015-01-01", "2024-06-07"))
    assert why(asked(leaves, "2024-03-10")) == LEFT
    carries = [feed for feed in manifest()["carries"] if feed != "coverage"]
    assert asked(leaves, "2024-03-10", carries=carries)["outcome"] == 1
    dies = home_since(None, covered=("2015-01-01", "2024-04-30"), death="2024-05-02")
    assert asked(dies, "2024-03-10")["outcome"] == 0


def test_a_person_of_whom_nothing_is_left_has_no_outcome():
    allocations, _ = group("gone", DRAWN_IN, 2, 0)
    told = outcomes(together(home_since(None)), manifest(), allocations)
    assert list(told["not_known"]) == [NOT_FOUND] * 2
    assert told["before"].isna().all()
