"""Which diagnoses and drugs are sensitive, so that they can be masked wherever they would show."""

from __future__ import annotations

from typing import Literal

Sensitive = Literal["mental health", "substance use", "HIV", "reproductive health", "violence"]

_MENTAL_HEALTH = frozenset((*range(650, 653), *range(655, 660), 662, 663, 670))
_SUBSTANCE_USE = frozenset((241, 660, 661))  # 241: poisoning by psychotropic agents
_HIV = frozenset((5,))
_REPRODUCTIVE = frozenset((9, *range(169, 197)))  # 9: sexually transmitted infections

_SENSITIVE_CLASSES: dict[str, Sensitive] = {
    "N05A": "mental health",
    "N05B": "mental health",
    "N05C": "mental health",
    "N06A": "mental health",
    "N06B": "mental health",
    "N07B": "substance use",
    "J05A": "HIV",
    "G03A": "reproductive health",
    "G03C": "reproductive health",
}

_SENSITIVE_GROUPS: dict[str, Sensitive] = {
    "hiv": "HIV",
    "alcohol": "substance use",
    "drugs": "substance use",
    "psychosis": "mental health",
    "depression": "mental health",
}


def sensitive_diagnosis(ccs: int) -> Sensitive | None:
    """What makes a CCS diagnosis category sensitive; None where nothing does.

    653 (dementia) and 654 (developmental disorders) are not counted as mental health here:
    a caller must know of them in order to speak with the patient at all.
    """
    if ccs in _MENTAL_HEALTH:
        return "mental health"
    if ccs in _SUBSTANCE_USE:
        return "substance use"
    if ccs in _HIV:
        return "HIV"
    return "reproductive health" if ccs in _REPRODUCTIVE else None


def sensitive_drug(atc_class: str) -> Sensitive | None:
    """What makes a drug class (ATC, four characters) sensitive; None where nothing does."""
    return _SENSITIVE_CLASSES.get(atc_class)


def sensitive_group(group: str) -> Sensitive | None:
    """What makes a group of Charlson or Elixhauser sensitive; None where nothing does."""
    return _SENSITIVE_GROUPS.get(group)
