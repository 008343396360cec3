from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import codes
from data.concepts import CODELISTS, icd9_diagnoses, icd10_diagnoses, read_codelist
from tests.data.shared import shared_data

SYSTEMS = ("ICD9CM", "ICD10CM", "CCW")


@pytest.mark.parametrize("written", ["e11.9", "E119", " E11.9 ", "E11-9"])
def test_a_code_is_known_however_it_is_written(written):
    assert codes.normalise(written) == "E119"
    assert codes.diagnosis_concept("ICD10CM", [written])[0] == 49


def test_diagnosis_concepts():
    concept = codes.diagnosis_concept
    assert concept("ICD10CM", ["I50.22", "I21.4", "Z51.11", "V43.52XA"]).tolist() == [
        108, 100, 45, 260]  # fmt: skip
    assert concept("ICD9CM", ["428.0", "41001", "V58.11", "E888.9"]).tolist() == [108, 100, 45, 260]
    assert concept("CCW", ["SP_CHF", "SP_DIABETES", "SP_X"]).tolist() == [108, 49, 0]
    assert concept("ICD9CM", ["OTHER", "", None, "410011"]).tolist() == [0, 0, 0, 0]
    assert concept("ICD10CM", []).tolist() == []
    assert concept("ICD10CM", ["E11.9"]).dtype == np.int16


def test_a_code_newer_than_the_list_or_cut_short_takes_its_stem():
    # N18.3 of 2019 became N18.30 to N18.32; 410 is all of acute myocardial infarction
    assert codes.diagnosis_concept("ICD10CM", ["N18.31", "F32.A"]).tolist() == [158, 657]
    assert codes.diagnosis_concept("ICD9CM", ["410"]).tolist() == [100]
    # U07.1 has no relatives; E11 is diabetes with and without complications
    assert codes.diagnosis_concept("ICD10CM", ["U07.1", "E11"]).tolist() == [0, 0]


def test_every_listed_code_has_a_concept_with_a_name():
    names = codes.diagnosis_concepts()
    assert min(names) == 1
    assert max(names) == 670
    for categories in (icd9_diagnoses(), icd10_diagnoses()):
        assert set(categories.of_code.values()) <= set(names)
        assert len(categories.of_code) > 14_000
    assert codes.diagnosis_concept_name(108).startswith("Congestive heart failure")


@pytest.mark.parametrize("form", [list, np.array, pd.Series, pa.array,
                                  lambda x: pa.chunked_array([x, x[:1]])])  # fmt: skip
def test_any_column_of_codes_is_taken(form):
    answer = codes.diagnosis_concept("ICD10CM", form(["E11.9", "I50.22", "E11.9"]))
    assert answer[:3].tolist() == [49, 108, 49]


@given(st.sampled_from(SYSTEMS), st.lists(st.text(max_size=9) | st.none(), max_size=6))
def test_no_text_breaks_a_look_up_and_each_code_stands_alone(system, written):
    together = codes.diagnosis_concept(system, written)
    assert together.tolist() == [int(codes.diagnosis_concept(system, [c])[0]) for c in written]
    assert codes.charlson_groups(system, written).shape == (len(written),)
    assert codes.social_need(system, written).shape == (len(written),)
    assert len(codes.drug_class("ATC", written)) == len(written)


def groups(system: str, code: str) -> list[str]:
    return codes.group_names(int(codes.charlson_groups(system, [code])[0]), codes.CHARLSON_GROUPS)


@pytest.mark.parametrize(("system", "code", "expected"), [
    ("ICD10CM", "I21.4", ["myocardial_infarction"]),
    ("ICD10CM", "I25.2", ["myocardial_infarction"]),
    ("ICD10CM", "I25.10", []),
    ("ICD10CM", "I13.2", ["heart_failure"]),
    ("ICD10CM", "E11.65", ["diabetes"]),
    ("ICD10CM", "E11.22", ["diabetes_complicated"]),
    ("ICD10CM", "C44.91", []),
    ("ICD10CM", "C78.7", ["metastatic"]),
    ("ICD9CM", "404.03", ["heart_failure", "renal"]),
    ("ICD9CM", "428.0", ["heart_failure"]),
    ("ICD9CM", "042", ["hiv"]),
    ("ICD9CM", "173.3", []),
    ("CCW", "SP_CHF", []),
])  # fmt: skip
def test_charlson_groups_of_quan(system, code, expected):
    assert groups(system, code) == expected


def test_lace_points_are_its_own():
    assert len(codes.CHARLSON_GROUPS) == 17
    assert codes.LACE_POINTS["dementia"] == 3
    assert codes.LACE_POINTS["metastatic"] == 6
    assert sorted(codes.LACE_POINTS.values()) == [1] * 4 + [2] * 5 + [3] * 2 + [4] * 2 + [6]

    def items(code: str) -> list[str]:
        return codes.group_names(int(codes.lace_groups("ICD10CM", [code])[0]), codes.LACE_ITEMS)

    assert items("N18.2") == ["mild_liver_or_renal"]
    assert items("N18.6") == ["severe_liver_or_renal"]
    assert items("K76.6") == ["severe_liver_or_renal"]
    assert items("M05.9") == ["connective_tissue"]


def test_social_needs_take_the_longest_stem():
    needs = [
        codes.SOCIAL_NEEDS[n]
        for n in codes.social_need(
            "ICD10CM", ["Z59.00", "Z59.82", "Z59.89", "Z59.41", "Z60.2", "Z55.0", "E11.9", None]
        )
    ]
    assert needs == [
        "housing", "transport", "other", "food", "isolation", "education", "none", "none"
    ]  # fmt: skip
    assert codes.SOCIAL_NEEDS[codes.social_need("ICD9CM", ["V60.0"])[0]] == "housing"


