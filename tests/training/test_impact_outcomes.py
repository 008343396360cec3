"""The outcome of each queue, from final facts: which admissions count, and until when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.small import Person, manifest, together
from tests.training.test_impact import group
from training.effects.impact import (
    DRAWN_IN,
)
from training.effects.impact_outcomes import (
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
    assert asked(home_since(None), "2024-05-29")["before"] == 1  # 1 March is day 89 before
    assert asked(home_since(None), "2024-05-30")["before"] == 0
    new = home_since(None, covered=("2024-01-01", None))
    assert np.isnan(asked(new, "2024-03-29")["before"])  # 90 days begin on 31 December
    assert asked(new, "2024-03-30")["before"] == 1


def test_of_the_recently_discharged_there_is_no_before_that_would_be_their_own_stay():
    # the first stay ever, and on the list on the day that it ended
    assert np.isnan(asked(home_since(None), "2024-03-05", "2024-03-05")["before"])
    assert np.isnan(asked(home_since(None), "2024-03-10", "2024-03-05")["before"])
    assert asked(home_since(None), "2024-03-10")["before"] == 1


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


def covered_to(last: str, returned: str | None, **about) -> Person:
    return home_since(returned, covered=("2015-01-01", last), **about)


@pytest.mark.parametrize(
    ("last", "returned", "outcome"),
    [  # 10 March + 90 is 8 June
        ("2024-06-08", None, 0), ("2024-06-07", None, None),
        ("2024-05-29", "2024-03-16", 1), ("2024-03-16", "2024-03-16", 1),
        ("2024-03-15", "2024-03-16", None), ("2024-05-29", "2024-06-01", None),
    ],
)  # fmt: skip
def test_what_came_by_the_day_of_leaving_coverage_is_known_and_what_did_not_is_not(
    last, returned, outcome
):
    told = asked(covered_to(last, returned), "2024-03-10")
    assert told["not_known"] == ("" if outcome is not None else LEFT)
    assert told["outcome"] == outcome if outcome is not None else np.isnan(told["outcome"])


@pytest.mark.parametrize(
    ("last", "returned", "outcome"),
    [  # 5 March + 30 is 4 April
        ("2024-04-04", None, 0), ("2024-04-03", None, None),
        ("2024-04-01", "2024-03-16", 1), ("2024-03-16", "2024-03-16", 1),
        ("2024-03-15", "2024-03-16", None),
    ],
)  # fmt: skip
def test_of_the_recently_discharged_as_well(last, returned, outcome):
    told = asked(covered_to(last, returned), "2024-03-10", "2024-03-05")
    assert told["not_known"] == ("" if outcome is not None else LEFT)
    assert told["outcome"] == outcome if outcome is not None else np.isnan(told["outcome"])


def test_a_planned_readmission_before_leaving_has_decided_that_there_is_none():
    planned = covered_to("2024-04-01", "2024-03-16", procedures=("30233G0",))
    assert asked(planned, "2024-03-10", "2024-03-05")["outcome"] == 0
    assert why(asked(planned, "2024-03-10")) == LEFT  # within 90 days another could have come


def test_where_coverage_is_not_told_nobody_leaves_and_whoever_dies_has_an_outcome():
    leaves = covered_to("2024-03-15", "2024-04-01")
    carries = [feed for feed in manifest()["carries"] if feed != "coverage"]
    assert asked(leaves, "2024-03-10", carries=carries)["outcome"] == 1
    dies = covered_to("2024-04-30", None, death="2024-05-02")
    assert asked(dies, "2024-03-10")["outcome"] == 0


def test_a_person_of_whom_nothing_is_left_has_no_outcome():
    allocations, _ = group("gone", DRAWN_IN, 2, 0)
    told = outcomes(together(home_since(None)), manifest(), allocations)
    assert list(told["not_known"]) == [NOT_FOUND] * 2
    assert told["before"].isna().all()
