"""Whom a FHIR search asks about, its dates, and what is done with parameters that are not taken."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.ehr.fhir_dates import date_rule
from serving.ehr.identifiers import PATIENT_SYSTEM, is_fhir_id, subject_of
from serving.ehr.operation_outcome import FhirError
from serving.ehr.risk_search import risk_search
from serving.ehr.settings import FhirSettings
from tests.serving.ehr.people import BASE

OURS = FhirSettings()
SYSTEM = "https://hospital.example/mrn"
MRN = FhirSettings(patient_system=SYSTEM)


def asked(*parameters, fhir=OURS, prefer=None):
    return risk_search([tuple(one.split("=", 1)) for one in parameters], fhir, BASE, prefer)


@pytest.mark.parametrize(
    ("parameter", "patient"),
    [
        ("patient=P-1", "P-1"),
        ("patient=Patient/P-1", "P-1"),
        ("subject=Patient/P-1", "P-1"),
        ("subject:Patient=P-1", "P-1"),
        (f"patient={BASE}/Patient/P-1", "P-1"),
        ("patient=A\\,B", "A,B"),
        ("subject=Group/1", None),
        ("patient=https://other.example/fhir/Patient/P-1", None),
    ],
)
def test_without_an_identifier_system_the_id_of_the_patient_is_ours(parameter, patient):
    subject = asked(parameter).subject
    assert (None if subject is None else subject.patient_id) == patient


@pytest.mark.parametrize(
    ("parameter", "patient"),
    [
        (f"patient:identifier={SYSTEM}|00123", "00123"),
        (f"subject:identifier={SYSTEM}|00123", "00123"),
        (f"patient.identifier={SYSTEM}|00123", "00123"),
        (f"subject:Patient.identifier={SYSTEM}|00123", "00123"),
        (f"patient:identifier={SYSTEM}|a\\|b", "a|b"),
        ("patient:identifier=https://other.example/mrn|00123", None),
        ("patient:identifier=|00123", None),
    ],
)
def test_with_an_identifier_system_the_value_of_the_identifier_is_our_id(parameter, patient):
    subject = asked(parameter, fhir=MRN).subject
    assert (None if subject is None else subject.patient_id) == patient


@pytest.mark.parametrize(
    ("parameters", "fhir", "status", "words"),
    [
        ([], OURS, 400, "Name the patient"),
        (["patient="], OURS, 400, "Name the patient"),  # empty ones are ignored
        (["patient=P-1,P-2"], OURS, 400, "One patient in one search"),
        (["patient=P-1", "patient=P-2"], OURS, 400, "One patient in one search"),
        (["patient=P-1", "subject=Group/1"], OURS, 400, "One patient in one search"),
        (["patient=Patient/"], OURS, 400, "holds no id"),
        (["patient=" + "x" * 257], OURS, 400, "holds no id"),
        (["patient:text=x"], OURS, 400, "modifier of the parameter patient is not supported"),
        (["patient.name=x"], OURS, 400, "modifier of the parameter patient is not supported"),
        (["patient=P-1", "date:missing=true"], OURS, 400, "modifier of the parameter date"),
        (["patient=P-1", "date=16.5.2024"], OURS, 400, "no date of the form"),
        (["patient=P-1", "_count=many"], OURS, 400, "_count holds no whole number"),
        (["patient=P-1", "_format=xml"], OURS, 406, "as JSON alone"),
        (["patient:identifier=a|b"], OURS, 400, "No identifier system"),
        (["patient=P-1"], MRN, 400, "known by an identifier"),
        (["patient:identifier=00123"], MRN, 400, "Name the identifier's system"),
        ([f"patient:identifier={SYSTEM}|"], MRN, 400, "has no value"),
        (["patient=P-1"] * 51, OURS, 400, "At most 50 parameters"),
    ],
)
def test_a_search_that_cannot_be_answered_is_refused_in_one_sentence(
    parameters, fhir, status, words
):
    with pytest.raises(FhirError, match=words) as refused:
        asked(*parameters, fhir=fhir)
    assert refused.value.status == status
    assert "P-1" not in str(refused.value)
    assert "00123" not in str(refused.value)
    assert refused.value.outcome["issue"][0]["details"]["text"] == refused.value.sentence


@pytest.mark.parametrize("prefer", [None, "handling=lenient", "return=minimal"])
def test_unknown_parameters_are_left_out_and_the_search_says_what_it_took(prefer):
    search = asked("patient=P-1", "_sort=date", "hello=1", "_format=json", prefer=prefer)
    assert search.ignored == ("parameter _sort", "1 unknown parameter")
    assert search.url(BASE) == f"{BASE}/RiskAssessment?patient=P-1&_format=json"


@pytest.mark.parametrize("prefer", ["handling=strict", "respond-async, Handling=STRICT"])
def test_strict_handling_refuses_unknown_parameters(prefer):
    with pytest.raises(FhirError, match=r"^Not supported: parameter _sort.$"):
        asked("patient=P-1", "_sort=date", prefer=prefer)
    assert asked("patient=P-1", "date=2024", prefer=prefer).subject


def test_the_identifier_of_an_assessment_is_not_that_of_a_patient():
    with pytest.raises(FhirError, match="Name the patient"):
        asked(f"identifier={SYSTEM}|00123", fhir=MRN)


@pytest.mark.parametrize(
    ("patient_id", "fhir", "reference"),
    [
        ("P-1", OURS, {"reference": "Patient/P-1", "type": "Patient"}),
        ("P_1", OURS,
         {"type": "Patient", "identifier": {"system": PATIENT_SYSTEM, "value": "P_1"}}),
        ("P-1", MRN, {"type": "Patient", "identifier": {"system": SYSTEM, "value": "P-1"}}),
    ],
)  # fmt: skip
def test_a_patient_is_referred_to_by_an_id_that_fhir_allows_or_by_an_identifier(
    patient_id, fhir, reference
):
    assert subject_of(patient_id, fhir).reference == reference


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a-1.B", True), ("", False), ("a_b", False), ("x" * 64, True), ("x" * 65, False),
     ("ä", False)],
)  # fmt: skip
def test_a_fhir_id_has_letters_digits_hyphens_and_dots(text, is_one):
    assert is_fhir_id(text) is is_one


@pytest.mark.parametrize(
    ("value", "day", "holds"),
    [
        ("2024-05-16", date(2024, 5, 16), True),
        ("eq2024-05-16", date(2024, 5, 17), False),
        ("2024-05-16T12:00Z", date(2024, 5, 16), False),  # a minute does not hold a day
        ("ap2024-05-16T12:00Z", date(2024, 5, 16), True),
        ("ge2024-05-16T23:59:59+00:00", date(2024, 5, 16), False),  # nothing of the day is later
        ("gt2024-05-16T12:00:00.5Z", date(2024, 5, 16), True),  # part of the day is
        ("lt2024-05-16T00:00:00 02:00", date(2024, 5, 15), True),  # a bare + is a blank
        ("ge2024-02-29", date(2024, 2, 29), True),
    ],
)
def test_a_date_stands_for_all_of_its_precision(value, day, holds):
    assert date_rule(value).holds(day) is holds


@pytest.mark.parametrize(
    "value",
    ["2024-13", "2023-02-29", "24", "2024-5-1", "today", "xx2024", "2024-05-16T25:00Z", "9999",
     "2024-05-16Z", "0000-01-01", "٢٠٢٤", "2024-05-16T10:00:00+99:00"],
)  # fmt: skip
def test_what_is_no_date_of_fhir_is_refused(value):
    with pytest.raises(FhirError):
        date_rule(value)


DAYS = st.dates(date(2022, 11, 1), date(2025, 2, 28))


@given(
    DAYS,
    DAYS,
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d"]),
    st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]),
)
def test_prefixes_agree_with_days_looked_at_one_by_one(day, named, form, prefix):
    # The slow one: the named span as the days in it.
    first = date(2021, 1, 1)
    every = [first + timedelta(n) for n in range(1900)]
    span = [one for one in every if one.strftime(form) == named.strftime(form)]
    inside = day in span
    later, earlier = day > span[-1], day < span[0]
    slow = {
        "": inside, "eq": inside, "ne": not inside, "gt": later, "sa": later, "lt": earlier,
        "eb": earlier, "ge": later or inside, "le": earlier or inside, "ap": inside,
    }[prefix]  # fmt: skip
    assert date_rule(prefix + named.strftime(form)).holds(day) is slow
