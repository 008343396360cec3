"""Pictures of decision curve, backtests and learning curve."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.small_cells import Counts
from training.evaluation.decision_curve import EVERYBODY, NOBODY
from training.evaluation.evaluate import OURS
from training.pictures.plots import COLOURS, legend_below, save
from training.robustness.backtest import Backtests
from training.robustness.learning_curve import LearningCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLES = ("--", ":", "-.")
_MARKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Where a scale of thresholds may have a mark."""


def draw_decision_curve(path: Path, curve: pd.DataFrame, title: str) -> Path | None:
    """Write what calling by each score is worth at each threshold
    (`training.evaluation.decision_curve`) into `path`; nothing, and None, for an empty curve. What
    is drawn are the figures of the table, which of real people are rounded there: an SVG holds them
    to the last digit."""
    if curve.empty:
        return None
    words = "Decision curve: what calling by a score is worth"
    return _save(path, words, title, _decision, curve)


def draw_backtests(path: Path, found: Backtests, title: str, counts: Counts) -> Path:
    """Write ranking and calibration at each cut date into `path`; of a date at which fewer than 11
    real people tested, or were cases, no figure is drawn."""
    words = "Backtests: the model made at earlier dates, tested on what came after"
    return _save(path, words, title, _backtests, found.table, counts)


def draw_learning_curve(path: Path, curve: LearningCurve, title: str, counts: Counts) -> Path:
    """Write the ranking by how many people were learned from into `path`."""
    words = "Learning curve: the model made of fewer people, tested on the same rows"
    return _save(path, words, title, _learning, curve, counts)


def _save(path: Path, words: str, title: str, drawing: Any, *about: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(path, words, title, drawing, *about)


def _decision(axes: Axes, curve: pd.DataFrame) -> None:
    others = [n for n in curve["score"].unique() if n not in (OURS, EVERYBODY, NOBODY)]
    highest = 0.0
    looks = {OURS: ("-", COLOURS[0]), EVERYBODY: ("-", "0.25"), NOBODY: ("-", "0.7")}
    looks |= {
        name: (style, colour)
        for name, style, colour in zip(others, cycle(_STYLES), cycle(COLOURS[1:]), strict=False)
    }
    for name, (style, colour) in looks.items():
        part = curve[curve["score"] == name]
        x, y = (part[c].to_numpy(dtype=np.float64) for c in ("threshold", "net_benefit"))
        axes.plot(x, 100 * y, style, color=colour, linewidth=2 if name == OURS else 1.5,
                  label=name, zorder=3 if name == OURS else 2)  # fmt: skip
        if name == OURS:
            low, high = (100 * part[c].to_numpy(dtype=np.float64) for c in ("low", "high"))
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0,
                              label=f"{OURS}: 95 % interval")  # fmt: skip
            highest = max(highest, float(np.nanmax(high)))
        highest = max(highest, float(100 * y.max()))
    first, last = float(curve["threshold"].min()), float(curve["threshold"].max())
    highest = highest or 1.0  # of few real people each figure may be rounded to 0
    axes.set_xscale("log", base=2)
    marks = [mark for mark in _MARKS if first <= mark <= last]
    axes.set_xticks(marks, [f"{100 * mark:g}%\n1 : {(1 - mark) / mark:.3g}" for mark in marks])
    axes.set_xticks([], minor=True)
    axes.set(
        xlim=(first, last), ylim=(-0.15 * highest, 1.05 * highest),
        xlabel="threshold: whoever has this risk or more is called\n"
        "under it: one case called is thought to be worth so many wrong calls",
        ylabel="net benefit: cases called, less wrong calls\nat their price, of each 100 people",
    )  # fmt: skip
    legend_below(axes, "the highest line is the best way to choose whom to call at that threshold")


def _backtests(axes: Axes, table: pd.DataFrame, counts: Counts) -> None:
    from matplotlib.figure import Figure

    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.set_size_inches(7.0, 7.2)
    halves = figure.add_gridspec(2, 1)
    axes.set_subplotspec(halves[0])
    below = figure.add_subplot(halves[1])
    place = np.arange(len(table), dtype=np.float64)
    few = np.array([
        counts.hides(line["rows"]) or counts.hides(line["cases"])
        for line in table.to_dict("records")
    ], dtype=bool)  # fmt: skip
    _intervals(axes, place[~few], table[~few], "auroc", 0)
    for what, colour in (("ranking", COLOURS[0]), ("calibration", COLOURS[1])):
        axes.plot([], [], "o", color=colour, label=f"{what}, with 95 % interval")
    _intervals(below, place[~few], table[~few], "observed_to_expected", 1)
    below.axhline(1, color="0.6", linewidth=1, zorder=0)
    words = [
        f"{row['cut']}\nlearned: {counts.count(row['learned_rows'])} rows,\n"
        f"{counts.count(row['learned_cases'])} cases\n"
        f"tested: {counts.count(row['rows'])} rows,\n{counts.count(row['cases'])} cases"
        for row in table.to_dict("records")
    ]
    for one in (axes, below):
        one.set_xlim(-0.5, len(table) - 0.5)
    axes.set_xticks(place, [""] * len(words))
    axes.set(ylabel="AUROC (higher is better)")
    below.set_xticks(place, words)
    below.set(
        ylabel="cases seen for each\none expected (1 is right)",
        xlabel="it learned what was known on this date, and was tested from then to the next",
    )
    below.spines[["top", "right"]].set_visible(False)
    below.grid(alpha=0.25, linewidth=0.6)
    legend_below(axes, "the last date is that of the model itself")


def _learning(axes: Axes, curve: LearningCurve, counts: Counts) -> None:
    table = curve.table
    people = np.array([max(counts.drawn(many), 1) for many in table["people"]], dtype=np.float64)
    _intervals(axes, people, table, "auroc", 0, "AUROC with 95 % interval; each point has twice "
               "as many people as the one before")  # fmt: skip
    axes.plot(people, table["auroc"], color=COLOURS[0], linewidth=1.5)
    axes.set_xscale("log", base=2)
    words = [
        f"{counts.count(row['people'])}\n{counts.count(row['cases'])}\n{row['log_loss']:.4f}"
        for row in table.to_dict("records")
    ]
    axes.set_xticks(people, words)
    axes.set_xticks([], minor=True)
    axes.set(
        xlim=(people.min() / 1.3, people.max() * 1.3),
        xlabel="people learned from\n"
        "under them the cases among them, and the log loss on the test rows (lower is better)",
        ylabel="AUROC on the test rows (higher is better)",
    )
    said = curve.words.removeprefix("learning curve: ").replace(": ", ":\n")
    for many in table["people"]:
        said = re.sub(rf"\b{many:,}(?= people| changed)", counts.count(many), said)
    legend_below(axes, said)


def _intervals(
    axes: Axes,
    place: NDArray[np.float64],
    table: pd.DataFrame,
    name: str,
    colour: int,
    label: str | None = None,
) -> None:
    value, low, high = (
        table[c].to_numpy(dtype=np.float64) for c in (name, f"{name}_low", f"{name}_high")
    )
    spread = np.maximum([value - low, high - value], 0)
    axes.errorbar(place, value, yerr=spread, fmt="o", capsize=3, color=COLOURS[colour],
                  label=label)  # fmt: skip
