"""Every cent of the source is in the label or stands beside it with its reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import RefusalError
from tests.training.small import Person, day, manifest, table_of, together
from training.cohorts.control_totals import (
    LEFT_OUT,
    amount_words,
    control_totals,
    kinds_carried,
    source_totals,
)
from training.cohorts.high_cost import high_cost_cohort
from training.cohorts.spending import Spending
from training.settings.tasks import HIGH_COST

THROUGH = day("2024-12-31")
ANNA = pd.Index(["anna"], dtype=object)
WINDOW = pd.DataFrame({
    "person": [0], "as_of": [day("2022-06-30")], "outcome_until": [day("2023-06-30")],
    "untruncated_cents": [0],
})  # fmt: skip


def cost(on: str, cents: int, **more) -> dict:
    return {"patient_id": "anna", "happened_on": on, "kind": "inpatient", "covers": "claim",
            "allowed_cents": cents} | more  # fmt: skip


def tied(*rows: dict, seen: int = 0) -> pd.DataFrame:
    table = table_of("cost", list(rows))
    spending = Spending.read(table, THROUGH, "claim", ANNA)
    asked = WINDOW.assign(untruncated_cents=seen)
    totals = source_totals(table, THROUGH)
    return control_totals(table, THROUGH, "claim", ANNA, spending, asked, totals)


@pytest.mark.parametrize(
    ("row", "where"),
    [
        (cost("2022-07-01", 100), "label_cents"),
        (cost("2023-06-30", 100), "label_cents"),
        (cost("2022-06-30", 100), "outside_windows_cents"),
        (cost("2023-07-01", 100), "outside_windows_cents"),
        (cost("2022-08-01", 100, patient_id="nobody"), "no_member_cents"),
        (cost("2022-12-31", 100, covers="year"), "other_coverage_cents"),
    ],
)
def test_each_amount_is_in_one_place(row, where):
    line = tied(row, seen=100 if where == "label_cents" else 0).iloc[0]
    places = [*LEFT_OUT, "label_cents", "other_coverage_cents"]
    assert line["allowed_cents"] == 100
    assert {p: line[p] for p in places} == {p: 100 * (p == where) for p in places}


def test_a_person_without_any_row_is_nobody_asked_about():
    table = table_of("cost", [cost("2022-08-01", 70, patient_id="bert")])
    both = pd.Index(["anna", "bert"], dtype=object)
    spending = Spending.read(table, THROUGH, "claim", both)
    made = control_totals(table, THROUGH, "claim", both, spending, WINDOW,
                          source_totals(table, THROUGH))  # fmt: skip
    assert made["nobody_asked_cents"].tolist() == [70]


def test_the_last_version_known_counts_and_each_rule_is_counted():
    rows = [
        cost("2022-08-01", 500, record_id="corrected"),
        cost("2022-08-01", 400, record_id="corrected", known_on="2022-10-01"),
        cost("2022-08-01", 900, record_id="withdrawn"),
        cost("2022-08-01", 900, record_id="withdrawn", known_on="2022-10-01", reversed=True),
        cost("2022-08-02", 300, record_id="later"),
        cost("2022-08-02", 800, record_id="later", known_on="2025-01-01"),  # after data_through
        cost("2022-08-03", -50),
        cost("2022-08-04", 0, paid_cents=0),
        cost("2022-08-05", 20, paid_cents=0),
        cost("2022-08-06", 10, paid_cents=10),
    ]
    line = tied(*rows, seen=400 + 300 - 50 + 0 + 20 + 10).iloc[0]
    told = ["facts", "withdrawn", "adjusted", "negative", "negative_cents", "zero_allowed",
            "unpaid", "paid_known", "paid_alike"]  # fmt: skip
    assert line[told].tolist() == [6, 1, 1, 1, -50, 1, 1, 3, 2]
    assert line["label_cents"] == line["allowed_cents"] == 680


def test_a_line_each_calendar_year_and_kind():
    made = tied(cost("2022-12-31", 1), cost("2023-01-01", 2), cost("2023-01-01", 4, kind="other"),
                seen=1 + 2 + 4)  # fmt: skip
    lines = zip(made["year"], made["kind"], made["allowed_cents"], strict=True)
    assert list(lines) == [(2022, "inpatient", 1), (2023, "inpatient", 2), (2023, "other", 4)]


def test_windows_that_overlap_hold_an_amount_twice_and_still_tie():
    table = table_of("cost", [cost("2022-08-01", 100), cost("2022-07-15", 7)])
    rows = pd.DataFrame({
        "person": [0, 0], "as_of": [day("2022-06-30"), day("2022-07-31")],
        "outcome_until": [day("2023-06-30"), day("2023-07-31")],
        "untruncated_cents": [100 + 7, 100],
    })  # fmt: skip
    spending = Spending.read(table, THROUGH, "claim", ANNA)
    made = control_totals(table, THROUGH, "claim", ANNA, spending, rows,
                          source_totals(table, THROUGH))  # fmt: skip
    assert made["label_cents"].tolist() == [107]


def test_rows_that_lost_a_cent_are_refused():
    with pytest.raises(RefusalError, match="99 cents in rows and 100 by window"):
        tied(cost("2022-07-01", 100), seen=99)


def test_totals_that_the_amounts_do_not_add_up_to_are_refused():
    table = table_of("cost", [cost("2022-07-01", 100)])
    spending = Spending.read(table, THROUGH, "claim", ANNA)
    rows = WINDOW.assign(untruncated_cents=100)
    totals = source_totals(table, THROUGH)
    off = totals.assign(allowed_cents=totals["allowed_cents"] + 1)
    with pytest.raises(RefusalError, match="first for inpatient of 2022"):
        control_totals(table, THROUGH, "claim", ANNA, spending, rows, off)
    with pytest.raises(RefusalError, match="first for inpatient of 2022"):
        control_totals(table, THROUGH, "claim", ANNA, spending, rows, totals.iloc[:0])


def test_spending_that_lost_an_amount_is_refused():
    table = table_of("cost", [cost("2022-07-01", 100)])
    empty = Spending.of([], [], [])
    rows = WINDOW.assign(untruncated_cents=100)
    with pytest.raises(RefusalError, match="do not hold the amounts"):
        control_totals(table, THROUGH, "claim", ANNA, empty, rows, source_totals(table, THROUGH))


def test_a_file_tells_the_same_as_the_table_in_memory(tmp_path):
    table = table_of("cost", [cost("2022-07-01", 100), cost("2023-07-01", 5, kind="pharmacy")])
    path = tmp_path / "it's cost.parquet"
    pq.write_table(table, path)
    pd.testing.assert_frame_equal(source_totals(path, THROUGH), source_totals(table, THROUGH))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([cost("2022-07-01", 1), cost("2022-07-01", 1, kind="pharmacy")],
         "Allowed medical and pharmacy cost"),
        ([cost("2022-07-01", 1)], "Allowed medical cost"),
        ([cost("2022-07-01", 1, kind="pharmacy")], "Allowed pharmacy cost"),
        ([cost("2022-07-01", 2, paid_cents=2), cost("2022-07-01", 3, paid_cents=3)],
         "Paid medical cost"),
        ([cost("2022-07-01", 2, paid_cents=2), cost("2022-07-01", 3, paid_cents=1)],
         "Allowed medical cost"),
        ([cost("2022-07-01", 2, paid_cents=2), cost("2022-07-01", 3)], "Allowed medical cost"),
        # totals of years beside claims have no say
        ([cost("2022-07-01", 1), cost("2022-12-31", 1, kind="pharmacy", covers="year")],
         "Allowed medical cost"),
    ],
)  # fmt: skip
def test_the_name_says_what_the_source_carries(rows, words):
    assert amount_words(source_totals(table_of("cost", rows), THROUGH), "claim") == words


def test_the_kinds_carried_are_named():
    rows = [cost("2022-07-01", 1), cost("2021-07-01", 1, kind="pharmacy"),
            cost("2022-07-01", 1, kind="other", reversed=True)]  # fmt: skip
    totals = source_totals(table_of("cost", rows), THROUGH)
    assert kinds_carried(totals, "claim") == ["inpatient", "pharmacy"]


DAYS = st.dates(pd.Timestamp("2021-01-01").date(), pd.Timestamp("2024-12-31").date())
CLAIM = st.tuples(st.integers(0, 2), DAYS, st.integers(-500, 200_000), st.booleans())


@settings(max_examples=25, deadline=None)
@given(st.lists(CLAIM, min_size=1, max_size=25), st.sampled_from([None, 150_000]))
def test_every_cohort_ties_to_its_source(claims, truncate):
    people = [Person(name) for name in ("a", "b")]
    people.append(Person("c", covered=("2015-01-01", "2022-10-31")))
    people[0].cost("2021-01-01", 1)
    for who, on, cents, withdrawn in claims:
        people[who].cost(on.isoformat(), cents / 100, reversed=withdrawn)
    task = replace(HIGH_COST, months_between=3, truncate_cents=truncate)
    cohort = high_cost_cohort(together(*people), manifest(), task, 100_000)
    made = cohort.of_cost.tables["control_totals"]
    standing = sum(cents for _, _, cents, withdrawn in claims if not withdrawn)
    assert made["allowed_cents"].sum() == standing + 100
    explained = made[[*LEFT_OUT, "label_cents", "other_coverage_cents"]].to_numpy().sum()
    assert explained == standing + 100


def test_spending_is_asked_by_half_open_windows():
    spending = Spending.of([0, 0, 0, 1], [10, 10, 11, 11], [5, 6, 7, 100])
    zero = np.zeros(4, np.int64)
    found = spending.between(zero, np.array([9, 10, 9, 11]), np.array([10, 11, 11, 99]))
    assert found.tolist() == [5 + 6, 7, 5 + 6 + 7, 0]
    assert spending.first_day == 10
    assert Spending.of([], [], []).first_day is None


def test_the_day_of_crossing_is_the_first_above_the_threshold():
    # person 1: 60, then 50 (110), then −80 (30), then 90 (120)
    spending = Spending.of([0, 1, 1, 1, 1], [5, 10, 20, 30, 40], [10**6, 60, 50, -80, 90])
    one = np.array([1, 1, 1, 1])
    begin = np.array([0, 0, 0, 15])
    crossed = spending.crossed_after(one, begin, np.full(4, 50), np.array([100, 59, 60, 55]))
    # above 100 on day 20; above 59 on day 10, above 60 not yet; after day 15: 50, −30, 60: above
    # 55 on day 40
    assert crossed.tolist() == [20 - 0, 10 - 0, 20 - 0, 40 - 15]


def test_a_canonical_table_of_no_cost_has_no_totals():
    assert source_totals(table_of("cost", []), THROUGH).empty
    assert isinstance(table_of("cost", []), pa.Table)
