"""Pictures of one evaluation: ROC, calibration and gain. The same numbers give the same bytes."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.discrimination import Ranking
from training.evaluate import OURS, Evaluation, Scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (
    "#0b5394", "#c55a11", "#7f7f7f", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000",
)  # fmt: skip
"""Blue and orange first, then Okabe and Ito's: told apart by people who confuse red and green."""
_STYLES = ("-", "--", ":", "-.")
_GROUPS = 10


def draw(folder: Path, scored: Scored, evaluation: Evaluation, title: str) -> list[Path]:
    """Write roc.png, calibration.png and gain.png into `folder`; gives their paths."""
    usable = {n: s for n, s in scored.baselines.items() if n in evaluation.scores}
    scores = {OURS: scored.margin, **usable}
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "roc": (_roc, "Ranking: cases flagged against others flagged (ROC)"),
        "calibration": (_calibration, "Calibration: the risk said and the outcome seen"),
        "gain": (_gain, "Gain: cases found from the top of the list"),
    }
    return [
        save(folder / f"{name}.png", words, title, drawing, scored, scores, evaluation)
        for name, (drawing, words) in drawn.items()
    ]


def save(path: Path, title: str, subtitle: str, drawing: Any, *about: Any) -> Path:
    """Write what `drawing(axes, *about)` draws into `path`, under its titles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 5.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawing(axes, *about)
    axes.set_title(subtitle, loc="left", fontsize=9, color="0.35")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    figure.savefig(path, metadata={"Software": None})
    return path


def _cumulative(
    score: NDArray[np.float64], case: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cases and others found so far, from the highest score down; ties in one step."""
    known = np.where(np.isfinite(score), score, -np.inf)
    rank = Ranking.of(known)
    c = np.add.reduceat(case[rank.order], rank.starts)[::-1]
    o = np.add.reduceat(other[rank.order], rank.starts)[::-1]
    return np.r_[0.0, np.cumsum(c)], np.r_[0.0, np.cumsum(o)]


def _percent(axes: Axes, decimals: int = 0) -> None:
    from matplotlib.ticker import NullFormatter, PercentFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=decimals))
        axis.set_minor_formatter(NullFormatter())


def _below(axes: Axes, title: str) -> None:
    """The legend under the picture, which grows by it: inside, many baselines hide the curves."""
    from matplotlib.figure import Figure

    figure = axes.figure
    assert isinstance(figure, Figure)
    handles, labels = axes.get_legend_handles_labels()
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.2 * (len(labels) + bool(title)))
    figure.legend(handles, labels, loc="outside lower left", frameon=False, fontsize=9,
                  title=title or None, alignment="left")  # fmt: skip


def _roc(
    axes: Axes, scored: Scored, scores: dict[str, NDArray[np.float64]], evaluation: Evaluation
) -> None:
    case, other = scored.weights * scored.outcome, scored.weights * (1 - scored.outcome)
    for (name, score), colour, style in zip(
        scores.items(), cycle(COLOURS), cycle(_STYLES), strict=False
    ):
        found, wrong = _cumulative(score, case, other)
        axes.plot(
            wrong / wrong[-1], found / found[-1], style, color=colour, linewidth=2,
            label=f"{name}: AUROC {evaluation.scores[name]['auroc']}",
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
    axes.set(xlabel="non-cases flagged", ylabel="cases flagged", xlim=(0, 1), ylim=(0, 1.01))
    axes.set_aspect("equal")
    _below(axes, "with 95 % intervals")
    _percent(axes)


def _calibration(
    axes: Axes, scored: Scored, scores: dict[str, NDArray[np.float64]], evaluation: Evaluation
) -> None:
    order = np.argsort(scored.margin, kind="stable")
    said, seen, low, high, true = [], [], [], [], []
    for part in np.array_split(order, _GROUPS):
        if len(part) == 0:
            continue
        w = scored.weights[part]
        rate, n = float(np.average(scored.outcome[part], weights=w)), len(part)
        # Wilson's interval: honest for small groups and rates near 0
        z, half = 1.96, 0.0
        centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        said.append(float(np.average(scored.risk[part], weights=w)))
        seen.append(rate)
        low.append(max(rate - (centre - half), 0.0))
        high.append(max(centre + half - rate, 0.0))
        if scored.truth is not None and np.isfinite(scored.truth[part]).any():
            true.append((said[-1], float(np.nanmean(scored.truth[part]))))
    axes.errorbar(said, seen, yerr=[low, high], fmt="o", color=COLOURS[0], capsize=3,
                  label="seen in each tenth, with 95 % interval")  # fmt: skip
    if true:
        axes.plot(*np.array(true).T, "x", color=COLOURS[1], markersize=8, mew=2,
                  label="true risk in each tenth")  # fmt: skip
    top = 1.08 * max([*said, *(s + h for s, h in zip(seen, high, strict=True)), 0.01])
    low_end = 0.0
    if np.median(said) < 0.15 * max(said) and min(seen) > 0:
        # a few carry most of the risk: on even steps the other tenths would lie on one spot
        low_end = 0.7 * min([*said, *(s - h for s, h in zip(seen, low, strict=True) if s > h)])
        axes.set(xscale="log", yscale="log")
    axes.plot([low_end, top], [low_end, top], color="0.6", linewidth=1, zorder=0,
              label="said = seen")  # fmt: skip
    ours = evaluation.scores[OURS]
    text = (
        f"slope {ours['calibration_slope']}\nintercept {ours['calibration_intercept']}\n"
        f"observed : expected {ours['observed_to_expected']}"
    )
    axes.text(0.98, 0.03, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=9)
    axes.set(xlabel="risk said (mean of the tenth)", ylabel="share with the outcome",
             xlim=(low_end, top), ylim=(low_end, top))  # fmt: skip
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    _percent(axes, decimals=0 if low_end == 0 else 1)


def _gain(
    axes: Axes, scored: Scored, scores: dict[str, NDArray[np.float64]], evaluation: Evaluation
) -> None:
    case, other = scored.weights * scored.outcome, scored.weights * (1 - scored.outcome)
    for (name, score), colour, style in zip(
        scores.items(), cycle(COLOURS), cycle(_STYLES), strict=False
    ):
        found, wrong = _cumulative(score, case, other)
        taken = (found + wrong) / (found[-1] + wrong[-1])
        axes.plot(taken, found / found[-1], style, color=colour, linewidth=2, label=name)
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0, label="by chance")
    for share in (0.05, 0.20):
        axes.axvline(share, color="0.85", linewidth=1, zorder=0)
        axes.text(share + 0.006, 0.985, f"top {share:.0%}", fontsize=8, color="0.4", va="top")
    axes.set(xlabel="people called, from the top of the list", ylabel="cases among them",
             xlim=(0, 1), ylim=(0, 1.01))  # fmt: skip
    _below(axes, "")
    _percent(axes)
