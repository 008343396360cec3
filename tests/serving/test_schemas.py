"""What a request may hold: every canonical table and column, in its canonical form."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from data.feeds import CARRIES
from serving.schemas import FEEDS, ScoreRequest

WHO = {"record_id": "r1", "patient_id": "p1", "known_on": "2024-03-02"}


def test_screening_outreach_specialties_and_prescribers_are_taken():
    request = ScoreRequest.model_validate({
        "as_of": "2024-12-31",
        "carries": ["screening", "outreach", "missed_appointments", "specialty", "prescriber"],
        "screening": [{**WHO, "happened_on": "2024-03-01", "need": "food", "answer": "declined"}],
        "outreach": [{**WHO, "happened_on": "2024-03-01", "step": "enrolled"}],
        "encounter": [{**WHO, "kind": "missed_appointment", "started_on": "2024-03-01",
                       "specialty": "Vascular Surgery"}],
        "drug_fill": [{**WHO, "happened_on": "2024-03-01", "code_system": "ATC", "code": "A10AB01",
                       "prescriber_id": "d7"}],
    })  # fmt: skip
    assert request.screening[0].answer == "declined"
    assert request.screening[0].instrument is None
    assert request.outreach[0].step == "enrolled"
    assert request.encounter[0].specialty == "vascular surgery"  # as intake writes it
    assert request.drug_fill[0].prescriber_id == "d7"


def test_codes_are_taken_in_the_form_in_which_intake_keeps_them():
    request = ScoreRequest.model_validate({
        "as_of": "2024-12-31",
        "encounter": [{**WHO, "kind": "emergency", "started_on": "2024-03-01", "drg": "65",
                       "place_of_service": "23.0", "revenue_codes": "450;300"}],
        "lab_result": [{**WHO, "happened_on": "2024-03-01", "loinc": "7187", "value": 12.1}],
    })  # fmt: skip
    assert request.lab_result[0].loinc == "718-7"  # without its dash no feature would hear it
    told = request.encounter[0]
    assert (told.drg, told.place_of_service, told.revenue_codes) == ("065", "23", "0300 0450")


@pytest.mark.parametrize(("table", "row", "place"), [
    ("screening", {"need": "none", "answer": "need"}, "need"),
    ("screening", {"need": "food", "answer": "perhaps"}, "answer"),
    ("outreach", {"step": "called"}, "step"),
])  # fmt: skip
def test_other_needs_answers_and_steps_are_refused(table, row, place):
    with pytest.raises(ValidationError) as refused:
        ScoreRequest.model_validate(
            {"as_of": "2024-12-31", table: [{**WHO, "happened_on": "2024-03-01", **row}]}
        )
    assert [error["loc"] for error in refused.value.errors()] == [(table, 0, place)]


def test_every_feed_that_a_source_may_carry_may_be_sent():
    assert set(CARRIES) <= FEEDS
