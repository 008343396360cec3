"""Pictures of one evaluation: ROC, calibration and gain, as PNG and SVG. The same numbers give the
same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.discrimination import Ranking
from training.evaluate import OURS, Evaluation, Scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#0b5394", "#c55a11", "#7f7f7f", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000",
)  # fmt: skip
"""Blue and orange first, then Okabe and Ito's: told apart by people who confuse red and green."""
_STYLES = ("-", "--", ":", "-.")
_GROUPS = 10
_BARS = 40
_MARKS = (1, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0)
"""Where a scale of risks may have a mark, the highest first."""


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
    """Write what `drawing(axes, *about)` draws into `path` (a .png) and as .svg beside it, under
    its titles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(7.0, 5.4), dpi=120,
                    layout=ConstrainedLayoutEngine(h_pad=0.08))  # fmt: skip
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawing(axes, *about)
    axes.set_title(subtitle, loc="left", fontsize=9, color="0.35")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    return save_figure(figure, path)


def save_figure(figure: Figure, path: Path, **more: Any) -> Path:
    """Write a figure into `path` (a .png) and as .svg beside it, the same bytes each time."""
    import matplotlib

    figure.savefig(path, metadata={"Software": None}, **more)
    with matplotlib.rc_context({"svg.hashsalt": "firstcall"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None}, **more)
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


def _percent(axes: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def legend_below(axes: Axes, title: str) -> None:
    """The legend under the picture, which grows by it: inside, many baselines hide the curves."""
    from matplotlib.figure import Figure

    figure = axes.figure
    assert isinstance(figure, Figure)
    handles, labels = axes.get_legend_handles_labels()
    width, height = figure.get_size_inches()
    lines = len(labels) + (title.count("\n") + 1 if title else 0)
    figure.set_size_inches(width, height + 0.2 * lines)
    figure.legend(handles, labels, loc="outside lower left", frameon=False, fontsize=9,
                  title=title or None, title_fontsize=9, alignment="left")  # fmt: skip


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
    legend_below(axes, "with 95 % intervals")
    _percent(axes)


@dataclass(frozen=True)
class Tenth:
    """A tenth of the rows that test, by the score: the mean risk said, the share with the outcome
    and Wilson's 95 % interval of it, the mean true risk (None where it is not known)."""

    said: float
    seen: float
    low: float
    high: float
    true: float | None


def tenths(scored: Scored) -> list[Tenth]:
    """From the lowest score up; fewer than ten where there are fewer rows."""
    made = []
    for part in np.array_split(np.argsort(scored.margin, kind="stable"), _GROUPS):
        if len(part) == 0:
            continue
        w = scored.weights[part]
        rate, n = float(np.average(scored.outcome[part], weights=w)), len(part)
        # Wilson's interval: honest for small groups and rates near 0
        z = 1.96
        centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        true = None
        if scored.truth is not None and np.isfinite(scored.truth[part]).any():
            true = float(np.nanmean(scored.truth[part]))
        made.append(Tenth(
            float(np.average(scored.risk[part], weights=w)), rate,
            min(max(float(centre - half), 0.0), rate), max(float(centre + half), rate), true,
        ))  # fmt: skip
    return made


def _calibration(
    axes: Axes, scored: Scored, scores: dict[str, NDArray[np.float64]], evaluation: Evaluation
) -> None:
    found = tenths(scored)
    said, seen = np.array([(t.said, t.seen) for t in found]).T
    spread = np.array([(t.seen - t.low, t.high - t.seen) for t in found]).T
    axes.errorbar(said, seen, yerr=spread, fmt="o", color=COLOURS[0], capsize=3,
                  label="seen in each tenth of the rows, with 95 % interval")  # fmt: skip
    true = [(t.said, t.true) for t in found if t.true is not None]
    if true:
        axes.plot(*np.array(true).T, "x", color=COLOURS[1], markersize=8, mew=2,
                  label="true risk of the tenth (the people are invented)")  # fmt: skip
    right = min(1.0, 1.2 * max(*said, 0.01))
    top = min(1.0, 1.05 * max(right, *(max(t.high, t.true or 0.0) for t in found)))
    axes.plot([0, top], [0, top], color="0.6", linewidth=1, zorder=0, label="said = seen")
    axes.set(ylabel="share with the outcome")
    _from_zero(axes, right, top)
    axes.tick_params(axis="x", labelbottom=False)
    _risks_below(axes, scored, right)
    ours = evaluation.scores[OURS]
    told = [
        f"calibration slope {ours['calibration_slope']}, intercept {ours['calibration_intercept']}",
        f"observed : expected {ours['observed_to_expected']}; with 95 % intervals",
    ]
    if beyond := int((scored.risk > right).sum()):
        told.append(f"the last bar of rows holds the {beyond:,} of a higher risk as well")
    legend_below(axes, "\n".join(told))


def _risks_below(axes: Axes, scored: Scored, right: float) -> None:
    """How many rows have which risk, in a strip under `axes`."""
    strip = axes.inset_axes((0, -0.25, 1, 0.2))
    edges = np.linspace(0, np.sqrt(right), _BARS + 1) ** 2
    strip.hist(np.minimum(scored.risk, right), bins=list(edges), color="0.65")
    strip.set(xlabel="risk said (square-root scale), and how many rows have it", ylabel="rows")
    _from_zero(strip, right)
    strip.spines[["top", "right"]].set_visible(False)


def _from_zero(axes: Axes, right: float, top: float | None = None) -> None:
    """Square-root steps, as few carry most of the risk: on even ones the others lie on one spot,
    and on logarithmic ones a tenth without a case has no place."""
    from matplotlib.scale import FuncScale

    for axis, name, most in ((axes.xaxis, "x", right), (axes.yaxis, "y", top)):
        if most is None:
            continue
        scale = FuncScale(axis, (lambda v: np.sqrt(np.maximum(v, 0)), np.square))
        axes.set(**{f"{name}scale": scale, f"{name}lim": (0, most)})
        marks: list[float] = []
        for mark in _MARKS:
            if mark <= most and (not marks or np.sqrt(marks[-1]) - np.sqrt(mark)
                                 > 0.07 * np.sqrt(most)):  # fmt: skip
                marks.append(mark)
        axis.set_ticks(marks, [f"{100 * mark:g}%" for mark in marks])


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
    legend_below(axes, "")
    _percent(axes)
