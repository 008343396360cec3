"""Spec tests: tiny tables, and the arithmetic that a reader can do in the head."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from features.as_of import features_as_of
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows

NAN = math.nan


def value(name: str, tables: Any, as_of: date = AS_OF, carries: tuple[str, ...] = CARRIES) -> float:
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [as_of]})
    return features_as_of(histories(tables, carries), index, [name])[name].item()


def same(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-6, nan_ok=True)


def visits(kind: str, *days: int) -> Any:
    return rows("encounter", *({"kind": kind, "started_on": ago(d)} for d in days))


def stays(*spans: tuple[int, int], **given: Any) -> Any:
    stay = {"kind": "acute_inpatient", **given}
    return rows("encounter", *({**stay, "started_on": ago(a), "ended_on": ago(b)}
                               for a, b in spans))  # fmt: skip


COSTS = rows(
    "cost",
    {"happened_on": ago(0), "allowed_cents": 10_000},
    {"happened_on": ago(89), "allowed_cents": 2_050, "kind": "pharmacy"},
    {"happened_on": ago(90), "allowed_cents": 500},
    {"happened_on": ago(400), "allowed_cents": 7_000},
    {"happened_on": ago(0), "allowed_cents": 99_900, "covers": "year"},
)
HAEMOGLOBIN = rows(
    "lab_result",
    *({"loinc": "718-7", "happened_on": ago(d), "value": v}
      for d, v in ((370, 15.0), (300, 12.5), (200, 9.0), (20, 10.0))),
)  # fmt: skip
FILLS = rows(
    "drug_fill",
    {"happened_on": ago(10), "code": "A10AB01", "days_supply": 30},
    {"happened_on": ago(20), "code": "A10AE04", "days_supply": 60},
    {"happened_on": ago(30), "code": "N02AA01", "days_supply": None},
    {"happened_on": ago(99), "code_system": "NDC", "code": "1", "days_supply": 5},
)
SPANS = rows(
    "coverage",
    {"start_on": ago(399), "end_on": ago(300)},
    {"start_on": ago(320), "end_on": ago(290), "payer": "medicaid"},
    {"start_on": ago(9)},
)
FLAGS = rows("diagnosis", *(
    {"happened_on": ago(d), "code_system": "CCW", "code": code}
    for d, code in ((0, "SP_CHF"), (0, "SP_DEPRESSN"), (0, "SP_X"), (366, "SP_STRKETIA"))
))  # fmt: skip
NEEDS = rows("diagnosis", {"happened_on": ago(5), "code": "Z590"},
             {"happened_on": ago(700), "code": "Z594"})  # fmt: skip

SPECS = [
    # person
    ("age", rows("member", {"birth_on": date(1950, 12, 31)}), 70),
    ("age", rows("member", {"birth_on": date(1951, 1, 1)}), 69),
    ("female", rows("member", {"sex": "male"}), 0),
    ("female", rows("member", {"sex": None}), NAN),
    ("coverage_days_90", SPANS, 10),  # 9 days ago until today
    ("coverage_days_365", SPANS, 75 + 10),  # 364 … 290 days ago, overlap once; and the last ten
    ("coverage_now", SPANS, 1),
    ("coverage_medicaid_now", SPANS, 0),
    ("coverage_now", rows("coverage", {"start_on": ago(90), "end_on": ago(1)}), 0),
    ("coverage_now", rows("coverage", {"start_on": ago(90), "end_on": ago(0)}), 1),
    ("coverage_days_90", {}, 0),
    # utilisation: the window's two edges
    ("emergency_visits_count_30", visits("emergency", 0, 29, 30), 2),
    ("emergency_visits_count_90", visits("emergency", 0, 29, 30), 3),
    ("emergency_visits_count_90", visits("office", 1), 0),
    ("emergency_visits_count_30", visits("emergency", -1), 0),  # tomorrow
    ("emergency_visits_trend_180", visits("emergency", 0, 89, 90, 179, 180), 2 - 2),
    ("emergency_visits_trend_180", visits("emergency", 90), 0 - 1),
    ("emergency_visits_days_since", visits("emergency", 12, 50), 12),
    ("emergency_visits_days_since", visits("emergency", 729), 729),
    ("emergency_visits_days_since", visits("emergency", 730), NAN),
    ("acute_stays_hospital_days_90", stays((100, 89), (10, 7), (99, 90)), 11 + 3),
    ("acute_stays_longest_365", stays((100, 89), (10, 7)), 11),
    ("emergent_stays_365", stays((100, 89), (10, 7), admission_type="urgent"), 2),
    ("emergent_stays_365", stays((100, 89), admission_type=None), 0),
    ("last_stay_days", stays((100, 89), (10, 7)), 3),
    ("last_stay_emergent", stays((10, 7), admission_type="trauma"), 1),
    ("last_stay_emergent", stays((10, 7), admission_type="elective"), 0),
    ("last_stay_emergent", stays((10, 7)), NAN),
    ("last_stay_to_home", stays((10, 7), disposition="home"), 1),
    ("last_stay_to_home", stays((10, 7), disposition="hospice"), 0),
    ("last_stay_to_home", stays((10, 7)), NAN),
    ("last_stay_to_home", {}, NAN),
    ("acute_stay_open", stays((10, 7)), 0),
    ("acute_stay_open", rows("encounter", {"kind": "acute_inpatient", "started_on": ago(3)}), 1),
    ("facilities_distinct_365", rows("encounter", *(
        {"started_on": ago(d), "facility_id": f} for d, f in ((1, "a"), (2, "b"), (3, "a")))), 2),
    # cost, in dollars
    ("cost_total_30", COSTS, 100.00),
    ("cost_total_90", COSTS, 100.00 + 20.50),
    ("cost_total_180", COSTS, 100.00 + 20.50 + 5.00),
    ("cost_pharmacy_90", COSTS, 20.50),
    ("cost_total_trend_180", COSTS, 100.00 + 20.50 - 5.00),
    ("cost_total_largest_365", COSTS, 100.00),
    ("cost_total_count_365", COSTS, 3),
    ("cost_total_90", {}, 0),
    ("costyear_total_365", COSTS, 999.00),
    ("costyear_total_365", {}, NAN),
    # diagnoses
    ("diagnosis_108_365", rows("diagnosis", *(
        {"happened_on": ago(d), "code": "I509"} for d in (0, 364, 365))), 2),
    ("charlson_heart_failure", rows("diagnosis", {"happened_on": ago(3000), "code": "I509"}), 1),
    ("charlson_heart_failure", rows("diagnosis", {"happened_on": ago(3), "code": "J189"}), 0),
    ("chronic_conditions_distinct_365", rows("diagnosis", *(
        {"happened_on": ago(1), "code": c} for c in ("I509", "I501", "E119", "J189"))), 2),
    ("unknown_diagnoses_count_365", rows("diagnosis", {"happened_on": ago(1), "code": "QQ"}), 1),
    # chronic conditions flagged by a yearly summary, apart from coded diagnoses
    ("flag_heart_failure_365", FLAGS, 1),
    ("flag_depression_365", FLAGS, 1),
    ("flag_stroke_365", FLAGS, 0),  # flagged by the summary of the year before
    ("flag_cancer_365", FLAGS, 0),
    ("flag_heart_failure_365", {}, 0),
    ("flag_heart_failure_365", rows("diagnosis", {"happened_on": ago(1), "code": "I509"}), 0),
    ("yearly_flags_distinct_365", FLAGS, 2),
    *((name, FLAGS, 0) for name in (
        "diagnoses_count_30", "diagnoses_count_365", "diagnoses_trend_180",
        "diagnoses_distinct_90", "chronic_conditions_distinct_365", "diagnosis_108_365",
        "unknown_diagnoses_count_365", "charlson_heart_failure")),
    ("diagnoses_days_since", FLAGS, NAN),
    # drugs
    ("drug_fills_count_30", FILLS, 2),
    ("drug_fills_supply_90", FILLS, 30 + 60),
    ("drug_classes_distinct_180", FILLS, 2),
    ("insulins_count_365", FILLS, 2),
    ("insulins_days_since", FILLS, 10),
    ("statins_count_365", FILLS, 0),
    # labs
    ("haemoglobin_last", HAEMOGLOBIN, 10.0),
    ("haemoglobin_lowest_365", HAEMOGLOBIN, 9.0),
    ("haemoglobin_change_365", HAEMOGLOBIN, 10.0 - 12.5),
    ("haemoglobin_count_365", HAEMOGLOBIN, 3),
    ("haemoglobin_days_since", HAEMOGLOBIN, 20),
    ("haemoglobin_last", {}, NAN),
    ("haemoglobin_change_365", rows("lab_result", {"loinc": "718-7", "happened_on": ago(2),
                                                   "value": 9.0}), NAN),
    # social
    ("need_housing_730", NEEDS, 1),
    ("need_food_730", NEEDS, 1),
    ("need_transport_730", NEEDS, 0),
    ("social_needs_count_365", NEEDS, 1),
    ("social_needs_distinct_730", NEEDS, 2),
    ("area_index", rows("member", {"area_index": 80}), 80),
    ("area_index", rows("member", {}), NAN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Any, expected: float) -> None:
    assert same(value(name, tables), expected)


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("emergency_visits_count_90", "emergency_visits"),
        ("office_visits_count_90", "office_visits"),
        ("acute_stays_count_90", "encounter"),
        ("emergent_stays_365", "admission_type"),
        ("last_stay_to_home", "disposition"),
        ("last_stay_principal", "principal_diagnosis"),
        ("cost_total_90", "cost_claim"),
        ("costyear_total_365", "cost_year"),
        ("diagnosis_108_365", "diagnosis"),
        ("flag_heart_failure_365", "yearly_flags"),
        ("yearly_flags_distinct_365", "yearly_flags"),
        ("drug_fills_count_30", "drug_fill"),
        ("insulins_count_365", "drug_class"),
        ("coverage_now", "coverage"),
        ("age", "member"),
        ("area_index", "area_index"),
        ("haemoglobin_count_365", "lab_result"),
        ("procedures_count_365", "procedure"),
    ],
)
def test_a_feed_that_is_not_carried_makes_its_features_missing(name: str, feed: str) -> None:
    tables = {**visits("emergency", 1), **COSTS, **rows("member", {"area_index": 5})}
    without = tuple(carried for carried in CARRIES if carried != feed)
    assert math.isnan(value(name, tables, carries=without))


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
    assert math.isnan(value("last_stay_principal", tables))


@pytest.mark.parametrize(("visit", "expected"), [(8, 0.0), (7, 0.0), (6, 1.0), (0, 1.0)])
def test_a_visit_on_the_day_of_discharge_is_no_follow_up(visit: int, expected: float) -> None:
    made = rows(
        "encounter",
        {"kind": "acute_inpatient", "started_on": ago(9), "ended_on": ago(7)},
        {"kind": "office", "started_on": ago(visit)},
    )
    assert value("office_visits_since_discharge", made) == expected


def test_a_claim_is_seen_from_the_day_it_is_known() -> None:
    late = rows("cost", {"happened_on": ago(50), "known_on": ago(10), "allowed_cents": 100})
    assert value("cost_total_365", late, ago(11)) == 0
    assert value("cost_total_365", late, ago(10)) == 1


def test_an_open_stay_is_open_until_its_discharge_is_known() -> None:
    stay = {"kind": "acute_inpatient", "record_id": "e", "started_on": ago(9)}
    tables = rows("encounter", {**stay, "known_on": ago(9)},
                  {**stay, "ended_on": ago(5), "known_on": ago(3)})  # fmt: skip
    assert value("acute_stay_open", tables, ago(4)) == 1
    assert value("acute_stays_count_30", tables, ago(4)) == 0
    assert value("acute_stay_open", tables, ago(3)) == 0
    assert value("acute_stays_days_since", tables, ago(3)) == 2


def test_a_leap_day_counts_as_a_day() -> None:
    leap_day = date(2020, 2, 29)
    tables = rows("encounter", {"kind": "emergency", "started_on": leap_day})
    assert value("emergency_visits_count_30", tables, leap_day + timedelta(days=29)) == 1
    assert value("emergency_visits_count_30", tables, leap_day + timedelta(days=30)) == 0
    assert value("emergency_visits_days_since", tables, date(2020, 3, 1)) == 1
