"""What is sensitive, so that it can be masked wherever it would show: of diagnoses, procedures,
drugs, specialties, stays and social needs.

A total over many conditions (a Charlson index, a count of specialists' visits) is not marked
itself: it names none of them. One of them may be all that it rests on, so whoever shows a total to
somebody who may not see such matters asks its evidence (`features.evidence`, where each event is
marked by its code).
"""

from __future__ import annotations

from data.sensitive_matters import Sensitive
from features.definitions.sensitive_codes import sensitive_by_code

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
    "G02A": "reproductive health",
    "G02B": "reproductive health",
    "G03A": "reproductive health",
    "G03C": "reproductive health",
    "G03D": "reproductive health",
    "G03F": "reproductive health",
    "G03G": "reproductive health",
    "G03X": "reproductive health",
}

_SENSITIVE_GROUPS: dict[str, Sensitive] = {
    "hiv": "HIV",
    "alcohol": "substance use",
    "drugs": "substance use",
    "psychosis": "mental health",
    "depression": "mental health",
}

_SENSITIVE_HCCS: dict[str, Sensitive] = {
    "1": "HIV",
    **dict.fromkeys(("135", "136", "137", "138", "139"), "substance use"),
    **dict.fromkeys(("151", "152", "153", "154", "155"), "mental health"),
}
"""Payment categories of CMS-HCC V28: some take in codes that tell less than their names do."""

_SENSITIVE_PROCEDURES: dict[int, Sensitive] = {
    **dict.fromkeys((121, 122, 126, *range(133, 142)), "reproductive health"),
    218: "mental health",
    219: "substance use",
}
"""CCS procedure categories: sterilisation, ectopic pregnancy, abortion and birth; psychiatric
evaluation and therapy; detoxification."""

SENSITIVE_SPECIALTIES: dict[str, Sensitive] = {
    **dict.fromkeys(
        ("psych", "geriatric psych", "clinical psych", "child psych", "child and adolescent psych",
         "neuropsychiatry", "mental health", "behavioral health", "marriage and family therap",
         "clinical social worker", "licensed clinical social worker"), "mental health",
    ),
    **dict.fromkeys(("addiction", "substance", "opioid", "alcohol", "drug abuse"), "substance use"),
    "hiv": "HIV",
    **dict.fromkeys(
        ("obstetrics", "ob/gyn", "ob-gyn", "obgyn", "maternal", "reproductive", "family planning",
         "certified nurse midwife", "midwife", "sexual", "gender"), "reproductive health",
    ),
}  # fmt: skip
"""How the words of a sensitive specialty begin, in lower case."""

_SENSITIVE_PLACES: dict[str, Sensitive] = {
    **dict.fromkeys(("51", "52", "53", "56"), "mental health"),
    **dict.fromkeys(("55", "57", "58"), "substance use"),
    "25": "reproductive health",
}
"""CMS places of service: psychiatric facilities and community mental health centres; residential
and other facilities for substance use, opioid treatment programs; birthing centres."""

_SENSITIVE_REVENUE: dict[str, Sensitive] = {
    **dict.fromkeys(("0114", "0124", "0134", "0144", "0154", "0204", "0513", "0961"),
                    "mental health"),
    **dict.fromkeys(("0116", "0126", "0136", "0146", "0156"), "substance use"),
    **dict.fromkeys(("0906", "0944", "0945", "0953", "1002", "1004"), "substance use"),
    **dict.fromkeys(("0112", "0122", "0132", "0142", "0152", "0514", "0925"),
                    "reproductive health"),
}  # fmt: skip
_SENSITIVE_REVENUE_STEMS: dict[str, Sensitive] = {
    "072": "reproductive health",
    "090": "mental health", "091": "mental health", "100": "mental health",
}  # fmt: skip
"""UB-04 revenue codes: psychiatric, detoxification and obstetric rooms, clinics and fees; labour
and delivery, pregnancy tests; drug and alcohol rehabilitation and residence; behavioural health
treatment and accommodation."""

_SENSITIVE_NEEDS: dict[str, Sensitive] = {"violence": "violence"}


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


def sensitive_procedure(ccs: int) -> Sensitive | None:
    """What makes a CCS procedure category sensitive; None where nothing does."""
    return _SENSITIVE_PROCEDURES.get(ccs)


def sensitive_specialty(specialty: str) -> Sensitive | None:
    """What makes a contact with a specialty sensitive; None where nothing does."""
    said = specialty.lower()
    return next((why for begin, why in SENSITIVE_SPECIALTIES.items() if said.startswith(begin)),
                None)  # fmt: skip


def sensitive_encounter(
    kind: str, specialty: str | None, place_of_service: str | None, revenue_codes: str | None
) -> Sensitive | None:
    """What makes it sensitive that a stay or visit took place at all: its setting, the clinician's
    specialty, where it was or what was billed for it; None where nothing does. Its diagnoses are
    asked one by one."""
    if kind == "psychiatric_inpatient":
        return "mental health"
    if specialty and (why := sensitive_specialty(specialty)):
        return why
    if place_of_service and (why := _SENSITIVE_PLACES.get(place_of_service)):
        return why
    for code in (revenue_codes or "").split():
        why = _SENSITIVE_REVENUE.get(code) or _SENSITIVE_REVENUE_STEMS.get(code[:3])
        if why:
            return why
    return None


def sensitive_concept(concept: str) -> Sensitive | None:
    """What makes one of the concepts of `features.meaning`, or a code of the source that stands for
    them, sensitive; None where nothing does.

    A code is asked for what it tells by itself (`features.definitions.sensitive_codes`); what the
    concepts that it names tell more is asked of each.

    >>> sensitive_concept("DX/657"), sensitive_concept("RX/N07B"), sensitive_concept("DX/108")
    ('mental health', 'substance use', None)
    >>> sensitive_concept("PX/ICD9PCS/6951"), sensitive_concept("LAB/75622-1")
    ('reproductive health', 'HIV')
    """
    family, _, rest = concept.partition("/")
    system, _, code = rest.partition("/")
    match family:
        case "DX" | "FLAG" | "CHRONIC" if rest.isdigit():
            return sensitive_diagnosis(int(rest))
        case "CHARLSON" | "ELIXHAUSER" | "LACE":
            return sensitive_group(rest)
        case "HCC":
            return _SENSITIVE_HCCS.get(rest)
        case "PX" if rest.isdigit():
            return sensitive_procedure(int(rest))
        case "DX" | "PX" | "RX" if code:
            return sensitive_by_code(system, code)
        case "RX":
            return sensitive_drug(rest)
        case "LAB":
            return sensitive_by_code("LOINC", code if system == "code" else system)
        case "SPECIALTY":
            return sensitive_specialty(rest)
        case "ENC" if rest.startswith("psychiatric_inpatient/"):
            return "mental health"
        case "NEED" | "SCREEN":
            return _SENSITIVE_NEEDS.get(rest)
        case _:
            return None
