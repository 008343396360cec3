"""Pictures of SHAP shares in a population: which features and concepts move the risk, for whom,
and which way.

Of real people no dot is one of them: rows are put into groups by the value of a feature, of
SMALLEST_SHOWN people or more each, and the medians of these are drawn.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data.small_cells import SMALLEST_SHOWN, Counts
from features.definitions import feature
from training.evaluation.explained import Explained
from training.pictures.plots import COLOURS, save, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_FEATURES = 15
MOST_CONCEPTS = 20
_DEPENDENCE = (2, 3)
"""Lines and columns of the picture of dependence."""
_WORDS_WIDE = 60
_LONG_TAIL = 1000
_FEWEST_VALUES = 12
"""Fewer different values are marked one by one, more in as many bins of equal size."""


def draw_shares(folder: Path, explained: Explained, title: str, counts: Counts) -> list[Path]:
    """Write shares.png (each row, the weightiest features), importance.png (concepts by the mean
    size of their share) and dependence.png (share by value), as .svg too; gives the paths. Of real
    people (`counts`) groups are drawn in the place of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    shares = folder / "shares.png"
    return [
        save(shares, "What moves the risk most", title, _swarm_of_groups, explained)
        if counts.guarded
        else _beeswarm(shares, explained, title),
        save(folder / "importance.png", "What moves the risk most, by concept",
             f"{title}; {counts.count(len(explained.X))} rows", _importance, explained, counts),
        _dependence(folder / "dependence.png", explained, title, counts),
    ]  # fmt: skip


