"""Who was seen: distinct facilities, clinicians and prescribers, and contacts by specialty."""

from __future__ import annotations

from typing import Any

import pytest

from tests.features.family_specs import NAN, NOTHING, Spec, Tables, same, value, visits
from tests.features.rows import ago, rows


def seen(**columns: tuple[tuple[int, str | None], ...]) -> Tables:
    """Office visits so many days ago, with what one column says."""
    ((column, told),) = columns.items()
    return rows("encounter", *({"started_on": ago(d), column: said} for d, said in told))


def prescribed(*told: tuple[int, str | None]) -> Tables:
    return rows("drug_fill", *(
        {"happened_on": ago(d), "code": "N02AA01", "prescriber_id": who} for d, who in told
    ))  # fmt: skip


SPECIALTIES = seen(specialty=(
    (5, "cardiology"), (9, "interventional cardiology"), (20, "primary care"),
    (89, "nephrology"), (90, "nephrology"), (364, "hematology/oncology"), (365, "urology"),
    (3, "emergency medicine"), (2, None),
))  # fmt: skip

SPECS: list[Spec] = [
    ("facilities_distinct_365", seen(facility_id=((1, "a"), (2, "b"), (3, "a"), (365, "c"))), 2),
    ("facilities_distinct_90", seen(facility_id=((89, "a"), (90, "b"))), 1),
    ("facilities_distinct_365", NOTHING, 0),
    ("clinicians_distinct_90", seen(provider_id=((1, "x"), (89, "y"), (90, "z"))), 2),
    ("prescribers_distinct_90", prescribed((1, "x"), (2, "x"), (89, "y"), (90, "z")), 2),
    ("prescribers_distinct_365", prescribed((1, "x"), (90, "z"), (3, None)), 2),
    ("prescribers_distinct_365", NOTHING, 0),
    # the two of cardiology, primary care, nephrology, oncology, emergency medicine
    ("specialties_distinct_365", SPECIALTIES, 2 + 1 + 1 + 1 + 1),
    ("primary_care_count_90", SPECIALTIES, 1),
    ("primary_care_days_since", SPECIALTIES, 20),
    ("primary_care_days_since", visits("office", 3), NAN),
    # neither primary care nor emergency medicine is a specialist
    ("specialists_count_90", SPECIALTIES, 2 + 1),
    ("specialists_count_365", SPECIALTIES, 2 + 2 + 1),
    ("specialists_days_since", SPECIALTIES, 5),
    ("cardiology_count_365", SPECIALTIES, 2),
    ("nephrology_count_365", SPECIALTIES, 2),
    ("oncology_count_365", SPECIALTIES, 1),
    ("surgery_count_365", SPECIALTIES, 0),  # urology: 365 days ago
    ("mental_health_count_365", seen(specialty=((4, "psychiatry"), (5, "clinical psychology"))), 2),
]


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("internal medicine", {"primary_care"}),
        ("general practice", {"primary_care"}),
        ("family practice", {"primary_care"}),
        ("geriatric medicine", {"primary_care", "geriatrics"}),
        ("hematology", {"specialists"}),
        ("hematology/oncology", {"specialists", "oncology"}),
        ("gynecological oncology", {"specialists", "oncology"}),
        # masked, and so no part of what is not
        ("psychiatry", {"mental_health"}),
        ("clinical social worker", {"mental_health"}),
        ("mental health counselor", {"mental_health"}),
        ("marriage and family therapist", {"mental_health"}),
        ("addiction medicine", {"addiction_medicine"}),
        ("emergency medicine", set()),
    ],
)
def test_the_words_of_the_list_of_specialties_are_understood(said: str, counted: set[str]) -> None:
    told = {
        name
        for name in (
            "primary_care", "specialists", "oncology", "geriatrics", "mental_health",
            "addiction_medicine",
        )
        if value(f"{name}_count_365", seen(specialty=((4, said),)))
    }  # fmt: skip
    assert told == counted


def test_a_missed_appointment_is_no_contact() -> None:
    missed: Any = visits("missed_appointment", 3, facility_id="a", specialty="cardiology")
    for name in ("facilities_distinct_365", "specialists_count_365", "cardiology_count_365"):
        assert value(name, missed) == 0
