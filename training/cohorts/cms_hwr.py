"""Which discharges `cms_hwr` counts: CMS's hospital-wide readmission measure, rule by rule."""

from __future__ import annotations

import numpy as np

from training.cohorts.attrition import Attrition
from training.cohorts.discharges import Discharges
from training.settings.tasks import ReadmissionTask

KINDS = ("acute_inpatient",)
"""Acute and critical-access hospitals; psychiatric and rehabilitation hospitals are none."""


def words_of(task: ReadmissionTask) -> tuple[str, ...]:
    """What the definition is in words, with the task's own days and ages."""
    gap = task.allowed_gap_days
    return (
        "Counted are discharges, alive, from acute and critical-access hospitals, of people of "
        f"{task.minimum_age} and over who were covered for {task.enrolled_before_days} days before "
        f"admission{f' (one gap of up to {gap} days is allowed)' if gap else ''}, and for "
        f"{task.enrolled_after_days} days after discharge or until they died within them.",
        "Stays that follow each other across hospitals (same day or next day), overlap, or return "
        "on the same day to the same hospital for the same diagnosis are one episode; its "
        "discharge is that of the last hospital.",
        "Left out are those who left against medical advice or were transferred out of sight, and "
        "stays for psychiatric disease, rehabilitation, medical treatment of cancer, or in a "
        "cancer hospital exempt from prospective payment.",
        f"The first acute admission on days 0 to {task.horizon_days} after discharge decides: "
        "unplanned counts as a readmission; planned (CMS planned readmission algorithm) does not, "
        "and blocks later ones. Psychiatric and rehabilitation hospitals neither count nor block. "
        "A rehabilitation stay in an acute hospital is looked past, a psychiatric one only at once "
        "after a discharge to psychiatric care. A readmission may itself be counted as a "
        "discharge.",
        "Death without readmission is no readmission, and is counted apart. The companion outcome "
        "is death or unplanned readmission within the same days.",
    )


_ICD9_NOTE = (
    "its exception for surgery knows ICD-10 procedures whole, of ICD-9 those of the planned "
    "categories alone"
)


def rules_of(found: Discharges, task: ReadmissionTask) -> Attrition:
    """Each rule in turn. What the source cannot tell is not evaluable, never passed or failed."""
    every, admitted, left = found.every, found.admitted, found.left
    covered = "coverage" in found.carries
    principal = "principal_diagnosis" in found.carries
    no_disposition = every["disposition"].isna().to_numpy()

    rules = found.begin("acute inpatient stays", task.lifted_exclusions)
    rules.exclude("transferred to another acute hospital that the data do not show",
                  found.sent("acute_transfer"), no_disposition, key="not_transferred")  # fmt: skip
    rules.exclude("left against medical advice", found.sent("left_against_advice"),
                  no_disposition, key="not_against_advice")  # fmt: skip
    rules.exclude(f"younger than {task.minimum_age} at admission, or of unknown age",
                  ~found.age_known | (found.age(admitted) < task.minimum_age),
                  key="age")  # fmt: skip
    if task.all_payers:
        told = principal or "admission_type" in found.carries
        rules.exclude("newborn", found.flag("newborn") if told else None, key="not_newborn")
    before = found.cover.any.covered_but_for_a_gap(
        found.person, admitted - task.enrolled_before_days, admitted, task.allowed_gap_days
    )
    gap = task.allowed_gap_days
    rules.exclude(f"not enrolled on each of the {task.enrolled_before_days} days before admission",
                  ~before if covered else None, key="enrolled_before",
                  note=f"one gap of up to {gap} days is tolerated" if gap
                  else "no gap is tolerated")  # fmt: skip
    lacking = (every["principal_ccs"] < 0).to_numpy()
    surgical = found.flag("surgical")
    for name, words in (
        ("psychiatric", "psychiatric principal diagnosis"),
        ("rehabilitation", "rehabilitation"),
    ):
        failed = (every["excluded_as"] == name).to_numpy()
        rules.exclude(words, failed if principal else None, lacking, key=f"not_{name}")
    cancer = (every["excluded_as"] == "cancer").to_numpy()
    rules.exclude(
        "medical treatment of cancer", cancer & ~surgical if principal else None, lacking,
        note=_surgery_note(found), key="not_medical_cancer",
    )  # fmt: skip
    exempt = every["exempt_hospital"].to_numpy()
    rules.exclude("discharged from a cancer hospital exempt from prospective payment",
                  exempt == 1 if (exempt >= 0).any() else None, exempt < 0,
                  note="" if (exempt >= 0).any() or not len(every)
                  else "no hospital is named by its CMS certification number",
                  key="not_exempt_hospital")  # fmt: skip
    last = np.datetime64(found.known_until, "D")
    rules.exclude(f"outcome not known yet: day {task.horizon_days} lies after {last}",
                  found.censored, key="outcome_known")  # fmt: skip
    dead = (found.death >= left) & (found.death <= left + task.enrolled_after_days)
    after = found.cover.any.covered(found.person, left, left + task.enrolled_after_days) | dead
    rules.exclude(f"not enrolled for {task.enrolled_after_days} days after discharge, and not dead",
                  ~after if covered else None, key="enrolled_after")  # fmt: skip
    return found.end(rules, task.horizon_days)


def _surgery_note(found: Discharges) -> str:
    if "procedure" not in found.carries:
        return "its exception for surgery is not evaluable: no procedures are carried"
    old = (found.every["principal_system"] == "ICD9CM").any()
    return _ICD9_NOTE if old else ""
