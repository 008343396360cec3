"""Hospital stays with what decides about them: principal diagnosis and the planned-admission rule.

Planned (CMS planned readmission algorithm, lists by edition of ICD in `data.planned`):
1. a procedure, or a principal diagnosis, of an always-planned category → planned;
2. a potentially planned procedure and a principal diagnosis that is not acute → planned;
3. else unplanned.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.codes import diagnosis_concept, recognised
from data.planned import ICD10_SINCE, PlannedLists, exempt_cancer_hospitals, planned_lists
from features.window import to_day
from training.cohorts.facts import Source, final_facts
from training.cohorts.outcome import UNPLANNED

ALWAYS_PROCEDURE = "always planned procedure"
ALWAYS_DIAGNOSIS = "always planned diagnosis"
POTENTIAL = "potentially planned procedure, diagnosis not acute"

INPATIENT_KINDS = (
    "acute_inpatient", "psychiatric_inpatient", "rehabilitation_inpatient", "skilled_nursing",
    "long_term_care", "observation",
)  # fmt: skip
"""Kinds of encounter in which somebody stays; hospice and home health are care of another kind."""

_EDITIONS = ("ICD9", "ICD10")
_CERTIFICATION_NUMBER = r"\d{6}"
"""A hospital's CMS certification number: two digits of the state, four of the hospital."""


def people(tables: Mapping[str, Source], through: int) -> pd.DataFrame:
    """One row a person with a member row or an encounter: index patient_id (sorted), columns
    ``birth_on`` and ``death_on`` (days since 1970, NaN where unknown or alive)."""
    members = final_facts(tables["member"], ["birth_on", "death_on", "known_on"], through)
    members = members.sort_values(["patient_id", "known_on", "record_id"]).drop_duplicates(
        "patient_id", keep="last"
    )
    return members.set_index("patient_id")[["birth_on", "death_on"]].astype(np.float64)


def inpatient_stays(
    tables: Mapping[str, Source], through: int, *, all_payers: bool
) -> pd.DataFrame:
    """One row a stay of any of `INPATIENT_KINDS`, as finally known by day `through`.

    ``patient_id, encounter_id, kind, facility_id, admission_type, disposition, admitted_on,
    discharged_on`` (NaN while open), ``principal_code, principal_system, principal_ccs`` (0:
    unknown code, -1: no principal diagnosis), ``planned_rule`` and ``planned_code`` (the code
    that made it fire, "" for unplanned), ``planned_untried`` (a potentially planned procedure met
    no principal diagnosis: taken as unplanned, and counted), the flags ``rehabilitation,
    psychiatric, surgical, pregnancy, newborn, other_edition`` (codes of the other edition of ICD
    than the discharge date's), ``excluded_as`` (psychiatric, rehabilitation, cancer, or ""),
    ``procedures`` and ``procedures_unknown`` (how many, and how many the map does not know).
    """
    columns = ["kind", "started_on", "ended_on", "facility_id", "admission_type", "disposition"]
    stays = final_facts(
        tables["encounter"], columns, through, pc.field("kind").isin(list(INPATIENT_KINDS))
    )
    stays = stays.rename(
        columns={
            "record_id": "encounter_id", "started_on": "admitted_on", "ended_on": "discharged_on",
        }
    )  # fmt: skip
    stays["discharged_on"] = stays["discharged_on"].astype(np.float64)
    principal = _principal(tables["diagnosis"], through, stays["encounter_id"])
    stays = stays.merge(principal, on="encounter_id", how="left", validate="one_to_one")
    done = _procedures(tables["procedure"], through, stays)
    _judge_diagnosis(stays)
    _judge_surgery(stays, done)
    _judge_planned(stays, done, all_payers)
    _judge_hospital(stays)
    return stays


def _principal(source: Source, through: int, encounters: pd.Series) -> pd.DataFrame:
    """encounter_id, principal_code, principal_system: the principal diagnosis of these encounters
    that was known last, since the claim corrects what the admissions feed said."""
    where = (
        (pc.field("position") == 1)
        & pc.field("encounter_id").is_valid()
        & pc.field("code_system").isin(["ICD9CM", "ICD10CM"])
    )
    columns = ["encounter_id", "code_system", "code", "position", "known_on"]
    found = final_facts(source, columns, through, where)
    found = found[found["encounter_id"].isin(encounters)]
    found = found.sort_values(["encounter_id", "known_on", "record_id"]).drop_duplicates(
        "encounter_id", keep="last"
    )
    found = found.rename(columns={"code": "principal_code", "code_system": "principal_system"})
    return found[["encounter_id", "principal_code", "principal_system"]]


def _procedures(source: Source, through: int, stays: pd.DataFrame) -> pd.DataFrame:
    """One row a procedure of a stay: ``stay`` (its position), ``code_system``, ``code``."""
    where = pc.field("encounter_id").is_valid() & pc.field("code_system").isin(
        ["ICD9PCS", "ICD10PCS"]
    )
    found = final_facts(source, ["encounter_id", "code_system", "code"], through, where)
    row = pd.Index(stays["encounter_id"]).get_indexer(pd.Index(found["encounter_id"]))
    done = found.assign(stay=row)[row >= 0]
    return done.sort_values(["stay", "code_system", "code"]).reset_index(drop=True)


