"""What a report says of calling from the top: beside the best of the other scores, with intervals,
and of real people no small group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.made_run import EVALUATION, MODEL, made_run
from training.report.document import Points, Table, Words
from training.report.result import capacities, share_of_top
from training.report.run_folder import RunFolder
from training.report.summary import summary


def line(score: str, found: int, capacity: str = "top 5%", **more: Any) -> dict[str, Any]:
    """90 are called of 1,800, of whom 240 are cases."""
    ppv, part = found / 90, found / 240
    return {
        "score": score, "capacity": capacity, "lists": 6, "called": 90, "found": found,
        "cases": 240, "ppv": ppv, "ppv_low": ppv - 0.1, "ppv_high": ppv + 0.1,
        "sensitivity": part, "sensitivity_low": part - 0.02, "sensitivity_high": part + 0.02,
        "cost_captured": None, "cost_captured_low": None, "cost_captured_high": None,
    } | more  # fmt: skip


LINES = [line("firstcall", 36), line("prior admissions", 37), line("LACE", 30),
         line("LACE", 80, "top 10%")]  # fmt: skip


def run_of(folder: Path, lines: list[dict[str, Any]], **model: Any) -> RunFolder:
    folder.mkdir(exist_ok=True)
    return made_run(folder, model=MODEL | model, evaluation=EVALUATION | {"capacities": lines})


def use(run: RunFolder) -> list[str]:
    return [str(item) for block in summary(run, None) if isinstance(block, Points)
            for item in block.points if str(item).startswith("Use")]  # fmt: skip


def test_the_use_names_its_list_its_intervals_and_the_best_of_the_other_scores(tmp_path):
    # 36 of 90 are 40 %, 37 of 90 are 41 %, 36 of 240 are 15 %
    assert use(run_of(tmp_path, LINES)) == [
        "Use: of the 5 % called first of each list (the discharges of one calendar month), 40% "
        "(30% to 50%) are cases, beside 22% by chance and 41% (31% to 51%) by prior admissions, "
        "the best of the other scores there; 15% (13% to 17%) of all cases are among them."
    ]
    [alone] = use(run_of(tmp_path / "alone", LINES[:1], kind="high-cost"))
    assert "each list (everybody who is asked about on one day), 40%" in alone
    assert "22% by chance; 15%" in alone
    assert use(run_of(tmp_path / "none", [])) == []


def test_the_use_is_of_the_share_that_was_asked_about_nearest_to_five_per_cent(tmp_path):
    lines = [line("firstcall", found, capacity) for found, capacity in
             ((45, "50 people"), (9, "top 1.2%"), (18, "top 2.5%"), (72, "top 30%"))]  # fmt: skip
    [told] = use(run_of(tmp_path, lines))  # 18 of 90 are 20 %
    assert told.startswith("Use: of the 2.5 % called first of each list (")
    assert ", 20% (10% to 30%) are cases" in told
    assert use(run_of(tmp_path / "people", lines[:1])) == [], "no share was asked about"


def test_an_older_run_has_no_intervals_and_is_read_all_the_same(tmp_path):
    old = {"score": "firstcall", "capacity": "top 5%", "lists": 6, "ppv": 0.4,
           "sensitivity": 0.15, "cost_captured": None}  # fmt: skip
    assert "40% are cases, beside 22% by chance; 15% of all" in use(run_of(tmp_path, [old]))[0]


@pytest.mark.parametrize(
    ("found", "ppv", "sensitivity"),
    [(10, "–", "–"), (11, "12% (2.2% to 22%)", "4.6% (2.6% to 6.6%)"),
     (80, "–", "33% (31% to 35%)"), (79, "88% (78% to 98%)", "33% (31% to 35%)")],
)  # fmt: skip
def test_of_real_people_no_share_tells_ten_or_fewer(tmp_path, found, ppv, sensitivity):
    told = line("firstcall", found)
    own = run_of(tmp_path, [told, line("LACE", 9)], origin="own")
    assert share_of_top(told, "ppv", own.counts) == ppv
    assert share_of_top(told, "sensitivity", own.counts) == sensitivity
    assert bool(use(own)) == (ppv != "–")
    assert not any("LACE" in words for words in use(own)), "nine of ninety are not shown"
    few = line("firstcall", 5, called=10, cost_captured=0.2)
    assert share_of_top(few, "cost_captured", own.counts) == "–"
    assert share_of_top(few, "ppv", run_of(tmp_path / "i", [few]).counts) != "–"


def test_the_tables_say_what_a_list_is_and_give_intervals(tmp_path):
    blocks = capacities(run_of(tmp_path, LINES))
    [words, *_] = [block.text for block in blocks if isinstance(block, Words)]
    assert "A list is the discharges of one calendar month; all lists that are long" in words
    ppv, sensitivity = (block for block in blocks if isinstance(block, Table))
    assert ppv.header == ("score", "top 5% (of 6 lists)", "top 10% (of 6 lists)")
    assert [str(cell) for cell in ppv.rows[1]] == ["prior admissions", "41% (31% to 51%)", "–"]
    assert [str(cell) for cell in sensitivity.rows[0]] == ["firstcall", "15% (13% to 17%)", "–"]
