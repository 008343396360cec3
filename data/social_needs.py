"""Social needs: their list, and the diagnosis codes that speak of them (social_need.csv)."""

from __future__ import annotations

from functools import cache

import numpy as np

from data.code_systems import Codes, over_unique
from data.concepts import read_codelist

_NAMED_NEEDS = {row["concept"]: row["name"] for row in read_codelist("social_need")}
SOCIAL_NEEDS: tuple[str, ...] = ("none", *_NAMED_NEEDS)
"""Kinds of social need; `social_need` answers a place in this tuple, and place 0 is none."""
SOCIAL_NEED_NAMES: dict[str, str] = {"none": "No social need", **_NAMED_NEEDS}


@cache
def _need_stems(system: str) -> dict[str, int]:
    rows = (row for row in read_codelist("social_need") if row["system"] == system)
    return {row["code"]: SOCIAL_NEEDS.index(row["concept"]) for row in rows}


def social_need(system: str, codes: Codes) -> np.ndarray:
    """The social need that each diagnosis code speaks of, int8 place in SOCIAL_NEEDS; 0 = none.

    ICD-10-CM Z55 to Z65 (and Z74.2, Z75.3), ICD-9-CM V60 to V62, and the codes of violence and
    abuse; the longest stem decides. No code that is told of people for where they come from, what
    they believe or who they are (acculturation, discrimination, religion) counts as a need, nor
    do thoughts of suicide, which are no social need, or unwanted pregnancy.
    """
    stems = _need_stems(system)

    def look_up(code: str) -> int:
        for length in range(len(code), 2, -1):
            if code[:length] in stems:
                return stems[code[:length]]
        return 0

    return over_unique(codes, look_up, np.int8, system)
