"""Which discharges `pcr_like` counts: a payer's readmissions, after the idea of NCQA's PCR.

This is not NCQA's Plan All-Cause Readmissions: that measure is licensed and certified, and
none of its value sets is here. Public descriptions of it gave the rules; pregnancy is told by AHRQ
CCS, a planned return by CMS's planned readmission algorithm, and nothing is adjusted for risk.
What it sets otherwise than `cms_hwr` stands in `definitions/readmission-pcr-like.toml`; the gap of
45 days† and the 4 stays† from which on a person is an outlier were not seen in a primary source.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.cohorts.attrition import Attrition
from training.cohorts.discharges import Discharges
from training.settings.tasks import ReadmissionTask

KINDS = ("acute_inpatient", "observation")
"""Stays of either kind are index stays and returns alike."""

OLDEST_OUTSIDE_MEDICARE = 64


def words_of(task: ReadmissionTask) -> tuple[str, ...]:
    """What the definition is in words, with the task's own days, ages and numbers of stays."""
    gap, before, after = task.allowed_gap_days, task.enrolled_before_days, task.enrolled_after_days
    young, old = task.minimum_age, OLDEST_OUTSIDE_MEDICARE
    outside = f"of {young} to {old}, and " if young <= old else ""
    return (
        "After the idea of NCQA's Plan All-Cause Readmissions, and not that measure: it is "
        "licensed and certified, none of its value sets is used, and nothing is adjusted for risk.",
        "Counted are discharges, alive, from acute inpatient and observation stays, of people "
        f"{outside}of {young} and over in Medicare, who were covered from {before} days before "
        f"discharge ({f'one gap of up to {gap} days is allowed' if gap else 'no gap is allowed'}) "
        f"to {after} days after it.",
        "Stays with less than two calendar days between them are one stay, whatever the hospital.",
        "Left out are same-day stays, deaths during the stay, pregnancy and childbirth, and people "
        f"in hospice care at any time from {before} days before discharge to {after} days after "
        f"it. People with {task.outlier_stays} or more index stays in a calendar year are kept "
        "apart.",
        f"An unplanned return on days 0 to {task.horizon_days} after discharge is a readmission. "
        "Planned returns and those for pregnancy do not count, and do not block one that comes "
        "after them. A readmission may itself be counted as a discharge.",
        f"Cover must reach {after} days past discharge, for the dying as well: where it ends with "
        "death, people who died within these days are not counted, and the companion outcome, "
        "death or unplanned readmission, says little beyond the readmissions.",
    )


def rules_of(found: Discharges, task: ReadmissionTask) -> Attrition:
    """Each rule in turn. What the source cannot tell is not evaluable, never passed or failed."""
    every, left, person = found.every, found.left, found.person
    cover, covered = found.cover, "coverage" in found.carries
    age = found.age(left)

    rules = found.begin("acute inpatient and observation stays", task.lifted_exclusions)
    rules.exclude("admitted and discharged on the same day", found.admitted == left,
                  key="not_same_day")  # fmt: skip
    rules.exclude(f"younger than {task.minimum_age} at discharge, or of unknown age",
                  ~found.age_known | (age < task.minimum_age), key="age")  # fmt: skip
    old = (
        found.age_known
        & (age > OLDEST_OUTSIDE_MEDICARE)
        & ~cover.medicare.covered(person, left, left)
    )
    unnamed = old & cover.payer_unknown.covered(person, left, left)
    rules.exclude(f"older than {OLDEST_OUTSIDE_MEDICARE} and not in Medicare on that day",
                  old & ~unnamed if covered and cover.payer_named else None, unnamed,
                  note="" if cover.payer_named else "no payer is named",
                  key="age_or_medicare")  # fmt: skip
    lacking = (every["principal_ccs"] < 0).to_numpy()
    rules.exclude("pregnancy or childbirth",
                  found.flag("pregnancy") if "principal_diagnosis" in found.carries else None,
                  lacking, key="not_pregnancy")  # fmt: skip
    dying = cover.hospice.touches(
        person, left - task.enrolled_before_days, left + task.enrolled_after_days
    )
    rules.exclude("in hospice care", dying if cover.hospice_told else None,
                  note="" if cover.hospice_told
                  else "neither hospice encounters nor dispositions are carried",
                  key="not_hospice")  # fmt: skip
    gap = task.allowed_gap_days
    # the day of discharge is asked by the rule of the days after it, which allows no gap
    before = cover.any.covered_but_for_a_gap(
        person, left - task.enrolled_before_days, left - 1, gap
    )
    rules.exclude(f"not enrolled in the {task.enrolled_before_days} days before discharge",
                  ~before if covered else None, key="enrolled_before",
                  note=f"one gap of up to {gap} days is tolerated" if gap
                  else "no gap is tolerated")  # fmt: skip
    last = np.datetime64(found.known_until, "D")
    rules.exclude(f"outcome not known yet: day {task.horizon_days} lies after {last}",
                  found.censored, key="outcome_known")  # fmt: skip
    after = cover.any.covered(person, left, left + task.enrolled_after_days)
    rules.exclude(f"not enrolled for {task.enrolled_after_days} days after discharge",
                  ~after if covered else None, key="enrolled_after",
                  note="death is no exception")  # fmt: skip
    rules.exclude(f"a person with {task.outlier_stays} or more index stays in the calendar year",
                  _many(person, left, rules.kept, task.outlier_stays),
                  note="kept apart, not compared with the others", key="not_outlier")  # fmt: skip
    return found.end(rules, task.horizon_days)


def _many(
    person: NDArray[np.int64], left: NDArray[np.int64], kept: NDArray[np.bool_], most: int
) -> NDArray[np.bool_]:
    """Whether as many discharges of the person as `most` are kept in the year of this one."""
    year = left.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    counted = pd.Series(kept).groupby([person, year]).transform("sum")
    return kept & (counted.to_numpy(dtype=np.int64) >= most)
