"""Diagnoses, comorbidity and yearly flags; codes are ICD-10-CM unless it is said.

I509 is heart failure (CCS 108), E119 diabetes (49), E1140 diabetes with complications (50), J189
pneumonia (122), C509 cancer of the breast (24), C7951 metastases (42), F329 depression (657).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.as_of import features_as_of
from tests.features.family_specs import NAN, NOTHING, Spec, Tables, diagnoses, same, value
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows

FAILING = diagnoses((0, "I509"), (364, "I509"), (365, "I509"))
MANY = diagnoses((1, "I509"), (1, "I501"), (2, "E119"), (3, "J189"))
FLAGS = rows("diagnosis", *(
    {"happened_on": ago(d), "code_system": "CCW", "code": code}
    for d, code in ((0, "SP_CHF"), (0, "SP_DEPRESSN"), (0, "SP_X"), (366, "SP_STRKETIA"))
))  # fmt: skip
ICD9 = rows("diagnosis", {"happened_on": ago(1), "code_system": "ICD9CM", "code": "4280"})
ILL = diagnoses((5, "I509"), (6, "E119"), (7, "E1140"), (8, "C509"), (9, "C7951"))

SPECS: list[Spec] = [
    # one category: count, new, recurrent
    ("diagnosis_108_365", FAILING, 2),
    ("diagnosis_108_365", ICD9, 1),
    ("diagnosis_108_365", NOTHING, 0),
    ("diagnosis_218_365", diagnoses((3, "Z3800")), 1),  # a newborn has a column too
    ("diagnosis_108_new_90", diagnoses((89, "I509")), 1),
    ("diagnosis_108_new_90", diagnoses((90, "I509")), 0),  # nothing in the window
    ("diagnosis_108_new_90", diagnoses((10, "I509"), (89, "I501")), 1),
    ("diagnosis_108_new_90", diagnoses((10, "I509"), (90, "I509")), 0),  # known before
    ("diagnosis_108_new_90", diagnoses((10, "I509"), (364, "I509")), 0),
    ("diagnosis_108_new_90", diagnoses((10, "I509"), (365, "I509")), 1),  # too long ago to count
    ("diagnosis_108_new_90", NOTHING, 0),
    ("diagnosis_108_recurrent_365", diagnoses((181, "I509"), (182, "I509")), 1),
    ("diagnosis_108_recurrent_365", diagnoses((0, "I509"), (181, "I509")), 0),
    ("diagnosis_108_recurrent_365", diagnoses((182, "I509"), (364, "I509")), 0),
    ("diagnosis_108_recurrent_365", diagnoses((10, "I509"), (365, "I509")), 0),
    # all of them
    ("diagnoses_count_30", diagnoses((0, "I509"), (29, "J189"), (30, "J189")), 2),
    ("diagnoses_trend_180", diagnoses((0, "I509"), (89, "J189"), (90, "J189")), 2 - 1),
    ("diagnoses_days_since", diagnoses((12, "I509"), (40, "J189")), 12),
    ("diagnoses_distinct_90", MANY, 3),  # heart failure twice
    ("diagnoses_distinct_90", NOTHING, 0),
    ("unknown_diagnoses_count_365", diagnoses((1, "QQ"), (2, "I509")), 1),
    ("unknown_diagnoses_days_since", diagnoses((1, "I509")), NAN),
    # chronic conditions: pneumonia is none
    ("chronic_conditions_distinct_365", MANY, 2),
    ("chronic_conditions_distinct_90", diagnoses((89, "I509"), (90, "E119")), 1),
    ("chronic_conditions_distinct_730", diagnoses((729, "I509"), (730, "E119")), 1),
    ("chronic_conditions_new_90", diagnoses((5, "I509"), (6, "E119"), (90, "E119")), 1),
    ("chronic_conditions_new_90", diagnoses((5, "I509"), (6, "E119"), (365, "E119")), 2),
    ("chronic_conditions_new_90", NOTHING, 0),
    ("chronic_conditions_recurrent_365",
     diagnoses((5, "I509"), (200, "I501"), (5, "E119"), (6, "E119")), 1),
    # what CCS parts is one chronic condition
    ("chronic_conditions_distinct_365", diagnoses((10, "E119"), (11, "E1121")), 1),
    ("chronic_conditions_distinct_365", diagnoses((10, "I10"), (11, "I119")), 1),
    ("chronic_conditions_distinct_365", diagnoses((10, "C189"), (11, "C787")), 1),
    ("chronic_conditions_new_90", diagnoses((10, "E1121"), (100, "E119")), 0),  # only worse
    # comorbidity groups in two years
    ("charlson_heart_failure_730", diagnoses((729, "I509")), 1),
    ("charlson_heart_failure_730", diagnoses((730, "I509")), 0),
    ("charlson_heart_failure_730", diagnoses((3, "J189")), 0),
    ("charlson_heart_failure_730", ICD9, 1),
    ("elixhauser_heart_failure_730", diagnoses((729, "I509")), 1),
    ("elixhauser_heart_failure_730", diagnoses((730, "I509")), 0),
    ("elixhauser_depression_730", diagnoses((3, "F329")), 1),
    # heart failure, complicated diabetes and metastases; not the milder two beside them
    ("charlson_groups_distinct_365", ILL, 3),
    ("charlson_groups_distinct_365", diagnoses((5, "I509"), (6, "E119"), (8, "C509")), 3),
    ("charlson_groups_distinct_730", diagnoses((5, "E119"), (400, "E1140")), 1),
    ("charlson_groups_distinct_365", diagnoses((5, "E119"), (400, "E1140")), 1),
    ("charlson_groups_distinct_365", NOTHING, 0),
    ("lace_items_distinct_365", ILL, 3),
    ("lace_items_distinct_365", diagnoses((5, "E119"), (6, "E1121")), 1),
    ("elixhauser_groups_distinct_365", ILL, 3),
    ("elixhauser_groups_distinct_365", diagnoses((3, "I110")), 2),  # both heart and hypertension
    ("elixhauser_groups_distinct_365", diagnoses((3, "I110"), (3, "I10")), 2),
    ("hccs_distinct_365", diagnoses((5, "E119"), (6, "E1140")), 1),
    ("hccs_distinct_365", diagnoses((5, "Z95811"), (6, "I509")), 1),  # a device, left out
    ("hccs_distinct_365", diagnoses((3, "I509"), (4, "I501"), (5, "E119"), (6, "J189")), 2),
    # scores: heart failure, complicated diabetes over diabetes, metastases over cancer
    ("charlson_1987_365", ILL, 1 + 2 + 6),
    ("charlson_2011_365", ILL, 2 + 1 + 6),
    ("charlson_1987_365", diagnoses((6, "E119"), (8, "C509")), 1 + 2),  # nothing worse is there
    ("charlson_1987_365", diagnoses((6, "E119"), (365, "E1140")), 1),  # the worse one is not seen
    ("charlson_1987_365", diagnoses((5, "I509"), (364, "I509")), 1),  # once, however often
    ("charlson_1987_365", diagnoses((365, "I509")), 0),
    ("charlson_1987_365", NOTHING, 0),
    # heart failure, diabetes twice, solid tumour and metastases: no hierarchies there
    ("elixhauser_van_walraven_365", ILL, 7 + 0 + 0 + 4 + 12),
    ("elixhauser_van_walraven_365", diagnoses((3, "E669"), (4, "F329")), -4 - 3),
    # CMS-HCC V28: heart failure 226, diabetes 38 under 37, metastases of bone 18, colon cancer 22
    ("hcc_v28_365", diagnoses((5, "I509"), (6, "E119"), (7, "E1140")), 0.360 + 0.166),
    ("hcc_v28_365", diagnoses((5, "C7951"), (6, "C189")), 2.341),
    ("hcc_v28_365", diagnoses((6, "C189")), 0.363),
    ("hcc_v28_365", diagnoses((6, "N183")), 0.127),  # as N18.30, which came in its place
    ("hcc_v28_365", diagnoses((6, "I481")), 0.299),
    ("hcc_v28_365", diagnoses((5, "Z95811"), (6, "I509")), 0.360),
    ("hcc_v28_365", diagnoses((5, "Z95811")), 0),
    ("hcc_v28_365", ICD9, 0),
    ("hcc_v28_365", NOTHING, 0),
    # chronic conditions flagged by a yearly summary, apart from coded diagnoses
    ("flag_heart_failure_365", FLAGS, 1),
    ("flag_depression_365", FLAGS, 1),
    ("flag_stroke_365", FLAGS, 0),  # flagged by the summary of the year before
    ("flag_cancer_365", FLAGS, 0),
    ("flag_heart_failure_365", NOTHING, 0),
    ("flag_heart_failure_365", diagnoses((1, "I509")), 0),
    ("yearly_flags_distinct_365", FLAGS, 2),
    *((name, FLAGS, 0.0) for name in (
        "diagnoses_count_30", "diagnoses_count_365", "diagnoses_trend_180",
        "diagnoses_distinct_90", "chronic_conditions_distinct_365", "diagnosis_108_365",
        "unknown_diagnoses_count_365", "charlson_heart_failure_730", "charlson_1987_365")),
    ("diagnoses_days_since", FLAGS, NAN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


def test_categories_of_icd10_are_missing_where_no_such_code_is_carried() -> None:
    held = histories(ICD9, tuple(feed for feed in CARRIES if feed != "icd10_diagnoses"))
    asked = pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]})
    names = ["hcc_v28_365", "hccs_distinct_365", "charlson_1987_365"]
    hcc, hccs, charlson = features_as_of(held, asked, names).iloc[0].tolist()
    assert np.isnan(hcc)
    assert np.isnan(hccs)
    assert charlson == 1


def test_a_diagnosis_that_is_withdrawn_is_none_from_then_on() -> None:
    told = {"record_id": "d", "happened_on": ago(30), "code": "I509"}
    tables = rows("diagnosis", {**told, "known_on": ago(20)},
                  {**told, "known_on": ago(5), "reversed": True})  # fmt: skip
    for name, then in (("diagnosis_108_365", 1), ("diagnosis_108_new_90", 1),
                       ("chronic_conditions_distinct_365", 1), ("charlson_1987_365", 1),
                       ("hcc_v28_365", 0.360)):  # fmt: skip
        assert value(name, tables, ago(21)) == 0
        assert same(value(name, tables, ago(6)), then)
        assert value(name, tables, ago(5)) == 0
