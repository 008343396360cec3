"""A patient's risks as FHIR resources."""

import json
from datetime import date

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import RefusalError
from serving.ehr import fhir_forms
from serving.ehr.risk_assessment import INVENTED, nobody_found, probability, risk_assessments
from serving.ehr.risk_search import risk_search
from serving.ehr.settings import FhirSettings
from serving.ehr.standing import StandingTold
from serving.ehr.validated import checked
from serving.worklist import BEYOND_CAPACITY
from tests.serving.ehr.people import (
    BASE,
    MODELS,
    NOT_READMITTED,
    WITHHELD,
    drawn_people,
    drawn_standings,
    empties,
    high_cost,
    person,
    readmission,
    reason,
)

OURS = FhirSettings()
MRN = FhirSettings(patient_system="https://hospital.example/mrn")
STEP = {"emergency visits": "Consider a call."}


def search(text="patient=P-1", fhir=OURS):
    return risk_search([tuple(one.split("=", 1)) for one in text.split("&")], fhir, BASE)


def answer(patient, text="patient=P-1", fhir=OURS, **more):
    bundle = risk_assessments(
        patient, search(text, fhir), MODELS, BASE,
        opaque="8f3a", settings=fhir, next_step=STEP.get, **more,
    )  # fmt: skip
    Bundle.model_validate(json.loads(json.dumps(bundle)))
    return bundle


def as_published(form, sent):
    """What is left of an answer where only what the OpenAPI document describes is read."""
    return form.model_validate(sent).model_dump(mode="json", by_alias=True, exclude_none=True)


def of(bundle, mode="match"):
    found = [e["resource"] for e in bundle.get("entry", []) if e["search"]["mode"] == mode]
    for resource in found:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    return found


def test_both_risks_are_told_each_with_method_basis_and_prediction():
    bundle = answer(person())
    assert (bundle["type"], bundle["total"]) == ("searchset", 2)
    first, second = of(bundle)
    assert first["status"] == "final"
    assert first["subject"] == {"reference": "Patient/P-1", "type": "Patient"}
    assert first["occurrenceDateTime"] == "2024-05-16"
    assert first["method"]["text"] == "firstcall readmission model, version 3"
    assert first["method"]["coding"][0]["version"] == "3"
    assert [one["display"] for one in first["basis"]] == [
        "3 emergency visits in the last 90 days",
        "no missed appointments in the last year",
    ]
    predicted = first["prediction"][0]
    assert predicted["probabilityDecimal"] == 0.21
    assert predicted["outcome"]["text"] == (
        "unplanned readmission to an acute hospital within 30 days"
    )
    assert predicted["rationale"] == (
        "25% over the 30 days after the discharge on 9 May, 21% in the 23 days left. "
        "Seen, and raises the score: 3 emergency visits in the last 90 days. "
        "Seen, and lowers the score: no missed appointments in the last year. " + WITHHELD
    )
    assert first["mitigation"].endswith("weighed by whoever knows the patient: Consider a call.")
    assert second["prediction"][0]["probabilityDecimal"] == 0.07
    assert "not worked out" in second["prediction"][0]["rationale"]
    assert "mitigation" not in second


@pytest.mark.parametrize(
    ("place", "start", "end"),
    [
        # asked on 16 May, 23 days left: 16 May + 1 to 16 May + 23, which is 9 May + 30
        (0, "2024-05-17", "2024-06-08"),
        # asked on 31 December 2023, 365 days: to 31 December + 365 (2024 is a leap year)
        (1, "2024-01-01", "2024-12-30"),
    ],
)
def test_the_period_holds_the_days_of_the_outcome_window(place, start, end):
    assert of(answer(person()))[place]["prediction"][0]["whenPeriod"] == {
        "start": start,
        "end": end,
    }


def test_on_the_last_day_there_is_no_period_left():
    (first, _) = of(answer(person(readmission=readmission(days_left=0))))
    assert "whenPeriod" not in first["prediction"][0]


def test_the_risk_over_all_days_is_told_beside_that_of_the_days_left():
    """R4: repetitions of a prediction tell the same outcome in different timeframes."""
    told = readmission(risk=0.03, all_days_risk=0.17, days_left=12, tier="high")
    discharged_on = date(2024, 4, 28)
    first, _ = of(answer(person(readmission=told, discharged_on=discharged_on)))
    left, over_all = first["prediction"]
    assert left["probabilityDecimal"] == 0.03
    assert left["whenPeriod"] == {"start": "2024-05-17", "end": "2024-05-28"}  # 12 days
    assert left["qualitativeRisk"]["text"] == "high tier by all 30 days after the discharge"
    assert over_all["probabilityDecimal"] == 0.17
    assert over_all["whenPeriod"] == {"start": "2024-04-29", "end": "2024-05-28"}  # 30 days
    assert over_all["qualitativeRisk"]["text"] == "high tier"
    assert over_all["outcome"] == left["outcome"]
    assert over_all["rationale"] == (
        "17% over the 30 days after the discharge on 28 April, as if all of them were left: the "
        "tier goes by it."
    )


