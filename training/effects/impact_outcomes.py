"""What happened after each allocation of a list, as far as it is known by now.

- Recently discharged: an unplanned readmission by the task's own definition
  (`training.cohorts.outcome`), on a day after the list and within 30 days of the discharge.
- High cost: an unplanned acute admission within 90 days after the list. The task's label (a year
  among the costliest) is known a year and a run-out later, and a call can change an admission
  sooner than a year's cost.

Beside the latter stands the same before: an unplanned acute admission in as many days up to the
list. Of the recently discharged there is none: each of them was in hospital just before, and would
fall back from that by construction.

Final facts tell. Whose days are not over has no outcome, whatever he had by now: that hangs on the
day of the list alone. Who left coverage within them has one where it came by the day he left, as
in the label, and none otherwise: those are counted, and where they are many, the shares of both
groups are too high. A death without an admission is no outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data import intake
from data.home import Home
from training.cohorts.cohort import Cohort, day_of, readmission_cohort
from training.cohorts.facts import Source
from training.cohorts.member_dates import DEATH_TOLERANCE, members_of
from training.cohorts.outcome import UNPLANNED
from training.cohorts.spending import Spending
from training.settings.tasks import READMISSION, ReadmissionTask

DISCHARGED, HIGH_COST = "recently discharged", "high cost"
WITHIN_DAYS = 90
"""Days after a list on which an admission counts in the high-cost queue."""
OUTCOMES = {
    DISCHARGED: f"came back unplanned on the days left of the {READMISSION.horizon_days} after "
    "the discharge",
    HIGH_COST: f"was admitted unplanned within {WITHIN_DAYS} days",
}
"""The outcome of each queue in words, of one person."""

NOT_FOUND = "no such person or discharge among the final facts"
NOT_AHEAD = "back in hospital, or dead, before the list was made, as is known by now"
NOT_OVER = "its days, or those until their claims are complete, lie beyond what the data hold"
LEFT = "left coverage within these days, and nothing had happened until then"


def outcomes_of(home: Home, allocations: pd.DataFrame) -> pd.DataFrame:
    """`outcomes` by what was taken in; raises InputError where nothing was."""
    taken = intake.current(home)
    return outcomes(taken.tables, taken.manifest, allocations)


def outcomes(
    tables: Mapping[str, Source], manifest: Mapping[str, Any], allocations: pd.DataFrame
) -> pd.DataFrame:
    """One row an allocation, in the same order.

    `allocations` has one row a person and list: run_id, patient_id, as_of, queue, discharged_on
    (missing where he stands in another queue). Gives run_id, patient_id, ``until`` (the last day
    that counts), ``outcome`` (1, 0, NaN where not known), ``before`` (whether admitted unplanned
    in as many days up to as_of; NaN where not covered on all of them, and of the recently
    discharged) and ``not_known``, why there is no outcome, "" where there is one.
    """
    through = day_of(manifest["data_through"])
    assert isinstance(READMISSION, ReadmissionTask)
    cohort = readmission_cohort(tables, manifest, READMISSION)
    persons, enrolment = members_of(tables, through)
    who = persons.index.get_indexer(pd.Index(allocations["patient_id"].astype(object)))
    who = who.astype(np.int64)
    as_of, discharged_on = _days(allocations["as_of"]), _days(allocations["discharged_on"])
    of_stay = (allocations["queue"] == DISCHARGED).to_numpy(dtype=bool)
    until = np.where(of_stay, discharged_on + READMISSION.horizon_days, as_of + WITHIN_DAYS)
    admissions = _unplanned(cohort, persons.index)
    decided_on, readmitted, found, ahead = _of_discharges(cohort, allocations, discharged_on, as_of)

    death = persons["death_on"].to_numpy(dtype=np.float64)[who]
    lived = np.fmin(until, death - DEATH_TOLERANCE)
    carried = "coverage" in manifest["carries"]
    covered_until = np.where(carried, enrolment.covered_until(who, as_of), until)
    last = np.minimum(until, covered_until)
    decided = np.where(of_stay, decided_on <= last, admissions.between(who, as_of, last) > 0)
    event = decided & (readmitted | ~of_stay)
    left = ~decided & (covered_until < lived)
    seen = np.logical_not(carried) | enrolment.covered(who, 2 * as_of - until + 1, as_of)
    not_known = np.select(
        [(who < 0) | (of_stay & ~found), (death <= as_of) | (of_stay & ~ahead),
         until > cohort.followed_until, left],
        [NOT_FOUND, NOT_AHEAD, NOT_OVER, LEFT], "",
    )  # fmt: skip
    before = (admissions.between(who, 2 * as_of - until, as_of) > 0).astype(np.float64)
    return pd.DataFrame(
        {
            "run_id": allocations["run_id"].to_numpy(),
            "patient_id": allocations["patient_id"].to_numpy(),
            "until": until.astype("datetime64[D]").astype("datetime64[s]"),
            "outcome": np.where(not_known == "", event.astype(np.float64), np.nan),
            "before": np.where(seen & (who >= 0) & ~of_stay, before, np.nan),
            "not_known": not_known.astype(object),
        }
    )


def _days(dates: pd.Series) -> NDArray[np.int64]:
    """Days since 1970; of a missing day 0, which no row with a queue of its own asks for."""
    told = pd.to_datetime(dates).fillna(pd.Timestamp(0))
    return told.to_numpy().astype("datetime64[D]").astype(np.int64)


def _unplanned(cohort: Cohort, patients: pd.Index) -> Spending:
    """How many unplanned acute admissions begin on each person's days; transfers are none."""
    assert cohort.of_stays is not None
    stays = cohort.of_stays.stays
    begins = stays[
        (stays["kind"] == "acute_inpatient")
        & (stays["joined_by"] == "")
        & (stays["planned_rule"] == UNPLANNED)
    ]
    person = patients.get_indexer(pd.Index(begins["patient_id"]))
    there = person >= 0
    day = begins["admitted_on"].to_numpy(dtype=np.int64)[there]
    return Spending.of(person[there], day, np.ones(int(there.sum()), dtype=np.int64))


def _of_discharges(
    cohort: Cohort,
    allocations: pd.DataFrame,
    discharged_on: NDArray[np.int64],
    as_of: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each allocation's discharge: the day of the admission that decides it (NaN where none
    does), whether that is an unplanned one, whether there is such a discharge, and whether nobody
    was back by as_of, so that all of it lies ahead."""
    every = cohort.every[cohort.every["discharged_on"].notna()]
    every = every.drop_duplicates(["patient_id", "discharged_on"], keep="last")
    key = pd.MultiIndex.from_arrays(
        [every["patient_id"], every["discharged_on"].to_numpy(dtype=np.int64)]
    )
    place = key.get_indexer(pd.MultiIndex.from_arrays([allocations["patient_id"], discharged_on]))
    found = place >= 0
    of = every[["outcome", "days_to_next", "next_admitted_on"]].iloc[place]
    positive = of["outcome"].fillna(0).to_numpy(dtype=np.float64) == 1
    ahead = ~(of["next_admitted_on"].to_numpy(dtype=np.float64) <= as_of)
    days_to = of["days_to_next"].to_numpy(dtype=np.float64)
    return np.where(found, discharged_on + days_to, np.nan), found & positive, found, ahead
