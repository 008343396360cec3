"""The high-cost cohort: members asked about at month ends, and what their next year cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.errors import RefusalError
from features.window import completed_years
from training.attrition import Attrition
from training.censoring import weights_of_known
from training.cohort import Cohort, day_of, run_out_of
from training.enrolment import Enrolment
from training.facts import Source, final_batches, final_facts
from training.split import Split, split_rows
from training.stays import people
from training.tasks import HighCostTask

_SHIFT = 1 << 24
DEATH_TOLERANCE = 31
"""Coverage that ends in the month before a death has lasted until the death: spans end with
months, and some sources know a death by its month only."""


@dataclass(frozen=True)
class Spending:
    """Allowed cents of each person and day, with running sums: any window is two look-ups."""

    key: NDArray[np.int64]
    running: NDArray[np.int64]

    @classmethod
    def read(cls, source: Source, through: int, covers: str, patients: pd.Index) -> Spending:
        """Final amounts of claims (`covers` "claim") or of calendar years ("year")."""
        keys, cents = [], []
        columns = ["happened_on", "covers", "allowed_cents"]
        for batch in final_batches(source, columns, through, pc.field("covers") == covers):
            sums = pa.TableGroupBy(batch, ["patient_id", "happened_on"]).aggregate(
                [("allowed_cents", "sum")]
            )
            person = patients.get_indexer(sums["patient_id"].to_pandas())
            day = sums["happened_on"].cast(pa.int32()).to_numpy().astype(np.int64)
            known = person >= 0
            keys.append(person[known].astype(np.int64) * _SHIFT + day[known])
            cents.append(sums["allowed_cents_sum"].to_numpy().astype(np.int64)[known])
        if not keys:
            return cls(np.empty(0, np.int64), np.zeros(1, np.int64))
        key, where = np.unique(np.concatenate(keys), return_inverse=True)
        summed = np.zeros(len(key), dtype=np.int64)
        np.add.at(summed, where, np.concatenate(cents))
        return cls(key, np.r_[0, np.cumsum(summed)])

    def between(
        self, person: NDArray[np.int64], after: NDArray[np.int64], until: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Cents of each person in (after, until]."""
        first = np.searchsorted(self.key, person * _SHIFT + after, "right")
        last = np.searchsorted(self.key, person * _SHIFT + until, "right")
        return self.running[last] - self.running[first]

    def crossed_after(
        self, person: NDArray[np.int64], after: NDArray[np.int64], threshold: int
    ) -> NDArray[np.int64]:
        """Days after `after` on which the running sum first lies above the threshold, for persons
        whose sum does so. Amounts taken back later do not undo a crossing; an earlier peak of
        the person may date it too early, never too late."""
        first = np.searchsorted(self.key, person * _SHIFT + after, "right")
        highest = np.maximum.accumulate(self.running)
        place = np.searchsorted(highest, self.running[first] + threshold, "right")
        place = np.clip(place - 1, first, max(len(self.key) - 1, 0))
        return np.maximum(self.key[place] - person * _SHIFT - after, 0)


def as_of_days(first: int, last: int, months_between: int, yearly: bool) -> NDArray[np.int64]:
    """Month ends in [first, last], every so many months of the calendar (3: ends of quarters);
    31 December only where a source knows nothing but annual totals."""
    months = np.arange(
        np.datetime64(first, "D").astype("datetime64[M]"),
        np.datetime64(last, "D").astype("datetime64[M]") + 1,
    )
    ends = (months + 1).astype("datetime64[D]").astype(np.int64) - 1
    ends = ends[(ends >= first) & (ends <= last)]
    number = ends.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1
    return ends[number % (12 if yearly else months_between) == 0]


def outcome_ends(as_of: NDArray[np.int64], horizon: int, yearly: bool) -> NDArray[np.int64]:
    """The last day of each outcome window: as_of + horizon, or the next 31 December."""
    if not yearly:
        return as_of + horizon
    years = as_of.astype("datetime64[D]").astype("datetime64[Y]")
    return (years + 2).astype("datetime64[D]").astype(np.int64) - 1


