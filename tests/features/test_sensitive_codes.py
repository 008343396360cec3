"""Codes that are sensitive by themselves: which matter each is given to, and how it is found."""

from __future__ import annotations

from itertools import pairwise

import pytest

from data.code_names import icd_titles
from data.codes import well_formed
from data.sensitive_matters import MATTERS
from features.definitions.sensitive_codes import _RANGES, _SHAPES, _STEMS, sensitive_by_code
from features.definitions.sensitivity import sensitive_encounter, sensitive_specialty
from features.evidence import sensitive_code
from features.lab_tests import LAB_TESTS


@pytest.mark.parametrize(
    ("code", "why"),
    [
        # procedures of ICD-9 have no category
        ("PX/ICD9PCS/9462", "substance use"),  # alcohol detoxification
        ("PX/ICD9PCS/9445", "substance use"),  # drug addiction counselling
        ("PX/ICD9PCS/9413", "mental health"),  # commitment evaluation
        ("PX/ICD9PCS/9427", "mental health"),  # electroshock
        ("PX/ICD9PCS/6951", "reproductive health"),  # termination of pregnancy
        ("PX/ICD9PCS/6632", "reproductive health"),  # sterilisation
        ("PX/ICD9PCS/750", "reproductive health"),  # injection for abortion
        ("PX/ICD9PCS/645", "reproductive health"),  # sex transformation
        ("PX/ICD9PCS/9962", None),  # countershock of the heart
        ("PX/ICD9PCS/9851", None),  # shock waves against stones
        ("PX/ICD10PCS/10A07ZZ", "reproductive health"),
        ("PX/ICD10PCS/0UH97HZ", "reproductive health"),  # contraceptive device
        ("PX/ICD10PCS/HZ2ZZZZ", "substance use"),
        ("PX/ICD10PCS/GZB2ZZZ", "mental health"),  # electroconvulsive therapy
        ("PX/ICD10PCS/0UT90ZZ", None),  # uterus
        # alcohol and drugs: blocks, the blood, the family, the newborn
        ("DX/ICD10CM/K7030", "substance use"),
        ("DX/ICD10CM/G721", "substance use"),
        ("DX/ICD10CM/Y907", "substance use"),
        ("DX/ICD10CM/R780", "substance use"),  # CCS 663: mental health
        ("DX/ICD10CM/R786", "substance use"),
        ("DX/ICD10CM/T404X1A", "substance use"),
        ("DX/ICD10CM/T43651A", "substance use"),  # methamphetamines
        ("DX/ICD10CM/O99320", "substance use"),  # drug use in pregnancy
        ("DX/ICD10CM/P0414", "substance use"),
        ("DX/ICD10CM/Z811", "substance use"),
        ("DX/ICD9CM/97081", "substance use"),
        ("DX/ICD9CM/E8500", "substance use"),
        ("DX/ICD9CM/E8600", "substance use"),
        ("DX/ICD9CM/V113", "substance use"),
        ("DX/ICD9CM/64831", "substance use"),
        # self-harm and assault: the stricter of two
        ("DX/ICD10CM/T40412A", "substance use"),
        ("DX/ICD10CM/T43652A", "substance use"),
        ("DX/ICD10CM/T43222A", "mental health"),  # an antidepressant
        ("DX/ICD10CM/T391X2A", "mental health"),
        ("DX/ICD10CM/T391X3A", "violence"),
        ("DX/ICD10CM/T391X1A", None),
        ("DX/ICD10CM/T3692XA", "mental health"),  # the fifth character tells
        ("DX/ICD10CM/T71163A", "violence"),
        ("DX/ICD10CM/T43225A", "mental health"),  # taken as prescribed
        ("DX/ICD10CM/T424X5A", "mental health"),
        ("DX/ICD10CM/T384X2A", "mental health"),
        ("DX/ICD10CM/T384X1A", "reproductive health"),
        # HIV
        ("DX/ICD10CM/Z2981", "HIV"),
        ("DX/ICD10CM/R75", "HIV"),
        ("DX/ICD9CM/V08", "HIV"),
        ("DX/ICD9CM/042", "HIV"),
        ("DX/ICD9CM/79571", "HIV"),
        # sexual and reproductive health
        ("DX/ICD10CM/A6004", "reproductive health"),
        ("DX/ICD10CM/Z3201", "reproductive health"),
        ("DX/ICD9CM/05410", "reproductive health"),
        ("DX/ICD9CM/63511", "reproductive health"),
        ("DX/ICD9CM/V251", "reproductive health"),
        # violence
        ("DX/ICD10CM/Z0441", "violence"),
        ("DX/ICD10CM/X93XXXA", "violence"),
        ("DX/ICD10CM/Y0701", "violence"),
        ("DX/ICD10CM/Z91410", "violence"),  # CCS 663: mental health
        ("DX/ICD9CM/E9670", "violence"),
        ("DX/ICD9CM/E9601", "violence"),
        ("DX/ICD9CM/99553", "violence"),
        # drugs: the code tells more than its class
        ("RX/ATC/N07BB01", "substance use"),  # disulfiram
        ("RX/ATC/N02AE01", "substance use"),  # buprenorphine
        ("RX/ATC/N02AA01", None),
        ("RX/ATC/J05AE08", "HIV"),
        ("RX/ATC/G03XB01", "reproductive health"),  # mifepristone
        ("RX/ATC/N06CA01", "mental health"),
        # services, and results of the laboratory
        ("PX/HCPCS/H0020", "substance use"),
        ("PX/HCPCS/G2067", "substance use"),
        ("PX/HCPCS/H2017", "mental health"),
        ("PX/HCPCS/S0199", "reproductive health"),
        ("PX/HCPCS/90837", "mental health"),
        ("PX/HCPCS/87389", "HIV"),
        ("PX/HCPCS/99213", None),
        ("PX/HCPCS/9083F", None),
        ("LAB/75622-1", "HIV"),
        ("LAB/code/75622-1", "HIV"),
        ("LAB/5643-2/mg/dL", "substance use"),
        ("LAB/2118-8", "reproductive health"),
        ("LAB/718-7/g/L", None),
    ],
)  # fmt: skip
def test_a_code_is_given_to_its_matter(code: str, why: str | None) -> None:
    assert sensitive_code(code) == why


