"""Pictures of calibration, of the days after discharge and of expected cost: drawn from the
figures, and twice the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training.test_evaluate import QUICK, scored
from training.by_day import AT_DISCHARGE, Day
from training.cost_picture import draw_cost
from training.evaluate import OURS, Interval, evaluate
from training.judged_cost import JudgedCost
from training.pictures_by_day import draw_days
from training.plots import draw, tenths


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
    found = tenths(rows)
    highest = np.argsort(rows.margin)[-100:]
    assert len(found) == 10
    assert found[-1].said == pytest.approx(rows.risk[highest].mean())
    assert found[-1].seen == pytest.approx(rows.outcome[highest].mean())
    assert found[-1].true == pytest.approx(found[-1].said), "the risk said is the true one"
    # 0 of 100: (z²/2n ± z²/2n) / (1 + z²/n) = 0 to z² / (n + z²)
    none = tenths(replace(rows, outcome=np.zeros(1000)))[0]
    assert (none.seen, none.low) == (0, 0)
    assert none.high == pytest.approx(1.96**2 / (100 + 1.96**2))
    assert tenths(replace(rows, truth=None))[0].true is None
    assert len(tenths(rows.part(np.arange(7)))) == 7, "none is empty"


def test_the_calibration_is_drawn_from_the_risks_also_where_a_tenth_has_no_case(tmp_path: Path):
    """A thirtieth of the risk, as high cost has it: the lowest tenths hold no case."""
    risk = scored(1000).risk / 30
    rows = scored(1000, risk=risk, outcome=(np.arange(1000) % 47 == 0).astype(float), truth=None)
    without = replace(rows, outcome=np.where(rows.risk < np.quantile(risk, 0.3), 0, rows.outcome))
    made = [
        bytes_of(draw(tmp_path / str(n), told, evaluate(without, QUICK), "High cost"))
        for n, told in enumerate((without, replace(without, risk=without.risk * 0.99)))
    ]
    assert tenths(without)[0].seen == 0
    assert made[0]["calibration.png"] != made[1]["calibration.png"]
    assert made[0]["roc.png"] == made[1]["roc.png"], "it looks at the order alone"


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
    one = draw_cost(tmp_path / "one.png", judged, "Allowed cost").read_bytes()
    assert draw_cost(tmp_path / "two.png", judged, "Allowed cost").read_bytes() == one
    assert draw_cost(tmp_path / "paid.png", judged, "Paid cost").read_bytes() != one
    wider = replace(judged, deciles=deciles.assign(high=1.2))
    assert draw_cost(tmp_path / "wider.png", wider, "Allowed cost").read_bytes() != one
    nothing = deciles.assign(actual=0.0, ratio=np.nan, low=np.nan, high=np.nan)
    draw_cost(tmp_path / "nothing.png", replace(judged, deciles=nothing), "Allowed cost")
    without = deciles.assign(expected=deciles["expected"].where(deciles["decile"] != 3))
    fewer = replace(judged, deciles=without)
    assert draw_cost(tmp_path / "three.png", fewer, "Allowed cost").read_bytes() != one
