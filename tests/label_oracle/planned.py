"""Whether an admission was planned, and the categories that other rules ask for.

Readings chosen where DEFINITIONS.md is silent:

P1. "Lists are versioned by discharge date": a code of ICD-9 is asked of the ICD-9 lists (v3.0) and
    a code of ICD-10 of the ICD-10 lists (v4), which is the same wherever stays are coded in the
    system of their day. HCPCS codes are in no list.
P2. Z51.89 is CCS 254, as "(V57, Z51.89) ...; other CCS 254" says, though AHRQ's map has it in 257.
P3. Without a principal diagnosis nothing says that it is not acute: rule 2 is not met.
"""

from __future__ import annotations

from functools import cache

from data.codes import diagnosis_concept
from data.planned import PlannedLists, exempt_cancer_hospitals, planned_lists

from .stays import Code, Stay

_DIAGNOSIS_LISTS = {"ICD9CM": "ICD9", "ICD10CM": "ICD10"}
_PROCEDURE_LISTS = {"ICD9PCS": "ICD9", "ICD10PCS": "ICD10"}


def _lists_of_diagnosis(code: Code) -> PlannedLists | None:
    edition = _DIAGNOSIS_LISTS.get(code[0])
    return planned_lists(edition) if edition else None


def _lists_of_procedure(code: Code) -> PlannedLists | None:
    edition = _PROCEDURE_LISTS.get(code[0])
    return planned_lists(edition) if edition else None


@cache
def category(code: Code) -> int:
    """The CCS category of one diagnosis, 0 where it is unknown."""
    if code == ("ICD10CM", "Z5189"):
        return 254
    return int(diagnosis_concept(code[0], [code[1]])[0])


@cache
def always_planned_procedure(code: Code, all_payers: bool) -> bool:
    lists = _lists_of_procedure(code)
    return bool(lists and lists.always_planned_procedure([code[1]], all_payer=all_payers)[0])


@cache
def always_planned_diagnosis(code: Code, all_payers: bool) -> bool:
    lists = _lists_of_diagnosis(code)
    if lists is not None and category(code) == 254:
        return True
    return bool(lists and lists.always_planned_diagnosis([code[1]], all_payer=all_payers)[0])


@cache
def potentially_planned_procedure(code: Code) -> bool:
    lists = _lists_of_procedure(code)
    return bool(lists and lists.potentially_planned_procedure([code[1]])[0])


@cache
def acute(code: Code) -> bool:
    lists = _lists_of_diagnosis(code)
    return bool(lists and lists.acute_diagnosis([code[1]])[0])


def planned_rule(stay: Stay, all_payers: bool) -> str | None:
    """The rule of the algorithm that calls the admission planned; None where it is unplanned."""
    if any(always_planned_procedure(code, all_payers) for code in stay.procedures):
        return "always-planned procedure"
    if stay.principal is None:
        return None
    if always_planned_diagnosis(stay.principal, all_payers):
        return "always-planned diagnosis"
    if any(potentially_planned_procedure(code) for code in stay.procedures) and not acute(
        stay.principal
    ):
        return "potentially planned procedure, diagnosis not acute"
    return None


def psychiatric(stay: Stay) -> bool:
    """Principal diagnosis CCS 650-652, 654-659, 662 or 670."""
    listed = (650, 651, 652, 654, 655, 656, 657, 658, 659, 662, 670)
    return stay.principal is not None and category(stay.principal) in listed


def rehabilitation(stay: Stay) -> bool:
    """Principal diagnosis CCS 254."""
    return stay.principal is not None and category(stay.principal) == 254


def rehabilitation_stay(stay: Stay) -> bool:
    """A stay for rehabilitation in an acute hospital: V57 in ICD-9, Z51.89 in ICD-10."""
    if stay.principal is None:
        return False
    system, code = stay.principal
    return (system == "ICD9CM" and code.startswith("V57")) or (
        system == "ICD10CM" and code == "Z5189"
    )


@cache
def surgical(code: Code) -> bool:
    lists = _lists_of_procedure(code)
    return bool(lists and lists.surgical_procedure([code[1]])[0])


def medical_cancer(stay: Stay) -> bool:
    """Principal diagnosis CCS 11-45, and no listed surgical procedure in the stay."""
    if stay.principal is None or not 11 <= category(stay.principal) <= 45:
        return False
    return not any(surgical(code) for code in stay.procedures)


def exempt_cancer_hospital(stay: Stay) -> bool:
    """A hospital on the list of those exempt from prospective payment."""
    return stay.facility in exempt_cancer_hospitals()


def pregnancy(stay: Stay) -> bool:
    """Principal diagnosis CCS 177-196: pregnancy, childbirth and what complicates them."""
    return stay.principal is not None and 177 <= category(stay.principal) <= 196