@pytest.mark.parametrize(
    "changed",
    [{"risk": 0.25, "days_left": 30}, {"all_days_risk": None}],  # no day is gone; not told
)
def test_where_there_is_but_one_risk_there_is_one_prediction(changed):
    first, second = of(answer(person(readmission=readmission(**changed))))
    assert len(first["prediction"]) == len(second["prediction"]) == 1
    assert first["prediction"][0]["qualitativeRisk"]["text"] == "high tier"


@pytest.mark.parametrize(
    ("risk", "tier", "code"),
    [(0.21, "high", "moderate"), (0.51, "high", "high"), (0.5, "moderate", "moderate"),
     (0.02, "low", "low"), (0.9, "low", "high")],
)  # fmt: skip
def test_our_tier_stands_beside_the_published_code_whose_definition_the_risk_meets(
    risk, tier, code
):
    (first, _) = of(answer(person(readmission=readmission(risk=risk, tier=tier, days_left=30))))
    told = first["prediction"][0]["qualitativeRisk"]
    assert [one["code"] for one in told["coding"]] == [tier, code]
    assert told["coding"][1]["system"] == "http://terminology.hl7.org/CodeSystem/risk-probability"
    assert told["text"] == f"{tier} tier"


@pytest.mark.parametrize(
    ("risk", "fraction", "percent"),
    [(0.21, 0.21, 21.0), (0.07, 0.07, 7.0), (1e-05, 1e-05, 0.001), (1.0, 1.0, 100.0), (0.0, 0, 0)],
)
def test_a_probability_is_a_fraction_or_per_cent_as_the_site_says(risk, fraction, percent):
    assert probability(risk, FhirSettings()) == fraction
    assert probability(risk, FhirSettings(probability="percent")) == percent


def test_why_there_is_no_risk_is_told_beside_the_one_that_there_is():
    bundle = answer(person(readmission=readmission(**NOT_READMITTED)))
    assert bundle["total"] == 1
    (outcome,) = of(bundle, "outcome")
    assert [one["details"]["text"] for one in outcome["issue"]] == [
        "No risk of readmission: no discharge in the last 30 days."
    ]


def test_nobody_without_a_risk_has_an_assessment():
    nothing = {"risk": None, "tier": None, "asked_on": None, "reasons": [], "not_scored": "died"}
    bundle = answer(
        person(readmission=readmission(**NOT_READMITTED), high_cost=high_cost(**nothing))
    )
    assert bundle["total"] == 0
    assert of(bundle) == []
    assert len(of(bundle, "outcome")[0]["issue"]) == 2


def test_invented_data_carry_the_tag_of_test_data_and_others_do_not():
    assert all(one["meta"]["tag"] == [INVENTED] for one in of(answer(person(), invented=True)))
    assert all("meta" not in one for one in of(answer(person())))


def test_a_patient_known_by_an_identifier_is_referred_to_by_it():
    told = answer(person(), "patient:identifier=https://hospital.example/mrn|P-1", MRN)
    assert of(told)[0]["subject"] == {
        "type": "Patient",
        "identifier": {"system": "https://hospital.example/mrn", "value": "P-1"},
    }


def test_ids_are_the_same_each_time_differ_by_risk_and_run_and_tell_nothing_of_the_patient():
    ids = [one["id"] for one in of(answer(person()))]
    assert ids == [one["id"] for one in of(answer(person()))]
    later = [one["id"] for one in of(answer(person(run_id="2024-05-17.cd34")))]
    assert len({*ids, *later}) == 4
    # The id is made of the opaque name: another patient id under the same name changes nothing.
    other = answer(person(patient_id="P-2"), "patient=P-2")
    assert [one["id"] for one in of(other)] == ids


@pytest.mark.parametrize(
    ("text", "total", "shown", "following"),
    [
        ("_count=1", 2, [0], "https://firstcall.example/fhir/R4/RiskAssessment?patient=P-1&_count=1"
         "&_offset=1"),
        ("_count=1&_offset=1", 2, [1], None),
        ("_count=5", 2, [0, 1], None),
        ("_count=0", 2, [], None),
        ("_offset=7", 2, [], None),
    ],
)  # fmt: skip
def test_a_page_holds_what_it_may_and_names_the_next_one(text, total, shown, following):
    whole = of(answer(person()))
    bundle = answer(person(), f"patient=P-1&{text}")
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    assert bundle["total"] == total
    assert of(bundle) == [whole[n] for n in shown]
    assert links.get("next") == following
    assert links["self"].startswith(f"{BASE}/RiskAssessment?patient=P-1")


@pytest.mark.parametrize(
    ("rule", "total"),
    [("2024-05-16", 2), ("2024-05", 2), ("2023", 0), ("gt2024-05-16", 0), ("ge2024-05-16", 2),
     ("lt2024-05-16", 0), ("le2024", 2), ("2023,2024", 2)],
)  # fmt: skip
def test_the_date_is_that_of_the_run(rule, total):
    assert answer(person(), f"patient=P-1&date={rule}")["total"] == total