def high_cost_cohort(
    tables: Mapping[str, Source],
    manifest: Mapping[str, Any],
    task: HighCostTask,
    threshold_cents: int | None = None,
) -> Cohort:
    """Members and dates with the label "above the threshold in the outcome window".

    Row columns beside those of every cohort: amount_cents (what the window cost), left_after
    (days until coverage ended, NaN if it lasted), died_within. Without `threshold_cents` the
    threshold is fitted on the rows that learn; `cohort.more["split"]` holds that split.
    """
    through = day_of(manifest["data_through"])
    yearly = manifest["cost_covers"] == "year"
    # a year's total is known whole when its year has ended; claims are still coming in
    run_out = 0 if yearly else run_out_of(manifest, task.run_out_days)
    persons = people(tables, through)
    patients = pd.Index(sorted(persons.index), dtype=object)
    persons = persons.reindex(patients)
    spans = final_facts(tables["coverage"], ["start_on", "end_on"], through)
    enrolment = Enrolment.of_spans(spans, patients)
    spending = Spending.read(tables["cost"], through, manifest["cost_covers"], patients)
    known_until = through - run_out
    days = _usable_days(spending, task, known_until, yearly)
    asked = _asked(days, persons, enrolment, spending, task, yearly)
    split: Split | None = None
    if threshold_cents is None:
        candidates = asked[asked["eligible"]]
        split = split_rows(candidates, run_out, task.split)
        threshold_cents = fitted_threshold(candidates, split, task.top_share)
        asked.loc[candidates.index, "role"] = split.role
    _label(asked, threshold_cents, spending)
    attrition = _apply(asked, task)
    asked["excluded_by"] = attrition.excluded_by
    rows = asked[attrition.kept].sort_values(["patient_id", "as_of"]).reset_index(drop=True)
    rows["outcome"] = rows["outcome"].astype(np.int64)
    if split is not None:
        split = replace(split, role=rows["role"].to_numpy(dtype=object))
    remarks = [
        f"{len(days)} dates from {np.datetime64(int(days[0]), 'D')} to "
        f"{np.datetime64(int(days[-1]), 'D')}; costs are taken as complete until "
        f"{np.datetime64(known_until, 'D')}; the threshold is not trended (factor 1)",
        "rows censored by leaving are made up for by inverse probability of censoring, by as_of "
        "and age band",
    ]
    if yearly:
        remarks.append("the source holds annual totals only: the outcome is the next calendar "
                       "year's medical total, asked on 31 December")  # fmt: skip
    return Cohort(rows, asked, attrition.table(), known_until, run_out, tuple(remarks),
                  threshold_cents, {"yearly": yearly, "split": split})  # fmt: skip


def fitted_threshold(rows: pd.DataFrame, split: Split, top_share: float) -> int:
    """The cents above which the upper `top_share` of the learning rows lie, among those whose
    whole window was seen. Test rows have no say in it."""
    learning = rows.iloc[split.rows("train", "validation", "calibration")]
    seen = learning[learning["left_after"].isna()]
    if seen.empty:
        raise RefusalError(
            "No training row of the high-cost task was covered for its whole outcome window: "
            "take in more months."
        )
    return int(np.quantile(seen["amount_cents"].to_numpy(), 1 - top_share, method="higher"))


def _usable_days(
    spending: Spending, task: HighCostTask, known_until: int, yearly: bool
) -> NDArray[np.int64]:
    if len(spending.key) == 0:
        raise RefusalError("There are no costs in the data: the high-cost task needs them.")
    # claims before the first known cost are not zero, they are not there
    first_cost = int((spending.key % _SHIFT).min())
    first = first_cost if yearly else first_cost + task.look_back_days - 1
    last = known_until if yearly else known_until - task.horizon_days
    days = as_of_days(first, max(first, last), task.months_between, yearly)
    days = days[days <= last]
    if yearly:
        days = days[outcome_ends(days, task.horizon_days, yearly) <= known_until]
    if len(days) == 0:
        raise RefusalError(
            "No date leaves both a look-back and a complete outcome year: the high-cost task "
            "needs more months of costs."
        )
    return days


