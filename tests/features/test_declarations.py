"""Declarations are whole, speak plainly, and hold nothing that must never be a feature."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import get_args

import pytest

from data import codes
from data.concepts import read_codelist
from data.errors import InputError
from data.tables import TABLES
from features.definitions import FEATURES, feature
from features.definitions.declaration import Feature, How, Unit
from features.definitions.sensitivity import (
    sensitive_diagnosis,
    sensitive_drug,
    sensitive_group,
)
from features.lab_tests import LAB_TESTS
from features.window import WINDOWS, Window
from tests.features.rows import CARRIES

_OF_SPANS = ("covered_days", "covered_now", "covered_months", "gap_days", "distinct_now", "stopped")
_ANCHORED = ("after", "within", "started", "stopped")
_LOOKS_BEFORE = ("new", "distinct_new", "started")
_MAY_FALL = ("trend", "sum_trend", "change", "slope")
_WITHOUT_WINDOW = ("any", "last", "age", "covered_now", "distinct_now")
_HALVED = ("trend", "sum_trend", "recurrent", "distinct_recurrent")


def test_names_are_unique_and_there_are_enough() -> None:
    assert max(Counter(f.name for f in FEATURES).values()) == 1
    assert len(FEATURES) >= 400


def test_a_channel_has_one_meaning() -> None:
    channels = {c for f in FEATURES for c in (f.channel, f.anchor, f.unless) if c is not None}
    assert max(Counter(c.name for c in channels).values()) == 1
    for channel in channels:
        assert channel.codes
        assert len(set(channel.codes)) == len(channel.codes), channel.name


def test_every_fold_is_used() -> None:
    assert {f.how for f in FEATURES} == set(get_args(How))


def test_declarations_are_whole() -> None:
    for declared in FEATURES:
        _assert_whole(declared)


def _assert_whole(declared: Feature) -> None:
    assert declared.source in TABLES
    assert declared.feed in CARRIES
    assert declared.unit in get_args(Unit)
    assert declared.concept
    if declared.window is None:
        assert declared.how in _WITHOUT_WINDOW
    else:
        assert declared.window in WINDOWS or declared.how == "latest"
    assert (declared.anchor is not None) == (declared.how in _ANCHORED)
    assert bool(declared.equals) == (declared.how == "last_is")
    bounded = declared.limits != (-math.inf, math.inf)
    assert bounded == (declared.how in ("outside", "last_outside"))
    assert (declared.level > 0) == (declared.how == "months_above")
    assert (declared.before > 0) == (declared.how in _LOOKS_BEFORE)
    assert (declared.days > 0) == (declared.how in ("within", "latest"))
    assert bool(declared.weights) == (declared.how == "score")
    assert (declared.of is not None) == (declared.how == "percentile")
    assert (declared.channel.spans is not None) or declared.how not in _OF_SPANS
    assert bool(declared.measure) <= (declared.unit == "measured")
    if declared.how in ("new", "distinct_new"):
        assert declared.window is not None
        assert declared.before > declared.window.days
    if declared.of is not None:
        assert feature(declared.of).feed == declared.feed
        assert feature(declared.of).window == declared.window


def test_every_value_has_words() -> None:
    for declared in FEATURES:
        _assert_speaks(declared)


def _assert_speaks(declared: Feature) -> None:
    assert declared.words.count("{value}") <= 1
    if declared.noun is not None:
        assert declared.noun[1] in declared.words
    if declared.unit == "yes or no":
        assert declared.zero
        assert "{value}" not in declared.words
    if declared.how in _MAY_FALL:
        assert declared.fewer
        assert declared.zero
    for value in (0.0, 1.0, 3.0, 1234.5, *((-1.0, -2.0) if declared.fewer else ()), math.nan):
        if declared.unit == "CCS category" and value not in (1.0, 3.0):
            continue
        said = declared.say(value)
        assert said == said.strip()
        assert "{" not in said
        assert "  " not in said
        if declared.unit == "yes or no" and value == 1:
            assert said == declared.words
    if declared.words.startswith("{value}") and declared.how != "age":
        assert declared.zero  # "0 visits" is said as "no visits"


def test_one_and_many_are_told_apart() -> None:
    for declared in FEATURES:
        _assert_counts(declared)


def _assert_counts(declared: Feature) -> None:
    if declared.unit in ("count", "days", "months", "years", "points") and declared.noun:
        one, many = declared.noun
        assert one != many
        said = declared.say(1.0)
        assert one in said
        assert declared.say(3.0) != said
    if declared.how == "days_since":
        assert "the same day" in declared.say(0.0)  # a reason puts the date in its place


def test_the_last_event_is_days_since_of_what_is_told() -> None:
    for declared in FEATURES:
        if declared.last_event is not None:
            last = feature(declared.last_event)
            assert last.how == "days_since", declared.name
            assert last.family == declared.family, declared.name
            assert last.predictor == declared.predictor, declared.name


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("emergency_visits_count_90", 3, "3 emergency visits in the last 90 days"),
        ("emergency_visits_count_90", 1, "1 emergency visit in the last 90 days"),
        ("emergency_visits_count_90", 0, "no emergency visits in the last 90 days"),
        ("emergency_visits_trend_180", 2,
         "2 more emergency visits in the last 90 days than in the 90 before"),
        ("emergency_visits_trend_180", -1,
         "1 fewer emergency visit in the last 90 days than in the 90 before"),
        ("emergency_visits_days_since", 1, "1 day since the last emergency visit"),
        ("emergency_visits_recurrent_365", 1,
         "emergency visits both early and late in the last 365 days"),
        ("planned_stays_365", 1, "1 planned hospital stay that ended in the last 365 days"),
        ("missed_appointments_count_90", 0, "no missed appointments in the last 90 days"),
        ("last_stay_principal", 108, "last stay was for Congestive heart failure; nonhypertensive"),
        ("follow_up_within_7", 0,
         "no office or telehealth visit within 7 days of the last discharge known"),
        ("specialists_count_90", 1, "1 contact with a specialist in the last 90 days"),
        ("cost_total_365", 12345.6, "$12,346 of care in the last 365 days"),
        ("cost_total_months_above_2000_365", 0.25,
         "more than $2,000 of care in 25% of the months in the last 365 days"),
        ("cost_total_percentile_365", 96.0,
         "cost of care in the last 365 days at or above that of 96% of those the model learnt "
         "from"),
        ("coverage_months_365", 1, "covered in 1 month of the last 365 days"),
        ("diagnosis_49_new_90", 1,
         "diabetes mellitus without complication first seen in the last 90 days"),
        ("chronic_conditions_new_90", 2, "2 chronic conditions first seen in the last 90 days"),
        ("charlson_heart_failure_730", 1,
         "a record of congestive heart failure in the last 730 days"),
        ("charlson_heart_failure_730", 0,
         "no coded record of congestive heart failure in the last 730 days"),
        ("charlson_1987_365", 5, "Charlson index: 5 points in the last 365 days"),
        ("elixhauser_van_walraven_365", -3,
         "Elixhauser index (van Walraven): -3 points in the last 365 days"),
        ("hcc_v28_365", 0.331,
         "conditions part of the CMS-HCC V28 score: 0.33 points in the last 365 days"),
        ("flag_heart_failure_365", 1,
         "flagged as having heart failure by a yearly summary in the last 365 days"),
        ("flag_heart_failure_365", 0,
         "not flagged as having heart failure by a yearly summary in the last 365 days"),
        ("yearly_flags_distinct_365", 1,
         "1 condition flagged by a yearly summary in the last 365 days"),
        ("drug_classes_now", 7, "7 drug classes on hand now"),
        ("drug_classes_started_since_discharge", 1,
         "1 drug class started since the last discharge"),
        ("insulins_covered_now", 0, "no insulin on hand now"),
        ("statins_covered_days_365", 1,
         "lipid-lowering drugs on hand on 1 day in the last 365 days"),
        ("statins_gap_days_180", 0,
         "no day without lipid-lowering drugs on hand in the last 180 days"),
        ("haemoglobin_last", 9.25, "last haemoglobin 9.2 g/dL"),
        ("haemoglobin_last_outside", 1, "last haemoglobin outside the usual limits"),
        ("haemoglobin_change_365", -1.5, "haemoglobin fallen by 1.5 g/dL in the last 365 days"),
        ("haemoglobin_slope_365", -2.0,
         "haemoglobin falling by 2.0 g/dL a year in the last 365 days"),
        ("haemoglobin_slope_365", 0.04, "haemoglobin neither rising nor falling in the last 365 "
         "days"),
        ("inr_last", 2.5, "last INR 2.5"),
        ("egfr_last", 45.0, "last eGFR 45.0 mL/min per 1.73 m²"),
        ("screened_food_730", 1,
         "told of a social need when last asked: food or safe drinking water"),
        ("outreach_declined_any_365", 0, "has not declined care management in the last 365 days"),
        ("female", 0, "male"),
        ("age", 1, "1 year old"),
        ("age", float("nan"), "age: not known"),
    ],
)  # fmt: skip
def test_words(name: str, value: float, words: str) -> None:
    assert feature(name).say(value) == words


def test_what_must_never_be_a_feature_is_none() -> None:
    texts = json.dumps([[f.name, f.channel.codes] for f in FEATURES]).lower()
    for never in ("race", "ethnic", "death", "died", "month_of", "quarter", "weekday"):
        assert never not in texts


def test_no_feature_tells_the_date_by_how_long_the_source_reaches_back() -> None:
    for declared in FEATURES:
        if declared.how in ("trend", "sum_trend"):
            assert declared.window == Window(180), declared.name
        if declared.how in ("covered_days", "covered_months", "gap_days", *_HALVED):
            assert declared.window is not None
            assert declared.window <= Window(365), declared.name


def test_only_care_management_and_the_age_of_the_lists_are_no_predictors() -> None:
    """A model that learnt from calls would not tell the risk under usual practice."""
    for declared in FEATURES:
        learnt = declared.family != "care_management" and declared.channel.codes != ("DX/0",)
        assert declared.predictor == learnt, declared.name
        heard = any(code.startswith("OUTREACH/") for code in declared.channel.codes)
        assert heard == (declared.family == "care_management"), declared.name


def test_every_diagnosis_category_has_a_column_of_its_own() -> None:
    told = {f.channel.codes for f in FEATURES if f.how == "count" and f.family == "diagnoses"}
    for number in codes.diagnosis_concepts():
        assert (f"DX/{number}",) in told


def test_every_comorbidity_group_and_every_test_has_its_features() -> None:
    names = {f.name for f in FEATURES}
    assert {f"charlson_{group}_730" for group in codes.CHARLSON_GROUPS} <= names
    assert {f"elixhauser_{group}_730" for group in codes.ELIXHAUSER_GROUPS} <= names
    assert {f"need_{need}_730" for need in codes.SOCIAL_NEEDS if need != "none"} <= names
    for test in LAB_TESTS:
        extreme = "lowest" if test.worse == "lower" else "highest"
        for what in ("last", "last_outside", f"{extreme}_365", "outside_365", "days_since"):
            assert f"{test.name}_{what}" in names


def test_scores_weigh_what_their_channels_hear() -> None:
    for declared in FEATURES:
        if declared.how == "score":
            (code,) = declared.channel.codes
            items = [item for item, _ in declared.weights]
            assert len(set(items)) == len(items)
            assert all(item.startswith(code.removesuffix("*")) for item in items)
            assert {item for pair in declared.suppressed_by for item in pair} <= set(items)


def test_each_yearly_flag_has_a_feature_and_none_is_a_coded_diagnosis() -> None:
    flagged = {f"FLAG/{row['concept']}" for row in read_codelist("ccw")}
    own = [f for f in FEATURES if f.feed == "yearly_flags"]
    assert {f.channel.codes for f in own if f.how == "any"} == {(code,) for code in flagged}
    assert [set(f.channel.codes) for f in own if f.how == "distinct"] == [flagged]
    for declared in FEATURES:
        if declared.feed != "yearly_flags":
            heard = {code for code in flagged for c in declared.channel.codes
                     if (code.startswith(c[:-1]) if c.endswith("*") else code == c)}  # fmt: skip
            assert not heard, declared.name


def test_sensitive_matters_are_marked() -> None:
    assert sensitive_diagnosis(5) == "HIV"
    assert sensitive_diagnosis(657) == "mental health"
    assert sensitive_diagnosis(661) == "substance use"
    assert sensitive_diagnosis(178) == "reproductive health"
    assert sensitive_diagnosis(108) is None
    assert sensitive_drug("N06A") == "mental health"
    assert sensitive_drug("C03C") is None
    assert sensitive_group("alcohol") == "substance use"
    assert sensitive_group("renal") is None
    expected = {
        "charlson_hiv_730": "HIV",
        "elixhauser_hiv_730": "HIV",
        "elixhauser_depression_730": "mental health",
        "elixhauser_drugs_730": "substance use",
        "elixhauser_renal_730": None,
        "diagnosis_657_new_90": "mental health",
        "diagnosis_660_recurrent_365": "substance use",
        "diagnosis_178_365": "reproductive health",
        "flag_depression_365": "mental health",
        "flag_heart_failure_365": None,
        "addiction_drugs_count_365": "substance use",
        "antidepressants_gap_days_180": "mental health",
        "sedatives_covered_now": "mental health",
        "psychiatric_stays_count_90": "mental health",
        "mental_health_count_365": "mental health",
        "addiction_medicine_count_365": "substance use",
        "specialists_count_365": None,
        "need_violence_730": "violence",
        "screened_violence_730": "violence",
        "need_family_strain_730": None,
    }
    assert {name: feature(name).sensitive for name in expected} == expected
    principal = feature("last_stay_principal")
    assert principal.sensitive_of(657.0) == "mental health"
    assert principal.sensitive_of(108.0) is None
    assert principal.sensitive_of(float("nan")) is None


def test_whatever_hears_a_sensitive_group_alone_is_marked() -> None:
    """A count over many conditions tells none of them; a feature of one does."""
    for declared in FEATURES:
        if len(declared.channel.codes) == 1:
            family, _, concept = declared.channel.codes[0].partition("/")
            if family == "DX" and concept.isdigit():
                assert declared.sensitive == sensitive_diagnosis(int(concept)), declared.name
            if family in ("CHARLSON", "ELIXHAUSER") and concept != "*":
                assert declared.sensitive == sensitive_group(concept), declared.name
            if family == "RX" and len(concept) == 4:
                assert declared.sensitive == sensitive_drug(concept), declared.name


def test_a_name_that_no_feature_has_is_refused() -> None:
    with pytest.raises(InputError, match="no_such_thing"):
        feature("no_such_thing")
