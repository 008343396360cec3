"""Elixhauser groups, points, payment categories and chronic conditions: what each code says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import codes


def groups(system: str, code: str) -> list[str]:
    bits = int(codes.elixhauser_groups(system, [code])[0])
    return codes.group_names(bits, codes.ELIXHAUSER_GROUPS)


@pytest.mark.parametrize(("system", "code", "expected"), [
    ("ICD10CM", "I50.22", ["heart_failure"]),
    ("ICD10CM", "I13.2", ["heart_failure", "hypertension_complicated"]),
    ("ICD10CM", "I10", ["hypertension"]),
    ("ICD10CM", "I27.82", ["pulmonary_circulation", "pulmonary"]),
    ("ICD10CM", "E11.9", ["diabetes"]),
    ("ICD10CM", "E11.65", ["diabetes_complicated"]),
    ("ICD10CM", "I42.6", ["heart_failure", "alcohol"]),
    ("ICD10CM", "K70.30", ["liver", "alcohol"]),
    ("ICD10CM", "C90.00", ["lymphoma"]),
    ("ICD10CM", "C90.10", []),
    ("ICD10CM", "C44.91", []),
    ("ICD10CM", "C78.7", ["metastatic"]),
    ("ICD10CM", "F31.5", ["psychosis", "depression"]),
    ("ICD10CM", "D50.0", ["blood_loss_anaemia"]),
    ("ICD10CM", "D50.9", ["deficiency_anaemia"]),
    ("ICD10CM", "K25.4", []),
    ("ICD10CM", "K25.7", ["peptic_ulcer"]),
    ("ICD10CM", "J06.9", []),
    ("ICD9CM", "404.03", ["heart_failure", "hypertension_complicated", "renal"]),
    ("ICD9CM", "250.72", ["diabetes_complicated"]),
    ("ICD9CM", "426.13", ["arrhythmia"]),
    ("ICD9CM", "426.11", []),
    ("ICD9CM", "173.3", []),
    ("ICD9CM", "V45.11", ["renal"]),
    ("CCW", "SP_CHF", []),
])  # fmt: skip
def test_elixhauser_groups_of_quan(system, code, expected):
    assert groups(system, code) == expected


def test_elixhauser_has_31_groups_in_the_order_of_its_table_and_a_name_each():
    assert len(codes.ELIXHAUSER_GROUPS) == 31
    assert codes.ELIXHAUSER_GROUPS[0] == "heart_failure"
    assert codes.ELIXHAUSER_GROUPS[30] == "depression"
    assert codes.elixhauser_groups("ICD10CM", ["F32.9", "I50.9", None]).tolist() == [1 << 30, 1, 0]
    assert codes.elixhauser_groups("ICD10CM", []).dtype == np.uint32
    assert all(codes.ELIXHAUSER_NAMES.values())


@pytest.mark.parametrize(
    "group", ["heart_failure", "peripheral_vascular", "pulmonary", "paralysis", "hiv", "metastatic"]
)
def test_groups_that_both_tables_of_quan_draw_alike_are_alike(group):
    def bit(names: tuple[str, ...]) -> int:
        return 1 << names.index(group)

    systems = {
        "ICD9CM": [f"{n:03d}{d}{e}" for n in range(1, 1000) for d in range(10) for e in range(10)],
        "ICD10CM": [f"{a}{n:02d}{d}" for a in "ABCEGIJKPZ" for n in range(100) for d in range(10)],
    }
    for system, written in systems.items():
        elixhauser = codes.elixhauser_groups(system, written) & bit(codes.ELIXHAUSER_GROUPS)
        charlson = codes.charlson_groups(system, written) & bit(codes.CHARLSON_GROUPS)
        assert elixhauser.any()
        assert ((elixhauser != 0) == (charlson != 0)).all()


def test_points_of_charlson_and_elixhauser():
    first, later = (codes.CHARLSON_WEIGHTS[form] for form in ("charlson_1987", "quan_2011"))
    assert set(first) == set(later) == set(codes.CHARLSON_GROUPS)
    # 1 for ten groups, 2 for four, 3 for severe liver disease, 6 for metastases and for HIV
    assert sum(first.values()) == 10 * 1 + 4 * 2 + 3 + 2 * 6
    assert {group: points for group, points in later.items() if points} == {
        "heart_failure": 2, "dementia": 2, "pulmonary": 1, "rheumatic": 1, "mild_liver": 2,
        "diabetes_complicated": 1, "paralysis": 2, "renal": 1, "cancer": 2, "severe_liver": 4,
        "metastatic": 6, "hiv": 4,
    }  # fmt: skip
    points = codes.ELIXHAUSER_WEIGHTS
    assert tuple(points) == codes.ELIXHAUSER_GROUPS
    assert (points["metastatic"], points["liver"], points["drugs"], points["diabetes"]) == (
        12, 11, -7, 0)  # fmt: skip
    # 7+5-1+4+2+7+6+3+5+11+9+12+4+3-4+6+5-2-2-7-3
    assert sum(points.values()) == 70


def test_hierarchies_name_groups_that_exist_milder_first():
    for pairs, names in (
        (codes.CHARLSON_HIERARCHY, codes.CHARLSON_GROUPS),
        (codes.ELIXHAUSER_HIERARCHY, codes.ELIXHAUSER_GROUPS),
    ):
        assert {group for pair in pairs for group in pair} <= set(names)
        assert ("diabetes", "diabetes_complicated") in pairs
    assert ("cancer", "metastatic") in codes.CHARLSON_HIERARCHY
    assert ("solid_tumour", "metastatic") in codes.ELIXHAUSER_HIERARCHY


@pytest.mark.parametrize(("system", "code", "expected"), [
    ("ICD10CM", "E11.9", (38,)),
    ("ICD10CM", "e11.22", (37,)),
    ("ICD10CM", "I50.22", (226,)),
    ("ICD10CM", "N18.6", (326,)),
    ("ICD10CM", "E08.52", (37, 263)),
    ("ICD10CM", "I10", ()),
    ("ICD10CM", "E11", ()),  # cut short: with complications or without
    ("ICD10CM", "I48.1", (238,)),  # split in 2019, and both halves are in 238
    ("ICD10CM", "N18.3", (329,)),  # split in 2020: stage 3b is 328, the others 329
    ("ICD10CM", "N18.32", (328,)),
    ("ICD10CM", "F32.8", ()),  # split in 2016, into codes without a category
    ("ICD10CM", "F53", ()),  # split into one with a category and one without
    ("ICD10CM", "I31.39", ()),  # its sibling I31.31 has one
    ("ICD10CM", "E11.9999", (38,)),
    ("ICD10CM", "QQQ", ()),
    ("ICD10CM", None, ()),
    ("ICD9CM", "428.0", ()),
    ("ICD9CM", "E119", ()),
    ("CCW", "SP_CHF", ()),
])  # fmt: skip
def test_payment_categories(system, code, expected):
    assert codes.hcc_categories(system, [code]) == [expected]


def test_payment_categories_have_a_name_a_factor_and_hierarchies():
    numbers = set(codes.HCC_NAMES)
    assert len(numbers) == 115
    assert set(codes.HCC_WEIGHTS) == numbers
    assert codes.hcc_name(1) == "HIV/AIDS"
    assert codes.HCC_WEIGHTS[37] == codes.HCC_WEIGHTS[38] == 0.166
    with pytest.raises(KeyError):
        codes.hcc_name(3)
    # diabetes with complications leaves out diabetes without; no category leaves out itself
    assert (38, 37) in codes.HCC_SUPPRESSED_BY
    assert (37, 38) not in codes.HCC_SUPPRESSED_BY
    assert {n for pair in codes.HCC_SUPPRESSED_BY for n in pair} <= numbers
    assert all(milder != worse for milder, worse in codes.HCC_SUPPRESSED_BY)
    assert len(codes.HCC_SUPPRESSED_BY) == len(set(codes.HCC_SUPPRESSED_BY)) == 149
    assert {223, *codes.HCC_ONLY_WITH[223]} <= numbers


def test_chronic_conditions():
    chronic = ["I10", "E11.9", "C18.9", "F32.9", "I50.22"]
    passing = ["J06.9", "R07.9", "Z00.00", "S72.001A", "nonsense", None]
    assert codes.is_chronic("ICD10CM", chronic).all()
    assert not codes.is_chronic("ICD10CM", passing).any()
    assert codes.is_chronic("ICD9CM", ["401.9", "250.00"]).all()
    assert not codes.is_chronic("ICD9CM", ["465.9", "486", "I10", ""]).any()
    assert not codes.is_chronic("CCW", ["SP_CHF"]).any()
    assert codes.is_chronic("ICD10CM", []).dtype == np.bool_
    with pytest.raises(KeyError):
        codes.is_chronic("ATC", ["A10A"])


def test_a_code_that_the_list_lacks_is_chronic_where_its_whole_stem_is():
    # all of J44 and of ICD-9 428 is chronic, none of N17, some of F10 and of ICD-9 285
    assert codes.is_chronic("ICD10CM", ["J44", "E11.9999"]).tolist() == [True, True]
    assert codes.is_chronic("ICD10CM", ["F10", "N17", "U07.1"]).tolist() == [False, False, False]
    assert codes.is_chronic("ICD9CM", ["428", "285"]).tolist() == [True, False]


def test_a_category_counts_as_one_chronic_condition_of_its_own_or_with_others():
    several = [ccs for ccs in range(1, 671) if codes.chronic_condition(ccs) != str(ccs)]
    # 44: of uncertain behaviour, no cancer
    assert several == [*range(11, 44), 45, 49, 50, 98, 99]
    assert {codes.chronic_condition(ccs) for ccs in several} == set(codes.CHRONIC_NAMES)


@given(
    st.sampled_from(("ICD9CM", "ICD10CM", "CCW")),
    st.lists(st.text(max_size=9) | st.none(), max_size=6),
)
def test_no_text_breaks_a_look_up_and_each_code_stands_alone(system, written):
    for look_up in (codes.elixhauser_groups, codes.is_chronic, codes.hcc_categories):
        together = list(look_up(system, written))
        assert together == [next(iter(look_up(system, [code]))) for code in written]
