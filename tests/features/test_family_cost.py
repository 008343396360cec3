"""Cost: allowed amounts in dollars; the rows are in cents."""

from __future__ import annotations

import pytest

from tests.features.family_specs import NAN, NOTHING, Spec, Tables, same, value
from tests.features.rows import ago, rows


def claims(*allowed: tuple[int, int | None]) -> Tables:
    """Amounts, in cents, of so many days ago."""
    return rows("cost", *({"happened_on": ago(d), "allowed_cents": cents} for d, cents in allowed))


COSTS = rows(
    "cost",
    {"happened_on": ago(0), "allowed_cents": 10_000},
    {"happened_on": ago(89), "allowed_cents": 2_050, "kind": "pharmacy"},
    {"happened_on": ago(90), "allowed_cents": 500},
    {"happened_on": ago(400), "allowed_cents": 7_000},
    {"happened_on": ago(0), "allowed_cents": 99_900, "covers": "year"},
)


def totals(*told: tuple[int, int | None], kinds: tuple[str, ...] = ("inpatient",)) -> Tables:
    """Cents of calendar years that ended so many days ago, the same for each kind."""
    return rows("cost", *({"happened_on": ago(d), "allowed_cents": c, "covers": "year",
                           "kind": kind} for d, c in told for kind in kinds))  # fmt: skip


TWO_MONTHS_OF_600 = claims((29, 30_000), (0, 30_000), (30, 60_000), (360, 99_999))

SPECS: list[Spec] = [
    # sum, of claims alone
    ("cost_total_30", COSTS, 100.00),
    ("cost_total_90", COSTS, 100.00 + 20.50),
    ("cost_total_180", COSTS, 100.00 + 20.50 + 5.00),
    ("cost_total_730", COSTS, 100.00 + 20.50 + 5.00 + 70.00),
    ("cost_pharmacy_90", COSTS, 20.50),
    ("cost_inpatient_365", COSTS, 100.00 + 5.00),
    ("cost_post_acute_365", COSTS, 0),
    ("cost_total_90", claims((5, 10_000), (4, -2_500)), 100.00 - 25.00),  # an adjustment
    ("cost_total_90", NOTHING, 0),
    ("cost_total_90", claims((5, 10_000), (4, None)), 100.00),  # one without an amount is left out
    ("cost_total_90", claims((5, None), (4, None)), NAN),  # amounts that nobody told are not 0
    ("cost_total_90", claims((5, None)), NAN),
    ("cost_total_90", claims((100, 10_000), (4, None)), NAN),
    ("cost_total_trend_180", claims((100, None), (4, None)), NAN),
    ("cost_total_trend_180", claims((100, 10_000), (4, None)), NAN),
    # trend of sums
    ("cost_total_trend_180", COSTS, 100.00 + 20.50 - 5.00),
    ("cost_pharmacy_trend_180", COSTS, 20.50 - 0),
    ("cost_inpatient_trend_180", COSTS, 100.00 - 5.00),
    ("cost_inpatient_trend_180", NOTHING, 0),
    # the largest, how many, days since
    ("cost_total_largest_365", COSTS, 100.00),
    ("cost_total_largest_365", NOTHING, NAN),
    ("cost_total_count_365", COSTS, 3),
    ("cost_total_days_since", COSTS, 0),
    # yearly totals apart; none is not nothing
    ("costyear_total_last_year", COSTS, 999.00),
    ("costyear_total_last_year", totals((0, 50_000), (366, 7_000)), 500.00),  # not both as one
    ("costyear_total_last_year", totals((366, 7_000)), 70.00),  # this year's is not known yet
    (
        "costyear_total_last_year",
        totals((366, 7_000), kinds=("inpatient", "pharmacy")),
        70.00 + 70.00,
    ),
    ("costyear_total_last_year", totals((0, None), (366, 7_000)), 70.00),  # one without an amount
    ("costyear_total_last_year", totals((0, None)), NAN),
    ("costyear_total_last_year", totals((730, 7_000)), NAN),  # two whole years ago
    ("costyear_total_last_year", NOTHING, NAN),
    ("costyear_total_last_year", claims((1, 5_000)), NAN),
    ("costyear_inpatient_last_year", totals((0, 50_000), kinds=("pharmacy",)), NAN),
    ("costyear_total_last_two_years", totals((0, 50_000), (366, 7_000), (731, 100)), 570.00),
    ("costyear_total_last_two_years", totals((366, 7_000), (731, 100)), 70.00 + 1.00),
    ("costyear_total_last_two_years", totals((366, 7_000)), NAN),  # one year alone is not two
    # share of the twelve months of 30 days that fit into 365 days, counted back from today:
    # 300 + 300 in the first, 600 in the second; 360 days ago is in none of the twelve
    ("cost_total_months_above_500_365", TWO_MONTHS_OF_600, 2 / 12),
    ("cost_total_months_above_2000_365", TWO_MONTHS_OF_600, 0 / 12),
    ("cost_total_months_above_500_365", claims((0, 50_000)), 0 / 12),  # 500 is not above 500
    ("cost_total_months_above_500_365", claims((359, 50_001)), 1 / 12),
    ("cost_total_months_above_10000_365", claims((3, 1_000_001), (40, 999_999)), 1 / 12),
    ("cost_total_months_above_500_365", NOTHING, 0),
    # an amount that is not told hides it: no such month, and as much as before, are not known
    ("cost_total_months_above_500_365", claims((0, 50_000), (359, None)), NAN),
    ("cost_total_months_above_500_365", claims((0, 50_000), (360, None)), 0),
    ("cost_total_months_above_500_365", claims((0, 50_001), (40, None)), 1 / 12),
    ("cost_total_30", claims((29, None)), NAN),
    ("cost_total_30", claims((29, 0), (3, None)), NAN),
    ("cost_total_30", claims((30, None), (3, 0)), 0),
    ("cost_total_30", claims((29, 5_000), (3, None)), 50.00),  # at least
    # the later half are the days 0 to 89 ago
    ("cost_total_trend_180", claims((90, None), (89, 5_000)), NAN),
    ("cost_total_trend_180", claims((90, 5_000), (89, None)), NAN),
    ("cost_total_trend_180", claims((90, None), (91, 2_000), (89, 5_000)), 50.00 - 20.00),
    ("cost_total_trend_180", claims((89, 5_000)), 50.00),
]


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


