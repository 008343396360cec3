"""Which patient a call is about."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.ehr.cds_prefetch import PrefetchError, patient_asked
from serving.ehr.cds_requests import HookRequest

TODAY = date(2024, 5, 16)
MRN = "https://hospital.example/mrn"


def call(prefetch, hook="patient-view"):
    return HookRequest.model_validate(
        {
            "hook": hook,
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/1", "patientId": "77", "encounterId": "456"},
            "prefetch": prefetch,
        }
    )


def patient(*identifiers, **more):
    return {
        "patient": {"resourceType": "Patient", "id": "77", "identifier": [*identifiers], **more}
    }


def mrn(value="00123", **more):
    return {"system": MRN, "value": value, **more}


@pytest.mark.parametrize("prefetch", [{}, {"patient": None}, patient()])
def test_without_an_identifier_system_the_id_in_context_is_ours(prefetch):
    assert patient_asked(call(prefetch), None, TODAY) == "77"


@pytest.mark.parametrize(
    ("identifiers", "found"),
    [
        ([mrn()], "00123"),
        ([{"system": "https://other.example", "value": "9"}, mrn()], "00123"),
        ([mrn(), mrn()], "00123"),
        ([mrn("1", use="old"), mrn("2")], "2"),
        ([mrn("1", period={"end": "2024-05-15"}), mrn("2")], "2"),
        ([mrn("1", period={"end": "2024-05-16"})], "1"),
        ([mrn("1", period={"end": "2023"})], None),
        ([mrn("1", period={"end": "2024-05"})], "1"),
        ([mrn("1", period={"end": "2024-04"})], None),
        ([mrn("1", period={"end": "2024"})], "1"),
        ([mrn("1", period={"end": "2024-05-15T10:00:00Z"})], None),
        ([mrn("1"), mrn("2")], None),  # which of the two is not ours to say
        ([{"system": "https://other.example", "value": "00123"}], None),
        ([{"value": "00123"}], None),
        ([mrn(7), mrn(""), "x", None], None),
        ([], None),
    ],
)
def test_with_an_identifier_system_its_one_valid_value_is_our_id(identifiers, found):
    assert patient_asked(call(patient(*identifiers)), MRN, TODAY) == found


@pytest.mark.parametrize(
    "prefetch",
    [{}, {"patient": None}, {"patient": {"resourceType": "OperationOutcome"}}, {"patient": "77"},
     {"other": patient(mrn())["patient"]}],
)  # fmt: skip
def test_where_the_patient_is_needed_and_was_not_sent_it_is_412(prefetch):
    with pytest.raises(PrefetchError, match="The Patient is needed") as refused:
        patient_asked(call(prefetch), MRN, TODAY)
    assert refused.value.status == 412


@pytest.mark.parametrize("system", [None, MRN])
def test_what_was_sent_of_another_patient_is_refused(system):
    for prefetch in (
        patient(mrn(), id="78"),
        patient(mrn())
        | {"encounter": {"resourceType": "Encounter", "subject": {"reference": "Patient/78"}}},
    ):
        with pytest.raises(PrefetchError) as refused:
            patient_asked(call(prefetch, "encounter-discharge"), system, TODAY)
        assert refused.value.status == 400
        assert "78" not in str(refused.value)


@pytest.mark.parametrize(
    "subject",
    [{"reference": "Patient/77"}, {"reference": "https://ehr.example/fhir/Patient/77"},
     {"reference": "Patient/77/_history/3"}, {"reference": "#p"}, {"display": "x"}, None, "x"],
)  # fmt: skip
def test_an_encounter_of_the_patient_or_of_nobody_named_is_no_hindrance(subject):
    sent = {"encounter": {"resourceType": "Encounter", "subject": subject}}
    assert patient_asked(call(sent, "encounter-discharge"), None, TODAY) == "77"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["resourceType", "id", "identifier", "system", "value", "period", "end",
                         "use", "subject", "reference"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON, JSON)
def test_whatever_is_sent_along_there_is_an_answer_or_a_refusal(one, other):
    for kind in ("Patient", "Encounter"):
        if isinstance(one, dict):
            one["resourceType"] = kind
        try:
            found = patient_asked(call({"patient": one, "encounter": other}), MRN, TODAY)
        except PrefetchError:
            continue
        assert found is None or isinstance(found, str)
