"""Acute stays with what decides about them: principal diagnosis and the planned-admission rule.

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

from data.codes import diagnosis_concept
from data.planned import PlannedLists, planned_lists
from training.facts import Source, final_facts
from training.outcome import UNPLANNED

ALWAYS_PROCEDURE = "always planned procedure"
ALWAYS_DIAGNOSIS = "always planned diagnosis"
POTENTIAL = "potentially planned procedure, diagnosis not acute"

_EDITIONS = ("ICD9", "ICD10")


def people(tables: Mapping[str, Source], through: int) -> pd.DataFrame:
    """One row a person with a member row or an encounter: index patient_id (sorted), columns
    ``birth_on`` and ``death_on`` (days since 1970, NaN where unknown or alive)."""
    members = final_facts(tables["member"], ["birth_on", "death_on", "known_on"], through)
    members = members.sort_values(["patient_id", "known_on", "record_id"]).drop_duplicates(
        "patient_id", keep="last"
    )
    return members.set_index("patient_id")[["birth_on", "death_on"]].astype(np.float64)


def acute_stays(tables: Mapping[str, Source], through: int, *, all_payers: bool) -> pd.DataFrame:
    """One row an acute inpatient stay, as finally known by day `through`.

    ``patient_id, encounter_id, facility_id, admission_type, disposition, admitted_on,
    discharged_on`` (NaN while open), ``principal_code, principal_system, principal_ccs`` (0:
    unknown code, -1: no principal diagnosis), ``planned_rule``, ``planned_untried`` (a
    potentially planned procedure met no principal diagnosis: taken as unplanned, and counted),
    flags ``rehabilitation, psychiatric`` and ``excluded_as`` (psychiatric, rehabilitation,
    cancer, or "").
    """
    columns = ["kind", "started_on", "ended_on", "facility_id", "admission_type", "disposition"]
    stays = final_facts(
        tables["encounter"], columns, through, pc.field("kind") == "acute_inpatient"
    )
    stays = stays.drop(columns="kind").rename(
        columns={
            "record_id": "encounter_id", "started_on": "admitted_on", "ended_on": "discharged_on",
        }
    )  # fmt: skip
    stays["discharged_on"] = stays["discharged_on"].astype(np.float64)
    principal = _principal(tables["diagnosis"], through)
    stays = stays.merge(principal, on="encounter_id", how="left", validate="one_to_one")
    _judge_diagnosis(stays)
    _judge_planned(stays, _procedures(tables["procedure"], through, stays), all_payers)
    return stays


def _principal(source: Source, through: int) -> pd.DataFrame:
    """encounter_id, principal_code, principal_system: the principal diagnosis known last, since
    the claim corrects what the admissions feed said."""
    where = (
        (pc.field("position") == 1)
        & pc.field("encounter_id").is_valid()
        & pc.field("code_system").isin(["ICD9CM", "ICD10CM"])
    )
    columns = ["encounter_id", "code_system", "code", "position", "known_on"]
    found = final_facts(source, columns, through, where)
    found = found.sort_values(["encounter_id", "known_on", "record_id"]).drop_duplicates(
        "encounter_id", keep="last"
    )
    found = found.rename(columns={"code": "principal_code", "code_system": "principal_system"})
    return found[["encounter_id", "principal_code", "principal_system"]]


def _procedures(source: Source, through: int, stays: pd.DataFrame) -> pd.DataFrame:
    where = pc.field("encounter_id").is_valid() & pc.field("code_system").isin(
        ["ICD9PCS", "ICD10PCS"]
    )
    found = final_facts(source, ["encounter_id", "code_system", "code"], through, where)
    row = pd.Index(stays["encounter_id"]).get_indexer(pd.Index(found["encounter_id"]))
    return found.assign(stay=row)[row >= 0]


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
    ccs = np.full(len(stays), -1, dtype=np.int16)
    excluded = np.full(len(stays), "", dtype=object)
    rehabilitation = np.zeros(len(stays), dtype=bool)
    for lists, rows, codes in _by_edition(stays):
        found = diagnosis_concept(lists.diagnosis_system, codes)
        ccs[rows] = found
        for name, categories in (
            ("psychiatric", lists.excluded_psychiatric),
            ("rehabilitation", lists.excluded_rehabilitation),
            ("cancer", lists.excluded_cancer),
        ):
            excluded[rows[np.isin(found, sorted(categories))]] = name
        # V57 and Z51.89 are rehabilitation itself; the rest of CCS 254 is planned and blocks
        stem = "V57" if lists.edition == "ICD9" else "Z5189"
        rehabilitation[rows] = [code.startswith(stem) for code in codes]
    # AHRQ's map puts Z51.89 elsewhere; CMS's modified one means it by rehabilitation
    excluded[rehabilitation] = "rehabilitation"
    stays["principal_ccs"] = ccs
    stays["excluded_as"] = excluded
    stays["psychiatric"] = excluded == "psychiatric"
    stays["rehabilitation"] = rehabilitation


def _judge_planned(stays: pd.DataFrame, procedures: pd.DataFrame, all_payers: bool) -> None:
    count = len(stays)
    always, always_diagnosis, potential, acute = (np.zeros(count, dtype=bool) for _ in range(4))
    for lists, rows, codes in _by_edition(stays):
        always_diagnosis[rows] = lists.always_planned_diagnosis(codes, all_payer=all_payers)
        acute[rows] = lists.acute_diagnosis(codes)
        done = procedures[procedures["code_system"] == lists.procedure_system]
        stay, code = done["stay"].to_numpy(), done["code"].to_numpy(dtype=object).tolist()
        always[stay[lists.always_planned_procedure(code, all_payer=all_payers)]] = True
        potential[stay[lists.potentially_planned_procedure(code)]] = True
    unknown = stays["principal_ccs"].to_numpy() < 0
    stays["planned_rule"] = np.select(
        [always, always_diagnosis, potential & ~acute & ~unknown],
        [ALWAYS_PROCEDURE, ALWAYS_DIAGNOSIS, POTENTIAL],
        UNPLANNED,
    ).astype(object)
    stays["planned_untried"] = potential & unknown & ~always