CUTS = {
    "cost_total_90": [0.0, 50.0, 120.5, 900.0],
    "cost_total_365": [0.0, 100.0],
    "costyear_total_last_year": [998.0, 999.0, 1000.0, 2000.0],
}


@pytest.mark.parametrize(
    ("name", "tables", "expected"),
    [
        ("cost_total_percentile_90", COSTS, 100 * 3 / 4),  # 120.50: at or above three of four
        ("cost_total_percentile_90", claims((5, 12_049)), 100 * 2 / 4),
        ("cost_total_percentile_90", NOTHING, 100 * 1 / 4),  # no claim is a cost of 0
        ("cost_total_percentile_90", claims((5, 90_001)), 100),
        ("cost_total_percentile_90", claims((5, -1)), 0),
        ("cost_total_percentile_365", COSTS, 100 * 2 / 2),
        ("costyear_total_percentile_last_year", COSTS, 100 * 2 / 4),
        ("costyear_total_percentile_last_year", NOTHING, NAN),  # no yearly total is not known
    ],
)
def test_a_percentile_is_among_the_cut_points_kept_with_a_model(
    name: str, tables: Tables, expected: float
) -> None:
    assert same(value(name, tables, cuts=CUTS), expected)
    assert same(value(name, tables), NAN)


def test_a_claim_is_seen_from_the_day_it_is_known() -> None:
    late = rows("cost", {"happened_on": ago(50), "known_on": ago(10), "allowed_cents": 100})
    assert value("cost_total_365", late, ago(11)) == 0
    assert value("cost_total_365", late, ago(10)) == 1


def test_an_adjusted_claim_is_told_as_it_was_known_then() -> None:
    claim = {"record_id": "c", "happened_on": ago(50)}
    tables = rows(
        "cost",
        {**claim, "known_on": ago(40), "allowed_cents": 60_000},
        {**claim, "known_on": ago(20), "allowed_cents": 40_000},
        {**claim, "known_on": ago(5), "allowed_cents": 40_000, "reversed": True},
    )
    assert value("cost_total_365", tables, ago(21)) == 600
    assert value("cost_total_365", tables, ago(20)) == 400
    assert value("cost_total_365", tables, ago(5)) == 0
    assert value("cost_total_months_above_500_365", tables, ago(21)) * 12 == pytest.approx(1)
    assert value("cost_total_months_above_500_365", tables, ago(20)) == 0
