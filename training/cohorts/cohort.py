"""The readmission measure cohort: which discharges count, and why the others do not.

`cms_hwr` and `pcr_like` share the facts, the table of exclusions and the censoring, and differ in
which stays they look at, how these join, which admission decides, and their rules. Final facts
decide here, as they were known on data_through; features never see them. A rule whose inputs the
source does not carry is not evaluable: it takes nobody, and the table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import InputError
from data.small_cells import Counts
from features.window import to_day
from training.cohorts import cms_hwr, pcr_like
from training.cohorts.attrition import Attrition
from training.cohorts.discharges import ALREADY_BACK, Cover, Discharges
from training.cohorts.episodes import episodes_of, with_episodes
from training.cohorts.facts import Source, first_known
from training.cohorts.outcome import Deciding, readmissions
from training.cohorts.split import Split
from training.cohorts.stays import inpatient_stays, people
from training.cohorts.threshold import Threshold
from training.settings.tasks import ReadmissionTask

__all__ = ["ALREADY_BACK", "DEFINITIONS", "Cohort", "Definition", "OfCost", "OfStays", "day_of",
           "readmission_cohort", "words_of"]  # fmt: skip

Counted = tuple[str, tuple[int, ...]]
"""A sentence with a place for each count, and the counts: a page may not show small ones."""


@dataclass(frozen=True)
class OfStays:
    """What a readmission cohort tells beside its rows: ``stays`` (one row an inpatient stay, with
    ``episode`` where the definition looks at it), ``verdicts`` (rule → what it says of each row of
    `Cohort.every`, see `Attrition`) and ``remarks`` (those of the cohort, the counts apart)."""

    stays: pd.DataFrame
    verdicts: Mapping[str, NDArray[np.int8]]
    remarks: tuple[Counted, ...]


@dataclass(frozen=True)
class OfCost:
    """What a cohort of cost tells beside its rows: ``yearly`` (the source knows totals of years
    alone), ``amount`` (its kind, in words), ``threshold``, ``tables`` (completion, control totals,
    encounters by kind and, where the threshold was fitted, percentiles) and ``split`` (the one that
    it was fitted by, None where it was given)."""

    yearly: bool
    amount: str
    threshold: Threshold
    tables: Mapping[str, pd.DataFrame]
    split: Split | None = None


@dataclass(frozen=True)
class Cohort:
    """Who is asked about, when, and with which answer.

    ``rows``: one row a question that training may use (patient_id, as_of, outcome_until, outcome,
    weight, reason and the task's own columns), ordered by (patient_id, as_of). ``every``: the
    same for all that were looked at, with ``excluded_by`` (the first rule that took the row, ""
    for none) and ``censored``. ``followed_until``: the last day whose outcomes are complete.
    ``of_stays`` and ``of_cost`` are what the one task tells, None where it is the other's.
    """

    rows: pd.DataFrame
    every: pd.DataFrame
    attrition: pd.DataFrame
    followed_until: int
    run_out_days: int
    remarks: tuple[str, ...] = ()
    threshold_cents: int | None = None
    of_stays: OfStays | None = None
    of_cost: OfCost | None = None


@dataclass(frozen=True)
class Definition:
    """One published idea of a readmission: which stays it looks at, how they join (whatever the
    hospital, or not), which admission decides, its rules, and what it is in words."""

    kinds: tuple[str, ...]
    any_hospital: bool
    deciding: Deciding
    rules_of: Callable[[Discharges, ReadmissionTask], Attrition]
    words_of: Callable[[ReadmissionTask], tuple[str, ...]]


DEFINITIONS = {
    "cms_hwr": Definition(cms_hwr.KINDS, False, "first_acute", cms_hwr.rules_of, cms_hwr.words_of),
    "pcr_like": Definition(
        pcr_like.KINDS, True, "first_unplanned", pcr_like.rules_of, pcr_like.words_of
    ),
}


def words_of(task: ReadmissionTask) -> tuple[str, ...]:
    """The task's definition in sentences, with what the task changes of it."""
    words = DEFINITIONS[task.definition].words_of(task)
    if not task.lifted_exclusions:
        return words
    lifted = ", ".join(name.replace("_", " ") for name in task.lifted_exclusions)
    return (*words, f"Otherwise than the definition, this task counts: {lifted}.")


def day_of(when: date | str) -> int:
    """Days since 1970 of a date, or of its ISO text (as a manifest holds it)."""
    return to_day(when if isinstance(when, date) else date.fromisoformat(when))


def run_out_of(manifest: Mapping[str, Any], asked: int | None) -> int:
    """The run-out in days: the one asked for, else the source's own."""
    return int(manifest["run_out_days"]) if asked is None else asked


def readmission_cohort(
    tables: Mapping[str, Source], manifest: Mapping[str, Any], task: ReadmissionTask
) -> Cohort:
    """Index discharges by the task's definition, with their labels.

    A row's ``as_of`` is the day of discharge, or the later day on which it became known: no
    question is asked of a discharge that nobody knew of. Beside the columns of every cohort:
    encounter_id (the last stay of the episode), admitted_on, discharged_on, episode columns,
    died_within, death_or_readmission, next_encounter_id, next_rule, next_known_on (the day on which
    the next admission of any kind became known), and in ``every`` ``index``, whether the measure
    counts it (a question that comes too late included).

    Of real people the remarks hold no small count. Raises InputError where there is no such
    definition.
    """
    if task.definition not in DEFINITIONS:
        raise InputError(
            f"There is no definition {task.definition!r} of a readmission: choose "
            f"{' or '.join(DEFINITIONS)}."
        )
    definition = DEFINITIONS[task.definition]
    through = day_of(manifest["data_through"])
    run_out = run_out_of(manifest, task.run_out_days)
    carries = frozenset(manifest["carries"])
    persons = people(tables, through)
    inpatient = inpatient_stays(tables, through, all_payers=task.all_payers)
    patients = pd.Index(sorted(set(persons.index) | set(inpatient["patient_id"])), dtype=object)
    inpatient["person"] = patients.get_indexer(pd.Index(inpatient["patient_id"]))
    looked_at = inpatient["kind"].isin(definition.kinds).to_numpy(dtype=bool)
    stays = with_episodes(inpatient[looked_at], any_hospital=definition.any_hospital)
    episodes = episodes_of(stays)
    episodes[["birth_on", "death_on"]] = (
        persons.reindex(episodes["patient_id"]).to_numpy(dtype=np.float64).reshape(-1, 2)
    )
    labels = readmissions(stays, episodes, task.horizon_days, definition.deciding)
    every = pd.concat([episodes, labels], axis=1)
    known_until = through - run_out
    left = every["discharged_on"].to_numpy(dtype=np.float64)
    every["censored"] = ~(left + task.horizon_days <= known_until)
    seen = first_known(tables["encounter"], "ended_on", through)
    every["as_of"] = np.fmax(left, seen.reindex(every["encounter_id"]).to_numpy(np.float64))
    admitted = first_known(tables["encounter"], "started_on", through)
    following = every["first_encounter_id"].shift(-1).where(every["next_admitted_on"].notna())
    every["next_known_on"] = admitted.reindex(following).to_numpy(np.float64)
    cover = Cover.of(tables, through, patients, inpatient, carries)
    attrition = definition.rules_of(Discharges(every, stays, cover, carries, known_until), task)
    every["excluded_by"] = attrition.excluded_by
    every["index"] = attrition.kept | (attrition.excluded_by == ALREADY_BACK)
    every["outcome_until"] = every["discharged_on"] + task.horizon_days
    every["weight"] = 1.0
    censored = every["censored"].to_numpy(dtype=bool)
    for name in ("outcome", "death_or_readmission"):
        every[name] = every[name].astype("Int8").mask(censored)
    every["died_within"] = every["died_within"].astype("boolean").mask(censored)
    every.loc[censored, "reason"] = "not known yet: its days lie beyond what the data hold"
    rows = every[attrition.kept].sort_values(["patient_id", "as_of", "encounter_id"])
    whole = ["as_of", "outcome_until", "admitted_on", "discharged_on", "outcome",
             "death_or_readmission"]  # fmt: skip
    rows = rows.astype(dict.fromkeys(whole, np.int64) | {"died_within": np.bool_})
    rows = rows.drop(columns="index").reset_index(drop=True)
    others = inpatient[~looked_at]
    told = OfStays(
        pd.concat([stays, others], ignore_index=True) if len(others) else stays,
        attrition.verdicts,
        tuple(_remarks(stays, every, carries, run_out, task)),
    )

    counts = Counts(str(manifest["origin"]))
    remarks = tuple(words.format(*map(counts.count, numbers)) for words, numbers in told.remarks)
    return Cohort(rows, every, attrition.table(), known_until, run_out, remarks, of_stays=told)


def _remarks(
    stays: pd.DataFrame,
    every: pd.DataFrame,
    carries: Collection[str],
    run_out: int,
    task: ReadmissionTask,
) -> list[Counted]:
    """What nobody should overlook of the stays and of those who were left in."""
    made: list[Counted] = [
        (f"an outcome is known {run_out} days after its window, when the claims that hold the "
         "planned procedures are complete", ())
    ]  # fmt: skip
    if "procedure" not in carries:
        made.append(("planned admissions by procedure: not evaluable, no procedures are carried",
                     ()))  # fmt: skip
    elif unknown := int(stays["procedures_unknown"].sum()):
        made.append(("{} of {} procedures of these stays are under codes that the map does not "
                     "know", (unknown, int(stays["procedures"].sum()))))  # fmt: skip
    if "principal_diagnosis" not in carries:
        made.append(("planned admissions by diagnosis: not evaluable, no principal diagnosis", ()))
    else:
        unmapped = int((stays["principal_ccs"] == 0).sum())
        made.append(("{} of {} acute stays have a principal diagnosis that the map (AHRQ CCS, not "
                     "CMS's modified one) does not know", (unmapped, len(stays))))  # fmt: skip
    if untried := int(stays["planned_untried"].sum()):
        made.append(("{} stays with a potentially planned procedure lack a principal diagnosis "
                     "and count as unplanned", (untried,)))  # fmt: skip
    if other := int(stays["other_edition"].sum()):
        made.append(("{} stays are coded in the other edition of ICD than that of their day of "
                     "discharge, and were judged by the planned lists of their codes",
                     (other,)))  # fmt: skip
    if stays["facility_id"].isna().all():
        made.append(("transfers by hospital: not evaluable, no hospital is named", ()))
    index = every[every["index"]]
    if dead := int(index["died_within"].fillna(False).sum()):
        made.append(("{} of {} index discharges were followed by death within "
                     f"{task.horizon_days} days without an unplanned readmission: negative, and "
                     "positive in the companion outcome", (dead, len(index))))  # fmt: skip
    kinds = DEFINITIONS[task.definition].kinds
    if "observation" in kinds and not (stays["kind"] == "observation").any():
        made.append(("the data hold no observation stays: only inpatient ones count here", ()))
    return made
