"""The picture of an equity audit: how ill people are at each percentile of risk, group by group."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import pandas as pd

from training.cohorts.groups import RACE
from training.evaluation.equity import AT, COUNTED, TRUE, EquityAudit
from training.pictures.plots import COLOURS, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLES = {
    COUNTED: "Counted from claims: illness without care is not seen",
    TRUE: "True conditions, coded or not (the people are invented)",
}
_MARKS = "osD^vP*X"
_OF_RACE = "the line of those whom the score calls too late lies above the others."
_OF_OTHERS = (
    "nothing is adjusted for age, by which such groups differ, so that a line above the others "
    "alone does not say that the score calls them too late."
)
_SHADED_IS = (
    f"Shaded: the mean of each group at the {AT}th percentile and above, with its 95 % interval."
)
_APART = 5.0
"""How far two groups stand apart beyond the 97th percentile, in percentiles of the axis."""
_SHADED, _BEGIN = 102.0, 106.0


def draw_equity(folder: Path, audit: EquityAudit, title: str) -> list[Path]:
    """Write equity.png and equity.svg into `folder`: chronic conditions by percentile of risk, and
    at the 97th and above with intervals, by race or ethnicity, or by payer or sex where that alone
    tells several groups apart. Gives the path of the first; nothing where fewer than two groups
    have people enough to be drawn.
    """
    table = audit.at_same_risk
    measures = [name for name in _TITLES if name in table]
    names = [] if table.empty else list(map(str, table["grouping"].unique()))
    for shown in names:
        groups = drawn_groups(audit, shown, measures)
        if len(groups) > 1:
            folder.mkdir(parents=True, exist_ok=True)
            return [_draw(folder / "equity.png", audit, shown, groups, measures, title)]
    return []


def drawn_groups(audit: EquityAudit, grouping: str, measures: list[str]) -> list[str]:
    """The groups of `grouping`, in the order of the table, of which a line (two points beside each
    other or more) or a mean at that risk can be drawn."""
    groups = audit.at_same_risk.loc[audit.at_same_risk["grouping"] == grouping, "group"]
    return [group for group in groups if any(
        _has_line(audit, grouping, group, measure) or _has_mean(audit, grouping, group, measure)
        for measure in measures
    )]  # fmt: skip


def _of(table: pd.DataFrame, grouping: str, group: str) -> pd.DataFrame:
    return table[(table["grouping"] == grouping) & (table["group"] == group)]


def _has_line(audit: EquityAudit, grouping: str, group: str, measure: str) -> bool:
    known = _of(audit.by_percentile, grouping, group)[measure].notna().to_numpy()
    return bool((known[1:] & known[:-1]).any())


def _has_mean(audit: EquityAudit, grouping: str, group: str, measure: str) -> bool:
    return bool(_of(audit.at_same_risk, grouping, group)[measure].notna().any())


def _draw(
    path: Path, audit: EquityAudit, shown: str, groups: list[str], measures: list[str], title: str
) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(1.5 + 5.2 * len(measures), 5.9), dpi=120,
                    layout=ConstrainedLayoutEngine(h_pad=0.08))  # fmt: skip
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    strip = any(_has_mean(audit, shown, group, one) for group in groups for one in measures)
    for axes, measure in zip(panels, measures, strict=True):
        _panel(axes, audit, shown, groups, measure, strip=strip)
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("chronic conditions of a person, on average")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower left", frameon=False, fontsize=9, alignment="left",
        ncols=min(len(labels), 5), title_fontsize=9,
        title="\n".join(wrap(_how_to_read(shown, strip=strip), 85 * len(measures))),
    )  # fmt: skip
    figure.suptitle(
        f"How ill people are whom the score puts at the same risk, by {shown}\n{title}",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return save_figure(figure, path)


def _how_to_read(shown: str, *, strip: bool) -> str:
    said = "Where people at the same risk are equally ill, the lines lie on each other; "
    said += _OF_RACE if shown == RACE else _OF_OTHERS
    if strip:
        said += f" {_SHADED_IS}"
    return f"{said} Too few people: no mark."


def _panel(
    axes: Axes, audit: EquityAudit, shown: str, groups: list[str], measure: str, *, strip: bool
) -> None:
    right = max(_BEGIN + _APART * len(groups) - 1, 120.0) if strip else 100.0
    for number, group in enumerate(groups):
        colour, mark = COLOURS[number % len(COLOURS)], _MARKS[number % len(_MARKS)]
        line = _of(audit.by_percentile, shown, group)
        axes.plot(line["percentile"], line[measure], color=colour, linewidth=1.8,
                  marker=mark, markersize=3.5, label=group)  # fmt: skip
        one = _of(audit.at_same_risk, shown, group).iloc[0]
        value, low, high = (float(one[f"{measure}{end}"]) for end in ("", "_low", "_high"))
        if value == value:
            axes.errorbar(
                [_BEGIN + _APART * number], [value], yerr=[[value - low], [high - value]], fmt=mark,
                color=colour, capsize=4, markersize=6,
            )  # fmt: skip
    if strip:
        axes.axvspan(_SHADED, right, color="0.94", zorder=0, linewidth=0)
        axes.text(
            (_SHADED + right) / 2, 0.02, f"{AT}th and\nabove",
            transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8,
            color="0.35",
        )  # fmt: skip
    axes.set_xticks([0, 20, 40, 60, 80, 100])
    axes.set(xlabel="percentile of risk by the score", xlim=(0, right))
    axes.set_title(_TITLES[measure], loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
