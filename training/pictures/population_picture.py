"""Pictures of a population before any model, drawn from the tables of
`training.cohorts.population`; each as PNG and SVG."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from training.cohorts.population import FEWEST, LAGS
from training.pictures.plots import COLOURS, legend_below, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = ("-", "--", ":", "-.")
_TOLD_SHARES = (0.01, 0.05, 0.10, 0.50)
_OF_FIELD = ((0.01, 0.07), (0.30, 0.60))
"""What the field says of cost: 1–7 % of people may account for 30–60 % of a group's."""
_LAG_MARKS = (0, 1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1825)
_ROLES = {
    "learned": ("learned from (training and validation)", COLOURS[0]),
    "calibrated": ("calibrated on", COLOURS[5]),
    "tested": ("tested on", COLOURS[1]),
    "aside": (
        "set aside (outcome known too late to learn from, or people of the other side)",
        "0.8",
    ),
}


def draw_age_and_sex(path: Path, counts: pd.DataFrame, title: str) -> Path:
    """Write `population.age_and_sex` into `path` (a .png) and as .svg beside it, as each picture
    here."""
    return _save(path, "Who is covered, by age and sex", title, _age_and_sex, counts)


def draw_covered(path: Path, covered: pd.DataFrame, title: str) -> Path:
    """Write `covered_by_month` into `path`."""
    return _save(path, "Members covered at each month's end, by payer", title, _covered, covered)


def draw_reporting_lag(path: Path, lag: pd.DataFrame, title: str) -> Path:
    """Write `reporting_lag` into `path`."""
    words = "The two clocks: how long after it happened a fact was known"
    return _save(path, words, title, _reporting_lag, lag)


def draw_cost_concentration(path: Path, concentration: pd.DataFrame, title: str) -> Path:
    """Write `cost_concentration` into `path`, beside what the field says."""
    words = "Few people bear much of the cost"
    return _save(path, words, title, _concentration, concentration)


def draw_attrition(path: Path, left: pd.DataFrame, title: str) -> Path:
    """Write `attrition_left` into `path`."""
    return _save(path, "Who is left after each rule", title, _attrition, left)


def draw_months(path: Path, months: pd.DataFrame, title: str) -> Path:
    """Write `rows_by_month` into `path`: roles above, base rate below."""
    words = "Which months learn and which test, and how often the outcome occurs"
    return _save(path, words, title, _months, months)


def _save(path: Path, words: str, title: str, drawing: Any, *about: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(path, words, title, drawing, *about)


def _figure(axes: Axes) -> Figure:
    from matplotlib.figure import Figure

    figure = axes.figure
    assert isinstance(figure, Figure)
    return figure


def _counted(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(bottom=0)


def _age_and_sex(axes: Axes, counts: pd.DataFrame) -> None:
    place, width = np.arange(len(counts)), 0.8 / max(counts.shape[1], 1)
    for number, (sex, colour) in enumerate(zip(counts.columns, cycle(COLOURS), strict=False)):
        many = counts[sex].to_numpy()
        axes.bar(place + (number - (counts.shape[1] - 1) / 2) * width, many, width, color=colour,
                 label=f"{sex}: {many.sum():,}")  # fmt: skip
    axes.set_xticks(place, counts.index.tolist())
    axes.set(xlabel="age in years", ylabel="people")
    _counted(axes)
    legend_below(axes, "")


def _covered(axes: Axes, covered: pd.DataFrame) -> None:
    month = np.array(covered.index).astype("datetime64[D]")
    looks = zip(covered.columns, cycle(("0.25", *COLOURS)), cycle(_STYLES), strict=False)
    for name, colour, style in looks:
        axes.plot(month, covered[name], style, color=colour, linewidth=2, label=name)
    axes.set(xlabel="month's end", ylabel="members covered and alive")
    _counted(axes)
    legend_below(axes, "whom two payers cover counts under both" if covered.shape[1] > 2 else "")


def _reporting_lag(axes: Axes, lag: pd.DataFrame) -> None:
    place = np.arange(len(lag))[::-1]
    tenth, half, most, nearly = (lag[name].to_numpy(dtype=np.float64) for name in LAGS)
    axes.hlines(place, most, nearly, color=COLOURS[0], linewidth=1.5,
                label="up to the day by which 99 of 100 are")  # fmt: skip
    axes.barh(place, most - tenth, left=tenth, height=0.4, color=COLOURS[5],
              label="from the day by which one in ten is known to that of nine in ten")  # fmt: skip
    axes.plot(half, place, "o", color=COLOURS[0], label="day by which half are known")
    for at, line in zip(place, lag.to_dict("records"), strict=True):
        axes.annotate(f"{line['half']}", (line["half"], at), (0, 9), ha="center", fontsize=8,
                      textcoords="offset points", color="0.25")  # fmt: skip
    latest = max(float(nearly.max()), 7.0) if len(lag) else 7.0
    _square_root(axes)
    marks = [mark for mark in _LAG_MARKS if mark <= latest]
    axes.set_xticks(marks, [str(mark) for mark in marks])
    axes.set_yticks(place, [f"{row.table} ({row.facts:,})" for row in lag.itertuples()])
    axes.set(xlim=(-0.02, 1.05 * latest), ylim=(-0.6, len(lag) - 0.2),
             xlabel="days from happening to being known (square-root scale)",
             ylabel="kind of facts, and how many")  # fmt: skip
    legend_below(axes, "")


def _square_root(axes: Axes) -> None:
    """Few people bear most, and most facts come soon: on an even scale they lie on one spot."""
    from matplotlib.scale import FuncScale

    axes.set_xscale(FuncScale(axes.xaxis, (_signed_root, _signed_square)))


def _signed_root(values: Any) -> Any:
    return np.sign(values) * np.sqrt(np.abs(values))


def _signed_square(values: Any) -> Any:
    return np.sign(values) * np.square(values)


def _per_cent() -> Any:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1, decimals=0)


def _concentration(axes: Axes, table: pd.DataFrame) -> None:
    from matplotlib.patches import Rectangle

    people, cost = table["share_of_people"], table["share_of_cost"]
    _square_root(axes)
    (left, right), (low, high) = _OF_FIELD
    axes.add_patch(Rectangle((left, low), right - left, high - low, color=COLOURS[1], alpha=0.2,
                             linewidth=0, label="the field: 1–7 % of people bear 30–60 %")
                   )  # fmt: skip
    axes.plot(np.r_[0, people], np.r_[0, cost], color=COLOURS[0], linewidth=2, label="these people")
    axes.plot(people, people, color="0.6", linewidth=1, label="if all cost the same")
    for share in _TOLD_SHARES:
        one = table[people == share].iloc[0]
        axes.plot([share], [one["share_of_cost"]], "o", color=COLOURS[0])
        axes.annotate(
            f"{share:.0%} bear {one['share_of_cost']:.0%}\n(${one['least_dollars']:,.0f} or more)",
            (share, one["share_of_cost"]), (9, -5), textcoords="offset points", fontsize=8,
            va="top", color="0.25",
        )  # fmt: skip
    marks = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1]
    axes.set_xticks(marks, [f"{mark:.0%}" for mark in marks])
    axes.yaxis.set_major_formatter(_per_cent())
    axes.set(xlim=(0, 1), ylim=(0, 1.01), ylabel="their share of the year's cost",
             xlabel="share of people, the costliest first (square-root scale)")  # fmt: skip
    legend_below(axes, "")


