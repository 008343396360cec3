"""Pictures of the days after discharge and of expected cost: drawn from the figures, and twice the
same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tests.training.test_evaluate import QUICK, scored
from training.by_day import AT_DISCHARGE, Day
from training.cost_picture import draw_cost
from training.evaluate import OURS, Interval, evaluate
from training.judged_cost import JudgedCost
from training.pictures_by_day import draw_days


def days() -> tuple[Day, ...]:
    rows = scored()
    found = []
    for landmark in (0, 2, 7):
        other = {AT_DISCHARGE: rows.margin[::-1].copy()} if landmark else {}
        found.append(Day(landmark, 0, evaluate(rows.beside(other), QUICK), 0.1))
    return tuple(found)


def bytes_of(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_each_day_is_drawn_from_its_figures(tmp_path: Path) -> None:
    told = days()
    one, again = (bytes_of(draw_days(tmp_path / n, told, "Readmission")) for n in ("a", "b"))
    assert sorted(one) == ["calibration_by_day.png", "ranking_by_day.png"]
    assert one == again
    judged = told[1].evaluation
    ours = judged.scores[OURS] | {"observed_to_expected": Interval(1.5, 1.2, 1.9)}
    moved = replace(told[1], evaluation=replace(judged, scores={**judged.scores, OURS: ours}))
    other = bytes_of(draw_days(tmp_path / "c", (told[0], moved, told[2]), "Readmission"))
    assert other["calibration_by_day.png"] != one["calibration_by_day.png"]
    assert other["ranking_by_day.png"] == one["ranking_by_day.png"]


def test_expected_cost_is_drawn_by_tenth_also_where_one_is_empty(tmp_path: Path) -> None:
    expected = np.arange(1, 11) * 1000.0
    deciles = pd.DataFrame({
        "decile": np.arange(1, 11), "rows": 50, "expected": expected, "actual": expected * 1.1,
        "ratio": 1 / 1.1, "low": 0.8, "high": 1.0,
    })  # fmt: skip
    judged = JudgedCost(500, Interval(0.91, 0.85, 0.97), deciles, pd.DataFrame(), pd.DataFrame())
    one = draw_cost(tmp_path / "one.png", judged, "Expected cost").read_bytes()
    assert draw_cost(tmp_path / "two.png", judged, "Expected cost").read_bytes() == one
    without = deciles.assign(expected=deciles["expected"].where(deciles["decile"] != 3))
    fewer = replace(judged, deciles=without)
    assert draw_cost(tmp_path / "three.png", fewer, "Expected cost").read_bytes() != one
