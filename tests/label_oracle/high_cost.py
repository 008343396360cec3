"""The high-cost label, one patient and month end at a time.

Readings chosen where DEFINITIONS.md is silent:

H1. As-of dates are the last days of months (of Decembers where a source gives annual totals).
    "Enrolled then with at least 6 months of look-back": each of the look-back's days, of which
    as_of is the last, is covered. Who dies on as_of is dead at its end, and is no member.
H2. "Above": more than the threshold, in whole cents. All kinds of cost are added, adjustments with
    their sign.
H3. Coverage is left on the first day after as_of that is not covered, unless the person was dead
    before it (a switch, see `readings`). "Above before leaving" adds up what happened before that
    day.
H4. The label is known when as_of + 365 lies at least the run-out before data_through.
H5. A year's total of a source that gives only those is the amount of its calendar year; the label
    of 31 December adds up the next calendar year, leap or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from .facts import ONE_DAY, Patient, covered, covered_throughout, days, died_on
from .readings import FIRST_READINGS, Readings


@dataclass(frozen=True)
class CostRules:
    """What a task may set, in days; the threshold is given in cents."""

    data_through: date
    run_out: int
    threshold_cents: int
    horizon: int = 365
    look_back: int = 180
    annual: bool = False
    readings: Readings = FIRST_READINGS


@dataclass(frozen=True)
class CostLabel:
    """One month end of one member: case, no case or censored; `cents` up to leaving or the end."""

    as_of: date
    outcome: str
    cents: int


def month_ends(first: date, last: date) -> list[date]:
    return [day for day in days(first, last) if (day + ONE_DAY).day == 1]


def high_cost(patient: Patient, rules: CostRules) -> list[CostLabel]:
    """The labels of one patient at every month end whose outcome could be known."""
    if not patient["coverage"]:
        return []
    first = min(span["start_on"] for span in patient["coverage"])
    last = rules.data_through - timedelta(days=rules.run_out + rules.horizon)
    labels = []
    for as_of in month_ends(first, last):
        if rules.annual and as_of.month != 12:
            continue
        death = died_on(patient)
        if death is not None and death <= as_of:
            continue
        if covered_throughout(patient, as_of - timedelta(days=rules.look_back - 1), as_of):
            labels.append(_label(patient, as_of, rules))
    return labels


def _label(patient: Patient, as_of: date, rules: CostRules) -> CostLabel:
    death = died_on(patient)
    tolerance = rules.readings.leaves_by_dying_days
    left = None
    for day in days(as_of + ONE_DAY, as_of + timedelta(days=rules.horizon)):
        if death is not None and day > death - timedelta(days=tolerance):
            break
        if not covered(patient, day):
            left = day
            break
    cents = 0
    for amount in patient["cost"]:
        if _counts(amount["happened_on"], amount["covers"], as_of, left, rules):
            cents += amount["allowed_cents"]
    if cents > rules.threshold_cents:
        return CostLabel(as_of, "case", cents)
    if left is not None:
        return CostLabel(as_of, "censored", cents)
    return CostLabel(as_of, "no case", cents)


def _counts(happened: date, covers: str, as_of: date, left: date | None, rules: CostRules) -> bool:
    if rules.annual:
        return covers == "year" and happened.year == as_of.year + 1
    if covers != "claim" or not as_of < happened <= as_of + timedelta(days=rules.horizon):
        return False
    return left is None or happened < left
