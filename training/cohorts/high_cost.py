"""The high-cost cohort: members asked about at month ends, and what their next year cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import RefusalError
from training.cohorts.attrition import Attrition
from training.cohorts.capitation import Unpriced, unpriced_encounters
from training.cohorts.censoring import WEIGHTED, weight_remark, weights_of_known
from training.cohorts.cohort import Cohort, OfCost, day_of, run_out_of
from training.cohorts.completion import Completion, completion_of, remark_on_run_out
from training.cohorts.control_totals import (
    amount_words,
    control_totals,
    kinds_carried,
    source_totals,
)
from training.cohorts.enrolment import Enrolment
from training.cohorts.facts import Source
from training.cohorts.member_dates import begin_attrition, member_dates, members_of, month_ends
from training.cohorts.need import add_need
from training.cohorts.spending import Covers, Spending
from training.cohorts.split import Split, split_rows
from training.cohorts.threshold import (
    Threshold,
    fitted_threshold,
    observed_trend,
    percentiles,
    threshold_remarks,
)
from training.settings.tasks import HighCostTask

YEAR_BEFORE = 365


@dataclass(frozen=True)
class _Amounts:
    """What the source tells of cost, and how complete it is."""

    covers: Covers
    spending: Spending
    totals: pd.DataFrame
    completion: Completion
    unpriced: Unpriced

    @property
    def yearly(self) -> bool:
        return self.covers == "year"


def as_of_days(first: int, last: int, months_between: int, yearly: bool) -> NDArray[np.int64]:
    """Month ends in [first, last], every so many months of the calendar; 31 December only where
    a source knows nothing but annual totals."""
    return month_ends(first, last, 12 if yearly else months_between)


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
    threshold: Threshold | int | None = None,
) -> Cohort:
    """Members and dates with the label "above the threshold in the outcome window".

    Row columns beside those of every cohort: amount_cents (what the window cost, at most
    `truncate_cents`) and untruncated_cents, threshold_cents (what the row is judged by),
    left_after (days until coverage ended, NaN if it lasted), died_within, unpriced_encounters
    (NaN where nobody can tell), prior_cents (the 365 days up to as_of, as finally known),
    high_before (1, 0, NaN where the year before was not seen), bloomer (1 a case that was not
    high-cost before, NaN where that is not known), chronic_conditions and unplanned_days (the
    need label, see `training.cohorts.need`).

    Without `threshold` it is fitted on the rows that learn; `cohort.of_cost` then holds their
    split as well.
    Raises RefusalError where there are no costs, too few months, claims too incomplete at the
    run-out, or where the label does not tie to the source's control totals.
    """
    through = day_of(manifest["data_through"])
    covers: Covers = manifest["cost_covers"]
    # a year's total is known whole when its year has ended; claims are still coming in
    run_out = 0 if covers == "year" else run_out_of(manifest, task.run_out_days)
    persons, enrolment = members_of(tables, through)
    patients = persons.index
    amounts = _Amounts(
        covers,
        Spending.read(tables["cost"], through, covers, patients),
        source_totals(tables["cost"], through),
        completion_of(tables["cost"], manifest, through, covers),
        _unpriced(tables, through, covers, run_out, patients),
    )
    known_until = through - run_out
    days = _usable_days(amounts, task, known_until)
    remarks = [
        f"{len(days)} dates from {np.datetime64(int(days[0]), 'D')} to "
        f"{np.datetime64(int(days[-1]), 'D')}; costs are taken as complete until "
        f"{np.datetime64(known_until, 'D')}",
        remark_on_run_out(amounts.completion, run_out, task),
        *_remark_on_beginning(days, amounts, task),
    ]
    asked = _asked(days, persons, enrolment, amounts, task)
    add_need(asked, tables, through, manifest["carries"], patients)
    split: Split | None = None
    beside = {"completion": amounts.completion.table, "encounters_by_kind": amounts.unpriced.kinds}
    if threshold is None:
        candidates = asked[asked["eligible"]]
        split = split_rows(candidates, run_out, task.split)
        threshold = fitted_threshold(candidates, split, task)
        beside["percentiles"] = percentiles(candidates, split, task, threshold)
        remarks += threshold_remarks(beside["percentiles"], threshold, int(days[-1]),
                                     observed_trend(candidates, split))  # fmt: skip
        asked.loc[candidates.index, "role"] = split.role
    elif isinstance(threshold, int):
        threshold = Threshold(threshold)
    _label(asked, threshold, amounts)
    attrition = _apply(asked, task)
    asked["excluded_by"] = attrition.excluded_by
    rows = asked[attrition.kept].sort_values(["patient_id", "as_of"]).reset_index(drop=True)
    rows["outcome"] = rows["outcome"].astype(np.int64)
    if split is not None:
        split = replace(split, role=rows["role"].to_numpy(dtype=object))
    beside["control_totals"] = control_totals(
        tables["cost"], through, covers, patients, amounts.spending, rows, amounts.totals
    )
    told = OfCost(amounts.yearly, amount_words(amounts.totals, covers), threshold, beside, split)
    remarks += [*_remarks_on_amounts(amounts, rows, task), weight_remark(asked, rows)]
    return Cohort(rows, asked, attrition.table(), known_until, run_out, tuple(remarks),
                  threshold.cents, of_cost=told)  # fmt: skip


def _unpriced(
    tables: Mapping[str, Source], through: int, covers: Covers, run_out: int, patients: pd.Index
) -> Unpriced:
    found = unpriced_encounters(tables, through, through - run_out, patients)
    if covers == "claim":
        return found
    return replace(found, counts=None, why_not="the label is made of totals of years")


def _remarks_on_amounts(amounts: _Amounts, rows: pd.DataFrame, task: HighCostTask) -> list[str]:
    """What was done with each odd kind of amount, and how often: a sentence each."""
    used = amounts.totals[amounts.totals["covers"] == amounts.covers].sum(numeric_only=True)
    truncated = rows["untruncated_cents"] > rows["amount_cents"]
    lower_bounds = int((rows["unpriced_encounters"] > 0).sum())
    made = [
        f"the amount is the {amount_words(amounts.totals, amounts.covers).lower()}; kinds carried: "
        f"{', '.join(kinds_carried(amounts.totals, amounts.covers))}",
        f"{int(used['facts']):,} amounts count: {int(used['adjusted']):,} of them in their last of "
        f"several versions, {int(used['negative']):,} negative ones "
        f"(${used['negative_cents'] / 100:,.0f}) as they are, {int(used['zero_allowed']):,} as the "
        f"0 that they say, {int(used['unpaid']):,} of which the payer paid nothing with what was "
        f"allowed; {int(used['withdrawn']):,} withdrawn ones do not count",
        amounts.unpriced.remark(),
    ]
    if amounts.unpriced.counts is not None and task.unpriced == "lower bound":
        made.append(f"the amounts of {lower_bounds:,} of {len(rows):,} rows are lower bounds, as "
                    "an encounter of their window has none")  # fmt: skip
    if task.truncate_cents is None:
        made.append("the largest claims are not truncated")
    else:
        lost = int((rows["untruncated_cents"] - rows["amount_cents"]).sum())
        made.append(f"the amounts of {int(truncated.sum()):,} rows are truncated at "
                    f"${task.truncate_cents / 100:,.0f}, by ${lost / 100:,.0f}")  # fmt: skip
    made.append(WEIGHTED)
    if amounts.yearly:
        made.append("the source's totals of years are used: the outcome is the next calendar "
                    "year's annual totals, asked on 31 December")  # fmt: skip
    return made


def _usable_days(amounts: _Amounts, task: HighCostTask, known_until: int) -> NDArray[np.int64]:
    first_cost = amounts.spending.first_day
    if first_cost is None:
        raise RefusalError("There are no costs in the data: the high-cost task needs them.")
    yearly = amounts.yearly
    # claims before the first known cost are not zero, they are not there
    first = first_cost if yearly else first_cost + task.look_back_days - 1
    last = known_until if yearly else known_until - task.horizon_days
    days = as_of_days(first, last, task.months_between, yearly)
    if yearly:
        days = days[outcome_ends(days, task.horizon_days, yearly) <= known_until]
    if len(days) == 0:
        raise RefusalError(
            "No date leaves both a look-back and a complete outcome year: the high-cost task "
            "needs more months of costs."
        )
    return days


def _remark_on_beginning(
    days: NDArray[np.int64], amounts: _Amounts, task: HighCostTask
) -> list[str]:
    """Where dates lie so near the first cost that a year of look-back holds less than a year."""
    first = amounts.spending.first_day
    if (
        amounts.yearly
        or first is None
        or not (early := int((days < first + YEAR_BEFORE - 1).sum()))
    ):
        return []
    return [
        f"{early} of the dates lie less than a year after the first known cost "
        f"({np.datetime64(first, 'D')}): what features count over a year is counted over less "
        "there, so that a model that learns from these dates may tell too high risks later; "
        f"look_back_days = {YEAR_BEFORE} asks from a full year on (now {task.look_back_days})"
    ]


def _asked(
    days: NDArray[np.int64],
    persons: pd.DataFrame,
    enrolment: Enrolment,
    amounts: _Amounts,
    task: HighCostTask,
) -> pd.DataFrame:
    """One row a person and date on which the person was covered."""
    spending, unpriced = amounts.spending, amounts.unpriced.counts
    ends = outcome_ends(days, task.horizon_days, amounts.yearly)
    made = member_dates(days, ends, persons, enrolment, task.look_back_days)
    person, as_of, end = (
        made[c].to_numpy(dtype=np.int64) for c in ("person", "as_of", "outcome_until")
    )
    made["unpriced_encounters"] = (
        np.nan if unpriced is None else unpriced.between(person, as_of, end).astype(np.float64)
    )
    made["priced"] = ~(made["unpriced_encounters"] > 0) | (task.unpriced == "lower bound")
    made["eligible"] &= made["priced"]
    made["untruncated_cents"] = spending.between(person, as_of, end)
    most = np.iinfo(np.int64).max if task.truncate_cents is None else task.truncate_cents
    made["amount_cents"] = made["untruncated_cents"].clip(upper=most)
    seen = np.fmin(as_of + made["left_after"].to_numpy(), end).astype(np.int64)
    if amounts.yearly:  # a year's total holds what came while the person was covered, no more
        seen = end
    made["seen_cents"] = spending.between(person, as_of, seen)
    made["prior_cents"] = spending.between(person, as_of - YEAR_BEFORE, as_of)
    first_day = spending.first_day or 0
    opened = amounts.yearly | (as_of - YEAR_BEFORE + 1 >= first_day)
    made["prior_seen"] = opened & enrolment.covered(person, as_of - YEAR_BEFORE + 1, as_of)
    return made


def _label(asked: pd.DataFrame, threshold: Threshold, amounts: _Amounts) -> None:
    person, as_of = asked["person"].to_numpy(), asked["as_of"].to_numpy()
    judged_by = threshold.at(as_of)
    asked["threshold_cents"] = judged_by
    case = asked["seen_cents"].to_numpy() > judged_by
    left = asked["left_after"].notna().to_numpy()
    asked["censored"] = left & ~case
    asked["outcome"] = pd.array(case.astype(np.int8), dtype="Int8")
    asked.loc[asked["censored"], "outcome"] = pd.NA
    words = np.where(case, "above the threshold", "not above the threshold").astype(object)
    words[case & left] = "above the threshold before leaving coverage"
    words[asked["censored"].to_numpy()] = "left coverage below the threshold: not known"
    asked["reason"] = words
    before = asked["prior_cents"].to_numpy() > threshold.at(as_of - YEAR_BEFORE)
    known = before | asked["prior_seen"].to_numpy()
    asked["high_before"] = np.where(known, before.astype(np.float64), np.nan)
    asked["bloomer"] = np.where(case, 1 - asked["high_before"], 0.0)
    # nobody leaves after death: the dead were at risk of leaving for as long as they lived
    end = asked["outcome_until"].to_numpy()
    lived = np.fmin(end, asked["died_on"].to_numpy())
    length = np.maximum(lived - as_of, 0).astype(np.int64)
    known_after = length.copy()
    known_after[case] = amounts.spending.crossed_after(
        person[case], as_of[case], end[case], judged_by[case]
    )
    # whoever left was known by then: a year's total stands on its last day
    known_after = np.fmin(known_after, asked["left_after"].to_numpy()).astype(np.int64)
    asked["weight"] = weights_of_known(asked, np.minimum(known_after, length), length)


def _apply(asked: pd.DataFrame, task: HighCostTask) -> Attrition:
    rules = begin_attrition(asked)
    rules.exclude(f"not covered on each of the {task.look_back_days} days up to the date",
                  ~asked["looked_back"].to_numpy(), note="no gap is tolerated")  # fmt: skip
    untold = asked["unpriced_encounters"].isna().to_numpy()
    if task.unpriced == "exclude":
        rules.exclude("an encounter of the outcome window has no amount",
                      None if untold.all() else ~asked["priced"].to_numpy(),
                      note="capitated or not priced")  # fmt: skip
    rules.exclude("left coverage below the threshold: outcome not known",
                  asked["censored"].to_numpy(), note="made up for by weights")  # fmt: skip
    return rules
