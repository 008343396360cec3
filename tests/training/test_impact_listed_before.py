"""Whoever was called before he was drawn for is in neither group, and the effect is found again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.outreach_clock import OutreachClock
from serving.worklist import Capacity, Knowledge, worklist
from training.effects.impact import BY_RANK, DRAWN_IN, DRAWN_OUT, ImpactSettings, OfQueue, impact
from training.effects.impact_outcomes import DISCHARGED, HIGH_COST

STAYED = "2024-03-05"


def one_of(queue: str, drawn_on: str, *earlier: dict[str, Any], drawn: str = DRAWN_OUT) -> OfQueue:
    """One person who is drawn for on a day, after (or, by ``published``, before) other lists."""
    first = {"as_of": drawn_on, "queue": queue, "allocation": drawn, "listed": drawn == DRAWN_IN,
             "discharged_on": STAYED if queue == DISCHARGED else None, "published": 5}  # fmt: skip
    lists = [first] + [
        {"queue": queue, "allocation": BY_RANK, "listed": True, "published": n,
         "discharged_on": first["discharged_on"]} | one
        for n, one in enumerate(earlier)
    ]  # fmt: skip
    rows = pd.DataFrame(lists).sort_values("published", ignore_index=True)
    rows = rows.assign(
        patient_id="anna", risk=0.3, run_id=[f"r{n}" for n in rows["published"]],
        as_of=pd.to_datetime(rows["as_of"]), newest_as_of=pd.to_datetime(rows["as_of"]),
        discharged_on=pd.to_datetime(rows["discharged_on"]),
    )  # fmt: skip
    known = rows[["run_id", "patient_id"]].assign(
        until=rows["as_of"] + pd.Timedelta(days=30), outcome=0.0, before=np.nan, not_known=""
    )
    [made] = [told for told in impact(rows, known).queues if told.queue == queue]
    return made


@pytest.mark.parametrize(
    ("queue", "drawn_on", "earlier", "left_out"),
    [
        (DISCHARGED, "2024-03-10", [], False),
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-03-07"}], True),
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-03-05", "queue": HIGH_COST}], True),
        # as one of an earlier discharge, and of a day before this one
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-02-20", "discharged_on": "2024-02-10"}], False),
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-03-04", "queue": HIGH_COST}], False),
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-03-11", "published": 6}], False),
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-03-10"}], True),  # made anew on that day
        (DISCHARGED, "2024-03-10", [{"as_of": "2024-03-10", "published": 6}], False),
        (HIGH_COST, "2024-11-10", [{"as_of": "2024-01-01"}], True),
        (HIGH_COST, "2024-11-10", [{"as_of": "2023-12-31"}], False),
        (HIGH_COST, "2024-11-10", [{"as_of": "2023-12-31"}, {"as_of": "2024-11-09"}], True),
    ],
)  # fmt: skip
def test_who_was_listed_earlier_in_the_episode_is_left_out_drawn_or_not(
    queue, drawn_on, earlier, left_out
):
    out = one_of(queue, drawn_on, *earlier)
    assert (out.not_drawn.people, out.listed_before) == ((0, (0, 1)) if left_out else (1, (0, 0)))
    drawn = one_of(queue, drawn_on, *earlier, drawn=DRAWN_IN)
    assert (drawn.drawn.people, drawn.listed_before) == ((0, (1, 0)) if left_out else (1, (0, 0)))


def test_a_night_on_which_he_was_drawn_out_is_no_earlier_list():
    again = {"as_of": "2024-03-07", "allocation": DRAWN_OUT, "listed": False}
    made = one_of(DISCHARGED, "2024-03-10", again)
    assert (made.not_drawn.people, made.listed_before) == (1, (0, 0))


# --- many nights, through the list itself --------------------------------------------------------

NIGHTS, A_NIGHT = 40, 14
CAPACITY = Capacity(managers=2, slots=20, randomised_share=0.2)
BEGAN = date(2024, 1, 10)
TOO_LATE = Knowledge(OutreachClock(missed_after_days=1), worked_on=date(2024, 12, 31))
"""So that the list goes by risk: by when calls are due, hardly anybody is reached by the draw after
he was listed."""


def nights() -> tuple[pd.DataFrame, pd.DataFrame]:
    """(allocations, outcomes): each night some are discharged and stay among those who may be
    called for 10 days; whoever comes later may stand above who was there. Everybody comes back who
    was never on a list, and nobody who was."""
    rng = np.random.default_rng(11)
    there = pd.DataFrame({"patient_id": [f"p{n}" for n in range(NIGHTS * A_NIGHT)]})
    there["discharged_on"] = [BEGAN + timedelta(n // A_NIGHT) for n in range(len(there))]
    there["readmission_margin"] = rng.normal(0, 1, len(there))
    there = there.assign(excluded="", readmission_tier="moderate",
                         high_cost_margin=np.nan, high_cost_tier=None)  # fmt: skip
    lists = []
    for night in range(NIGHTS):
        as_of = BEGAN + timedelta(night)
        ago = [(as_of - day).days for day in there["discharged_on"]]
        scores = there[[0 <= n <= 10 for n in ago]]
        made = worklist(scores, CAPACITY, as_of, TOO_LATE)
        drawn = made.allocations.set_index("patient_id")["allocation"]
        listed = scores["patient_id"].isin(made.entries["patient_id"])
        rows = scores[listed | scores["patient_id"].isin(drawn.index)]
        lists.append(
            pd.DataFrame(
                {
                    "run_id": f"r{night:03}", "as_of": as_of, "newest_as_of": as_of,
                    "patient_id": rows["patient_id"], "queue": DISCHARGED,
                    "allocation": [drawn.get(one, BY_RANK) for one in rows["patient_id"]],
                    "listed": listed[rows.index], "discharged_on": rows["discharged_on"],
                    "risk": 0.3,
                }
            )
        )  # fmt: skip
    allocations = pd.concat(lists, ignore_index=True)
    for name in ("as_of", "newest_as_of", "discharged_on"):
        allocations[name] = pd.to_datetime(allocations[name])
    called = set(allocations.loc[allocations["listed"], "patient_id"])
    outcomes = allocations[["run_id", "patient_id"]].assign(
        until=allocations["discharged_on"] + pd.Timedelta(days=30),
        outcome=(~allocations["patient_id"].isin(called)).astype(float),
        before=np.nan, not_known="",
    )  # fmt: skip
    return allocations, outcomes


def test_over_many_nights_nobody_counts_who_was_called_before_his_coin():
    allocations, outcomes = nights()
    [made] = impact(allocations, outcomes, ImpactSettings(fewest=20)).queues
    # the same, one person at a time
    counted, left_out = {DRAWN_IN: 0, DRAWN_OUT: 0}, {DRAWN_IN: 0, DRAWN_OUT: 0}
    for _, his in allocations.groupby("patient_id"):
        his = his.sort_values("as_of").to_dict("records")
        reached = [n for n, row in enumerate(his) if row["allocation"] != BY_RANK]
        if reached:
            before = any(row["listed"] for row in his[: reached[0]])
            (left_out if before else counted)[his[reached[0]]["allocation"]] += 1
    assert made.drawn.people == counted[DRAWN_IN] > 20
    assert made.not_drawn.people == counted[DRAWN_OUT] > 20
    assert made.listed_before == (left_out[DRAWN_IN], left_out[DRAWN_OUT])
    assert min(made.listed_before) > 10
    # a call always helps here: who was not drawn comes back, but for who was called after it
    assert made.drawn.cases == 0
    assert made.not_drawn.cases == made.not_drawn.people - made.listed_later
    assert made.estimate is not None
    assert made.estimate.difference.value == 1 - made.listed_later / made.not_drawn.people
