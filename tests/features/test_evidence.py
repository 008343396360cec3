"""The rows behind a value: one rule a fold, and whoever keeps those rows alone gets the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from random import Random
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.definitions import FEATURES, feature
from features.definitions.declaration import Channel, Feature, How
from features.definitions.sensitivity import sensitive_concept
from features.evidence import Evidence, Seen, evidence, sensitive_code
from features.window import Window
from tests.features.agreement import before, examples, moments, told, worlds
from tests.features.family_specs import diagnoses, fills, results
from tests.features.invented_features import families
from tests.features.invented_rows import PATIENTS, invented
from tests.features.rows import AS_OF, ago, histories, row, rows

Rows = dict[str, list[dict[str, Any]]]

_LAB, _COST, _COVER, _RX = ("LAB/haemoglobin",), ("COST/*",), ("COVER/*",), ("RX/*",)
_STAY = Channel("discharge", ("ENC/acute_inpatient/ended",))


def made(
    how: str, codes: tuple[str, ...], window: int | None = 100, spans: Any = None, **more: Any
) -> Feature:
    """A feature of this fold over events with these codes."""
    return Feature(
        name="made", family="made", concept="made", words="{value}", unit="count",
        source="encounter", feed="encounter", channel=Channel("made", codes, spans),
        how=cast(How, how), window=None if window is None else Window(window), **more,
    )  # fmt: skip


labs = partial(results, "718-7")
"""Values of haemoglobin of so many days ago."""


def costs(*told: tuple[int, int]) -> Rows:
    return rows("cost", *({"happened_on": ago(d), "allowed_cents": c} for d, c in told))


def coverage(*told: tuple[int, int | None]) -> Rows:
    return rows("coverage", *({"start_on": ago(first), "known_on": ago(first),
                               "end_on": None if last is None else ago(last)}
                              for first, last in told))  # fmt: skip


def stay(admitted: int, discharged: int) -> Rows:
    kept = row("encounter", 90, kind="acute_inpatient", started_on=ago(admitted),
               ended_on=ago(discharged))  # fmt: skip
    return {"encounter": [kept]}


def behind(declared: Feature, tables: Rows, as_of: date = AS_OF) -> list[Evidence]:
    return evidence(declared, histories(tables).events("p"), as_of)


def lines(found: Iterable[Evidence]) -> list[int]:
    """The lines of the source rows, as `rows` numbers them."""
    return [int(e.source_row.rsplit(":")[-1]) for e in found]


INSULIN, STATIN, OPIOID = "A10AB01", "C10AA05", "N02AA01"


@pytest.mark.parametrize(
    ("declared", "tables", "expected"),
    [
        # a window of 100 days holds the days 0 to 99 ago
        (made("count", _LAB), labs((100, 1.0), (99, 2.0), (5, None)), [1, 2]),
        (made("any", _LAB, None), labs((3000, 1.0), (5, None)), [0, 1]),
        (made("total", _COST), costs((50, 0), (5, 7)), [0, 1]),
        (made("trend", _LAB), labs((120, 1.0), (60, 2.0), (5, None)), [1, 2]),
        (made("recurrent", _LAB), labs((120, 1.0), (60, 2.0), (5, None)), [1, 2]),
        # what adds nothing is not behind a sum
        (made("sum", _COST), costs((120, 9), (50, 0), (40, -5), (5, 7)), [2, 3]),
        (made("sum_trend", _COST), costs((120, 9), (50, 0), (40, -5), (5, 7)), [2, 3]),
        (made("sum", _RX), fills((5, STATIN, None), (4, STATIN, 30)), [1]),
        # nor what has no value, unless the sum would be 0: then it is why nothing is known
        (made("sum", _COST), costs((50, 0), (40, None), (5, 7)), [2]),
        (made("sum", _COST), costs((50, 0), (40, None), (5, 7), (4, -7)), [1, 2, 3]),
        (made("sum", _RX), fills((5, STATIN, None), (4, STATIN, 0)), [0]),
        # of 100 days the later half holds the days 0 to 49 ago
        (made("sum_trend", _COST), costs((60, None), (55, 9), (49, None), (5, 7)), [1, 3]),
        (made("sum_trend", _COST), costs((60, None), (50, None), (49, None), (5, 7)), [0, 1, 3]),
        # the last one
        (made("last", _LAB), labs((9, 1.0), (2, None)), [1]),
        (made("last", _LAB), labs((100, 1.0)), []),
        (made("last_is", _LAB, equals=(1.0,)), labs((9, 1.0), (2, 3.0)), [1]),
        (made("last_outside", _LAB, limits=(0.0, 2.0)), labs((9, 1.0), (2, 1.5)), [1]),
        (made("days_since", _LAB), labs((9, 1.0), (2, None)), [1]),
        # two of one day: the last by source row
        (made("days_since", _LAB), labs((2, 5.0), (2, 1.0)), [1]),
        # values
        (made("min", _LAB), labs((100, 1.0), (60, 2.0), (50, 3.0), (5, 2.0)), [1, 3]),
        (made("max", _LAB), labs((100, 9.0), (60, 2.0), (50, 3.0), (5, None)), [2]),
        (made("change", _LAB), labs((60, 2.0), (50, 3.0), (40, 9.0), (5, None)), [0, 2]),
        (made("change", _LAB), labs((60, 2.0), (5, None)), [0]),
        (made("slope", _LAB), labs((60, 2.0), (50, 3.0), (40, 9.0), (5, None)), [0, 1, 2]),
        (made("outside", _LAB, limits=(2.0, 3.0)), labs((9, 1.9), (8, 2.0), (7, 3.1)), [0, 2]),
        (made("outside", _LAB, limits=(2.0, 3.0)), labs((9, 1.9), (8, None)), [0]),
        (made("outside", _LAB, limits=(2.0, 3.0)), labs((9, 2.0), (8, None)), [1]),
        # months of 30 days: 0 to 29, 30 to 59 and 60 to 89 days ago; the rest of 100 days is none
        (made("months_above", _COST, level=10.0),
         costs((95, 99), (65, 6), (64, 5), (59, 10), (31, 0), (3, 8), (2, 9), (1, -6)),
         [1, 2, 5, 6, 7]),
        (made("months_above", _COST, level=10.0), costs((65, None), (64, 11)), [1]),
        (made("months_above", _COST, level=10.0), costs((95, None), (65, None), (64, 9)), [1]),
        # new: nothing in the days before; else also what came before
        (made("new", _LAB, before=200), labs((200, 1.0), (99, 1.0), (2, 1.0)), [1, 2]),
        (made("new", _LAB, before=200), labs((199, 1.0), (2, 1.0)), [0, 1]),
        # spans: to the day 100 ago, to the day 99 ago, still open, and one that ended before
        (made("covered_days", _COVER, spans="last day"),
         coverage((300, 100), (300, 99), (50, None), (40, 41)), [1, 2]),
        (made("covered_days", _RX, spans="days"),
         fills((110, STATIN, 11), (110, STATIN, 12), (9, STATIN, 0), (8, STATIN, None),
               (7, STATIN, 1)), [1, 4]),
        # of 100 days the months hold 90
        (made("covered_months", _COVER, spans="last day"),
         coverage((300, 90), (300, 89), (2, None)), [1, 2]),
        (made("gap_days", _COVER, spans="last day"), coverage((300, 99), (60, 50)), [0, 1]),
        (made("covered_now", _COVER, None, spans="last day"),
         coverage((300, 1), (300, 0), (50, None)), [1, 2]),
        # items: the last event of each that counts
        (made("distinct", _RX),
         fills((100, OPIOID, 1), (50, INSULIN, 1), (9, STATIN, 1), (8, INSULIN, 1)), [2, 3]),
        (made("distinct_new", _RX, before=200),
         fills((150, INSULIN, 1), (9, INSULIN, 1), (200, STATIN, 1), (8, STATIN, 1),
               (7, STATIN, 1)), [4]),
        (made("distinct_recurrent", _RX),
         fills((99, INSULIN, 1), (60, INSULIN, 1), (50, INSULIN, 1), (49, INSULIN, 1),
               (8, INSULIN, 1), (7, STATIN, 1)), [2, 4]),
        (made("distinct_now", _RX, None, spans="days"),
         fills((20, INSULIN, 30), (10, INSULIN, 11), (5, INSULIN, 2), (9, STATIN, 9)), [1]),
        (made("score", ("CHARLSON/*",),
              weights=(("CHARLSON/cancer", 2.0), ("CHARLSON/metastatic", 6.0),
                       ("CHARLSON/hiv", 0.0), ("CHARLSON/heart_failure", 1.0)),
              suppressed_by=(("CHARLSON/cancer", "CHARLSON/metastatic"),)),
         diagnoses((50, "I509"), (40, "C509"), (30, "C787"), (20, "B20"), (10, "I509")), [2, 4]),
        # after the last discharge, 30 days ago
        (made("after", _LAB, anchor=_STAY),
         {**labs((31, 1.0), (30, 1.0), (9, 1.0)), **stay(35, 30)}, [90, 2]),
        (made("after", _LAB, anchor=_STAY), labs((9, 1.0)), []),
        (made("within", _LAB, anchor=_STAY, days=7),
         {**labs((30, 1.0), (23, 1.0), (22, 1.0)), **stay(35, 30)}, [90, 1]),
        (made("started", _RX, anchor=_STAY, before=60),
         {**fills((90, STATIN, 1), (89, INSULIN, 1), (9, STATIN, 1), (8, INSULIN, 1),
                  (7, STATIN, 1)), **stay(35, 30)}, [90, 4]),
        (made("stopped", _RX, anchor=_STAY, spans="days"),
         {**fills((40, STATIN, 12), (39, STATIN, 1), (40, INSULIN, 12), (29, INSULIN, 1),
                  (40, OPIOID, 50)), **stay(35, 30)}, [0, 90]),
    ],
)  # fmt: skip
def test_the_rows_behind_each_fold(declared: Feature, tables: Rows, expected: list[int]) -> None:
    assert lines(behind(declared, tables)) == expected


def test_a_percentile_rests_on_what_its_feature_rests_on() -> None:
    tables = costs((400, 5), (20, 100), (10, 200))
    (declared,) = (f for f in FEATURES if f.of == "cost_total_365")
    assert lines(behind(declared, tables)) == [1, 2]


def test_an_event_says_when_it_happened_when_it_was_known_and_where_it_stands() -> None:
    (found,) = behind(
        feature("haemoglobin_last"),
        rows("lab_result", {"happened_on": ago(9), "known_on": ago(4), "loinc": "718-7",
                            "unit": "g/L", "value": 117.0}),
    )  # fmt: skip
    assert (found.happened_on, found.known_on) == (ago(9), ago(4))
    assert (found.code, found.value, found.counted) == ("LAB/718-7/g/L", 117.0, 117 * 0.1)
    assert (found.source_row, found.concepts) == ("lab_result.csv:0", ("LAB/haemoglobin",))
    assert found.words == "haemoglobin 117 g/L, which is 11.7 g/dL"


def test_an_event_is_told_once_under_all_the_items_that_it_counts_as() -> None:
    (found,) = behind(made("distinct", ("CHARLSON/*",)), diagnoses((9, "E1122")))
    assert found.concepts == ("CHARLSON/diabetes_complicated",)
    (found,) = behind(made("distinct", ("DX/*", "CHARLSON/*")), diagnoses((9, "E1122")))
    assert found.concepts == ("DX/50", "CHARLSON/diabetes_complicated")
    assert found.words == (
        "diabetes mellitus with complications; diabetes with chronic complication"
    )


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("DX/ICD10CM/B20", "HIV"),
        ("DX/ICD10CM/Z21", "HIV"),
        ("DX/ICD10CM/O98711", "HIV"),
        ("DX/ICD9CM/V6544", "HIV"),
        ("PRINCIPAL/ICD10CM/F329", "mental health"),
        ("DX/CCW/SP_DEPRESSN", "mental health"),
        ("DX/ICD10CM/I426", "substance use"),  # cardiomyopathy by alcohol
        ("DX/ICD10CM/Z7151", "substance use"),  # by its Elixhauser group
        ("DX/ICD10CM/I509", None),
        ("DX/ICD10CM/F03", None),  # dementia
        ("RX/ATC/J05AR20", "HIV"),
        ("RX/ATC/G03GA05", "reproductive health"),
        ("RX/ATC/G02BB01", "reproductive health"),
        ("RX/ATC/C10AA05", None),
        ("PX/ICD10PCS/10A07ZZ", "reproductive health"),
        ("PX/ICD10PCS/HZ2ZZZZ", "substance use"),
        ("PX/ICD10PCS/0SRC0J9", None),
        ("SPECIALTY/addiction medicine", "substance use"),
        ("SPECIALTY/mental health counselor", "mental health"),
        ("SPECIALTY/marriage and family therapist", "mental health"),
        ("SPECIALTY/clinical social worker", "mental health"),
        ("SPECIALTY/cardiology", None),
        ("ENC/psychiatric_inpatient/started", "mental health"),
        ("ENC/acute_inpatient/started", None),
        ("SCREEN/violence", "violence"),
        ("COST/pharmacy", None),
        ("OTHER/SNOMED//1", None),
    ],
)
def test_what_makes_an_event_sensitive_is_told_by_its_code(code: str, why: str | None) -> None:
    assert sensitive_code(code) == why


def test_a_total_is_not_marked_and_what_is_behind_it_is() -> None:
    tables = diagnoses((9, "B20"), (8, "I509"))
    for name in ("charlson_1987_365", "charlson_groups_distinct_365", "diagnoses_count_365"):
        assert feature(name).sensitive is None
        assert [e.sensitive for e in behind(feature(name), tables)] == ["HIV", None]


@pytest.mark.parametrize("declared", FEATURES, ids=lambda declared: declared.name)
def test_what_a_marked_feature_hears_is_marked(declared: Feature) -> None:
    for code in declared.channel.codes:
        if not code.endswith("*") and code.split("/")[0] not in ("CHRONIC", "HCC"):
            assert declared.sensitive is None or sensitive_concept(code) == declared.sensitive
        elif code.startswith("SPECIALTY/") and declared.sensitive is not None:
            assert sensitive_concept(code[:-1]) == declared.sensitive


def test_what_is_not_seen_yet_or_no_longer_is_no_evidence() -> None:
    first = row("cost", 0, record_id="a", happened_on=ago(20), known_on=ago(15), allowed_cents=5)
    second = row("cost", 1, record_id="a", happened_on=ago(20), known_on=ago(5), allowed_cents=7)
    tables = {"cost": [first, second]}
    declared = made("sum", _COST)
    assert [lines(behind(declared, tables, ago(day))) for day in (16, 15, 6, 5, 0)] == [
        [], [0], [0], [1], [1],
    ]  # fmt: skip


def test_the_anchor_is_marked() -> None:
    found = behind(made("after", _LAB, anchor=_STAY), {**labs((9, 1.0)), **stay(35, 30)})
    assert [(e.is_anchor, e.words) for e in found] == [
        (True, "acute inpatient stay ended after 5 days"), (False, "haemoglobin 1"),
    ]  # fmt: skip


# ---- whoever keeps the rows of the evidence computes the same value ------------------------------

_ON_ABSENCE = ("distinct_new", "started", "stopped", "score")
"""What rests on an absence too: exact only while no code names two items (see `evidence`)."""
_NOT_EXACT = ("slope", "score")

Kept = frozenset[str]


def numbered(tables: Rows) -> Rows:
    """Each row with a source row of its own, in the order that they had."""
    return {
        table: [made | {"source_row": f"{made['source_row']}#{place}"}
                for place, made in enumerate(each)]
        for table, each in tables.items()
    }  # fmt: skip


def apart(tables: Rows, keeping: Mapping[str, Sequence[dict[str, Any]]]) -> Rows:
    """The same tables about one person for each set of rows that is kept."""
    return {
        table: [made | {"patient_id": name} for name, kept in keeping.items()
                for made in each if any(made is one for one in kept)]
        for table, each in tables.items()
    }  # fmt: skip


def of_patient(tables: Rows, patient: str) -> list[dict[str, Any]]:
    return [made for each in tables.values() for made in each if made["patient_id"] == patient]


def assert_kept_rows_are_enough(
    tables: Rows, as_of: date, features: Sequence[Feature]
) -> list[Feature]:
    """For each feature and patient: the value of the evidence's rows alone. Which had some."""
    tables = numbered(tables)
    held = histories(tables)
    everybody = pd.DataFrame({"patient_id": list(PATIENTS), "as_of": as_of})
    expected = told(held, everybody, features)
    cases: list[tuple[str, int, Kept]] = []
    for patient in PATIENTS:
        seen = Seen(held.events(patient), as_of)
        for column, declared in enumerate(features):
            found = seen.evidence(declared)
            of_two_rows = any("STAY/principal/known" in e.concepts for e in found)
            if not of_two_rows:
                cases.append((patient, column, frozenset(e.source_row for e in found)))
    worlds = list(dict.fromkeys((patient, kept) for patient, _, kept in cases))
    name = {world: f"kept {place}" for place, world in enumerate(worlds)}
    keeping = {
        name[patient, kept]: [r for r in of_patient(tables, patient) if r["source_row"] in kept]
        for patient, kept in worlds
    }
    index = pd.DataFrame({"patient_id": list(keeping), "as_of": as_of})
    alone = told(histories(apart(tables, keeping)), index, features).to_numpy()
    row_of = {name: place for place, name in enumerate(keeping)}
    for patient, column, kept in cases:
        one = expected.iloc[PATIENTS.index(patient), column]
        other = alone[row_of[name[patient, kept]], column]
        exact = features[column].how not in _NOT_EXACT
        same = one == other if exact else np.isclose(one, other, rtol=1e-6, atol=1e-6)
        assert same or (np.isnan(one) and np.isnan(other)), (patient, features[column], one, other)
    return [features[column] for _, column, kept in cases if kept]