def test_a_principal_diagnosis_is_as_sensitive_as_any() -> None:
    assert sensitive_code("PRINCIPAL/ICD10CM/T404X1A") == "substance use"


@pytest.mark.parametrize(
    ("system", "code"),
    [("ICD9PCS", "94.62"), ("ICD10CM", " t40.4x1a"), ("LOINC", "005643-2"), ("HCPCS", "h0020")],
)
def test_a_code_is_found_however_it_is_written(system: str, code: str) -> None:
    assert sensitive_by_code(system, code) == "substance use"


@pytest.mark.parametrize(
    "code", ["DX/ICD10CM/", "DX/SNOMED/H", "DX/", "RX/", "LAB/", "PX/ICD9PCS/"]
)
def test_a_code_that_says_nothing_is_of_no_matter(code: str) -> None:
    assert sensitive_code(code) is None


def test_every_beginning_is_that_of_some_code_and_of_one_matter_alone() -> None:
    for system, matters in _STEMS.items():
        assert set(matters) <= set(MATTERS)
        stems = [stem for each in matters.values() for stem in each.split()]
        assert len(set(stems)) == len(stems), system
        if system == "LOINC":
            assert well_formed("LOINC", stems).all()
            named = {loinc for test in LAB_TESTS for loinc in test.loincs}
            assert named.isdisjoint(stems)  # those are told by name
        elif system == "ATC":
            assert well_formed("ATC", [stem for stem in stems if len(stem) > 3]).all()
        else:
            titles = tuple(icd_titles(system))
            assert [s for s in stems if not any(t.startswith(s) for t in titles)] == []


def test_what_the_place_of_a_character_tells_is_so_in_every_title() -> None:
    shape = _SHAPES["ICD10PCS"]["reproductive health"]
    told = [title for code, title in icd_titles("ICD10PCS").items() if shape.match(code)]
    organs = ("Fallopian Tube", "Vas Deferens", "Contraceptive Device")
    assert len(told) > 800
    assert [title for title in told if not any(organ in title for organ in organs)] == []
    shape = _SHAPES["ICD10CM"]["mental health"]
    told = [title for code, title in icd_titles("ICD10CM").items() if shape.match(code)]
    assert len(told) > 100
    ways = ("Adverse", "adverse", "Underdosing", "self-harm", "Advrs", "adv eff", "slf-hrm")
    assert [title for title in told if not any(way in title for way in ways)] == []


def test_ranges_of_services_run_upwards_and_do_not_meet() -> None:
    ranges = sorted(each.split("-") for text in _RANGES.values() for each in text.split())
    for first, last in ranges:
        assert well_formed("HCPCS", [first, last]).all()
        assert first <= last
        assert first[0].isdigit() == last[0].isdigit()
    for (_, last), (first, _) in pairwise(ranges):
        assert last < first


@pytest.mark.parametrize(
    ("revenue", "why"),
    [
        ("0724", "reproductive health"), ("0925", "reproductive health"),
        ("0514", "reproductive health"), ("0204", "mental health"), ("0513", "mental health"),
        ("0961", "mental health"), ("1001", "mental health"), ("1002", "substance use"),
        ("0906", "substance use"), ("0450 1002", "substance use"), ("0450", None),
    ],
)  # fmt: skip
def test_what_was_billed_for_a_visit_tells_of_it(revenue: str, why: str | None) -> None:
    assert sensitive_encounter("outpatient", None, None, revenue) == why


def test_a_birthing_centre_and_the_specialties_of_a_matter_are_marked() -> None:
    assert sensitive_encounter("office", None, "25", None) == "reproductive health"
    for said, why in (
        ("Opioid treatment program", "substance use"), ("HIV medicine", "HIV"),
        ("OB/GYN", "reproductive health"), ("family planning", "reproductive health"),
        ("gynecological/oncology", None),
    ):  # fmt: skip
        assert sensitive_specialty(said) == why
