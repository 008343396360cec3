"""Pictures of SHAP shares in a population: which features and concepts move the risk, for whom,
and which way."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.definitions import feature
from training.explained import Explained
from training.plots import COLOURS, save, save_figure

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


def draw_shares(folder: Path, explained: Explained, title: str) -> list[Path]:
    """Write shares.png (each row, the weightiest features), importance.png (concepts by the mean
    size of their share) and dependence.png (share by value), as .svg too; gives the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _beeswarm(folder / "shares.png", explained, title),
        save(folder / "importance.png", "What moves the risk most, by concept",
             f"{title}; {len(explained.X):,} rows", _importance, explained),
        _dependence(folder / "dependence.png", explained, title),
    ]  # fmt: skip


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


def _importance(axes: Axes, explained: Explained) -> None:
    from matplotlib.figure import Figure

    top = explained.importance.head(MOST_CONCEPTS)[::-1]
    places = list(range(len(top)))
    axes.barh(places, top["mean_size"], color=COLOURS[0], height=0.65)
    for place, one in enumerate(top.to_dict("records")):
        axes.text(one["mean_size"], place, f" first reason of {one['first_reason']:.0%}",
                  va="center", fontsize=8, color="0.35")  # fmt: skip
    axes.set_yticks(places, [_cut(concept) for concept in top["concept"]], fontsize=9)
    axes.set(xlabel="mean size of the share in log odds, whichever way it moves the risk")
    axes.set_xlim(0, 1.25 * max(top["mean_size"].max(), 1e-9))
    assert isinstance(axes.figure, Figure)
    axes.figure.set_size_inches(9.0, 1.6 + 0.28 * len(top))


def _dependence(path: Path, explained: Explained, title: str) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines, columns = _DEPENDENCE
    figure = Figure(figsize=(11, 6.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    size = np.abs(explained.shares.of_feature).mean(axis=0)
    weightiest = np.lexsort((np.arange(len(size)), -size))[: lines * columns]
    for place, column in enumerate(weightiest):
        axes = figure.add_subplot(lines, columns, place + 1)
        name = explained.X.columns[column]
        values = explained.X[name].to_numpy(dtype=np.float64)
        _one_feature(axes, values, explained.shares.of_feature[:, column])
        axes.set_title(_cut(_words(name), 46), loc="left", fontsize=9)
        axes.set_xlabel(feature(name).unit or "value", fontsize=8)
        axes.tick_params(labelsize=8)
        if place % columns == 0:
            axes.set_ylabel("share in log odds", fontsize=8)
    figure.suptitle(
        f"How the share goes with the value: each dot one row, the line their median\n{title}",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return save_figure(figure, path)


def _one_feature(axes: Axes, values: NDArray[np.float64], share: NDArray[np.float64]) -> None:
    known = np.isfinite(values)
    axes.axhline(0, color="0.6", linewidth=1, zorder=0)
    axes.scatter(values[known], share[known], s=6, alpha=0.25, color=COLOURS[0], linewidths=0,
                 rasterized=True)  # fmt: skip
    if known.any():
        axes.plot(*_medians(values[known], share[known]), color=COLOURS[1], linewidth=2)
        if values[known].min() >= 0 and values[known].max() > _LONG_TAIL:
            axes.set_xscale("symlog", linthresh=100)  # amounts: few are large, and 0 has a place
            axes.xaxis.set_major_formatter("{x:,.0f}")
    if not known.all():
        median = float(np.median(share[~known]))
        axes.axhline(median, color=COLOURS[3], linewidth=1.5, linestyle="--",
                     label=f"not known ({1 - known.mean():.0%} of rows)")  # fmt: skip
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
