"""The need label: chronic conditions coded in the year to come, and unplanned days in hospital."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.small import EVERYTHING, Person, day, table_of, together
from training.cohorts.need import (
    add_need,
    need_against_truth,
    need_of_those_called,
    true_conditions,
    with_chronic_conditions,
)

THROUGH = day("2024-12-31")
FROM, TO = day("2022-06-30"), day("2023-06-30")
FAILURE, DIABETES, WITH_KIDNEY, COPD, COUGH = "I509", "E119", "E1122", "J449", "R05"


def asked(*people: Person, carries=EVERYTHING) -> pd.DataFrame:
    patients = pd.Index(sorted(p.patient for p in people))
    rows = pd.DataFrame({"person": np.arange(len(people)), "as_of": FROM, "outcome_until": TO})
    add_need(rows, together(*people), THROUGH, carries, patients)
    return rows


def coded(person: Person, *told: tuple[str, str], system: str = "ICD10CM", **more) -> Person:
    for on, code in told:
        person.add("diagnosis", happened_on=on, code_system=system, code=code, **more)
    return person


@pytest.mark.parametrize(
    ("told", "conditions"),
    [
        ((), 0),
        ((("2022-07-01", FAILURE),), 1),
        ((("2023-06-30", FAILURE),), 1),
        ((("2022-06-30", FAILURE),), 0),  # the day of asking is not in the year to come
        ((("2023-07-01", FAILURE),), 0),
        ((("2022-06-30", FAILURE), ("2022-07-01", FAILURE)), 1),  # known before, and still active
        ((("2022-08-01", FAILURE), ("2022-09-01", FAILURE)), 1),
        ((("2022-08-01", FAILURE), ("2022-08-01", COPD)), 1 + 1),
        ((("2022-08-01", DIABETES), ("2022-09-01", WITH_KIDNEY)), 1),  # one illness
        ((("2022-08-01", COUGH),), 0),  # not chronic
        ((("2022-08-01", "NOCODE"),), 0),
    ],
)
def test_different_chronic_conditions_coded_in_the_window(told, conditions):
    assert asked(coded(Person(), *told))["chronic_conditions"].tolist() == [conditions]


def test_icd_9_and_icd_10_of_one_condition_are_one():
    person = coded(Person(), ("2022-08-01", "4280"), system="ICD9CM")
    assert asked(person)["chronic_conditions"].tolist() == [1]
    assert asked(coded(person, ("2022-08-02", FAILURE)))["chronic_conditions"].tolist() == [1]


def test_a_withdrawn_diagnosis_does_not_count_and_nobody_has_anothers():
    person = coded(Person(), ("2022-08-01", FAILURE), reversed=True)
    other = coded(Person("bert"), ("2022-08-01", COPD))
    assert asked(person, other)["chronic_conditions"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("stays", "days"),
    [
        ([("2022-08-01", "2022-08-05")], 4),
        ([("2022-08-01", "2022-08-01")], 1),  # a stay of one day
        ([("2022-06-20", "2022-07-03")], 3),  # 1, 2 and 3 July
        ([("2022-06-20", "2022-06-30")], 0),
        ([("2023-06-28", "2023-07-10")], 2),  # 29 and 30 June
        ([("2022-08-01", "2022-08-05"), ("2022-08-05", "2022-08-07")], 4 + 2),  # a transfer
        ([("2022-08-01", "2022-08-10"), ("2022-08-03", "2022-08-12")], 11),  # none twice
        ([("2022-08-01", "2022-08-10"), ("2022-08-03", "2022-08-05")], 9),
    ],
)
def test_unplanned_days_within_the_window(stays, days):
    person = Person()
    for number, (admitted, left) in enumerate(stays):
        person.stay(f"s{number}", admitted, left)
    assert asked(person)["unplanned_days"].tolist() == [days]


def test_planned_stays_and_other_settings_do_not_count():
    hip = "0SR90JZ"  # a hip replaced: potentially planned, for arthritis of the hip
    planned = Person().stay("s", "2022-08-01", "2022-08-05", diagnosis="M1611", procedures=(hip,))
    nursing = Person("bert").stay("t", "2022-08-01", "2022-08-05", kind="skilled_nursing")
    broken = Person("carl").stay("u", "2022-08-01", "2022-08-05", diagnosis="S72001A",
                                 procedures=(hip,))  # fmt: skip
    assert asked(planned, nursing, broken)["unplanned_days"].tolist() == [0, 0, 4]


def test_an_open_stay_counts_as_far_as_the_data_go():
    person = Person().stay("s", "2023-06-01", None)
    assert asked(person)["unplanned_days"].tolist() == [29]  # 2 to 30 June


def test_what_the_source_does_not_carry_is_missing():
    sick = coded(Person(), ("2022-08-01", FAILURE)).stay("s", "2022-08-01", "2022-08-05")
    without = [c for c in EVERYTHING if c not in ("diagnosis", "encounter")]
    rows = asked(sick, carries=without)
    assert rows["chronic_conditions"].isna().all()
    assert rows["unplanned_days"].isna().all()


def test_the_counted_need_beside_the_true_one(tmp_path: Path):
    since = [day(d) for d in ("2020-01-01", "2023-06-30", "2023-07-01", "2021-01-01")]
    truth = pa.table({
        "patient_id": ["a", "a", "a", "b"], "condition": ["x", "y", "z", "x"],
        "since": pa.array(since, pa.int32()).cast(pa.date32()),
    })  # fmt: skip
    rows = pd.DataFrame({
        "patient_id": ["a", "b"], "outcome_until": TO, "chronic_conditions": [1.0, 1.0],
        "unplanned_days": [4.0, 0.0], "amount_cents": [300, 100],
    })  # fmt: skip
    members = table_of("member", [
        {"patient_id": p, "birth_on": "1950-01-01", "race": r}
        for p, r in (("a", "black"), ("b", "white"))
    ])  # fmt: skip
    assert need_against_truth(tmp_path, rows, members, THROUGH) is None
    pq.write_table(truth, tmp_path / "condition.parquet")
    assert need_against_truth(None, rows, members, THROUGH) is None
    found = need_against_truth(tmp_path, rows, members, THROUGH)
    assert found is not None
    told = found.set_index("group")[["rows", "true_conditions", "told", "cost"]]
    # a has two conditions by 30 June 2023, of which one is coded; b one, coded
    assert told.loc["black"].tolist() == [1, 2, 1 / 2, 3.00]
    assert told.loc["white"].tolist() == [1, 1, 1 / 1, 1.00]
    assert told.loc["everybody"].tolist() == [2, 1.5, (1 + 1) / (2 + 1), 2.00]


def test_the_need_of_those_called():
    rows = pd.DataFrame({
        "patient_id": list("abcd"), "chronic_conditions": [4.0, 0, 2, 2],
        "unplanned_days": [6.0, 0, 2, np.nan],
    })  # fmt: skip
    period, weights = np.zeros(4), np.array([1.0, 1, 3, 1])
    scores = {"firstcall": np.array([9.0, 1, 8, 2]), "absent": np.full(4, np.nan)}
    made = need_of_those_called(rows, scores, period, weights, share=0.5).set_index("score")
    assert made.index.tolist() == ["everybody", "firstcall"]
    ours = made.loc["firstcall"]
    assert ours["chronic_conditions"] == pytest.approx((4 + 3 * 2) / (1 + 3))
    assert ours["unplanned_days"] == pytest.approx((6 + 3 * 2) / (1 + 3))
    assert ours["share_of_unplanned_days"] == 1.0
    everybody = made.loc["everybody"]
    assert everybody["chronic_conditions"] == pytest.approx((4 + 0 + 3 * 2 + 2) / 6)
    assert everybody["unplanned_days"] == pytest.approx((6 + 0 + 3 * 2) / (1 + 1 + 3))


@pytest.mark.parametrize(
    ("told", "conditions"),
    [
        ((), 0),
        ((("2022-06-30", FAILURE),), 1),  # the day of asking is in the year up to it
        ((("2022-07-01", FAILURE),), 0),
        ((("2021-07-01", FAILURE),), 1),
        ((("2021-06-30", FAILURE),), 0),  # 365 days before
        ((("2021-06-30", FAILURE), ("2022-01-01", FAILURE)), 1),
        ((("2022-01-01", FAILURE), ("2022-02-01", FAILURE), ("2022-02-01", COPD)), 1 + 1),
        ((("2022-01-01", DIABETES), ("2022-02-01", WITH_KIDNEY), ("2022-01-01", COUGH)), 1),
    ],
)
def test_chronic_conditions_of_the_year_up_to_the_question(told, conditions):
    rows = pd.DataFrame({"patient_id": ["bert", "anna", "zoe"], "as_of": FROM})
    people = (coded(Person(), *told), coded(Person("bert"), ("2022-01-01", DIABETES)))
    made = with_chronic_conditions(rows, together(*people), THROUGH, EVERYTHING)
    assert made["chronic_conditions"].tolist() == [1, conditions, 0]
    assert "chronic_conditions" not in rows


def test_without_diagnoses_the_year_up_to_the_question_tells_nothing():
    rows = pd.DataFrame({"patient_id": ["anna"], "as_of": [FROM]})
    made = with_chronic_conditions(rows, together(Person()), THROUGH, ["encounter"])
    assert made["chronic_conditions"].isna().all()


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-800, 800),
                       st.sampled_from([FAILURE, DIABETES, WITH_KIDNEY, COPD, COUGH])),
             max_size=12),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-400, 800)), max_size=6),
)  # fmt: skip
@settings(max_examples=25)
def test_the_year_up_to_a_question_is_the_year_to_come_of_a_year_before(coded_on, asked_on):
    people = [Person(name) for name in "abc"]
    for name, on, code in coded_on:
        coded(people["abc".index(name)], (str(np.datetime64(FROM + on, "D")), code))
    facts, as_of = together(*people), np.array([FROM + on for _, on in asked_on], dtype=np.int64)
    patients = pd.Index(["a", "b", "c"], dtype=object)
    rows = pd.DataFrame({
        "patient_id": np.array([name for name, _ in asked_on], dtype=object), "as_of": as_of,
    })  # fmt: skip
    to_come = pd.DataFrame({
        "person": patients.get_indexer(pd.Index(rows["patient_id"], dtype=object)),
        "as_of": as_of - 365, "outcome_until": as_of,
    })  # fmt: skip
    add_need(to_come, facts, THROUGH, ["diagnosis"], patients)
    made = with_chronic_conditions(rows, facts, THROUGH, EVERYTHING)
    assert made["chronic_conditions"].tolist() == to_come["chronic_conditions"].tolist()


def test_true_conditions_are_those_begun_by_the_end_of_the_window(tmp_path: Path):
    since = [day(d) for d in ("1951-02-03", "2023-06-30", "2023-07-01", "1960-01-01")]
    truth = pa.table({
        "patient_id": ["b", "b", "b", "c"], "condition": ["x", "y", "z", "x"],
        "since": pa.array(since, pa.int32()).cast(pa.date32()),
    })  # fmt: skip
    rows = pd.DataFrame({"patient_id": ["b", "a", "b"], "outcome_until": [TO, TO, TO + 1]})
    assert true_conditions(tmp_path, rows) is None
    assert true_conditions(None, rows) is None
    pq.write_table(truth, tmp_path / "condition.parquet")
    found = true_conditions(tmp_path, rows)
    assert found is not None
    assert found.tolist() == [2, 0, 3]
