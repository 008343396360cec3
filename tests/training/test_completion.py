"""Completion factors: a development triangle that can be added up by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.errors import RefusalError
from tests.training.small import day, manifest, table_of
from training.cohorts import completion
from training.cohorts.completion import EVERY, Completion, completion_of, remark_on_run_out
from training.settings.tasks import HIGH_COST


def amount(served: str, lag: int, cents: int, name: str, **more) -> dict:
    """A version of a claim, known `lag` days after the service."""
    known = str(np.datetime64(served, "D") + lag)
    return {"record_id": name, "patient_id": "anna", "happened_on": served, "kind": "inpatient",
            "covers": "claim", "allowed_cents": cents, "known_on": known} | more  # fmt: skip


def developed(*rows: dict, through: str, least_claims: int = 1, **about) -> Completion:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "LEAST_CLAIMS", least_claims)
        patch.setattr(completion, "LEAST_MONTHS", 1)
        table = table_of("cost", list(rows))
        return completion_of(table, manifest(**about), day(through), "claim")


# served in   known after 0 days   1 to 30   31 to 60
# January     60                   30        10
# February    40                   60        (not watched as long)
TRIANGLE = (
    amount("2024-01-01", 0, 60, "a"), amount("2024-01-31", 30, 30, "b"),
    amount("2024-01-31", 60, 10, "c"),
    amount("2024-02-01", 0, 40, "d"), amount("2024-02-29", 1, 60, "e"),
)  # fmt: skip


def test_factors_and_completion_by_hand():
    # 31 March is 60 days after 31 January and 31 after 29 February
    found = developed(*TRIANGLE, through="2024-03-31")
    own = found.table[found.table["kind"] == EVERY]
    assert own["age_months"].tolist() == [0, 1]
    assert own["service_months"].tolist() == [2, 1]
    first, second = (90 + 100) / (60 + 40), (60 + 30 + 10) / (60 + 30)
    assert own["factor"].tolist() == pytest.approx([first, second])
    assert own["completion"].tolist() == pytest.approx([1 / (first * second), 1 / second])
    assert found.at(0) == pytest.approx(1 / (first * second))
    assert found.at(30) == found.at(59) == pytest.approx(0.9)
    assert found.at(29) == found.at(0), "whole months only: no more than is known"
    assert np.isnan(found.at(60)), "nothing was watched for longer"


def test_a_month_is_in_a_factor_only_when_its_last_day_was_watched_as_long():
    # 29 March is 58 days after 31 January: age 2 is not whole yet
    own = developed(*TRIANGLE, through="2024-03-29").table
    assert own[own["kind"] == EVERY]["service_months"].tolist() == [1]


def test_adjustments_and_reversals_are_part_of_the_development():
    rows = (
        amount("2024-01-01", 0, 100, "a"), amount("2024-01-01", 25, 80, "a"),  # adjusted
        amount("2024-01-01", 0, 50, "b"),
        amount("2024-01-01", 45, 50, "b", reversed=True),
        amount("2024-02-01", 3, 1, "c"),
    )  # fmt: skip
    own = developed(*rows, through="2024-03-31").table
    line = own[own["kind"] == EVERY].iloc[1]
    # at age 1: 80 + 50 of January; at age 2: 80. More was known than stood in the end.
    assert (line["known_cents"], line["next_cents"]) == (80 + 50, 80)
    assert line["completion"] == pytest.approx(130 / 80)


def test_of_a_month_of_which_nothing_is_known_the_share_is_0():
    rows = (amount("2023-12-31", 0, 5, "c"), amount("2024-01-01", 20, 70, "a"),
            amount("2024-02-01", 10, 30, "b"))  # fmt: skip
    assert developed(*rows, through="2024-03-31").at(0) == 0


def test_months_before_the_first_known_amount_were_not_watched():
    # 2023 was loaded at once in January 2024: its ages say nothing
    old = tuple(amount("2023-06-15", 202, 1000, f"o{n}") for n in range(3))
    found = developed(*old, *TRIANGLE[:3], *TRIANGLE[3:], through="2024-03-31")
    assert found.table["service_months"].max() <= 2
    # an amount first known in the midst of a month leaves that month out, on its first day not
    late = (amount("2024-01-01", 20, 70, "a"), *TRIANGLE[3:])
    for rows, months in ((late, 1), (TRIANGLE, 2)):
        assert developed(*rows, through="2024-03-31").table["service_months"].max() == months


def test_kinds_apart_where_there_is_enough():
    drugs = tuple(amount("2024-01-05", 0, 10, f"r{n}", kind="pharmacy") for n in range(4))
    found = developed(*TRIANGLE, *drugs, through="2024-03-31", least_claims=4)
    assert set(found.table["kind"]) == {EVERY, "inpatient", "pharmacy"}
    assert found.at(0, "pharmacy") == 1
    assert found.at(0, "inpatient") < found.at(0) < 1
    few = developed(*TRIANGLE, *drugs, through="2024-03-31", least_claims=5)
    assert set(few.table["kind"]) == {EVERY, "inpatient"}


def test_after_24_months_an_amount_is_final():
    rows = [amount(f"{2021 + m // 12}-{m % 12 + 1:02}-10", 5, 10, f"{m}") for m in range(36)]
    found = developed(*rows, amount("2021-01-01", 0, 10, "x"), through="2023-12-31")
    assert found.table["age_months"].max() == 23
    assert found.at(10_000) == 1


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"delays": {"cost": 30}}, "declared"),
        ({"delays": {"claim": 30}}, "declared"),
        ({"delays": {"encounter": 30}}, ""),
        ({}, ""),
    ],
)
def test_a_declared_delay_is_no_development(about, why):
    found = developed(*TRIANGLE, through="2024-03-31", **about)
    assert (why in found.why_not) if why else found.why_not == ""
    assert found.table.empty == bool(why)


def test_what_cannot_be_told_says_why():
    alike = [amount("2024-01-01", 30, 5, "a"), amount("2024-02-01", 30, 5, "b")]
    assert "same delay" in developed(*alike, through="2024-03-31").why_not
    assert "no claims" in developed(through="2024-03-31").why_not
    few = developed(*TRIANGLE, through="2024-03-31", least_claims=6)
    assert "6 amounts are needed" in few.why_not
    table = table_of("cost", list(TRIANGLE))
    assert "totals of years" in completion_of(table, manifest(), day("2024-03-31"), "year").why_not


def told(share: float) -> Completion:
    """A source whose claims are so complete at the age of 120 days."""
    lines = pd.DataFrame({"kind": EVERY, "age_months": [3, 4], "completion": [0.1, share]})
    return Completion(lines)


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.999, "complete at the age"), (0.981, "complete at the age"), (0.979, "WARNING"),
     (0.901, "WARNING"), (1.021, "WARNING")],
)  # fmt: skip
def test_the_run_out_is_judged_by_the_share_known_then(share, says):
    remark = remark_on_run_out(told(share), 120, HIGH_COST)
    assert says in remark
    assert ("WARNING" in remark) == (says == "WARNING")


def test_a_run_out_that_is_too_short_is_refused():
    with pytest.raises(RefusalError, match=r"only 89\.9% .* less than 90%"):
        remark_on_run_out(told(0.899), 120, HIGH_COST)
    assert "WARNING" in remark_on_run_out(told(0.899), 120, replace(HIGH_COST, least_complete=0.8))


def test_a_run_out_that_cannot_be_judged_says_so():
    why = Completion(told(1).table.iloc[:0], "it is so")
    assert "not evaluable, it is so" in remark_on_run_out(why, 120, HIGH_COST)
    assert "not evaluable, no service month" in remark_on_run_out(told(1), 180, HIGH_COST)
