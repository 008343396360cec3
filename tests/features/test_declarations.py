from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from types import ModuleType

import pytest

from data import codes
from data.concepts import read_codelist
from data.errors import InputError
from data.tables import TABLES
from features import as_of, events
from features.as_of import fingerprint
from features.definitions import FEATURES, feature
from features.definitions.declaration import Feature
from features.definitions.sensitivity import sensitive_diagnosis, sensitive_drug
from features.kernel import HOWS
from features.units import LAB_TESTS
from features.window import WINDOWS, Window
from tests.features.rows import CARRIES


def test_names_are_unique_and_there_are_enough() -> None:
    assert max(Counter(f.name for f in FEATURES).values()) == 1
    assert len(FEATURES) >= 400


def test_a_channel_has_one_meaning() -> None:
    channels = {c for f in FEATURES for c in (f.channel, f.anchor) if c is not None}
    assert max(Counter(c.name for c in channels).values()) == 1


def test_declarations_are_whole() -> None:
    for declared in FEATURES:
        _assert_whole(declared)


def _assert_whole(declared: Feature) -> None:
    assert declared.source in TABLES
    assert declared.feed in CARRIES
    assert declared.window is None or declared.window in WINDOWS
    assert declared.how in HOWS
    assert declared.concept
    assert declared.words.count("{value}") <= 1
    assert (declared.anchor is not None) == (declared.how == "after")
    assert bool(declared.equals) == (declared.how == "last_is")
    if declared.last_event is not None:
        assert feature(declared.last_event).how == "days_since"
    if declared.noun is not None:
        assert declared.noun[1] in declared.words
    if declared.unit == "yes or no":
        assert declared.zero
    if declared.how in ("trend", "sum_trend", "change"):
        assert declared.fewer


def test_every_value_has_words() -> None:
    for declared in FEATURES:
        for value in (float("nan"), 0.0, 1.0, 3.0, -2.0):
            if declared.unit == "CCS category" and value not in (1.0, 3.0):
                continue
            said = declared.say(value)
            assert said, declared.name
            assert "{" not in said, declared.name


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
        ("last_stay_principal", 108, "last stay was for Congestive heart failure; nonhypertensive"),
        ("cost_total_365", 12345.6, "$12,346 of care in the last 365 days"),
        ("haemoglobin_last", 9.25, "last haemoglobin 9.2 g/dL"),
        ("haemoglobin_change_365", -1.5, "haemoglobin fallen by 1.5 g/dL in the last 365 days"),
        ("charlson_heart_failure", 1, "a record of congestive heart failure"),
        ("charlson_heart_failure", 0, "no coded record of congestive heart failure"),
        ("flag_heart_failure_365", 1,
         "flagged as having heart failure by a yearly summary in the last 365 days"),
        ("flag_heart_failure_365", 0,
         "not flagged as having heart failure by a yearly summary in the last 365 days"),
        ("yearly_flags_distinct_365", 1,
         "1 condition flagged by a yearly summary in the last 365 days"),
        ("female", 0, "male"),
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
        if declared.how == "covered_days":
            assert declared.window is not None
            assert declared.window <= Window(365), declared.name


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
    assert feature("charlson_hiv").sensitive == "HIV"
    assert feature("flag_depression_365").sensitive == "mental health"
    assert feature("flag_heart_failure_365").sensitive is None
    assert feature("addiction_drugs_count_365").sensitive == "substance use"
    assert feature("psychiatric_stays_count_90").sensitive == "mental health"
    principal = feature("last_stay_principal")
    assert principal.sensitive_of(657.0) == "mental health"
    assert principal.sensitive_of(108.0) is None
    assert principal.sensitive_of(float("nan")) is None


def test_a_name_that_no_feature_has_is_refused() -> None:
    with pytest.raises(InputError, match="no_such_thing"):
        feature("no_such_thing")


def test_the_fingerprint_changes_with_what_is_computed_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["age", "female"]
    before = fingerprint(names)
    assert before == fingerprint(list(names))
    assert before != fingerprint(names[::-1])
    assert before != fingerprint(["age"])
    age = feature("age")
    for changed, same in ((replace(age, words="aged {value}"), True),
                          (replace(age, divide_by=2.0), False)):  # fmt: skip
        monkeypatch.setattr(
            as_of, "feature", lambda name, new=changed: new if name == "age" else feature(name)
        )
        assert (fingerprint(names) == before) == same


_ANOTHER_FACTOR = replace(LAB_TESTS[2], factors={"umol/L": 1 / 88})
_ANOTHER_LOINC = replace(LAB_TESTS[0], loincs=("718-7",))


@pytest.mark.parametrize(
    ("where", "what", "another"),
    [
        (as_of, "KERNEL_VERSION", -1),
        (events, "EVENTS_VERSION", -1),
        (events, "LAB_TESTS", (*LAB_TESTS[:2], _ANOTHER_FACTOR, *LAB_TESTS[3:])),
        (events, "LAB_TESTS", (_ANOTHER_LOINC, *LAB_TESTS[1:])),
        (events, "LAB_TESTS", (replace(LAB_TESTS[0], unit="g/L"), *LAB_TESTS[1:])),
        (events, "STAYS", events.STAYS - {"hospice"}),
        (events, "EMERGENT", events.EMERGENT - {"trauma"}),
        (events, "NOT_EMERGENT", events.NOT_EMERGENT - {"newborn"}),
        (events, "FEMALE", {"female": 1.0, "male": 0.0, "other": 0.5}),
        (events, "DISPOSITIONS", events.DISPOSITIONS[::-1]),
        (events, "ACUTE", "observation"),
        (events, "_YEARLY", "ICD9CM"),
        (events, "READ", events.READ | {"cost": events.READ["cost"][:-1]}),
        (codes, "CHARLSON_GROUPS", codes.CHARLSON_GROUPS[::-1]),
        (codes, "LACE_ITEMS", codes.LACE_ITEMS[::-1]),
        (codes, "SOCIAL_NEEDS", codes.SOCIAL_NEEDS[::-1]),
        (codes, "code_lists_fingerprint", lambda: "another"),
    ],
)
def test_the_fingerprint_changes_with_each_value_that_decides_numbers(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, what: str, another: object
) -> None:
    before, of_events = fingerprint(["age"]), events.translation_fingerprint()
    monkeypatch.setattr(where, what, another)
    assert fingerprint(["age"]) != before
    assert (events.translation_fingerprint() != of_events) == (where is not as_of)
    monkeypatch.undo()
    assert fingerprint(["age"]) == before