def test_parameters_that_were_left_out_are_named_but_for_those_that_may_hold_anything():
    bundle = answer(person(), "patient=P-1&_sort=date&Jane-Doe-1961=x")
    (outcome,) = of(bundle, "outcome")
    said = json.dumps(outcome)
    assert "parameter _sort, 1 unknown parameter" in said
    assert "Jane" not in json.dumps(bundle)


def test_somebody_who_is_not_in_the_run_is_an_empty_answer_and_no_error():
    bundle = nobody_found(search("patient=Group/7"), BASE)
    Bundle.model_validate(bundle)
    assert bundle["total"] == 0
    assert "Group/7" not in json.dumps(of(bundle, "outcome"))


def test_what_does_not_follow_fhir_is_refused_by_its_place_and_without_its_values():
    with pytest.raises(RefusalError, match=r"Bundle does not follow FHIR R4 at entry.*not sent"):
        checked({"resourceType": "Bundle", "type": "searchset", "entry": [{"secret": "P-1"}]})
    with pytest.raises(RefusalError) as refused:
        checked({"resourceType": "RiskAssessment", "status": "final", "occurrenceDateTime": "P-1"})
    assert "P-1" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_note_is_markdown_and_cannot_become_more_than_its_words():
    noted = of(answer(person(left_out="in <b>hospice</b>", warnings=["old *data*"])))[0]["note"]
    assert noted[0]["text"] == r"Not to be called, as far as known: in \<b\>hospice\</b\>."
    assert noted[1]["text"] == r"old \*data\*"


def test_who_was_only_beyond_capacity_is_not_said_to_be_kept_from_calls():
    for one in of(answer(person(left_out=BEYOND_CAPACITY))):
        assert one["note"][0]["text"].startswith("Not on the list of ")


@pytest.mark.parametrize("status", ["do not contact", "declined", "closed"])
def test_where_outreach_is_over_nothing_is_suggested_and_a_note_says_so(status):
    standing = StandingTold(status, date(2024, 5, 14))
    for one in of(answer(person(high_cost=high_cost(reasons=[reason("x")])), standing=standing)):
        assert "mitigation" not in one
        assert one["note"][0]["text"].endswith(": recorded in care management on 14 May.")


def test_an_override_is_noted_beside_the_tiers_of_the_models():
    standing = StandingTold("contacted", date(2024, 5, 14), None, "low", date(2024, 5, 15))
    for one in of(answer(person(), standing=standing)):
        assert [note["text"] for note in one["note"][:2]] == [
            "The patient was contacted: recorded in care management on 14 May.",
            "Low tier by the judgement of care management on 15 May; by the models: readmission "
            "high, high cost low.",
        ]
        assert one["prediction"][0]["qualitativeRisk"]["coding"][0]["code"] in ("high", "low")


@given(
    drawn_people(),
    drawn_standings(),
    st.sampled_from([OURS, MRN, FhirSettings(probability="percent")]),
    st.booleans(),
    st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_every_answer_follows_fhir_and_holds_nothing_empty(
    patient, standing, fhir, invented, count
):
    asked = (
        [("patient", patient.patient_id)]
        if fhir.patient_system is None and "/" not in patient.patient_id
        else None
    )
    if asked is None or not patient.patient_id.strip():
        fhir, asked = MRN, [("patient:identifier", f"{MRN.patient_system}|P-1")]
    made = risk_assessments(
        patient, risk_search([*asked, ("_count", str(count))], fhir, BASE), MODELS, BASE,
        opaque="8f3a", settings=fhir, next_step=STEP.get, invented=invented, standing=standing,
    )  # fmt: skip
    sent = json.loads(json.dumps(made).encode("utf-8"))
    Bundle.model_validate(sent)
    assert as_published(fhir_forms.Bundle, sent) == sent
    assert empties(sent) == []
    risks = [r.risk for r in (patient.readmission, patient.high_cost) if r.risk is not None]
    assert sent["total"] == len(risks)
    told = [one["prediction"][0]["probabilityDecimal"] for one in of(sent)]
    scale = 100 if fhir.probability == "percent" else 1
    assert told == pytest.approx([risk * scale for risk in risks][:count], abs=1e-300, rel=1e-15)
    if scale == 1:
        assert told == risks[:count]  # to the last bit
    for one in of(sent):
        period = one["prediction"][0].get("whenPeriod")
        assert period is None or date.fromisoformat(period["start"]) <= date.fromisoformat(
            period["end"]
        )


def test_suggestions_come_from_what_raises_the_risk_and_could_be_acted_on():
    told = [
        reason("a", "lowers"),
        reason("b", actionable=False),
        reason("c", concept="age"),
    ]
    (first, _) = of(answer(person(readmission=readmission(reasons=told))))
    assert "mitigation" not in first
