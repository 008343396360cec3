"""The readmission measure cohort `cms_hwr`: which discharges count, and why the others do not.

Final facts decide here, as they were known on data_through; features never see them. A rule whose
inputs the source does not carry is not evaluable: it takes nobody, and the table says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.window import completed_years, to_day
from training.attrition import Attrition
from training.enrolment import Enrolment
from training.episodes import episodes_of, with_episodes
from training.facts import Source, final_facts, first_known
from training.outcome import readmissions
from training.stays import acute_stays, people
from training.tasks import ReadmissionTask

ALREADY_BACK = "back, or past the window, when the discharge became known"


@dataclass(frozen=True)
class Cohort:
    """Who is asked about, when, and with which answer.

    ``rows``: one row a question that training may use (patient_id, as_of, outcome_until, outcome,
    weight, reason and the task's own columns), ordered by (patient_id, as_of). ``every``: the
    same for all that were looked at, with ``excluded_by`` (the first rule that took the row, ""
    for none) and ``censored``. ``followed_until``: the last day whose outcomes are complete.
    """

    rows: pd.DataFrame
    every: pd.DataFrame
    attrition: pd.DataFrame
    followed_until: int
    run_out_days: int
    remarks: tuple[str, ...] = ()
    threshold_cents: int | None = None
    more: dict[str, Any] = field(default_factory=dict)


def day_of(when: date | str) -> int:
    """Days since 1970 of a date, or of its ISO text (as a manifest holds it)."""
    return to_day(when if isinstance(when, date) else date.fromisoformat(when))


def run_out_of(manifest: Mapping[str, Any], asked: int | None) -> int:
    """The run-out in days: the one asked for, else the source's own."""
    return int(manifest["run_out_days"]) if asked is None else asked


def readmission_cohort(
    tables: Mapping[str, Source], manifest: Mapping[str, Any], task: ReadmissionTask
) -> Cohort:
    """Index discharges by `cms_hwr` with their labels.

    A row's ``as_of`` is the day of discharge, or the later day on which it became known: no
    question is asked of a discharge that nobody knew of. Beside the columns of every cohort:
    encounter_id (the last stay of the episode), admitted_on, discharged_on, episode columns,
    died_within, next_encounter_id, next_rule.
    """
    through = day_of(manifest["data_through"])
    run_out = run_out_of(manifest, task.run_out_days)
    carries = frozenset(manifest["carries"])
    persons = people(tables, through)
    stays = acute_stays(tables, through, all_payers=task.all_payers)
    patients = pd.Index(sorted(set(persons.index) | set(stays["patient_id"])), dtype=object)
    stays["person"] = patients.get_indexer(pd.Index(stays["patient_id"]))
    episodes = episodes_of(with_episodes(stays))
    episodes[["birth_on", "death_on"]] = (
        persons.reindex(episodes["patient_id"]).to_numpy(dtype=np.float64).reshape(-1, 2)
    )
    spans = final_facts(tables["coverage"], ["start_on", "end_on"], through)
    enrolment = Enrolment.of_spans(spans, patients)
    labels = readmissions(episodes, task.horizon_days)
    every = pd.concat([episodes, labels], axis=1)
    known_until = through - run_out
    left = every["discharged_on"].to_numpy(dtype=np.float64)
    every["censored"] = ~(left + task.horizon_days <= known_until)
    seen = first_known(tables["encounter"], "ended_on", through)
    every["as_of"] = np.fmax(left, seen.reindex(every["encounter_id"]).to_numpy(np.float64))
    attrition = _apply(every, enrolment, task, carries, known_until, len(stays), stays)
    every["excluded_by"] = attrition.excluded_by
    every["outcome_until"] = every["discharged_on"] + task.horizon_days
    every["weight"] = 1.0
    censored = every["censored"].to_numpy(dtype=bool)
    every["outcome"] = every["outcome"].astype("Int8").mask(censored)
    every.loc[censored, "reason"] = "not known yet: its days lie beyond what the data hold"
    rows = every[attrition.kept].sort_values(["patient_id", "as_of", "encounter_id"])
    whole = ["as_of", "outcome_until", "admitted_on", "discharged_on", "outcome"]
    rows = rows.astype(dict.fromkeys(whole, np.int64)).reset_index(drop=True)
    return Cohort(
        rows, every, attrition.table(), known_until, run_out, _remarks(stays, carries, run_out)
    )


def _apply(
    every: pd.DataFrame,
    enrolment: Enrolment,
    task: ReadmissionTask,
    carries: Collection[str],
    known_until: int,
    stay_count: int,
    stays: pd.DataFrame,
) -> Attrition:
    """Each rule in turn. What the source cannot tell is not evaluable, never passed or failed."""
    person = every["person"].to_numpy(dtype=np.int64)
    admitted = every["admitted_on"].to_numpy(dtype=np.int64)
    still_in = every["discharged_on"].isna().to_numpy()
    left = every["discharged_on"].fillna(every["admitted_on"]).to_numpy(dtype=np.int64)
    death = every["death_on"].to_numpy(dtype=np.float64)
    censored = every["censored"].to_numpy(dtype=bool)
    known = (every["outcome"] == 1).to_numpy() & ~censored
    goes = every["disposition"].to_numpy(dtype=object)
    no_disposition = every["disposition"].isna().to_numpy()
    horizon = task.horizon_days

    def sent(*where: str) -> NDArray[np.bool_] | None:
        return np.isin(goes.astype(str), where) if "disposition" in carries else None

    rules = Attrition(person, known)
    rules.begin("acute inpatient stays", stay_count, stays["person"].nunique())
    rules.joined("joined with another stay into one episode", stay_count)
    rules.exclude("not discharged as far as the data tell", still_in)
    by_date = (death >= admitted) & (death <= left)
    died = sent("died")
    rules.exclude(
        "died in hospital", by_date if died is None else died | by_date,
        note="" if died is not None else "by the date of death alone: no disposition is carried",
    )  # fmt: skip
    rules.exclude("transferred to another acute hospital that the data do not show",
                  sent("acute_transfer"), no_disposition)  # fmt: skip
    rules.exclude("left against medical advice", sent("left_against_advice"), no_disposition)
    birth = every["birth_on"].to_numpy(dtype=np.float64)
    unborn = np.isnan(birth)
    age = completed_years(np.where(unborn, 0, birth).astype(np.int64), admitted)
    rules.exclude(f"younger than {task.minimum_age} at admission, or of unknown age",
                  unborn | (age < task.minimum_age))  # fmt: skip
    covered = "coverage" in carries
    before = enrolment.covered(person, admitted - task.enrolled_before_days, admitted)
    rules.exclude(f"not enrolled on each of the {task.enrolled_before_days} days before admission",
                  ~before if covered else None, note="no gap is tolerated")  # fmt: skip
    principal = "principal_diagnosis" in carries
    lacking = (every["principal_ccs"] < 0).to_numpy()
    for name, words, note in (
        ("psychiatric", "psychiatric principal diagnosis", ""),
        ("rehabilitation", "rehabilitation", ""),
        ("cancer", "medical treatment of cancer",
         "its exception for listed surgical procedures is not evaluable: no list is kept"),
    ):  # fmt: skip
        failed = (every["excluded_as"] == name).to_numpy()
        rules.exclude(words, failed if principal else None, lacking, note)
    rules.exclude("discharged from a cancer hospital exempt from prospective payment", None,
                  note="no list of these hospitals is kept")  # fmt: skip
    rules.exclude(f"outcome not known yet: day {horizon} lies after {_iso(known_until)}", censored)
    dead = (death >= left) & (death <= left + task.enrolled_after_days)
    after = enrolment.covered(person, left, left + task.enrolled_after_days) | dead
    rules.exclude(f"not enrolled for {task.enrolled_after_days} days after discharge, and not dead",
                  ~after if covered else None)  # fmt: skip
    as_of = every["as_of"].to_numpy(dtype=np.float64)
    back = every["next_admitted_on"].to_numpy(dtype=np.float64) <= as_of
    rules.exclude(ALREADY_BACK, back | (as_of >= left + horizon),
                  note="measured, but nothing is left to predict")  # fmt: skip
    return rules


def _iso(day: int) -> str:
    return str(np.datetime64(day, "D"))


def _remarks(stays: pd.DataFrame, carries: Collection[str], run_out: int) -> tuple[str, ...]:
    made = [
        f"an outcome is known {run_out} days after its window, when the claims that hold the "
        "planned procedures are complete"
    ]
    if "procedure" not in carries:
        made.append("planned admissions by procedure: not evaluable, no procedures are carried")
    if "principal_diagnosis" not in carries:
        made.append("planned admissions by diagnosis: not evaluable, no principal diagnosis")
    for flag, words in (
        ("planned_untried", "stays with a potentially planned procedure lack a principal diagnosis "
         "and count as unplanned"),
    ):  # fmt: skip
        if (count := int(stays[flag].sum())) > 0:
            made.append(f"{count} {words}")
    if "principal_diagnosis" in carries:
        unmapped = int((stays["principal_ccs"] == 0).sum())
        made.append(
            f"{unmapped} of {len(stays)} acute stays have a principal diagnosis that the map (AHRQ "
            "CCS, not CMS's modified one) does not know"
        )
    if stays["facility_id"].isna().all():
        made.append("transfers by hospital: not evaluable, no hospital is named")
    return tuple(made)
