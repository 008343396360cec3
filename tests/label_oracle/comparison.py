"""The two implementations side by side: every difference, told by patient and stay.

Only the public result of `training` is looked at: of a cohort the frame `every`, and from `more`
the stays and the verdict of each rule on each row of `every`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa

from training.cohorts.cohort import readmission_cohort
from training.cohorts.high_cost import high_cost_cohort
from training.settings.tasks import HighCostTask, ReadmissionTask

from .facts import patients
from .high_cost import CostRules, high_cost
from .pcr import KINDS, outliers, pcr_like
from .planned import planned_rule
from .readings import OF_TRAINING
from .readmission import ACUTE, Judged, Rules, cms_hwr
from .stays import stays_of

FAILS = 1
"""The verdict of a rule that takes the row."""
RULES = {
    "cms_hwr": {
        "alive": "alive",
        "not_transferred": "transferred",
        "not_against_advice": "against advice",
        "age": "age",
        "enrolled_before": "enrolled before",
        "enrolled_after": "enrolled after",
        "not_psychiatric": "psychiatric",
        "not_rehabilitation": "rehabilitation",
        "not_medical_cancer": "cancer",
        "not_exempt_hospital": "exempt hospital",
        "not_newborn": "newborn",
    },
    "pcr_like": {
        "alive": "alive",
        "not_same_day": "same day",
        "age": "too young",
        "age_or_medicare": "too old, and not in Medicare",
        "enrolled_before": "enrolled before",
        "enrolled_after": "enrolled after",
        "not_pregnancy": "pregnancy",
        "not_hospice": "hospice",
        "not_newborn": "newborn",
    },
}
"""Definition → the rules of `training`, each with the name that it has in the second one."""
COMPARED_OTHERWISE = {"discharged", "outcome_known", "something_to_predict", "not_outlier"}
"""Rules of `training` that are no exclusion of the definition: each is compared by itself."""
PLANNED = {
    "always planned procedure": "always-planned procedure",
    "always planned diagnosis": "always-planned diagnosis",
    "potentially planned procedure, diagnosis not acute": (
        "potentially planned procedure, diagnosis not acute"
    ),
    "unplanned": None,
}
EPOCH = date(1970, 1, 1).toordinal()


@dataclass
class Compared:
    """What was compared, and every difference."""

    differences: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def same(self, what: str, who: str, here: Any, there: Any) -> None:
        self.counted[what] += 1
        if here != there:
            self.differences.append(f"{who}: {what}: oracle {here!r}, training {there!r}")


def rules_of(manifest: Mapping[str, Any], task: ReadmissionTask) -> Rules:
    run_out = manifest["run_out_days"] if task.run_out_days is None else task.run_out_days
    return Rules(
        date.fromisoformat(manifest["data_through"]),
        run_out,
        task.horizon_days,
        task.minimum_age,
        task.enrolled_before_days,
        task.enrolled_after_days,
        task.all_payers,
        OF_TRAINING,
    )


def readmission_differences(
    tables: Mapping[str, pa.Table], manifest: Mapping[str, Any], task: ReadmissionTask
) -> Compared:
    """Both on one task: episodes, rules, who is index, outcome, deciding admission, death."""
    rules = rules_of(manifest, task)
    judge, kinds = {"cms_hwr": (cms_hwr, ACUTE), "pcr_like": (pcr_like, KINDS)}[task.definition]
    cohort = readmission_cohort(tables, manifest, task)
    assert cohort.of_stays is not None
    verdicts = cohort.of_stays.verdicts
    names = RULES[task.definition]
    assert set(verdicts) <= set(names) | COMPARED_OTHERWISE, set(verdicts)
    rows = {
        row["encounter_id"]: (row, {rule for rule in verdicts if verdicts[rule][place] == FAILS})
        for place, row in enumerate(cohort.every.to_dict("records"))
    }
    stays = cohort.of_stays.stays.dropna(subset=["episode"])
    members = {
        episode: tuple(sorted(ids)) for episode, ids in stays.groupby("episode")["encounter_id"]
    }
    planned = dict(zip(stays["encounter_id"], stays["planned_rule"], strict=True))
    compared = Compared()
    for patient_id, patient in patients(tables, rules.data_through).items():
        for stay in stays_of(patient, kinds, OF_TRAINING):
            theirs = PLANNED[planned.pop(stay.id)]
            compared.same(
                "planned", f"{patient_id} {stay.id}", planned_rule(stay, task.all_payers), theirs
            )
        judged = judge(patient, rules)
        discharged = {
            stay.id: stay.discharged
            for stay in stays_of(patient, kinds, OF_TRAINING)
            if stay.discharged
        }
        outlying = outliers(judged.values(), discharged, task.outlier_stays, OF_TRAINING)
        for episode in sorted({ours.episode for ours in judged.values()}):
            who = f"{patient_id} {' '.join(episode)}"
            found = [rows.pop(stay) for stay in episode if stay in rows]
            compared.same("rows of an episode", who, 1, len(found))
            for row, failed in found:
                compared.same("stays", who, tuple(sorted(episode)), members[row["episode"]])
                ours = judged[row["encounter_id"]]
                if task.definition == "pcr_like" and ours.index and ours.known:
                    apart = discharged[ours.id].year in outlying
                    compared.same(f"outlier {apart}", who, apart, "not_outlier" in failed)
                _compare(compared, who, judged, row, failed, names)
    compared.same("episodes not known here", "all", [], sorted(rows))
    compared.same("stays not known here", "all", [], sorted(planned))
    return compared


def _compare(
    compared: Compared,
    who: str,
    judged: dict[str, Judged],
    row: dict[Any, Any],
    failed: set[str],
    names: dict[str, str],
) -> None:
    ours = judged[row["encounter_id"]]
    compared.same(
        "discharged", who, "not discharged" not in ours.failed, "discharged" not in failed
    )
    if "discharged" in failed:
        compared.same("open is no index", who, False, bool(row["index"]))
        return
    theirs = sorted(names[rule] for rule in failed if rule in names)
    compared.same("rules", who, sorted(ours.failed), theirs)
    compared.same("known", who, ours.known, "outcome_known" not in failed)
    if not ours.index:
        return
    outcome = "censored" if row["censored"] else ("positive" if row["outcome"] else "negative")
    compared.same(f"outcome {ours.outcome}", who, ours.outcome, outcome)
    if ours.outcome == "censored":
        compared.same("censored has no outcome", who, True, pd.isna(row["outcome"]))
        return
    decided_by = row["next_encounter_id"] or None
    compared.same("decided by", who, ours.decided_by, decided_by)
    companion = ours.outcome == "positive" or ours.died
    compared.same(
        f"death or readmission {companion}", who, companion, bool(row["death_or_readmission"])
    )


def cost_rules_of(
    manifest: Mapping[str, Any], task: HighCostTask, threshold_cents: int
) -> CostRules:
    run_out = manifest["run_out_days"] if task.run_out_days is None else task.run_out_days
    return CostRules(
        date.fromisoformat(manifest["data_through"]),
        run_out,
        threshold_cents,
        task.horizon_days,
        task.look_back_days,
        manifest["cost_covers"] == "year",
        OF_TRAINING,
    )


def high_cost_differences(
    tables: Mapping[str, pa.Table],
    manifest: Mapping[str, Any],
    task: HighCostTask,
    threshold_cents: int,
) -> Compared:
    """The high-cost label by both: who is asked about when, case or not or censored, the amount."""
    rules = cost_rules_of(manifest, task, threshold_cents)
    cohort = high_cost_cohort(tables, manifest, task, threshold_cents)
    theirs: dict[tuple[str, date], dict[Any, Any]] = {}
    for row in cohort.every.to_dict("records"):
        if row["excluded_by"] == "" or row["excluded_by"].startswith("left coverage"):
            as_of = date.fromordinal(EPOCH + int(row["as_of"]))
            theirs[row["patient_id"], as_of] = row
    asked = sorted({as_of for _, as_of in theirs})
    compared = Compared()
    for patient_id, patient in patients(tables, rules.data_through).items():
        for label in high_cost(patient, rules):
            if not asked or label.as_of < asked[0]:
                compared.counted["before the first date"] += 1
                continue
            who = f"{patient_id} {label.as_of}"
            row = theirs.pop((patient_id, label.as_of), None)
            compared.same("asked about", who, True, row is not None)
            if row is None:
                continue
            outcome = "censored" if row["censored"] else ("case" if row["outcome"] else "no case")
            compared.same(f"outcome {label.outcome}", who, label.outcome, outcome)
            compared.same("cents", who, label.cents, int(row["seen_cents"]))
    for patient_id, as_of in sorted(theirs):
        compared.same("asked about", f"{patient_id} {as_of}", False, True)
    return compared
