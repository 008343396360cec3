"""The last acute stay and what followed it; the discharge is 20 days ago unless it is said."""

from __future__ import annotations

import pytest

from tests.features.family_specs import (
    NAN,
    NOTHING,
    Spec,
    Tables,
    fills,
    same,
    stays,
    together,
    value,
    visits,
)
from tests.features.rows import ago, rows

STAY = stays((25, 20))

SPECS: list[Spec] = [
    # last, last_is
    ("last_stay_days", stays((100, 89), (10, 7)), 3),
    ("last_stay_days", NOTHING, NAN),
    ("last_stay_days", stays((400, 364)), 400 - 364),
    ("last_stay_days", stays((400, 365)), NAN),
    ("last_stay_emergent", stays((10, 7), admission_type="trauma"), 1),
    ("last_stay_emergent", stays((10, 7), admission_type="elective"), 0),
    ("last_stay_emergent", stays((10, 7)), NAN),
    ("last_stay_emergent", stays((10, 7), admission_type="newborn"), NAN),
    ("last_stay_to_home", stays((10, 7), disposition="home"), 1),
    ("last_stay_to_home", stays((10, 7), disposition="hospice"), 0),
    ("last_stay_to_home", stays((10, 7)), NAN),
    ("last_stay_to_home", NOTHING, NAN),
    ("last_stay_to_left_against_advice",
     stays((10, 7), disposition="left_against_advice"), 1),
    # after: on a later day than the discharge
    ("office_visits_since_discharge", together(STAY, visits("office", 19)), 1),
    ("office_visits_since_discharge", together(STAY, visits("office", 20, 21)), 0),
    ("office_visits_since_discharge", visits("office", 3), NAN),  # no discharge
    ("office_visits_since_discharge", together(stays((400, 365)), visits("office", 3)), NAN),
    ("emergency_visits_since_discharge", together(STAY, visits("emergency", 0)), 1),
    ("home_health_since_discharge", together(STAY, visits("home_health", 18)), 1),
    ("home_health_since_discharge", together(STAY, visits("office", 18)), 0),
    ("missed_appointments_since_discharge", together(STAY, visits("missed_appointment", 9)), 1),
    ("drug_fills_since_discharge", together(STAY, fills((19, "N02AA01", 5))), 1),
    ("drug_fills_since_discharge", together(STAY, fills((20, "N02AA01", 5))), 1),  # on the way home
    ("drug_fills_since_discharge", together(STAY, fills((21, "N02AA01", 5))), 0),
    ("home_health_since_discharge", together(STAY, visits("home_health", 20)), 1),
    # within 7 days: from 19 to 13 days ago; the day of discharge is none of them
    ("follow_up_within_7", together(STAY, visits("office", 19)), 1),
    ("follow_up_within_7", together(STAY, visits("office", 20 - 7)), 1),
    ("follow_up_within_7", together(STAY, visits("office", 20 - 8)), 0),
    ("follow_up_within_7", together(STAY, visits("office", 20)), 0),
    ("follow_up_within_7", together(STAY, visits("telehealth", 15)), 1),
    ("follow_up_within_7", together(STAY, visits("emergency", 15)), 0),
    ("follow_up_within_7", visits("office", 15), NAN),  # no discharge
    ("follow_up_within_14", together(STAY, visits("office", 20 - 14)), 1),
    ("follow_up_within_14", together(STAY, visits("office", 20 - 15)), 0),
    # the seven days are over with the day that is the seventh
    ("follow_up_within_7", stays((9, 7)), 0),
    ("follow_up_within_7", stays((9, 6)), NAN),
    ("follow_up_within_7", together(stays((9, 6)), visits("office", 1)), 1),
    # who is in hospital again within the days cannot come; who came before has come
    ("follow_up_within_7", together(STAY, visits("acute_inpatient", 20 - 7)), NAN),
    ("follow_up_within_7", together(STAY, visits("acute_inpatient", 20 - 8)), 0),
    # who was moved to another hospital on the day of discharge cannot either
    ("follow_up_within_7", together(STAY, visits("acute_inpatient", 20)), NAN),
    ("follow_up_within_7", together(STAY, visits("acute_inpatient", 21)), 0),
    ("follow_up_within_7",
     together(STAY, visits("acute_inpatient", 15), visits("office", 17)), 1),
    ("follow_up_within_7", together(STAY, visits("observation", 15)), 0),
    # of two discharges the last counts
    ("follow_up_within_7", together(stays((90, 80), (25, 20)), visits("office", 75)), 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


def test_the_day_of_discharge_sees_the_stay_and_its_working_diagnosis() -> None:
    tables = {
        **stays((4, 0), admission_type="urgent", disposition="skilled_nursing"),
        **rows("diagnosis", {"happened_on": ago(0), "encounter_id": "encounter-0", "code": "I509",
                             "position": 1}),
    }  # fmt: skip
    expected = {
        "last_stay_days": 4,
        "acute_stays_days_since": 0,
        "acute_stays_count_30": 1,
        "last_stay_emergent": 1,
        "last_stay_to_skilled_nursing": 1,
        "last_stay_to_home": 0,
        "last_stay_principal": 108,
        "last_stay_for_heart_failure": 1,
        "last_stay_for_pneumonia": 0,
        "office_visits_since_discharge": 0,
        "acute_stay_open": 0,
    }
    assert {name: value(name, tables) for name in expected} == expected


def test_the_principal_diagnosis_of_an_earlier_stay_is_not_that_of_the_last() -> None:
    tables = {
        **stays((60, 55), (4, 0)),
        **rows("diagnosis", {"happened_on": ago(55), "encounter_id": "encounter-0",
                             "code": "I509", "position": 1}),
    }  # fmt: skip
    assert value("last_stay_principal", tables, ago(10)) == 108
    assert same(value("last_stay_principal", tables), NAN)


def test_a_principal_diagnosis_with_an_unknown_code_is_not_known() -> None:
    told = {"happened_on": ago(20), "encounter_id": "encounter-0", "code": "QQ", "position": 1}
    tables = {**STAY, **rows("diagnosis", told)}
    assert same(value("last_stay_principal", tables), NAN)
    assert same(value("last_stay_for_heart_failure", tables), NAN)
