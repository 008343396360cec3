"""The picture of a readmission model within each day after discharge: how it orders, and whether
its risks are right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.by_day import AT_DISCHARGE, Day
from training.evaluate import OURS, Interval
from training.plots import COLOURS, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BASELINE = "LACE"
_APART = 0.13
"""How far two scores of one day stand apart, in places of the axis."""


def draw_days(folder: Path, days: Sequence[Day], title: str) -> list[Path]:
    """Write ranking_by_day.png and calibration_by_day.png into `folder`; gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        save(folder / "ranking_by_day.png", title,
             "Ranking of those who are asked on each day, about the days that are left",
             _ranking, days),
        save(folder / "calibration_by_day.png", title,
             "Calibration on each day: readmissions seen for each one expected",
             _calibration, days),
    ]  # fmt: skip


def _ranking(axes: Axes, days: Sequence[Day]) -> None:
    names = [OURS, AT_DISCHARGE]
    names += sorted({n for day in days for n in day.evaluation.scores if _is_baseline(n)})
    for number, name in enumerate(names):
        found = [
            (place + _APART * (number - (len(names) - 1) / 2), day.evaluation.scores[name]["auroc"])
            for place, day in enumerate(days) if name in day.evaluation.scores
        ]  # fmt: skip
        _points(axes, found, name, number)
    _days(axes, days, "AUROC, with 95 % interval")


def _is_baseline(name: str) -> bool:
    return name.split(" without ")[0] == _BASELINE


def _calibration(axes: Axes, days: Sequence[Day]) -> None:
    found = [
        (float(place), day.evaluation.scores[OURS]["observed_to_expected"])
        for place, day in enumerate(days)
    ]
    axes.axhline(1, color="0.6", linewidth=1, zorder=0, label="as many as expected")
    _points(axes, found, OURS, 0)
    _days(axes, days, "observed : expected, with 95 % interval")


def _points(axes: Axes, found: Sequence[tuple[float, Interval]], name: str, number: int) -> None:
    x = [place for place, _ in found]
    values = np.array([interval for _, interval in found]).reshape(-1, 3).T
    spread = [values[0] - values[1], values[2] - values[0]]
    axes.errorbar(
        x, values[0], yerr=np.maximum(spread, 0), fmt="osD^v"[number % 5], capsize=3,
        color=COLOURS[number % len(COLOURS)], label=name,
    )  # fmt: skip


def _days(axes: Axes, days: Sequence[Day], what: str) -> None:
    words = [
        f"day {day.landmark}\n{day.evaluation.rows:,} asked\n{day.evaluation.events:,} cases"
        for day in days
    ]
    axes.set_xticks(range(len(days)), words)
    axes.set(ylabel=what, xlim=(-0.5, len(days) - 0.5))
    axes.margins(y=0.25)
    axes.legend(loc="upper left", ncols=3, frameon=False, fontsize=9)
