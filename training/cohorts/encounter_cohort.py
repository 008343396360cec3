"""Members at month ends, and whether an encounter of some kinds comes within the horizon.

The kinds, the horizon and who is asked about are settings
(`training.settings.tasks.EncounterTask`): a new task of this sort is a file, no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import RefusalError
from training.cohorts.attrition import Attrition
from training.cohorts.censoring import WEIGHTED, weights_of_known
from training.cohorts.cohort import Cohort, day_of, run_out_of
from training.cohorts.enrolment import SHIFT
from training.cohorts.facts import Source, final_facts
from training.cohorts.member_dates import begin_attrition, member_dates, members_of, month_ends
from training.settings.tasks import EncounterTask


def encounter_cohort(
    tables: Mapping[str, Source], manifest: Mapping[str, Any], task: EncounterTask
) -> Cohort:
    """Members and month ends with the label "an encounter of these kinds in (as_of, as_of + h]".

    Row columns beside those of every cohort: left_after (days until coverage ended, NaN where it
    lasted), died_within, days_to (days to the encounter that decides, NaN where none does). Death
    is no censoring: who dies without one is no case. Who leaves coverage before is censored, and
    the rest is weighted by the inverse chance of not having left. Raises RefusalError where the
    source carries no such encounter, or no date leaves a look-back and a complete horizon.
    """
    through = day_of(manifest["data_through"])
    run_out = run_out_of(manifest, task.run_out_days)
    persons, enrolment = members_of(tables, through)
    met = final_facts(tables["encounter"], ["kind", "started_on"], through)
    starts = met[met["kind"].isin(task.encounter_kinds)]
    if starts.empty:
        raise RefusalError(
            f"There is no encounter of the kinds {', '.join(task.encounter_kinds)} in the data: "
            f"the task {task.name} needs them."
        )
    known_until = through - run_out
    # encounters before the first known one are not none, they are not there
    first = int(met["started_on"].min()) + task.look_back_days - 1
    last = known_until - task.horizon_days
    days = month_ends(first, last, task.months_between)
    if len(days) == 0:
        raise RefusalError(
            f"No date leaves both a look-back of {task.look_back_days} days and a complete horizon "
            f"of {task.horizon_days}: the task {task.name} needs more months."
        )
    asked = member_dates(days, days + task.horizon_days, persons, enrolment, task.look_back_days)
    asked["eligible"] &= asked["age"] >= task.minimum_age
    _label(asked, _next_start(asked, starts, persons.index), task)
    attrition = _apply(asked, task)
    asked["excluded_by"] = attrition.excluded_by
    rows = asked[attrition.kept].sort_values(["patient_id", "as_of"]).reset_index(drop=True)
    rows["outcome"] = rows["outcome"].astype(np.int64)
    remarks = (
        f"{len(days)} dates from {_iso(days[0])} to {_iso(days[-1])}; encounters are taken as "
        f"complete until {_iso(known_until)}",
        WEIGHTED,
    )
    return Cohort(rows, asked, attrition.table(), known_until, run_out, remarks)


def _next_start(
    asked: pd.DataFrame, starts: pd.DataFrame, patients: pd.Index
) -> NDArray[np.float64]:
    """The day of each person's first start after as_of; NaN where there is none."""
    who = patients.get_indexer(pd.Index(starts["patient_id"]))
    day = starts["started_on"].to_numpy(dtype=np.int64)
    key = np.sort(who[who >= 0].astype(np.int64) * SHIFT + day[who >= 0])
    if len(key) == 0:  # nobody who has one has a member row
        return np.full(len(asked), np.nan)
    person = asked["person"].to_numpy(dtype=np.int64)
    place = np.searchsorted(key, person * SHIFT + asked["as_of"].to_numpy(np.int64), "right")
    safe = np.minimum(place, len(key) - 1)
    found = (place < len(key)) & (key[safe] // SHIFT == person)
    return np.where(found, key[safe] % SHIFT, np.nan)


def _label(asked: pd.DataFrame, next_start: NDArray[np.float64], task: EncounterTask) -> None:
    as_of = asked["as_of"].to_numpy(dtype=np.int64)
    end = asked["outcome_until"].to_numpy(dtype=np.int64)
    left = asked["left_after"].to_numpy(dtype=np.float64)
    days_to = next_start - as_of
    # what happened after leaving is not in the data of whoever is still there
    case = (days_to <= task.horizon_days) & ~(days_to > left)
    asked["days_to"] = np.where(case, days_to, np.nan)
    asked["censored"] = ~np.isnan(left) & ~case
    asked["outcome"] = pd.array(case.astype(np.int8), dtype="Int8")
    asked.loc[asked["censored"], "outcome"] = pd.NA
    kinds = " or ".join(task.encounter_kinds)
    words = np.full(len(asked), f"no {kinds} in {task.horizon_days} days", dtype=object)
    words[asked["died_within"].to_numpy()] = f"died without {kinds}"
    for row in np.flatnonzero(case):
        words[row] = f"{kinds} on day {int(days_to[row])}"
    words[asked["censored"].to_numpy()] = f"left coverage before any {kinds}: not known"
    asked["reason"] = words
    lived = np.maximum(np.fmin(end, asked["died_on"].to_numpy()) - as_of, 0).astype(np.int64)
    known_after = np.where(case, np.nan_to_num(days_to).astype(np.int64), lived)
    asked["weight"] = weights_of_known(asked, np.minimum(known_after, lived), lived)


def _apply(asked: pd.DataFrame, task: EncounterTask) -> Attrition:
    rules = begin_attrition(asked)
    if task.minimum_age > 0:
        rules.exclude(f"younger than {task.minimum_age}, or of unknown age",
                      (asked["age"] < task.minimum_age).to_numpy())  # fmt: skip
    rules.exclude(f"not covered on each of the {task.look_back_days} days up to the date",
                  ~asked["looked_back"].to_numpy(), note="no gap is tolerated")  # fmt: skip
    rules.exclude("left coverage before the outcome: not known", asked["censored"].to_numpy(),
                  note="made up for by weights")  # fmt: skip
    return rules


def _iso(day: Any) -> str:
    return str(np.datetime64(int(day), "D"))
