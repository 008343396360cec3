"""Drugs: a fill of n days covers its own day and the n − 1 days after it.

C10AA05 is a statin, A10AB01 and A10AE04 are insulins, N02AA01 is an opioid, B01AA03 warfarin,
H02AB07 prednisone, C07AB02 a beta blocker.
"""

from __future__ import annotations

import pytest

from tests.features.family_specs import (
    NAN,
    NOTHING,
    Spec,
    Tables,
    fills,
    same,
    stays,
    together,
    value,
)
from tests.features.rows import ago, rows

FILLS = rows(
    "drug_fill",
    {"happened_on": ago(10), "code": "A10AB01", "days_supply": 30},
    {"happened_on": ago(20), "code": "A10AE04", "days_supply": 60},
    {"happened_on": ago(30), "code": "N02AA01", "days_supply": None},
    {"happened_on": ago(99), "code_system": "NDC", "code": "1", "days_supply": 5},
)
STATINS = fills((200, "C10AA05", 30), (100, "C10AA05", 60))  # 200 to 171, and 100 to 41 days ago
STAY = stays((25, 20))

SPECS: list[Spec] = [
    # fills
    ("drug_fills_count_30", FILLS, 2),
    ("drug_fills_count_180", FILLS, 4),
    ("drug_fills_trend_180", FILLS, 3 - 1),
    ("drug_fills_days_since", FILLS, 10),
    ("drug_fills_supply_90", FILLS, 30 + 60),  # the opioid's is not known
    ("drug_classes_distinct_180", FILLS, 2),  # NDC has no class
    ("insulins_count_365", FILLS, 2),
    ("insulins_days_since", FILLS, 10),
    ("statins_count_365", FILLS, 0),
    ("inhalers_count_365", fills((3, "R03AC02", 30), (4, "R03BA02", 30)), 2),
    ("inhalers_count_365", fills((3, "R03DC03", 30)), 0),  # montelukast is swallowed
    ("statins_days_since", FILLS, NAN),
    # days covered
    ("statins_covered_days_365", STATINS, 30 + 60),
    ("statins_covered_days_365", fills((370, "C10AA05", 10)), 4),  # 370 to 361; in are 364 to 361
    ("statins_covered_days_365", fills((10, "C10AA05", 30), (5, "C10AA05", 30)), 10 + 1),  # once
    ("statins_covered_days_365", fills((3, "C10AA05", None)), 0),
    ("statins_covered_days_365", fills((3, "C10AA05", 0)), 0),
    ("statins_covered_days_365", NOTHING, 0),
    # on hand now: the last day of 30 is 29 days after the fill
    ("statins_covered_now", fills((29, "C10AA05", 30)), 1),
    ("statins_covered_now", fills((30, "C10AA05", 30)), 0),
    ("statins_covered_now", fills((0, "C10AA05", 1)), 1),
    ("statins_covered_now", fills((5, "C10AA05", None)), 0),
    ("opioids_covered_now", fills((5, "N02AA01", 7)), 1),
    ("opioids_covered_days_180", fills((5, "N02AA01", 3), (180, "N02AA01", 2)), 3 + 1),
    ("sedatives_covered_now", fills((5, "N05BA01", 7)), 1),
    ("anti_inflammatories_covered_now", fills((5, "M01AE01", 5)), 0),
    # gaps in 180 days, from the first covered day in them: 170 to 101, and 40 to 0 days ago
    ("statins_gap_days_180", STATINS, (170 - 101 + 1) + (40 - 0 + 1)),
    ("statins_gap_days_180", fills((10, "C10AA05", 30)), 0),
    ("statins_gap_days_180", fills((10, "C10AA05", 10)), 1),
    ("statins_gap_days_180", fills((200, "C10AA05", 21)), NAN),  # 200 to 180 days ago: before it
    ("statins_gap_days_180", fills((200, "C10AA05", 22)), 180 - 1),  # its first day is covered
    ("statins_gap_days_180", NOTHING, NAN),
    # how many classes are on hand now
    ("drug_classes_now", fills((5, "C10AA05", 30), (5, "A10AB01", 30), (3, "A10AE04", 30),
                               (50, "N02AA01", 30)), 2),
    ("drug_classes_now", NOTHING, 0),
    ("high_risk_classes_now", fills((5, "C10AA05", 30), (5, "B01AA03", 30), (5, "H02AB07", 6)), 2),
    ("high_risk_classes_now", fills((5, "C10AA05", 30), (5, "B01AA03", 30), (5, "H02AB07", 5)), 1),
    # what changed after a discharge 20 days ago: started without a fill in the 180 days before;
    # what is filled on the day of discharge is filled on the way home
    ("drug_classes_started_since_discharge",
     together(STAY, fills((19, "C10AA05", 30), (10, "B01AA03", 30))), 2),
    ("drug_classes_started_since_discharge", together(STAY, fills((20, "C10AA05", 30))), 1),
    ("drug_classes_started_since_discharge", together(STAY, fills((21, "C10AA05", 30))), 0),
    ("drug_classes_started_since_discharge",
     together(STAY, fills((10, "C10AA05", 30), (20 + 180, "C10AA07", 5))), 0),  # the same class
    ("drug_classes_started_since_discharge",
     together(STAY, fills((10, "C10AA05", 30), (20 + 181, "C10AA07", 5))), 1),
    # the oldest discharge of a year, 364 days ago: the 180 days before it count as well
    ("drug_classes_started_since_discharge",
     together(stays((370, 364)), fills((10, "C10AA05", 30), (364 + 180, "C10AA07", 5))), 0),
    ("drug_classes_started_since_discharge",
     together(stays((370, 364)), fills((10, "C10AA05", 30), (364 + 181, "C10AA07", 5))), 1),
    ("drug_classes_started_since_discharge", STAY, 0),
    ("drug_classes_started_since_discharge", fills((10, "C10AA05", 30)), NAN),  # no discharge
    # stopped: on hand on the day of discharge, not now, and not filled since
    ("long_term_classes_stopped_since_discharge", together(STAY, fills((40, "C10AA05", 21))), 1),
    ("long_term_classes_stopped_since_discharge", together(STAY, fills((40, "C10AA05", 20))), 0),
    ("long_term_classes_stopped_since_discharge", together(STAY, fills((40, "C10AA05", 41))), 0),
    ("long_term_classes_stopped_since_discharge", together(STAY, fills((40, "C10AA05", 40))), 1),
    ("long_term_classes_stopped_since_discharge",
     together(STAY, fills((40, "C10AA05", 30), (15, "C10AA05", 5))), 0),  # filled since
    ("long_term_classes_stopped_since_discharge",
     together(STAY, fills((40, "C10AA05", 30), (20, "C10AA05", 5))), 0),  # on the way home
    ("long_term_classes_stopped_since_discharge",
     together(STAY, fills((25, "J01CA04", 7))), 0),  # a course that ended
    ("long_term_classes_stopped_since_discharge",
     together(STAY, fills((40, "C10AA05", 30), (30, "B01AA03", 20), (22, "C07AB02", 90))), 2),
    ("long_term_classes_stopped_since_discharge", fills((40, "C10AA05", 21)), NAN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


def test_a_fill_that_was_never_collected_covers_nothing_once_that_is_known() -> None:
    fill = {"record_id": "f", "happened_on": ago(20), "code": "C10AA05", "days_supply": 90}
    tables = rows("drug_fill", {**fill, "known_on": ago(20)},
                  {**fill, "known_on": ago(10), "reversed": True})  # fmt: skip
    assert value("statins_covered_now", tables, ago(11)) == 1
    assert value("statins_covered_days_365", tables, ago(11)) == 20 - 11 + 1
    assert value("statins_covered_now", tables, ago(10)) == 0
    assert value("statins_covered_days_365", tables, ago(10)) == 0
