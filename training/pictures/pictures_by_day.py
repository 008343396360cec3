"""The picture of a readmission model within each day after discharge: how it orders, and whether
its risks are right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.small_cells import Counts
from training.evaluation.baselines import whole_name
from training.evaluation.by_day import AT_DISCHARGE, Day
from training.evaluation.evaluate import OURS, Interval
from training.pictures.plots import COLOURS, legend_below, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BASELINE = "LACE"
_NAMES = {OURS: "firstcall, asked on the day", AT_DISCHARGE: "firstcall, as asked at discharge"}
_APART = 0.13
"""How far two scores of one day stand apart, in places of the axis."""


def draw_days(folder: Path, days: Sequence[Day], title: str, counts: Counts) -> list[Path]:
    """Write ranking_by_day.png and calibration_by_day.png into `folder`; gives their paths. Of a
    day on which fewer than 11 real people were asked, or came back, no figure is drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        save(folder / "ranking_by_day.png",
             "Ranking on each day after discharge, about the days that are left", title,
             _ranking, days, counts),
        save(folder / "calibration_by_day.png",
             "Calibration on each day after discharge, about the days that are left", title,
             _calibration, days, counts),
    ]  # fmt: skip


def _told(days: Sequence[Day], counts: Counts) -> list[tuple[int, Day]]:
    """The days that are drawn, each with its place on the axis."""
    return [
        (place, day) for place, day in enumerate(days)
        if not counts.hides(day.evaluation.rows) and not counts.hides(day.evaluation.events)
    ]  # fmt: skip


def _ranking(axes: Axes, days: Sequence[Day], counts: Counts) -> None:
    names = [OURS, AT_DISCHARGE]
    names += sorted(
        {n for day in days for n in day.evaluation.scores if whole_name(n) == _BASELINE}
    )
    for number, name in enumerate(names):
        found = [
            (place + _APART * (number - (len(names) - 1) / 2), day.evaluation.scores[name]["auroc"])
            for place, day in _told(days, counts) if name in day.evaluation.scores
        ]  # fmt: skip
        _points(axes, found, _NAMES.get(name, name), number)
    axes.axhline(0.5, color="0.6", linewidth=1, zorder=0, label="by chance")
    _days(axes, days, counts, "AUROC")


def _calibration(axes: Axes, days: Sequence[Day], counts: Counts) -> None:
    found = [
        (float(place), day.evaluation.scores[OURS]["observed_to_expected"])
        for place, day in _told(days, counts)
    ]
    axes.axhline(1, color="0.6", linewidth=1, zorder=0, label="as many as expected")
    _points(axes, found, _NAMES[OURS], 0)
    _days(axes, days, counts, "readmissions seen for each one expected")


def _points(axes: Axes, found: Sequence[tuple[float, Interval]], name: str, number: int) -> None:
    x = [place for place, _ in found]
    values = np.array([interval for _, interval in found]).reshape(-1, 3).T
    spread = [values[0] - values[1], values[2] - values[0]]
    axes.errorbar(
        x, values[0], yerr=np.maximum(spread, 0), fmt="osD^v"[number % 5], capsize=3,
        color=COLOURS[number % len(COLOURS)], label=name,
    )  # fmt: skip


def _days(axes: Axes, days: Sequence[Day], counts: Counts, what: str) -> None:
    words = [
        f"day {day.landmark}\n{counts.count(day.evaluation.rows)} at home\n"
        f"{counts.count(day.evaluation.events)} came back"
        for day in days
    ]
    axes.set_xticks(range(len(days)), words)
    axes.set(
        xlabel="day of the question; discharges then at home, and those that came back after it",
        ylabel=what, xlim=(-0.5, len(days) - 0.5),
    )  # fmt: skip
    legend_below(axes, "with 95 % intervals")