@examples(12)
@given(worlds, moments)
def test_the_rows_of_the_evidence_are_enough(
    world: tuple[int, int], moment: tuple[int, int]
) -> None:
    seed, facts = world
    assert_kept_rows_are_enough(invented(Random(seed), facts), before(moment), FEATURES)


def test_the_rows_are_enough_where_most_features_have_some() -> None:
    tables = invented(Random(4), 2000)
    some = assert_kept_rows_are_enough(tables, AS_OF, FEATURES)
    assert {f.how for f in some} == {f.how for f in FEATURES}
    assert len({f.name for f in some}) > 0.4 * len(FEATURES)


@examples(60)
@given(worlds, moments, families())
def test_the_rows_of_the_evidence_are_enough_for_declarations_at_random(
    world: tuple[int, int], moment: tuple[int, int], made: list[Feature]
) -> None:
    seed, facts = world
    features = [f for f in made if f.of is None and f.how not in _ON_ABSENCE]
    assert_kept_rows_are_enough(invented(Random(seed), facts), before(moment), features)


@examples(12)
@given(worlds, moments, st.randoms(use_true_random=False))
def test_without_one_of_the_rows_a_count_or_a_sum_is_another(
    world: tuple[int, int], moment: tuple[int, int], random: Random
) -> None:
    seed, facts = world
    tables, as_of = numbered(invented(Random(seed), facts)), before(moment)
    held = histories(tables)
    adding = [f for f in FEATURES if f.how in ("count", "sum")]
    keeping: dict[str, list[dict[str, Any]]] = {}
    expected: dict[str, tuple[Feature, np.float32]] = {}
    for patient in PATIENTS:
        seen = Seen(held.events(patient), as_of)
        own = of_patient(tables, patient)
        for declared in adding:
            found = [e for e in seen.evidence(declared)
                     if declared.how == "count" or not np.isnan(e.counted)]  # fmt: skip
            if not found:
                continue
            gone = random.choice(found)
            (fact,) = {r["record_id"] for r in own if r["source_row"] == gone.source_row}
            rest = [1 if declared.how == "count" else round(e.counted) for e in found
                    if e is not gone]  # fmt: skip
            name = f"without {len(keeping)}"
            keeping[name] = [r for r in own if r["record_id"] != fact]
            expected[name] = declared, np.float32(sum(rest) / declared.divide_by)
    index = pd.DataFrame({"patient_id": list(keeping), "as_of": as_of})
    found_without = told(histories(apart(tables, keeping)), index, adding)
    for place, (name, (declared, value)) in enumerate(expected.items()):
        without = found_without.iloc[place][declared.name]
        # events without a value may be left, of which no sum is made
        nothing_left = value == 0 and declared.how == "sum" and np.isnan(without)
        assert without == value or nothing_left, (name, declared.name)


def test_a_principal_diagnosis_rests_on_a_second_row_that_its_event_does_not_name() -> None:
    tables = {**stay(35, 30), **rows("diagnosis", {"happened_on": ago(35), "code": "I509",
                                                   "position": 1, "known_on": ago(29),
                                                   "encounter_id": "encounter-90"})}  # fmt: skip
    (found,) = behind(feature("last_stay_principal"), tables)
    assert (found.source_row, found.counted) == ("diagnosis.csv:0", 108.0)
    assert found.words == "principal diagnosis: congestive heart failure, nonhypertensive (108)"
    without = {"diagnosis": tables["diagnosis"]}
    assert behind(feature("last_stay_principal"), without) == []
