"""Diagnosis codes in the comorbidity groups of Charlson (Quan 2005) and of LACE.

A group is a set of code stems, for ICD-9-CM and ICD-10 alike (codelists/charlson_quan_2005.csv,
codelists/lace_comorbidity.csv). A code may belong to several groups. Severity hierarchies
(metastatic over any cancer) and weights are left to whoever adds points up.
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

    return over_unique(codes, look_up, np.uint32)


CHARLSON_NAMES: dict[str, str] = _groups("charlson_quan_2005")
"""Charlson group → its name in words."""
CHARLSON_GROUPS: tuple[str, ...] = tuple(CHARLSON_NAMES)
"""The 17 Charlson groups; group number i is bit 1 << i of `charlson_groups`."""
LACE_NAMES: dict[str, str] = _groups("lace_comorbidity")
"""LACE comorbidity item → its name in words."""
LACE_ITEMS: tuple[str, ...] = tuple(LACE_NAMES)
"""LACE's 14 comorbidity items; item number i is bit 1 << i of `lace_groups`."""
LACE_POINTS: dict[str, int] = {
    row["concept"]: int(row["points"]) for row in read_codelist("lace_comorbidity")
}
"""Points of each LACE comorbidity item (van Walraven 2010)."""


def charlson_groups(system: str, codes: Codes) -> np.ndarray:
    """The Charlson groups of each code as a bit set over CHARLSON_GROUPS, uint32; 0 = none.

    Only ICD9CM and ICD10CM have groups (Quan 2005): a CCW flag is in none.
    """
    return _bits("charlson_quan_2005", system, codes)


def lace_groups(system: str, codes: Codes) -> np.ndarray:
    """The LACE comorbidity items of each code as a bit set over LACE_ITEMS, uint32; 0 = none."""
    return _bits("lace_comorbidity", system, codes)


def group_names(bits: int, groups: tuple[str, ...]) -> list[str]:
    """The groups of one bit set, in the order of `groups`."""
    return [group for place, group in enumerate(groups) if bits >> place & 1]
