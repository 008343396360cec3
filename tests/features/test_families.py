"""What holds for every family: feeds that are not carried, and patients of whom nothing is known.

The spec tables stand one file a family, in test_family_*.py.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest

from features.as_of import features_as_of
from features.definitions import FEATURES
from tests.features.family_specs import NOTHING, together, value, visits
from tests.features.rows import AS_OF, CARRIES, histories, rows
from tests.features.test_family_cost import COSTS

_MISSING_WITHOUT_EVENTS = frozenset(
    ("total", "last", "last_is", "last_outside", "days_since", "age", "min", "max", "change",
     "slope", "latest", "gap_days", "after", "within", "started", "stopped", "percentile")
)  # fmt: skip
"""Folds that are missing where a channel has no event; the others are 0."""


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("emergency_visits_count_90", "emergency_visits"),
        ("office_visits_count_90", "office_visits"),
        ("follow_up_within_7", "office_visits"),
        ("missed_appointments_count_90", "missed_appointments"),
        ("acute_stays_count_90", "encounter"),
        ("emergent_stays_365", "admission_type"),
        ("planned_stays_365", "admission_type"),
        ("last_stay_to_home", "disposition"),
        ("last_stay_principal", "principal_diagnosis"),
        ("specialists_count_90", "specialty"),
        ("prescribers_distinct_90", "prescriber"),
        ("cost_total_90", "cost_claim"),
        ("cost_total_months_above_500_365", "cost_claim"),
        ("costyear_total_last_year", "cost_year"),
        ("diagnosis_108_365", "diagnosis"),
        ("charlson_1987_365", "diagnosis"),
        ("hcc_v28_365", "icd10_diagnoses"),
        ("flag_heart_failure_365", "yearly_flags"),
        ("yearly_flags_distinct_365", "yearly_flags"),
        ("drug_fills_count_30", "drug_fill"),
        ("insulins_count_365", "drug_class"),
        ("drug_classes_now", "drug_supply"),
        ("statins_gap_days_180", "drug_supply"),
        ("drug_fills_supply_365", "days_supply"),
        ("coverage_now", "coverage"),
        ("coverage_medicaid_now", "payer"),
        ("hmo_now", "product"),
        ("facilities_distinct_365", "facility"),
        ("clinicians_distinct_365", "provider"),
        ("age", "member"),
        ("area_index", "area_index"),
        ("haemoglobin_count_365", "lab_result"),
        ("procedures_count_365", "procedure"),
        ("screening_needs_365", "screening"),
        ("outreach_count_90", "outreach"),
    ],
)
def test_a_feed_that_is_not_carried_makes_its_features_missing(name: str, feed: str) -> None:
    tables = together(visits("emergency", 1), COSTS, rows("member", {"area_index": 5}))
    without = tuple(carried for carried in CARRIES if carried != feed)
    assert math.isnan(value(name, tables, carries=without))


def test_every_feature_is_missing_where_nothing_is_carried() -> None:
    index = pd.DataFrame({"patient_id": ["p"], "as_of": [AS_OF]})
    assert features_as_of(histories(NOTHING, ()), index).isna().all(axis=None)


def test_of_a_patient_without_events_counts_are_nothing_and_the_rest_is_missing() -> None:
    index = pd.DataFrame({"patient_id": ["stranger"], "as_of": [AS_OF]})
    told = features_as_of(histories(visits("office", 3)), index).iloc[0]
    for declared in FEATURES:
        found = told[declared.name]
        if declared.how in _MISSING_WITHOUT_EVENTS:
            assert math.isnan(found), declared.name
        else:
            assert found == 0, declared.name
