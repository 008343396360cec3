"""The groups by whom figures are told apart: sex, age, race or ethnicity, payer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.small import day, tables
from training.cohorts.groups import AGE, PAYER, RACE, SEX, Grouping, groupings_of

THROUGH = day("2024-12-31")


def grouped(rows, *, female=None, age=None, through=THROUGH, **facts) -> dict[str, list[str]]:
    """What each grouping says of the rows (patient, as_of)."""
    asked = pd.DataFrame({
        "patient_id": np.array([patient for patient, _ in rows], dtype=object),
        "as_of": [day(on) if isinstance(on, str) else on for _, on in rows],
    })  # fmt: skip
    unknown = np.full(len(rows), np.nan)
    made = groupings_of(
        asked, unknown if female is None else female, unknown if age is None else age,
        tables(**facts), through,
    )  # fmt: skip
    return {grouping.name: grouping.of.tolist() for grouping in made}


def told(patient: str, race: str | None, known_on: str = "2020-01-01", **more):
    return {"patient_id": patient, "birth_on": "1950-01-01", "race": race, "known_on": known_on,
            "record_id": f"m-{patient}"} | more  # fmt: skip


def span(patient: str, start: str, end: str | None, payer: str | None, **more):
    return {"patient_id": patient, "start_on": start, "end_on": end, "payer": payer,
            "known_on": end or start} | more  # fmt: skip


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (18, "people under 65"),
        (64.99, "people under 65"),
        (65, "people of 65 to 74"),
        (74.99, "people of 65 to 74"),
        (75, "people of 75 to 84"),
        (84.5, "people of 75 to 84"),
        (85, "people of 85 and over"),
        (101.2, "people of 85 and over"),
        (np.nan, ""),
    ],
)
def test_nobody_falls_between_two_ages(age, group):
    assert grouped([("anna", "2023-06-30")], age=[age])[AGE] == [group]


def test_women_men_and_those_of_whom_it_is_not_known():
    rows = [("anna", "2023-06-30"), ("bert", "2023-06-30"), ("carl", "2023-06-30")]
    assert grouped(rows, female=[1, 0, np.nan])[SEX] == ["women", "men", ""]


@pytest.mark.parametrize(
    ("versions", "group"),
    [
        ([told("anna", "white")], "white"),
        ([told("anna", " white ")], "white"),
        ([told("anna", None)], ""),
        ([told("anna", "  ")], ""),
        ([], ""),
        ([told("bert", "white")], ""),
        # the last version of a record, and of several records the last that tells it
        ([told("anna", "white"), told("anna", "black", "2021-01-01")], "black"),
        ([told("anna", "black", record_id="z"), told("anna", "white", "2021-01-01", record_id="a")],
         "white"),
        ([told("anna", "black"), told("anna", None, "2021-01-01", record_id="m2")], "black"),
        ([told("anna", "white"), told("anna", "black", "2025-01-01")], "white"),  # not known yet
        ([told("anna", "white", reversed=True)], ""),
    ],
)  # fmt: skip
def test_race_or_ethnicity_is_the_one_last_told(versions, group):
    assert grouped([("anna", "2023-06-30")], member=versions)[RACE] == [group]


@pytest.mark.parametrize(
    ("spans", "payer"),
    [
        ([span("anna", "2023-01-01", "2023-12-31", "medicaid")], "medicaid"),
        ([span("anna", "2023-01-01", None, "medicaid")], "medicaid"),
        ([span("anna", "2023-06-30", "2023-06-30", "medicaid")], "medicaid"),
        ([span("anna", "2023-01-01", "2023-06-29", "medicaid")], ""),
        ([span("anna", "2023-07-01", None, "medicaid")], ""),
        ([span("bert", "2023-01-01", None, "medicaid")], ""),
        ([], ""),
        ([span("anna", "2023-01-01", None, None)], ""),
        ([span("anna", "2022-01-01", "2023-02-28", "commercial"),
          span("anna", "2023-03-01", None, "medicare")], "medicare"),
        # of two that hold the day the one that began last; one that has ended holds it no more
        ([span("anna", "2022-01-01", None, "commercial"),
          span("anna", "2023-01-01", None, "medicare")], "medicare"),
        ([span("anna", "2022-01-01", None, "commercial"),
          span("anna", "2023-01-01", "2023-03-31", "medicare")], "commercial"),
        ([span("anna", "2022-01-01", None, "commercial"),
          span("anna", "2023-01-01", None, None)], "commercial"),
    ],
)  # fmt: skip
def test_the_payer_is_that_of_the_coverage_that_holds_the_day(spans, payer):
    assert grouped([("anna", "2023-06-30")], coverage=spans)[PAYER] == [payer]


_PAYERS = ("medicare", "medicaid", "commercial")
_SPANS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.integers(0, 30), st.none() | st.integers(0, 15),
        st.none() | st.sampled_from(_PAYERS),
    ),
    max_size=10, unique_by=lambda one: one[:2],
)  # fmt: skip


@given(_SPANS, st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 40)), max_size=15))
def test_the_payer_is_what_a_look_at_each_span_finds(spans, asked):
    begin = day("2023-01-01")
    facts = [
        {"patient_id": who, "start_on": np.datetime64(begin + start, "D").astype(object),
         "end_on": None if length is None
         else np.datetime64(begin + start + length, "D").astype(object),
         "payer": payer, "known_on": "2023-06-01"}
        for who, start, length, payer in spans
    ]  # fmt: skip

    def slowly(patient: str, as_of: int) -> str:
        holding = [
            (start, payer) for who, start, length, payer in spans
            if who == patient and payer and start <= as_of
            and (length is None or as_of <= start + length)
        ]  # fmt: skip
        return max(holding)[1] if holding else ""

    found = grouped([(who, begin + on) for who, on in asked], coverage=facts)[PAYER]
    assert found == [slowly(who, on) for who, on in asked]


def test_groups_stand_in_their_own_order_and_who_is_not_told_is_in_none():
    ages = np.array(["people of 75 to 84", "people under 65", "", "people of 65 to 74"], object)
    assert Grouping(AGE, ages).groups == (
        "people under 65", "people of 65 to 74", "people of 75 to 84",
    )  # fmt: skip
    payers = np.array(["other", "commercial", "medicare"], object)
    assert Grouping(PAYER, payers).groups == ("medicare", "commercial", "other")
    races = np.array(["white", "other", "asian", ""], object)
    assert Grouping(RACE, races).groups == ("asian", "other", "white")
    assert Grouping(RACE, races).rows("other").tolist() == [1]


def test_each_row_is_told_of_its_own_person_and_day():
    facts = {
        "member": [told("anna", "white"), told("bert", "black")],
        "coverage": [span("anna", "2022-01-01", "2022-12-31", "medicaid"),
                     span("anna", "2023-01-01", None, "medicare"),
                     span("bert", "2020-01-01", None, "commercial")],
    }  # fmt: skip
    rows = [("bert", "2022-06-30"), ("anna", "2023-06-30"), ("anna", "2022-06-30")]
    made = grouped(rows, female=[0, 1, 1], age=[50, 65, 64], **facts)
    assert made == {
        SEX: ["men", "women", "women"],
        AGE: ["people under 65", "people of 65 to 74", "people under 65"],
        RACE: ["black", "white", "white"],
        PAYER: ["commercial", "medicare", "medicaid"],
    }


def test_no_rows_are_no_trouble():
    made = grouped([], member=[told("anna", "white")])
    assert made == {SEX: [], AGE: [], RACE: [], PAYER: []}
