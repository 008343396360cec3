"""What an event code says: which concepts, and which number an event stands for under each."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from data import codes as lists
from data.lab_units import is_lab_unit, plain_unit
from features import meaning
from features.lab_tests import LAB_TESTS
from features.meaning import Meaning, meaning_fingerprint, meanings


def _concepts(code: str) -> list[str]:
    return [named.concept for named in meanings([code])[0]]


@pytest.mark.parametrize(
    ("code", "concepts"),
    [
        ("DX/ICD10CM/I509", {"DX/108", "CHARLSON/heart_failure", "LACE/heart_failure",
                             "ELIXHAUSER/heart_failure", "HCC/226", "CHRONIC/108"}),
        ("DX/ICD10CM/J189", {"DX/122"}),  # pneumonia: coded, and not chronic
        ("DX/ICD9CM/4280", {"DX/108", "CHARLSON/heart_failure", "LACE/heart_failure"}),
        ("DX/ICD10CM/I132",  # heart and kidney
         {"ELIXHAUSER/heart_failure", "ELIXHAUSER/hypertension_complicated",
          "LACE/heart_failure", "LACE/severe_liver_or_renal"}),
        ("DX/ICD10CM/E1122", {"DX/50", "CHARLSON/diabetes_complicated",
                              "LACE/diabetes_end_organ"}),
        ("DX/ICD10CM/Z590", {"NEED/housing"}),
        ("DX/ICD10CM/QQQ", {"DX/0"}),
        ("DX/CCW/SP_CHF", {"FLAG/108"}),
        ("DX/CCW/SP_X", {"FLAG/0"}),
        ("PX/ICD10PCS/0SRC0J9", {"PX/152"}),  # knee
        ("PX/ICD9PCS/8154", {"PX/152"}),
        ("PX/HCPCS/99213", {"PX/0"}),
        ("RX/ATC/A10AB01", {"RX/A10A"}),
        ("RX/ATC/?", {"RX/unknown"}),
        ("RX/NDC/00003029320", {"RX/unknown"}),
        ("ENC/emergency/started", {"ENC/emergency/started"}),
        ("PROVIDER/DX/ICD10CM/I509", {"PROVIDER/DX/ICD10CM/I509"}),
        ("PRODUCT/a/b", {"PRODUCT/a/b"}),
        ("DX/SNOMED/84114007", {"DX/SNOMED/84114007"}),
    ],
)  # fmt: skip
def test_the_concepts_of_a_code(code: str, concepts: set[str]) -> None:
    found = _concepts(code)
    assert concepts <= set(found)
    assert len(found) == len(set(found))
    if not code.startswith("DX/ICD"):
        assert set(found) == concepts


def test_a_code_that_is_not_chronic_says_so_by_silence() -> None:
    assert "CHRONIC/108" in _concepts("DX/ICD10CM/I509")
    assert not [c for c in _concepts("DX/ICD10CM/J189") if c.startswith(("CHRONIC/", "CHARLSON/"))]


@pytest.mark.parametrize(
    ("code", "concept", "factor"),
    [
        ("LAB/718-7/g/L", "LAB/haemoglobin", 0.1),  # 120 g/L are 12 g/dL
        ("LAB/718-7/g/dL", "LAB/haemoglobin", 1.0),
        ("LAB/718-7", "LAB/haemoglobin", 1.0),  # no unit counts as ours
        ("LAB/2160-0/umol/L", "LAB/creatinine", 1 / 88.4),
        ("LAB/718-7/gm/dl", "LAB/haemoglobin", 1.0),
        ("LAB/2951-2/mEq/L", "LAB/sodium", 1.0),
        ("LAB/6690-2/K/uL", "LAB/white_cells", 1.0),
        ("LAB/6690-2/x10E3/uL", "LAB/white_cells", 1.0),
        ("LAB/6690-2/10^3/mm3", "LAB/white_cells", 1.0),
        ("LAB/6690-2/cells/uL", "LAB/white_cells", 0.001),
        ("LAB/777-3/thou/uL", "LAB/platelets", 1.0),
        ("LAB/777-3/10^9/L", "LAB/platelets", 1.0),
        ("LAB/2160-0/MG/DL", "LAB/creatinine", 1.0),
        ("LAB/2160-0/µmol/L", "LAB/creatinine", 1 / 88.4),
        ("LAB/30934-4/ng/dL", "LAB/bnp", 10.0),
        ("LAB/98979-8/mL/min/1.73 m2", "LAB/egfr", 1.0),
        ("LAB/4548-4/% of total Hgb", "LAB/hba1c", 1.0),
        ("LAB/6301-6/INR", "LAB/inr", 1.0),
        ("LAB/9999-9/mg/dL", "LAB/code/9999-9", 1.0),
        ("LAB/718-7%2Fg/L", "LAB/code/718-7/g", 1.0),  # a code of its own, 718-7/g
        ("LAB/50%25/g", "LAB/code/50%", 1.0),
        ("LAB/haemoglobin/furlongs", "LAB/code/haemoglobin", 1.0),  # our name is nobody's code
    ],
)
def test_a_result_is_turned_into_our_unit(code: str, concept: str, factor: float) -> None:
    assert meanings([code]) == [(Meaning(concept, None, factor),)]


@pytest.mark.parametrize("unit", ["mmol/L", "10*9/L", "furlong", "g"])
def test_a_unit_that_is_not_read_leaves_a_result_without_a_value(unit: str) -> None:
    as_given, unread = meanings([f"LAB/718-7/{unit}"])[0]
    assert as_given == Meaning(f"LAB/718-7 in {unit}")
    assert unread.concept == "LAB/haemoglobin"
    assert unread.value is not None
    assert math.isnan(unread.value)


def test_a_condition_that_ccs_parts_is_one_chronic_condition() -> None:
    def conditions(*codes: str) -> set[str]:
        told = (_concepts(f"DX/ICD10CM/{code}") for code in codes)
        return {c for each in told for c in each if c.startswith("CHRONIC/")}

    assert conditions("E119", "E1121") == {"CHRONIC/diabetes"}
    assert conditions("I10", "I119") == {"CHRONIC/hypertension"}
    assert conditions("C189", "C787") == {"CHRONIC/cancer"}
    assert conditions("I509", "J449") == {"CHRONIC/108", "CHRONIC/127"}


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("PRINCIPAL/ICD10CM/I509", 108.0),
        ("PRINCIPAL/ICD9CM/4280", 108.0),
        ("PRINCIPAL/ICD10CM/QQQ", math.nan),
    ],
)
def test_a_principal_diagnosis_is_told_by_its_category(code: str, category: float) -> None:
    (named,) = meanings([code])[0]
    assert (named.concept, named.factor) == ("STAY/principal/known", 1.0)
    assert named.value is not None
    assert named.value == category or (math.isnan(named.value) and math.isnan(category))


def test_groups_come_in_the_order_of_their_lists() -> None:
    prefixes = ["DX", "CHARLSON", "ELIXHAUSER", "LACE", "NEED", "HCC", "CHRONIC"]
    for code in ("E1122", "I132", "C787", "B20", "Z590", "I509"):
        found = _concepts(f"DX/ICD10CM/{code}")
        places = [prefixes.index(concept.split("/")[0]) for concept in found]
        assert places == sorted(places)


def test_whoever_else_is_asked_about_and_whenever() -> None:
    together = ["DX/ICD10CM/I509", "DX/ICD9CM/25000", "FACILITY/h", "DX/ICD10CM/I509", "LAB/1-8"]
    told = meanings(together)
    assert told[0] == told[3]
    assert told == [meanings([code])[0] for code in together] == meanings(together)
    assert meanings([]) == []


def test_what_is_kept_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "_MOST_KEPT", 10)
    for number in range(100):
        code = f"DX/ICD10CM/Q{number}"
        assert _concepts(code)[0].startswith("DX/")
    assert len(meaning._kept) <= 11
    meanings([f"FACILITY/{number}" for number in range(100)])
    assert len(meaning._kept) <= 11


def test_each_unit_of_a_test_is_one_of_its_own() -> None:
    for test in LAB_TESTS:
        factors = {test.unit: 1.0, **test.factors}
        assert all(map(is_lab_unit, factors))
        worth = {(plain_unit(unit), factor) for unit, factor in factors.items()}
        assert len({spelt for spelt, _ in worth}) == len(worth)  # one spelling, one factor


def test_each_test_of_the_laboratory_reads_its_own_codes_and_units() -> None:
    for test in LAB_TESTS:
        for loinc in test.loincs:
            for unit, factor in {test.unit: 1.0, **test.factors}.items():
                expected = Meaning(f"LAB/{test.name}", None, factor)
                assert meanings([f"LAB/{loinc}/{unit}"]) == [(expected,)]


def test_the_fingerprint_names_lists_units_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = meaning_fingerprint()
    assert meaning_fingerprint() == before
    for owner, name, other in (
        (meaning, "MEANING_VERSION", -1),
        (meaning, "LAB_TESTS", LAB_TESTS[1:]),
        (lists, "code_lists_fingerprint", lambda: "another list"),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(owner, name, other)
            assert meaning_fingerprint() != before


def test_another_process_says_the_same() -> None:
    code = ["DX/ICD10CM/E1122"]
    asked = f"from features.meaning import *; print(meaning_fingerprint(), meanings({code}))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"{meaning_fingerprint()} {meanings(code)}"