def _attrition(axes: Axes, left: pd.DataFrame) -> None:
    place = np.arange(len(left))[::-1]
    axes.set_axisbelow(True)
    axes.barh(place, left["left"], color=COLOURS[0], height=0.6)
    for at, line in zip(place, left.to_dict("records"), strict=True):
        words = f"{line['left']:,}"
        if line["removed"]:
            words += f" (−{line['removed']:,})"
        if not line["evaluable"]:
            words += ", not evaluable"
        if not pd.isna(line["cases"]):
            words += f"; {line['cases']:,} cases"
        axes.text(line["left"], at, f" {words}", va="center", fontsize=8, color="0.25")
    names = ["\n".join(wrap(rule, 52)) for rule in left["rule"]]
    axes.set_yticks(place, names, fontsize=8)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel="rows left, in brackets those taken out, and the cases among those left",
             xlim=(0, 1.55 * max(left["left"].max(), 1)))  # fmt: skip
    lines = sum(max(name.count("\n") + 1, 2) for name in names)
    _figure(axes).set_size_inches(10.0, 1.4 + 0.19 * lines)


def _months(axes: Axes, months: pd.DataFrame) -> None:
    figure = _figure(axes)
    figure.set_size_inches(9.0, 6.4)
    halves = figure.add_gridspec(2, 1)
    axes.set_subplotspec(halves[0])
    below = figure.add_subplot(halves[1])
    place, height = np.arange(len(months)), np.zeros(len(months))
    for name, (words, colour) in _ROLES.items():
        many = months[name].to_numpy()
        axes.bar(place, many, 0.85, bottom=height, color=colour,
                 label=f"{words}: {many.sum():,}")  # fmt: skip
        height += many
    rate = months["rate"].to_numpy()
    spread = np.maximum([rate - months["low"], months["high"] - rate], 0)
    below.errorbar(place, rate, yerr=spread, fmt="o", color="0.25", capsize=2, markersize=4)
    axes.plot([], [], "o", color="0.25", label="below: share of cases among all rows of the "
              f"month, with 95 % interval; none under {FEWEST} rows")  # fmt: skip
    step = max(1, -(-len(months) // 12))
    shown = place[::step]
    axes.set_xticks(shown, [""] * len(shown))
    below.set_xticks(shown, months["month"].iloc[::step], rotation=45, ha="right")
    for one in (axes, below):
        one.set_xlim(-0.7, len(months) - 0.3)
    _counted(axes)
    axes.set(ylabel="rows")
    below.set(ylabel="cases among the rows", xlabel="month in which the question is asked")
    below.set_ylim(bottom=0)
    below.yaxis.set_major_formatter(_per_cent())
    below.spines[["top", "right"]].set_visible(False)
    below.grid(alpha=0.25, linewidth=0.6)
    legend_below(axes, "")
