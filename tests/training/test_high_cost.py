"""The high-cost label as small tables: what the next year cost, and who was there to be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.errors import RefusalError
from tests.training.small import Person, day, manifest, together
from training.cohorts.censoring import effective_rows, staying
from training.cohorts.high_cost import as_of_days, high_cost_cohort, outcome_ends
from training.cohorts.threshold import Threshold
from training.settings.tasks import HIGH_COST

THRESHOLD = 1_000_00
AS_OF = day("2022-06-30")


def asked(*people: Person, as_of: int = AS_OF, **changes) -> pd.DataFrame:
    """The rows of one as-of date; a first cost in 2021 opens the data."""
    opening = Person("opening", birth="1950-01-01").cost("2021-01-01", 1)
    cohort = high_cost_cohort(together(opening, *people), manifest(**changes), HIGH_COST, THRESHOLD)
    every = cohort.every
    return every[(every["as_of"] == as_of) & (every["patient_id"] != "opening")]


def answer(person: Person, **about) -> str:
    rows = asked(person, **about)
    if rows.empty:
        return "not asked"
    row = rows.iloc[0]
    if row["excluded_by"]:
        return row["excluded_by"]
    return str(row["outcome"])


def test_the_window_begins_after_as_of_and_ends_with_day_365():
    costs = {"2022-06-30": "0", "2022-07-01": "1", "2023-06-30": "1", "2023-07-01": "0"}
    for on, outcome in costs.items():
        assert answer(Person().cost(on, 1000.01)) == outcome, on


def test_a_case_lies_above_the_threshold_not_at_it():
    assert answer(Person().cost("2022-08-01", 1000)) == "0"
    assert answer(Person().cost("2022-08-01", 600).cost("2022-09-01", 400.01)) == "1"


def test_adjustments_and_reversals_count():
    adjusted = Person().cost("2022-08-01", 1500).cost("2022-08-20", -600)
    assert answer(adjusted) == "0"  # 1500 - 600
    withdrawn = Person().cost("2022-08-01", 1500, record_id="c")
    withdrawn.cost("2022-08-01", 1500, record_id="c", known_on="2022-12-01", reversed=True)
    assert answer(withdrawn) == "0"
    corrected = Person().cost("2022-08-01", 500, record_id="c")
    corrected.cost("2022-08-01", 1500, record_id="c", known_on="2022-12-01")
    assert answer(corrected) == "1"


def test_whoever_is_not_covered_on_the_date_is_not_asked():
    assert answer(Person(covered=("2020-01-01", "2022-06-29"))) == "not asked"
    assert answer(Person(covered=("2022-07-01", None))) == "not asked"


def test_a_look_back_of_180_days_is_covered_without_a_gap():
    # 1 January is the 181st day before 30 June: 2 January is the first of the 180
    assert answer(Person(covered=("2022-01-02", None))) == "0"
    assert answer(Person(covered=("2022-01-03", None))).startswith("not covered on each of the 180")


def test_death_is_not_censoring():
    dead = Person(covered=("2015-01-01", "2022-10-31"), death="2022-10-12")
    assert answer(dead) == "0"
    by_month_end = Person(covered=("2015-01-01", "2022-09-30"), death="2022-10-12")
    assert answer(by_month_end) == "0", "coverage by the month may end before the death"
    assert answer(Person(death="2022-06-30")) == "dead by the date, though coverage was still on"


def test_leaving_below_the_threshold_is_censored_and_above_it_a_case():
    left = ("2015-01-01", "2022-12-31")
    assert answer(Person(covered=left).cost("2022-08-01", 900)).startswith("left coverage below")
    assert answer(Person(covered=left).cost("2022-08-01", 1100)) == "1"
    unseen = Person(covered=left).cost("2022-08-01", 900).cost("2023-02-01", 900)
    assert answer(unseen).startswith("left coverage below"), "later costs are not covered ones"


def test_a_gap_in_the_year_is_leaving():
    gap = Person(covered=("2015-01-01", "2022-12-31"))
    gap.add("coverage", start_on="2023-02-01", end_on=None)
    assert answer(gap).startswith("left coverage below")


def test_the_last_date_leaves_a_year_and_the_run_out():
    # 31 December 2024 - 120 days = 2 September; a year before: 3 September 2023
    every = high_cost_cohort(
        together(Person().cost("2021-01-01", 1)), manifest(), HIGH_COST, THRESHOLD
    ).every
    dates = every["as_of"].to_numpy().astype("datetime64[D]").astype(str)
    assert (min(dates), max(dates)) == ("2021-06-30", "2023-08-31")


def test_annual_totals_are_asked_on_31_december_of_the_next_calendar_year():
    anna = Person(covered=("2008-01-01", None))
    for year, dollars in ((2008, 10), (2009, 2000), (2010, 10)):
        anna.add("cost", happened_on=f"{year}-12-31", kind="inpatient", covers="year",
                 allowed_cents=dollars * 100, known_on=f"{year + 1}-01-01")  # fmt: skip
    opening = Person("opening", covered=None)
    cohort = high_cost_cohort(
        together(opening, anna),
        manifest(cost_covers="year", run_out_days=30, data_through="2011-01-01"),
        HIGH_COST, THRESHOLD,
    )  # fmt: skip
    answers = zip(cohort.rows["as_of"], cohort.rows["outcome"], strict=True)
    found = {str(np.datetime64(int(a), "D")): outcome for a, outcome in answers}
    assert found == {"2008-12-31": 1, "2009-12-31": 0}
    assert any("annual totals" in remark for remark in cohort.remarks)


def test_a_leap_year_is_whole():
    december = np.array([day("2011-12-31")])
    assert outcome_ends(december, 365, yearly=True).tolist() == [day("2012-12-31")]
    assert outcome_ends(december, 365, yearly=False).tolist() == [day("2012-12-30")]


def test_dates_are_month_ends_or_ends_of_quarters():
    begins, ends = day("2023-02-28"), day("2023-07-15")
    for months, expected in (
        (1, ["2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31", "2023-06-30"]),
        (3, ["2023-03-31", "2023-06-30"]),
    ):
        days = as_of_days(begins, ends, months, yearly=False)
        assert days.astype("datetime64[D]").astype(str).tolist() == expected


def test_the_threshold_is_fitted_on_learning_rows_whose_year_was_seen():
    people = []
    for number in range(400):
        person = Person(f"p{number}").cost("2021-01-01", 1)
        for month in range(1, 13):
            for year in (2021, 2022, 2023):
                person.cost(f"{year}-{month:02}-15", number)
        people.append(person)
    cohort = high_cost_cohort(together(*people), manifest(), HIGH_COST)
    # a year costs 12 × number dollars; the upper twentieth of about 300 people of 400 begins there
    number = cohort.threshold_cents / 1200
    assert 365 <= number <= 395
    split = cohort.of_cost.split
    learning = cohort.rows.iloc[split.rows("train", "validation", "calibration")]
    assert 0.03 < learning["outcome"].mean() <= 0.05
    assert (cohort.rows["weight"] == 1).all()


def test_those_who_stay_stand_for_those_who_left():
    # four people; one leaves after day 100: the other three stand for four on day 365
    leave = np.array([100.0, np.nan, np.nan, np.nan])
    end = np.full(4, 365.0)
    assert staying(leave, end, np.array([50.0, 100.0, 101.0, 365.0])).tolist() == [1, 1, 0.75, 0.75]
    rows = asked(
        Person("a", covered=("2015-01-01", "2022-10-08")), *(Person(p) for p in "bcd")
    )  # fmt: skip
    weights = dict(zip(rows["patient_id"], rows["weight"], strict=True))
    assert weights["a"] == 0
    # within the age band (75 to 84) three of four stay: each counts 4 / 3
    assert [round(weights[p], 6) for p in "bcd"] == [1.333333] * 3


def test_a_case_known_before_others_left_stands_for_itself():
    early = Person("b").cost("2022-08-01", 2000)
    late = Person("d").cost("2022-08-01", 10).cost("2022-11-01", 2000)
    rows = asked(Person("a", covered=("2015-01-01", "2022-10-08")), early, Person("c"), late)
    weights = dict(zip(rows["patient_id"], rows["weight"], strict=True))
    assert weights["b"] == 1
    assert weights["c"] == weights["d"] > 1, "of the late one it was known after a had left"


def test_without_costs_the_task_is_refused():
    with pytest.raises(RefusalError, match="There are no costs"):
        high_cost_cohort(together(Person()), manifest(), HIGH_COST, THRESHOLD)


def test_too_short_data_are_refused():
    people = together(Person().cost("2024-01-01", 1))
    with pytest.raises(RefusalError, match="needs more months"):
        high_cost_cohort(people, manifest(), HIGH_COST, THRESHOLD)


def row_of(*people: Person, who: str = "anna", task=HIGH_COST, threshold=THRESHOLD) -> pd.Series:
    opening = Person("opening", birth="1950-01-01").cost("2021-01-01", 1)
    every = high_cost_cohort(together(opening, *people), manifest(), task, threshold).every
    return every[(every["as_of"] == AS_OF) & (every["patient_id"] == who)].iloc[0]


def test_the_largest_amounts_are_truncated_by_person_and_year():
    task = replace(HIGH_COST, truncate_cents=3_000_00)
    row = row_of(Person().cost("2022-08-01", 2000).cost("2022-09-01", 2500), task=task)
    assert (row["untruncated_cents"], row["amount_cents"]) == (2000_00 + 2500_00, 3000_00)
    assert row["outcome"] == 1
    row = row_of(Person().cost("2022-08-01", 2000).cost("2022-09-01", 2500))
    assert row["amount_cents"] == 2000_00 + 2500_00, "none by default"


def test_rebates_make_a_year_cheaper_and_a_year_may_be_below_zero():
    row = row_of(Person().cost("2022-08-01", 1500).cost("2022-12-01", -700))
    assert (row["amount_cents"], row["outcome"]) == (1500_00 - 700_00, 0)
    assert row_of(Person().cost("2022-12-01", -700))["amount_cents"] == -700_00


def test_a_later_year_is_judged_by_a_trended_threshold():
    base = day("2021-06-30")  # a year before the question: $1,000 x 1.1 = $1,100
    trended = Threshold(THRESHOLD, base, yearly_trend=0.10)
    for dollars, outcome in ((1099, 0), (1101, 1)):
        row = row_of(Person().cost("2022-08-01", dollars), threshold=trended)
        assert row["outcome"] == outcome
        assert row["threshold_cents"] == pytest.approx(1_100_00, abs=10)  # 365 of 365.25 days


@pytest.mark.parametrize(
    ("before", "after", "high_before", "bloomer"),
    [
        (1000.00, 1000.01, 0, 1),  # at the threshold is not above it
        (1000.01, 1000.01, 1, 0),  # a stayer
        (1000.01, 1000.00, 1, 0),  # neither
        (0, 500, 0, 0),
    ],
)
def test_a_bloomer_is_a_case_that_was_not_high_cost_before(before, after, high_before, bloomer):
    row = row_of(Person().cost("2022-06-30", before).cost("2022-07-01", after))
    assert (row["high_before"], row["bloomer"]) == (high_before, bloomer)


def test_the_year_before_has_365_days():
    assert row_of(Person().cost("2021-07-01", 2000))["high_before"] == 1  # 364 days before
    assert row_of(Person().cost("2021-06-30", 2000))["high_before"] == 0  # 365 days before


def test_whether_a_case_bloomed_is_not_known_where_the_year_before_was_not_seen():
    young = ("2021-07-02", None)  # a day short of a year before 30 June 2022
    case = row_of(Person(covered=young).cost("2022-08-01", 2000))
    assert np.isnan(case["high_before"])
    assert np.isnan(case["bloomer"])
    assert row_of(Person(covered=("2021-07-01", None)).cost("2022-08-01", 2000))["bloomer"] == 1
    high = row_of(Person(covered=young).cost("2021-08-01", 2000).cost("2022-08-01", 2000))
    assert (high["high_before"], high["bloomer"]) == (1, 0), "what was seen is enough"
    every = high_cost_cohort(
        together(Person().cost("2021-01-01", 1)), manifest(), HIGH_COST, THRESHOLD
    ).every.set_index("as_of")["high_before"]
    # costs begin on 1 January 2021: of the year before 30 November 2021 a part is not there
    assert np.isnan(every[day("2021-11-30")])
    assert every[day("2021-12-31")] == 0


def test_effective_rows_and_what_is_said_of_the_weights():
    assert effective_rows(np.array([1.0, 1, 1, 1])) == 4
    assert effective_rows(np.array([3.0, 1])) == (3 + 1) ** 2 / (9 + 1)
    assert effective_rows(np.zeros(2)) == 0
    people = [Person("a", covered=("2015-01-01", "2022-10-08")), Person("b"), Person("c")]
    opening = Person("opening", birth="1980-01-01").cost("2021-01-01", 1)
    cohort = high_cost_cohort(together(opening, *people), manifest(), HIGH_COST, THRESHOLD)
    told = next(r for r in cohort.remarks if "are censored" in r)
    assert told.startswith("12 of ")  # asked from October 2021 to September 2022, and gone within
    assert "1.50 at most (0 at the bound of 20)" in told  # two of three stayed


def test_nobody_stands_for_more_than_twenty():
    leavers = [Person(f"p{n:02}", covered=("2015-01-01", "2022-10-08")) for n in range(29)]
    rows = asked(*leavers, Person("stays")).set_index("patient_id")
    assert rows.loc["stays", "weight"] == 20  # not 30
    assert rows["weight"].sum() == 20


def test_the_cohort_says_what_was_done_with_each_odd_amount():
    opening = Person("opening", birth="1950-01-01").cost("2021-01-01", 1)
    anna = Person().cost("2022-08-01", -5).cost("2022-08-02", 0).cost("2022-08-03", 7, paid_cents=0)
    anna.cost("2022-08-04", 9, record_id="w")
    anna.cost("2022-08-04", 9, record_id="w", known_on="2022-10-01", reversed=True)
    anna.cost("2022-08-05", 9, record_id="c")
    anna.cost("2022-08-05", 8, record_id="c", known_on="2022-10-01")
    task = replace(HIGH_COST, truncate_cents=2_000_00)
    said = " | ".join(high_cost_cohort(together(opening, anna), manifest(), task, 100).remarks)
    for part in (
        "5 amounts count: 1 of them in their last of several versions, 1 negative ones ($-5) as "
        "they are, 1 as the 0 that they say, 1 of which the payer paid nothing",
        "1 withdrawn ones do not count",
        "the amount is the allowed medical cost; kinds carried: inpatient",
        "the amounts of 0 rows are truncated at $2,000",
        "encounters without an amount (capitated): not evaluable",
        "1,000 amounts are needed to tell",
    ):
        assert part in said, part
    assert "not truncated" in " ".join(
        high_cost_cohort(together(opening), manifest(), HIGH_COST, 100).remarks
    )


def test_dates_whose_year_before_is_not_all_there_are_told():
    opening = Person("opening", birth="1950-01-01").cost("2021-01-01", 1)

    def told(task):
        return [remark for remark in high_cost_cohort(
            together(opening, Person()), manifest(), task, 100).remarks
                if "less than a year after" in remark]  # fmt: skip

    #  from the end of June (180 days) to that of November; on 31 December the year is whole
    [sentence] = told(HIGH_COST)
    assert sentence.startswith("6 of the dates lie less than a year after the first known cost "
                               "(2021-01-01): ")  # fmt: skip
    assert told(replace(HIGH_COST, look_back_days=365)) == []
