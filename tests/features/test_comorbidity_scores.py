"""Charlson (weights of 1987 and 2011) and Elixhauser (van Walraven), row by row of their tables.

The weights are written here by hand from the publications, apart from data/comorbidity.py:
Charlson ME et al. J Chronic Dis 1987;40:373-83; Quan H et al. Am J Epidemiol 2011;173:676-82;
van Walraven C et al. Med Care 2009;47:626-33 †. The codes are examples from the maps of Quan H et
al. Med Care 2005;43:1130-9, one ICD-10-CM and one ICD-9-CM code a row.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.as_of import features_as_of
from tests.features.agreement import examples
from tests.features.asked_stays import asked
from tests.features.family_specs import Tables, diagnoses, value
from tests.features.rows import CARRIES, ago, histories, rows

CHARLSON = [  # group, ICD-10-CM, ICD-9-CM, 1987, 2011
    ("myocardial infarction", "I214", "41001", 1, 0),
    ("congestive heart failure", "I509", "4280", 1, 2),
    ("peripheral vascular disease", "I739", "4439", 1, 0),
    ("cerebrovascular disease", "I639", "43491", 1, 0),
    ("dementia", "F0390", "2900", 1, 2),
    ("chronic pulmonary disease", "J449", "496", 1, 1),
    ("rheumatic disease", "M329", "7100", 1, 1),
    ("peptic ulcer disease", "K259", "53190", 1, 0),
    ("mild liver disease", "K743", "5712", 1, 2),
    ("diabetes without complications", "E119", "25000", 1, 0),
    ("diabetes with complications", "E1121", "25040", 2, 1),
    ("hemiplegia or paraplegia", "G8190", "34290", 2, 2),
    ("renal disease", "N189", "5859", 2, 1),
    ("any malignancy", "C509", "1749", 2, 2),
    ("moderate or severe liver disease", "K7210", "5722", 3, 4),
    ("metastatic solid tumour", "C787", "1970", 6, 6),
    ("AIDS/HIV", "B20", "042", 6, 4),
]
MILDER = {  # each counts only where the worse one is not there
    "mild liver disease": "moderate or severe liver disease",
    "diabetes without complications": "diabetes with complications",
    "any malignancy": "metastatic solid tumour",
}
ELIXHAUSER = [  # group, ICD-10-CM, ICD-9-CM, van Walraven
    ("congestive heart failure", "I509", "4280", 7),
    ("cardiac arrhythmias", "I4891", "42731", 5),
    ("valvular disease", "I340", "4240", -1),
    ("pulmonary circulation disorders", "I269", "41519", 4),
    ("peripheral vascular disorders", "I739", "4439", 2),
    ("hypertension, uncomplicated", "I10", "4019", 0),
    ("hypertension, complicated", "I119", "40290", 0),
    ("paralysis", "G8190", "34290", 7),
    ("other neurological disorders", "G20", "3320", 6),
    ("chronic pulmonary disease", "J449", "496", 3),
    ("diabetes, uncomplicated", "E119", "25000", 0),
    ("diabetes, complicated", "E1121", "25040", 0),
    ("hypothyroidism", "E039", "2449", 0),
    ("renal failure", "N189", "5859", 5),
    ("liver disease", "K743", "5715", 11),
    ("peptic ulcer disease excluding bleeding", "K257", "53170", 0),
    ("AIDS/HIV", "B20", "042", 0),
    ("lymphoma", "C8590", "20280", 9),
    ("metastatic cancer", "C787", "1970", 12),
    ("solid tumour without metastasis", "C509", "1749", 4),
    ("rheumatoid arthritis/collagen vascular diseases", "M329", "7100", 0),
    ("coagulopathy", "D689", "2869", 3),
    ("obesity", "E669", "27800", -4),
    ("weight loss", "R634", "78321", 6),
    ("fluid and electrolyte disorders", "E871", "2761", 5),
    ("blood loss anaemia", "D500", "2800", -2),
    ("deficiency anaemia", "D509", "2809", -2),
    ("alcohol abuse", "F1020", "30390", 0),
    ("drug abuse", "F1120", "30400", -7),
    ("psychoses", "F200", "29500", 0),
    ("depression", "F329", "311", -3),
]


def _icd9(*codes: str) -> Tables:
    told = [{"happened_on": ago(3), "code_system": "ICD9CM", "code": code} for code in codes]
    return rows("diagnosis", *told)


@pytest.mark.parametrize(
    ("group", "icd10", "icd9", "of_1987", "of_2011"), CHARLSON, ids=[row[0] for row in CHARLSON]
)
def test_each_charlson_group(group: str, icd10: str, icd9: str, of_1987: int, of_2011: int) -> None:
    for told in (diagnoses((3, icd10)), _icd9(icd9)):
        assert value("charlson_1987_365", told) == of_1987
        assert value("charlson_2011_365", told) == of_2011


@pytest.mark.parametrize(
    ("group", "icd10", "icd9", "points"), ELIXHAUSER, ids=[row[0] for row in ELIXHAUSER]
)
def test_each_elixhauser_group(group: str, icd10: str, icd9: str, points: int) -> None:
    for told in (diagnoses((3, icd10)), _icd9(icd9)):
        assert value("elixhauser_van_walraven_365", told) == points
        # where there are no points, the group is there all the same
        assert value("elixhauser_groups_distinct_365", told) == 1


def test_the_tables_have_17_and_31_groups() -> None:
    assert (len(CHARLSON), len(ELIXHAUSER)) == (17, 31)


@pytest.mark.parametrize(
    ("codes", "of_1987", "of_2011"),
    [
        (("I509", "I214", "E119"), 1 + 1 + 1, 2 + 0 + 0),
        (("E119", "E1121"), 2, 1),  # complicated diabetes alone
        (("K743", "K7210"), 3, 4),  # severe liver disease alone
        (("C509", "C787"), 6, 6),  # metastatic alone
        (("I509", "I501"), 1, 2),  # one group twice
        (("C787", "B20", "K7210"), 6 + 6 + 3, 6 + 4 + 4),
        (("Z853",), 0, 0),  # a history of cancer
    ],
)
def test_charlson_by_hand(codes: tuple[str, ...], of_1987: int, of_2011: int) -> None:
    told = diagnoses(*((3, code) for code in codes))
    assert value("charlson_1987_365", told) == of_1987
    assert value("charlson_2011_365", told) == of_2011


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        (("I509", "I4891", "N189"), 7 + 5 + 5),
        (("E669", "F329"), -4 - 3),
        (("C509", "C787"), 4 + 12),  # the weights were fitted without hierarchies
        (("I509", "I501"), 7),
    ],
)
def test_elixhauser_by_hand(codes: tuple[str, ...], points: int) -> None:
    told = diagnoses(*((3, code) for code in codes))
    assert value("elixhauser_van_walraven_365", told) == points


@pytest.mark.parametrize(("day", "is_seen"), [(0, True), (364, True), (365, False), (-1, False)])
def test_groups_are_seen_for_a_year(day: int, is_seen: bool) -> None:
    told = diagnoses((day, "I509"))
    assert value("charlson_1987_365", told) == (1 if is_seen else 0)
    assert value("elixhauser_van_walraven_365", told) == (7 if is_seen else 0)


def test_without_diagnoses_there_is_no_score() -> None:
    carries = tuple(feed for feed in CARRIES if feed != "diagnosis")
    for name in ("charlson_1987_365", "charlson_2011_365", "elixhauser_van_walraven_365"):
        assert math.isnan(value(name, diagnoses((3, "I509")), carries=carries))


_GROUP_OF_CHARLSON = {row[1]: row for row in CHARLSON}
_GROUP_OF_ELIXHAUSER = {row[1]: row for row in ELIXHAUSER}


@examples(60)
@given(st.lists(st.sampled_from(sorted(_GROUP_OF_CHARLSON)), max_size=10))
def test_any_charlson_groups_add_up_as_by_hand(codes: list[str]) -> None:
    there = {_GROUP_OF_CHARLSON[code] for code in codes}
    named = {row[0] for row in there}
    counted = [row for row in there if MILDER.get(row[0]) not in named]
    found = _scores(codes, "charlson_1987_365", "charlson_2011_365")
    assert found == [sum(row[3] for row in counted), sum(row[4] for row in counted)]


@examples(60)
@given(st.lists(st.sampled_from(sorted(_GROUP_OF_ELIXHAUSER)), max_size=10))
def test_any_elixhauser_groups_add_up_as_by_hand(codes: list[str]) -> None:
    there = {_GROUP_OF_ELIXHAUSER[code] for code in codes}
    assert _scores(codes, "elixhauser_van_walraven_365") == [sum(row[3] for row in there)]


def _scores(codes: list[str], *names: str) -> list[Any]:
    told: pd.DataFrame = features_as_of(
        histories(diagnoses(*((3, code) for code in codes))), asked(), list(names)
    )
    return [told[name].item() for name in names]
