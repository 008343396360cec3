"""LACE point by point, as van Walraven's table has it (CMAJ 2010;182:551-7)."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest

from data.codes import LACE_POINTS
from data.errors import InputError
from features.lace import GROUPS, lace, length_points
from features.score_range import group_of
from tests.features.asked_stays import asked, stay, stays, with_diagnoses
from tests.features.family_specs import Tables, together, visits
from tests.features.rows import CARRIES, ago, histories, rows


def _lace(tables: Tables, carries: tuple[str, ...] = CARRIES, **of: Any) -> dict[str, float]:
    found = lace(histories(tables, carries), asked(**of))
    return {str(column): points.item() for column, points in found.items()}


@pytest.mark.parametrize(
    ("days", "points"),
    [
        (0, 0),  # less than a day
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 4), (5, 4), (6, 4),
        (7, 5), (10, 5), (13, 5),
        (14, 7), (15, 7), (200, 7),
    ],
)  # fmt: skip
def test_length_of_stay(days: int, points: int) -> None:
    assert _lace(stays(stay(days, 0)))["l"] == points


def test_an_unknown_length_has_no_points() -> None:
    assert math.isnan(length_points(np.array([math.nan]))[0])


@pytest.mark.parametrize(
    ("admission_type", "points"),
    [("emergency", 3), ("urgent", 3), ("trauma", 3), ("elective", 0)],
)
def test_acuity(admission_type: str, points: int) -> None:
    found = _lace(stays(stay(2, 0, admission_type=admission_type)))
    assert found["a"] == points
    assert found["lace_low"] == found["lace_high"] == 2 + points
    assert found["lace_without_a"] == 2


@pytest.mark.parametrize("admission_type", [None, "newborn"])
def test_acuity_is_not_known_where_it_is_not_told_and_of_a_birth(
    admission_type: str | None,
) -> None:
    found = _lace(stays(stay(2, 0, admission_type=admission_type)))
    assert math.isnan(found["a"])
    assert (found["lace_low"], found["lace_high"]) == (2, 2 + 3)


# One row a row of the table: points, an ICD-10-CM code and an ICD-9-CM code of it.
ITEMS = [
    ("previous myocardial infarction", 1, "I252", "412"),
    ("cerebrovascular disease", 1, "I639", "43491"),
    ("peripheral vascular disease", 1, "I739", "4439"),
    ("diabetes without complications", 1, "E119", "25000"),
    ("heart failure", 2, "I509", "4280"),
    ("diabetes with end-organ damage", 2, "E1121", "25040"),
    ("chronic pulmonary disease", 2, "J449", "496"),
    ("mild liver disease", 2, "K743", "5712"),
    ("mild renal disease", 2, "N182", "5852"),
    ("any tumour", 2, "C509", "1749"),
    ("any tumour: lymphoma", 2, "C8590", "20280"),
    ("any tumour: leukaemia", 2, "C9500", "20800"),
    ("dementia", 3, "F0390", "2900"),
    ("connective tissue disease", 3, "M329", "7100"),
    ("moderate or severe liver disease", 4, "K7210", "5722"),
    ("moderate or severe renal disease", 4, "N186", "5856"),
    ("HIV infection", 4, "B20", "042"),
    ("metastatic tumour", 6, "C787", "1970"),
]


def test_the_points_of_each_item_before_they_are_added_up() -> None:
    assert LACE_POINTS == {
        "previous_infarction": 1, "cerebrovascular": 1, "peripheral_vascular": 1, "diabetes": 1,
        "heart_failure": 2, "diabetes_end_organ": 2, "pulmonary": 2, "mild_liver_or_renal": 2,
        "tumour": 2, "dementia": 3, "connective_tissue": 3, "severe_liver_or_renal": 4, "hiv": 4,
        "metastatic": 6,
    }  # fmt: skip


@pytest.mark.parametrize(("item", "points", "icd10", "icd9"), ITEMS, ids=[row[0] for row in ITEMS])
def test_each_comorbidity(item: str, points: int, icd10: str, icd9: str) -> None:
    expected = points if points < 4 else 5
    assert _lace(with_diagnoses(icd10))["c"] == expected
    assert _lace(with_diagnoses(icd9, system="ICD9CM"))["c"] == expected


@pytest.mark.parametrize(
    ("item", "points", "icd10"),
    [(item, points, icd10) for item, points, icd10, _ in ITEMS if points <= 2],
)
def test_each_light_comorbidity_beside_an_old_infarction(
    item: str, points: int, icd10: str
) -> None:
    """1 + 2 = 3 stays 3, so that a weight of 2 is told from one of 3."""
    expected = 1 if item == "previous myocardial infarction" else 1 + points
    assert _lace(with_diagnoses("I219", icd10))["c"] == expected


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        ((), 0),
        (("I10",), 0),  # of no item
        (("E119", "I252"), 1 + 1),
        (("E119", "I252", "I739"), 1 + 1 + 1),
        (("I509", "E119"), 2 + 1),
        (("E119", "I252", "I739", "I639"), 5),  # 1 + 1 + 1 + 1 = 4
        (("I509", "J449"), 5),  # 2 + 2 = 4
        (("F0390", "I252"), 5),  # 3 + 1 = 4
        (("C787", "B20", "F0390"), 5),  # 6 + 4 + 3: never more than 5
        (("I509", "I501"), 2),  # the same item twice
        (("E119", "E1121"), 2),  # of two severities of diabetes the worse: 2, not 1 + 2
        (("E119", "E1121", "I252"), 2 + 1),
        (("N182", "N186"), 5),  # of two severities of kidney disease the worse: 4
        (("C509", "C787"), 5),  # of two severities of a tumour the worse: 6
        (("I132",), 5),  # one code of two items: heart failure 2, severe renal disease 4
    ],
)
def test_comorbidities_add_up(codes: tuple[str, ...], points: int) -> None:
    assert _lace(with_diagnoses(*codes))["c"] == points


@pytest.mark.parametrize(
    ("day", "points"),
    [
        (5 + 365, 2),  # 365 days before the admission
        (5 + 366, 0),
        (5, 2),
        (1, 2),  # on the day of discharge
        (0, 0),  # after it
    ],
)
def test_comorbidity_is_seen_from_a_year_before_the_admission(day: int, points: int) -> None:
    failing = rows("diagnosis", {"happened_on": ago(day), "code": "I509"})
    assert _lace(together(stays(stay(5, 1)), failing))["c"] == points


def test_comorbidity_of_a_stay_whose_discharge_is_not_seen_is_seen_until_today() -> None:
    failing = rows("diagnosis", {"happened_on": ago(6), "code": "I509"})
    tables = together(stays(stay(9, 1)), failing)
    assert _lace(tables, as_of=ago(6), admitted_on=[ago(9)])["c"] == 2


def test_what_is_dated_after_today_has_no_points_yet_though_it_is_known() -> None:
    planned = rows("diagnosis", {"happened_on": ago(5), "code": "I509", "known_on": ago(7)})
    tables = together(stays(stay(9, 1)), planned)
    assert _lace(tables, as_of=ago(6), admitted_on=[ago(9)])["c"] == 0


def test_a_discharge_that_is_known_later_is_not_seen_yet() -> None:
    late = stays(stay(50, 47), stay(9, 1, known_on=ago(-1)))
    assert _lace(late)["l"] == 3
    assert math.isnan(_lace(late, admitted_on=[ago(9)])["l"])


def test_a_diagnosis_that_is_known_later_has_no_points_yet() -> None:
    late = rows("diagnosis", {"happened_on": ago(3), "code": "I509", "known_on": ago(-1)})
    assert _lace(together(stays(stay(5, 1)), late))["c"] == 0


@pytest.mark.parametrize(
    ("days", "points"),
    [
        ((), 0),
        ((5,), 0),  # on the day of admission: the index visit
        ((3,), 0),  # during the stay
        ((6,), 1),
        ((5, 6), 1),
        ((185,), 1),  # 180 days before the admission
        ((186,), 0),
        ((6, 7), 2),
        ((6, 7, 8), 3),
        ((6, 7, 8, 9), 4),
        ((6, 7, 8, 9, 10), 4),  # at most 4
    ],
)
def test_emergency_visits_in_the_six_months_before(days: tuple[int, ...], points: int) -> None:
    assert _lace(together(stays(stay(5, 1)), visits("emergency", *days)))["e"] == points


def test_other_visits_are_no_emergency_visits() -> None:
    assert _lace(together(stays(stay(5, 1)), visits("office", 6, 7)))["e"] == 0


def test_all_four_add_up() -> None:
    tables = together(
        stays(stay(15, 1), {"kind": "emergency", "started_on": ago(20)}),
        rows("diagnosis", {"happened_on": ago(1), "code": "C787"}),
    )
    found = _lace(tables)
    assert found["lace_low"] == found["lace_high"] == 7 + 3 + 5 + 1
    assert found["lace_without_a"] == 7 + 5 + 1


@pytest.mark.parametrize(
    ("low", "high", "group"),
    [
        (0, 0, "low"),
        (4, 4, "low"),
        (5, 5, "moderate"),
        (9, 9, "moderate"),
        (10, 10, "high"),
        (19, 19, "high"),
        (4, 7, "low to moderate"),
        (2, 14, "low to high"),
        (math.nan, math.nan, ""),
    ],
)
def test_groups(low: float, high: float, group: str) -> None:
    assert group_of(low, high, GROUPS) == group


@pytest.mark.parametrize(
    ("feed", "column", "most"),
    [("admission_type", "a", 3), ("diagnosis", "c", 5), ("emergency_visits", "e", 4)],
)
def test_what_is_not_carried_gives_a_range(feed: str, column: str, most: int) -> None:
    tables = stays(stay(2, 0, admission_type="elective"))
    found = _lace(tables, tuple(carried for carried in CARRIES if carried != feed))
    assert math.isnan(found[column])
    assert (found["lace_low"], found["lace_high"]) == (2, 2 + most)
    assert math.isnan(found["lace_without_a"]) == (feed != "admission_type")


def test_without_a_stay_there_is_no_score() -> None:
    assert all(map(math.isnan, _lace({}).values()))
    no_encounters = tuple(feed for feed in CARRIES if feed != "encounter")
    for of in ({}, {"admitted_on": [ago(2)]}):
        assert all(map(math.isnan, _lace(stays(stay(2, 0)), no_encounters, **of).values()))


def test_the_last_stay_that_is_seen_counts_unless_another_is_asked_for() -> None:
    tables = stays(stay(50, 40, admission_type="elective"), stay(9, 7))
    assert (_lace(tables)["l"], _lace(tables)["a"]) == (2, 3)
    assert _lace(tables, as_of=ago(8))["l"] == 5
    earlier = _lace(tables, as_of=ago(40), admitted_on=[ago(50)])
    assert (earlier["l"], earlier["a"]) == (5, 0)


def test_an_episode_of_two_hospitals_is_one_stay() -> None:
    """3 days in one hospital, an emergency; moved on the day of discharge; 6 days in another."""
    tables = together(
        stays(
            stay(30, 27, facility_id="h1", disposition="acute_transfer"),
            stay(27, 21, facility_id="h2", admission_type="elective"),
            {"kind": "emergency", "started_on": ago(29)},  # during the episode
            {"kind": "emergency", "started_on": ago(30 + 180)},
        ),
        rows("diagnosis", {"happened_on": ago(30 + 365), "code": "I509"}),
    )
    episode = _lace(tables, as_of=ago(21), admitted_on=[ago(30)])
    assert [episode[part] for part in "lace"] == [5, 3, 2, 1]  # 9 days
    assert episode["lace_low"] == episode["lace_high"] == 11
    last_stay = _lace(tables, as_of=ago(21))
    assert [last_stay[part] for part in "lace"] == [4, 0, 0, 1]  # 6 days
    before_the_second_ended = _lace(tables, as_of=ago(22), admitted_on=[ago(30)])
    assert (before_the_second_ended["l"], before_the_second_ended["a"]) == (3, 3)


def test_an_episode_moved_on_the_day_of_admission_keeps_its_first_admission_type() -> None:
    tables = stays(stay(30, 30), stay(30, 21, admission_type="elective"))
    episode = _lace(tables, as_of=ago(21), admitted_on=[ago(30)])
    assert (episode["l"], episode["a"]) == (5, 3)


def test_a_stay_that_began_before_the_asked_admission_is_not_of_its_episode() -> None:
    found = _lace(stays(stay(40, 30)), as_of=ago(20), admitted_on=[ago(30)])
    assert math.isnan(found["l"])
    assert math.isnan(found["a"])


def test_an_admission_whose_discharge_is_not_seen_has_a_range() -> None:
    tables = stays(stay(9, 7), {"kind": "emergency", "started_on": ago(12)})
    found = _lace(tables, as_of=ago(8), admitted_on=[ago(9)])
    assert math.isnan(found["l"])
    assert (found["lace_low"], found["lace_high"]) == (1, 7 + 3 + 1)


@pytest.mark.parametrize("admitted_on", [date(2021, 1, 1), None, "soon"])
def test_an_admission_after_as_of_or_without_a_day_is_refused(admitted_on: Any) -> None:
    with pytest.raises(InputError, match="column admitted_on "):
        _lace({}, admitted_on=[admitted_on])


def test_an_admission_of_today_may_be_asked_about() -> None:
    assert _lace(stays(stay(0, 0)), admitted_on=[ago(0)])["l"] == 0
