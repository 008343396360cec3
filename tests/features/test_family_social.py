"""Social needs and care management. Z590 is about housing, Z594 about food."""

from __future__ import annotations

import pytest

from tests.features.family_specs import NAN, NOTHING, Spec, Tables, diagnoses, same, value
from tests.features.rows import ago, rows

NEEDS = diagnoses((5, "Z590"), (700, "Z594"))


def answers(*told: tuple[int, str, str]) -> Tables:
    """Answers of so many days ago about one need each."""
    return rows("screening", *({"happened_on": ago(d), "need": need, "answer": answer}
                               for d, need, answer in told))  # fmt: skip


def steps(*told: tuple[int, str]) -> Tables:
    """Steps of care management of so many days ago."""
    return rows("outreach", *({"happened_on": ago(d), "step": step} for d, step in told))


ASKED = answers((40, "food", "need"), (40, "housing", "no_need"), (40, "transport", "declined"),
                (10, "food", "no_need"), (500, "housing", "need"))  # fmt: skip
CARED = steps((400, "enrolled"), (365, "closed"), (364, "contacted"), (90, "no_answer"),
              (89, "no_answer"), (20, "contacted"), (3, "declined"))  # fmt: skip

SPECS: list[Spec] = [
    # on record, as diagnosis codes tell
    ("need_housing_730", NEEDS, 1),
    ("need_food_730", NEEDS, 1),
    ("need_food_730", diagnoses((730, "Z594")), 0),
    ("need_transport_730", NEEDS, 0),
    ("need_isolation_730", diagnoses((5, "Z602")), 1),
    ("need_isolation_730", diagnoses((5, "Z604"), (5, "Z630"), (5, "Z6372")), 1),  # exclusion
    ("need_isolation_730", diagnoses((5, "Z603"), (5, "Z605"), (5, "Z630"), (5, "Z6372")), 0),
    ("need_family_strain_730", diagnoses((5, "Z630")), 1),
    ("need_family_strain_730", diagnoses((5, "Z634")), 0),
    ("need_violence_730", diagnoses((5, "T7411XA")), 1),
    ("need_violence_730", diagnoses((5, "Z62810")), 1),
    ("need_violence_730",
     rows("diagnosis", {"happened_on": ago(5), "code_system": "ICD9CM", "code": "V6111"}), 1),
    ("need_isolation_730",
     rows("diagnosis", {"happened_on": ago(5), "code_system": "ICD9CM", "code": "V6111"}), 0),
    # where somebody comes from, what they believe and thoughts of suicide are no social need
    ("social_needs_count_365", diagnoses((5, "Z603"), (5, "Z605"), (5, "Z640"), (5, "R45851")), 0),
    ("social_needs_count_365",
     rows("diagnosis", *({"happened_on": ago(5), "code_system": "ICD9CM", "code": code}
                         for code in ("V624", "V626", "V6284", "V6285"))), 0),
    ("social_needs_count_365", NEEDS, 1),
    ("social_needs_distinct_730", NEEDS, 2),
    ("social_needs_days_since", NEEDS, 5),
    # what screening answered last; who declined said nothing
    ("screened_food_730", ASKED, 0),
    ("screened_housing_730", ASKED, 0),
    ("screened_housing_730", answers((729, "housing", "need")), 1),
    ("screened_housing_730", answers((730, "housing", "need")), NAN),
    ("screened_transport_730", ASKED, NAN),
    (
        "screened_transport_730",
        answers((9, "transport", "need"), (4, "transport", "declined")),
        NAN,
    ),
    ("screened_isolation_730", ASKED, NAN),  # never asked
    ("screening_needs_365", ASKED, 1),
    ("screening_needs_365", NOTHING, NAN),  # never asked
    ("screening_needs_365", answers((3, "food", "no_need")), 0),
    ("screening_needs_365", answers((3, "food", "declined")), NAN),
    ("screening_needs_365", answers((3, "food", "declined"), (3, "housing", "no_need")), NAN),
    ("screening_needs_365", answers((3, "food", "declined"), (3, "housing", "need")), 1),
    ("screening_distinct_365", ASKED, 3),  # food, housing, transport
    ("screening_days_since", ASKED, 10),
    ("area_index", rows("member", {"area_index": 80}), 80),
    ("area_index", rows("member", {}), NAN),
    # care management
    ("outreach_count_90", CARED, 3),
    ("outreach_count_365", CARED, 5),
    ("outreach_days_since", CARED, 3),
    ("outreach_contacted_count_90", CARED, 1),
    ("outreach_contacted_count_365", CARED, 2),
    ("outreach_contacted_days_since", CARED, 20),
    ("outreach_no_answer_count_90", CARED, 1),
    ("outreach_enrolled_any_365", CARED, 0),
    ("outreach_enrolled_any_365", steps((364, "enrolled")), 1),
    ("outreach_enrolled_days_since", CARED, 400),
    ("outreach_declined_any_365", CARED, 1),
    ("outreach_declined_any_365", NOTHING, 0),
    ("outreach_closed_since_enrolment", CARED, 1),
    ("outreach_closed_since_enrolment", steps((40, "closed"), (30, "enrolled")), 0),
    ("outreach_closed_since_enrolment", steps((40, "closed")), NAN),  # never enrolled
]  # fmt: skip


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)
