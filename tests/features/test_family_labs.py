"""Laboratory results: 718-7 is haemoglobin (usual 12 to 18 g/dL), 2951-2 sodium, 2823-3 potassium,
2160-0 creatinine, 6301-6 INR, 13457-7 LDL cholesterol (up to 130 mg/dL)."""

from __future__ import annotations

import math

import pytest

from features.definitions import FEATURES
from features.lab_tests import LAB_TESTS
from tests.features.family_specs import NAN, NOTHING, Spec, Tables, results, same, together, value
from tests.features.rows import ago, rows

HB = "718-7"
HAEMOGLOBIN = results(HB, (370, 15.0), (300, 12.5), (200, 9.0), (20, 10.0))

SPECS: list[Spec] = [
    # the last value, and its age
    ("haemoglobin_last", HAEMOGLOBIN, 10.0),
    ("haemoglobin_last", results(HB, (364, 11.0)), 11.0),
    ("haemoglobin_last", results(HB, (365, 11.0)), NAN),
    ("haemoglobin_last", NOTHING, NAN),
    ("haemoglobin_days_since", HAEMOGLOBIN, 20),
    ("haemoglobin_days_since", results(HB, (729, 11.0)), 729),
    ("haemoglobin_days_since", results(HB, (730, 11.0)), NAN),
    # units: grams a litre are tenfold; what cannot be turned is not mixed in; none is the usual one
    ("haemoglobin_last", results(HB, (5, 110.0), unit="g/L"), 110.0 / 10),
    ("haemoglobin_last", results(HB, (5, 7.0), unit="mmol/L"), NAN),
    ("haemoglobin_count_365", results(HB, (5, 7.0), unit="mmol/L"), 1),  # yet there is a result
    ("haemoglobin_last_outside", results(HB, (5, 7.0), unit="mmol/L"), NAN),
    ("haemoglobin_days_since", results(HB, (5, 7.0), unit="mmol/L"), 5),
    # as laboratories write them
    ("sodium_last", results("2951-2", (5, 118.0), unit="mEq/L"), 118.0),
    ("sodium_outside_365", results("2951-2", (5, 118.0), unit="mEq/L"), 1),
    ("white_cells_last", results("6690-2", (5, 25.0), unit="K/uL"), 25.0),
    ("creatinine_last", results("2160-0", (5, 176.8), unit="umol/L"), 176.8 / 88.4),
    ("glucose_last", results("2345-7", (5, 10.0), unit="mmol/L"), 10.0 * 18.016),
    ("white_cells_last", results("6690-2", (5, 8_000.0), unit="/uL"), 8_000 / 1_000),
    ("haemoglobin_last", results("20509-6", (5, 11.0)), 11.0),  # another code of the test
    # the extreme on the side that is commoner trouble
    ("haemoglobin_lowest_365", HAEMOGLOBIN, 9.0),
    ("haemoglobin_lowest_365", NOTHING, NAN),
    ("creatinine_highest_365", results("2160-0", (5, 1.0), (90, 2.5), (365, 9.0)), 2.5),
    # change: last less first within the year
    ("haemoglobin_change_365", HAEMOGLOBIN, 10.0 - 12.5),
    ("haemoglobin_change_365", results(HB, (2, 9.0)), NAN),
    # slope a year: through three results, 90 days from the first to the last
    (
        "haemoglobin_slope_365",
        results(HB, (100, 10.0), (50, 10.0), (0, 13.0)),
        (50 * (13.0 - 11.0) - 50 * (10.0 - 11.0)) / (50**2 + 50**2) * 365,
    ),
    ("haemoglobin_slope_365", results(HB, (91, 11.0), (5, 11.0), (1, 11.0)), 0),
    ("haemoglobin_slope_365", results(HB, (90, 11.0), (5, 11.0), (1, 11.0)), NAN),  # 89 days
    ("haemoglobin_slope_365", results(HB, (100, 10.0), (0, 12.0)), NAN),  # two results
    ("haemoglobin_slope_365", results(HB, (365, 10.0), (5, 12.0), (0, 12.0)), NAN),
    # out of the usual limits: the last one, and how many of the year; the limits are inside
    ("haemoglobin_last_outside", results(HB, (5, 11.9)), 1),
    ("haemoglobin_last_outside", results(HB, (5, 12.0)), 0),
    ("haemoglobin_last_outside", results(HB, (5, 18.0)), 0),
    ("haemoglobin_last_outside", results(HB, (5, 18.1)), 1),
    ("haemoglobin_last_outside", results(HB, (9, 8.0), (5, 13.0)), 0),  # the last alone
    ("haemoglobin_last_outside", NOTHING, NAN),
    ("sodium_last_outside", results("2951-2", (5, 134.0)), 1),
    ("potassium_last_outside", results("2823-3", (5, 5.1)), 1),
    ("ldl_last_outside", results("13457-7", (5, 40.0)), 0),  # no lower limit
    ("egfr_last_outside", results("98979-8", (5, 59.0)), 1),
    ("egfr_last", results("33914-3", (5, 59.0)), NAN),  # MDRD: may be adjusted for race
    ("egfr_last", results("62238-1", (5, 59.0)), NAN),  # CKD-EPI 2009 likewise
    ("haemoglobin_outside_365", HAEMOGLOBIN, 2),  # 9 and 10; 12.5 is inside, 15 long ago
    ("haemoglobin_outside_365", NOTHING, 0),
    # how many
    ("haemoglobin_count_365", HAEMOGLOBIN, 3),
    ("haemoglobin_count_365", NOTHING, 0),
    # tests do not mix
    ("sodium_last", HAEMOGLOBIN, NAN),
    ("inr_last", together(HAEMOGLOBIN, results("6301-6", (3, 2.4))), 2.4),
]


@pytest.mark.parametrize(("name", "tables", "expected"), SPECS)
def test_value(name: str, tables: Tables, expected: float) -> None:
    assert same(value(name, tables), expected)


def test_a_corrected_result_is_the_corrected_one_from_then_on() -> None:
    result = {"record_id": "r", "loinc": HB, "happened_on": ago(30)}
    tables = rows("lab_result", {**result, "known_on": ago(29), "value": 8.0},
                  {**result, "known_on": ago(10), "value": 12.8})  # fmt: skip
    assert value("haemoglobin_last", tables, ago(11)) == 8.0
    assert value("haemoglobin_outside_365", tables, ago(11)) == 1
    assert same(value("haemoglobin_last", tables, ago(10)), 12.8)
    assert value("haemoglobin_outside_365", tables, ago(10)) == 0


@pytest.mark.parametrize("test", LAB_TESTS, ids=lambda test: test.name)
def test_each_test_is_read_by_each_of_its_codes_and_has_limits(test) -> None:
    low, high = test.limits
    assert low < high
    assert not (math.isinf(low) and math.isinf(high))
    for loinc in test.loincs:
        assert same(value(f"{test.name}_last", results(loinc, (1, 50.0), unit=test.unit)), 50.0)
    for unit, factor in test.factors.items():
        told = results(test.loincs[0], (1, 50.0), unit=unit)
        assert same(value(f"{test.name}_last", told), 50.0 * factor)


def test_a_slope_is_told_of_lasting_illness_alone() -> None:
    told = {f.channel.name for f in FEATURES if f.family == "labs" and f.how == "slope"}
    assert told == {
        "haemoglobin", "creatinine", "egfr", "hba1c", "albumin", "ldl", "bnp", "nt_probnp",
    }  # fmt: skip
