"""Diagnosis codes in the comorbidity groups of Charlson and Elixhauser (Quan 2005), and of LACE.

A group is a set of code stems, for ICD-9-CM and ICD-10 alike (codelists/charlson_quan_2005.csv,
elixhauser_quan_2005.csv, lace_comorbidity.csv). A code may belong to several groups. Points and
severity hierarchies (metastatic over any cancer) stand here as data, and are left to whoever adds
points up.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from data.code_systems import Codes, over_unique
from data.concepts import read_codelist


@cache
def _groups(codelist: str) -> dict[str, str]:
    return {row["concept"]: row["name"] for row in read_codelist(codelist)}


@cache
def _stems(codelist: str, system: str) -> dict[str, int]:
    bit = {group: 1 << place for place, group in enumerate(_groups(codelist))}
    stems: dict[str, int] = {}
    for row in read_codelist(codelist):
        if row["system"] == system:
            stems[row["code"]] = stems.get(row["code"], 0) | bit[row["concept"]]
    return stems


def _bits(codelist: str, system: str, codes: Codes) -> np.ndarray:
    stems = _stems(codelist, system)

    def look_up(code: str) -> int:
        found = 0
        for length in range(3, len(code) + 1):
            found |= stems.get(code[:length], 0)
        return found

    return over_unique(codes, look_up, np.uint32, system)


CHARLSON_NAMES: dict[str, str] = _groups("charlson_quan_2005")
"""Charlson group → its name in words."""
CHARLSON_GROUPS: tuple[str, ...] = tuple(CHARLSON_NAMES)
"""The 17 Charlson groups; group number i is bit 1 << i of `charlson_groups`."""
CHARLSON_WEIGHTS: dict[str, dict[str, int]] = {
    form: dict(zip(CHARLSON_GROUPS, points, strict=True))
    for form, points in {
        "charlson_1987": (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 6, 6),
        "quan_2011": (0, 2, 0, 0, 2, 1, 1, 0, 2, 0, 1, 2, 1, 2, 4, 6, 4),
    }.items()
}
"""Points of each Charlson group: of 1987 (Charlson ME et al. J Chronic Dis 1987;40:373-83), and of
2011 (Quan H et al. Am J Epidemiol 2011;173:676-82)."""
CHARLSON_HIERARCHY: tuple[tuple[str, str], ...] = (
    ("mild_liver", "severe_liver"),
    ("diabetes", "diabetes_complicated"),
    ("cancer", "metastatic"),
)
"""(milder, worse): the milder group's points are left out where the worse group is there too."""
ELIXHAUSER_NAMES: dict[str, str] = _groups("elixhauser_quan_2005")
"""Elixhauser group → its name in words."""
ELIXHAUSER_GROUPS: tuple[str, ...] = tuple(ELIXHAUSER_NAMES)
"""The 31 Elixhauser groups; group number i is bit 1 << i of `elixhauser_groups`."""
ELIXHAUSER_WEIGHTS: dict[str, int] = dict.fromkeys(ELIXHAUSER_GROUPS, 0) | {
    "heart_failure": 7, "arrhythmia": 5, "valvular": -1, "pulmonary_circulation": 4,
    "peripheral_vascular": 2, "paralysis": 7, "other_neurological": 6, "pulmonary": 3, "renal": 5,
    "liver": 11, "lymphoma": 9, "metastatic": 12, "solid_tumour": 4, "coagulopathy": 3,
    "obesity": -4, "weight_loss": 6, "fluid_electrolyte": 5, "blood_loss_anaemia": -2,
    "deficiency_anaemia": -2, "drugs": -7, "depression": -3,
}  # fmt: skip
"""Points of each Elixhauser group (van Walraven C et al. Med Care 2009;47:626-33), fitted to death
in hospital. They were fitted without hierarchies, see ELIXHAUSER_HIERARCHY."""
ELIXHAUSER_HIERARCHY: tuple[tuple[str, str], ...] = (
    ("hypertension", "hypertension_complicated"),
    ("diabetes", "diabetes_complicated"),
    ("solid_tumour", "metastatic"),
)
"""(milder, worse): the milder group is left out where the worse one is there too."""
LACE_NAMES: dict[str, str] = _groups("lace_comorbidity")
"""LACE comorbidity item → its name in words."""
LACE_ITEMS: tuple[str, ...] = tuple(LACE_NAMES)
"""LACE's 14 comorbidity items; item number i is bit 1 << i of `lace_groups`."""
LACE_POINTS: dict[str, int] = {
    row["concept"]: int(row["points"]) for row in read_codelist("lace_comorbidity")
}
"""Points of each LACE comorbidity item (van Walraven 2010)."""
LACE_HIERARCHY: tuple[tuple[str, str], ...] = (
    ("diabetes", "diabetes_end_organ"),
    ("mild_liver_or_renal", "severe_liver_or_renal"),
    ("tumour", "metastatic"),
)
"""(milder, worse): the milder item's points are left out where the worse one is there too."""


def charlson_groups(system: str, codes: Codes) -> np.ndarray:
    """The Charlson groups of each code as a bit set over CHARLSON_GROUPS, uint32; 0 = none.

    Only ICD9CM and ICD10CM have groups (Quan 2005): a CCW flag is in none.
    """
    return _bits("charlson_quan_2005", system, codes)


def elixhauser_groups(system: str, codes: Codes) -> np.ndarray:
    """The Elixhauser groups of each code as a bit set over ELIXHAUSER_GROUPS, uint32; 0 = none.

    Only ICD9CM and ICD10CM have groups (Quan 2005): a CCW flag is in none.
    """
    return _bits("elixhauser_quan_2005", system, codes)


def lace_groups(system: str, codes: Codes) -> np.ndarray:
    """The LACE comorbidity items of each code as a bit set over LACE_ITEMS, uint32; 0 = none."""
    return _bits("lace_comorbidity", system, codes)


def group_names(bits: int, groups: tuple[str, ...]) -> list[str]:
    """The groups of one bit set, in the order of `groups`."""
    return [group for place, group in enumerate(groups) if bits >> place & 1]
