"""What one event says in words."""

from __future__ import annotations

from random import Random

import pytest

from features.definitions import FEATURES
from features.event_words import event_words
from features.evidence import Seen
from tests.features.invented_rows import PATIENTS, invented
from tests.features.rows import AS_OF, histories

NAN = float("nan")


@pytest.mark.parametrize(
    ("code", "value", "concept", "words"),
    [
        ("PERSON/female", NAN, "PERSON/female", "sex not known"),
        ("PERSON/area_index", 7.0, "PERSON/area_index", "deprivation of the area 7 out of 100"),
        ("COVER/medicare", NAN, "COVER/medicare", "covered by medicare, no end known"),
        ("PRODUCT/hmo", 18627.0, "PRODUCT/hmo", "product hmo, to 2020-12-31"),
        ("ENC/office/started", NAN, "ENC/office/started", "office visit"),
        ("ENC/missed_appointment/started", NAN, "ENC/missed_appointment/started",
         "missed appointment"),
        ("ENC/hospice/started", NAN, "ENC/hospice/started", "hospice stay begins"),
        ("ENC/hospice/open", NAN, "ENC/hospice/open", "hospice stay, no end known"),
        ("ENC/hospice/ended", 1.0, "ENC/hospice/ended", "hospice stay ended after 1 day"),
        ("STAY/emergent", 1.0, "STAY/emergent", "hospital stay that was an emergency (1)"),
        ("STAY/disposition", 8.0, "STAY/disposition", "discharged: left against advice (8)"),
        ("STAY/disposition", NAN, "STAY/disposition", "discharged, not known where to"),
        ("PRINCIPAL", NAN, "PRINCIPAL", "hospital stay ends, no principal diagnosis known"),
        ("PRINCIPAL/ICD10CM/QQQ", NAN, "STAY/principal/known", "principal diagnosis: unknown code"),
        ("DX/ICD10CM/I509", NAN, "DX/108", "congestive heart failure, nonhypertensive"),
        ("DX/ICD10CM/QQQ", NAN, "DX/0", "unknown code"),
        ("DX/CCW/SP_CHF", NAN, "FLAG/108",
         "congestive heart failure, nonhypertensive, flagged for the year"),
        ("DX/ICD10CM/Z590", NAN, "NEED/housing", "housing"),
        ("PX/HCPCS/99213", NAN, "PX/0", "procedure without a known category"),
        ("RX/ATC/C10AA05", 30.0, "RX/C10A", "lipid-lowering drugs, 30 days of supply"),
        ("RX/NDC/00003029320", NAN, "RX/unknown",
         "drug of an unknown class, days of supply not known"),
        ("LAB/9999-9/mg/dL", NAN, "LAB/code/9999-9", "LOINC 9999-9 without a value"),
        ("LAB/718-7/mmol/L", 9.0, "LAB/718-7 in mmol/L", "LOINC 718-7 9 mmol/L"),
        ("LAB/2951-2", 140.0, "LAB/sodium", "sodium 140"),
        ("COSTYEAR/inpatient", -500.0, "COSTYEAR/inpatient", "inpatient $-5.00, the whole year"),
        ("SCREEN/food", NAN, "SCREEN/food", "food or safe drinking water: not answered"),
        ("OUTREACH/enrolled", NAN, "OUTREACH/enrolled", "enrolled in care management"),
        ("OTHER/their code", NAN, "OTHER/their code", "OTHER/their code"),
    ],
)  # fmt: skip
def test_what_an_event_says(code: str, value: float, concept: str, words: str) -> None:
    assert event_words(code, value, concept) == words


def test_every_event_says_something_else_than_its_code() -> None:
    held = histories(invented(Random(6), 800))
    for patient in PATIENTS:
        seen = Seen(held.events(patient), AS_OF)
        for declared in FEATURES:
            for found in seen.evidence(declared):
                assert found.words
                assert not set(found.words.split("; ")) & {found.code, *found.concepts}
