"""Members asked about at month ends: who was covered then, alive, and for how long after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.window import completed_years
from training.cohorts.attrition import Attrition
from training.cohorts.enrolment import Enrolment
from training.cohorts.facts import Source, final_facts
from training.cohorts.stays import people

DEATH_TOLERANCE = 31
"""Coverage that ends in the month before a death has lasted until the death: spans end with
months, and some sources know a death by its month only."""
AGE_BANDS = (65, 75, 85)


def month_ends(first: int, last: int, months_between: int) -> NDArray[np.int64]:
    """Month ends in [first, last], every so many months of the calendar (3: ends of quarters)."""
    months = np.arange(
        np.datetime64(first, "D").astype("datetime64[M]"),
        np.datetime64(last, "D").astype("datetime64[M]") + 1,
    )
    ends = (months + 1).astype("datetime64[D]").astype(np.int64) - 1
    ends = ends[(ends >= first) & (ends <= last)]
    number = ends.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1
    return ends[number % months_between == 0]


def members_of(tables: Mapping[str, Source], through: int) -> tuple[pd.DataFrame, Enrolment]:
    """Everybody known by day `through`, as `training.cohorts.stays.people` has them, and who was
    covered when; both count persons in the order of the first one's index."""
    persons = people(tables, through)
    patients = pd.Index(sorted(persons.index), dtype=object)
    spans = final_facts(tables["coverage"], ["start_on", "end_on"], through)
    return persons.reindex(patients), Enrolment.of_spans(spans, patients)


def member_dates(
    days: NDArray[np.int64],
    ends: NDArray[np.int64],
    persons: pd.DataFrame,
    enrolment: Enrolment,
    look_back_days: int,
) -> pd.DataFrame:
    """One row a person and one of `days` on which the person was covered, in order of the days.

    `ends` has the last day of the outcome window of each day; `persons` one row a person with
    birth_on and death_on (days since 1970 or NaN), in the order that `enrolment` counts by.
    Columns: patient_id, person, as_of, outcome_until, alive, looked_back (covered on each of the
    `look_back_days` days up to as_of), eligible (both), left_after (days until coverage ended;
    NaN where it lasted until the window or the life ended), died_on, died_within, age (years
    completed; −1 where no birth is known) and age_band.
    """
    everyone = np.arange(len(persons))
    birth, death = (persons[c].to_numpy(dtype=np.float64) for c in ("birth_on", "death_on"))
    until_of = {int(d): enrolment.covered_until(everyone, np.full(len(everyone), d)) for d in days}
    covered = [until_of[int(d)] >= d for d in days]
    person = np.concatenate([np.flatnonzero(there) for there in covered])
    sizes = [int(there.sum()) for there in covered]
    as_of, end = np.repeat(days, sizes), np.repeat(ends, sizes)
    until = np.concatenate(
        [until_of[int(d)][there] for d, there in zip(days, covered, strict=True)]
    )
    died_on = death[person]
    alive = ~(died_on <= as_of)
    left = alive & (until < np.fmin(end, died_on - DEATH_TOLERANCE))
    looked_back = enrolment.covered(person, as_of - look_back_days + 1, as_of)
    born = birth[person]
    unborn = np.isnan(born)
    age = completed_years(np.where(unborn, 0, born).astype(np.int64), as_of)
    return pd.DataFrame(
        {
            "patient_id": persons.index.to_numpy()[person],
            "person": person,
            "as_of": as_of,
            "outcome_until": end,
            "alive": alive,
            "looked_back": looked_back,
            "eligible": alive & looked_back,
            "left_after": np.where(left, until - as_of, np.nan),
            "died_on": died_on,
            "died_within": alive & (died_on <= end),
            "age": np.where(unborn, -1, age),
            "age_band": np.digitize(age, AGE_BANDS),
        }
    )


def begin_attrition(asked: pd.DataFrame) -> Attrition:
    """The attrition of labelled `member_dates`, with the rule that all cohorts of them begin with;
    `outcome` is 1 for a case, empty where it is not known."""
    case = (asked["outcome"] == 1).fillna(False).to_numpy(dtype=bool)
    rules = Attrition(asked["person"].to_numpy(dtype=np.int64), case)
    rules.begin("members covered on an as-of date", len(asked), asked["person"].nunique())
    rules.exclude("dead by the date, though coverage was still on", ~asked["alive"].to_numpy())
    return rules