def test_drug_classes():
    assert codes.drug_class("ATC", ["A10AB01", "b01aa03", "nonsense", None]) == [
        "A10A", "B01A", "", ""]  # fmt: skip
    assert codes.drug_class("NDC", ["00078035834"]) == [""]
    assert codes.drug_class_name("C03C") == "Loop diuretics"
    assert codes.drug_class_name("Q99Z") == "Q99Z"


def test_procedure_fields_that_hold_diagnoses_are_no_procedures():
    # 41001 is an infarction, 4100 a bone marrow transplant, and 41 is nothing
    assert codes.procedure_concept("ICD9PCS", ["41001", "41.00", "41"]).tolist() == [0, 64, 0]
    assert codes.recognised("ICD9PCS", ["41001", "41.00", "25000"]).tolist() == [False, True, False]
    assert codes.procedure_concept("ICD10PCS", ["0SR9019", "02YA0Z0"]).tolist() == [153, 176]
    assert codes.procedure_concept("HCPCS", ["99213"]).tolist() == [0]


@pytest.mark.parametrize(("system", "known", "unknown"), [
    ("ICD10CM", "E11.9", "ZZZ"), ("ICD9CM", "250.00", "XX000"), ("CCW", "SP_CHF", "SP_NO"),
    ("ICD10PCS", "0SR9019", "0SR901I"), ("HCPCS", "G0378", "ABC"), ("ATC", "A10A", "A1"),
    ("LOINC", "718-7", "718-8"),
    # rolled up by their stems, but no such codes
    ("ICD10CM", "E11.9", "E11.9999"), ("ICD9CM", "428.0", "428.09"),
])  # fmt: skip
def test_what_counts_as_known(system, known, unknown):
    assert codes.recognised(system, [known, unknown]).tolist() == [True, False]


def test_no_map_from_ndc_ships_and_that_is_said():
    assert not codes.recognised("NDC", ["00078035834"]).any()


def test_planned_lists():
    now, then = codes.planned_lists(), codes.planned_lists("ICD9")
    assert now.always_procedures == then.always_procedures == {64, 105, 176}
    assert now.always_procedures_all_payer == {64, 105, 134, 135, 176}
    assert now.always_diagnoses == {45, 254}
    assert now.always_diagnoses_all_payer == {45, 194, 196, 254}
    assert now.excluded_psychiatric == {*range(650, 653), *range(654, 660), 662, 670}
    assert now.excluded_cancer == set(range(11, 46))
    assert now.excluded_rehabilitation == {254}
    assert now.version == "algorithm v4.0, 2021"
    assert then.version == "algorithm v3.0"
    # a fracture is acute at its first treatment, and not when it is seen again
    assert now.acute_diagnosis(["S72.001A", "S72.001D", "I50.23", "Z51.11"]).tolist() == [
        True, False, True, False]  # fmt: skip
    assert then.acute_diagnosis(["428.0", "V58.11"]).tolist() == [True, False]
    # hip replacement; chemotherapy by vein; bypass graft; electroconvulsive therapy
    assert now.potentially_planned_procedure(["0SR9019", "GZB0ZZZ", "XXXXXXX"]).tolist() == [
        True, True, False]  # fmt: skip
    assert then.potentially_planned_procedure(["81.51", "36.10", "94.27", "25000"]).tolist() == [
        True, True, True, False]  # fmt: skip
    assert now.always_planned_procedure(["10D00Z1"], all_payer=True).tolist() == [True]
    assert now.always_planned_procedure(["10D00Z1"]).tolist() == [False]


def test_planned_lists_against_the_published_ones():
    folder = shared_data("planned_readmission")

    def column(name: str) -> list[str]:
        with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            return [row[0] for row in list(csv.reader(file))[1:] if row]

    now = codes.planned_lists()
    assert set(map(int, column("always_planned_ccs_procedure_category"))) == now.always_procedures
    assert set(map(int, column("always_planned_ccs_diagnosis_category"))) == now.always_diagnoses
    assert set(map(int, column("acute_diagnosis_ccs"))) == now.acute_diagnoses
    published = set(map(int, column("potentially_planned_ccs_procedure_category")))
    # the 2021 files give these two code by code, and hold all but 9 codes of them
    assert now.potential_procedures - published == {49, 112}
    assert published <= now.potential_procedures
    acute = column("acute_diagnosis_icd_10_cm")
    assert now.acute_diagnosis(acute).mean() > 0.985
    planned = column("potentially_planned_icd_10_pcs")
    assert now.potentially_planned_procedure(planned).mean() > 0.92
    # and hardly any code is called acute that is on neither of the two lists
    listed = set(acute)
    others = [code for code, ccs in icd10_diagnoses().of_code.items()
              if code not in listed and ccs not in now.acute_diagnoses]  # fmt: skip
    assert now.acute_diagnosis(others).mean() < 0.01


def test_every_codelist_has_the_same_columns_and_no_row_twice():
    paths = sorted(CODELISTS.glob("*.csv"))
    assert len(paths) == 14
    for path in paths:
        rows = read_codelist(path.stem)
        assert {"system", "code", "concept", "name", "source", "version"} <= set(rows[0])
        assert all(row[name] for row in rows for name in ("code", "concept", "source", "version"))
        keys = [(row["system"], row["code"], row["concept"]) for row in rows]
        assert len(set(keys)) == len(keys), path.name


def test_the_fingerprint_of_the_lists_is_stable():
    codes.code_lists_fingerprint.cache_clear()
    first = codes.code_lists_fingerprint()
    codes.code_lists_fingerprint.cache_clear()
    assert codes.code_lists_fingerprint() == first
    assert len(first) == 64
