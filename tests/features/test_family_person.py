"""Person: age, sex, and what covers whom; the arithmetic is of days and months back."""

from __future__ import annotations

from datetime import date

import pytest

from features.definitions import feature
from tests.features.family_specs import NAN, NOTHING, Spec, Tables, same, value
from tests.features.rows import ago, rows

SPANS = rows(
    "coverage",
    {"start_on": ago(399), "end_on": ago(300)},
    {"start_on": ago(320), "end_on": ago(290), "payer": "medicaid"},
    {"start_on": ago(9)},
)


def product(name: str | None, end: int | None = None) -> Tables:
    """A span of one product, open or until so many days ago."""
    ended = None if end is None else ago(end)
    return rows("coverage", {"start_on": ago(500), "end_on": ended, "product": name})


SPECS: list[Spec] = [
    ("age", rows("member", {"birth_on": date(1950, 12, 31)}), 2020 - 1950),
    ("age", rows("member", {"birth_on": date(1951, 1, 1)}), 2020 - 1951),
    ("age", NOTHING, NAN),
    ("female", rows("member", {"sex": "female"}), 1),
    ("female", rows("member", {"sex": "male"}), 0),
    ("female", rows("member", {"sex": None}), NAN),
    # days covered: a day in two spans is one day
    ("coverage_days_90", SPANS, 10),  # 9 days ago until today
    ("coverage_days_365", SPANS, (364 - 290 + 1) + 10),
    ("coverage_days_90", rows("coverage", {"start_on": ago(500), "end_on": ago(89)}), 1),
    ("coverage_days_90", rows("coverage", {"start_on": ago(500), "end_on": ago(90)}), 0),
    ("coverage_days_90", rows("coverage", {"start_on": ago(-1)}), 0),  # from tomorrow on
    ("coverage_days_90", NOTHING, 0),
    # months of 30 days, counted back: 290 to 364 days ago is in the 10th, 11th and 12th
    ("coverage_months_365", SPANS, 3 + 1),
    ("coverage_months_365", rows("coverage", {"start_on": ago(500)}), 12),
    ("coverage_months_365", rows("coverage", {"start_on": ago(30), "end_on": ago(29)}), 2),
    ("coverage_months_365", rows("coverage", {"start_on": ago(364), "end_on": ago(360)}), 0),
    ("coverage_months_365", NOTHING, 0),
    # now
    ("coverage_now", SPANS, 1),
    ("coverage_now", rows("coverage", {"start_on": ago(90), "end_on": ago(1)}), 0),
    ("coverage_now", rows("coverage", {"start_on": ago(90), "end_on": ago(0)}), 1),
    ("coverage_now", NOTHING, 0),
    ("coverage_medicare_now", SPANS, 1),
    ("coverage_medicaid_now", SPANS, 0),
    ("coverage_commercial_now", rows("coverage", {"start_on": ago(9), "payer": "commercial"}), 1),
    ("managed_care_now", product("HMO"), 1),
    ("managed_care_now", product("PPO gold"), 1),
    ("managed_care_now", product("Medicare Advantage HMO"), 1),
    ("managed_care_now", product("Health maintenance organization"), 1),
    ("managed_care_now", product("Preferred provider organization"), 1),
    ("managed_care_now", product("Point of service"), 1),
    ("managed_care_now", product("fee for service"), 0),
    ("managed_care_now", product("HMO", end=1), 0),
    ("managed_care_now", product(None), 0),
    ("hmo_now", product("HMO"), 1),
    ("hmo_now", product("PPO"), 0),
    ("ppo_now", product("PPO"), 1),
    ("ppo_now", product("HMO"), 0),
    ("fee_for_service_now", product("fee for service"), 1),
    ("fee_for_service_now", product("fee for service and HMO"), 0),
    ("medicare_advantage_now", product("Medicare Advantage PPO"), 1),
    ("medicare_advantage_now", product("HMO"), 0),
]


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


def test_whatever_is_an_hmo_or_a_ppo_is_managed_care() -> None:
    heard = {name: set(feature(f"{name}_now").channel.codes) for name in ("hmo", "ppo")}
    assert heard["hmo"] | heard["ppo"] <= set(feature("managed_care_now").channel.codes)


def test_a_cover_is_open_until_its_end_is_known() -> None:
    span = {"record_id": "c", "start_on": ago(50)}
    tables = rows("coverage", {**span, "known_on": ago(50)},
                  {**span, "end_on": ago(20), "known_on": ago(5)})  # fmt: skip
    assert value("coverage_now", tables, ago(6)) == 1
    assert value("coverage_now", tables, ago(5)) == 0
    assert value("coverage_days_90", tables, ago(6)) == 50 - 6 + 1
    assert value("coverage_days_90", tables, ago(5)) == 50 - 20 + 1