def groups_of_people(
    values: NDArray[np.float64], person: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The rows whose value is known, in groups from the lowest value up: about a twelfth of them in
    each, and of SMALLEST_SHOWN people or more; rows of one value stay together. None where fewer
    people are known."""
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) > 0])
    groups: list[NDArray[np.int64]] = []
    waiting = order[:0]
    for part in np.split(order, starts[1:]):
        waiting = np.r_[waiting, part]
        if _FEWEST_VALUES * len(waiting) >= len(order) and _enough(person[waiting]):
            groups.append(waiting)
            waiting = order[:0]
    if len(waiting) and groups:
        groups[-1] = np.r_[groups[-1], waiting]
    return groups


def _enough(person: NDArray[np.int64]) -> bool:
    return len(np.unique(person)) >= SMALLEST_SHOWN


def _weightiest(explained: Explained, most: int) -> NDArray[np.int64]:
    size = np.abs(explained.shares.of_feature).mean(axis=0)
    return np.lexsort((np.arange(len(size)), -size))[:most]


def _swarm_of_groups(axes: Axes, explained: Explained) -> None:
    from matplotlib.figure import Figure

    columns = _weightiest(explained, MOST_FEATURES)[::-1]
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.set_size_inches(10.5, 1.6 + 0.33 * len(columns))
    axes.axvline(0, color="0.6", linewidth=1, zorder=0)
    drawn = None
    for place, column in enumerate(columns):
        share = explained.shares.of_feature[:, column]
        values = explained.X.iloc[:, column].to_numpy(dtype=np.float64)
        groups = groups_of_people(values, explained.person)
        drawn = axes.scatter(
            [np.median(share[rows]) for rows in groups], np.full(len(groups), place),
            c=np.linspace(0, 1, len(groups)) if len(groups) > 1 else [0.5] * len(groups),
            cmap="coolwarm", vmin=0, vmax=1, s=45, edgecolors="0.35", linewidths=0.5, zorder=3,
        )  # fmt: skip
    names = [_words(explained.X.columns[column]) for column in columns]
    axes.set_yticks(range(len(columns)), names, fontsize=9)
    axes.set(
        ylim=(-0.7, len(columns) - 0.3),
        xlabel="share in log odds: to the right raises the risk\neach dot the median of a group of "
        f"{SMALLEST_SHOWN} people or more, put together by the value of the fact",
    )
    if drawn is not None:
        bar = figure.colorbar(drawn, ax=axes, ticks=[0, 1], aspect=40)
        bar.set_ticklabels(["lowest", "highest"], fontsize=8)
        bar.set_label("value of the fact", fontsize=8)


def _beeswarm(path: Path, explained: Explained, title: str) -> Path:
    with warnings.catch_warnings():
        # shap and matplotlib warn of each other's coming changes; nothing of ours can arise here
        warnings.simplefilter("ignore")
        import matplotlib

        matplotlib.use("Agg")
        import shap
        from matplotlib import pyplot

        told = shap.Explanation(
            values=explained.shares.of_feature,
            data=explained.X.to_numpy(dtype=np.float64),
            feature_names=[_words(name) for name in explained.X.columns],
        )
        figure = pyplot.figure(dpi=120)
        before = np.random.get_state()
        np.random.seed(0)  # shap scatters its points by numpy's global generator
        try:
            axes: Any = shap.plots.beeswarm(
                told, max_display=MOST_FEATURES, show=False, plot_size=(10.5, 6.5),
                group_remaining_features=False,
            )  # fmt: skip
            axes.set_xlabel("share in log odds: to the right raises the risk", fontsize=10)
            axes.set_title(title, loc="left", fontsize=11)
            axes.tick_params(axis="y", labelsize=9)
            for drawn in axes.collections:  # thousands of points: as one image in the .svg
                drawn.set_rasterized(True)
            save_figure(figure, path, bbox_inches="tight")
        finally:
            np.random.set_state(before)
            pyplot.close("all")
    return path


def _importance(axes: Axes, explained: Explained, counts: Counts) -> None:
    from matplotlib.figure import Figure

    top = explained.importance.head(MOST_CONCEPTS)[::-1]
    places = list(range(len(top)))
    axes.barh(places, top["mean_size"], color=COLOURS[0], height=0.65)
    for place, one in enumerate(top.to_dict("records")):
        among = len(explained.X)
        if not counts.small(round(one["first_reason"] * among), among):
            axes.text(one["mean_size"], place, f" first reason of {one['first_reason']:.0%}",
                      va="center", fontsize=8, color="0.35")  # fmt: skip
    axes.set_yticks(places, [_cut(concept) for concept in top["concept"]], fontsize=9)
    axes.set(xlabel="mean size of the share in log odds, whichever way it moves the risk")
    axes.set_xlim(0, 1.25 * max(top["mean_size"].max(), 1e-9))
    assert isinstance(axes.figure, Figure)
    axes.figure.set_size_inches(9.0, 1.6 + 0.28 * len(top))


def _dependence(path: Path, explained: Explained, title: str, counts: Counts) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines, columns = _DEPENDENCE
    figure = Figure(figsize=(11, 6.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    for place, column in enumerate(_weightiest(explained, lines * columns)):
        axes = figure.add_subplot(lines, columns, place + 1)
        name = explained.X.columns[column]
        values = explained.X[name].to_numpy(dtype=np.float64)
        share = explained.shares.of_feature[:, column]
        if counts.guarded:
            _medians_of_groups(axes, values, share, explained.person)
        else:
            _one_feature(axes, values, share)
        axes.set_title(_cut(_words(name), 46), loc="left", fontsize=9)
        axes.set_xlabel(feature(name).unit or "value", fontsize=8)
        axes.tick_params(labelsize=8)
        if place % columns == 0:
            axes.set_ylabel("share in log odds", fontsize=8)
    dots = "each dot one row, the line their median"
    if counts.guarded:
        dots = f"each dot the median of a group of {SMALLEST_SHOWN} people or more"
    figure.suptitle(
        f"How the share goes with the value: {dots}\n{title}",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return save_figure(figure, path)


def _one_feature(axes: Axes, values: NDArray[np.float64], share: NDArray[np.float64]) -> None:
    known = np.isfinite(values)
    axes.scatter(values[known], share[known], s=6, alpha=0.25, color=COLOURS[0], linewidths=0,
                 rasterized=True)  # fmt: skip
    if known.any():
        axes.plot(*_medians(values[known], share[known]), color=COLOURS[1], linewidth=2)
    _frame(axes, values[known], share[~known], 1 - known.mean())


def _medians_of_groups(
    axes: Axes,
    values: NDArray[np.float64],
    share: NDArray[np.float64],
    person: NDArray[np.int64],
) -> None:
    groups = groups_of_people(values, person)
    middle = np.array([np.median(values[rows]) for rows in groups])
    axes.plot(middle, [np.median(share[rows]) for rows in groups], "o-", color=COLOURS[1],
              linewidth=2, markersize=5)  # fmt: skip
    unknown = ~np.isfinite(values)
    told = share[unknown]
    if not _enough(person[unknown]) or not (groups or unknown.all()):  # their share tells the rest
        told = share[:0]
    _frame(axes, middle, told, unknown.mean())


def _frame(
    axes: Axes, values: NDArray[np.float64], of_unknown: NDArray[np.float64], unknown: float
) -> None:
    """The scale of the drawn values, and the median share of those of whom none is known."""
    axes.axhline(0, color="0.6", linewidth=1, zorder=0)
    if len(values) and values.min() >= 0 and values.max() > _LONG_TAIL:
        axes.set_xscale("symlog", linthresh=100)  # amounts: few are large, and 0 has a place
        axes.xaxis.set_major_formatter("{x:,.0f}")
    if len(of_unknown):
        axes.axhline(float(np.median(of_unknown)), color=COLOURS[3], linewidth=1.5, linestyle="--",
                     label=f"not known ({unknown:.0%} of rows)")  # fmt: skip
        axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)


def _medians(
    values: NDArray[np.float64], share: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The median share of each value, or of each of some bins of equal size."""
    distinct = np.unique(values)
    if len(distinct) <= _FEWEST_VALUES:
        return distinct, np.array([np.median(share[values == v]) for v in distinct])
    parts = np.array_split(np.argsort(values, kind="stable"), _FEWEST_VALUES)
    return (np.array([np.median(values[p]) for p in parts]),
            np.array([np.median(share[p]) for p in parts]))  # fmt: skip


def _words(name: str) -> str:
    """The feature as reasons say it, with … in the place of its value."""
    declared = feature(name)
    if declared.unit == "yes or no":
        return _cut(declared.say(1))
    value = "$…" if declared.unit == "US dollars" else "…"
    words = declared.words.replace("{value}", value)
    return _cut(re.sub(r" in the last (\d+) days", r" (\1 days)", words))


def _cut(text: str, width: int = _WORDS_WIDE) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
