"""LACE point by point, as van Walraven's table has it (CMAJ 2010;182:551-7)."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.errors import InputError
from features.indices import lace, length_points, prior_admissions, prior_year_cost
from tests.features.rows import AS_OF, CARRIES, ago, histories, rows


def _index(as_of: date = AS_OF, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"patient_id": ["p"], "as_of": [as_of], **more})


def _lace(tables: Any, carries: tuple[str, ...] = CARRIES, **asked: Any) -> dict[str, float]:
    found = lace(histories(tables, carries), _index(**asked))
    return {str(column): points.item() for column, points in found.items()}


def _stay(start: int, end: int, **given: Any) -> dict[str, Any]:
    emergent = {"admission_type": "emergency", **given}
    return {"kind": "acute_inpatient", "started_on": ago(start), "ended_on": ago(end), **emergent}


def _with_diagnoses(*codes: str) -> Any:
    told = [{"happened_on": ago(1), "code": code} for code in codes]
    return {**rows("encounter", _stay(5, 1)), **rows("diagnosis", *told)}


@pytest.mark.parametrize(
    ("days", "points"),
    [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (6, 4), (7, 5), (13, 5), (14, 7), (200, 7)],
)
def test_length_of_stay(days: int, points: int) -> None:
    assert _lace(rows("encounter", _stay(days, 0)))["l"] == points


def test_an_unknown_length_has_no_points() -> None:
    assert math.isnan(length_points(np.array([math.nan]))[0])


@pytest.mark.parametrize(
    ("admission_type", "points"),
    [("emergency", 3), ("urgent", 3), ("trauma", 3), ("elective", 0)],
)
def test_acuity(admission_type: str, points: int) -> None:
    found = _lace(rows("encounter", _stay(2, 0, admission_type=admission_type)))
    assert found["a"] == points
    assert found["lace_low"] == found["lace_high"] == 2 + points
    assert found["lace_without_a"] == 2


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        ((), 0),
        (("I252",), 1),  # previous myocardial infarction
        (("I639",), 1),  # cerebrovascular disease
        (("I739",), 1),  # peripheral vascular disease
        (("E119",), 1),  # diabetes without complications
        (("I509",), 2),  # heart failure
        (("E1121",), 2),  # diabetes with end-organ damage
        (("J449",), 2),  # chronic pulmonary disease
        (("K743",), 2),  # mild liver disease
        (("C509",), 2),  # any tumour
        (("F03",), 3),  # dementia
        (("M329",), 3),  # connective tissue disease
        (("K7210",), 5),  # moderate or severe liver disease: 4 points count 5
        (("B20",), 5),  # HIV: 4
        (("C787",), 5),  # metastatic tumour: 6
        (("E119", "E1121"), 2),  # the worse of one disease
        (("E119", "I252"), 2),
        (("I509", "E119"), 3),
        (("I509", "J449"), 5),  # 2 + 2
        (("I509", "I501"), 2),  # the same item twice
        (("I132",), 5),  # one code of two items: heart failure 2, severe renal disease 4
        (("I132", "I509"), 5),
    ],
)
def test_comorbidity(codes: tuple[str, ...], points: int) -> None:
    assert _lace(_with_diagnoses(*codes))["c"] == points


def test_comorbidity_is_seen_from_a_year_before_the_admission() -> None:
    for days, points in ((5 + 365, 2), (5 + 366, 0)):
        tables = {**rows("encounter", _stay(5, 1)),
                  **rows("diagnosis", {"happened_on": ago(days), "code": "I509"})}  # fmt: skip
        assert _lace(tables)["c"] == points


@pytest.mark.parametrize(
    ("visits", "points"),
    [
        ((), 0),
        ((5,), 0),  # on the day of admission: the index visit
        ((6,), 1),
        ((185,), 1),  # 180 days before the admission
        ((186,), 0),
        ((3,), 0),  # during the stay
        ((6, 7, 8, 9, 10), 4),
    ],
)
def test_emergency_visits_in_the_six_months_before(visits: tuple[int, ...], points: int) -> None:
    made = rows("encounter", _stay(5, 1),
                *({"kind": "emergency", "started_on": ago(d)} for d in visits))  # fmt: skip
    assert _lace(made)["e"] == points


def test_all_four_add_up() -> None:
    tables = {
        **rows("encounter", _stay(15, 1), {"kind": "emergency", "started_on": ago(20)}),
        **rows("diagnosis", {"happened_on": ago(1), "code": "C787"}),
    }
    assert _lace(tables)["lace_low"] == 7 + 3 + 5 + 1


def test_what_is_not_known_gives_a_range() -> None:
    tables = rows("encounter", _stay(2, 0, admission_type=None))
    found = _lace(tables)
    assert math.isnan(found["a"])
    assert (found["lace_low"], found["lace_high"]) == (2, 2 + 3)


@pytest.mark.parametrize(
    ("feed", "column", "most"),
    [("admission_type", "a", 3), ("diagnosis", "c", 5), ("emergency_visits", "e", 4)],
)
def test_what_is_not_carried_gives_a_range(feed: str, column: str, most: int) -> None:
    tables = rows("encounter", _stay(2, 0, admission_type="elective"))
    found = _lace(tables, tuple(carried for carried in CARRIES if carried != feed))
    assert math.isnan(found[column])
    assert (found["lace_low"], found["lace_high"]) == (2, 2 + most)
    assert math.isnan(found["lace_without_a"]) == (feed != "admission_type")


def test_without_a_stay_there_is_no_score() -> None:
    assert all(map(math.isnan, _lace({}).values()))
    assert all(map(math.isnan, _lace(rows("encounter", _stay(2, 0)), ("member",)).values()))


def test_the_last_stay_that_is_seen_counts_unless_another_is_asked_for() -> None:
    tables = rows("encounter", _stay(50, 40, admission_type="elective"), _stay(9, 7))
    assert (_lace(tables)["l"], _lace(tables)["a"]) == (2, 3)
    assert _lace(tables, as_of=ago(8))["l"] == 5
    asked = _lace(tables, as_of=ago(40), admitted_on=[ago(50)])
    assert (asked["l"], asked["a"]) == (5, 0)


def test_an_episode_of_two_hospitals_is_one_stay() -> None:
    """3 days in one hospital, an emergency; moved on the day of discharge; 6 days in another."""
    tables = {
        **rows(
            "encounter",
            _stay(30, 27, facility_id="h1", disposition="acute_transfer"),
            _stay(27, 21, facility_id="h2", admission_type="elective"),
            {"kind": "emergency", "started_on": ago(29)},  # during the episode
            {"kind": "emergency", "started_on": ago(30 + 180)},
        ),
        **rows("diagnosis", {"happened_on": ago(30 + 365), "code": "I509"}),
    }
    episode = _lace(tables, as_of=ago(21), admitted_on=[ago(30)])
    assert [episode[part] for part in "lace"] == [5, 3, 2, 1]  # 9 days
    assert episode["lace_low"] == episode["lace_high"] == 11
    last_stay = _lace(tables, as_of=ago(21))
    assert [last_stay[part] for part in "lace"] == [4, 0, 0, 1]  # 6 days
    before_the_second_ended = _lace(tables, as_of=ago(22), admitted_on=[ago(30)])
    assert (before_the_second_ended["l"], before_the_second_ended["a"]) == (3, 3)


def test_an_episode_moved_on_the_day_of_admission_keeps_its_first_admission_type() -> None:
    tables = rows("encounter", _stay(30, 30), _stay(30, 21, admission_type="elective"))
    episode = _lace(tables, as_of=ago(21), admitted_on=[ago(30)])
    assert (episode["l"], episode["a"]) == (5, 3)


def test_a_stay_that_began_before_the_asked_admission_is_not_of_its_episode() -> None:
    tables = rows("encounter", _stay(40, 30))
    asked = _lace(tables, as_of=ago(20), admitted_on=[ago(30)])
    assert math.isnan(asked["l"])
    assert math.isnan(asked["a"])


def test_an_admission_whose_discharge_is_not_seen_has_a_range() -> None:
    tables = rows("encounter", _stay(9, 7), {"kind": "emergency", "started_on": ago(12)})
    found = _lace(tables, as_of=ago(8), admitted_on=[ago(9)])
    assert math.isnan(found["l"])
    assert (found["lace_low"], found["lace_high"]) == (1, 7 + 3 + 1)


def test_an_admission_after_as_of_is_refused() -> None:
    with pytest.raises(InputError, match="admitted_on"):
        _lace({}, admitted_on=[date(2021, 1, 1)])


def test_prior_admissions_are_those_of_the_year_before_this_one() -> None:
    tables = rows("encounter", _stay(5, 1), _stay(6, 6), _stay(5 + 365, 300), _stay(5 + 366, 366))
    assert prior_admissions(histories(tables), _index()).tolist() == [2]
    assert prior_admissions(histories({}), _index()).isna().all()


def test_prior_year_cost_is_of_claims_or_else_of_the_calendar_year() -> None:
    claim = {"happened_on": ago(3), "allowed_cents": 5_000}
    year = {"happened_on": ago(0), "allowed_cents": 9_000, "covers": "year"}
    both = histories(rows("cost", claim, year))
    assert prior_year_cost(both, _index()).tolist() == [50.0]
    only_years = histories(rows("cost", claim, year), ("cost", "cost_year"))
    assert prior_year_cost(only_years, _index()).tolist() == [90.0]
    assert prior_year_cost(histories({}, ("member",)), _index()).isna().all()
