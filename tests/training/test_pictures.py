"""Pictures of calibration, of the days after discharge and of expected cost: drawn from the
figures, and twice the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.small_cells import Counts
from tests.training.test_evaluate import QUICK, scored
from training.evaluation.by_day import AT_DISCHARGE, Day
from training.evaluation.evaluate import OURS, Interval, evaluate
from training.evaluation.judged_cost import JudgedCost
from training.pictures.cost_picture import draw_cost
from training.pictures.pictures_by_day import draw_days
from training.pictures.plots import _cumulative, _gain, draw, save, tenths
from training.robustness.backtest import Backtests
from training.robustness.lab_pictures import draw_backtests, draw_learning_curve
from training.robustness.learning_curve import LearningCurve

INVENTED, OWN = Counts("invented"), Counts("own")


def days() -> tuple[Day, ...]:
    rows = scored()
    found = []
    for landmark in (0, 2, 7):
        other = {AT_DISCHARGE: rows.margin[::-1].copy()} if landmark else {}
        found.append(Day(landmark, 0, evaluate(rows.beside(other), QUICK), 0.1))
    return tuple(found)


def bytes_of(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_a_tenth_has_its_mean_risk_its_share_of_cases_and_wilsons_interval():
    rows = scored(1000)
    found = tenths(rows, INVENTED)
    highest = np.argsort(rows.margin)[-100:]
    assert len(found) == 10
    assert found[-1].said == pytest.approx(rows.risk[highest].mean())
    assert found[-1].seen == pytest.approx(rows.outcome[highest].mean())
    assert found[-1].true == pytest.approx(found[-1].said), "the risk said is the true one"
    # 0 of 100: (z²/2n ± z²/2n) / (1 + z²/n) = 0 to z² / (n + z²)
    none = tenths(replace(rows, outcome=np.zeros(1000)), INVENTED)[0]
    assert (none.seen, none.low) == (0, 0)
    assert none.high == pytest.approx(1.96**2 / (100 + 1.96**2))
    assert tenths(replace(rows, truth=None), INVENTED)[0].true is None
    assert len(tenths(rows.part(np.arange(7)), INVENTED)) == 7, "none is empty"


def test_the_calibration_is_drawn_from_the_risks_also_where_a_tenth_has_no_case(tmp_path: Path):
    """A thirtieth of the risk, as high cost has it: the lowest tenths hold no case."""
    risk = scored(1000).risk / 30
    rows = scored(1000, risk=risk, outcome=(np.arange(1000) % 47 == 0).astype(float), truth=None)
    without = replace(rows, outcome=np.where(rows.risk < np.quantile(risk, 0.3), 0, rows.outcome))
    made = [
        bytes_of(draw(tmp_path / str(n), told, evaluate(without, QUICK), "High cost", INVENTED))
        for n, told in enumerate((without, replace(without, risk=without.risk * 0.99)))
    ]
    assert tenths(without, INVENTED)[0].seen == 0
    assert made[0]["calibration.png"] != made[1]["calibration.png"]
    assert made[0]["roc.png"] == made[1]["roc.png"], "it looks at the order alone"


def test_the_gain_marks_the_shares_that_were_asked_about(tmp_path: Path):
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    rows = scored()
    made = evaluate(rows, replace(QUICK, shares=(0.012, 0.3), counts=(50,)))
    axes = Figure().add_subplot()
    _gain(axes, rows, {OURS: rows.margin}, made, INVENTED)
    marks = [text for text in axes.texts if isinstance(text, Annotation)]
    assert {mark.get_text(): mark.xy[0] for mark in marks} == {"top 1.2%": 0.012, "top 30%": 0.3}


def test_each_day_is_drawn_from_its_figures(tmp_path: Path) -> None:
    told = days()
    one, again = (
        bytes_of(draw_days(tmp_path / n, told, "Readmission", INVENTED)) for n in ("a", "b")
    )
    assert sorted(one) == ["calibration_by_day.png", "ranking_by_day.png"]
    assert one == again
    judged = told[1].evaluation
    ours = judged.scores[OURS] | {"observed_to_expected": Interval(1.5, 1.2, 1.9)}
    moved = replace(told[1], evaluation=replace(judged, scores={**judged.scores, OURS: ours}))
    other = bytes_of(draw_days(tmp_path / "c", (told[0], moved, told[2]), "Readmission", INVENTED))
    assert other["calibration_by_day.png"] != one["calibration_by_day.png"]
    assert other["ranking_by_day.png"] == one["ranking_by_day.png"]


def test_expected_cost_is_drawn_by_tenth_also_where_one_is_empty(tmp_path: Path) -> None:
    expected = np.arange(1, 11) * 1000.0
    deciles = pd.DataFrame({
        "decile": np.arange(1, 11), "rows": 50, "expected": expected, "actual": expected * 1.1,
        "ratio": 1 / 1.1, "low": 0.8, "high": 1.0,
    })  # fmt: skip
    judged = JudgedCost(500, Interval(0.91, 0.85, 0.97), deciles, pd.DataFrame(), pd.DataFrame())
    one = draw_cost(tmp_path / "one.png", judged, "Allowed cost", INVENTED).read_bytes()
    assert draw_cost(tmp_path / "two.png", judged, "Allowed cost", INVENTED).read_bytes() == one
    assert draw_cost(tmp_path / "paid.png", judged, "Paid cost", INVENTED).read_bytes() != one
    wider = replace(judged, deciles=deciles.assign(high=1.2))
    assert draw_cost(tmp_path / "wider.png", wider, "Allowed cost", INVENTED).read_bytes() != one
    nothing = deciles.assign(actual=0.0, ratio=np.nan, low=np.nan, high=np.nan)
    draw_cost(tmp_path / "nothing.png", replace(judged, deciles=nothing), "Allowed cost", INVENTED)
    without = deciles.assign(expected=deciles["expected"].where(deciles["decile"] != 3))
    fewer = replace(judged, deciles=without)
    assert draw_cost(tmp_path / "three.png", fewer, "Allowed cost", INVENTED).read_bytes() != one


def words_of(path: Path) -> list[str]:
    """The texts of a picture."""
    return re.findall(r"<!-- (.*?) -->", path.with_suffix(".svg").read_text())


def test_a_day_of_few_real_people_has_no_point_and_no_exact_count(tmp_path: Path) -> None:
    told = days()
    few = replace(told[1], evaluation=replace(told[1].evaluation, rows=312, events=9))
    days_of = (told[0], few, told[2])
    [path, below] = draw_days(tmp_path / "own", days_of, "Readmission", OWN)
    words = words_of(path)
    assert {"310 at home", "fewer than 11 came back"} <= set(words)
    rows, back = told[0].evaluation.rows, told[0].evaluation.events
    assert f"{back:,} came back" not in words
    assert {f"{round(rows, -1):,} at home", f"{round(back, -1):,} came back"} <= set(words)
    assert words_of(below)[:4] == words[:4]
    # whatever the figures of that day are, the pictures are the same
    ours = few.evaluation.scores[OURS] | {"auroc": Interval(0.9, 0.8, 0.95)}
    other = replace(few, evaluation=replace(few.evaluation, scores={OURS: ours}))
    again = draw_days(tmp_path / "again", (told[0], other, told[2]), "Readmission", OWN)
    assert [p.read_bytes() for p in again] == [path.read_bytes(), below.read_bytes()]
    shown = draw_days(tmp_path / "invented", days_of, "Readmission", INVENTED)
    assert {"312 at home", "9 came back"} <= set(words_of(shown[0]))


def test_of_real_people_tenths_are_joined_until_cases_and_others_are_enough() -> None:
    # 1,000 rows from the lowest risk up; 4 cases in each of the first three tenths, then 20
    rows = scored(1000, margin=np.arange(1000.0), truth=None)
    case = np.zeros(1000)
    for tenth in range(10):
        case[100 * tenth : 100 * tenth + (4 if tenth < 3 else 20)] = 1
    case[900:] = 1  # all of the highest: nobody is other there
    rows = replace(rows, outcome=case)
    assert [t.seen for t in tenths(rows, INVENTED)][:4] == [0.04, 0.04, 0.04, 0.2]
    found = tenths(rows, OWN)
    # 4 + 4 + 4 = 12 of 300; then five tenths of 20; the last has 20 + 100 of 200
    assert [t.seen for t in found] == pytest.approx([12 / 300, *[0.2] * 5, 120 / 200])
    assert tenths(replace(rows, outcome=np.zeros(1000)), OWN) == []


def test_of_real_people_a_curve_has_no_step_of_few() -> None:
    rows = scored(1000)
    cases, others = _cumulative(rows.margin, rows, OWN)
    assert min(np.diff(cases).min(), np.diff(others).min()) >= 11
    exact = _cumulative(rows.margin, rows, INVENTED)
    assert len(exact[0]) == 1001
    assert set(zip(cases, others, strict=True)) <= set(zip(*exact, strict=True))
    assert (cases[-1], others[-1]) == (rows.outcome.sum(), 1000 - rows.outcome.sum())
    few = replace(rows, outcome=(np.arange(1000) < 15).astype(float))
    assert _cumulative(few.margin, few, OWN)[0].tolist() == [0, 15]


def test_of_real_people_no_bar_of_few_rows_is_drawn_and_none_is_counted(tmp_path: Path) -> None:
    risk = np.r_[np.linspace(0.05, 0.2, 997), [0.9, 0.92, 0.95]]
    rows = scored(1000, risk=risk, margin=np.arange(1000.0), truth=None)
    for name, counts in (("own", OWN), ("invented", INVENTED)):
        draw(tmp_path / name, rows, evaluate(rows, QUICK), "Readmission", counts)
    own, invented = (words_of(tmp_path / n / "calibration.png") for n in ("own", "invented"))
    last = "the last bar of rows holds the {} of a higher risk as well"
    assert last.format(3) in invented
    assert last.format("fewer than 11") in own
    assert "a bar of fewer than 11 rows is left out" in own
    draw(tmp_path / "none", rows.part(np.arange(8)), evaluate(rows, QUICK), "Few", OWN)


def test_pictures_of_the_lab_write_no_small_count_of_real_people(tmp_path: Path) -> None:
    sizes = pd.DataFrame({
        "share": [0.5, 1.0], "people": [617, 1234], "rows": [700, 1400], "cases": [9, 13],
        "trees": 5, "auroc": [0.6, 0.65], "auroc_low": 0.5, "auroc_high": 0.7, "log_loss": 0.4,
    })  # fmt: skip
    curve = LearningCurve(sizes, Interval(0.01, -0.01, 0.03), (0.65, 0.64))
    own = words_of(draw_learning_curve(tmp_path / "own.png", curve, "Readmission", OWN))
    assert {"620", "1,230", "fewer than 11", "11 to 14"} <= set(own)
    assert not {"617", "1,234", "9", "13"} & set(own)
    assert any(words.startswith("1,230 people instead of 620 changed") for words in own)
    exact = words_of(draw_learning_curve(tmp_path / "i.png", curve, "Readmission", INVENTED))
    assert any(words.startswith("1,234 people instead of 617 changed") for words in exact)

    cuts = pd.DataFrame({
        "cut": ["2023-01-01", "2024-01-01"], "learned_rows": 1475, "learned_cases": 13,
        "rows": [200, 300], "cases": [3, 44],
        **{f"{name}{end}": value for name in ("auroc", "observed_to_expected")
           for end, value in (("", 0.7), ("_low", 0.6), ("_high", 0.8))},
    })  # fmt: skip
    path = draw_backtests(tmp_path / "own_cuts.png", Backtests(cuts, ()), "Readmission", OWN)
    assert {"learned: 1,480 rows,", "11 to 14 cases", "fewer than 11 cases"} <= set(words_of(path))
    moved = cuts.assign(auroc=[0.65, 0.7])  # of the three cases
    again = draw_backtests(tmp_path / "again.png", Backtests(moved, ()), "Readmission", OWN)
    assert again.read_bytes() == path.read_bytes()


def test_a_tenth_of_few_real_people_has_no_bar(tmp_path: Path) -> None:
    dollars = np.arange(1, 11) * 1000.0
    deciles = pd.DataFrame({
        "decile": np.arange(1, 11), "rows": [50] * 9 + [10], "expected": dollars,
        "actual": dollars, "ratio": 1.0, "low": 0.8, "high": 1.2,
    })  # fmt: skip
    judged = JudgedCost(460, Interval(1, 0.9, 1.1), deciles, pd.DataFrame(), pd.DataFrame())
    for counts, tenths_drawn in ((OWN, 9), (INVENTED, 10)):
        path = draw_cost(tmp_path / f"{counts.origin}.png", judged, "Allowed cost", counts)
        assert sum(words == "1.00" for words in words_of(path)) == tenths_drawn


def test_dollars_in_the_words_of_a_task_are_dollars(tmp_path: Path) -> None:
    words = "A visit that costs $1,000 (50% of stays) to $2,000"
    path = save(tmp_path / "one.png", words, words, lambda axes: axes.plot([1, 2]))
    told = path.with_suffix(".svg").read_text(encoding="utf-8")
    assert told.count(f"<!-- {words} -->") == 2
