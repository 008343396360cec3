"""The lists of the CMS planned-readmission algorithm and of the exclusions of index stays.

Lists are versioned by discharge date: v3.0 speaks ICD-9 and holds for discharges before
`ICD10_SINCE`, v4.0 speaks ICD-10 and holds from that day on. A stay whose codes are not those of
its date can be judged by the list of its codes alone; whoever reads them counts such stays.

Each list holds CCS categories and single codes (codelists/planned_readmission.csv); a `?` in a
single code stands for any one place, `[46]` for one of these, and a code stands for everything
that begins with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

import numpy as np

from data.code_systems import Codes, over_unique
from data.concepts import diagnosis_concept, procedure_concept, read_codelist

Edition = Literal["ICD9", "ICD10"]
ICD10_SINCE = date(2015, 10, 1)
"""Discharges from this day on are coded in ICD-10 (45 CFR 162.1002)."""
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class PlannedLists:
    """The lists for one edition of ICD. Numbers are CCS categories; patterns match one code.

    `acute_initial`: diagnosis categories that are acute only while the seventh place of the code
    says initial encounter (A, B or C). The lists for all payers hold those for Medicare as well.
    """

    edition: Edition
    version: str
    always_procedures: frozenset[int]
    always_procedures_all_payer: frozenset[int]
    always_diagnoses: frozenset[int]
    always_diagnoses_all_payer: frozenset[int]
    potential_procedures: frozenset[int]
    potential_codes: re.Pattern[str]
    acute_diagnoses: frozenset[int]
    acute_initial: frozenset[int]
    acute_codes: re.Pattern[str]
    excluded_psychiatric: frozenset[int]
    excluded_rehabilitation: frozenset[int]
    excluded_cancer: frozenset[int]
    excluded_pregnancy: frozenset[int]
    excluded_newborn: frozenset[int]
    surgical_procedures: frozenset[int]

    @property
    def diagnosis_system(self) -> str:
        return f"{self.edition}CM"

    @property
    def procedure_system(self) -> str:
        return f"{self.edition}PCS"

    def always_planned_procedure(self, codes: Codes, *, all_payer: bool = False) -> np.ndarray:
        """Whether each procedure code makes its stay planned whatever else it holds, bool."""
        listed = self.always_procedures_all_payer if all_payer else self.always_procedures
        return np.isin(procedure_concept(self.procedure_system, codes), sorted(listed))

    def always_planned_diagnosis(self, codes: Codes, *, all_payer: bool = False) -> np.ndarray:
        """Whether each principal diagnosis code makes its stay planned, bool."""
        listed = self.always_diagnoses_all_payer if all_payer else self.always_diagnoses
        return np.isin(diagnosis_concept(self.diagnosis_system, codes), sorted(listed))

    def potentially_planned_procedure(self, codes: Codes) -> np.ndarray:
        """Whether each procedure code makes its stay planned unless it was acute, bool."""
        by_category = np.isin(
            procedure_concept(self.procedure_system, codes), sorted(self.potential_procedures)
        )
        return by_category | self._matching(self.potential_codes, codes)

    def acute_diagnosis(self, codes: Codes) -> np.ndarray:
        """Whether each principal diagnosis code is acute, so that its stay is unplanned, bool."""
        category = diagnosis_concept(self.diagnosis_system, codes)
        initial = over_unique(codes, lambda code: len(code) == 7 and code[6] in "ABC", np.bool_)
        return (
            np.isin(category, sorted(self.acute_diagnoses))
            | (np.isin(category, sorted(self.acute_initial)) & initial)
            | self._matching(self.acute_codes, codes)
        )

    def surgical_procedure(self, codes: Codes) -> np.ndarray:
        """Whether each procedure code makes a cancer stay a surgical one, which counts, bool."""
        return np.isin(
            procedure_concept(self.procedure_system, codes), sorted(self.surgical_procedures)
        )

    @staticmethod
    def _matching(pattern: re.Pattern[str], codes: Codes) -> np.ndarray:
        return over_unique(codes, lambda code: pattern.match(code) is not None, np.bool_)


@cache
def planned_lists(edition: Edition = "ICD10") -> PlannedLists:
    """The lists that a stay coded in ICD-9 (v3.0) or in ICD-10 (v4.0) is judged by."""
    rows = [row for row in read_codelist("planned_readmission") if edition in row["system"]]

    def categories(concept: str) -> frozenset[int]:
        return frozenset(int(row["code"]) for row in rows if row["concept"] == concept)

    def pattern(concept: str) -> re.Pattern[str]:
        codes = [row["code"].replace("?", ".") for row in rows if row["concept"] == concept]
        return re.compile("|".join(codes)) if codes else _NEVER

    always_procedures = categories("always_procedure")
    always_diagnoses = categories("always_diagnosis")
    return PlannedLists(
        edition=edition,
        version=next(row["version"] for row in rows if row["concept"] == "acute_diagnosis"),
        always_procedures=always_procedures,
        always_procedures_all_payer=always_procedures | categories("always_procedure_all_payer"),
        always_diagnoses=always_diagnoses,
        always_diagnoses_all_payer=always_diagnoses | categories("always_diagnosis_all_payer"),
        potential_procedures=categories("potential_procedure"),
        potential_codes=pattern("potential_code"),
        acute_diagnoses=categories("acute_diagnosis"),
        acute_initial=categories("acute_diagnosis_initial"),
        acute_codes=pattern("acute_code"),
        excluded_psychiatric=categories("excluded_psychiatric"),
        excluded_rehabilitation=categories("excluded_rehabilitation"),
        excluded_cancer=categories("excluded_cancer"),
        excluded_pregnancy=categories("excluded_pregnancy"),
        excluded_newborn=categories("excluded_newborn"),
        surgical_procedures=categories("surgical_procedure"),
    )


@cache
def exempt_cancer_hospitals() -> frozenset[str]:
    """CMS certification numbers of the cancer hospitals exempt from prospective payment."""
    rows = read_codelist("planned_readmission")
    return frozenset(row["code"] for row in rows if row["concept"] == "exempt_cancer_hospital")