def _asked(
    days: NDArray[np.int64],
    persons: pd.DataFrame,
    enrolment: Enrolment,
    spending: Spending,
    task: HighCostTask,
    yearly: bool,
) -> pd.DataFrame:
    """One row a person and date on which the person was covered."""
    everyone = np.arange(len(persons))
    birth, death = (persons[c].to_numpy(dtype=np.float64) for c in ("birth_on", "death_on"))
    until_of = {int(d): enrolment.covered_until(everyone, np.full(len(everyone), d)) for d in days}
    person = np.concatenate([np.flatnonzero(until_of[int(d)] >= d) for d in days])
    as_of = np.repeat(days, [int((until_of[int(d)] >= d).sum()) for d in days])
    until = np.concatenate([u[u >= d] for d, u in until_of.items()])
    end = outcome_ends(as_of, task.horizon_days, yearly)
    died_on = death[person]
    alive = ~(died_on <= as_of)
    seen_to = np.fmin(end, died_on - DEATH_TOLERANCE)
    left = alive & (until < seen_to)
    back = enrolment.covered(person, as_of - task.look_back_days + 1, as_of)
    made = pd.DataFrame({"patient_id": persons.index.to_numpy()[person], "person": person,
                         "as_of": as_of, "outcome_until": end})  # fmt: skip
    made["alive"], made["looked_back"] = alive, back
    made["eligible"] = alive & back
    made["left_after"] = np.where(left, until - as_of, np.nan)
    made["died_on"] = died_on
    made["died_within"] = alive & (died_on <= end)
    made["amount_cents"] = spending.between(person, as_of, end)
    seen = np.fmin(np.where(left, until, end), end).astype(np.int64)
    made["seen_cents"] = spending.between(person, as_of, seen)
    age = completed_years(birth[person].astype(np.int64), as_of)
    made["age_band"] = np.digitize(age, [65, 75, 85])
    return made


def _label(asked: pd.DataFrame, threshold: int, spending: Spending) -> None:
    case = asked["seen_cents"].to_numpy() > threshold
    left = asked["left_after"].notna().to_numpy()
    asked["censored"] = left & ~case
    asked["outcome"] = pd.array(case.astype(np.int8), dtype="Int8")
    asked.loc[asked["censored"], "outcome"] = pd.NA
    words = np.where(case, "above the threshold", "not above the threshold").astype(object)
    words[case & left] = "above the threshold before leaving coverage"
    words[asked["censored"].to_numpy()] = "left coverage below the threshold: not known"
    asked["reason"] = words
    person, as_of = asked["person"].to_numpy(), asked["as_of"].to_numpy()
    # nobody leaves after death: the dead were at risk of leaving for as long as they lived
    lived = np.fmin(asked["outcome_until"].to_numpy(), asked["died_on"].to_numpy())
    length = np.maximum(lived - as_of, 0).astype(np.int64)
    known_after = length.copy()
    known_after[case] = spending.crossed_after(person[case], as_of[case], threshold)
    asked["weight"] = weights_of_known(asked, np.minimum(known_after, length), length)


def _apply(asked: pd.DataFrame, task: HighCostTask) -> Attrition:
    case = (asked["outcome"] == 1).fillna(False).to_numpy(dtype=bool)
    rules = Attrition(asked["person"].to_numpy(dtype=np.int64), case)
    rules.begin("members covered on an as-of date", len(asked), asked["person"].nunique())
    rules.exclude("dead by the date, though coverage was still on", ~asked["alive"].to_numpy())
    rules.exclude(f"not covered on each of the {task.look_back_days} days up to the date",
                  ~asked["looked_back"].to_numpy(), note="no gap is tolerated")  # fmt: skip
    rules.exclude("left coverage below the threshold: outcome not known",
                  asked["censored"].to_numpy(), note="made up for by weights")  # fmt: skip
    return rules
