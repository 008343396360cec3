"""The words of a definition say the days and ages of the task, whatever they are set to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from training.cohort_files import readmission_task
from training.cohorts.cohort import DEFINITIONS
from training.settings.tasks import described, shipped_tasks, task_called


def words_of(name: str, **changed: Any) -> str:
    task = replace(readmission_task(name), **changed)
    return " ".join(DEFINITIONS[task.definition].words_of(task))


CMS, PCR = "readmission", "readmission-pcr-like"


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        (CMS, {}, "people of 65 and over who were covered for 365 days before admission, and for "
         "30 days after discharge"),
        (CMS, {}, "The first acute admission on days 0 to 30 after discharge decides"),
        (CMS, {"minimum_age": 18}, "people of 18 and over who were"),
        (CMS, {"horizon_days": 60, "enrolled_after_days": 90}, "on days 0 to 60 after discharge"),
        (CMS, {"enrolled_after_days": 90}, "and for 90 days after discharge or until they died"),
        (CMS, {"enrolled_before_days": 180, "allowed_gap_days": 31},
         "for 180 days before admission (one gap of up to 31 days is allowed), and for"),
        (PCR, {}, "people of 18 to 64, and of 18 and over in Medicare, who were covered from 365 "
         "days before discharge (one gap of up to 45 days is allowed) to 30 days after it"),
        (PCR, {}, "People with 4 or more index stays in a calendar year are kept apart"),
        (PCR, {"minimum_age": 21}, "people of 21 to 64, and of 21 and over in Medicare"),
        (PCR, {"minimum_age": 65}, "people of 65 and over in Medicare, who were"),
        (PCR, {"allowed_gap_days": 0}, "before discharge (no gap is allowed) to 30 days"),
        (PCR, {"horizon_days": 60, "enrolled_after_days": 90},
         "An unplanned return on days 0 to 60 after discharge"),
        (PCR, {"enrolled_after_days": 90}, "Cover must reach 90 days past discharge"),
        (PCR, {"outlier_stays": 6}, "People with 6 or more index stays"),
    ],
)  # fmt: skip
def test_the_words_are_of_the_settings(name: str, changed: dict[str, Any], said: str) -> None:
    assert said in words_of(name, **changed)


@pytest.mark.parametrize("name", [CMS, PCR])
def test_no_shipped_number_is_left_where_others_are_set(name: str) -> None:
    others = {"horizon_days": 71, "minimum_age": 41, "enrolled_before_days": 211,
              "allowed_gap_days": 11, "enrolled_after_days": 81, "outlier_stays": 9}  # fmt: skip
    numbers = set(map(int, re.findall(r"\d+", words_of(name, **others))))
    # days begin with 0; 64 is the border of the rule itself
    told = set(others.values()) - ({9} if name == CMS else set())
    assert numbers == told | {0} | ({64} if name == PCR else set())


def test_the_meaning_of_a_horizon_names_no_number() -> None:
    for name in shipped_tasks():
        told = {setting: meaning for setting, _, meaning in described(task_called(name))}
        assert "horizon_days" in told["horizon_days"], name
        assert not re.search(r"[1-9]", told["horizon_days"]), name
