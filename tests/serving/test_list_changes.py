"""Who is new, changed or gone since the list before, and why."""

from datetime import date

import pandas as pd
import pytest

from serving.list_changes import Before, changes
from serving.worklist import BEYOND_CAPACITY, NO_RISK

TODAY = date(2025, 1, 5)
LAST_WEEK, YESTERDAY = date(2024, 12, 29), date(2025, 1, 4)
DISCHARGED, COSTLY = "recently discharged", "high cost"


def places(*told):
    """(patient, tier, queue, manager)."""
    columns = ["patient_id", "tier", "queue", "manager"]
    return pd.DataFrame(told, columns=columns).assign(rank=range(1, len(told) + 1))


def before(**people):
    """(manager, tier, queue, discharged_on, left_out, readmission_tier, high_cost_tier) each."""
    columns = ["manager", "tier", "queue", "discharged_on", "left_out", "readmission_tier",
               "high_cost_tier"]  # fmt: skip
    rows = pd.DataFrame.from_dict(people, "index", columns=columns, dtype=object)
    return Before(rows)


def left_out(**reasons):
    return pd.DataFrame(list(reasons.items()), columns=["patient_id", "reason"])


def made(entries, out, discharged, was):
    found = changes(entries, out, discharged, was, TODAY)
    told = found.entries.set_index("patient_id")[["change", "change_why"]]
    return {p: tuple(row) for p, row in zip(told.index, told.to_numpy(), strict=True)}, found.gone


LISTED = (1, "high", COSTLY, None, None, None, "high")
NOT = (None, None, None)


@pytest.mark.parametrize(("was", "now", "discharged", "change", "why"), [
    # the same place says nothing, whatever its rank
    (LISTED, ("high", COSTLY, 1), None, None, None),
    ((1, "high", DISCHARGED, LAST_WEEK, None, "high", "low"), ("high", DISCHARGED, 1), LAST_WEEK,
     None, None),
    (LISTED, ("moderate", COSTLY, 1), None, "changed", "moderate tier, high before"),
    (LISTED, ("high", COSTLY, 2), None, "changed", "with case manager 1 before"),
    (LISTED, ("high", DISCHARGED, 2), YESTERDAY, "changed", "discharged on 4 January; now by "
     "recently discharged; with case manager 1 before"),
    ((1, "high", DISCHARGED, LAST_WEEK, None, "high", None), ("high", DISCHARGED, 1), YESTERDAY,
     "changed", "discharged on 4 January"),  # again
    # new
    ((*NOT, None, BEYOND_CAPACITY, None, "low"), ("moderate", COSTLY, 1), None, "new",
     "moderate tier, low before"),
    ((*NOT, None, BEYOND_CAPACITY, None, "low"), ("high", DISCHARGED, 1), YESTERDAY, "new",
     "discharged on 4 January"),
    ((*NOT, None, "in hospital now", None, "high"), ("high", COSTLY, 1), None, "new",
     "left out until now: in hospital now"),
    ((*NOT, None, "deferred to a later day", None, "high"), ("high", COSTLY, 1), None, "new",
     "left out until now: deferred to a later day"),
    ((*NOT, None, NO_RISK, None, None), ("low", COSTLY, 1), None, "new",
     "had no risk on the last list"),
    ((*NOT, None, BEYOND_CAPACITY, None, "high"), ("high", COSTLY, 1), None, "new",
     "there is a place now"),
    (None, ("high", COSTLY, 1), None, "new", "was not on the last list"),
])  # fmt: skip
def test_what_changed_and_why(was, now, discharged, change, why):
    people = {} if was is None else {"p": was}
    found, gone = made(
        places(("p", *now)), left_out(), {"p": discharged} if discharged else {}, before(**people)
    )
    assert found == {"p": (change, why)}
    assert gone.empty


def test_who_is_gone_is_told_with_whose_he_was_and_why():
    was = before(a=LISTED, b=(2, *LISTED[1:]), c=LISTED, d=(*NOT, None, "died", None, "low"))
    out = left_out(b="in hospital now", c=BEYOND_CAPACITY, d="died")
    found, gone = made(places(("a", "high", COSTLY, 1)), out, {}, was)
    assert found == {"a": (None, None)}
    assert gone.to_dict("records") == [
        {"patient_id": "b", "manager": 2, "why": "in hospital now"},
        {"patient_id": "c", "manager": 1, "why": BEYOND_CAPACITY},
    ]
    _, gone = made(places(), left_out(), {}, before(a=LISTED))
    assert gone["why"].tolist() == ["not among those who are scored"]


def test_on_the_first_list_of_all_nobody_is_new():
    found, gone = made(places(("a", "high", COSTLY, 1)), left_out(), {"a": YESTERDAY}, None)
    assert found == {"a": (None, None)}
    assert gone.empty