def _by_edition(
    stays: pd.DataFrame,
) -> list[tuple[PlannedLists, NDArray[np.int64], list[str]]]:
    """For each edition of ICD its lists, the positions of the stays coded in it, their codes."""
    made = []
    for edition in _EDITIONS:
        rows = np.flatnonzero(stays["principal_system"] == f"{edition}CM")
        codes = stays["principal_code"].to_numpy(dtype=object)[rows].tolist()
        made.append((planned_lists(edition), rows, codes))
    return made


def _judge_diagnosis(stays: pd.DataFrame) -> None:
    count = len(stays)
    ccs = np.full(count, -1, dtype=np.int16)
    excluded = np.full(count, "", dtype=object)
    rehabilitation, pregnancy, newborn, other_edition = (
        np.zeros(count, dtype=bool) for _ in range(4)
    )
    ended = stays["discharged_on"].fillna(stays["admitted_on"]).to_numpy(dtype=np.float64)
    for lists, rows, codes in _by_edition(stays):
        found = diagnosis_concept(lists.diagnosis_system, codes)
        ccs[rows] = found
        for name, categories in (
            ("psychiatric", lists.excluded_psychiatric),
            ("rehabilitation", lists.excluded_rehabilitation),
            ("cancer", lists.excluded_cancer),
        ):
            excluded[rows[np.isin(found, sorted(categories))]] = name
        pregnancy[rows] = np.isin(found, sorted(lists.excluded_pregnancy))
        newborn[rows] = np.isin(found, sorted(lists.excluded_newborn))
        # V57 and Z51.89 are rehabilitation itself; the rest of CCS 254 is planned and blocks
        stem = "V57" if lists.edition == "ICD9" else "Z5189"
        rehabilitation[rows] = [code.startswith(stem) for code in codes]
        now = ended[rows] >= to_day(ICD10_SINCE)
        other_edition[rows] = now != (lists.edition == "ICD10")
    # AHRQ's map puts Z51.89 elsewhere; CMS's modified one means it by rehabilitation
    excluded[rehabilitation] = "rehabilitation"
    stays["principal_ccs"] = ccs
    stays["excluded_as"] = excluded
    stays["psychiatric"] = excluded == "psychiatric"
    stays["rehabilitation"] = rehabilitation
    stays["pregnancy"] = pregnancy
    stays["newborn"] = newborn | (stays["admission_type"] == "newborn").to_numpy(dtype=bool)
    stays["other_edition"] = other_edition


def _judge_surgery(stays: pd.DataFrame, procedures: pd.DataFrame) -> None:
    surgical = np.zeros(len(stays), dtype=bool)
    unknown = np.zeros(len(stays), dtype=np.int64)
    for edition in _EDITIONS:
        lists = planned_lists(edition)
        done = procedures[procedures["code_system"] == lists.procedure_system]
        stay, codes = done["stay"].to_numpy(), done["code"].to_numpy(dtype=object).tolist()
        surgical[stay[lists.surgical_procedure(codes)]] = True
        np.add.at(unknown, stay[~recognised(lists.procedure_system, codes)], 1)
    stays["surgical"] = surgical
    stays["procedures"] = np.bincount(procedures["stay"], minlength=len(stays))
    stays["procedures_unknown"] = unknown


def _judge_planned(stays: pd.DataFrame, procedures: pd.DataFrame, all_payers: bool) -> None:
    count = len(stays)
    always_diagnosis, acute = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    always, potential = np.full(count, "", dtype=object), np.full(count, "", dtype=object)
    for lists, rows, codes in _by_edition(stays):
        always_diagnosis[rows] = lists.always_planned_diagnosis(codes, all_payer=all_payers)
        acute[rows] = lists.acute_diagnosis(codes)
        done = procedures[procedures["code_system"] == lists.procedure_system]
        stay, code = done["stay"].to_numpy(), done["code"].to_numpy(dtype=object)
        for kept, fires in (
            (always, lists.always_planned_procedure(code.tolist(), all_payer=all_payers)),
            (potential, lists.potentially_planned_procedure(code.tolist())),
        ):
            # the first of its codes in alphabetical order is named: they were sorted, so the
            # last one written is the first
            kept[stay[fires][::-1]] = code[fires][::-1]
    always_diagnosis |= stays["rehabilitation"].to_numpy(dtype=bool)  # see _judge_diagnosis
    unknown = stays["principal_ccs"].to_numpy() < 0
    rules = [always != "", always_diagnosis, (potential != "") & ~acute & ~unknown]
    principal = stays["principal_code"].fillna("").to_numpy(dtype=object)
    stays["planned_rule"] = np.select(
        rules, [ALWAYS_PROCEDURE, ALWAYS_DIAGNOSIS, POTENTIAL], UNPLANNED
    ).astype(object)
    stays["planned_code"] = np.select(rules, [always, principal, potential], "").astype(object)
    stays["planned_untried"] = (potential != "") & unknown & (always == "")


def _judge_hospital(stays: pd.DataFrame) -> None:
    """``exempt_hospital``: 1 a cancer hospital exempt from prospective payment, 0 another, -1 not
    named by a CMS certification number."""
    facility = stays["facility_id"]
    certified = facility.str.fullmatch(_CERTIFICATION_NUMBER).fillna(False).to_numpy(dtype=bool)
    exempt = facility.isin(sorted(exempt_cancer_hospitals())).to_numpy(dtype=bool)
    stays["exempt_hospital"] = np.where(certified, exempt.astype(np.int8), -1).astype(np.int8)
